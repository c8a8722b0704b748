//! Files of measurement runs, and the statistics that compare them.
//!
//! [`run`] is the file format; it is all there is without the feature `compare`. [`Source`] reads such files and those of
//! cyclictest, [`compare`] says whether one list of runs is better or worse than another, about the same, or whether the
//! runs are too few to tell. [`stats`] has the methods.
//!
//! ```
//! # #[cfg(feature = "compare")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use analysis::run::{Recorder, Run, RunFile, Task};
//! use analysis::{Metric, Question, Source, Verdict, compare};
//!
//! // Five runs whose wake-ups take about so many microseconds.
//! let measured = |about_us: u64| -> Source {
//!     let run = |repetition: u32| {
//!         let mut wakeups = Recorder::default();
//!         for job in 0..3000 {
//!             wakeups.record(about_us * 1000 + job % 70 + u64::from(repetition));
//!         }
//!         Run {
//!             scenario: "idle".to_owned(),
//!             repetition,
//!             task: Task { period_us: 1000.0, deadline_us: 1000.0, ..Task::default() },
//!             releases: 3000,
//!             run: 3000,
//!             wakeup_us: wakeups.distribution(),
//!             ..Run::default()
//!         }
//!     };
//!     let file = RunFile { runs: (1..=5).map(run).collect(), ..RunFile::default() };
//!     Source::in_memory(format!("about {about_us} us"), file)
//! };
//!
//! let comparison = compare(&[measured(30)], &[measured(20)], &Question::default())?;
//! println!("{}", comparison.table());
//! let p99 = &comparison.scenarios[0].metrics[1];
//! assert_eq!((p99.metric, &p99.verdict), (Metric::WakeupP99Us, &Verdict::Worse));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "compare"))]
//! # fn main() {}
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "compare")]
mod compare;
#[cfg(feature = "experiment")]
pub mod experiment;
#[cfg(feature = "report")]
pub mod plot;
#[cfg(feature = "compare")]
mod read;
#[cfg(feature = "report")]
pub mod report;
pub mod run;
#[cfg(feature = "compare")]
pub mod stats;

#[cfg(feature = "compare")]
pub use compare::{
    CompareError, Comparison, Effect, EffectKind, Metric, MetricComparison, Origin, Question, RunsNeeded,
    ScenarioComparison, Side, Verdict, compare,
};
#[cfg(feature = "compare")]
pub use read::{ReadError, Source};
