//! A task that takes its whole CPU is noticed, and throttling is called by its name.

use shared_proto::wire::SettingOutcome;

use crate::harness::{Agent, DEVICE, Site, eventually};

#[test]
fn a_runaway_task_is_named_in_the_log() {
    let site = Site::embedded();
    // A job as long as its period never rests when late releases are caught up with.
    let keys = [("spin.normal_ratio", "1"), ("task.overrun", "catch-up"), ("realtime.scheduler", "fifo")];
    let mut agent = Agent::start(&site, DEVICE, &keys);
    let status = agent.status();
    let scheduler =
        status.settings.iter().find(|setting| setting.name.to_string() == "scheduler").expect("the scheduler");
    let consequence = match scheduler.outcome {
        SettingOutcome::Granted => "real-time throttling",
        SettingOutcome::Refused => {
            println!("SCHED_FIFO is refused here ({}): only the ordinary scheduler's case is tested", scheduler.why);
            assert!(agent.log().contains("RLIMIT_RTPRIO"), "the log says what would get it granted");
            "no CPU time is left"
        }
    };
    eventually("the runaway in the log", || {
        let log = agent.log();
        (log.contains("runaway") && log.contains(consequence)).then_some(())
    });
    agent.terminate();
}
