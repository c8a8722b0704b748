//! The stand-in for EdgeX does what EdgeX does: a client written by hand is the device.

mod stage;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use shared_host::secret::Secret;
use system_tests::edgex::client::{Reply, request};
use system_tests::edgex::{
    AdminState, Answer, Device, DeviceService, OperatingState, Options, Persistence, Reach, Service, Version,
};

use crate::harness::eventually;
use stage::{METRICS, SHORT, Stage, call, profile};

fn both_versions(story: fn(Version)) {
    story(Version::V3);
    story(Version::V4);
}

fn reading<'a>(event: &'a Value, resource: &str) -> &'a Value {
    let readings = event["readings"].as_array().unwrap();
    readings.iter().find(|reading| reading["resourceName"] == resource).unwrap()
}

#[test]
fn data_become_an_event_on_the_bus_and_in_core_data() {
    both_versions(|version| {
        let mut stage = Stage::new(version);
        let empty = stage.data("/event/device/name/nobody?limit=1");
        assert_eq!((&empty["totalCount"], &empty["events"]), (&json!(0), &json!([])));
        stage.publish("metrics", METRICS);
        let answer = stage.data("/event/device/name/device1?limit=1");
        assert_eq!(
            (&answer["apiVersion"], &answer["statusCode"], &answer["totalCount"]),
            (&json!("v3"), &json!(200), &json!(1))
        );
        let event = &answer["events"][0];
        assert_eq!((&event["sourceName"], &event["profileName"]), (&json!("metrics"), &json!("p")));
        let values = ["miss_rate", "seq", "dev_time_ns", "mode"].map(|name| reading(event, name)["value"].clone());
        // A number beyond 2^53 lost its last digits on the way.
        assert_eq!(values, [json!("1.25e-02"), json!("42"), json!("1763690000123456768"), json!("NORMAL")]);
        let miss_rate = reading(event, "miss_rate");
        assert_eq!((&miss_rate["valueType"], &miss_rate["units"]), (&json!("Float64"), &json!("ratio")));
        assert_eq!(miss_rate.get("id").is_some(), version == Version::V3);
        assert!(miss_rate["origin"].as_i64() < event["origin"].as_i64());

        let envelope: Value = serde_json::from_str(&stage.bus("metrics", |_| true)).unwrap();
        match version {
            Version::V3 => assert!(envelope["payload"].as_str().unwrap().starts_with("eyJ"), "{envelope}"),
            Version::V4 => {
                let told = &envelope["payload"]["event"];
                assert_eq!(told["id"], event["id"]);
                assert!(reading(told, "seq").get("id").is_some());
            }
        }
        let readings = stage.data("/reading/device/name/device1/resourceName/seq?limit=1");
        assert_eq!(readings["readings"][0]["value"], "42");
        assert_eq!(stage.data("/event/count/device/name/device1")["count"], 1);
        let id = event["id"].as_str().unwrap();
        assert_eq!(stage.data(&format!("/event/id/{id}"))["event"]["id"], id);
        for (path, status) in [
            ("/event/id/abc", 400),
            ("/event/id/00000000-0000-4000-8000-000000000000", 404),
            ("/event/device/name/device1?limit=1025", 400),
            ("/event/device/name/device1?offset=2", 416),
            ("/event/last", 404),
        ] {
            assert_eq!(stage.get(Service::Data, path).status, status, "{path}");
        }
    });
}

