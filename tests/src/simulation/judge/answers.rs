//! Commands and their answers.

use std::collections::BTreeMap;

use device_agent::agent::CommandCounts;
use shared_proto::ids::{BootId, CommandId};
use shared_proto::limits::MAX_AHEAD_MS;
use shared_proto::mode::Mode;
use shared_proto::wire::{Ack, Outcome, SetMode};

use super::super::time::Time;
use super::{Broken, Law};

/// What a command must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// It is taken.
    Taken,
    /// It is taken and changes nothing: a policy's, too soon after the last change.
    TooSoon,
    /// It was taken before, or refused for good.
    Repeated,
    /// An earlier run took it: its answer is repeated, or it is called a duplicate; or nothing was kept of it.
    TakenBefore,
    /// It comes too late.
    Late,
    /// It is for another run.
    Foreign,
    /// It quotes a time that has not come.
    Ahead,
}

impl Verdict {
    pub(in super::super) fn changes_nothing(self) -> bool {
        self != Self::Taken
    }
}

#[derive(Debug)]
struct Case {
    verdict: Verdict,
    delivered: Time,
    answer: Option<Ack>,
}

/// The commands of one device.
#[derive(Debug, Default)]
pub(in super::super) struct Answers {
    cases: BTreeMap<(BootId, CommandId), Case>,
}

impl Answers {
    /// A command is about to be handed to the run `boot`, whose clock says `up_ms`. `settled` tells that its last change of
    /// mode was a policy's, less than a dwell ago, and to which mode.
    pub(in super::super) fn delivered(
        &mut self,
        boot: BootId,
        up_ms: u64,
        command: &SetMode,
        settled: Option<Mode>,
        now: Time,
    ) -> Verdict {
        let policys = command.cause.is_some() && command.lease_ms.millis().is_some();
        let taken = match settled {
            Some(mode) if policys && mode != command.mode => Verdict::TooSoon,
            _ => Verdict::Taken,
        };
        let key = (boot, command.id.clone());
        let fresh = command.fresh.map_or(taken, |fresh| {
            if fresh.boot != boot {
                Verdict::Foreign
            } else if fresh.up_ms > up_ms + MAX_AHEAD_MS {
                Verdict::Ahead
            } else if up_ms > fresh.up_ms + u64::from(fresh.ttl_ms) {
                Verdict::Late
            } else {
                taken
            }
        });
        let earlier = |(key, case): (&(BootId, CommandId), &Case)| {
            key.1 == command.id && key.0 != boot && matches!(case.verdict, Verdict::Taken | Verdict::TooSoon)
        };
        let fresh = if self.cases.iter().any(earlier) { Verdict::TakenBefore } else { fresh };
        match self.cases.get(&key).map(|case| case.verdict) {
            Some(Verdict::Taken | Verdict::TooSoon | Verdict::Ahead | Verdict::Repeated) => Verdict::Repeated,
            Some(Verdict::Late | Verdict::Foreign | Verdict::TakenBefore) => fresh,
            None => {
                self.cases.insert(key, Case { verdict: fresh, delivered: now, answer: None });
                fresh
            }
        }
    }

    /// What the agent's counters did meanwhile.
    pub(in super::super) fn counted(
        verdict: Verdict,
        id: &CommandId,
        before: &CommandCounts,
        after: &CommandCounts,
    ) -> Result<(), Broken> {
        let mut expected = *before;
        let law = match verdict {
            Verdict::Taken | Verdict::TooSoon => {
                expected.accepted += 1;
                Law::OneAnswer
            }
            Verdict::Repeated => {
                expected.duplicate += 1;
                Law::AppliedOnce
            }
            Verdict::TakenBefore => {
                let expired = CommandCounts { expired: before.expired + 1, ..*before };
                if expired == *after {
                    return Ok(());
                }
                expected.duplicate += 1;
                Law::AppliedOnce
            }
            Verdict::Late | Verdict::Foreign | Verdict::Ahead => {
                expected.expired += 1;
                Law::Expired
            }
        };
        if expected == *after {
            return Ok(());
        }
        Err(Broken::new(law, format!("command {id} is {verdict:?}, but the agent counts {after:?} after {before:?}")))
    }

    /// An answer reached the broker; whether it repeats an earlier one.
    pub(in super::super) fn answered(&mut self, ack: &Ack) -> Result<bool, Broken> {
        let wrong = |how: String| Err(Broken::new(Law::OneAnswer, how));
        let Some(case) = self.cases.get_mut(&(ack.boot, ack.id.clone())) else {
            return wrong(format!("command {} was answered {:?} and never delivered", ack.id, ack.result));
        };
        let fits = match case.verdict {
            Verdict::Taken => matches!(ack.result, Outcome::Applied | Outcome::Unchanged),
            Verdict::TakenBefore => matches!(ack.result, Outcome::Duplicate | Outcome::Expired),
            Verdict::TooSoon => ack.result == Outcome::Unchanged,
            Verdict::Late | Verdict::Foreign | Verdict::Ahead => ack.result == Outcome::Expired,
            Verdict::Repeated => false,
        };
        if !fits {
            return wrong(format!("command {} is {:?}, and was answered {:?}", ack.id, case.verdict, ack.result));
        }
        let Some(before) = &case.answer else {
            case.answer = Some(ack.clone());
            return Ok(false);
        };
        // What came too late is judged anew each time: its age, and the mode in effect, are those of the time.
        let alike = match case.verdict {
            Verdict::Late | Verdict::Foreign | Verdict::TakenBefore => before.result == ack.result,
            _ => before == ack,
        };
        if alike { Ok(true) } else { wrong(format!("command {} has two answers: {before:?} and {ack:?}", ack.id)) }
    }

    /// Every command that reached this run by `by` is answered.
    pub(in super::super) fn all_answered(&self, boot: BootId, by: Time) -> Result<(), Broken> {
        let open = |(key, case): &(&(BootId, CommandId), &Case)| {
            key.0 == boot
                && case.delivered <= by
                && case.answer.is_none()
                // Its answer may be that of the earlier run.
                && case.verdict != Verdict::TakenBefore
        };
        match self.cases.iter().find(open) {
            None => Ok(()),
            Some(((_, id), case)) => {
                let how =
                    format!("command {id} came at {} as {:?} and was never answered", case.delivered, case.verdict);
                Err(Broken::new(Law::OneAnswer, how))
            }
        }
    }

    /// Commands that reached any run of the device.
    pub(in super::super) fn knows(&self, id: &CommandId) -> bool {
        self.cases.keys().any(|(_, known)| known == id)
    }
}
