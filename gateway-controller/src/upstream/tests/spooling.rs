use std::path::Path;

use proptest::prelude::*;
use shared_proto::histogram::Latency;
use shared_proto::units::ns_to_micros;
use shared_proto::wire::{Site, SiteCounts, SiteMissing, Version};

use super::super::ledger::Ledger;
use super::super::spool::{History, Spool};
use super::super::store::Store;
use super::window;
use crate::fleet::Moment;
use crate::sites::{SiteAction, Sites};

fn waiting(spool: &mut Spool<u32>) -> Vec<(u64, u32)> {
    let mut sent = Vec::new();
    for token in 0.. {
        let Some(window) = spool.next_to_send() else { break };
        sent.push((window.seq, window.merged));
        spool.sent(token);
        spool.acknowledged(token);
    }
    sent
}

#[test]
fn a_full_spool_merges_evenly_and_gives_up_nothing() {
    let mut spool = Spool::new(4);
    (1..=16).for_each(|seq| spool.push(window(1, seq)));
    let sent = waiting(&mut spool);
    assert_eq!(sent.iter().map(|(_, merged)| merged).sum::<u32>(), 16);
    assert!(sent.len() == 4 && sent.iter().all(|(_, merged)| *merged <= 8), "{sent:?}");
    assert_eq!(spool.given_up(), 0);
}

#[test]
fn what_may_have_been_sent_is_never_merged() {
    let mut spool = Spool::new(2);
    spool.push(window(1, 1));
    assert_eq!(spool.next_to_send().unwrap().seq, 1);
    spool.sent(1);
    spool.connection_lost();
    (2..=9).for_each(|seq| spool.push(window(1, seq)));
    let sent = waiting(&mut spool);
    assert_eq!((sent[0], sent.len()), ((1, 1), 3), "{sent:?}");
}

#[test]
fn windows_of_many_runs_that_cannot_merge_are_given_up_and_counted() {
    let mut spool = Spool::new(2);
    (1..=5).for_each(|boot| spool.push(window(boot, 1)));
    assert_eq!((waiting(&mut spool).len(), spool.given_up()), (2, 3));
}

#[test]
fn so_many_are_under_way() {
    let mut spool = Spool::new(100);
    (1..=20).for_each(|seq| spool.push(window(1, seq)));
    let mut sent = 0;
    while spool.next_to_send().is_some() {
        spool.sent(sent);
        sent += 1;
    }
    assert_eq!(sent, 8);
    assert!(spool.acknowledged(3) && !spool.acknowledged(3));
    assert_eq!(spool.next_to_send().unwrap().seq, 9);
    spool.connection_lost();
    assert_eq!(waiting(&mut spool)[..8].iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7, 8, 9]);
}

#[test]
fn what_is_missing_above_is_sent_again_as_it_was() {
    let mut spool = Spool::new(100);
    (1..=6).for_each(|seq| spool.push(window(1, seq)));
    waiting(&mut spool);
    let missing = |boot, after, up_to| SiteMissing { v: Version, boot: window(boot, 1).boot, after, up_to };
    spool.send_again(&missing(2, 0, 9));
    assert_eq!(spool.len(), 0, "of another run");
    spool.send_again(&missing(1, 2, 4));
    spool.push(window(1, 7));
    assert_eq!(waiting(&mut spool), [(3, 1), (4, 1), (7, 1)]);
    spool.send_again(&missing(1, 6, 7));
    assert_eq!(waiting(&mut spool), [(7, 1)], "and again, if it got lost again");
}

/// What happens to a site on its way to the one above.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Another window is closed.
    Close,
    /// The next is sent, and arrives above.
    Send,
    /// The next is sent, acknowledged by the broker above, and nobody is there to get it.
    SendToNobody,
    /// The oldest that is under way is acknowledged.
    Acknowledge,
    /// The connection breaks: what is under way has arrived or not, nobody knows.
    Break,
    /// What waits to be written is.
    Write,
    /// The controller of the site is killed and started again.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Close),
        3 => Just(Step::Send),
        1 => Just(Step::SendToNobody),
        3 => Just(Step::Acknowledge),
        1 => Just(Step::Break),
        2 => Just(Step::Write),
        1 => Just(Step::Kill),
    ]
}

/// A site with its directory, and the one above it.
struct Journey {
    directory: tempfile::TempDir,
    store: Option<Store>,
    ledger: Ledger,
    spool: Spool<u32>,
    under_way: Vec<u32>,
    tokens: u32,
    boot: u64,
    seq: u64,
    /// Windows that were closed, but for those that nobody has after a kill.
    closed: Vec<Site>,
    arrived: Vec<Site>,
    above: Sites,
}

/// Whether `site` is in `other`.
fn covers(other: &Site, site: &Site) -> bool {
    other.boot == site.boot && other.after() < site.seq && site.seq <= other.seq
}

/// Fewer than runs there are: with one window of each run that waits, something is given up.
const CAPACITY: usize = 40;