#[test]
fn a_message_that_lacks_anything_comes_to_nothing() {
    let mut stage = Stage::new(Version::V4);
    for (source, payload) in
        [("metrics", r#"{"miss_rate":0.5}"#), ("speed", "1"), ("SetMode", r#"{"mode":"NORMAL"}"#), ("x/y", "1")]
    {
        stage.probe.publish(&format!("incoming/data/device1/{source}"), payload);
    }
    stage.probe.publish("incoming/data/device2/mode", "NORMAL");
    // Behind all these on the same connection.
    stage.publish("mode", "\"NORMAL\"");
    assert_eq!(stage.edgex.dropped().len(), 5, "{:?}", stage.edgex.dropped());
    assert_eq!(stage.edgex.events("device1")[0].reading("mode").unwrap().value.as_deref(), Some("\"NORMAL\""));
}

#[test]
fn a_set_is_one_message_and_any_answer_is_success() {
    both_versions(|version| {
        let mut stage = Stage::new(version);
        stage.publish("metrics", METRICS);
        let set = stage.start("PUT", "SetMode", r#"{"mode":"DEGRADED"}"#);
        let (uuid, body) = stage.command("mode/set");
        assert_eq!(body, r#"{"mode":"DEGRADED"}"#);
        stage.respond(&uuid, "no, thank you");
        let reply = set.join().unwrap();
        assert_eq!((reply.status, reply.json()), (200, json!({"apiVersion": "v3", "statusCode": 200})));
        // SetMode may not be read, so nothing tells of it.
        assert_eq!(stage.newest_sources(), ["metrics"]);

        let set = stage.start("PUT", "mode", r#"{"mode":"NORMAL"}"#);
        let (uuid, _) = stage.command("mode/set");
        stage.respond(&uuid, "{}");
        assert_eq!(set.join().unwrap().status, 200);
        // The newest event is now one without a miss rate.
        assert_eq!(stage.newest_sources(), ["mode", "metrics"]);
        assert_eq!(stage.data("/event/device/name/device1?limit=1")["events"][0]["readings"][0]["value"], "NORMAL");

        // Several resources: one message after another, and an event of the command.
        let set = stage.start("PUT", "both", r#"{"mode":"DEGRADED","period_us":"1000000"}"#);
        let (uuid, _) = stage.command("mode/set");
        assert!(
            !stage.probe.all().iter().any(|message| message.topic.contains("/period_us/")),
            "not before the first is answered"
        );
        stage.respond(&uuid, "{}");
        let (uuid, body) = stage.command("period_us/set");
        assert_eq!(body, r#"{"period_us":1000000}"#);
        stage.respond(&uuid, "{}");
        assert_eq!(set.join().unwrap().status, 200);
        assert_eq!(stage.newest_sources()[0], "both");
        assert_eq!((stage.edgex.peak_sets(), stage.edgex.peak_sets_of("device1")), (1, 1));
        assert_eq!(stage.edgex.responses_waiting(), 0);
    });
}

#[test]
fn a_get_asks_the_device() {
    let mut stage = Stage::new(Version::V4);
    let get = stage.start("GET", "mode?ds-pushevent=true", "");
    let (uuid, body) = stage.command("mode/get");
    assert_eq!(body, "");
    stage.respond(&uuid, r#"{"mode":"DEGRADED"}"#);
    let event = get.join().unwrap().json()["event"].clone();
    assert_eq!((&event["sourceName"], &reading(&event, "mode")["value"]), (&json!("mode"), &json!("DEGRADED")));
    assert_eq!(stage.newest_sources(), ["mode"]);
    let get = stage.start("GET", "mode", "");
    let (uuid, _) = stage.command("mode/get");
    stage.respond(&uuid, "{}");
    assert_eq!(get.join().unwrap().status, 500, "the answer lacks the resource");
}

#[test]
fn what_cannot_be_done_is_told_by_the_status() {
    both_versions(|version| {
        let mut stage = Stage::without_answers(version);
        let unconvertible = if version == Version::V4 { 400 } else { 500 };
        for (command, body, status) in [
            ("SetMode", "", 400),
            ("SetMode", "DEGRADED", 400),
            ("SetMode", r#"{"Mode":"DEGRADED"}"#, 500),
            ("SetSpeed", "{}", 404),
            ("seq", r#"{"seq":1}"#, 405),
            ("period_us", r#"{"period_us":1000000}"#, unconvertible),
            // Nobody answers.
            ("SetMode", r#"{"mode":"DEGRADED"}"#, 500),
        ] {
            let reply = stage.set(command, body);
            assert_eq!(
                (reply.status, &reply.json()["statusCode"]),
                (status, &json!(status)),
                "{command} {body}: {}",
                reply.body
            );
        }
        assert_eq!(stage.get(Service::Command, "/device/name/device1/key").status, 405);
        let url = stage.edgex.command_url();
        let reply = call("PUT", url, "/device/name/nobody/SetMode", "{}").json();
        assert_eq!(reply["statusCode"], 404);
        let nested = reply["message"].as_str().unwrap().contains(r#"err: {"apiVersion":"v3""#);
        assert_eq!(nested, version == Version::V3, "{reply}");
        // An answer that comes too late stays.
        let (uuid, _) = stage.command("mode/set");
        stage.respond(&uuid, "{}");
        eventually("the late answer", || (stage.edgex.responses_waiting() == 1).then_some(()));
    });
}

#[test]
fn a_default_is_sent_when_the_key_is_missing() {
    let mut stage = Stage::new(Version::V4);
    let set = stage.start("PUT", "level", r#"{"Level":"high"}"#);
    let (uuid, body) = stage.command("level/set");
    assert_eq!(body, r#"{"level":"low"}"#);
    stage.respond(&uuid, "{}");
    assert_eq!(set.join().unwrap().status, 200);
}

#[test]
fn core_command_lists_what_may_be_seen() {
    let stage = Stage::new(Version::V4);
    let one = stage.get(Service::Command, "/device/name/device1").json();
    let commands = one["deviceCoreCommand"]["coreCommands"].as_array().unwrap();
    let find = |name: &str| commands.iter().find(|command| command["name"] == name);
    let set_mode = find("SetMode").unwrap();
    assert_eq!((&set_mode["set"], set_mode.get("get")), (&json!(true), None));
    assert_eq!(set_mode["parameters"], json!([{"resourceName": "mode", "valueType": "String"}]));
    let seq = find("seq").unwrap();
    assert_eq!((&seq["get"], seq.get("set")), (&json!(true), None));
    assert!(find("hidden").is_none());
    let all = stage.get(Service::Command, "/device/all").json();
    assert_eq!((&all["totalCount"], &all["deviceCoreCommands"][0]["deviceName"]), (&json!(1), &json!("device1")));
    assert_eq!(stage.get(Service::Command, "/device/name/nobody").status, 404);
    for (service, name) in
        [(Service::Metadata, "core-metadata"), (Service::Data, "core-data"), (Service::Command, "core-command")]
    {
        let version = stage.get(service, "/version").json();
        assert_eq!((&version["version"], &version["serviceName"]), (&json!("4.0.2"), &json!(name)));
        assert_eq!(stage.get(service, "/ping").status, 200);
    }
}

#[test]
fn metadata_answers_for_each_entry() {
    let stage = Stage::without_answers(Version::V4);
    let statuses = |reply: &Reply| {
        let entries = reply.json().as_array().unwrap_or(&Vec::new()).clone();
        entries.iter().map(|entry| entry["statusCode"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let mut second = profile();
    second["name"] = json!("p2");
    let reply = stage.metadata("POST", "/deviceprofile", &json!([{"profile": second}, {"profile": profile()}]));
    assert_eq!((reply.status, statuses(&reply)), (207, vec![201, 409]));
    assert_eq!(stage.metadata("POST", "/deviceprofile", &json!({"profile": second})).status, 400);

    let device = |name: &str, profile: &str| serde_json::to_value(Device::over_mqtt(name, profile)).unwrap();
    let mut foreign = device("d4", "p");
    foreign["serviceName"] = json!("device-modbus");
    let mut mute = device("d5", "p");
    mute["protocols"] = json!({"mqtt": {}});
    let devices = [device("d2", "p2"), device("device1", "p"), device("d3", "none"), foreign, mute.clone()];
    let body = Value::from_iter(devices.iter().map(|device| json!({"apiVersion": "v3", "device": device})));
    let reply = stage.metadata("POST", "/device", &body);
    assert_eq!((reply.status, statuses(&reply)), (207, vec![201, 409, 404, 400, 500]), "{}", reply.body);
    let reply = stage.metadata("POST", "/device?bypassValidation=true", &json!([{"device": mute}]));
    assert_eq!(statuses(&reply), [201]);

    assert_eq!(stage.metadata("GET", "/device/name/d2", &Value::Null).json()["device"]["profileName"], "p2");
    assert_eq!(stage.metadata("GET", "/device/all", &Value::Null).json()["totalCount"], 3);
    assert_eq!(stage.metadata("DELETE", "/deviceprofile/name/p2", &Value::Null).status, 409);
    assert_eq!(stage.metadata("DELETE", "/device/name/d2", &Value::Null).status, 200);
    assert_eq!(stage.metadata("DELETE", "/deviceprofile/name/p2", &Value::Null).status, 200);
    assert_eq!(stage.metadata("GET", "/deviceprofile/name/p2", &Value::Null).status, 404);

    for (key, value) in [
        ("adminState", serde_json::to_value(AdminState::Locked).unwrap()),
        ("operatingState", serde_json::to_value(OperatingState::Down).unwrap()),
    ] {
        let unlocked = json!({"name": "device1", "adminState": "UNLOCKED", "operatingState": "UP"});
        let mut locked = unlocked.clone();
        locked[key] = value;
        let reply = stage.metadata("PATCH", "/device", &json!([{"device": locked}, {"device": {"name": "nobody"}}]));
        assert_eq!((reply.status, statuses(&reply)), (207, vec![200, 404]));
        assert_eq!(stage.set("SetMode", r#"{"mode":"NORMAL"}"#).status, 423, "{key}");
        // Data still comes in.
        stage.edgex.inject("device1", "mode", "NORMAL").unwrap();
        stage.metadata("PATCH", "/device", &json!([{"device": unlocked}]));
    }
}

#[test]
fn without_device_mqtt_nothing_comes_in_and_nothing_goes_out() {
    let options = Options { interval: SHORT, request_timeout: Duration::from_millis(50), ..Options::default() };
    let mut stage = Stage::with(Version::V4, options);
    let faults = stage.edgex.faults();
    faults.device_service(DeviceService::Down).unwrap();
    let reply = stage.set("SetMode", r#"{"mode":"NORMAL"}"#);
    assert_eq!((reply.status, &reply.json()["statusCode"]), (503, &json!(503)));
    // Metadata waits for its word until the request timeout, whose answer is no JSON.
    let device = serde_json::to_value(Device::over_mqtt("d2", "p")).unwrap();
    let reply = stage.metadata("POST", "/device", &json!([{"device": device}]));
    assert_eq!((reply.status, reply.json()), (503, Value::Null));
    assert!(reply.head.to_lowercase().contains("text/html") && reply.body.contains("<html>"), "{reply:?}");

    stage.probe.publish("incoming/data/device1/mode", "LOST");
    faults.device_service(DeviceService::Up).unwrap();
    stage.publish("mode", "NORMAL");
    assert_eq!(stage.edgex.events("device1").len(), 1, "what came meanwhile is lost");
}

#[test]
fn a_lost_link_lets_commands_run_out_of_time() {
    let stage = Stage::without_answers(Version::V4);
    stage.edgex.faults().device_service(DeviceService::LinkLost).unwrap();
    assert_eq!(stage.set("SetMode", r#"{"mode":"NORMAL"}"#).status, 500);
}

#[test]
fn commands_fail_as_they_are_told_to() {
    let mut stage = Stage::new(Version::V4);
    let faults = stage.edgex.faults();
    let body = r#"{"mode":"NORMAL"}"#;
    faults.answer(Service::Command, 2, Answer::Status(423));
    faults.answer(Service::Command, 1, Answer::Html503);
    // What is no command is not concerned.
    assert_eq!(stage.get(Service::Command, "/device/all").status, 200);
    assert_eq!([(); 3].map(|()| stage.set("SetMode", body).status), [423, 423, 503]);
    assert!(!stage.probe.all().iter().any(|message| message.topic.starts_with("command/")), "nothing was done");

    faults.answer(Service::Command, 1, Answer::Slow(SHORT));
    let slow = stage.start("PUT", "SetMode", body);
    let (uuid, _) = stage.command("mode/set");
    stage.respond(&uuid, "{}");
    assert_eq!(slow.join().unwrap().status, 200);

    // One hangs while another is answered: two under way.
    faults.answer(Service::Command, 1, Answer::Hang);
    static ANSWERED: AtomicBool = AtomicBool::new(false);
    let (url, hung) = (stage.edgex.command_url(), body.to_owned());
    thread::spawn(move || {
        let _never = request("PUT", &format!("{url}/api/v3/device/name/device1/SetMode"), None, &hung);
        ANSWERED.store(true, Relaxed);
    });
    let under_way = || stage.edgex.requests().iter().filter(|request| request.answer.is_none()).count();
    eventually("a request that hangs", || (under_way() == 1).then_some(()));
    let other = stage.start("PUT", "SetMode", body);
    let (uuid, _) = stage.command("mode/set");
    stage.respond(&uuid, "{}");
    assert_eq!(other.join().unwrap().status, 200);
    assert!(!ANSWERED.load(Relaxed));
    assert_eq!((stage.edgex.peak_sets(), stage.edgex.peak_sets_of("device1")), (2, 2));
    let log = stage.edgex.requests();
    assert!(
        log.iter().any(|request| request.method == "PUT" && request.body == body && request.path.ends_with("/SetMode"))
    );
}

#[test]
fn a_service_can_go_away_and_come_back() {
    let stage = Stage::new(Version::V4);
    let faults = stage.edgex.faults();
    let url = format!("{}/api/v3/ping", stage.edgex.data_url());
    faults.reach(Service::Data, Reach::Refused).unwrap();
    let refused = request("GET", &url, None, "").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(stage.get(Service::Command, "/ping").status, 200);
    faults.reach(Service::Data, Reach::Listening).unwrap();
    assert_eq!(request("GET", &url, None, "").unwrap().status, 200);
}

#[test]
fn history_can_be_misleading() {
    let mut stage = Stage::new(Version::V4);
    let faults = stage.edgex.faults();
    faults.echo(Some("mode"));
    stage.probe.publish("incoming/data/device1/metrics", METRICS);
    eventually("two events", || (stage.edgex.events("device1").len() == 2).then_some(()));
    assert_eq!(stage.newest_sources(), ["mode", "metrics"]);
    faults.echo(None);

    // The first of two becomes an event after the second, and yet its readings are the older ones.
    faults.swap_pairs(1);
    stage.probe.publish("incoming/data/device1/seq", "1");
    stage.probe.publish("incoming/data/device1/seq", "2");
    eventually("four events", || (stage.edgex.events("device1").len() == 4).then_some(()));
    let newest = stage.data("/event/device/name/device1?limit=1");
    assert_eq!(newest["events"][0]["readings"][0]["value"], "1");
    let newest = stage.data("/reading/device/name/device1/resourceName/seq?limit=1");
    assert_eq!(newest["readings"][0]["value"], "2");

    faults.null_readings("seq", 1);
    stage.publish("seq", "3");
    let null = stage.data("/event/device/name/device1?limit=1")["events"][0]["readings"][0].clone();
    assert_eq!((null.get("value"), null.get("binaryValue")), (Some(&Value::Null), Some(&Value::Null)));

    faults.cut_on_bus(1);
    stage.publish("seq", "4");
    let half = stage.bus("seq", |text| serde_json::from_str::<Value>(text).is_err());
    assert!(half.starts_with('{'), "{half}");

    faults.persistence(Persistence::Frozen);
    stage.probe.publish("incoming/data/device1/seq", "5");
    stage.bus("seq", |text| text.contains(r#""value":"5""#));
    let stale = stage.data("/reading/device/name/device1/resourceName/seq?limit=1");
    assert_eq!(stale["readings"][0]["value"], "4");
}

#[test]
fn in_secure_mode_a_token_is_wanted() {
    let options = Options { token: Some(Secret::new("one")), ..Options::default() };
    let stage = Stage::with(Version::V4, options);
    let url = format!("{}/api/v3/event/all", stage.edgex.data_url());
    let status = |token| request("GET", &url, token, "").unwrap().status;
    assert_eq!([None, Some("two"), Some("one")].map(status), [401, 401, 200]);
    stage.edgex.set_token(Some(Secret::new("two")));
    assert_eq!([Some("one"), Some("two")].map(status), [401, 200]);
    assert_eq!(stage.get(Service::Data, "/ping").status, 200);
}
