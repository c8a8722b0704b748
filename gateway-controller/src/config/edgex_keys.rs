//! The keys of the sections `gateway` and `edgex`.

use shared_host::config::{Key, Section};

/// Where readings come from and commands go.
pub(super) const GATEWAY_SECTION: Section =
    Section { path: "gateway", doc: "Where the controller hears of the devices, and how it commands them." };

/// EdgeX.
pub(super) const EDGEX_SECTION: Section =
    Section { path: "edgex", doc: "EdgeX Foundry 3.x or 4.x, if gateway.source or gateway.sink name it." };

const NAME: &str = "1 to 128 of A-Z a-z 0-9 _ - . ~ : ; =";

/// The keys.
pub(super) const KEYS: [Key; 19] = [
    Key {
        path: "gateway.source",
        default: r#""mqtt""#,
        allowed: r#""mqtt", "edgex-rest" or "edgex-bus""#,
        doc: "\"mqtt\": the devices themselves, by way of the broker. \"edgex-rest\": core-data, asked every edgex.poll_ms; no\n\
              broker is needed. \"edgex-bus\": EdgeX' message bus, which is the broker of [mqtt] then; core-data as a fallback.",
    },
    Key {
        path: "gateway.sink",
        default: "",
        allowed: r#""mqtt" or "edgex-command"; with source = "edgex-..." only the latter"#,
        doc: "How commands go: \"mqtt\": to the device, by way of the broker. \"edgex-command\": to core-command.\n\
              Not set: mqtt, but edgex-command if the source is EdgeX.",
    },
    Key {
        path: "edgex.core_data_url",
        default: r#""http://localhost:59880""#,
        allowed: "http[s]://HOST[:PORT][/PREFIX], with or without /api/v3",
        doc: "Address of core-data. Behind EdgeX' own gateway: https://HOST:8443/core-data.",
    },
    Key {
        path: "edgex.core_metadata_url",
        default: r#""http://localhost:59881""#,
        allowed: "http[s]://HOST[:PORT][/PREFIX], with or without /api/v3",
        doc: "Address of core-metadata; asked for the devices if edgex.devices is empty, and by `gateway-controller edgex`.",
    },
    Key {
        path: "edgex.core_command_url",
        default: r#""http://localhost:59882""#,
        allowed: "http[s]://HOST[:PORT][/PREFIX], with or without /api/v3",
        doc: "Address of core-command.",
    },
    Key {
        path: "edgex.devices",
        default: "[]",
        allowed: "names of devices, of A-Z a-z 0-9 _ -",
        doc: "Devices to look after. Empty: those of edgex.profile.",
    },
    Key {
        path: "edgex.profile",
        default: r#""rt-agent-profile""#,
        allowed: NAME,
        doc: "Name of the devices' profile.",
    },
    Key {
        path: "edgex.poll_ms",
        default: "1000",
        allowed: "100 to 3600000 (ms)",
        doc: "How often core-data is asked for each device, in milliseconds; a fifth as often for devices of which the bus brings readings.",
    },
    Key {
        path: "edgex.max_age_ms",
        default: "5000",
        allowed: "500 to 3600000 (ms)",
        doc: "Older readings, by EdgeX' stamp and this machine's clock, decide nothing. In milliseconds.",
    },
    Key {
        path: "edgex.timeout_ms",
        default: "6000",
        allowed: "500 to 60000 (ms)",
        doc: "How long an answer may take, in milliseconds. EdgeX itself gives up after 5 s: more than that tells what became of it.",
    },
    Key {
        path: "edgex.parallel",
        default: "4",
        allowed: "1 to 8",
        doc: "Commands under way at one time, one for each device at most. device-mqtt fails with more than some 8.",
    },
    Key {
        path: "edgex.token_file",
        default: "",
        allowed: "a path, or credential:NAME; a file that others cannot read",
        doc: "File that holds the bearer token for a secured EdgeX, on its only line; read anew when it is not taken any more.",
    },
    Key {
        path: "edgex.ca_file",
        default: "",
        allowed: "a path, or credential:NAME; with https:// only",
        doc: "Who may have signed EdgeX' certificate (PEM). Without it: the system's certificate authorities.",
    },
    Key {
        path: "edgex.miss_rate_resource",
        default: r#""miss_rate""#,
        allowed: "1 to 128 of A-Z a-z 0-9 _ - . ~ : ; =, or empty",
        doc: "Resource with the miss rate. Empty: whichever has both \"miss\" and \"rate\" in its name, as in the classroom.",
    },
    Key {
        path: "edgex.mode_resource",
        default: r#""mode""#,
        allowed: NAME,
        doc: "Resource with the mode, and the key in the body of a command. \"Mode\" in the classroom's profile.",
    },
    Key {
        path: "edgex.command",
        default: r#""SetMode""#,
        allowed: NAME,
        doc: "Command, or resource, that sets the mode.",
    },
    Key { path: "edgex.mode_normal", default: r#""NORMAL""#, allowed: NAME, doc: "Word for the mode NORMAL." },
    Key { path: "edgex.mode_degraded", default: r#""DEGRADED""#, allowed: NAME, doc: "Word for the mode DEGRADED." },
    Key {
        path: "edgex.bus_topic",
        default: r#""edgex/events/device""#,
        allowed: "1 to 64 ASCII characters without + # or blanks, no / at either end",
        doc: "First levels of the topics of events on the message bus.",
    },
];
