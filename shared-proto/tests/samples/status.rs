use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::{Reason, Text};
use shared_proto::wire::{Departure, DialectName, Dialects, Setting, SettingOutcome, Settings, Status, Version};

use super::{BOOT, device, task};

/// Nothing but what must be there.
pub(crate) fn plain() -> Status {
    Status {
        v: Version,
        device: device(),
        boot: BOOT,
        conn: 2,
        up_ms: None,
        online: true,
        departure: None,
        version: "0.1.0".into(),
        mode: Mode::Normal,
        mode_source: ModeSource::Default,
        reason: Reason::default(),
        danger: None,
        task: task(),
        dialects: Dialects::new(),
        settings: Settings::new(),
        model: None,
        kernel: None,
        preempt_rt: None,
    }
}

pub(crate) fn online() -> Status {
    let granted = Setting {
        name: "scheduler".into(),
        asked: "fifo 80".into(),
        outcome: SettingOutcome::Granted,
        why: Text::default(),
    };
    let refused = Setting {
        name: "memory lock".into(),
        asked: "all".into(),
        outcome: SettingOutcome::Refused,
        why: "Operation not permitted".into(),
    };
    Status {
        up_ms: Some(86_400_150),
        mode: Mode::Degraded,
        mode_source: ModeSource::Local,
        reason: "miss rate 0.120 > 0.05".into(),
        danger: Some("the real-time thread does not finish its job".into()),
        dialects: [DialectName::Native, DialectName::Lab].into_iter().collect(),
        settings: [granted, refused].into_iter().collect(),
        model: Some("Raspberry Pi 4 Model B Rev 1.4".into()),
        kernel: Some("6.12.25+rpt-rpi-v8-rt".into()),
        preempt_rt: Some(true),
        ..plain()
    }
}

pub(crate) fn stopped() -> Status {
    Status {
        conn: 3,
        up_ms: Some(86_500_000),
        online: false,
        departure: Some(Departure::Stopped),
        mode_source: ModeSource::Operator,
        reason: "stopped by SIGTERM".into(),
        dialects: [DialectName::Native].into_iter().collect(),
        ..plain()
    }
}

pub(crate) fn will() -> Status {
    Status {
        online: false,
        departure: Some(Departure::Lost),
        reason: "connection lost".into(),
        dialects: [DialectName::Native].into_iter().collect(),
        ..plain()
    }
}
