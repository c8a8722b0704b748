//! The controller as KubeEdge's mapper, with a real agent, a real broker, and a stand-in for EdgeCore.

use std::path::PathBuf;
use std::time::Duration;

use gateway_controller::fleet::WantedBy;
use shared_proto::mode::Mode;
use system_tests::edgecore::caller::Answer;
use system_tests::edgecore::{CloudTwin, EdgeCore, Refuses, device};

use crate::harness::{Agent, Controller, DEVICE, Site, controller, eventually, run};

/// A site with an EdgeCore's socket.
struct Edge {
    site: Site,
    socket: PathBuf,
    listen: String,
}

impl Edge {
    fn new() -> Self {
        let site = Site::mosquitto();
        let socket = site.home("kubeedge").join("dmi.sock");
        // An abstract name is everybody's on the machine.
        let listen = format!("@rtmqtt-{}-{}", std::process::id(), site.broker.port());
        Self { site, socket, listen }
    }

    fn edgecore(&self, desired: &str) -> EdgeCore {
        EdgeCore::start(&self.socket, vec![device(DEVICE, "rtmqtt", desired)]).expect("a socket")
    }

    /// The controller as a mapper, in the same place every time.
    fn controller(&self) -> Controller {
        let socket = self.socket.to_str().expect("a path in UTF-8");
        let keys = [
            ("kubeedge.twins", "mapper"),
            ("kubeedge.dmi_socket", socket),
            ("kubeedge.listen", &self.listen),
            ("kubeedge.report_interval_s", "10"),
        ];
        Controller::start(&self.site, "controller", &keys)
    }
}

/// Waits until the cloud shows the device's mode so.
fn cloud_shows(edgecore: &EdgeCore, observed_desired: &str, reported: &str) {
    let wanted = CloudTwin { observed_desired: observed_desired.to_owned(), reported: reported.to_owned() };
    let mut seen = None;
    eventually(&format!("{wanted:?} in the cloud"), || {
        let now = edgecore.cloud(DEVICE, "mode");
        if now != seen {
            println!("the cloud shows {now:?}");
            seen.clone_from(&now);
        }
        (now.as_ref() == Some(&wanted)).then_some(())
    });
}

fn set_mode(gateway: &Controller, mode: &str) {
    let socket = gateway.socket().to_str().expect("a path in UTF-8");
    run(controller(["set-mode", DEVICE, mode, "--wait", "60s", "--socket", socket])).success();
}

