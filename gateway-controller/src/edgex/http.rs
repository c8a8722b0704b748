//! A small HTTP client: one service, connections that are used again, every answer bounded in time and size, no redirects.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
pub(crate) use hyper::Method;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use shared_host::mqtt::Tls;
use shared_host::secret::Place;
use shared_proto::text::Text;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::address::{Scheme, ServiceUrl};
use super::token::Token;

/// Longest answer that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// Connections kept for the next request.
const MAX_IDLE: usize = 8;

/// A service of EdgeX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Data,
    Command,
    Metadata,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "core-data",
            Self::Command => "core-command",
            Self::Metadata => "core-metadata",
        })
    }
}

/// Why a request has no answer. The same trouble has the same words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HttpError {
    #[error("no connection to {url}: {why}")]
    Connect { url: String, why: String },
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the answer is longer than {MAX_BODY} bytes")]
    TooLong,
    #[error("it answers {0} and leads elsewhere, which is not followed: is that the address of the service?")]
    Redirect(u16),
    #[error("edgex.token_file: {0}")]
    Token(String),
    #[error("edgex.ca_file: {0}")]
    Tls(String),
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: Bytes,
}

/// A client of one service; clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: Service,
    url: ServiceUrl,
    ca: Option<Place>,
    token: Token,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Client {
    pub(crate) fn new(service: Service, url: ServiceUrl, ca: Option<Place>, token: Token) -> Self {
        Self(Arc::new(Inner { service, url, ca, token, idle: Mutex::default() }))
    }

    pub(crate) fn service(&self) -> Service {
        self.0.service
    }

    pub(crate) fn url(&self) -> &ServiceUrl {
        &self.0.url
    }

    /// Asks, within `limit` for everything together. A token that is not taken is read anew, once.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        limit: Duration,
    ) -> Result<Answer, HttpError> {
        let question = Question { method, path: self.0.url.path(path), body: body.map(Bytes::from) };
        tokio::time::timeout(limit, self.0.authorized(&question)).await.unwrap_or(Err(HttpError::Timeout(limit)))
    }

    pub(crate) async fn get(&self, path: &str, limit: Duration) -> Result<Answer, HttpError> {
        self.send(Method::GET, path, None, limit).await
    }
}

struct Question {
    method: Method,
    path: String,
    body: Option<Bytes>,
}

impl Inner {
    async fn authorized(&self, question: &Question) -> Result<Answer, HttpError> {
        let token = self.token.header().await?;
        let answer = self.exchange(question, token.as_ref()).await?;
        if answer.status != 401 || token.is_none() {
            return Ok(answer);
        }
        let renewed = self.token.read_again().await?;
        self.exchange(question, renewed.as_ref()).await
    }

    async fn exchange(&self, question: &Question, token: Option<&HeaderValue>) -> Result<Answer, HttpError> {
        // What may be done twice may go over a connection that the other side is just closing.
        if matches!(question.method, Method::GET | Method::PUT)
            && let Some(connection) = self.idle_connection().await
        {
            match self.ask(connection, question, token).await {
                Err(HttpError::Broken(_)) => {}
                done => return done,
            }
        }
        self.ask(self.connect().await?, question, token).await
    }

    async fn idle_connection(&self) -> Option<SendRequest<Full<Bytes>>> {
        loop {
            let mut connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, HttpError> {
        let failed = |why: String| HttpError::Connect { url: self.url.to_string(), why };
        let tcp = TcpStream::connect((self.url.host(), self.url.port())).await;
        let tcp = tcp.map_err(|error| failed(error.to_string()))?;
        tcp.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        if self.url.scheme() == Scheme::Http {
            return handshake(tcp).await;
        }
        let tls = Tls { ca: self.ca.clone(), identity: None };
        let config = match tokio::task::spawn_blocking(move || tls.client_config()).await {
            Ok(Ok(config)) => config,
            Ok(Err(error)) => return Err(HttpError::Tls(error.to_string())),
            Err(_) => return Err(failed("the program ends".to_owned())),
        };
        let name = ServerName::try_from(self.url.host().to_owned()).map_err(|error| failed(error.to_string()))?;
        let connector = TlsConnector::from(Arc::new(config));
        handshake(connector.connect(name, tcp).await.map_err(|error| failed(format!("TLS: {error}")))?).await
    }

    async fn ask(
        &self,
        mut connection: SendRequest<Full<Bytes>>,
        question: &Question,
        token: Option<&HeaderValue>,
    ) -> Result<Answer, HttpError> {
        let mut request = hyper::Request::builder()
            .method(question.method.clone())
            .uri(&question.path)
            .header(HOST, self.url.authority())
            .header(ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        if question.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(question.body.clone().unwrap_or_default());
        let request = request.body(body).map_err(|error| HttpError::Broken(error.to_string()))?;
        let answer = connection.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(HttpError::Redirect(status.as_u16()));
        }
        let body = match Limited::new(answer.into_body(), MAX_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(HttpError::TooLong),
            Err(error) => return Err(HttpError::Broken(error.to_string())),
        };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push(connection);
        }
        Ok(Answer { status: status.as_u16(), body })
    }
}

async fn handshake<T>(io: T) -> Result<SendRequest<Full<Bytes>>, HttpError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(io)).await.map_err(broken)?;
    // Ends with the connection, or when nobody holds the sender any more; what breaks it the request is told.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: hyper::Error) -> HttpError {
    HttpError::Broken(error.to_string())
}

