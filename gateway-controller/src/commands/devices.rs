//! `devices`: who is there.

use std::time::SystemTime;

use shared_host::control;
use shared_host::mqtt::Event;
use tokio::time::Instant;

use super::direct::{Direct, configuration};
use super::sites_table::sites_table;
use super::table::table;
use super::{Failure, print, runtime};
use crate::cli::DevicesArgs;
use crate::config::Below;
use crate::fleet::{Fleet, Moment, Rule, Settings};
use crate::keyring::Keyring;
use crate::link::{Topics, options};
use crate::protocol::{BrokerView, Devices, Request};
use crate::refusals::{Refusals, Subject};
use crate::sites::{SiteTopics, Sites};

pub(super) fn run(args: &DevicesArgs) -> Result<(), Failure> {
    let answer = if args.target.broker.is_some() {
        runtime()?.block_on(listen(args))?
    } else {
        control::ask::<_, Devices>(&args.target.socket()?, &Request::Devices)?
    };
    if args.json {
        let json = serde_json::to_string_pretty(&answer).map_err(Failure::failed)?;
        return print(&format!("{json}\n"));
    }
    if let BrokerView { url, down: Some(why) } = &answer.broker {
        print(&format!("the controller has no connection to {url}: {why}; below is what it heard before\n"))?;
    }
    if answer.sites.sites.is_empty() {
        return print(&table(&answer.devices, SystemTime::now()));
    }
    if !answer.devices.is_empty() {
        print(&format!("{}\n", table(&answer.devices, SystemTime::now())))?;
    }
    print(&sites_table(&answer.sites))
}

/// Looks for itself for a while: the same core as the controller's, told to observe.
async fn listen(args: &DevicesArgs) -> Result<Devices, Failure> {
    let config = configuration(&args.target)?;
    let keyring = Keyring::read(config.security.as_ref()).map_err(Failure::usage)?;
    let mut topics = Topics::new(config.root.clone(), config.dialects).with(keyring);
    let mut fleet = Fleet::new(Settings { rule: Rule::Observe, ..config.fleet }, 0);
    let mut refusals = Refusals::default();
    let mut actions = Vec::new();
    let (site_topics, mut sites) = (SiteTopics::new(config.root.clone()), Sites::default());
    let mut options = options(&config, &topics);
    if config.sites == Below::Heard {
        options.filters.extend(site_topics.filters());
    }
    let mut direct = Direct::connect(options).await?;
    fleet.link_up(1, &mut actions);
    sites.link_up(1);
    let start = Instant::now();
    let now = || Moment::from_micros(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    while let Some(event) = direct.next(start + args.listen).await? {
        if let Event::Message(received) = event {
            if let Some(taken) = site_topics.take(&mut sites, now(), &received, &mut Vec::new()) {
                if let Err(reason) = taken {
                    refusals.note(now(), Subject::Site, &received.topic, reason);
                }
                continue;
            }
            topics.take(&mut fleet, now(), &received, &mut refusals, &mut actions);
            actions.clear();
        }
    }
    direct.close().await;
    let broker = BrokerView { url: config.mqtt.url.to_string(), down: None };
    Ok(Devices { broker, devices: fleet.view(now()), sites: sites.view(now()) })
}
