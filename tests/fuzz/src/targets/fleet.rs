//! What devices tell the controller, in any order: it stays within its bounds, and whatever it says can be written.

use std::sync::LazyLock;

use gateway_controller::config::Config;
use gateway_controller::event::Record;
use gateway_controller::fleet::{Action, Fleet, Freshness, Moment, Payload, Settings, Wish};
use shared_host::json;
use shared_proto::limits::MAX_COMMAND;
use shared_proto::mode::Mode;

use crate::samples::{Samples, files};

const MAX_DEVICES: usize = 2;
/// Commands, events and the like that one message may lead to.
const MAX_ACTIONS: usize = 16;

/// A line for each thing that happens: a letter, then what it is about.
pub fn fleet(bytes: &[u8]) {
    static DEFAULTS: LazyLock<Settings> = LazyLock::new(|| {
        let broker = "mqtt://localhost".parse().expect("a URL");
        Config::embedded(broker).expect("the defaults").fleet
    });
    let mut fleet = Fleet::new(Settings { max_devices: MAX_DEVICES, ..*DEFAULTS }, 7);
    let mut out = Vec::new();
    let mut now = Moment::default();
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1..) {
        now = step(&mut fleet, now, line, number, &mut out);
        assert!(out.len() <= MAX_ACTIONS, "line {number} led to {} actions: {out:?}", out.len());
        out.drain(..).for_each(|action| can_be_written(&action));
        let view = fleet.view(now);
        assert!(view.len() <= MAX_DEVICES, "{} devices", view.len());
        serde_json::to_string(&view).expect("the table can be written");
        assert!(view.iter().all(|device| fleet.view_of(&device.device, now).as_ref() == Some(device)));
    }
}

/// Does what the line says; the time after it.
fn step(fleet: &mut Fleet, now: Moment, line: &[u8], number: u64, out: &mut Vec<Action>) -> Moment {
    let Some((&what, rest)) = line.split_first() else { return now };
    let id = || std::str::from_utf8(rest).ok()?.parse().ok();
    // A refusal is an answer as good as any.
    match what {
        b'r' => drop(json::decode_report(rest).map(|report| fleet.report(now, report, out))),
        b's' => drop(json::decode_status(rest).map(|status| fleet.status(now, &status, Freshness::Live, out))),
        b'S' => drop(json::decode_status(rest).map(|status| fleet.status(now, &status, Freshness::Retained, out))),
        b'a' => drop(json::decode_ack(rest).map(|ack| fleet.ack(now, &ack, out))),
        b'l' => {
            let device = "classroom".parse().expect("a name");
            drop(json::decode_lab_observed(rest).map(|observed| fleet.lab(now, &device, &observed, out)));
        }
        b'u' => fleet.link_up(number, out),
        b'd' => fleet.link_down(number, "gone".to_owned(), out),
        b'n' => drop(id().map(|id| fleet.wish(now, &id, Some(Wish::Mode(Mode::Normal)), out))),
        b'g' => drop(id().map(|id| fleet.wish(now, &id, Some(Wish::Mode(Mode::Degraded)), out))),
        b'x' => drop(id().map(|id| fleet.wish(now, &id, Some(Wish::Release), out))),
        b'p' => drop(id().map(|id| fleet.wish(now, &id, None, out))),
        b'f' => drop(id().map(|id| fleet.forget(now, &id, out))),
        b't' => {
            let millis = std::str::from_utf8(rest).ok().and_then(|text| text.parse::<u32>().ok()).unwrap_or(100);
            let later = now.plus_millis(millis.into());
            fleet.tick(later, out);
            assert!(fleet.next_wake().is_none_or(|wake| wake > later), "a wake-up that is due was left");
            return later;
        }
        _ => {}
    }
    now
}

fn can_be_written(action: &Action) {
    match action {
        Action::Send(command) => match &command.payload {
            Payload::Native(set_mode) => {
                let written = json::encode(set_mode, MAX_COMMAND).expect("a command fits its limit");
                assert_eq!(json::decode_command(&written).as_ref(), Ok(set_mode.as_ref()));
            }
            Payload::Edgex(command) => unreachable!("nobody spoke of EdgeX: {command:?}"),
            Payload::Lab(change) => {
                let written = json::encode(change, MAX_COMMAND).expect("a command fits its limit");
                assert_eq!(json::decode_lab_command(&written).as_ref(), Ok(change));
            }
        },
        // For those who watch from inside the process: not on standard output.
        Action::Tell(event) if event.is_for_watchers() => {}
        Action::Tell(event) => {
            let line =
                serde_json::to_string(&Record { t_ms: 0, event: event.clone() }).expect("an event can be written");
            assert!(!line.contains('\n'), "an event is one line");
        }
        Action::ClearStatus(_) | Action::Share(_) => {}
    }
}

/// A day in the life of a device, of the golden vectors.
pub(crate) fn samples() -> Samples {
    let mut day = b"u".to_vec();
    for (letter, start) in [('s', "status"), ('r', "report"), ('a', "ack"), ('t', ""), ('l', "")] {
        let vectors = match letter {
            't' => Samples::from([("time".to_owned(), b"1000".to_vec())]),
            'l' => files("shared-proto/vectors/lab", "metrics"),
            _ => files("shared-proto/vectors/native", start),
        };
        for content in vectors.into_values() {
            let value: serde_json::Value = serde_json::from_slice(&content).expect("a golden vector");
            day.extend(format!("\n{letter}{value}").into_bytes());
        }
    }
    day.extend(b"\nnpi-01\nt200\nd\nt5000\nu\nxpi-01\nppi-01\nfpi-01");
    [("a-day".to_owned(), day)].into()
}
