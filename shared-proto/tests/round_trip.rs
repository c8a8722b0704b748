//! Whatever is valid comes back from JSON as it went in, and fits its limit.

#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod arbitrary;

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_proto::limits::{
    MAX_ACK, MAX_COMMAND, MAX_LEASE_MS, MAX_REPORT, MAX_SITE, MAX_SITE_MISSING, MAX_SITE_STATUS, MAX_STATUS,
    MIN_LEASE_MS,
};
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Ack, Departure, DialectName, EarlierRun, Fresh, Lease, Missing, Outcome, ReportRef, SetMode, Setting,
    SettingOutcome, SiteMissing, SiteStatus, Status, Version,
};

use arbitrary::{boot, device, history, mode, mode_source, site, task, text};

fn comes_back<T>(message: &T, limit: usize) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let json = serde_json::to_string(message).expect("JSON");
    prop_assert!(json.len() <= limit, "{} bytes exceed {limit}", json.len());
    prop_assert_eq!(&serde_json::from_str::<T>(&json).expect("the same message"), message);

    let (mut buffer, mut unescaped) = (vec![0; limit], [0; 256]);
    let length = serde_json_core::to_slice(message, &mut buffer).expect("room for the message");
    buffer.truncate(length);
    let (back, _) = serde_json_core::from_slice_escaped::<T>(&buffer, &mut unescaped).expect("the same message");
    prop_assert_eq!(&back, message);
    Ok(())
}

fn command_id() -> impl Strategy<Value = shared_proto::ids::CommandId> {
    "[!-~]{1,36}".prop_map(|id| id.parse().expect("a command id"))
}

/// In whole nanoseconds, which every reader of JSON takes exactly.
fn micros() -> impl Strategy<Value = f64> {
    (0..1u32 << 31).prop_map(|ns| f64::from(ns) / 1_000.0)
}

fn ack() -> impl Strategy<Value = Ack> {
    let result = prop_oneof![
        Just(Outcome::Applied),
        Just(Outcome::Unchanged),
        Just(Outcome::Rejected),
        Just(Outcome::Expired),
        Just(Outcome::Duplicate)
    ];
    let times = (any::<Option<u64>>(), option::of(micros()), option::of(micros()));
    (command_id(), device(), boot(), result, text(), mode(), mode_source(), times).prop_map(
        |(id, device, boot, result, reason, mode, mode_source, (job, receipt_to_effect_us, reaction_us))| Ack {
            v: Version,
            id,
            device,
            boot,
            result,
            reason,
            mode,
            mode_source,
            job,
            receipt_to_effect_us,
            reaction_us,
        },
    )
}

fn command() -> impl Strategy<Value = SetMode> {
    let lease = prop_oneof![Just(0), MIN_LEASE_MS..=MAX_LEASE_MS];
    let cause = option::of((boot(), any::<u64>()).prop_map(|(boot, seq)| ReportRef { boot, seq }));
    let fresh = option::of((boot(), any::<u64>(), any::<u32>()).prop_map(|(boot, up_ms, ttl_ms)| Fresh {
        boot,
        up_ms,
        ttl_ms,
    }));
    let missing = option::of((boot(), any::<u64>(), any::<u64>()).prop_map(|(boot, after, up_to)| Missing {
        boot,
        after,
        up_to,
    }));
    (command_id(), mode(), lease, text(), cause, fresh, missing).prop_map(
        |(id, mode, lease_ms, reason, cause, fresh, missing)| SetMode {
            v: Version,
            id,
            mode,
            lease_ms: Lease::try_from(lease_ms).expect("a lease"),
            reason,
            cause,
            fresh,
            missing,
        },
    )
}

fn setting() -> impl Strategy<Value = Setting> {
    let outcome = prop_oneof![Just(SettingOutcome::Granted), Just(SettingOutcome::Refused)];
    (text(), text(), outcome, text()).prop_map(|(name, asked, outcome, why)| Setting { name, asked, outcome, why })
}

