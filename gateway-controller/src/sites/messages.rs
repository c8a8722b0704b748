//! What a topic and a payload of a site mean.

use shared_host::json;
use shared_host::mqtt::{Filter, Message, Qos, Received, Retain, Retained};
use shared_proto::dialect::site::{self, Kind};
use shared_proto::ids::{SiteId, TopicRoot};
use shared_proto::limits::MAX_SITE_MISSING;
use shared_proto::wire::SiteMissing;

use super::{SiteAction, Sites};
use crate::event::Freshness;
use crate::fleet::Moment;

/// The topics of the sites below one root.
#[derive(Debug, Clone)]
pub(crate) struct SiteTopics {
    root: TopicRoot,
}

impl SiteTopics {
    pub(crate) fn new(root: TopicRoot) -> Self {
        Self { root }
    }

    /// Statuses first, so that the retained ones are known before the first window.
    pub(crate) fn filters(&self) -> [Filter; 2] {
        [Kind::Status, Kind::Window].map(|kind| {
            let topic = site::filter(&self.root, kind).as_str().to_owned();
            Filter { topic, qos: Qos::AtLeastOnce }
        })
    }

    /// Hands a message to the sites; `None` if it is none of theirs.
    pub(crate) fn take(
        &self,
        sites: &mut Sites,
        now: Moment,
        received: &Received,
        out: &mut Vec<SiteAction>,
    ) -> Option<Result<(), String>> {
        let Received { topic, payload, retained } = received;
        let (id, kind) = site::parse(&self.root, topic)?;
        // An empty one clears what the broker keeps. Questions are this controller's own.
        if payload.is_empty() || kind == Kind::Missing {
            return Some(Ok(()));
        }
        Some(take(sites, now, &id, kind, received, out).map_err(|why| {
            let kept = if *retained == Retained::Retained { ", retained" } else { "" };
            format!("{why}{kept}")
        }))
    }

    /// The message that has the broker forget a site's status: an empty payload clears the topic.
    pub(crate) fn clear_status(&self, id: &SiteId) -> Message {
        let topic = site::topic(&self.root, id, Kind::Status).as_str().to_owned();
        Message { topic, payload: Vec::new(), qos: Qos::AtLeastOnce, retain: Retain::Yes }
    }

    /// The message that asks a site for windows; it fits its limit.
    pub(crate) fn ask(&self, id: &SiteId, missing: &SiteMissing) -> Option<Message> {
        let topic = site::topic(&self.root, id, Kind::Missing).as_str().to_owned();
        let payload = json::encode(missing, MAX_SITE_MISSING).ok()?;
        Some(Message { topic, payload, qos: Qos::AtLeastOnce, retain: Retain::No })
    }
}

fn take(
    sites: &mut Sites,
    now: Moment,
    id: &SiteId,
    kind: Kind,
    received: &Received,
    out: &mut Vec<SiteAction>,
) -> Result<(), String> {
    let Received { topic, payload, retained } = received;
    let same = |named: &SiteId| if named == id { Ok(()) } else { Err(format!("it speaks for another site, {named}")) };
    match kind {
        Kind::Status => {
            let status = json::decode_site_status(payload).map_err(|error| error.to_string())?;
            same(&status.site)?;
            let freshness = match retained {
                Retained::Live => Freshness::Live,
                Retained::Retained => Freshness::Retained,
            };
            sites.status(now, &status, freshness, out).map_err(|refused| refused.to_string())
        }
        Kind::Window => {
            if *retained == Retained::Retained {
                return Err("nobody knows how old it is".to_owned());
            }
            let window = json::decode_site(payload).map_err(|error| error.to_string())?;
            same(&window.site)?;
            let bytes = u64::try_from(topic.len().saturating_add(payload.len())).unwrap_or(u64::MAX);
            sites.window(now, window, bytes, out).map_err(|refused| refused.to_string())
        }
        Kind::Missing => Ok(()),
    }
}
