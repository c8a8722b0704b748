//! Laws that hold for any sequence of messages.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Report {
        miss_rate: f64,
    },
    OldReport,
    Birth {
        new_conn: bool,
    },
    Will,
    Reboot,
    Obey,
    Reject,
    DeviceTakes(Mode, ModeSource),
    Wish(Option<Wish>),
    Link {
        up: bool,
    },
    /// The device was out of reach for so many windows, and delivers them at once.
    Backlog {
        windows: u64,
        miss_rate: f64,
    },
    /// The controller has no connection for a while; then the broker hands out what it kept.
    Away {
        ms: u64,
        meanwhile: Meanwhile,
    },
}

/// What the device does while the controller is away.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Nothing,
    Dies,
    Reconnects,
    Reboots,
}

fn steps() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![Just(Mode::Normal), Just(Mode::Degraded)];
    let source = prop_oneof![
        Just(ModeSource::Operator),
        Just(ModeSource::Safety),
        Just(ModeSource::Gateway),
        Just(ModeSource::Local),
        Just(ModeSource::Default)
    ];
    let wish = prop_oneof![
        Just(None),
        Just(Some(Wish::Mode(Mode::Normal))),
        Just(Some(Wish::Mode(Mode::Degraded))),
        Just(Some(Wish::Release))
    ];
    let meanwhile = prop_oneof![
        2 => Just(Meanwhile::Nothing),
        1 => Just(Meanwhile::Dies),
        1 => Just(Meanwhile::Reconnects),
        1 => Just(Meanwhile::Reboots)
    ];
    prop_oneof![
        6 => (0u64..8_000).prop_map(Step::Pass),
        6 => prop_oneof![Just(0.0), Just(0.03), Just(0.5)].prop_map(|miss_rate| Step::Report { miss_rate }),
        1 => Just(Step::OldReport),
        2 => any::<bool>().prop_map(|new_conn| Step::Birth { new_conn }),
        1 => Just(Step::Will),
        1 => Just(Step::Reboot),
        4 => Just(Step::Obey),
        1 => Just(Step::Reject),
        2 => (mode, source).prop_map(|(mode, source)| Step::DeviceTakes(mode, source)),
        1 => wish.prop_map(Step::Wish),
        1 => any::<bool>().prop_map(|up| Step::Link { up }),
        1 => (1u64..40, prop_oneof![Just(0.0), Just(0.5)])
            .prop_map(|(windows, miss_rate)| Step::Backlog { windows, miss_rate }),
        2 => (10u64..30_000, meanwhile).prop_map(|(ms, meanwhile)| Step::Away { ms, meanwhile }),
    ]
}

/// Watches every command against the laws.
struct Watch {
    site: Site,
    link: u64,
    connected: bool,
    /// The device said that it left, and was not born since.
    gone: bool,
    /// Something came from the device itself on this connection to the broker.
    heard: bool,
    /// What the broker keeps on the status topic.
    kept: Option<Status>,
    last: Option<(u64, SetMode)>,
    old: Option<Report>,
}

