//! What a device costs in memory: the budget is 4 KiB.

#![forbid(unsafe_code)]
#![expect(clippy::cast_precision_loss, reason = "bytes of one test")]

use std::alloc::System;

use gateway_controller::config::Config;
use gateway_controller::fleet::{Action, Fleet, Freshness, Moment, Payload};
use shared_host::json::{decode_report, decode_status};
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, Outcome, Report, Version};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REPORT: &str = include_str!("../../shared-proto/vectors/native/report-full.json");
const STATUS: &str = include_str!("../../shared-proto/vectors/native/status-online.json");
const DEVICES: u64 = 10_000;
const BUDGET: f64 = 4096.0;

fn report(template: &Report, device: &DeviceId, boot: u64, seq: u64) -> Report {
    let mut report = template.clone();
    report.device = device.clone();
    (report.boot, report.seq, report.merged, report.lost.records) = (BootId(boot), seq, 1, 0);
    report.up_ms = 1_000 * seq;
    report.total.jobs = report.jobs * seq;
    report.total.misses = report.misses * seq;
    report.total.skipped = report.skipped * seq;
    report.miss_rate = if seq.is_multiple_of(7) { Ratio::of(1, 10) } else { Ratio::ZERO };
    report
}

/// Births, reports with gaps, commands and their answers, a restart with leftovers: all that leaves something behind.
#[test]
fn a_device_costs_less_than_four_kibibytes() {
    let template = decode_report(REPORT.as_bytes()).expect("a valid vector");
    let birth = decode_status(STATUS.as_bytes()).expect("a valid vector");
    let config = Config::embedded("mqtt://localhost".parse().unwrap()).unwrap();
    let names: Vec<DeviceId> = (0..DEVICES).map(|number| format!("pi-{number:05}").parse().unwrap()).collect();
    let mut out = Vec::with_capacity(64);
    let region = Region::new(ALLOCATOR);
    let mut fleet = Fleet::new(config.fleet, 1);
    fleet.link_up(1, &mut out);
    let mut commands = 0;
    for boot in 1..=3 {
        for (device, number) in names.iter().zip(0u64..) {
            let now = Moment::from_millis(boot * 100_000 + number / 10);
            let status =
                shared_proto::wire::Status { device: device.clone(), boot: BootId(boot), up_ms: None, ..birth.clone() };
            fleet.status(now, &status, Freshness::Live, &mut out).unwrap();
            out.clear();
        }
        for seq in (1..=40).filter(|seq| seq % 10 != 0) {
            for (device, number) in names.iter().zip(0u64..) {
                let now = Moment::from_millis(boot * 100_000 + seq * 1_000 + number / 10);
                fleet.report(now, report(&template, device, boot, seq), &mut out).unwrap();
                for action in std::mem::take(&mut out) {
                    let Action::Send(command) = action else { continue };
                    let Payload::Native(set_mode) = command.payload else { continue };
                    commands += 1;
                    let ack = Ack {
                        v: Version,
                        id: set_mode.id.clone(),
                        device: device.clone(),
                        boot: BootId(boot),
                        result: Outcome::Applied,
                        reason: set_mode.reason.clone(),
                        mode: set_mode.mode,
                        mode_source: shared_proto::mode::ModeSource::Gateway,
                        job: None,
                        receipt_to_effect_us: None,
                        reaction_us: None,
                    };
                    fleet.ack(now, &ack, &mut out).unwrap();
                }
                out.clear();
            }
        }
    }
    out.shrink_to_fit();
    let change = region.change();
    assert_eq!(fleet.names().count() as u64, DEVICES);
    assert!(commands > DEVICES, "{commands}");
    let each = (change.bytes_allocated as f64 - change.bytes_deallocated as f64) / DEVICES as f64;
    println!("{each:.0} bytes a device");
    assert!(each < BUDGET, "{each:.0} bytes a device: allowed are {BUDGET}");
}
