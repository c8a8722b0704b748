//! Whether both sides were measured alike, and how.

use super::text;
use crate::compare::format::plain;
use crate::report::document::{Block, Cell, Section, Table, figure, words};
use crate::report::input::Group;
use crate::report::recorded::{Facts, Recorded};
use crate::report::time;
use crate::run::Machine;
use crate::{Comparison, Question};

pub(super) fn section(groups: &[&Group], comparison: Option<&Comparison>) -> Section {
    let mut blocks = vec![text(
        "Only what should differ may differ. What is underlined differs between the sides or within one; whatever it is explains a \
         difference as well as orchestration does.",
    )];
    blocks.push(Block::Table(facts("machine", "The gateway, or the machine of the runs.", groups, &machine())));
    if groups.iter().any(|group| !group.recorded().is_empty()) {
        blocks.push(Block::Table(facts(
            "settings",
            "The devices: what they are and what their kernels granted.",
            groups,
            &devices(),
        )));
        blocks.push(Block::Table(runs(groups)));
    }
    let notes: Vec<String> = comparison.map_or_else(Vec::new, |comparison| comparison.notes.clone());
    let of_files = groups
        .iter()
        .flat_map(|group| group.recorded())
        .flat_map(|run| run.notes.iter().map(|note| format!("{}: {note}", run.name)));
    let all: Vec<String> = notes.into_iter().chain(of_files).collect();
    if !all.is_empty() {
        blocks.push(text("Also:"));
        blocks.push(Block::List(all));
    }
    Section { id: "fairness", title: "Was it a fair comparison?".to_owned(), blocks }
}

