//! Who may ask: only under a name that is this server's, so that no foreign page reads it by pointing its own name here (DNS
//! rebinding), and what browsers are told to forbid.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::web::Shared;

/// Scripts and styles from here alone, none inline; no markup from strings; nowhere to send anything but here; in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The names that this server goes by.
#[derive(Debug)]
pub(super) struct Names {
    listen: IpAddr,
    hosts: Vec<String>,
}

impl Names {
    pub(super) fn new(listen: IpAddr, hosts: &[String]) -> Self {
        Self { listen, hosts: hosts.to_vec() }
    }

    /// Whether `host`, without port, is one of them. An address cannot be pointed elsewhere: on all of its own the server answers
    /// if it listens on all.
    fn contain(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            let named = self.hosts.iter().any(|host| host == bare);
            return named || address == self.listen || address.is_loopback() || self.listen.is_unspecified();
        }
        let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
        name == "localhost" || self.hosts.contains(&name)
    }

    /// The authority that a request names, if it is this server's.
    fn admit(&self, headers: &HeaderMap, authority: Option<&Authority>) -> Option<Authority> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
        let host: Authority = host.to_str().ok()?.parse().ok()?;
        let plain = !host.as_str().contains('@') && authority.is_none_or(|other| *other == host);
        (plain && self.contain(host.host())).then_some(host)
    }

    /// Whether a request that changes something comes from this server's own page, or from no page at all.
    pub(super) fn own_origin(&self, headers: &HeaderMap) -> bool {
        let of_site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
        let Some(host) = self.admit(headers, None) else { return false };
        let mut origins = headers.get_all("origin").iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return of_site,
            (Some(origin), None) => origin.to_str().unwrap_or_default(),
            (Some(_), Some(_)) => return false,
        };
        let own = origin.split_once("://").is_some_and(|(scheme, authority)| match scheme {
            "http" => same(authority, host.as_str(), ":80"),
            "https" => same(authority, host.as_str(), ":443"),
            _ => false,
        });
        of_site && own
    }
}

fn same(origin: &str, host: &str, port: &str) -> bool {
    let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
    bare(origin) == bare(host)
}

/// Refuses requests under foreign names.
pub(super) async fn only_by_name(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shared.page.names.admit(request.headers(), request.uri().authority()).is_some() {
        return next.run(request).await;
    }
    let words = "this is not a name of this server: ask for its address, localhost, or a name in web.hosts\n";
    (StatusCode::FORBIDDEN, words).into_response()
}

/// Tells browsers what to forbid.
pub(super) async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_its_own_names_are_taken() {
        let names = Names::new("192.168.1.5".parse().unwrap(), &["gw.example".to_owned()]);
        let admit = |host| names.admit(&headers(&[("host", host)]), None).is_some();
        for own in ["192.168.1.5:8080", "localhost:8080", "127.0.0.1", "[::1]:8080", "gw.example", "GW.Example.:443"] {
            assert!(admit(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "192.168.1.6:8080",
            "gw.example.evil.example",
            "localhost.evil.example",
            "",
            "a@localhost",
            "x y",
        ] {
            assert!(!admit(foreign), "{foreign}");
        }
        assert!(names.admit(&HeaderMap::new(), None).is_none());
        let mut two = headers(&[("host", "localhost")]);
        two.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(names.admit(&two, None).is_none());
        let elsewhere = Authority::from_static("evil.example");
        assert!(names.admit(&headers(&[("host", "localhost")]), Some(&elsewhere)).is_none());
        let all = Names::new("0.0.0.0".parse().unwrap(), &[]);
        assert!(all.contain("10.1.2.3") && !all.contain("evil.example"));
    }

    #[test]
    fn changes_come_from_its_own_page_or_from_none() {
        let names = Names::new("127.0.0.1".parse().unwrap(), &["gw.example".to_owned()]);
        let own = |pairs: &[(&'static str, &'static str)]| names.own_origin(&headers(pairs));
        assert!(own(&[("host", "localhost:8080")]));
        assert!(own(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")]));
        assert!(own(&[("host", "gw.example"), ("origin", "https://gw.example"), ("sec-fetch-site", "same-origin")]));
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:8081",
            "https://localhost:8080.evil.example",
            "",
            "file://",
        ] {
            assert!(!own(&[("host", "localhost:8080"), ("origin", origin)]), "{origin}");
        }
        assert!(!own(&[("host", "localhost:8080"), ("sec-fetch-site", "cross-site")]));
        assert!(!own(&[("host", "evil.example"), ("origin", "http://evil.example")]));
    }
}
