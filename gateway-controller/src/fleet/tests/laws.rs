//! Laws that hold for any sequence of messages.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Report { miss_rate: f64 },
    OldReport,
    Birth { new_conn: bool },
    Will,
    Reboot,
    Obey,
    Reject,
    DeviceTakes(Mode, ModeSource),
    Wish(Option<Wish>),
    Link { up: bool },
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
    ]
}

/// Watches every command against the laws.
struct Watch {
    site: Site,
    link: u64,
    connected: bool,
    /// The device said that it left, and was not born since.
    gone: bool,
    last: Option<(u64, SetMode)>,
    old: Option<Report>,
}

impl Watch {
    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let site = &mut self.site;
        let actions = match step {
            Step::Pass(ms) => {
                // In small steps, so that the time of a command is known.
                for _ in 0..ms / 10 {
                    let actions = self.site.pass(10);
                    self.check(&actions)?;
                }
                return Ok(());
            }
            Step::Report { miss_rate } => {
                let report = site.device.report(miss_rate);
                self.old = Some(report.clone());
                site.take(report)
            }
            Step::OldReport => self.old.clone().map(|report| site.take(report)).unwrap_or_default(),
            Step::Birth { new_conn } => {
                site.device.conn += u64::from(new_conn);
                self.gone = false;
                site.birth()
            }
            Step::Will => {
                self.gone = true;
                site.take_status(&site.device.will(), Freshness::Live)
            }
            Step::Reboot => {
                // A report may be delivered again, but not two runs later.
                self.old = self.old.take().filter(|old| old.boot == site.device.boot);
                site.device = Sim { boot: BootId(site.device.boot.0 + 1), ..Sim::new("pi-1") };
                self.gone = false;
                site.birth()
            }
            Step::Obey | Step::Reject => {
                let Some((_, command)) = self.last.clone() else { return Ok(()) };
                let ack = match step {
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
            Step::Link { up } => {
                self.connected = up;
                let mut out = Vec::new();
                if up {
                    self.link += 1;
                    site.fleet.link_up(self.link, &mut out);
                } else {
                    site.fleet.link_down(self.link, "test".to_owned(), &mut out);
                }
                out
            }
        };
        self.check(&actions)
    }

    fn check(&mut self, actions: &[Action]) -> Result<(), TestCaseError> {
        for command in commands(actions) {
            prop_assert!(self.connected, "sent without a broker");
            prop_assert!(!self.gone, "sent to a device that has gone");
            if command.lease_ms.millis().is_none() {
                self.last = None;
                continue;
            }
            if let Some((at, before)) = &self.last {
                let soon = self.site.now_ms < at + RETRY_MS;
                prop_assert!(!soon || before.mode != command.mode, "{} ms after the last", self.site.now_ms - at);
                prop_assert!(before.id != command.id);
            }
            self.last = Some((self.site.now_ms, command));
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn commands_keep_their_interval_and_never_go_to_a_device_that_has_gone(steps in prop::collection::vec(steps(), 0..120)) {
        let site = Site::new(settings());
        let mut watch = Watch { site, link: 1, connected: true, gone: false, last: None, old: None };
        for step in steps {
            watch.step(step)?;
        }
    }
}
