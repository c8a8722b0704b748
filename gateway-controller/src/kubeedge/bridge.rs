//! What the controller's loop knows of KubeEdge: news to wait for, a time to be woken, values to look at.

use shared_host::mqtt::{Filter, Publisher, Received};

#[cfg(feature = "kubeedge")]
use super::mapper::{self, Mapper};
use super::mqtt::{self, MqttTwins};
use super::settings::Twins;
use crate::fleet::{Action, Fleet, Moment};
use crate::refusals::Refusals;

/// Something happened at EdgeCore.
#[cfg(feature = "kubeedge")]
pub(crate) type News = mapper::News;
/// Without a mapper nothing does.
#[cfg(not(feature = "kubeedge"))]
pub(crate) type News = std::convert::Infallible;

/// The way that was configured. Nothing here waits for anybody.
#[derive(Debug)]
pub(crate) enum Bridge {
    Off,
    #[cfg(feature = "kubeedge")]
    Mapper(Box<Mapper>),
    Mqtt(Box<MqttTwins>),
}

impl Bridge {
    /// Starts what there is to start; needs a tokio runtime.
    pub(crate) fn start(twins: &Twins) -> Self {
        match twins {
            Twins::Off => Self::Off,
            #[cfg(feature = "kubeedge")]
            Twins::Mapper(settings) => Self::Mapper(Box::new(super::dmi::start(settings))),
            // The configuration refuses it.
            #[cfg(not(feature = "kubeedge"))]
            Twins::Mapper(_) => Self::Off,
            Twins::Mqtt(settings) => Self::Mqtt(Box::new(MqttTwins::new(settings))),
        }
    }

    /// Topics to listen to, beside those of the devices.
    pub(crate) fn filters(&self) -> Vec<Filter> {
        match self {
            Self::Mqtt(twins) => twins.filters(),
            _ => Vec::new(),
        }
    }

    /// The next news; for ever, if none can come.
    pub(crate) async fn next(&mut self) -> News {
        match self {
            #[cfg(feature = "kubeedge")]
            Self::Mapper(mapper) => mapper.next().await,
            _ => std::future::pending().await,
        }
    }

    /// Takes news in.
    #[cfg_attr(not(feature = "kubeedge"), expect(unused_variables, reason = "there are no news without a mapper"))]
    pub(crate) fn take(
        &mut self,
        news: News,
        now: Moment,
        fleet: &mut Fleet,
        refusals: &mut Refusals,
        out: &mut Vec<Action>,
    ) {
        #[cfg(feature = "kubeedge")]
        if let Self::Mapper(mapper) = self {
            mapper.take(news, now, fleet, refusals, out);
        }
    }

    /// Takes a message in, if it is EdgeCore's.
    pub(crate) fn take_message(&mut self, received: &Received, now: Moment, refusals: &mut Refusals) -> bool {
        match self {
            Self::Mqtt(twins) if mqtt::is_ours(&received.topic) => {
                twins.take(received, now, refusals);
                true
            }
            _ => false,
        }
    }

    /// There is a connection to the broker.
    pub(crate) fn link_up(&mut self, now: Moment) {
        if let Self::Mqtt(twins) = self {
            twins.link_up(now);
        }
    }

    /// When [`Bridge::tick`] has something to do next.
    pub(crate) fn next_wake(&self) -> Option<Moment> {
        match self {
            Self::Off => None,
            #[cfg(feature = "kubeedge")]
            Self::Mapper(mapper) => mapper.next_wake(),
            Self::Mqtt(twins) => Some(twins.next_wake()),
        }
    }

    /// Looks at the devices, and tells what is due.
    #[cfg_attr(not(feature = "kubeedge"), expect(unused_variables, reason = "only a mapper brings wishes"))]
    pub(crate) fn tick(
        &mut self,
        now: Moment,
        fleet: &mut Fleet,
        publisher: Option<&Publisher>,
        out: &mut Vec<Action>,
    ) {
        match self {
            Self::Off => {}
            #[cfg(feature = "kubeedge")]
            Self::Mapper(mapper) => mapper.tick(now, fleet, out),
            Self::Mqtt(twins) => {
                twins.tick(now, fleet, crate::wall_clock::wall_clock_ms(), |message| {
                    publisher.is_some_and(|publisher| publisher.try_publish(message).is_ok())
                });
            }
        }
    }
}
