use shared_host::mqtt::{Event, Filter, Message, Options, Qos, Retain, start};

use super::*;
use crate::broker::Kind;
use crate::show::close;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A controller and an agent with hardly any load, at this broker.
fn cast(url: &BrokerUrl, root: &str) -> Cast {
    let mut cast = Cast::new(None);
    let mut config = gateway_controller::config::Config::embedded(url.clone()).unwrap();
    config.root = root.parse().unwrap();
    cast.start_controller(config, Page::Off).unwrap();
    let values = [
        ("device.name", "pi-01".to_owned()),
        ("mqtt.url", url.to_string()),
        ("topics.root", root.to_owned()),
        ("spin.normal_ratio", "0.05".to_owned()),
        ("spin.degraded_ratio", "0.05".to_owned()),
        ("realtime.scheduler", "other".to_owned()),
        ("realtime.lock_memory", "false".to_owned()),
        ("realtime.no_deep_sleep", "false".to_owned()),
    ];
    cast.agents.push(start_agent(agent_config(&values).unwrap()).unwrap());
    cast
}

async fn until_one_is_dead(cast: &mut Cast) -> ShowError {
    loop {
        match cast.look_for_the_dead().await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => return error,
        }
    }
}

#[test]
fn whoever_ends_by_itself_is_noticed_even_if_it_calls_that_a_success() {
    // Nobody listens on port 1.
    let url: BrokerUrl = "mqtt://127.0.0.1:1".parse().unwrap();
    runtime().block_on(async {
        let mut all = cast(&url, "dead");
        all.look_for_the_dead().await.unwrap();
        all.agents[0].tell_to_stop();
        let error = until_one_is_dead(&mut all).await;
        assert!(matches!(&error, ShowError::Ended(who) if who == "agent pi-01"), "{error}");
        all.controller.as_mut().unwrap().tell_to_stop();
        let error = until_one_is_dead(&mut all).await;
        assert!(matches!(&error, ShowError::Ended(who) if who == "controller"), "{error}");

        let mut config = gateway_controller::config::Config::embedded(url).unwrap();
        config.control = gateway_controller::config::Control::At("/proc/nowhere/control.sock".into());
        all.start_controller(config, Page::Off).unwrap();
        let error = until_one_is_dead(&mut all).await;
        assert!(matches!(&error, ShowError::Controller(_)), "{error}");
    });
}

#[test]
fn after_a_failure_nothing_is_left_on_a_broker_of_others() {
    let broker = Broker::start(Kind::Mosquitto { extra: None }).unwrap();
    let url: BrokerUrl = broker.url().parse().unwrap();
    runtime().block_on(async {
        let root = topic_root();
        let mut all = cast(&url, &root);
        all.await_first_reports(&mut Story::default()).await.unwrap();
        // The controller fails; the agent still has its good-bye to say, which the broker keeps.
        all.controller.as_mut().unwrap().tell_to_stop();
        let failed = Err(until_one_is_dead(&mut all).await);
        let demo = Demo {
            seconds: None,
            agents: 1,
            broker: Some(url.clone()),
            page: Some(Page::Off),
            realtime: false,
            json: false,
        };
        let ended = close(&demo, &url, &mut all, &mut Story::default(), failed).await;
        assert!(matches!(ended, Err(ShowError::Ended(_))), "{ended:?}");

        let filters = vec![Filter { topic: format!("{root}/#"), qos: Qos::AtLeastOnce }];
        let (publisher, mut events) = start(Options { filters, ..Options::new(url, "look") }, |_| None);
        assert!(matches!(events.next().await, Some(Event::Up { .. })));
        // What the broker keeps comes before what is new.
        let topic = format!("{root}/end");
        let end = Message { topic: topic.clone(), payload: Vec::new(), qos: Qos::AtLeastOnce, retain: Retain::No };
        publisher.try_publish(end).unwrap();
        loop {
            match events.next().await {
                Some(Event::Message(message)) if message.topic == topic => return,
                Some(Event::Acked(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    });
}
