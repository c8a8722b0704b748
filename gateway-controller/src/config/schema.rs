//! The table of keys: the single source of the defaults, the commented file, the reference page and the error messages.

use shared_host::config::{Key, Schema, Section};
use shared_host::sections::{CONTROLLER_SECURITY, SECURITY_SECTION};

use super::edgex_keys::{self, EDGEX_SECTION, GATEWAY_SECTION};
use super::{group, metrics, sites, upstream, web};

/// Everything that can be configured.
pub const SCHEMA: Schema =
    Schema { program: "gateway-controller", env_prefix: "GATEWAY", sections: SECTIONS, keys: &ALL };

const SECTIONS: &[Section] = &[
    GATEWAY_SECTION,
    Section { path: "mqtt", doc: "Connection to the MQTT broker." },
    SECURITY_SECTION,
    Section {
        path: "topics",
        doc: "What is spoken with the devices, and on which topics: ROOT/DEVICE/report, /status, /command and /ack.",
    },
    EDGEX_SECTION,
    Section { path: "policy", doc: "When to degrade a device and when to let it recover. A window is one report." },
    Section { path: "command", doc: "Commands to devices." },
    Section { path: "limits", doc: "Bounds that protect the controller." },
    Section { path: "control", doc: "Socket for `gateway-controller devices`, `set-mode` and `forget`." },
    Section {
        path: "kubeedge",
        doc: "KubeEdge: desired modes from the cloud, and what the cloud is told of the devices (docs/kubeedge.md).",
    },
    group::SECTION,
    sites::SECTION,
    upstream::SECTION,
    upstream::MQTT_SECTION,
    web::SECTION,
    metrics::SECTION,
    Section { path: "log", doc: "Log on standard error. Decisions are JSON lines on standard output." },
];

pub(super) const FILE: &str = "a path, or credential:NAME";
pub(super) const SECRET_FILE: &str = "a path, or credential:NAME; a file that others cannot read";

/// All keys: those here, and those of the sections with files of their own.
const PARTS: &[&[Key]] = &[KEYS, &edgex_keys::KEYS, group::KEYS, sites::KEYS, upstream::KEYS, web::KEYS, metrics::KEYS];
const ALL: [Key; count()] = all();