impl Journey {
    fn new() -> Self {
        // In memory, where there is such a place: each step is made durable.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let directory = tempfile::tempdir_in(place).unwrap();
        let (store, _) = Store::open(directory.path(), &window(1, 1).site).unwrap();
        let mut above = Sites::default();
        above.link_up(1);
        Self {
            directory,
            store: Some(store),
            ledger: Ledger::default(),
            spool: Spool::new(CAPACITY),
            under_way: Vec::new(),
            tokens: 0,
            boot: 1,
            seq: 0,
            closed: Vec::new(),
            arrived: Vec::new(),
            above,
        }
    }

    fn note(&mut self) {
        self.spool.changes().into_iter().for_each(|change| self.ledger.note(change));
    }

    fn write(&mut self) {
        self.note();
        for change in self.ledger.take() {
            self.store.as_ref().unwrap().make(&change).unwrap();
            self.ledger.written(&change);
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Close => {
                self.seq += 1;
                self.closed.push(window(self.boot, self.seq));
                self.spool.push(window(self.boot, self.seq));
            }
            Step::Send | Step::SendToNobody => {
                let Some(site) = self.spool.next_to_send().cloned() else { return };
                if self.ledger.is_on_disk((site.boot, site.seq)) {
                    self.write();
                }
                self.tokens += 1;
                self.spool.sent(self.tokens);
                self.under_way.push(self.tokens);
                if matches!(step, Step::Send) {
                    self.arrive(site);
                }
            }
            Step::Acknowledge => {
                if !self.under_way.is_empty() {
                    assert!(self.spool.acknowledged(self.under_way.remove(0)));
                }
            }
            Step::Break => {
                self.under_way.clear();
                self.spool.connection_lost();
            }
            Step::Write => self.write(),
            Step::Kill => {
                self.under_way.clear();
                self.store = None;
                let (store, found) = Store::open(self.directory.path(), &window(1, 1).site).unwrap();
                assert_eq!(found.unreadable.len(), 0);
                self.store = Some(store);
                // What was not written ended with the process, unless it had arrived already.
                let is_kept = |site: &Site| found.windows.iter().any(|(kept, _)| covers(kept, site));
                self.closed.retain(|site| is_kept(site) || self.arrived.iter().any(|arrived| covers(arrived, site)));
                self.ledger = Ledger::default();
                found.windows.iter().for_each(|(site, _)| self.ledger.found((site.boot, site.seq)));
                self.spool = Spool::new(CAPACITY);
                found
                    .windows
                    .into_iter()
                    .for_each(|(site, history): (Site, History)| self.spool.restore(site, history));
                (self.boot, self.seq) = (self.boot + 1, 0);
            }
        }
        self.note();
    }

    fn arrive(&mut self, site: Site) {
        self.arrived.push(site.clone());
        let mut out = Vec::new();
        self.above.window(Moment::from_millis(u64::from(self.tokens) * 20_000), site, 1, &mut out).unwrap();
        for action in out {
            if let SiteAction::Ask(_, missing) = action {
                self.spool.send_again(&missing);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever breaks in between: once all has arrived, the one above has exactly what was closed.
    #[test]
    fn what_arrives_above_is_what_was_closed(steps in proptest::collection::vec(step(), 1..120)) {
        let mut journey = Journey::new();
        // The first window always arrives: from there on gaps are seen.
        [Step::Close, Step::Send, Step::Acknowledge].into_iter().for_each(|step| journey.take(step));
        let mut lost_above = false;
        for step in steps {
            // Runs that nobody above ever heard of before cannot be asked for: the broker took what it could not give.
            lost_above |= matches!(step, Step::SendToNobody);
            journey.take(step);
        }
        journey.take(Step::Break);
        for _ in 0..4 {
            journey.take(Step::Close);
            for _ in 0..200 {
                journey.take(Step::Send);
                journey.take(Step::Acknowledge);
            }
        }
        prop_assert_eq!((journey.spool.len(), journey.spool.given_up()), (0, 0));
        let all = journey.above.view(Moment::default()).all.unwrap();
        let closed = journey.closed.iter().fold(SiteCounts::default(), |sum, site| sum.plus(&site.counts));
        let mut times = Latency::default();
        journey.closed.iter().for_each(|site| times.merge(&site.wakeup_us).unwrap());
        if !lost_above {
            prop_assert_eq!(all.counts, closed);
            prop_assert_eq!(all.wakeup_us.map(|it| it.p99), times.quantile_ns(0.99).map(ns_to_micros));
            prop_assert_eq!(all.wakeup_us.map(|it| it.count), Some(times.count()));
        }
        // Never more, and times are those of the jobs that are counted.
        prop_assert!(all.counts.jobs <= closed.jobs, "{} of {}", all.counts.jobs, closed.jobs);
        prop_assert_eq!(all.wakeup_us.map(|it| it.count), Some(all.counts.jobs));
    }
}
