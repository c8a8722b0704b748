//! What a device tells of itself. It may run any version of the agent, so that what is not needed is not read.

use serde::{Deserialize, Serialize};
use shared_proto::mode::{Mode, ModeSource};

use crate::counts::Counts;
use crate::release::{BadName, ReleaseName};

/// How things are on a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Room where releases go, in KiB.
    pub free_kb: u64,
    /// What the machine calls itself.
    pub machine: String,
    /// The current release.
    pub current: Option<ReleaseName>,
    /// The release before.
    pub previous: Option<ReleaseName>,
    /// The release that is not committed yet.
    pub pending: Option<ReleaseName>,
    /// The update that brought it.
    pub mark: String,
    /// How the last update ended, in the device's words.
    pub outcome: String,
    /// How long the current release has been so, in seconds on the device's clock.
    pub age_s: Option<u64>,
    /// Path of the program that is in place.
    pub installed: String,
    /// The agent's own words, or why there are none.
    pub agent: Result<AgentFacts, String>,
}

/// What the agent tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// Name of the device.
    pub device: String,
    /// This run.
    pub boot: String,
    /// Version of the program.
    pub version: String,
    /// The program that runs; empty from an agent too old to say.
    #[serde(default)]
    pub program: String,
    /// Effective mode.
    pub mode: Mode,
    /// Who decided it.
    pub mode_source: ModeSource,
    /// What it protects itself against.
    pub danger: Option<String>,
    /// Counts since its start.
    pub total: Counts,
    /// The task.
    pub task: TaskFacts,
    /// The connection to the broker.
    pub link: LinkFacts,
}

/// The task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFacts {
    /// Its period in microseconds.
    pub period_us: u64,
}

/// The connection to the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFacts {
    /// Whether it is connected.
    pub up: bool,
}

/// An answer that nobody can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFacts {
    /// A line is missing, or holds no number.
    #[error("the device does not tell {0}")]
    Missing(&'static str),
    /// A release with a strange name.
    #[error(transparent)]
    Name(#[from] BadName),
}

impl Facts {
    /// Reads the answer to `status`.
    ///
    /// # Errors
    /// [`BadFacts`]; that the agent says nothing usable is none.
    pub fn read(text: &str) -> Result<Self, BadFacts> {
        let (lines, agent) = text.split_once("\nagent\n").map_or((text, None), |(lines, words)| (lines, Some(words)));
        let value = |key: &'static str| {
            let found = lines.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.ok_or(BadFacts::Missing(key))
        };
        let release = |key| match value(key)? {
            "" => Ok(None),
            name => ReleaseName::try_from(name.to_owned()).map(Some).map_err(BadFacts::Name),
        };
        let agent = match agent {
            Some(words) => {
                serde_json::from_str(words).map_err(|error| format!("its answer is not understood: {error}"))
            }
            None => Err(value("silent").map_or_else(|_| "no agent is installed".to_owned(), printable)),
        };
        Ok(Self {
            free_kb: value("free_kb")?.parse().map_err(|_| BadFacts::Missing("free_kb"))?,
            machine: printable(value("machine")?),
            current: release("current")?,
            previous: release("previous")?,
            pending: release("pending")?,
            mark: printable(value("mark")?),
            outcome: printable(value("outcome")?),
            age_s: value("age_s").ok().and_then(|seconds| seconds.parse().ok()),
            installed: printable(value("installed")?),
            agent,
        })
    }

    /// Whether the agent that answers is of this release.
    #[must_use]
    pub fn runs(&self, release: &ReleaseName) -> bool {
        let folder = format!("/releases/{release}/");
        self.agent.as_ref().is_ok_and(|agent| agent.program.contains(&folder))
    }
}

/// A device's words must not move a terminal's cursor.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "free_kb=1000\nmachine=aarch64\ncurrent=0123\nprevious=\npending=\nmark=\noutcome=committed 0123 fleet\n\
                         age_s=60\ninstalled=/opt/device-agent/current/device-agent\n";
    const AGENT: &str = r#"{"device":"pi-01","boot":"b","version":"0.1.0","program":"/opt/device-agent/releases/0123/device-agent",
        "mode":"NORMAL","mode_source":"local","danger":null,"total":{"jobs":10,"misses":1,"skipped":0},
        "task":{"period_us":20000,"name":"spin"},"link":{"up":true},"of a later version":1}"#;

    #[test]
    fn lines_and_the_agents_words_are_read() {
        let facts = Facts::read(&format!("{LINES}agent\n{AGENT}\n")).unwrap();
        assert_eq!((facts.free_kb, facts.age_s, facts.previous.as_ref()), (1000, Some(60), None));
        let release = facts.current.clone().unwrap();
        assert!(facts.runs(&release));
        assert!(!facts.runs(&ReleaseName::try_from("012".to_owned()).unwrap()));
        assert_eq!(facts.agent.unwrap().total, Counts { jobs: 10, misses: 1 });
    }

    #[test]
    fn a_silent_agent_is_told_with_its_reason() {
        let facts = Facts::read(&format!("{LINES}silent=nobody\u{1b}[2J listens\n")).unwrap();
        assert_eq!(facts.agent.unwrap_err(), "nobody [2J listens");
        assert!(Facts::read(LINES).unwrap().agent.is_err());
        assert!(Facts::read(&format!("{LINES}agent\n{{}}\n")).unwrap().agent.is_err());
    }

    #[test]
    fn what_a_device_may_not_say_is_refused() {
        assert_eq!(Facts::read("").unwrap_err(), BadFacts::Missing("free_kb"));
        let hostile = LINES.replace("current=0123", "current=../../etc");
        assert!(matches!(Facts::read(&hostile).unwrap_err(), BadFacts::Name(_)));
    }
}
