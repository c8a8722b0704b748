//! The bearer token that a secured EdgeX wants. Short-lived: read anew when it is not taken any more.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::HeaderValue;
use shared_host::secret::{Place, Secret};

use super::http::HttpError;

/// The token's file and what was last read from it. Its content is in no `Debug` output.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    place: Option<Place>,
    cached: Arc<Mutex<Option<Secret>>>,
}

impl Token {
    /// From this file; none: nothing is sent.
    pub(crate) fn new(place: Option<Place>) -> Self {
        Self { place, cached: Arc::default() }
    }

    /// The token, as it was last read.
    pub(super) async fn header(&self) -> Result<Option<HeaderValue>, HttpError> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match cached {
            Some(secret) => header(&secret).map(Some),
            None => self.read_again().await,
        }
    }

    /// The token, as it is in the file now.
    pub(super) async fn read_again(&self) -> Result<Option<HeaderValue>, HttpError> {
        let Some(place) = self.place.clone() else { return Ok(None) };
        // A slow disk must not hold up the controller.
        let read = tokio::task::spawn_blocking(move || place.read_secret_line()).await;
        let secret = match read {
            Ok(Ok(secret)) => secret,
            Ok(Err(error)) => return Err(HttpError::Token(error.to_string())),
            Err(_) => return Err(HttpError::Token("the program ends".to_owned())),
        };
        let value = header(&secret)?;
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
        Ok(Some(value))
    }
}

fn header(secret: &Secret) -> Result<HeaderValue, HttpError> {
    let bytes = [b"Bearer ", secret.bytes()].concat();
    let mut value = HeaderValue::from_bytes(&bytes)
        .map_err(|_| HttpError::Token("it holds characters that no token has".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