impl Answer {
    #[cfg(test)]
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self { status, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The JSON of an answer with status 200; anything else in words.
    pub(crate) fn ok<T: DeserializeOwned>(&self) -> Result<T, String> {
        if self.status != 200 {
            return Err(self.refusal());
        }
        self.json()
    }

    /// Its JSON, whatever the status.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        // Proxies and EdgeX' own time limit answer in HTML.
        serde_json::from_slice(&self.body).map_err(|_| match self.body.first() {
            Some(b'<') => "it answers a page of HTML: does another program listen there?".to_owned(),
            _ => "its answer is not the JSON that was expected".to_owned(),
        })
    }

    /// A status that is not success, with what mends it.
    pub(crate) fn refusal(&self) -> String {
        let advice = match self.status {
            401 | 403 => ": it wants a token, or another one (edgex.token_file)",
            404 => ": no such path there; is that the address of the service?",
            503 => ": a service behind it is not there",
            _ => "",
        };
        format!("status {}{advice}", self.status)
    }

    /// EdgeX' own words on a failure, cut and without control characters; empty if there are none.
    pub(crate) fn message(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Words {
            message: String,
        }
        let words = serde_json::from_slice(&self.body).map_or_else(|_| String::new(), |words: Words| words.message);
        Text::<300>::from(words.as_str()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A server that answers each connection with these texts, one to a request, and then closes it; and its client.
    async fn serve(connections: Vec<Vec<String>>) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for answers in connections {
                let (mut stream, _) = listener.accept().await.unwrap();
                for answer in answers {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(stream.read_u8().await.unwrap());
                    }
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        Client::new(Service::Data, url.parse().unwrap(), None, Token::new(None))
    }

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn a_connection_is_used_again_and_replaced_when_it_is_gone() {
        let client =
            serve(vec![vec![answer("200 OK", "1"), answer("200 OK", "2")], vec![answer("404 Not Found", "3")]]).await;
        for (status, body) in [(200, b"1"), (200, b"2"), (404, b"3")] {
            let answer = client.get("/ping", LIMIT).await.unwrap();
            assert_eq!((answer.status, answer.body()), (status, &body[..]));
        }
    }

    #[tokio::test]
    async fn what_is_too_long_leads_elsewhere_or_is_cut_off_is_refused() {
        let long = "x".repeat(MAX_BODY + 1);
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned();
        let elsewhere = "HTTP/1.1 301 Moved\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_owned();
        for (text, wanted) in [
            (answer("200 OK", &long), HttpError::TooLong),
            (elsewhere, HttpError::Redirect(301)),
            (cut, HttpError::Broken(String::new())),
            ("no HTTP at all\r\n\r\n".to_owned(), HttpError::Broken(String::new())),
        ] {
            let error = serve(vec![vec![text]]).await.get("/x", LIMIT).await.unwrap_err();
            assert_eq!(std::mem::discriminant(&error), std::mem::discriminant(&wanted), "{error}");
        }
    }

    #[tokio::test]
    async fn silence_and_a_closed_port_have_their_own_words() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::new(Service::Data, url.parse().unwrap(), None, Token::new(None));
        let limit = Duration::from_millis(50);
        assert_eq!(client.get("/x", limit).await.unwrap_err(), HttpError::Timeout(limit));
        drop(listener);
        let refused = client.get("/x", LIMIT).await.unwrap_err();
        assert!(refused.to_string().contains(&url), "{refused}");
    }

    #[test]
    fn words_are_told_apart_from_pages() {
        assert!(Answer::new(200, "<html>").ok::<serde_json::Value>().unwrap_err().contains("HTML"));
        assert!(Answer::new(200, "{").ok::<serde_json::Value>().unwrap_err().contains("JSON"));
        assert!(Answer::new(401, "").ok::<serde_json::Value>().unwrap_err().contains("edgex.token_file"));
        assert_eq!(Answer::new(500, r#"{"message":"a\nb"}"#).message(), "a b");
        assert_eq!(Answer::new(503, "<html>").message(), "");
    }
}
