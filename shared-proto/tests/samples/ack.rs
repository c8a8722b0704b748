use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::Reason;
use shared_proto::wire::{Ack, Outcome, Version};

use super::{BOOT, device};

fn ack(id: &str, result: Outcome) -> Ack {
    Ack {
        v: Version,
        id: id.parse().expect("a command id"),
        device: device(),
        boot: BOOT,
        result,
        reason: Reason::default(),
        mode: Mode::Normal,
        mode_source: ModeSource::Default,
        job: None,
        receipt_to_effect_us: None,
        reaction_us: None,
    }
}

pub(crate) fn applied() -> Ack {
    Ack {
        mode: Mode::Degraded,
        mode_source: ModeSource::Gateway,
        job: Some(841),
        receipt_to_effect_us: Some(7_312.25),
        reaction_us: Some(9_840.5),
        ..ack("0b9c7f0e-42aa-4a5f-9a3e-1d2c3b4a5968", Outcome::Applied)
    }
}

pub(crate) fn unchanged() -> Ack {
    Ack { reason: "held by the operator".into(), mode_source: ModeSource::Operator, ..ack("c3", Outcome::Unchanged) }
}

pub(crate) fn rejected() -> Ack {
    Ack { reason: "version 2 is unknown: allowed is 1".into(), ..ack("c2", Outcome::Rejected) }
}

pub(crate) fn expired() -> Ack {
    Ack { reason: "it is 12000 ms old, 10000 are allowed".into(), ..ack("c4", Outcome::Expired) }
}

pub(crate) fn duplicate() -> Ack {
    Ack { reason: "taken by an earlier run".into(), ..ack("c5", Outcome::Duplicate) }
}

pub(crate) fn minimal() -> Ack {
    Ack { mode_source: ModeSource::Gateway, receipt_to_effect_us: Some(5_000.0), ..ack("c1", Outcome::Applied) }
}
