//! `push` and `rollback`: one device.

use std::io::{self, Write};

use super::{Failure, artefact, print, who};
use crate::cli::{One, Push};
use crate::clock::MachineClock;
use crate::device::{Back, Connections, Device, Ssh, Trouble};
use crate::health::Seen;
use crate::update::{Outcome, Task, Update, answers, is_back};

pub(super) fn push(options: &Push) -> Result<(), Failure> {
    let artefact = artefact(&options.what)?;
    let (listed, inventory) = who::device(&options.device.host, &options.device.reach)?;
    let connections = Connections::open().map_err(Failure::failed)?;
    let device = Ssh::new(listed.place.clone(), &connections);
    let policy = inventory.policy;
    let task = Task { artefact: &artefact, terms: policy.terms, guard: policy.guard, poll: policy.poll };
    let label = listed.label();
    print(&format!("{label}: release {} of {}\n", artefact.release(), artefact.file.display()))?;
    let update = Update {
        task: &task,
        device: &device,
        name: listed.name.as_deref(),
        clock: &MachineClock::new(),
        seen: &|_, _| Seen::NotLooked,
        tell: &|step| {
            // Who reads along is no condition of the update.
            let _ = writeln!(io::stdout(), "{label}: {step}");
            Ok(())
        },
    };
    let outcome = update.run();
    let told = format!("{label}: {outcome}");
    match outcome {
        Outcome::Done { .. } | Outcome::Already => print(&format!("{told}\n")),
        Outcome::Untouched { .. } | Outcome::WentBack { .. } => Err(Failure::Failed(told)),
        Outcome::Unclear { .. } => Err(Failure::Unclear(told)),
    }
}

pub(super) fn rollback(options: &One) -> Result<(), Failure> {
    let (listed, inventory) = who::device(&options.host, &options.reach)?;
    let connections = Connections::open().map_err(Failure::failed)?;
    let device = Ssh::new(listed.place.clone(), &connections);
    let (label, policy) = (listed.label(), inventory.policy);
    let failed = |trouble: Trouble| Failure::failed(format_args!("{label}: {trouble}"));
    let now = device.status().map_err(failed)?;
    if let Err(trouble) = device.go_back(&Back::Anything) {
        let unchanged = device.status().is_ok_and(|facts| facts.current == now.current);
        // A restart that failed is tried again by the service itself: the answer below tells.
        match trouble {
            Trouble::Refused(_) if unchanged => return Err(failed(trouble)),
            Trouble::Refused(_) => {}
            Trouble::Unreachable(_) => return Err(Failure::Unclear(format!("{label}: {trouble}"))),
        }
    }
    let other = |facts: &crate::device::Facts| facts.current != now.current && is_back(facts);
    answers(&device, &MachineClock::new(), policy.terms.start_limit, policy.poll, other)
        .map_err(|words| Failure::Unclear(format!("{label}: went back, and the agent does not answer: {words}")))?;
    print(&format!("{label}: went back\n"))
}
