//! What the agent adds to a job: in the real-time thread (loop, clock, ring), and after it in the supervisor.

use std::time::Duration;

use analysis::run::Recorder;
use device_agent::mode::{Arbiter, Event, Until};
use device_agent::rt::{JobRecord, run_empty_jobs};
use device_agent::sys::thread_cpu_ns;
use device_agent::time::MonoTime;
use device_agent::window::{Window, WindowConfig};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use heapless::spsc::Queue;
use shared_proto::mode::Mode;
use shared_proto::wire::Totals;

const PERIOD_NS: u64 = 1_000_000;

fn main() {
    // Long enough for a median that comes again on a busy machine; the command line may say otherwise.
    divan::Divan::default().min_time(Duration::from_millis(500)).config_with_args().main();
}

/// The loop without sleep and workload: microseconds for 1000 jobs are nanoseconds for one.
#[divan::bench]
fn thousand_empty_jobs(bencher: Bencher) {
    const JOBS: u32 = 1000;
    bencher.counter(ItemsCount::new(JOBS)).bench(|| run_empty_jobs(black_box(JOBS)));
}

#[divan::bench]
fn read_clock() -> MonoTime {
    MonoTime::now()
}

/// A system call; not in the loop.
#[divan::bench]
fn read_thread_cpu_clock() -> u64 {
    thread_cpu_ns()
}

/// Each record goes to a place of its own in the ring, which has the length of the real one.
#[divan::bench]
fn ring_push_and_pop(bencher: Bencher) {
    let mut queue = Box::new(Queue::<JobRecord, 4096>::new());
    let (mut producer, mut consumer) = queue.split();
    let record = job(0);
    // Touched, as `Ring::new` does it: no first lap with a page fault for each page.
    for _ in 0..4096 {
        let _ = producer.enqueue(record);
        let _ = consumer.dequeue();
    }
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        let _ = producer.enqueue(black_box(record));
        consumer.dequeue()
    });
}

/// As for each report: miss rate, bursts, two histograms, jitter.
#[divan::bench]
fn window_push(bencher: Bencher) {
    let mut window = Window::new(WindowConfig { miss_window: 250, burst_jobs: 10 }, PERIOD_NS);
    let mut number = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        let closed = window.push(black_box(&job(number)));
        number += 1;
        closed
    });
}

/// The finer histogram of `measure`.
#[divan::bench]
fn recorder_record(bencher: Bencher) {
    let mut recorder = Recorder::default();
    let mut number = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        recorder.record(black_box(latency_ns(number)));
        number += 1;
    });
}

#[divan::bench]
fn arbiter_decide(bencher: Bencher) {
    let mut arbiter = Arbiter::default();
    let now = MonoTime::from_nanos(PERIOD_NS);
    arbiter.apply(Event::Wish(Mode::Normal, "calm".into()));
    let until = Until::At(now.plus_nanos(PERIOD_NS));
    arbiter.apply(Event::Commanded { mode: Mode::Degraded, until, reason: "miss rate 0.0873 > 0.05".into() });
    bencher.bench_local(|| black_box(&arbiter).decide(black_box(now)));
}

/// A job that neither missed nor skipped anything.
fn job(number: u64) -> JobRecord {
    let release = MonoTime::from_nanos(number * PERIOD_NS);
    let start = release.plus_nanos(latency_ns(number));
    JobRecord {
        job: number,
        period_ns: PERIOD_NS,
        release,
        start,
        end: start.plus_nanos(PERIOD_NS / 3),
        total: Totals { jobs: number + 1, misses: 0, skipped: 0 },
        ..JobRecord::default()
    }
}

/// 3 to 67 us, scattered so that the next bucket cannot be guessed.
fn latency_ns(number: u64) -> u64 {
    3_000 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48)
}
