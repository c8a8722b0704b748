//! Broker, gateway and devices know each other by certificate; whoever lacks the right one stays outside, and is told why.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use gateway_controller::config::SCHEMA;
use shared_proto::mode::{Mode, ModeSource};

use crate::harness::{Agent, Authority, Controller, DEVICE, Purpose, Secured, Validity, borrowed, controller, run};

#[test]
fn the_whole_loop_by_certificates() {
    let place = Secured::new();
    let mut gateway = Controller::start(&place.site, "controller", &borrowed(&place.keys("gateway")));
    let mut agent = Agent::start_at(&place.site, &place.url(), DEVICE, &borrowed(&place.keys("devices/device1")));
    gateway.view(DEVICE, "reports", |view| view.jobs > 0);
    agent.status_where("the gateway leads", |status| status.mode_source == ModeSource::Gateway);
    let socket = gateway.socket().to_str().unwrap().to_owned();
    run(controller(["set-mode", DEVICE, "degraded", "--wait", "60s", "--socket", &socket])).success();
    let status = agent.status();
    assert_eq!((status.mode, status.link.conn), (Mode::Degraded, 1));
    assert_eq!(status.link.url, place.url());
    let farewell = agent.terminate();
    assert_eq!((farewell.code, farewell.delivered), (Some(0), farewell.reports));
    gateway.event("offline", "the device", |event| event["device"] == DEVICE);
    assert!(!agent.log().contains("not encrypted"));
}

