//! The broker, step by step, as the agent meets it; and what this device may do there.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use shared_host::mqtt::probe::{self, Conversation, Granted, Published, Trouble, TroubleKind, Version};
use shared_host::mqtt::{Options, Scheme, Which, expiry};
use shared_host::secret::Place;
use shared_proto::dialect::native::{Kind, topic};
use shared_proto::dialect::{edgex, lab};
use shared_proto::wire::DialectName;

use super::{Findings, Outcome};
use crate::config::Config;

const DAY_S: u64 = 86_400;
/// A certificate that ends within this is to be renewed.
const SOON_DAYS: u64 = 30;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The host's name.
    Name,
    /// Its port.
    Port,
    /// The handshake.
    Tls,
    /// CONNECT.
    Session,
    /// Subscription to commands.
    Command,
    /// The same in the classroom's dialect.
    LabCommand,
    /// The same in EdgeX' dialect.
    EdgexCommand,
    /// Publishing reports.
    Report,
    /// Publishing the status.
    Status,
    /// Publishing answers to commands.
    Ack,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::Name,
        Self::Port,
        Self::Tls,
        Self::Session,
        Self::Command,
        Self::LabCommand,
        Self::EdgexCommand,
        Self::Report,
        Self::Status,
        Self::Ack,
    ];

    fn check(self) -> &'static str {
        match self {
            Self::Name => "broker.name",
            Self::Port => "broker.port",
            Self::Tls => "broker.tls",
            Self::Session => "broker.session",
            Self::Command => "rights.command",
            Self::LabCommand => "rights.lab_command",
            Self::EdgexCommand => "rights.edgex_command",
            Self::Report => "rights.report",
            Self::Status => "rights.status",
            Self::Ack => "rights.ack",
        }
    }
}

