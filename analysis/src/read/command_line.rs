//! What cyclictest's own command line tells about a measurement.

use shared_proto::wire::Schedule;

/// cyclictest's histogram has no more rows than this, whatever it is told.
const HIST_MAX: u64 = 1_000_000;

/// The options that matter here, as rt-tests 2.x has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Options {
    /// `-i`, `--interval`: period in microseconds.
    pub(super) interval_us: Option<u64>,
    /// `-h`, `-H`, `--histogram`, `--histofall`: the histogram ends here, in the unit of the output.
    pub(super) limit: Option<u64>,
    /// `-p`, `--priority`.
    pub(super) priority: Option<u8>,
    /// `--policy`.
    pub(super) policy: Option<String>,
    /// `-m`, `--mlockall`.
    pub(super) locked: bool,
    /// `-a`, `-S` or their long names: each thread is bound to one CPU.
    pub(super) bound: bool,
}

/// An option in its one-letter form; `'P'` stands for `--policy`, which has none.
struct Given<'a> {
    letter: char,
    value: &'a str,
}

/// One-letter options with a value; the value of `a`, `A` and `t` may be left out.
const WITH_VALUE: &str = "bcdDFhHiloP";
const WITH_OPTIONAL_VALUE: &str = "aAt";

impl Options {
    /// Reads a command line as cyclictest wrote it down, words separated by blanks. What is not known is passed over.
    pub(super) fn parse(command_line: &str) -> Self {
        let mut words = command_line.split_whitespace().skip(1).peekable();
        let mut options = Self::default();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let Some(letter) = letter_of(name) else { continue };
                let value = match value {
                    Some(value) => value,
                    None if takes_value(letter) => words.next().unwrap_or_default(),
                    None => "",
                };
                options.take(&Given { letter, value });
            } else if let Some(cluster) = word.strip_prefix('-') {
                for (at, letter) in cluster.char_indices() {
                    let rest = cluster.get(at + letter.len_utf8()..).unwrap_or_default();
                    let optional = WITH_OPTIONAL_VALUE.contains(letter);
                    if !takes_value(letter) && !optional {
                        options.take(&Given { letter, value: "" });
                        continue;
                    }
                    let value = match rest {
                        "" if optional => words.next_if(|next| !next.starts_with('-')).unwrap_or_default(),
                        "" => words.next().unwrap_or_default(),
                        attached => attached,
                    };
                    options.take(&Given { letter, value });
                    break;
                }
            }
        }
        options
    }

    fn take(&mut self, given: &Given<'_>) {
        let value = given.value;
        match given.letter {
            'i' => self.interval_us = value.parse().ok(),
            'h' | 'H' => self.limit = value.parse().ok().map(|limit: u64| limit.min(HIST_MAX)),
            'p' => self.priority = value.parse().ok(),
            'P' => self.policy = Some(value.to_owned()),
            'm' => self.locked = true,
            'a' | 'S' => self.bound = true,
            _ => {}
        }
    }

    /// The scheduler, where this project has a word for it. With a priority and no policy, cyclictest takes FIFO.
    pub(super) fn schedule(&self) -> Option<Schedule> {
        match (self.policy.as_deref(), self.priority) {
            (Some("fifo"), _) | (None, Some(1..)) => Some(Schedule::Fifo),
            (Some("other" | "normal"), _) | (None, _) => Some(Schedule::Other),
            (Some(_), _) => None,
        }
    }
}

fn takes_value(letter: char) -> bool {
    letter == 'p' || WITH_VALUE.contains(letter)
}

/// The letter of a long name, also of one cut short where that is unique.
fn letter_of(name: &str) -> Option<char> {
    const NAMES: [(&str, usize, char); 11] = [
        ("interval", 1, 'i'),
        ("histogram", 6, 'h'),
        ("histofall", 6, 'H'),
        ("priority", 5, 'p'),
        ("policy", 2, 'P'),
        ("mlockall", 2, 'm'),
        ("affinity", 2, 'a'),
        ("smp", 3, 'S'),
        ("loops", 2, 'l'),
        ("duration", 2, 'D'),
        ("distance", 2, 'd'),
    ];
    NAMES
        .into_iter()
        .find(|(full, least, _)| name.len() >= *least && full.starts_with(name))
        .map(|(_, _, letter)| letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_to_write_an_option() {
        for line in [
            "cyclictest -m -p 80 -i 250 -a 1 -h 5000",
            "/usr/bin/cyclictest -mp80 -i250 -S -H5000 -q",
            "cyclictest -qmSp80 --interval=250 --histogram 5000 --json=out.json",
            "cyclictest --mlockall --priority=80 --int 250 --affinity --histofall=5000 -l 500",
            "cyclictest -l 9 -D 10 -i 250 -t -m -a -p 80 -h 5000",
        ] {
            let expected = Options {
                interval_us: Some(250),
                limit: Some(5000),
                priority: Some(80),
                policy: None,
                locked: true,
                bound: true,
            };
            assert_eq!(Options::parse(line), expected, "{line}");
        }
    }

    #[test]
    fn the_value_of_one_option_is_not_another_option() {
        let options = Options::parse("cyclictest -F -i -l 300 -t 2 --json -m");
        assert_eq!((options.interval_us, options.locked), (None, true));
        assert_eq!(Options::parse("cyclictest -i x -p 300"), Options::default());
        assert_eq!(Options::parse(""), Options::default());
        assert_eq!(Options::parse("cyclictest -i"), Options::default());
    }

    #[test]
    fn schedulers() {
        let schedule = |line| Options::parse(line).schedule();
        assert_eq!(schedule("cyclictest -p 5"), Some(Schedule::Fifo));
        assert_eq!(schedule("cyclictest"), Some(Schedule::Other));
        assert_eq!(schedule("cyclictest -p 5 --policy=rr"), None);
        assert_eq!(schedule("cyclictest --policy=fifo -p 5"), Some(Schedule::Fifo));
        assert_eq!(schedule("cyclictest --policy normal"), Some(Schedule::Other));
    }
}