/// An aspect by its name, and all its values on a side.
type Aspect = (&'static str, Box<dyn Fn(&Group) -> Vec<String>>);

fn facts(name: &'static str, caption: &str, groups: &[&Group], aspects: &[Aspect]) -> Table {
    let mut head = vec![String::new()];
    head.extend(groups.iter().map(|group| group.label.clone()));
    let row = |(what, tell): &Aspect| {
        let sides: Vec<Vec<String>> = groups.iter().map(|group| distinct(tell(group))).collect();
        let alike = sides.iter().all(|side| Some(side) == sides.first() && side.len() < 2);
        let cell = |side: &Vec<String>| {
            let told = if side.is_empty() { "not known".to_owned() } else { side.join("; ") };
            if alike { words(told) } else { Cell::Differs(told) }
        };
        let empty = sides.iter().all(Vec::is_empty);
        (!empty).then(|| std::iter::once(words(*what)).chain(sides.iter().map(cell)).collect())
    };
    Table { name, caption: caption.to_owned(), head, rows: aspects.iter().filter_map(row).collect() }
}

fn distinct(values: Vec<String>) -> Vec<String> {
    let mut values: Vec<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn machine() -> Vec<Aspect> {
    fn of(name: &'static str, tell: fn(&Machine) -> String) -> Aspect {
        (name, Box::new(move |group| group.sources().iter().map(|source| tell(&source.file().machine)).collect()))
    }
    fn recorded(name: &'static str, tell: fn(&Recorded) -> String) -> Aspect {
        (name, Box::new(move |group| group.recorded().iter().map(tell).collect()))
    }
    vec![
        ("tool", Box::new(|group: &Group| group.sources().iter().map(|source| source.file().tool.clone()).collect())),
        of("host", |machine| machine.host.clone()),
        of("model", |machine| machine.model.clone().unwrap_or_default()),
        of("CPUs", |machine| if machine.cpus > 0 { machine.cpus.to_string() } else { String::new() }),
        of("kernel", |machine| machine.kernel.clone()),
        of("PREEMPT_RT", |machine| {
            machine.preempt_rt.map_or_else(String::new, |real_time| if real_time { "yes" } else { "no" }.to_owned())
        }),
        of("governor", |machine| machine.governor.clone().unwrap_or_default()),
        of("clock source", |machine| machine.clocksource.clone().unwrap_or_default()),
        recorded("broker", |run| run.begin.setup.broker.clone()),
        recorded("commands injected", |run| match run.begin.setup.inject_every_ms {
            Some(ms) => format!("every {} s", plain(ms as f64 / 1000.0)),
            None => "never".to_owned(),
        }),
        recorded("degrade above", |run| plain(run.begin.setup.degrade_above)),
        recorded("note", |run| run.begin.setup.note.clone()),
    ]
}

fn devices() -> Vec<Aspect> {
    fn of(name: &'static str, tell: fn(&Facts) -> Vec<String>) -> Aspect {
        let all = move |group: &Group| {
            group
                .recorded()
                .iter()
                .flat_map(|run| run.devices.values())
                .flat_map(|device| tell(&device.facts))
                .collect()
        };
        (name, Box::new(all))
    }
    vec![
        (
            "devices",
            Box::new(|group: &Group| group.recorded().iter().map(|run| run.devices.len().to_string()).collect()),
        ),
        of("agent", |facts| vec![facts.version.clone()]),
        of("model", |facts| vec![facts.model.clone()]),
        of("kernel", |facts| vec![facts.kernel.clone()]),
        of("task", |facts| vec![facts.task.clone()]),
        of("settings", |facts| vec![facts.settings.join(", ")]),
        (
            "under-voltage or throttled",
            Box::new(|group: &Group| {
                let devices = group.recorded().iter().flat_map(|run| run.devices.values());
                let hot = devices.filter(|device| device.throttled).count();
                vec![if hot > 0 { format!("in {hot} runs of a device") } else { "never told".to_owned() }]
            }),
        ),
    ]
}

fn runs(groups: &[&Group]) -> Table {
    let row = |group: &Group, run: &Recorded| {
        let devices = || run.devices.values();
        let temp = devices().filter_map(|device| device.temp_c).reduce(f32::max);
        vec![
            words(group.side.name()),
            words(run.name.clone()),
            words(time::date(run.begin.started_unix_ms)),
            figure(format!("{:.1}", run.duration_ms / 1000.0)),
            figure(devices().map(|device| device.reports).sum::<u64>().to_string()),
            figure(temp.map_or_else(|| "–".to_owned(), |temp| format!("{temp:.0}"))),
            words(match run.ending {
                Some(crate::experiment::Ending::Complete) => "complete",
                Some(crate::experiment::Ending::Interrupted) => "interrupted",
                None => "cut short",
            }),
        ]
    };
    Table {
        name: "runs",
        caption:
            "The runs. If the sides do not alternate in time, a drift of temperature or load looks like a difference."
                .to_owned(),
        head: ["", "file", "started", "s", "reports", "hottest °C", "ended"].map(str::to_owned).to_vec(),
        rows: groups.iter().flat_map(|group| group.recorded().iter().map(|run| row(group, run))).collect(),
    }
}

/// How the verdicts come about.
pub(super) fn method(comparison: Option<&Comparison>) -> Section {
    let question = comparison.map_or_else(Question::default, |comparison| comparison.question.clone());
    let mut entries = vec![
        "The unit is the run: one figure each. Samples within a run depend on each other and would make chance look like certainty.".to_owned(),
        "A window's times come in buckets 9 % wide (8 an octave), added up exactly over windows and devices. Figures that differ by less \
         than a bucket are not told apart."
            .to_owned(),
        "The wake-up latency is start minus release of the jobs that ran. Releases that were skipped are misses and in no percentile."
            .to_owned(),
    ];
    if comparison.is_some() {
        entries.push(format!(
            "A difference matters from {} % on; of miss rates from {} percentage points on, if that is more. In each scenario \
             the chance of any false difference is at most {alpha} (exact Mann-Whitney tests, Holm's correction); each \"same\" by itself \
             has a chance of {alpha} of being false (two one-sided tests, not corrected for their number).",
            plain(question.smallest_effect * 100.0),
            plain(question.smallest_miss_rate * 100.0),
            alpha = plain(question.alpha),
        ));
        entries.push(
            "The methods with their sources: docs/comparing.md of the project; the format: docs/experiment-file.md."
                .to_owned(),
        );
    }
    Section { id: "method", title: "How these figures come about".to_owned(), blocks: vec![Block::List(entries)] }
}