#[test]
fn whoever_cannot_prove_who_it_is_stays_outside() {
    let mut place = Secured::new();
    let foreign = Authority::new();
    let own = place.keys("devices/device1");
    let file = |name: &str| foreign.file(name);
    let with = |changes: &[(&'static str, String)]| {
        let kept = own.iter().filter(|(key, _)| !changes.iter().any(|(changed, _)| key == changed));
        kept.chain(changes).filter(|(_, value)| !value.is_empty()).cloned().collect::<Vec<_>>()
    };
    let expired = "devices/expired.crt";
    place.authority.sign("devices/device1/client.key", expired, Purpose::Client("device1"), Validity::Past);
    for (keys, told, broker_says) in [
        (with(&[("mqtt.ca_file", file("ca.crt"))]), "signed by no authority in", "alert unknown ca"),
        (
            with(&[
                ("mqtt.cert_file", file("devices/device1/client.crt")),
                ("mqtt.key_file", file("devices/device1/client.key")),
            ]),
            "client.crt: it does not know the CA that signed it",
            "certificate verify failed",
        ),
        (
            with(&[("mqtt.cert_file", place.authority.file(expired))]),
            "expired.crt: it has expired",
            "certificate verify failed",
        ),
        (
            with(&[("mqtt.cert_file", String::new()), ("mqtt.key_file", String::new())]),
            "the broker demands a client certificate",
            "peer did not return a certificate",
        ),
        (
            vec![("mqtt.url", format!("mqtts://localhost:{}", place.site.broker.port()))],
            "is it its port for mqtt://?",
            "disconnected due to protocol error",
        ),
        (
            vec![("mqtt.url", format!("mqtt://localhost:{}", place.port()))],
            "is it its port for mqtts://?",
            "wrong version number",
        ),
    ] {
        refused(&place, &keys, told);
        place.broker_says(&[broker_says]);
        // The next one finds an empty log.
        place.site.broker.restart().unwrap();
    }
}

/// An agent with these keys does not get in, and its log says why.
fn refused(place: &Secured, keys: &[(&'static str, String)], told: &str) {
    let url = keys.iter().find(|(key, _)| *key == "mqtt.url").map_or_else(|| place.url(), |(_, url)| url.clone());
    let mut agent = Agent::start_at(&place.site, &url, DEVICE, &borrowed(keys));
    let status = agent.status_where(told, |status| !status.link.last_down.is_empty());
    assert!(!status.link.up && status.link.last_down.contains(told), "{told}: {}", status.link.last_down);
    assert!(agent.log().lines().any(|line| line.contains("no connection") && line.contains(told)), "{}", agent.log());
}

#[test]
fn a_broker_that_is_not_the_one_is_not_spoken_to() {
    let mut place = Secured::new();
    for (purpose, validity, told, alert) in [
        (
            Purpose::Broker("localhost"),
            Validity::Past,
            "the broker's certificate has expired",
            "alert certificate expired",
        ),
        (
            Purpose::Broker("other.example"),
            Validity::Present,
            "not for localhost but for other.example",
            "alert bad certificate",
        ),
        (Purpose::Client("device2"), Validity::Present, "the broker's certificate is not taken", "alert"),
    ] {
        place.authority.sign("broker/server.key", "broker/server.crt", purpose, validity);
        place.site.broker.restart().unwrap();
        refused(&place, &place.keys("devices/device1"), told);
        place.broker_says(&[alert]);
    }
}

#[test]
fn what_is_not_encrypted_is_warned_of_once() {
    let place = Secured::new();
    // An address for examples: nobody answers there.
    let mut agent = Agent::start_at(&place.site, "mqtt://192.0.2.1", DEVICE, &[("mqtt.insecure", "true")]);
    agent.status_where("an attempt", |status| !status.link.last_down.is_empty());
    assert_eq!(agent.log().lines().filter(|line| line.contains("not encrypted") && line.contains("WARN")).count(), 1);
}

#[test]
fn a_renewed_certificate_needs_no_restart() {
    let mut place = Secured::new();
    let (key, certificate) = ("devices/device1/client.key", "devices/device1/client.crt");
    place.authority.sign(key, certificate, Purpose::Client("device1"), Validity::Past);
    let keys = place.keys("devices/device1");
    let mut keys = borrowed(&keys);
    keys.push(("mqtt.reconnect_max_s", "1"));
    let mut agent = Agent::start_at(&place.site, &place.url(), DEVICE, &keys);
    agent.status_where("it is refused", |status| status.link.last_down.contains("it has expired"));
    place.authority.credentials(&["renew", ".", "device1"]);
    agent.status_where("it is let in", |status| status.link.up);
    place.broker_says(&["connected", "device1"]);

    fs::write(place.authority.path(certificate), "").unwrap();
    place.site.broker.restart().unwrap();
    agent.status_where("a bad file is told", |status| {
        status.link.last_down.contains("client.crt: no certificate in it")
    });
    place.authority.credentials(&["renew", ".", "device1"]);
    agent.status_where("it is let in again", |status| status.link.up);
}

#[test]
fn on_the_gateway_itself_a_password_is_needed() {
    let place = Secured::new();
    let url = place.site.broker.url();
    let password = |text: &str| {
        let path = place.authority.path("password");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        place.authority.file("password")
    };
    let keys = |name: &str, file: String| {
        vec![("mqtt.url", url.clone()), ("mqtt.username", name.to_owned()), ("mqtt.password_file", file)]
    };
    refused(&place, &[("mqtt.url", url.clone())], "refused the connection: not authorized");
    refused(&place, &keys("gateway", password("wrong")), "refused the connection: not authorized");
    refused(&place, &keys("device1", password("secret-of-gateway")), "refused the connection: not authorized");
    place.broker_says(&["not authorised"]);
    let mut right = keys("gateway", password("secret-of-gateway\n"));
    right.push(("log.filter", "debug".to_owned()));
    let mut direct = controller(["devices", "--broker", &url, "--listen", "100ms"]);
    direct.envs(right.iter().map(|(key, value)| (SCHEMA.variable(key), value)));
    assert_eq!(run(direct).success(), "no devices\n");
    let mut gateway = Controller::start(&place.site, "controller", &borrowed(&right));
    assert_eq!(gateway.terminate(), Some(0));
    assert!(!gateway.log().contains("secret-of-gateway"));
}
