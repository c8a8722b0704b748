//! Broker URLs: what can be read is written and read the same, and no error repeats a password.

use shared_host::mqtt::BrokerUrl;

/// The URL of a broker.
pub fn broker_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<BrokerUrl>() {
        Ok(url) => {
            assert!(!text.contains('@'), "a URL with user information was taken");
            assert!(url.port() > 0);
            assert!(!url.host().is_empty());
            assert_eq!(url.to_string().parse(), Ok(url));
        }
        Err(error) => {
            let Some((scheme, rest)) = text.split_once("://") else { return };
            if rest.contains('@') {
                let anybody = format!("{scheme}://user:word@host").parse::<BrokerUrl>();
                assert_eq!(
                    anybody.map_err(|other| other.to_string()),
                    Err(error.to_string()),
                    "does it repeat a password?"
                );
            }
        }
    }
}
