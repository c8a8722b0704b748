//! What a side is: tools, machines, files.

use serde::Serialize;

use crate::Source;
use crate::run::Machine;

/// Where the runs of a side come from. Each list has what is known, each value once, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Origin {
    /// Names of the files.
    pub files: Vec<String>,
    /// Tools and their versions.
    pub tools: Vec<String>,
    /// Host names.
    pub hosts: Vec<String>,
    /// Models of boards or processors.
    pub models: Vec<String>,
    /// Releases of the kernel; where it is known, with `PREEMPT_RT` or `not PREEMPT_RT`.
    pub kernels: Vec<String>,
    /// Frequency governors.
    pub governors: Vec<String>,
    /// Clock sources.
    pub clocksources: Vec<String>,
}

impl Origin {
    /// Of all these files.
    #[must_use]
    pub fn of(sources: &[Source]) -> Self {
        let known = |tell: fn(&Source) -> Option<String>| {
            let mut all: Vec<String> = Vec::new();
            for value in sources.iter().filter_map(tell).filter(|value| !value.is_empty()) {
                if !all.contains(&value) {
                    all.push(value);
                }
            }
            all
        };
        Self {
            files: sources.iter().map(|source| source.name().to_owned()).collect(),
            tools: known(|source| Some(source.file().tool.clone())),
            hosts: known(|source| Some(source.file().machine.host.clone())),
            models: known(|source| source.file().machine.model.clone()),
            kernels: known(|source| kernel(&source.file().machine)),
            governors: known(|source| source.file().machine.governor.clone()),
            clocksources: known(|source| source.file().machine.clocksource.clone()),
        }
    }

    /// What is known of both sides or of several files, and is not alike.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let aspects = [
            ("tools", &self.tools, &other.tools),
            ("hosts", &self.hosts, &other.hosts),
            ("models", &self.models, &other.models),
            ("kernels", &self.kernels, &other.kernels),
            ("governors", &self.governors, &other.governors),
            ("clock sources", &self.clocksources, &other.clocksources),
        ];
        aspects
            .into_iter()
            .filter_map(|(what, a, b)| {
                let mut both: Vec<&String> = a.iter().chain(b).collect();
                both.sort_unstable();
                both.dedup();
                let told = |values: &[String]| {
                    if values.is_empty() { "not known".to_owned() } else { values.join(" and ") }
                };
                (both.len() > 1).then(|| format!("{what} differ: A {}; B {}", told(a), told(b)))
            })
            .collect()
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let named =
            |what: &str, values: &[String]| (!values.is_empty()).then(|| format!("{what}{}", values.join(" and ")));
        let parts = [
            named("", &self.tools),
            named("host ", &self.hosts),
            named("", &self.models),
            named("kernel ", &self.kernels),
            named("governor ", &self.governors),
            named("clock source ", &self.clocksources),
        ];
        let mut parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.push(self.files.join(", "));
        parts.join("; ")
    }
}

fn kernel(machine: &Machine) -> Option<String> {
    let preemption = match machine.preempt_rt {
        Some(true) => " PREEMPT_RT",
        Some(false) => " not PREEMPT_RT",
        None => "",
    };
    Some(format!("{}{preemption}", machine.kernel).trim().to_owned())
}
