use shared_proto::limits::MAX_LEASE_MS;
use shared_proto::mode::Mode;
use shared_proto::text::Reason;
use shared_proto::wire::{Fresh, Lease, Missing, ReportRef, SetMode, Version};

use super::BOOT;

fn command(id: &str, lease_ms: u32) -> SetMode {
    SetMode {
        v: Version,
        id: id.parse().expect("a command id"),
        mode: Mode::Normal,
        lease_ms: Lease::try_from(lease_ms).expect("a lease"),
        reason: Reason::default(),
        cause: None,
        fresh: None,
        missing: None,
    }
}

pub(crate) fn full() -> SetMode {
    SetMode {
        mode: Mode::Degraded,
        reason: "miss rate 0.120 > 0.05".into(),
        cause: Some(ReportRef { boot: BOOT, seq: 42 }),
        fresh: Some(Fresh { boot: BOOT, up_ms: 86_400_123, ttl_ms: 10_000 }),
        missing: Some(Missing { boot: BOOT, after: 38, up_to: 40 }),
        ..command("0b9c7f0e-42aa-4a5f-9a3e-1d2c3b4a5968", 5_000)
    }
}

pub(crate) fn minimal() -> SetMode {
    command("c1", 100)
}

pub(crate) fn release() -> SetMode {
    SetMode { lease_ms: Lease::RELEASE, reason: "let go".into(), ..command("c2", 100) }
}

pub(crate) fn longest_lease() -> SetMode {
    command(r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~09az"##, MAX_LEASE_MS)
}

pub(crate) fn with_unknown_fields() -> SetMode {
    SetMode { mode: Mode::Degraded, ..command("c3", 5_000) }
}

pub(crate) fn escapes() -> SetMode {
    let reason = "quote\" slash/ back\\ ü ü € 😀";
    SetMode { reason: reason.into(), ..command("c4", 5_000) }
}

pub(crate) fn surrogate_pair() -> SetMode {
    SetMode { reason: "😀".into(), ..command("c5", 5_000) }
}

/// Of forty times three bytes, ninety-six are kept.
pub(crate) fn long_reason() -> SetMode {
    SetMode { reason: "€".repeat(32).as_str().into(), ..command("c6", 5_000) }
}
