//! What the spool writes to a disk: plays days of a device in minutes, on the agent's own core and store with real files.
//!
//! `cargo run --release -p system-tests --bin wear -- --hours 24`

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use device_agent::agent::{Agent, Autonomy, Context, Identity, Setup, TaskPlan};
use device_agent::keeper::{FlushConfig, Keeper, PlaceStatus, StoreConfig};
use device_agent::rt::{Effect, JobRecord, Timing};
use device_agent::spool::Lane;
use device_agent::time::MonoTime;
use device_agent::window::WindowConfig;
use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;
use shared_proto::wire::{Host, OverrunPolicy, RtContext, Schedule, Totals};

/// Plays days of a device, online and offline, and tells what its spool writes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Hours of each scenario.
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// Milliseconds between reports.
    #[arg(long, default_value_t = 200)]
    interval_ms: u64,
    /// Reports that the spool holds.
    #[arg(long, default_value_t = 1024)]
    max_reports: usize,
    /// Seconds between writes while offline.
    #[arg(long, default_value_t = 300)]
    flush_every_s: u64,
    /// Only scenarios whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Directory on the disk that is written, with a file system whose writes the kernel counts. Default: a temporary one.
    #[arg(long)]
    dir: Option<PathBuf>,
}

const PERIOD_NS: u64 = 20_000_000;

/// A device and its connection, on a clock of its own.
struct Device {
    agent: Agent<u64>,
    keeper: Keeper,
    chance: fastrand::Rng,
    now: MonoTime,
    total: Totals,
    effect: Effect,
    token: u64,
}

/// When there is a connection, by the hour of the scenario.
type Online = fn(u64) -> bool;

const SCENARIOS: [(&str, Online); 3] =
    [("always online", |_| true), ("one hour in 24 offline", |hour| hour % 24 != 12), ("always offline", |_| false)];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match play_all(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error leaves only the exit code to tell.
            let _ = writeln!(io::stderr(), "wear: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play_all(arguments: &Arguments) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} h, a report each {} ms of {} jobs, spool.max_reports {}, spool.flush_every_s {}; all a day\n",
        arguments.hours,
        arguments.interval_ms,
        arguments.interval_ms * 1_000_000 / PERIOD_NS,
        arguments.max_reports,
        arguments.flush_every_s
    )?;
    writeln!(
        out,
        "{:<24} {:>9} {:>7} {:>7} {:>12} {:>12} {:>14}",
        "", "reports", "writes", "fsyncs", "journal kB", "kernel kB", "volatile kB"
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    for (name, online) in SCENARIOS.into_iter().filter(|(name, _)| name.contains(&arguments.only)) {
        let home = match &arguments.dir {
            Some(dir) => tempfile::tempdir_in(dir)?,
            None => tempfile::tempdir()?,
        };
        let in_memory = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" })?;
        let before = kernel_bytes();
        let mut device = Device::start(arguments, home.path(), in_memory.path())?;
        runtime.block_on(device.play(arguments, online));
        let status = device.keeper.status();
        let a_day = |number: u64| number * 24 / arguments.hours.max(1);
        let of = |place: &Option<PlaceStatus>, count: fn(&PlaceStatus) -> u64| place.as_ref().map_or(0, count);
        writeln!(
            out,
            "{name:<24} {:>9} {:>7} {:>7} {:>12.1} {:>12} {:>14.0}",
            a_day(device.agent.seq()),
            a_day(of(&status.durable, |place| place.writes)),
            a_day(of(&status.durable, |place| place.syncs)),
            kilo(a_day(of(&status.durable, |place| place.bytes))),
            before.zip(kernel_bytes()).map_or("?".to_owned(), |(before, after)| {
                format!("{:.1}", kilo(a_day(after.saturating_sub(before))))
            }),
            kilo(a_day(of(&status.volatile, |place| place.bytes))),
        )?;
        out.flush()?;
    }
    writeln!(
        out,
        "\njournal: what the program wrote to spool.dir. kernel: what that was in pages (/proc/self/io), without the\n\
         file system's own. volatile: what went to spool.runtime_dir, in memory."
    )
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn kilo(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}

/// Bytes that the kernel has to write to block devices for this process so far.
fn kernel_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).and_then(|bytes| bytes.trim().parse().ok())
}

