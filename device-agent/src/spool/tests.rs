use proptest::prelude::*;
use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Host, Lost, MissBurst, MissWindow, OverrunPolicy, Report, RtContext, Schedule, Task, Totals, Version,
};

use super::*;

fn report(seq: u64, mode: Mode, epoch: u32) -> Report {
    let mut latency = Latency::default();
    (0..10).for_each(|job| latency.record(50_000 + job));
    Report {
        v: Version,
        device: "pi".parse().unwrap(),
        boot: BootId(1),
        seq,
        t_ms: seq * 200,
        clock_synced: true,
        span_ms: 200,
        task: Task { name: "spin".into(), period_us: 20_000, deadline_us: 20_000, overrun: OverrunPolicy::SkipNext },
        epoch,
        mode,
        mode_source: ModeSource::Default,
        mode_age_ms: seq * 200,
        jobs: 12,
        misses: 3,
        skipped: 2,
        miss_rate: Ratio::of(3, 12),
        miss_window: MissWindow { jobs: 12, misses: 3 },
        longest_miss_run: 3,
        worst_burst: MissBurst { misses: 3, jobs: 10 },
        wakeup_us: latency.clone(),
        response_us: latency,
        workload: Ratio::ZERO,
        host: Host::default(),
        rt: RtContext {
            schedule: Schedule::Other,
            priority: 0,
            cpu: None,
            locked: false,
            self_overhead_ns: 0,
            preemptions: 0,
            faults: 0,
        },
        lost: Lost::default(),
        merged: 1,
        total: Totals { jobs: 12 * seq, misses: 3 * seq, skipped: 2 * seq },
        policy: PolicyState::default(),
    }
}

fn normal(seq: u64) -> Report {
    report(seq, Mode::Normal, 0)
}

/// Sends and acknowledges everything; what arrived.
fn drain(spool: &mut Spool<u64>) -> Vec<Report> {
    spool.connection_lost(|_| true);
    let mut arrived = Vec::new();
    let mut token = 1_000_000;
    while let Some(report) = spool.next_to_send() {
        arrived.push(report.clone());
        spool.sent(token);
        assert!(spool.acknowledged(token));
        token += 1;
    }
    assert!(spool.is_empty());
    arrived
}

#[test]
fn reports_leave_in_order_and_only_when_acknowledged() {
    let mut spool = Spool::new(8);
    (1..=3).for_each(|seq| spool.push(normal(seq)));
    assert_eq!(spool.next_to_send().unwrap().seq, 1);
    spool.sent(10);
    assert_eq!(spool.next_to_send().unwrap().seq, 2);
    spool.sent(11);
    assert!(spool.acknowledged(11));
    assert!(!spool.acknowledged(99));
    spool.connection_lost(|_| true);
    assert_eq!(spool.next_to_send().unwrap().seq, 1);
    assert_eq!(drain(&mut spool).iter().map(|r| r.seq).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_full_spool_merges_and_loses_no_count() {
    let mut spool = Spool::<u64>::new(4);
    (1..=100).for_each(|seq| spool.push(normal(seq)));
    assert_eq!((spool.len(), spool.given_up()), (4, 0));
    let arrived = drain(&mut spool);
    assert_eq!(arrived.iter().map(|r| r.jobs).sum::<u64>(), 1200);
    assert_eq!(arrived.iter().map(|r| r.merged).sum::<u32>(), 100);
    assert!(arrived.iter().all(|r| r.validate().is_ok()));
    // The resolution falls evenly: no report covers much more than its share.
    assert!(arrived.iter().all(|r| r.merged <= 64), "{:?}", arrived.iter().map(|r| r.merged).collect::<Vec<_>>());
}

#[test]
fn what_is_under_way_is_never_merged() {
    let mut spool = Spool::new(4);
    spool.push(normal(1));
    spool.push(normal(2));
    spool.sent(7);
    (3..=20).for_each(|seq| spool.push(normal(seq)));
    spool.connection_lost(|_| true);
    let first = spool.next_to_send().unwrap();
    assert_eq!((first.seq, first.merged), (1, 1));
}

#[test]
fn neighbours_of_one_mode_merge_first() {
    let mut spool = Spool::<u64>::new(4);
    for (seq, mode) in [(1, Mode::Normal), (2, Mode::Degraded), (3, Mode::Normal), (4, Mode::Normal), (5, Mode::Normal)]
    {
        spool.push(report(seq, mode, 0));
    }
    assert_eq!(
        drain(&mut spool).iter().map(|r| (r.seq, r.merged)).collect::<Vec<_>>(),
        [(1, 1), (2, 1), (4, 2), (5, 1)]
    );
}

#[test]
fn where_nothing_can_merge_the_oldest_is_given_up_and_counted() {
    let mut spool = Spool::<u64>::new(3);
    (1..=5u32).for_each(|seq| spool.push(report(seq.into(), Mode::Normal, seq)));
    assert_eq!(spool.given_up(), 2);
    assert_eq!(drain(&mut spool).iter().map(|r| r.seq).collect::<Vec<_>>(), [3, 4, 5]);
}

proptest! {
    #[test]
    fn every_count_arrives_whatever_the_link_does(
        capacity in 2usize..12,
        script in prop::collection::vec((0u8..4, any::<bool>()), 1..300),
    ) {
        let mut spool = Spool::new(capacity);
        let (mut seq, mut token, mut jobs) = (0, 0u64, 0);
        let mut under_way = std::collections::VecDeque::new();
        for (step, degraded) in script {
            match step {
                0 | 1 => {
                    seq += 1;
                    spool.push(report(seq, if degraded { Mode::Degraded } else { Mode::Normal }, 0));
                }
                2 => {
                    // As the transport does, keep a bounded number under way.
                    if under_way.len() < 2 && let Some(report) = spool.next_to_send() {
                        under_way.push_back((token, report.jobs));
                        spool.sent(token);
                        token += 1;
                    }
                    if degraded && let Some((acked, count)) = under_way.pop_front() {
                        prop_assert!(spool.acknowledged(acked));
                        jobs += count;
                    }
                }
                _ => {
                    spool.connection_lost(|_| true);
                    under_way.clear();
                }
            }
        }
        jobs += drain(&mut spool).iter().map(|r| r.jobs).sum::<u64>();
        prop_assert_eq!(jobs + 12 * spool.given_up(), 12 * seq);
    }
}
