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
use crate::store::RestoredReport;
use crate::store::kept::KeptReport;

fn report(seq: u64, mode: Mode, epoch: u32) -> Report {
    let mut latency = Latency::default();
    (0..10).for_each(|job| latency.record(50_000 + job));
    Report {
        v: Version,
        device: "pi".parse().unwrap(),
        boot: BootId(1),
        seq,
        t_ms: seq * 200,
        up_ms: seq * 200,
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
    while let Some(report) = spool.next_to_send(Lane::Backlog) {
        arrived.push(report.clone());
        spool.sent(Lane::Backlog, token);
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
    assert_eq!(spool.next_to_send(Lane::Backlog).unwrap().seq, 1);
    spool.sent(Lane::Backlog, 10);
    assert_eq!(spool.next_to_send(Lane::Backlog).unwrap().seq, 2);
    spool.sent(Lane::Backlog, 11);
    assert!(spool.acknowledged(11));
    assert!(!spool.acknowledged(99));
    spool.connection_lost(|_| true);
    assert_eq!(spool.next_to_send(Lane::Backlog).unwrap().seq, 1);
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
fn what_was_ever_sent_is_never_merged() {
    let mut spool = Spool::new(4);
    (1..=2).for_each(|seq| spool.push(normal(seq)));
    (7..=8).for_each(|token| spool.sent(Lane::Backlog, token));
    (3..=20).for_each(|seq| spool.push(normal(seq)));
    spool.connection_lost(|_| true);
    (21..=30).for_each(|seq| spool.push(normal(seq)));
    let arrived = drain(&mut spool);
    assert_eq!((arrived[0].seq, arrived[0].merged), (1, 1));
    assert_eq!((arrived[1].seq, arrived[1].merged), (2, 1));
    assert_eq!(arrived.iter().map(|r| r.jobs).sum::<u64>(), 12 * 30);
}

#[test]
fn only_what_was_on_the_lost_connection_waits_again() {
    let mut spool = Spool::new(4);
    (1..=2).for_each(|seq| spool.push(normal(seq)));
    (1..=2).for_each(|token| spool.sent(Lane::Backlog, token));
    spool.connection_lost(|token| token == 2);
    assert_eq!(spool.next_to_send(Lane::Backlog).map(|report| report.seq), Some(2));
    assert!(spool.acknowledged(1));
    assert!(!spool.acknowledged(2));
}

#[test]
fn a_small_spool_with_much_under_way_loses_nothing() {
    let mut spool = Spool::new(4);
    for seq in 1..=16 {
        spool.push(normal(seq));
        spool.sent(Lane::Backlog, seq);
    }
    (17..=60).for_each(|seq| spool.push(normal(seq)));
    assert_eq!((spool.len(), spool.given_up()), (16 + 4, 0));
    assert_eq!(drain(&mut spool).iter().map(|r| r.jobs).sum::<u64>(), 12 * 60);
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
    /// A receiver that knows reports by (boot, seq) counts everything once, whatever the link and the acknowledgements do.
    #[test]
    fn every_count_arrives_whatever_the_link_does(
        capacity in 2usize..12,
        script in prop::collection::vec((0u8..5, any::<bool>()), 1..300),
    ) {
        let mut spool = Spool::new(capacity);
        let (mut seq, mut token) = (0, 0u64);
        let mut received = std::collections::BTreeMap::new();
        let mut under_way = std::collections::VecDeque::new();
        for (step, chance) in script {
            match step {
                0 | 1 => {
                    seq += 1;
                    spool.push(report(seq, if chance { Mode::Degraded } else { Mode::Normal }, 0));
                }
                // As the transport does, keep a bounded number under way.
                2 if under_way.len() < 3 => {
                    if let Some(report) = spool.next_to_send(Lane::Backlog) {
                        if chance {
                            let known = received.insert(report.seq, report.clone());
                            prop_assert!(known.is_none_or(|known| known == *report), "one name, two contents");
                            under_way.push_back(token);
                        }
                        spool.sent(Lane::Backlog, token);
                        token += 1;
                    }
                }
                3 => {
                    if let Some(acked) = under_way.pop_front() {
                        prop_assert!(spool.acknowledged(acked));
                    }
                }
                4 => {
                    spool.connection_lost(|_| true);
                    under_way.clear();
                }
                _ => {}
            }
        }
        for report in drain(&mut spool) {
            received.insert(report.seq, report);
        }
        prop_assert_eq!(spool.given_up(), 0);
        prop_assert_eq!(received.values().map(|r| r.jobs).sum::<u64>(), 12 * seq);
    }
}

fn seqs(spool: &mut Spool<u64>, lane: Lane, tokens: std::ops::Range<u64>) -> Vec<u64> {
    let mut seqs = Vec::new();
    for token in tokens {
        let Some(seq) = spool.next_to_send(lane).map(|report| report.seq) else { break };
        seqs.push(seq);
        spool.sent(lane, token);
    }
    seqs
}

#[test]
fn reports_of_now_do_not_wait_behind_old_ones() {
    let mut spool = Spool::new(64);
    (1..=20).for_each(|seq| spool.push(normal(seq)));
    spool.connection_made();
    assert_eq!(seqs(&mut spool, Lane::Live, 0..1), [0; 0]);
    assert_eq!(seqs(&mut spool, Lane::Backlog, 0..100), (1..=8).collect::<Vec<_>>(), "room is left for those of now");
    (21..=22).for_each(|seq| spool.push(normal(seq)));
    assert_eq!(seqs(&mut spool, Lane::Live, 100..200), [21, 22]);
    spool.connection_lost(|_| true);
    spool.connection_made();
    assert_eq!(seqs(&mut spool, Lane::Live, 200..300), [0; 0]);
    assert_eq!(drain(&mut spool).iter().map(|r| r.seq).collect::<Vec<_>>(), (1..=22).collect::<Vec<_>>());
}

#[test]
fn nothing_is_sent_before_the_store_has_it_and_its_mark() {
    let mut spool = Spool::new(64);
    spool.ledger().begin();
    spool.set_journalled(Journalled::UpTo(0));
    spool.push(normal(1));
    spool.connection_made();
    spool.push(normal(2));
    assert_eq!(seqs(&mut spool, Lane::Live, 0..9), [0; 0]);
    assert_eq!(seqs(&mut spool, Lane::Backlog, 0..9), [0; 0]);
    let changes = spool.ledger().take();
    let told: Vec<_> = changes.iter().map(|it| (it.serial, it.key.kind, it.key.number)).collect();
    // The first report was told unsent, then that there is a connection, the second report, and the mark of the first.
    assert_eq!(told, [(1, Kind::Report, 1), (2, Kind::Sending, 0), (3, Kind::Report, 2), (4, Kind::Report, 1)]);
    spool.set_journalled(Journalled::UpTo(3));
    assert_eq!(seqs(&mut spool, Lane::Backlog, 0..9), [0; 0]);
    assert_eq!(seqs(&mut spool, Lane::Live, 0..9), [2]);
    spool.set_journalled(Journalled::UpTo(4));
    spool.set_backlog(Backlog::Held);
    assert_eq!(seqs(&mut spool, Lane::Backlog, 0..9), [0; 0]);
    spool.set_backlog(Backlog::Free);
    assert_eq!(seqs(&mut spool, Lane::Backlog, 10..19), [1]);
}

/// Reports go out on connection after connection, and none is ever acknowledged.
fn never_answered(mut spool: Spool<u64>) {
    let mut token = 0;
    for seq in 1..=5_000 {
        if seq % 10 == 0 {
            spool.connection_lost(|_| true);
            spool.connection_made();
        }
        spool.push(normal(seq));
        while spool.next_to_send(Lane::Live).is_some() {
            token += 1;
            spool.sent(Lane::Live, token);
        }
    }
    assert_eq!(spool.given_up(), 0);
    assert!(spool.len() <= 4 + SENT_AND_WAITING + 2 * MARKED_AHEAD, "{}", spool.len());
    assert_eq!(drain(&mut spool).iter().map(|r| r.jobs).sum::<u64>(), 12 * 5_000);
}

#[test]
fn connections_that_never_answer_do_not_fill_the_memory_with_a_store_or_without() {
    let mut kept = Spool::new(4);
    kept.ledger().begin();
    never_answered(kept);
    never_answered(Spool::new(4));
}

#[test]
fn reports_of_another_device_are_given_up_and_counted() {
    let mut spool = Spool::<u64>::new(64);
    let kept = |run, seq| RestoredReport {
        serial: Some(seq),
        kept: KeptReport { run, history: History::Unsent, report: Box::new(normal(seq)) },
    };
    spool.restore(vec![kept(1, 1), kept(1, 2)], &"other".parse().unwrap());
    assert_eq!((spool.len(), spool.given_up()), (0, 2));
    spool.restore(vec![kept(1, 1), kept(1, 2)], &"pi".parse().unwrap());
    assert_eq!((spool.len(), spool.given_up()), (2, 2));
}

mod asked_for_again {
    use super::*;

    fn delivered(count: u64) -> Spool<u64> {
        let mut spool = Spool::new(64);
        spool.connection_made();
        for seq in 1..=count {
            spool.push(normal(seq));
            assert_eq!(spool.next_to_send(Lane::Live).unwrap().seq, seq);
            spool.sent(Lane::Live, seq);
            assert!(spool.acknowledged(seq));
        }
        spool
    }

    fn missing(boot: u64, after: u64, up_to: u64) -> Missing {
        Missing { boot: BootId(boot), after, up_to }
    }

    fn sent_again(spool: &mut Spool<u64>) -> Vec<u64> {
        let mut seqs = Vec::new();
        while let Some(report) = spool.next_to_send(Lane::Backlog) {
            let seq = report.seq;
            spool.sent(Lane::Backlog, 1_000 + seq);
            assert!(spool.acknowledged(1_000 + seq));
            seqs.push(seq);
        }
        seqs
    }

    #[test]
    fn what_the_gateway_did_not_get_is_sent_again_as_it_was() {
        let mut spool = delivered(9);
        spool.push(normal(10));
        spool.send_again(&missing(1, 3, 6));
        assert_eq!(spool.next_to_send(Lane::Live).unwrap().seq, 10);
        assert_eq!(spool.next_to_send(Lane::Backlog), Some(&normal(4)));
        assert_eq!(sent_again(&mut spool), [4, 5, 6]);
        spool.send_again(&missing(1, 3, 6));
        assert_eq!(sent_again(&mut spool), [4, 5, 6], "as often as it is asked for");
        spool.send_again(&missing(2, 0, 9));
        assert!(sent_again(&mut spool).is_empty(), "of this run alone");
    }

    #[test]
    fn it_takes_its_place_among_the_old_ones_and_is_bounded() {
        let mut spool = delivered(100);
        (101..=103).for_each(|seq| spool.push(normal(seq)));
        spool.connection_lost(|_| true);
        spool.connection_made();
        spool.send_again(&missing(1, 0, u64::MAX));
        let again = sent_again(&mut spool);
        assert_eq!(again, (37..=103).collect::<Vec<_>>());
    }
}
