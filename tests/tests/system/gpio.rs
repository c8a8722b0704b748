//! GPIO from outside: the override button, and backends that cannot be had.

use device_agent::gpio::{Level, Line};
use device_agent::supervisor::{Answer, Request};
use shared_host::control::ask;
use shared_proto::mode::{Mode, ModeSource};

use crate::harness::{Agent, DEVICE, Site, agent, run};

const BUTTON: u8 = 5;

/// Drives the simulated button, and waits until the supervisor has looked at it: it does so whenever it takes in jobs.
fn drive(agent: &mut Agent, level: Level) -> Answer {
    let line = Line::try_from(BUTTON).unwrap();
    let driven: Answer = ask(&agent.socket(), &Request::Drive { line, level }).unwrap();
    assert_eq!(driven.sim_lines[&BUTTON], level);
    agent.status_where("jobs after the button was driven", |status| status.total.jobs > driven.total.jobs)
}

#[test]
fn the_button_holds_degraded_and_lets_go_again() {
    let site = Site::embedded();
    let mut agent = Agent::start(&site, DEVICE, &[("gpio.override_line", "GPIO5"), ("gpio.override_debounce_ms", "0")]);
    agent.status_where("the first jobs", |status| status.total.jobs > 0);
    assert_eq!(drive(&mut agent, Level::High).mode, Mode::Normal);
    drive(&mut agent, Level::Low);
    agent.wait_for_lines([("17", "low"), ("27", "high")]);
    let held = agent.status();
    assert_eq!((held.mode, held.mode_source), (Mode::Degraded, ModeSource::Operator));
    assert!(held.reason.contains("button"), "{}", held.reason);
    assert_eq!(drive(&mut agent, Level::High).mode, Mode::Degraded, "held until it is pressed again");
    drive(&mut agent, Level::Low);
    agent.wait_for_lines([("17", "high"), ("27", "low")]);
    assert_eq!(agent.status().mode_source, ModeSource::Default);

    let output = Request::Drive { line: Line::try_from(17).unwrap(), level: Level::Low };
    let refusal = ask::<_, Answer>(&agent.socket(), &output).unwrap_err().to_string();
    assert!(refusal.contains("line 17 is not a simulated input; allowed: 5"), "{refusal}");
    assert_eq!(agent.terminate().code, Some(0));
    let log = agent.log();
    for line in ["the button is pressed: the mode is held", "the button is pressed: no mode is held any more"] {
        assert_eq!(log.matches(line).count(), 1, "{log}");
    }
}

#[test]
fn lines_that_cannot_be_had_end_the_program_before_its_task_starts() {
    let site = Site::embedded();
    let socket = site.home("none").join("control.sock");
    for backend in ["chardev", "auto"] {
        let mut command = agent(["run"]);
        command.env("AGENT_DEVICE__NAME", "none").env("AGENT_CONTROL__SOCKET", &socket);
        command.env("AGENT_GPIO__BACKEND", backend).env("AGENT_GPIO__CHIP", "/dev/null");
        let refusal = run(command).failure(1);
        for part in ["gpio.chip", "/dev/null", "is not a GPIO character device", "allowed"] {
            assert!(refusal.contains(part), "{backend}, {part}: {refusal}");
        }
        assert!(!refusal.contains("agent starts"), "{refusal}");
    }
}
