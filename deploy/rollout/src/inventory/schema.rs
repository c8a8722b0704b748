//! The table of keys of an inventory.

use shared_host::config::{Key, Schema, Section};

/// Everything that an inventory can say.
pub const SCHEMA: Schema = Schema { program: "fleet", env_prefix: "FLEET", sections: SECTIONS, keys: KEYS };

const SECTIONS: &[Section] = &[
    Section { path: "defaults", doc: "How things are on the devices; each device may say otherwise." },
    Section { path: "policy", doc: "How a release goes out, and when it stays." },
    Section {
        path: "mqtt",
        doc: "The broker, where `rollout` sees the devices too. Without mqtt.url it does not look there.",
    },
    Section { path: "topics", doc: "Where the devices report." },
];

const PATH: &str = "an absolute path of letters, digits and . _ / + @ -";
const AMOUNT: &str = "a number of devices, or a share such as \"5%\"";
const FILE: &str = "a path, or credential:NAME";

const KEYS: &[Key] = &[
    Key {
        path: "device",
        default: "[]",
        allowed: "tables [[device]] with host, and if they differ: name, port, ssh_options, rights, dir, config, update_key, \
                  program, service, restart",
        doc: "The devices, in the order in which they get a release.",
    },
    Key {
        path: "defaults.port",
        default: "",
        allowed: "1 to 65535",
        doc: "Port of ssh; else ssh's own configuration says it.",
    },
    Key {
        path: "defaults.ssh_options",
        default: "[]",
        allowed: "texts as for ssh -o, such as \"User=pi\"",
        doc: "More options for ssh and scp.",
    },
    Key {
        path: "defaults.rights",
        default: r#""login""#,
        allowed: r#""login" or "sudo""#,
        doc: "How rights are got: the user who logs in has them, or `sudo -n`.",
    },
    Key { path: "defaults.dir", default: r#""/opt/device-agent""#, allowed: PATH, doc: "Directory of the releases." },
    Key {
        path: "defaults.config",
        default: r#""/etc/device-agent/config.toml""#,
        allowed: PATH,
        doc: "The agent's configuration, which a new release must accept.",
    },
    Key {
        path: "defaults.update_key",
        default: r#""/etc/device-agent/update.pub""#,
        allowed: PATH,
        doc: "The public key that the device trusts.",
    },
    Key {
        path: "defaults.program",
        default: r#""/usr/local/bin/device-agent""#,
        allowed: PATH,
        doc: "What the service starts; becomes a link to the current release.",
    },
    Key {
        path: "defaults.service",
        default: r#""device-agent.service""#,
        allowed: "the name of a unit",
        doc: "The service.",
    },
    Key {
        path: "defaults.restart",
        default: "",
        allowed: "a command for sh",
        doc: "Restarts it; without it: systemctl restart SERVICE.",
    },
    Key { path: "policy.canary", default: r#""5%""#, allowed: AMOUNT, doc: "The first wave, at least one device." },
    Key { path: "policy.wave", default: r#""25%""#, allowed: AMOUNT, doc: "Each wave after it, at least one device." },
    Key { path: "policy.max_down", default: "8", allowed: "1 to 256", doc: "Devices in work at once." },
    Key {
        path: "policy.max_unreachable",
        default: r#""10%""#,
        allowed: AMOUNT,
        doc: "How many devices may be out of reach before anything is changed on them.",
    },
    Key { path: "policy.max_unreachable_canary", default: "0", allowed: AMOUNT, doc: "The same, of the first wave." },
    Key {
        path: "policy.probation_s",
        default: "60",
        allowed: "1 to 3600 (s)",
        doc: "How long a new release is watched before it stays; as long as the one before it.",
    },
    Key {
        path: "policy.start_limit_s",
        default: "60",
        allowed: "1 to 600 (s)",
        doc: "How long a new release may take to answer.",
    },
    Key {
        path: "policy.guard_s",
        default: "300",
        allowed: "1 to 86400 (s), more than probation_s and twice start_limit_s together",
        doc: "After which time a device goes back by itself, if nobody says that the release stays.",
    },
    Key {
        path: "policy.margin",
        default: "0.005",
        allowed: "0 to 0.5, a share of the jobs",
        doc: "How much higher the miss rate may be than before; chance is allowed for besides.",
    },
    Key {
        path: "policy.poll_ms",
        default: "1000",
        allowed: "50 to 60000 (ms)",
        doc: "Time between two looks at a device.",
    },
    Key {
        path: "policy.copy_limit_s",
        default: "600",
        allowed: "1 to 86400 (s)",
        doc: "How long a copy to a device may take.",
    },
    Key { path: "mqtt.url", default: "", allowed: "mqtts://HOST[:PORT] or mqtt://HOST[:PORT]", doc: "The broker." },
    Key {
        path: "mqtt.client_id",
        default: "",
        allowed: "1 to 64 printable ASCII characters, unique at the broker",
        doc: "Name of this client; without it a random one.",
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
        allowed: FILE,
        doc: "File that holds the password, for nobody else to read.",
    },
    Key {
        path: "mqtt.ca_file",
        default: "",
        allowed: FILE,
        doc: "With mqtts://: who signed the broker's certificate (PEM).",
    },
    Key { path: "mqtt.cert_file", default: "", allowed: FILE, doc: "With mqtts://: this client's certificate (PEM)." },
    Key { path: "mqtt.key_file", default: "", allowed: FILE, doc: "The private key of that certificate." },
    Key {
        path: "mqtt.insecure",
        default: "false",
        allowed: "true or false; with mqtt:// only",
        doc: "true: take mqtt:// to another machine, though anybody on the network can then forge messages.",
    },
    Key { path: "mqtt.keep_alive_s", default: "10", allowed: "1 to 600 (s)", doc: "Time between pings." },
    Key {
        path: "mqtt.reconnect_max_s",
        default: "5",
        allowed: "1 to 600 (s)",
        doc: "Longest wait before a new connection.",
    },
    Key {
        path: "topics.root",
        default: r#""edge""#,
        allowed: "1 to 64 ASCII characters without + # or blanks, no / at either end",
        doc: "First levels of the devices' topics.",
    },
];
