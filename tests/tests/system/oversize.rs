//! A message that nobody would send in earnest, kept by a broker without a limit.

use std::fs;

use crate::harness::{Agent, Controller, DEVICE, Site, mosquitto_client, run};

#[test]
fn a_retained_message_of_any_size_does_not_keep_the_controller_off_the_broker() {
    let site = Site::mosquitto();
    let port = site.broker.port().to_string();
    let file = site.home("files").join("huge");
    fs::write(&file, vec![b'x'; 1_000_000]).unwrap();
    let (topic, file) = ("edge/stranger/status", file.to_str().unwrap());
    let args = ["-h", "127.0.0.1", "-p", &port, "-q", "1", "-r", "-t", topic, "-f", file];
    run(mosquitto_client("mosquitto_pub", args)).success();

    let mut controller = Controller::start(&site, "controller", &[]);
    let _agent = Agent::start(&site, DEVICE, &[]);
    controller.view(DEVICE, "reports", |view| view.jobs > 0);
    let links = controller.events("link");
    assert_eq!(links.len(), 1, "{links:?}");
    controller.log_line("the refusal", |line| line.contains(topic) && line.contains("1000000 bytes"));
}
