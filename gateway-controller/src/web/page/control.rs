//! An operator's wishes. Only with the token of `web.control_token_file`; without that file the page is for reading alone.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shared_host::control::NoAnswer;
use shared_host::secret::Secret;
use shared_proto::ids::DeviceId;
use tokio::time::Instant;

use crate::protocol::{Request, WishWord, Wished};
use crate::web::Shared;
use crate::web::seats::Peer;

/// What is wished.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    wish: WishWord,
}

/// Why not.
#[derive(Debug, Serialize)]
struct Refusal {
    error: String,
}

/// Refuses with a reason.
pub(super) fn refuse(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(Refusal { error: error.into() })).into_response()
}

/// `POST /api/device/{id}/mode` with `{"wish":"degraded"}`.
pub(super) async fn set_mode(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Err(refused) = admit(&shared, peer.ip(), &headers) {
        return *refused;
    }
    let Ok(device) = id.parse::<DeviceId>() else {
        return refuse(StatusCode::NOT_FOUND, "this is not a name of a device");
    };
    let wish = match serde_json::from_str::<Wish>(&body) {
        Ok(Wish { wish }) => wish,
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "allowed is {\"wish\":\"normal|degraded|auto|release\"}"),
    };
    let answer = shared.asker.ask::<Wished>(Request::SetMode { device: device.clone(), wish }).await;
    match answer {
        Ok(wished) => {
            tracing::info!(%device, ?wish, %peer, "a mode was wished on the page");
            Json(wished).into_response()
        }
        Err(NoAnswer::Refused(reason)) => {
            tracing::info!(%device, ?wish, %peer, reason, "a mode wished on the page was refused");
            refuse(StatusCode::CONFLICT, reason)
        }
        Err(error) => {
            tracing::warn!(%device, ?wish, %peer, %error, "it is not known whether a mode wished on the page was taken");
            let words = format!("{error}; it is not known whether the wish was taken: see what the device does");
            refuse(StatusCode::SERVICE_UNAVAILABLE, words)
        }
    }
}

fn admit(shared: &Shared, peer: IpAddr, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let Some(token) = &shared.page.token else {
        let words = "read-only: the controller has no web.control_token_file";
        return Err(refuse(StatusCode::FORBIDDEN, words).into());
    };
    if !shared.page.names.own_origin(headers) {
        return Err(refuse(StatusCode::FORBIDDEN, "not from this server's own page").into());
    }
    let is_json = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    if !is_json {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "allowed is application/json").into());
    }
    // Always taken: whoever guesses behind the same proxy locks nobody out. It is too long to be guessed, however fast.
    if is_token(token, headers) {
        return Ok(());
    }
    let mut patience = shared.page.patience.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let wait = patience.wait(peer, now);
    if !wait.is_zero() {
        let mut refused = refuse(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens: wait some seconds");
        refused.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
        return Err(refused.into());
    }
    patience.wrong(peer, now);
    tracing::warn!(%peer, "a wrong token on the page");
    let mut refused = refuse(StatusCode::UNAUTHORIZED, "the token is wrong or missing");
    refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Err(refused.into())
}

fn is_token(token: &Secret, headers: &HeaderMap) -> bool {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(shown), None) = (shown.next(), shown.next()) else { return false };
    let Some((scheme, shown)) = shown.as_bytes().split_at_checked(7) else { return false };
    scheme.eq_ignore_ascii_case(b"Bearer ") && equal(token.bytes(), shown)
}

/// Compares in a time that depends on the lengths alone.
fn equal(token: &[u8], shown: &[u8]) -> bool {
    let apart = token.iter().zip(shown).fold(0u8, |apart, (a, b)| std::hint::black_box(apart | (a ^ b)));
    token.len() == shown.len() && apart == 0
}