#[test]
fn a_desired_mode_goes_to_the_device_and_its_values_to_the_cloud() {
    let edge = Edge::new();
    let edgecore = edge.edgecore("");
    let agent = Agent::start(&edge.site, DEVICE, &[]);
    let mut gateway = edge.controller();
    cloud_shows(&edgecore, "", "NORMAL");
    eventually("online", || (edgecore.cloud_state(DEVICE)? == "online").then_some(()));

    assert_eq!(edgecore.declare(device(DEVICE, "rtmqtt", "DEGRADED")), Answer::Taken);
    agent.wait_for_lines([("17", "low"), ("27", "high")]);
    let decision = gateway.event("decision", "the cloud's", |event| event["source"] == "kubeedge");
    assert_eq!((&decision["to"], &decision["reason"]), (&"DEGRADED".into(), &"desired in the cloud".into()));
    cloud_shows(&edgecore, "DEGRADED", "DEGRADED");
    let rate =
        eventually("a miss rate", || edgecore.cloud(DEVICE, "miss_rate").filter(|twin| !twin.reported.is_empty()));
    assert!(rate.reported.parse::<f64>().is_ok_and(|rate| (0.0..=1.0).contains(&rate)), "{rate:?}");
    assert_eq!(edgecore.cloud(DEVICE, "colour"), None, "a property that we do not know");
    let socket = gateway.socket().to_str().expect("a path in UTF-8").to_owned();
    assert!(run(controller(["devices", "--socket", &socket])).success().contains("DEGRADED (kubeedge)"));

    // A word that is no mode is shown, and changes nothing.
    assert_eq!(edgecore.declare(device(DEVICE, "rtmqtt", "very fast")), Answer::Taken);
    cloud_shows(&edgecore, "very_fast", "DEGRADED");
    gateway.log_line("the word in the log", |line| line.contains("desired mode unknown") && line.contains("very_fast"));

    assert_eq!(edgecore.declare(device(DEVICE, "rtmqtt", "RELEASE")), Answer::Taken);
    gateway.view(DEVICE, "released", |view| view.wanted.is_none() && view.wanted_by == WantedBy::Kubeedge);
    assert_eq!(edgecore.declare(device(DEVICE, "rtmqtt", "degraded")), Answer::Taken);
    gateway.view(DEVICE, "degraded again", |view| view.wanted == Some(Mode::Degraded));
    assert_eq!(edgecore.remove(DEVICE), Answer::Taken);
    gateway.view(DEVICE, "left to the policy", |view| view.wanted_by == WantedBy::Policy);

    // A name that no device of ours can have is told, and harms nobody.
    let mut odd = device(&"x".repeat(40), "rtmqtt", "DEGRADED");
    odd.namespace = "elsewhere".to_owned();
    assert_eq!(edgecore.declare(odd), Answer::Taken);
    gateway
        .log_line("the name in the log", |line| line.contains("declared device ignored") && line.contains("1 to 32"));
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn after_a_restart_of_edgecore_the_twins_are_told_again_and_old_wishes_are_not() {
    let edge = Edge::new();
    let mut edgecore = edge.edgecore("DEGRADED");
    let agent = Agent::start(&edge.site, DEVICE, &[]);
    let mut gateway = edge.controller();
    agent.wait_for_lines([("17", "low"), ("27", "high")]);
    // Somebody at the gateway wants something else, later.
    set_mode(&gateway, "normal");
    cloud_shows(&edgecore, "DEGRADED", "NORMAL");

    edgecore.kill();
    gateway.log_line("the loss in the log", |line| line.contains("EdgeCore is lost"));
    let before = edgecore.calls().len();
    edgecore.restart().expect("a socket");
    eventually("another registration", || (edgecore.registrations() == 2).then_some(()));
    eventually("the twins again, twice", || {
        let calls = edgecore.calls();
        let full = calls.get(before..)?.iter().filter(|call| call.properties.len() == 3).count();
        (full >= 2).then_some(())
    });
    let view = gateway.view(DEVICE, "the device", |_| true);
    assert_eq!((view.wanted, view.wanted_by), (Some(Mode::Normal), WantedBy::SetMode));

    // What is edited while EdgeCore is away comes with the registration.
    edgecore.kill();
    edgecore.declare_unheard(device(DEVICE, "rtmqtt", "RELEASE"));
    edgecore.restart().expect("a socket");
    gateway.view(DEVICE, "released", |view| view.wanted.is_none() && view.wanted_by == WantedBy::Kubeedge);
    // And EdgeCore finds the mapper where it was.
    assert_eq!(edgecore.declare(device(DEVICE, "rtmqtt", "NORMAL")), Answer::Taken);
    gateway.view(DEVICE, "normal", |view| view.wanted == Some(Mode::Normal) && view.wanted_by == WantedBy::Kubeedge);
}

#[test]
fn after_a_restart_of_the_controller_it_registers_again_and_does_what_is_desired() {
    let edge = Edge::new();
    let edgecore = edge.edgecore("DEGRADED");
    let agent = Agent::start(&edge.site, DEVICE, &[]);
    let mut gateway = edge.controller();
    agent.wait_for_lines([("17", "low"), ("27", "high")]);
    gateway.kill();
    assert_eq!(edgecore.declare(device(DEVICE, "rtmqtt", "NORMAL")), Answer::Nobody, "not tried again");

    let home = edge.site.home("controller");
    std::fs::remove_file(home.join("gateway.toml")).expect("the first one's file");
    let _gateway = edge.controller();
    agent.wait_for_lines([("17", "high"), ("27", "low")]);
    cloud_shows(&edgecore, "NORMAL", "NORMAL");
    assert_eq!(edgecore.registrations(), 2);
}

#[test]
fn without_edgecore_the_controller_decides_and_tells_it_when_it_comes() {
    let edge = Edge::new();
    let mut agent = Agent::start(&edge.site, DEVICE, &[]);
    let mut gateway = edge.controller();
    gateway.log_line("its absence in the log", |line| line.contains("EdgeCore is not there"));
    gateway.view(DEVICE, "the device", |_| true);
    set_mode(&gateway, "degraded");
    agent.wait_for_lines([("17", "low"), ("27", "high")]);
    let edgecore = edge.edgecore("");
    // Nothing is desired: that is no wish, so the one at the gateway stays.
    cloud_shows(&edgecore, "", "DEGRADED");
    assert_eq!(gateway.view(DEVICE, "the device", |_| true).wanted_by, WantedBy::SetMode);
    assert_eq!(gateway.log().matches("EdgeCore is not there").count(), 1);

    agent.terminate();
    eventually("offline", || (edgecore.cloud_state(DEVICE)? == "offline").then_some(()));
}

#[test]
fn the_pace_is_kept_and_what_was_refused_is_told_again() {
    let edge = Edge::new();
    let names = (0..8).map(|number| format!("declared-{number}"));
    let mut devices: Vec<_> = names.map(|name| device(&name, "rtmqtt", "")).collect();
    devices.push(device(DEVICE, "rtmqtt", ""));
    let edgecore = EdgeCore::start(&edge.socket, devices).expect("a socket");
    edgecore.refuse(Refuses::All);
    let _agent = Agent::start(&edge.site, DEVICE, &[]);
    let gateway = edge.controller();
    gateway.log_line("the refusal in the log", |line| line.contains("refused") && line.contains("too many request"));
    edgecore.refuse(Refuses::TooMany);
    cloud_shows(&edgecore, "", "NORMAL");
    eventually("every device's state", || {
        (0..8).all(|number| edgecore.cloud_state(&format!("declared-{number}")).is_some()).then_some(())
    });
    let calls = edgecore.calls();
    for (first, from) in calls.iter().enumerate() {
        for (count, to) in calls.iter().skip(first).enumerate() {
            let between = to.at.duration_since(from.at) + Duration::from_millis(200);
            assert!(count as u64 <= between.as_secs() + 3, "{count} calls in {between:?}");
        }
    }
}

#[test]
fn a_second_mapper_of_the_name_waits_for_its_socket() {
    let edge = Edge::new();
    let edgecore = edge.edgecore("");
    let mut first = edge.controller();
    eventually("a registration", || (edgecore.registrations() == 1).then_some(()));
    let keys =
        [("kubeedge.twins", "mapper"), ("kubeedge.dmi_socket", "/nowhere/dmi.sock"), ("kubeedge.listen", &edge.listen)];
    let second = Controller::start(&edge.site, "second", &keys);
    second.log_line("the taken name", |line| line.contains("socket cannot be opened"));
    assert_eq!(first.terminate(), Some(0));
    eventually("the second one is called", || {
        (edgecore.declare(device(DEVICE, "rtmqtt", "")) == Answer::Taken).then_some(())
    });
}
