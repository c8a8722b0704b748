//! The command line of `device-agent measure`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Order, Scenario};

/// How to measure.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Scenarios to run, with commas between them [default: nominal,cpu-stress,nice,pinned,fifo,deadline,
    /// adaptive,adaptive-stress,io-stress; with --config: configured]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub scenario: Vec<Scenario>,
    /// Every scenario that this machine can run
    #[arg(long, conflicts_with = "scenario")]
    pub all: bool,
    /// Take task, workload, real-time settings, GPIO lines and policy from this configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Period, 100us to 60s [default: 1ms]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = humantime::parse_duration)]
    pub period: Option<Duration>,
    /// Relative deadline, 50us to 60s [default: the period]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = humantime::parse_duration)]
    pub deadline: Option<Duration>,
    /// Length of a run, without warm-up: 1 period to 24h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "10s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// Jobs of this time at the start of each run are not counted: 0s to 1h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "500ms", value_parser = humantime::parse_duration)]
    pub warm_up: Duration,
    /// CPU time of a job as a share of the period, 0 to 1 [default: 0.3]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub workload: Option<f64>,
    /// The same in DEGRADED [default: 3/7 of --workload]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub degraded_workload: Option<f64>,
    /// Bind the thread to this CPU in all scenarios but the deadline ones [default: pinned: the last one; else unbound]
    #[arg(long, value_name = "CPU", allow_hyphen_values = true)]
    pub cpu: Option<u16>,
    /// Priority of SCHED_FIFO, 1 to 98 [default: 80]
    #[arg(long, value_name = "PRIORITY", allow_hyphen_values = true)]
    pub priority: Option<u8>,
    /// What happens to releases that pass while a job runs [default: skip-next]
    #[arg(long, value_name = "POLICY")]
    pub overrun: Option<Overrun>,
    /// Runs of each scenario, 1 to 1000
    #[arg(long, value_name = "N", allow_hyphen_values = true, default_value_t = 1)]
    pub repeat: u32,
    /// Order of the runs
    #[arg(long, value_name = "ORDER", default_value = "interleaved")]
    pub order: Order,
    /// Folder for io-stress, on the disk to be loaded
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    pub io_dir: PathBuf,
    /// How many jobs of each run to keep with their times: those that started latest, and those that ended latest, 0 to 10000
    #[arg(long, value_name = "N", allow_hyphen_values = true, default_value_t = 32)]
    pub outliers: usize,
    /// Print {"runs": [...]} instead of the table
    #[arg(long)]
    pub json: bool,
    /// Also write the JSON to this file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write a line for each job that ran to this file; with the classroom's layout: a file for each run in this folder
    #[arg(long, value_name = "PATH")]
    pub csv: Option<PathBuf>,
    /// Columns of the CSV
    #[arg(long, value_name = "LAYOUT", default_value = "jobs", requires = "csv")]
    pub csv_layout: CsvLayout,
    /// Exit with 3 if the miss rate of a run is above this, 0 to 1
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    pub max_miss_rate: Option<f64>,
    /// Exit with 3 if the 99th percentile of a run's wake-up latency, skipped releases included, is above this, or the run is
    /// too short to tell
    #[arg(long, value_name = "MICROSECONDS", allow_hyphen_values = true)]
    pub max_p99_us: Option<f64>,
    /// Exit with 3 if the machine refused a setting that a scenario asks for
    #[arg(long)]
    pub require_granted: bool,
}

impl Default for Options {
    /// As the command line has them.
    fn default() -> Self {
        Self {
            scenario: Vec::new(),
            all: false,
            config: None,
            period: None,
            deadline: None,
            duration: Duration::from_secs(10),
            warm_up: Duration::from_millis(500),
            workload: None,
            degraded_workload: None,
            cpu: None,
            priority: None,
            overrun: None,
            repeat: 1,
            order: Order::Interleaved,
            io_dir: PathBuf::from("/var/tmp"),
            outliers: 32,
            json: false,
            output: None,
            csv: None,
            csv_layout: CsvLayout::Jobs,
            max_miss_rate: None,
            max_p99_us: None,
            require_granted: false,
        }
    }
}

/// What happens to releases that pass while a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Overrun {
    /// Finish, then go on with the next release of the grid
    SkipNext,
    /// Run late releases back to back, eight at most
    CatchUp,
}

/// Columns of the CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CsvLayout {
    /// scenario, repetition, job, epoch, mode, release_ns, wakeup_ns, response_ns, missed, skipped
    Jobs,
    /// iter, t_ns, dt_ns, jitter_ns, miss, workload_ratio; as there, skipped releases have no line
    Classroom,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_defaults_are_those_of_the_command_line() {
        let parsed = CommandLine::try_parse_from(["measure"]).unwrap().options;
        assert_eq!(format!("{:?}", Options::default()), format!("{parsed:?}"));
    }
}
