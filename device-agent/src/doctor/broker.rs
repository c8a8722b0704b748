//! The broker, step by step, as the agent meets it; and what this device may do there.

use std::time::{SystemTime, UNIX_EPOCH};

use shared_host::mqtt::probe::{self, Conversation, Published, Trouble, TroubleKind, Version};
use shared_host::mqtt::{Filter, Qos, Scheme, expiries};
use shared_host::secret::Place;
use shared_proto::dialect::lab;
use shared_proto::dialect::native::{Kind, topic};
use shared_proto::wire::DialectName;

use super::{Finding, Outcome};
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
    /// Publishing reports.
    Report,
    /// Publishing the status.
    Status,
    /// Publishing answers to commands.
    Ack,
}

impl Step {
    fn check(self) -> &'static str {
        match self {
            Self::Name => "broker.name",
            Self::Port => "broker.port",
            Self::Tls => "broker.tls",
            Self::Session => "broker.session",
            Self::Command => "rights.command",
            Self::LabCommand => "rights.lab_command",
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
    pub(super) mend: Option<String>,
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
    certificates: Vec<(&'static str, Place, Result<u64, String>)>,
    steps: Vec<(Step, Told)>,
}

pub(super) fn gather(config: &Config, last: Step) -> Facts {
    let mut certificates = Vec::new();
    if config.broker.url.scheme() == Scheme::Tls && last > Step::Port {
        let tls = &config.broker.tls;
        let own = tls.identity.as_ref().map(|identity| ("broker.certificate", identity.cert.clone()));
        let authority = tls.ca.clone().map(|ca| ("broker.authority", ca));
        for (check, place) in own.into_iter().chain(authority) {
            let ends = expiries(&place).map_err(|error| error.to_string());
            // Of a chain the link that breaks first; of authorities the one that lasts, as two overlap when one is renewed.
            let end = ends
                .map(|ends| if check == "broker.authority" { ends.into_iter().max() } else { ends.into_iter().min() });
            certificates.push((check, place, end.map(Option::unwrap_or_default)));
        }
    }
    let mut steps = Vec::new();
    converse(config, last, &mut steps);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Facts { now_s: now.as_secs(), certificates, steps }
}

/// Goes as far as it can; the last step is the one that went wrong, if one did.
fn converse(config: &Config, last: Step, steps: &mut Vec<(Step, Told)>) {
    if let Err((step, trouble)) = try_to_converse(config, last, steps) {
        steps.push((step, Told::Wrong(trouble)));
    }
}

fn try_to_converse(config: &Config, last: Step, steps: &mut Vec<(Step, Told)>) -> Result<(), (Step, Trouble)> {
    let options = config.broker.options();
    let addresses = probe::resolve(&options).map_err(|error| {
        (Step::Name, Trouble { kind: TroubleKind::Other, why: format!("{}: {error}", options.url.host()) })
    })?;
    let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    steps.push((Step::Name, Told::Good(format!("{}: {}", options.url.host(), shown.join(", ")))));
    let open = |version| -> Result<_, (Step, Trouble)> {
        let (address, stream) = probe::reach(&addresses).map_err(|trouble| (Step::Port, trouble))?;
        Ok((address, move |options| {
            Conversation::open(options, stream, version).map_err(|trouble| (Step::Tls, trouble))
        }))
    };
    let (address, greet) = open(Version::V311)?;
    steps.push((Step::Port, Told::Good(address.to_string())));
    if last < Step::Tls {
        return Ok(());
    }
    let mut conversation = greet(&options)?;
    steps.push((
        Step::Tls,
        match options.url.scheme() {
            Scheme::Tls => Told::Good("each believes the other's certificate".to_owned()),
            Scheme::Plain => Told::Unknown("mqtt:// is not encrypted"),
        },
    ));
    if last < Step::Session {
        return Ok(());
    }
    let client_id = format!("{}-doctor", options.client_id);
    // With TLS 1.3 the broker judges the client's certificate only after the handshake.
    let at_session = |trouble: Trouble| match trouble.kind {
        TroubleKind::Tls => (Step::Tls, trouble),
        _ => (Step::Session, trouble),
    };
    conversation.connect(&client_id).map_err(at_session)?;
    steps.push((Step::Session, Told::Good(format!("taken as {client_id}"))));
    for (step, filter) in filters(config) {
        let granted = conversation.subscribe(&filter).map_err(|trouble| (step, trouble))?;
        let topic = filter.topic;
        steps.push((
            step,
            if granted {
                Told::Good(format!("{topic}: granted; whether commands are passed on shows when one comes"))
            } else {
                Told::Denied(topic)
            },
        ));
    }
    drop(conversation);
    if config.dialects.contains(&DialectName::Native) {
        let told = open(Version::V5).and_then(|(_, greet)| publish(config, greet(&options)?, &client_id));
        match told {
            Ok(told) => steps.extend(told),
            Err(_) => steps.extend(PUBLISHES.map(|(step, _)| (step, Told::Unknown(SILENT)))),
        }
    }
    Ok(())
}

const PUBLISHES: [(Step, Kind); 3] =
    [(Step::Report, Kind::Report), (Step::Status, Kind::Status), (Step::Ack, Kind::Ack)];
const SILENT: &str = "the broker does not tell: it speaks no MQTT 5, and by 3.1.1 it acknowledges what it then drops";

/// A message without content changes nothing: it is not retained, and the controller passes over it.
fn publish(
    config: &Config,
    mut conversation: Conversation<'_>,
    client_id: &str,
) -> Result<Vec<(Step, Told)>, (Step, Trouble)> {
    conversation.connect(client_id).map_err(|trouble| (Step::Session, trouble))?;
    let mut told = Vec::new();
    for (step, kind) in PUBLISHES {
        let topic = topic(&config.root, &config.device, kind).to_string();
        let published = conversation.publish_nothing(&topic).map_err(|trouble| (step, trouble))?;
        told.push((
            step,
            match published {
                Published::Taken => Told::Good(topic),
                Published::NobodyListens => {
                    Told::Good(format!("{topic}; nobody listens there now, no controller either"))
                }
                Published::Forbidden => Told::Denied(topic),
                Published::Acknowledged => Told::Unknown(SILENT),
            },
        ));
    }
    Ok(told)
}

fn filters(config: &Config) -> Vec<(Step, Filter)> {
    let filter = |dialect: &DialectName| {
        let (step, topic) = match dialect {
            DialectName::Native => (Step::Command, topic(&config.root, &config.device, Kind::Command)),
            DialectName::Lab => (Step::LabCommand, lab::command_topic(&config.device)),
        };
        (step, Filter { topic: topic.to_string(), qos: Qos::AtLeastOnce })
    };
    config.dialects.iter().map(filter).collect()
}

pub(super) fn judge(facts: &Facts, limit: Option<&Limit>, config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        facts.certificates.iter().map(|(check, place, end)| certificate(check, place, end, facts.now_s)).collect();
    for (step, told) in &facts.steps {
        let check = step.check();
        findings.push(match told {
            Told::Good(found) => Finding::ok(check, found.clone()),
            Told::Unknown(why) => Finding::skipped(check, why),
            Told::Denied(topic) => {
                Finding::failure(check, format!("{topic}: the broker does not allow it"), &access(*step, config))
            }
            Told::Wrong(trouble) => Finding::failure(check, trouble.why.clone(), &mend(*step, trouble.kind, config)),
        });
    }
    let native = config.dialects.contains(&DialectName::Native);
    let lab = config.dialects.contains(&DialectName::Lab);
    for step in [
        Step::Name,
        Step::Port,
        Step::Tls,
        Step::Session,
        Step::Command,
        Step::LabCommand,
        Step::Report,
        Step::Status,
        Step::Ack,
    ] {
        let applies = match step {
            Step::Name | Step::Port | Step::Tls | Step::Session => true,
            Step::LabCommand => lab,
            Step::Command | Step::Report | Step::Status | Step::Ack => native,
        };
        if !applies || facts.steps.iter().any(|(told, _)| *told == step) {
            continue;
        }
        findings.push(match (limit, facts.steps.last()) {
            (_, Some((last, Told::Wrong(_)))) => {
                Finding::skipped(step.check(), &format!("not reached: {}", last.check()))
            }
            (Some(limit), _) => Finding::new(step.check(), Outcome::Skipped, limit.why.clone(), limit.mend.as_deref()),
            (None, _) => Finding::skipped(step.check(), "not reached"),
        });
    }
    findings
}

fn certificate(check: &str, place: &Place, end: &Result<u64, String>, now_s: u64) -> Finding {
    let renew = "where the authority is: deploy/credentials renew DIRECTORY DEVICE, then copy the new files here";
    let end = match end {
        Ok(end) => *end,
        Err(why) => return Finding::failure(check, why.clone(), renew),
    };
    if end <= now_s {
        return Finding::failure(check, format!("{place}: it has expired"), renew);
    }
    match (end - now_s) / DAY_S {
        days if days < SOON_DAYS => Finding::warning(check, format!("{place}: it expires in {days} days"), renew),
        days => Finding::ok(check, format!("{place}: good for {days} days")),
    }
}

/// Who gives a right that is missing.
fn access(step: Step, config: &Config) -> String {
    let root = &config.root;
    let (right, topic) = match step {
        Step::LabCommand => ("read", "tp/%u/cmd".to_owned()),
        Step::Command => ("read", format!("{root}/%u/command")),
        Step::Status => ("write", format!("{root}/%u/status")),
        Step::Ack => ("write", format!("{root}/%u/ack")),
        _ => ("write", format!("{root}/%u/report")),
    };
    format!(
        "on the gateway: echo 'pattern {right} {topic}' | sudo tee -a /etc/mosquitto/acl; sudo systemctl reload mosquitto   # %u is the \
         user: is it {}?",
        config.device
    )
}

fn mend(step: Step, kind: TroubleKind, config: &Config) -> String {
    let (host, port) = (config.broker.url.host(), config.broker.url.port());
    match (step, kind) {
        (Step::Name, _) => format!("getent hosts {host}; set mqtt.url to a name or an address that this network knows"),
        (_, TroubleKind::NobodyListens) => {
            format!("on the gateway: sudo systemctl start mosquitto; ss -tln | grep {port}")
        }
        (_, TroubleKind::File) => "device-agent check-config FILE   # names the key, and what is allowed".to_owned(),
        (Step::Tls, _) => format!(
            "openssl s_client -connect {host}:{port} </dev/null   # shows the broker's certificate; deploy/credentials makes and renews them"
        ),
        (_, TroubleKind::NotAuthorized) => {
            let user = config.broker.credentials.as_ref().map_or("NAME", |credentials| &credentials.username);
            format!(
                "on the gateway: sudo mosquitto_passwd /etc/mosquitto/passwd {user}; sudo systemctl reload mosquitto   # and the same in \
                 mqtt.username and mqtt.password_file"
            )
        }
        (Step::Port, _) => format!("ping {host}; the gateway's firewall must let port {port} in"),
        _ => "on the gateway: journalctl -u mosquitto -n 20   # tells its side".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok as Good, Skipped, Warning};
    use super::super::tests::{config, outcomes};
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

    fn facts(steps: &[(Step, Told)]) -> Facts {
        Facts { now_s: 0, certificates: Vec::new(), steps: steps.to_vec() }
    }

    fn good(step: Step) -> (Step, Told) {
        (step, Told::Good("good".to_owned()))
    }

    #[test]
    fn a_step_that_fails_leaves_the_rest_unreached() {
        let trouble = |kind| Told::Wrong(Trouble { kind, why: "why".to_owned() });
        let told =
            judge(&facts(&[good(Step::Name), (Step::Port, trouble(TroubleKind::NobodyListens))]), None, &config(""));
        assert_eq!(told.iter().map(|finding| finding.check.as_str()).collect::<Vec<_>>(), CHECKS);
        assert_eq!(told.iter().map(|finding| finding.outcome).collect::<Vec<_>>()[..3], [Good, Failure, Skipped]);
        assert!(told[1].mend.as_deref().unwrap().contains("systemctl start mosquitto"));
        assert_eq!(told[7].found, "not reached: broker.port");
        let told = judge(&facts(&[(Step::Name, trouble(TroubleKind::Other))]), None, &config(""));
        assert!(told[0].mend.as_deref().unwrap().contains("getent hosts localhost"));
    }

    #[test]
    fn a_limit_is_told_for_what_is_beyond_it() {
        let limit = Limit { last: Step::Tls, why: "an agent runs".to_owned(), mend: Some("stop it".to_owned()) };
        let told = judge(&facts(&[good(Step::Name), good(Step::Port), good(Step::Tls)]), Some(&limit), &config(""));
        assert_eq!(outcomes(&told)[2..4], [("broker.tls", Good), ("broker.session", Skipped)]);
        assert_eq!((told[7].found.as_str(), told[7].mend.as_deref()), ("an agent runs", Some("stop it")));
    }

    #[test]
    fn a_right_that_is_missing_comes_with_the_line_that_gives_it() {
        let denied = |step| (step, Told::Denied("site/pi/x".to_owned()));
        let steps =
            [good(Step::Session), denied(Step::Command), denied(Step::Report), (Step::Ack, Told::Unknown(SILENT))];
        let told = judge(&facts(&steps), None, &config("[topics]\nroot = \"site\""));
        assert_eq!(
            outcomes(&told)[1..4],
            [("rights.command", Failure), ("rights.report", Failure), ("rights.ack", Skipped)]
        );
        assert!(told[1].mend.as_deref().unwrap().contains("pattern read site/%u/command"));
        assert!(told[2].mend.as_deref().unwrap().contains("pattern write site/%u/report"));
    }

    #[test]
    fn certificates_are_renewed_in_time() {
        let place: Place = "/pki/client.crt".parse().unwrap();
        let judged = |end| certificate("broker.certificate", &place, &end, 100 * DAY_S).outcome;
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