impl Watch {
    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let site = &mut self.site;
        let from_device = !matches!(step, Step::Pass(_) | Step::DeviceTakes(..) | Step::Wish(_) | Step::Link { .. });
        self.heard |= from_device && self.connected;
        let actions = match step {
            Step::Pass(ms) => return self.pass(ms),
            Step::Report { miss_rate } => {
                let report = site.device.report(miss_rate);
                self.old = Some(report.clone());
                site.take(report)
            }
            Step::OldReport => self.old.clone().map(|report| site.take(report)).unwrap_or_default(),
            Step::Birth { new_conn } => {
                site.device.conn += u64::from(new_conn);
                self.birth()
            }
            Step::Will => {
                self.gone = true;
                let will = site.device.will();
                self.kept = Some(will.clone());
                site.take_status(&will, Freshness::Live)
            }
            Step::Reboot => {
                self.reboot();
                self.birth()
            }
            Step::Obey | Step::Reject => {
                let Some((_, command)) = self.last.clone() else { return Ok(()) };
                let ack = match step {
                    Step::Obey if is_release(&command) => site.device.let_go(&command),
                    Step::Obey => site.device.obey(&command),
                    _ => site.device.answer(&command, Outcome::Rejected),
                };
                site.take_ack(&ack)
            }
            Step::DeviceTakes(mode, source) => {
                (site.device.mode, site.device.source) = (mode, source);
                Vec::new()
            }
            Step::Wish(wish) if site.fleet.view_of(&site.device.id, site.now()).is_some() => site.wish(wish),
            Step::Wish(_) => Vec::new(),
            Step::Link { up: true } => self.link_up(),
            Step::Link { up: false } => self.link_down(),
            Step::Backlog { windows, miss_rate } => {
                let reports: Vec<_> = (0..windows).map(|_| site.device.report(miss_rate)).collect();
                site.device.conn += 1;
                let mut out = self.birth();
                for report in reports {
                    self.check(&out)?;
                    // On the grid of `pass`, but far faster than they were made.
                    self.pass(10)?;
                    out = self.site.take(report);
                }
                out
            }
            Step::Away { ms, meanwhile } => {
                let mut out = self.link_down();
                self.check(&out)?;
                self.pass(ms)?;
                match meanwhile {
                    Meanwhile::Nothing => {}
                    Meanwhile::Dies => {
                        // Known from the store only: the next report is newer, and until then nothing is heard.
                        self.gone = false;
                        self.kept = Some(self.site.device.will());
                    }
                    Meanwhile::Reconnects => {
                        self.site.device.conn += 1;
                        self.kept = Some(self.site.device.status());
                        self.gone = false;
                    }
                    Meanwhile::Reboots => {
                        self.reboot();
                        self.kept = Some(self.site.device.status());
                        self.gone = false;
                    }
                }
                out = self.link_up();
                if let Some(kept) = &self.kept {
                    out.extend(self.site.take_status(kept, Freshness::Retained));
                }
                out
            }
        };
        self.check(&actions)
    }

    /// In small steps, so that the time of a command is known.
    fn pass(&mut self, ms: u64) -> Result<(), TestCaseError> {
        for _ in 0..ms / 10 {
            let actions = self.site.pass(10);
            self.check(&actions)?;
        }
        Ok(())
    }

    fn birth(&mut self) -> Vec<Action> {
        self.gone = false;
        self.kept = Some(self.site.device.status());
        self.site.birth()
    }

    fn reboot(&mut self) {
        // A report may be delivered again, but not two runs later.
        self.old = self.old.take().filter(|old| old.boot == self.site.device.boot);
        self.site.device = Sim { boot: BootId(self.site.device.boot.0 + 1), ..Sim::new("pi-1") };
    }

    fn link_up(&mut self) -> Vec<Action> {
        (self.connected, self.heard) = (true, false);
        self.link += 1;
        let mut out = Vec::new();
        self.site.fleet.link_up(self.link, &mut out);
        out
    }

    fn link_down(&mut self) -> Vec<Action> {
        (self.connected, self.heard) = (false, false);
        let mut out = Vec::new();
        self.site.fleet.link_down(self.link, "test".to_owned(), &mut out);
        out
    }

    fn check(&mut self, actions: &[Action]) -> Result<(), TestCaseError> {
        for command in commands(actions) {
            prop_assert!(self.connected, "sent without a broker");
            prop_assert!(!self.gone, "sent to a device that has gone");
            prop_assert!(self.heard, "sent on nobody's word of now");
            if let Some((at, before)) = &self.last {
                let soon = self.site.now_ms < at + RETRY_MS;
                let same = match (is_release(before), is_release(&command)) {
                    (false, false) => before.mode == command.mode,
                    (before, now) => before == now,
                };
                prop_assert!(!soon || !same, "{} ms after the last", self.site.now_ms - at);
                prop_assert!(before.id != command.id);
            }
            self.last = Some((self.site.now_ms, command));
        }
        Ok(())
    }
}

fn is_release(command: &SetMode) -> bool {
    command.lease_ms.millis().is_none()
}

proptest! {
    #[test]
    fn commands_keep_their_interval_and_never_go_to_a_device_that_has_gone(steps in prop::collection::vec(steps(), 0..120)) {
        let site = Site::new(settings());
        let mut watch = Watch { site, link: 1, connected: true, gone: false, heard: false, kept: None, last: None, old: None };
        for step in steps {
            watch.step(step)?;
        }
    }
}