fn dialect() -> impl Strategy<Value = DialectName> {
    prop_oneof![Just(DialectName::Native), Just(DialectName::Lab), Just(DialectName::Edgex)]
}

fn departure() -> impl Strategy<Value = Departure> {
    prop_oneof![Just(Departure::Stopped), Just(Departure::Lost)]
}

fn status() -> impl Strategy<Value = Status> {
    let dialects = vec(dialect(), 0..=4);
    let who = (device(), boot(), any::<u64>(), any::<Option<u64>>(), any::<bool>(), option::of(departure()), text());
    let why = (text(), option::of(text()));
    let platform = (option::of(text()), option::of(text()), any::<Option<bool>>());
    (who, mode(), mode_source(), why, task(), dialects, vec(setting(), 0..=10), platform).prop_map(
        |(
            (device, boot, conn, up_ms, online, departure, version),
            mode,
            mode_source,
            (reason, danger),
            task,
            dialects,
            settings,
            (model, kernel, preempt_rt),
        )| {
            Status {
                v: Version,
                device,
                boot,
                conn,
                up_ms,
                online,
                departure,
                version,
                mode,
                mode_source,
                reason,
                danger,
                task,
                dialects: dialects.into_iter().collect(),
                settings: settings.into_iter().collect(),
                model,
                kernel,
                preempt_rt,
            }
        },
    )
}

fn site_status() -> impl Strategy<Value = SiteStatus> {
    let who = (site::site(), boot(), any::<u64>(), any::<Option<u64>>());
    let earlier = vec((boot(), any::<u64>()), 0..8);
    (who, any::<bool>(), option::of(departure()), text(), (any::<u64>(), earlier)).prop_map(
        |((site, boot, conn, up_ms), online, departure, version, (every_ms, earlier))| SiteStatus {
            v: Version,
            site,
            boot,
            conn,
            up_ms,
            online,
            departure,
            version,
            every_ms,
            earlier: earlier.into_iter().map(|(boot, up_to)| EarlierRun { boot, up_to }).collect(),
        },
    )
}

fn site_missing() -> impl Strategy<Value = SiteMissing> {
    (boot(), any::<u64>(), any::<u64>()).prop_map(|(boot, after, up_to)| SiteMissing { v: Version, boot, after, up_to })
}

proptest! {
    #[test]
    fn reports_come_back(reports in history()) {
        for report in &reports {
            comes_back(report, MAX_REPORT)?;
        }
    }

    #[test]
    fn statuses_come_back(status in status()) {
        comes_back(&status, MAX_STATUS)?;
    }

    #[test]
    fn commands_come_back(command in command()) {
        comes_back(&command, MAX_COMMAND)?;
    }

    #[test]
    fn acknowledgements_come_back(ack in ack()) {
        comes_back(&ack, MAX_ACK)?;
    }

    #[test]
    fn windows_of_sites_come_back(windows in site::history()) {
        for window in &windows {
            comes_back(window, MAX_SITE)?;
        }
    }

    #[test]
    fn statuses_of_sites_come_back(status in site_status()) {
        comes_back(&status, MAX_SITE_STATUS)?;
    }

    #[test]
    fn what_is_missing_of_a_site_comes_back(missing in site_missing()) {
        comes_back(&missing, MAX_SITE_MISSING)?;
    }

    /// As `serde_json` is used here, it reads a number of many digits to within one unit in the last place.
    #[test]
    fn ratios_come_back_to_the_last_place(part in any::<u64>(), whole in 1..=u64::MAX) {
        let ratio = Ratio::of(part, whole);
        let back: Ratio = serde_json::from_str(&serde_json::to_string(&ratio).expect("JSON")).expect("a ratio");
        prop_assert!((back.get() - ratio.get()).abs() <= f64::EPSILON * ratio.get(), "{ratio} came back as {back}");
    }
}