/// How far to go, and what to say of the rest.
pub(super) struct Limit {
    /// The last step.
    pub(super) last: Step,
    /// Why not further.
    pub(super) why: String,
    /// What to do to get further.
    pub(super) mend: &'static str,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Good.
    Good(String),
    /// It cannot be known, or does not apply.
    Unknown(&'static str),
    /// The broker does not allow it.
    Denied(String),
    /// It went wrong.
    Wrong(Trouble),
}

/// What was found.
pub(super) struct Facts {
    now_s: u64,
    certificates: Vec<Certificate>,
    steps: Vec<(Step, Told)>,
}

struct Certificate {
    check: &'static str,
    place: Place,
    /// Its end in seconds since 1970.
    end: Result<u64, String>,
}

pub(super) fn gather(config: &Config, last: Step) -> Facts {
    let mut certificates = Vec::new();
    if config.broker.url.scheme() == Scheme::Tls && last > Step::Port {
        let tls = &config.broker.tls;
        let mut look = |check, place: &Place, which: Which| {
            let end = expiry(place, which).map_err(|error| error.to_string());
            certificates.push(Certificate { check, place: place.clone(), end });
        };
        if let Some(identity) = &tls.identity {
            // Of a chain, the link that breaks first.
            look("broker.certificate", &identity.cert, Which::First);
        }
        if let Some(ca) = &tls.ca {
            // Two overlap when one is renewed.
            look("broker.authority", ca, Which::Last);
        }
    }
    let mut steps = Vec::new();
    if let Err(wrong) = converse(config, last, &mut steps) {
        steps.push(wrong);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Facts { now_s: now.as_secs(), certificates, steps }
}

/// A step that went wrong.
type Wrong = (Step, Told);

fn at(step: Step) -> impl Fn(Trouble) -> Wrong {
    move |trouble| (step, Told::Wrong(trouble))
}

/// Goes as far as it can.
fn converse(config: &Config, last: Step, steps: &mut Vec<(Step, Told)>) -> Result<(), Wrong> {
    let options = config.broker.options();
    let addresses = probe::resolve(&options).map_err(at(Step::Name))?;
    let mut shown = options.url.host();
    for address in &addresses {
        // Writing to a string cannot fail.
        let _ = write!(shown, ", {}", address.ip());
    }
    steps.push((Step::Name, Told::Good(shown)));
    let (address, stream) = probe::reach(&addresses).map_err(at(Step::Port))?;
    steps.push((Step::Port, Told::Good(format!("{}, port {}", address.ip(), options.url.port()))));
    if last < Step::Tls {
        return Ok(());
    }
    let mut conversation = Conversation::open(&options, stream, Version::V311).map_err(at(Step::Tls))?;
    steps.push((
        Step::Tls,
        match options.url.scheme() {
            Scheme::Tls => Told::Good("the broker's certificate is right".to_owned()),
            Scheme::Plain => Told::Unknown("mqtt:// is not encrypted"),
        },
    ));
    if last < Step::Session {
        return Ok(());
    }
    let client_id = format!("{}-doctor", options.client_id);
    conversation.connect(&client_id).map_err(at(Step::Session))?;
    steps.push((Step::Session, Told::Good(format!("taken as {client_id}"))));
    for dialect in &config.dialects {
        let (step, topic) = match dialect {
            DialectName::Native => (Step::Command, topic(&config.root, &config.device, Kind::Command)),
            DialectName::Lab => (Step::LabCommand, lab::command_topic(&config.device)),
            DialectName::Edgex => (Step::EdgexCommand, edgex::command_filter(&config.device)),
        };
        let topic = topic.to_string();
        let granted = conversation.subscribe(&topic).map_err(at(step))?;
        steps.push((
            step,
            match granted {
                Granted::Yes => {
                    Told::Good(format!("{topic}: granted; whether commands are passed on shows when one comes"))
                }
                Granted::No => Told::Denied(topic),
            },
        ));
    }
    drop(conversation);
    // What the broker does not tell by one version of MQTT, it may tell by the other.
    if config.dialects.contains(&DialectName::Native)
        && publish(config, &options, &addresses, &client_id, steps).is_none()
    {
        for (step, _) in PUBLISHES {
            if steps.iter().all(|(told, _)| *told != step) {
                steps.push((step, Told::Unknown(SILENT)));
            }
        }
    }
    Ok(())
}

const PUBLISHES: [(Step, Kind); 3] =
    [(Step::Report, Kind::Report), (Step::Status, Kind::Status), (Step::Ack, Kind::Ack)];
const SILENT: &str = "the broker does not tell: it speaks no MQTT 5, and by 3.1.1 it acknowledges what it then drops";

/// Messages without content change nothing: they are not retained, and the controller passes over them.
fn publish(
    config: &Config,
    options: &Options,
    addresses: &[SocketAddr],
    client_id: &str,
    steps: &mut Vec<(Step, Told)>,
) -> Option<()> {
    let (_, stream) = probe::reach(addresses).ok()?;
    let mut conversation = Conversation::open(options, stream, Version::V5).ok()?;
    conversation.connect(client_id).ok()?;
    for (step, kind) in PUBLISHES {
        let topic = topic(&config.root, &config.device, kind).to_string();
        let told = match conversation.publish_nothing(&topic) {
            Ok(Published::Taken) => Told::Good(topic),
            Ok(Published::NobodyListens) => {
                Told::Good(topic + ": allowed; nobody listens there now, no controller either")
            }
            Ok(Published::Forbidden) => Told::Denied(topic),
            Err(trouble) if trouble.kind == TroubleKind::Other => Told::Wrong(trouble),
            Err(_) => return None,
        };
        steps.push((step, told));
    }
    Some(())
}

pub(super) fn judge(facts: &Facts, limit: Option<&Limit>, config: &Config, to: &mut Findings) {
    for Certificate { check, place, end } in &facts.certificates {
        certificate(check, place, end, facts.now_s, to);
    }
    let native = config.dialects.contains(&DialectName::Native);
    for step in Step::ALL {
        let check = step.check();
        // What the running agent says of itself counts.
        let applies = match step {
            Step::LabCommand => config.dialects.contains(&DialectName::Lab),
            Step::EdgexCommand => config.dialects.contains(&DialectName::Edgex),
            step => native || step < Step::Command,
        };
        if !applies || to.has(check) {
            continue;
        }
        match (facts.steps.iter().find(|(told, _)| *told == step), limit, facts.steps.last()) {
            (Some((_, Told::Good(found))), ..) => to.ok(check, format_args!("{found}")),
            (Some((_, Told::Unknown(why))), ..) => to.skipped(check, why),
            (Some((_, Told::Denied(topic))), ..) => {
                deny(step, topic, config, to);
            }
            (Some((_, Told::Wrong(trouble))), ..) => mend(step, trouble, config, to),
            (None, _, Some((last, Told::Wrong(_)))) => {
                to.add(check, Outcome::Skipped, format_args!("not reached: {}", last.check()), format_args!(""))
            }
            (None, Some(limit), _) => {
                to.add(check, Outcome::Skipped, format_args!("{}", limit.why), format_args!("{}", limit.mend));
            }
            (None, None, _) => to.skipped(check, "not reached"),
        }
    }
}

fn certificate(check: &str, place: &Place, end: &Result<u64, String>, now_s: u64, to: &mut Findings) {
    let renew =
        format_args!("where the authority is: deploy/credentials renew DIRECTORY DEVICE, then copy the new files here");
    let left_s = match end {
        Ok(end) => end.saturating_sub(now_s),
        Err(why) => return to.failure(check, format_args!("{why}"), renew),
    };
    match left_s / DAY_S {
        _ if left_s == 0 => to.failure(check, format_args!("{place}: it has expired"), renew),
        days if days < SOON_DAYS => to.warning(check, format_args!("{place}: it expires in {days} days"), renew),
        days => to.ok(check, format_args!("{place}: good for {days} days")),
    }
}

/// A right that is missing, and who gives it.
fn deny(step: Step, topic: &str, config: &Config, to: &mut Findings) {
    let right = if matches!(step, Step::Command | Step::LabCommand | Step::EdgexCommand) { "read" } else { "write" };
    let device = config.device.as_str();
    // The user's name stands for the device's in the rules of the broker.
    let (before, after) = topic.split_once(device).unwrap_or((topic, ""));
    to.failure(
        step.check(),
        format_args!("{topic}: the broker does not allow it"),
        format_args!(
            "on the gateway: echo 'pattern {right} {before}%u{after}' | sudo tee -a /etc/mosquitto/acl; sudo systemctl reload mosquitto   # %u is \
             the user: is it {device}?"
        ),
    );
}

/// A step that went wrong, and what mends it.
fn mend(step: Step, trouble: &Trouble, config: &Config, to: &mut Findings) {
    let (host, port) = (config.broker.url.host(), config.broker.url.port());
    let mut tell = |mend| to.failure(step.check(), format_args!("{}", trouble.why), mend);
    match (step, trouble.kind) {
        (Step::Name, _) => {
            tell(format_args!("getent hosts {host}; set mqtt.url to a name or an address that this network knows"))
        }
        (_, TroubleKind::NobodyListens) => {
            tell(format_args!("on the gateway: sudo systemctl start mosquitto; ss -tln | grep :{port}"));
        }
        (_, TroubleKind::File) => {
            tell(format_args!("device-agent check-config FILE   # names the key, and what is allowed"))
        }
        (Step::Tls, _) | (_, TroubleKind::Tls) => tell(format_args!(
            "openssl s_client -connect {host}:{port} </dev/null   # shows the broker's certificate; deploy/credentials makes and renews them"
        )),
        (_, TroubleKind::NotAuthorized) => {
            let user = config.broker.credentials.as_ref().map_or("NAME", |credentials| &credentials.username);
            tell(format_args!(
                "on the gateway: sudo mosquitto_passwd /etc/mosquitto/passwd {user}; sudo systemctl reload mosquitto   # and the same in \
                 mqtt.username and mqtt.password_file"
            ));
        }
        (Step::Port, _) => tell(format_args!("ping {host}; the gateway's firewall must let port {port} in")),
        _ => tell(format_args!("on the gateway: journalctl -u mosquitto -n 20   # tells its side")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::super::Outcome::{Failure, Ok as Good, Skipped, Warning};
    use super::super::tests::{config, outcomes, told};
    use super::*;

    const CHECKS: [&str; 8] = [
        "broker.name",
        "broker.port",
        "broker.tls",
        "broker.session",
        "rights.command",
        "rights.report",
        "rights.status",
        "rights.ack",
    ];

    fn judged(steps: &[(Step, Told)], limit: Option<&Limit>, text: &str) -> Vec<Finding> {
        let facts = Facts { now_s: 0, certificates: Vec::new(), steps: steps.to_vec() };
        told(|to| judge(&facts, limit, &config(text), to))
    }

    fn good(step: Step) -> (Step, Told) {
        (step, Told::Good("good".to_owned()))
    }

    #[test]
    fn a_step_that_fails_leaves_the_rest_unreached() {
        let trouble = |kind| Told::Wrong(Trouble { kind, why: "why".to_owned() });
        let told = judged(&[good(Step::Name), (Step::Port, trouble(TroubleKind::NobodyListens))], None, "");
        assert_eq!(told.iter().map(|finding| finding.check.as_str()).collect::<Vec<_>>(), CHECKS);
        assert_eq!(told.iter().map(|finding| finding.outcome).collect::<Vec<_>>()[..3], [Good, Failure, Skipped]);
        assert!(told[1].mend.as_deref().unwrap().contains("systemctl start mosquitto"));
        assert_eq!(told[7].found, "not reached: broker.port");
        let told = judged(&[(Step::Name, trouble(TroubleKind::Other))], None, "");
        assert!(told[0].mend.as_deref().unwrap().contains("getent hosts localhost"));
    }

    #[test]
    fn a_limit_is_told_for_what_is_beyond_it() {
        let limit = Limit { last: Step::Tls, why: "an agent runs".to_owned(), mend: "stop it" };
        let told = judged(&[good(Step::Name), good(Step::Port), good(Step::Tls)], Some(&limit), "");
        assert_eq!(outcomes(&told)[2..4], [("broker.tls", Good), ("broker.session", Skipped)]);
        assert_eq!((told[7].found.as_str(), told[7].mend.as_deref()), ("an agent runs", Some("stop it")));
    }

    #[test]
    fn a_right_that_is_missing_comes_with_the_line_that_gives_it() {
        let denied = |step, topic: &str| (step, Told::Denied(topic.to_owned()));
        let steps = [
            good(Step::Session),
            denied(Step::Command, "site/pi-1/command"),
            denied(Step::LabCommand, "tp/pi-1/cmd"),
            denied(Step::EdgexCommand, "command/pi-1/#"),
            denied(Step::Report, "site/pi-1/report"),
            (Step::Ack, Told::Unknown(SILENT)),
        ];
        let told = judged(&steps, None, "[topics]\nroot = \"site\"\ndialects = [\"native\", \"lab\", \"edgex\"]");
        let of = |check: &str| told.iter().find(|finding| finding.check == check).unwrap();
        for (check, line) in [
            ("rights.command", "pattern read site/%u/command"),
            ("rights.lab_command", "pattern read tp/%u/cmd"),
            ("rights.edgex_command", "pattern read command/%u/#"),
            ("rights.report", "pattern write site/%u/report"),
        ] {
            assert_eq!(of(check).outcome, Failure);
            assert!(of(check).mend.as_deref().unwrap().contains(line), "{told:?}");
        }
        assert_eq!(of("rights.ack").outcome, Skipped);
    }

    #[test]
    fn certificates_are_renewed_in_time() {
        let place: Place = "/pki/client.crt".parse().unwrap();
        let judged = |end| told(|to| certificate("broker.certificate", &place, &end, 100 * DAY_S, to))[0].outcome;
        assert_eq!(judged(Ok(130 * DAY_S)), Good);
        assert_eq!(judged(Ok(130 * DAY_S - 1)), Warning);
        assert_eq!(judged(Ok(100 * DAY_S)), Failure);
        assert_eq!(judged(Err("unreadable".to_owned())), Failure);
    }

    #[test]
    fn a_name_that_nobody_knows_and_a_port_that_nobody_has_are_told_apart() {
        let last = |url: &str| {
            let config = config(&format!("[mqtt]\nurl = \"{url}\"\ninsecure = true"));
            let facts = gather(&config, Step::Ack);
            facts.steps.last().map(|(step, told)| (*step, matches!(told, Told::Wrong(_))))
        };
        assert_eq!(last("mqtt://name.invalid"), Some((Step::Name, true)));
        assert_eq!(last("mqtt://127.0.0.1:1"), Some((Step::Port, true)));
    }
}
