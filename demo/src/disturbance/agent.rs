//! One run of the whole agent, in this process.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use analysis::run::Run;
use device_agent::config::Config;
use device_agent::measure::{Collector, MeasureError, Plan};
use device_agent::rt::{JobRecord, Unbalanced};
use device_agent::supervisor::{Answer, Parts, Request, run_with};
use device_agent::time::MonoTime;
use shared_host::control::{ControlError, ask};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::arm::Conditions;
use super::evidence::{Evidence, Look, Seen};
use super::trouble::Trouble;

/// How long the agent may take to get into its state, and beyond its time until the first job is counted.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the agent for as long as the plan says, counted from when it is in its state and warm.
pub(super) async fn run(plan: &Plan, mut config: Config, conditions: &Conditions) -> Result<(Run, Evidence), Trouble> {
    let dir = tempfile::tempdir()?;
    let socket = dir.path().join("agent.sock");
    config.control_socket = Some(socket.clone());
    let jobs = Jobs::default();
    let (stop, told) = oneshot::channel::<()>();
    // Also when the other end is dropped.
    let stopped = async move { drop(told.await) };
    let mut agent = pin!(run_with(config, jobs.parts(plan), stopped));
    let watched = tokio::select! {
        // The agent first: it has opened its control socket before it is asked anything.
        biased;
        ended = &mut agent => return Err(ended.map_or_else(Trouble::Agent, |_| Trouble::Ended)),
        watched = watch(plan, conditions, &socket, &jobs) => watched,
    };
    // In good order also when something went wrong: the lines get their safe levels.
    let _ = stop.send(());
    let summary = agent.await?;
    let Watched { seen, workload } = watched?;
    let collector = jobs.finish()?;
    let run = collector.and_then(|collector| collector.finish(&workload, summary.total)).ok_or(MeasureError::NoJobs)?;
    let evidence = seen.judge(conditions, &summary)?;
    Ok((run, evidence))
}

struct Watched {
    seen: Seen,
    workload: String,
}

/// Waits for the state, lets the run's time pass, and asks the agent how it is before and after.
async fn watch(plan: &Plan, conditions: &Conditions, socket: &Path, jobs: &Jobs) -> Result<Watched, Trouble> {
    let before = ready(conditions, socket).await?;
    let since = Instant::now();
    jobs.count_from(MonoTime::now().plus_nanos(plan.warm_up_ns));
    let limit = Duration::from_nanos(plan.warm_up_ns.saturating_add(plan.duration_ns)) + PATIENCE;
    loop {
        // The time counts from the first release after the warm-up.
        let left_ns = jobs.first_release().map(|first| first.plus_nanos(plan.duration_ns).nanos_since(MonoTime::now()));
        match left_ns {
            Some(0) => break,
            None if since.elapsed() > limit => return Err(MeasureError::NoJobs.into()),
            left_ns => {
                sleep(left_ns.map_or(LOOK, |left_ns| Duration::from_nanos(left_ns).max(Duration::from_millis(1)))).await
            }
        }
    }
    jobs.look_at_end();
    let after = status(socket).await?;
    let seen = Seen { before, after: Look::from(&after), elapsed: since.elapsed() };
    Ok(Watched { seen, workload: after.task.name.to_string() })
}

/// How the agent is once it is in its state.
async fn ready(conditions: &Conditions, socket: &Path) -> Result<Look, Trouble> {
    let since = Instant::now();
    loop {
        let look = Look::from(&status(socket).await?);
        let Some(missing) = look.missing(conditions) else { return Ok(look) };
        if since.elapsed() > PATIENCE {
            return Err(Trouble::NotReady { waited_s: PATIENCE.as_secs(), missing });
        }
        sleep(LOOK).await;
    }
}

/// Asks as `device-agent status` does.
async fn status(socket: &Path) -> Result<Answer, Trouble> {
    let path: PathBuf = socket.to_owned();
    // Asking blocks, and the supervisor that answers runs on this thread.
    let asked = spawn_blocking(move || ask::<_, Answer>(&path, &Request::Status)).await;
    Ok(asked.map_err(std::io::Error::other)?.map_err(|error: ControlError| error)?)
}

/// The job records of the agent, counted on its supervisor's thread.
#[derive(Debug, Clone, Default)]
struct Jobs(Rc<RefCell<Counting>>);

#[derive(Debug, Default)]
struct Counting {
    /// There once the real-time thread runs.
    collector: Option<Collector>,
    broken: Option<Unbalanced>,
}

impl Jobs {
    /// What the agent brings its records to.
    fn parts(&self, plan: &Plan) -> Parts {
        let (started, watcher, plan) = (self.clone(), self.clone(), plan.clone());
        Parts {
            started: Some(Box::new(move |rt| started.0.borrow_mut().collector = Some(Collector::new(&plan, rt)))),
            watcher: Some(Box::new(move |record| watcher.0.borrow_mut().see(record))),
            ..Parts::default()
        }
    }

    fn count_from(&self, instant: MonoTime) {
        if let Some(collector) = &mut self.0.borrow_mut().collector {
            collector.count_from(instant);
        }
    }

    fn first_release(&self) -> Option<MonoTime> {
        self.0.borrow().collector.as_ref()?.first_release()
    }

    fn look_at_end(&self) {
        if let Some(collector) = &mut self.0.borrow_mut().collector {
            collector.look_at_end();
        }
    }

    fn finish(&self) -> Result<Option<Collector>, Unbalanced> {
        let Counting { collector, broken } = self.0.take();
        broken.map_or(Ok(collector), Err)
    }
}

impl Counting {
    fn see(&mut self, record: &JobRecord) {
        if let Some(collector) = &mut self.collector
            && let Err(unbalanced) = collector.see(record)
        {
            self.broken.get_or_insert(unbalanced);
        }
    }
}
