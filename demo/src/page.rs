//! The controller's live page, so that there is something to watch.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use gateway_controller::config::Config;
use gateway_controller::fleet::Rule;
use gateway_controller::protocol::Request;
use gateway_controller::watch::{Feed, feed};
use gateway_controller::web::{Server, Settings, Thresholds, WebError};
use shared_host::control::{Questions, inside};

/// The port that is tried first.
const PORT: u16 = 8080;
/// Questions of the page that wait for the controller.
const WAITING_QUESTIONS: usize = 8;

/// Where to serve the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Page {
    /// On this machine alone: port 8080, or another one if that is taken.
    #[default]
    Here,
    /// At this address.
    At(SocketAddr),
    /// Not at all.
    Off,
}

/// Neither an address nor `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed are ADDRESS:PORT, such as 127.0.0.1:8080, and off")]
pub struct BadPage;

impl FromStr for Page {
    type Err = BadPage;

    fn from_str(text: &str) -> Result<Self, BadPage> {
        match text {
            "off" => Ok(Self::Off),
            address => address.parse().map(Self::At).map_err(|_| BadPage),
        }
    }
}

/// A page that is served until this is dropped, and what connects it with a controller.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) feed: Feed,
    pub(crate) questions: Questions<Request>,
}

impl Page {
    /// Serves the page of a controller with this configuration.
    pub(crate) fn serve(self, config: &Config) -> Result<Option<Served>, WebError> {
        let here = |port| SocketAddr::from((IpAddr::from(Ipv4Addr::LOCALHOST), port));
        match self {
            Self::Off => Ok(None),
            Self::At(address) => serve(address, config).map(Some),
            Self::Here => match serve(here(PORT), config) {
                Err(WebError::Listen { .. }) => serve(here(0), config).map(Some),
                served => served.map(Some),
            },
        }
    }
}

fn serve(listen: SocketAddr, config: &Config) -> Result<Served, WebError> {
    let thresholds = match config.fleet.rule {
        Rule::Decide(policy) => {
            Some(Thresholds { degrade_above: policy.degrade_above, recover_below: policy.recover_below })
        }
        Rule::Observe => None,
    };
    let ((feed, seen), (asker, questions)) = (feed(), inside(WAITING_QUESTIONS));
    let settings = Settings { listen, metrics: None, hosts: Vec::new(), control_token: None, thresholds };
    Ok(Served { server: Server::start(&settings, seen, asker)?, feed, questions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_off() {
        assert_eq!("off".parse(), Ok(Page::Off));
        assert_eq!("[::1]:80".parse(), Ok(Page::At("[::1]:80".parse().unwrap())));
        assert_eq!("8080".parse::<Page>(), Err(BadPage));
    }

    #[test]
    fn a_port_that_is_taken_is_passed_over() {
        let config = Config::embedded("mqtt://localhost".parse().unwrap()).unwrap();
        let (one, two) = (Page::Here.serve(&config).unwrap().unwrap(), Page::Here.serve(&config).unwrap().unwrap());
        assert_ne!(one.server.address(), two.server.address());
        assert!(Page::At(one.server.address()).serve(&config).is_err());
    }
}
