//! `demo fleet`: many light devices at a real broker, and a real controller that counts what they did to the last job.

use clap::Parser;
use demo::cli::{Cli, Command};
use demo::fleet::{Options, Outcome, fleet};

use crate::harness::{Controller, Site};

const CONTROLLER: &str = env!("CARGO_BIN_EXE_controller");

fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
    match Cli::try_parse_from(["demo", "fleet"].iter().chain(arguments))?.command {
        Some(Command::Fleet(options)) => Ok(options),
        other => panic!("{other:?}"),
    }
}

fn run(arguments: &[&str]) -> Result<Outcome, String> {
    let options = parse(arguments).unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fleet(&options)).map_err(|error| error.to_string())
}

/// At the site's broker, beside this controller.
fn run_beside(site: &Site, controller: &Controller, arguments: &[&str]) -> Outcome {
    let (url, socket) = (site.broker.url(), controller.socket().to_str().unwrap().to_owned());
    let places = ["--broker", &url, "--root", "edge", "--control-socket", &socket];
    run(&[&places, arguments].concat()).unwrap()
}

#[test]
fn two_hundred_steady_devices_are_counted_to_the_last_job() {
    let site = Site::mosquitto();
    let controller = Controller::start(&site, "controller", &[]);
    let outcome = run_beside(
        &site,
        &controller,
        &["--devices", "200", "--rate", "5", "--seconds", "3", "--scenario", "steady", "--ramp", "1000"],
    );
    let totals = outcome.totals.as_ref().expect("a controller was asked");
    assert!(outcome.is_good(), "{outcome}");
    assert_eq!((totals.agree, totals.jobs_received), (200, totals.jobs), "{outcome}");
    assert!(totals.jobs >= 200 * 3 * 100 * 9 / 10, "{outcome}");
    assert_eq!((outcome.lost, outcome.failed, outcome.bad_commands, outcome.restarts), (0, 0, 0, 0), "{outcome}");
    assert!(outcome.commands >= 200, "every device gets its lease: {outcome}");
}

#[test]
fn a_storm_costs_no_count() {
    let _turn = Site::mosquitto();
    let outcome = run(&[
        "--devices",
        "60",
        "--rate",
        "10",
        "--seconds",
        "12",
        "--scenario",
        "storm",
        "--with-controller",
        "--controller-program",
        CONTROLLER,
    ])
    .unwrap();
    let totals = outcome.totals.as_ref().expect("a controller was asked");
    assert!(outcome.is_good(), "{outcome}");
    assert!(totals.misses > 0 && totals.duplicates > 0 && outcome.merged > 0, "{outcome}");
    // Every third is overloaded, half lose their connection and then all, every tenth restarts.
    assert!(outcome.degraded >= 15 && outcome.decision.count >= 15, "{outcome}");
    assert!(outcome.reconnects >= 90 && outcome.restarts == 6, "{outcome}");
    assert!(outcome.controller.is_some() && outcome.broker.is_some(), "{outcome}");
}

#[test]
fn devices_that_share_connections_are_counted_alike() {
    let _turn = Site::mosquitto();
    let outcome = run(&[
        "--devices",
        "100",
        "--connections",
        "3",
        "--report-every",
        "250ms",
        "--seconds",
        "6",
        "--scenario",
        "storm",
        "--with-controller",
        "--controller-program",
        CONTROLLER,
        "--seed",
        "9",
    ])
    .unwrap();
    assert!(outcome.is_good(), "{outcome}");
    assert_eq!((outcome.connections, outcome.restarts, outcome.interval_ms), (3, 10, 250), "{outcome}");
}

#[test]
fn a_broker_that_restarts_costs_no_count() {
    let mut site = Site::mosquitto();
    let mut controller = Controller::start(&site, "controller", &[]);
    let (url, socket) = (site.broker.url(), controller.socket().to_str().unwrap().to_owned());
    let running = std::thread::spawn(move || {
        run(&[
            "--broker",
            &url,
            "--root",
            "edge",
            "--control-socket",
            &socket,
            "--devices",
            "50",
            "--rate",
            "5",
            "--seconds",
            "8",
            "--scenario",
            "steady",
        ])
    });
    controller.view("sim-00050", "reports of the last device", |view| view.jobs > 100);
    site.broker.kill();
    site.broker.restart().unwrap();
    let outcome = running.join().unwrap().unwrap();
    assert!(outcome.is_good(), "{outcome}");
    assert!(outcome.lost >= 50 && outcome.reconnects >= 50, "{outcome}");
}

/// The comparison can fail.
#[test]
fn a_controller_that_heard_nothing_is_found_out() {
    let site = Site::mosquitto();
    let controller = Controller::start(&site, "controller", &[("topics.root", "elsewhere")]);
    let outcome =
        run_beside(&site, &controller, &["--devices", "3", "--rate", "10", "--seconds", "1", "--scenario", "steady"]);
    assert!(!outcome.is_good(), "{outcome}");
    assert_eq!(outcome.totals.expect("a controller was asked").unknown, 3);
}

#[test]
fn options_out_of_range_are_refused_with_what_is_allowed() {
    for (arguments, words) in [
        (&["--devices", "0"][..], "1..=20000"),
        (&["--devices", "20001"], "1..=20000"),
        (&["--rate", "11"], "0.1 to 10"),
        (&["--report-every", "1h"], "100ms to 10s"),
        (&["--rate", "1", "--report-every", "1s"], "cannot be used with"),
        (&["--seconds", "0"], "0"),
        (&["--connections", "0"], "0"),
        (&["--scenario", "quiet"], "steady, mixed, storm"),
        (&["--root", "a/+/b"], "without +"),
        (&["--with-controller", "--set", "no.such_key=1"], "allowed is KEY=VALUE"),
        (&["--set", "policy.dwell_ms=1"], "--with-controller"),
        (&["--broker", "http://x"], "mqtt://"),
    ] {
        let refused = parse(arguments).unwrap_err().to_string();
        assert!(refused.contains(words), "{arguments:?}: {refused}");
    }
}

#[test]
fn what_cannot_be_had_is_told_clearly() {
    let _turn = Site::mosquitto();
    let nobody = run(&["--devices", "1", "--broker", "mqtt://127.0.0.1:1"]).unwrap_err();
    assert!(nobody.contains("no MQTT broker answers there"), "{nobody}");
    let program = run(&["--devices", "1", "--with-controller", "--controller-program", "/nonexistent"]).unwrap_err();
    assert!(program.contains("/nonexistent") && program.contains("cargo build"), "{program}");
}