impl Device {
    fn start(arguments: &Arguments, dir: &Path, runtime_dir: &Path) -> io::Result<Self> {
        let timing = Timing {
            normal_period_ns: PERIOD_NS,
            degraded_period_ns: PERIOD_NS,
            deadline_ns: None,
            overrun: OverrunPolicy::SkipNext,
        };
        let now = MonoTime::from_nanos(1_000_000_000);
        let setup = Setup {
            identity: Identity { device: "wear".parse().map_err(io::Error::other)?, boot: BootId(1) },
            plan: TaskPlan { workload: "spin".into(), timing, normal_load: Ratio::ZERO, degraded_load: Ratio::ZERO },
            window: WindowConfig { miss_window: 250, burst_jobs: 10 },
            policy: PolicyConfig::default(),
            autonomy: Autonomy::Normal,
            spool_capacity: arguments.max_reports,
        };
        let every = Duration::from_secs(arguments.flush_every_s);
        let store = StoreConfig {
            runtime_dir: Some(runtime_dir.to_owned()),
            dir: Some(dir.to_owned()),
            max_bytes: 16 << 20,
            flush: FlushConfig { after: Duration::from_secs(60), every },
        };
        Ok(Self {
            keeper: Keeper::open(&store, now)?,
            agent: Agent::new(setup, now),
            chance: fastrand::Rng::with_seed(1),
            now,
            total: Totals::default(),
            effect: Effect { mode: Mode::Normal, change: 0, job: 0, at: now },
            token: 0,
        })
    }

    async fn play(&mut self, arguments: &Arguments, online: Online) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(10);
        let context = self.context();
        self.keeper.begin(&mut self.agent, &context, patience).await;
        let windows = arguments.hours * 3_600_000 / arguments.interval_ms.max(1);
        let jobs = (arguments.interval_ms * 1_000_000 / PERIOD_NS).max(1);
        let mut connected = false;
        for window in 0..windows {
            let wanted = online(window * arguments.interval_ms / 3_600_000);
            if wanted && !connected {
                self.agent.connection_made();
            } else if connected && !wanted {
                self.agent.connection_lost(|_| true);
            }
            connected = wanted;
            (0..jobs).for_each(|_| self.job());
            let context = self.context();
            self.agent.close_window(&context);
            self.settle(connected).await;
        }
    }

    /// Reports go out as the store lets them, and are acknowledged at once.
    async fn settle(&mut self, connected: bool) {
        loop {
            self.keeper.step(&mut self.agent, self.now);
            let mut sent = false;
            for lane in [Lane::Live, Lane::Backlog] {
                while connected && self.agent.spool().next_to_send(lane).is_some() {
                    self.token += 1;
                    self.agent.spool().sent(lane, self.token);
                    sent = self.agent.acknowledged(self.token);
                }
            }
            self.keeper.step(&mut self.agent, self.now);
            if self.keeper.is_idle() && !sent {
                return;
            }
            while !self.keeper.is_idle() {
                let Some(event) = self.keeper.next_of_all().await else { return };
                self.keeper.handle(event, &mut self.agent, self.now);
            }
        }
    }

    /// A job with latencies as on an ordinary kernel: 60 µs and a tail.
    fn job(&mut self) {
        let job = self.total.jobs;
        self.now = self.now.plus_nanos(PERIOD_NS);
        self.total.jobs += 1;
        let late = 40_000.0 * (1.0 - self.chance.f64()).powf(-0.4);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and far below 2^53")]
        let late = late as u64;
        let start = self.now.plus_nanos(late);
        let record = JobRecord {
            job,
            epoch: 0,
            period_ns: PERIOD_NS,
            epoch_base: Totals::default(),
            release: self.now,
            start,
            end: start.plus_nanos(14_000_000 + self.chance.u64(..200_000)),
            missed: false,
            skipped: 0,
            total: self.total,
            effect: self.effect,
        };
        let context = self.context();
        self.agent.job(&record, &context);
        self.agent.note_progress(&context);
        // As often as the agent reads its ring; the answers are taken in with the report.
        self.keeper.step(&mut self.agent, self.now);
    }

    fn context(&mut self) -> Context {
        let ratio = |chance: &mut fastrand::Rng| Some(Ratio::of(chance.u64(..1_000_000), 1_000_000));
        let host = Host {
            cpu: ratio(&mut self.chance),
            steal: Some(Ratio::ZERO),
            temp_c: Some(48.3),
            throttled: Some(0),
            freq_mhz: Some(1_500),
            rss_kb: Some(6_120),
        };
        let rt = RtContext {
            schedule: Schedule::Fifo,
            priority: 80,
            cpu: Some(3),
            locked: true,
            self_overhead_ns: 180,
            preemptions: 0,
            faults: 0,
        };
        Context {
            now: self.now,
            t_ms: 1_700_000_000_000 + self.now.as_nanos() / 1_000_000,
            clock_synced: true,
            host,
            rt,
        }
    }
}