const fn count() -> usize {
    let (mut count, mut parts) = (0, PARTS);
    while let [part, rest @ ..] = parts {
        count += part.len();
        parts = rest;
    }
    count
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses a place that is not there")]
const fn all() -> [Key; count()] {
    let mut all = [KEYS[0]; count()];
    let (mut place, mut parts) = (0, PARTS);
    while let [part, rest @ ..] = parts {
        let mut within = 0;
        while within < part.len() {
            all[place] = part[within];
            (place, within) = (place + 1, within + 1);
        }
        parts = rest;
    }
    all
}

const KEYS: &[Key] = &[
    Key {
        path: "mqtt.url",
        default: r#""mqtt://localhost:1883""#,
        allowed: "mqtts://HOST[:PORT] or mqtt://HOST[:PORT]",
        doc: "The broker. mqtts:// is TLS, and the broker's certificate is always verified; mqtt:// is not encrypted,\n\
              and taken for this machine only (localhost), or with insecure.",
    },
    Key {
        path: "mqtt.client_id",
        default: r#""gateway-controller""#,
        allowed: "1 to 64 printable ASCII characters, unique at the broker",
        doc: "Name of this client. Two clients of one name throw each other out.",
    },
    Key { path: "mqtt.username", default: "", allowed: "any text", doc: "User name, if the broker wants one." },
    Key {
        path: "mqtt.password",
        default: "",
        allowed: "any text, together with mqtt.username, in a file that not everybody may read",
        doc: "Password. Better in a file of its own: password_file.",
    },
    Key {
        path: "mqtt.password_file",
        default: "",
        allowed: SECRET_FILE,
        doc: "File that holds the password on its only line; read anew for each connection, like all files of this section.\n\
              credential:NAME is a file that systemd hands over (LoadCredential=NAME:FILE).",
    },
    Key {
        path: "mqtt.ca_file",
        default: "",
        allowed: FILE,
        doc: "With mqtts://: who may have signed the broker's certificate (PEM). Without it: the system's certificate\n\
              authorities, /etc/ssl/certs/ca-certificates.crt.",
    },
    Key {
        path: "mqtt.cert_file",
        default: "",
        allowed: FILE,
        doc: "With mqtts://: this client's certificate (PEM), for a broker that wants one; together with key_file.",
    },
    Key {
        path: "mqtt.key_file",
        default: "",
        allowed: SECRET_FILE,
        doc: "The private key of that certificate (PEM, without a passphrase).",
    },
    Key {
        path: "mqtt.insecure",
        default: "false",
        allowed: "true or false; with mqtt:// only",
        doc: "true: take mqtt:// to another machine, though anybody on the network can then read and forge messages.",
    },
    Key {
        path: "mqtt.keep_alive_s",
        default: "10",
        allowed: "1 to 600 (s)",
        doc: "Time between pings in seconds. A dead connection is noticed within about twice this time.",
    },
    Key {
        path: "mqtt.reconnect_max_s",
        default: "30",
        allowed: "1 to 600 (s)",
        doc: "Longest wait between attempts to connect in seconds: the wait is random, below a bound that doubles up to this.",
    },
    CONTROLLER_SECURITY[0],
    CONTROLLER_SECURITY[1],
    CONTROLLER_SECURITY[2],
    Key {
        path: "topics.root",
        default: r#""edge""#,
        allowed: "1 to 64 ASCII characters without + # or blanks, no / at either end",
        doc: "First levels of all topics of the native dialect.",
    },
    Key {
        path: "topics.dialects",
        default: r#"["native"]"#,
        allowed: r#""native", "lab", or both"#,
        doc: "Message formats to listen to: \"native\", and \"lab\" for classroom clients on tp/DEVICE/metrics.\n\
              A device that speaks both is driven by the native one.",
    },
    Key {
        path: "policy.enabled",
        default: "true",
        allowed: "true or false",
        doc: "false: only record and show; `set-mode` still works.",
    },
    Key {
        path: "policy.degrade_above",
        default: "0.05",
        allowed: "0 to 1, not below policy.recover_below",
        doc: "Degrade when the miss rate is above this.",
    },
    Key {
        path: "policy.recover_below",
        default: "0.01",
        allowed: "above 0, not above policy.degrade_above",
        doc: "A window is calm when the miss rate is below this.",
    },
    Key {
        path: "policy.degrade_after",
        default: "1",
        allowed: "1 to 65535 (windows)",
        doc: "Consecutive windows above the threshold before degrading.",
    },
    Key {
        path: "policy.recover_after",
        default: "10",
        allowed: "1 to 65535 (windows)",
        doc: "Consecutive calm windows before recovering.",
    },
    Key {
        path: "policy.dwell_ms",
        default: "5000",
        allowed: "0 to 3600000 (ms)",
        doc: "Least time in a mode in milliseconds. The wait in DEGRADED doubles with each relapse soon after a recovery.",
    },
    Key {
        path: "policy.backoff_limit",
        default: "7",
        allowed: "0 to 16",
        doc: "How often the wait in DEGRADED may double.",
    },
    Key { path: "policy.cpu_rule", default: "false", allowed: "true or false", doc: "Degrade on CPU load too." },
    Key {
        path: "policy.cpu_degrade_above",
        default: "0.7",
        allowed: "0 to 1, not below policy.cpu_recover_below",
        doc: "With policy.cpu_rule: degrade when the CPU load is above this share.",
    },
    Key {
        path: "policy.cpu_recover_below",
        default: "0.4",
        allowed: "0 to 1, not above policy.cpu_degrade_above",
        doc: "With policy.cpu_rule: a window is calm when the CPU load is below this share.",
    },
    Key {
        path: "command.lease_ms",
        default: "15000",
        allowed: "100 to 86400000 (ms), at least four times command.retry_ms",
        doc: "How long a commanded mode holds without renewal, in milliseconds; renewed after a quarter to a third of it.\n\
              When the gateway is lost, devices decide for themselves after this time.",
    },
    Key {
        path: "command.retry_ms",
        default: "500",
        allowed: "10 to 5000 (ms)",
        doc: "Wait before a command is repeated, in milliseconds; it doubles up to 5 s.",
    },
    Key {
        path: "command.ttl_ms",
        default: "10000",
        allowed: "500 to 3600000 (ms)",
        doc: "How long after it was sent a device may take a command, in milliseconds on the device's own clock.\n\
              One that was held up for longer is answered `expired` and changes nothing.",
    },
    Key {
        path: "limits.max_devices",
        default: "10000",
        allowed: "1 to 1000000",
        doc: "Devices to look after. One more takes the place of the offline device that was not heard for longest;\n\
              while all are online its messages are counted and ignored.",
    },
    Key {
        path: "control.socket",
        default: r#""""#,
        allowed: "a path of at most 90 bytes, or empty",
        doc: "Path of the control socket. Empty: in $RUNTIME_DIRECTORY under systemd, as root in /run/gateway-controller,\n\
              else in $XDG_RUNTIME_DIR/gateway-controller, else in /tmp/gateway-controller-UID.",
    },
    Key {
        path: "kubeedge.twins",
        default: r#""off""#,
        allowed: r#""off", "mapper" or "mqtt""#,
        doc: "\"mapper\": as a mapper of the EdgeCore on this machine, in both directions. \"mqtt\": twins by plain MQTT at the broker that\n\
              EdgeCore uses too; desired modes do not come that way.",
    },
    Key {
        path: "kubeedge.dmi_socket",
        default: r#""/etc/kubeedge/dmi.sock""#,
        allowed: "an absolute path of at most 107 bytes",
        doc: "For \"mapper\": EdgeCore's socket. In a container mount its folder, not the file.",
    },
    Key {
        path: "kubeedge.listen",
        default: r#""@rtmqtt""#,
        allowed: "@ and 1 to 63 of A-Z a-z 0-9 . _ -",
        doc: "For \"mapper\": the abstract unix socket on which EdgeCore calls, so in a container hostNetwork is needed. A path would not\n\
              work: see docs/kubeedge.md.",
    },
    Key {
        path: "kubeedge.protocol",
        default: r#""rtmqtt""#,
        allowed: "1 to 63 of A-Z a-z 0-9 . _ -",
        doc: "For \"mapper\": protocolName of the devices that are ours; one mapper a protocol and node.",
    },
    Key {
        path: "kubeedge.report_interval_s",
        default: "30",
        allowed: "10 to 3600 (s)",
        doc: "All twins are reported again after so many seconds, as the cloud may have lost some; changes at once. All devices share one\n\
              call a second, so with many of them it takes longer.",
    },
    Key {
        path: "kubeedge.namespace",
        default: r#""default""#,
        allowed: "1 to 63 of A-Z a-z 0-9 . _ -, or empty",
        doc: "For \"mqtt\": namespace of the devices. Empty: topics without one, as before KubeEdge 1.17.",
    },
    Key {
        path: "kubeedge.properties",
        default: r#"["mode", "mode_source", "miss_rate"]"#,
        allowed: r#""mode", "mode_source", "miss_rate", "seq", "version"; at least one"#,
        doc: "For \"mqtt\": what is reported. A mapper reports what the devices declare.",
    },
    Key {
        path: "log.format",
        default: r#""auto""#,
        allowed: r#""auto", "human" or "json""#,
        doc: "\"auto\": for people on a terminal and in the journal, else JSON.",
    },
    Key {
        path: "log.filter",
        default: r#""info""#,
        allowed: "off, error, warn, info, debug, trace, or target=level, separated by commas",
        doc: "What to log, for example \"info\" or \"gateway_controller=debug,info\".",
    },
];
