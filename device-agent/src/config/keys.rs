//! Every key of the agent's configuration: the one source of `init`, of the defaults and of what is allowed.

use shared_host::config::{Key, Schema, Section};
use shared_host::sections::{AGENT_SECURITY, SECURITY_SECTION};

/// The agent's configuration.
pub const SCHEMA: Schema = Schema { program: "device-agent", env_prefix: "AGENT", sections: SECTIONS, keys: KEYS };

const SECTIONS: &[Section] = &[
    section("device", "Who this is."),
    section("task", "The periodic task."),
    section("spin", "The workload \"spin\": burns CPU time, calibrated at start."),
    section("degraded", "What is different in DEGRADED, besides the workload and the mode lines."),
    section(
        "realtime",
        "Settings of the real-time thread. Each is tried; what the system refuses is reported, not fatal.",
    ),
    section(
        "gpio",
        "Lines: on a Raspberry Pi by BCM number (17) or as \"GPIO17\", elsewhere by the chip's numbers or names. \"\" is no line.",
    ),
    section("mqtt", "The gateway's broker."),
    SECURITY_SECTION,
    section("topics", "What is spoken with the gateway."),
    section("edgex", "EdgeX Foundry, if topics.dialects has \"edgex\": docs/edgex.md."),
    section("report", "Windows and reports."),
    section("policy", "The device's own policy: it decides while no command of the gateway holds."),
    section("safety", "When the device protects itself by going to DEGRADED, whatever the gateway says."),
    section("spool", "Reports that wait for the broker."),
    section("control", "The socket for `device-agent status` and `device-agent hold`."),
    section("log", "Logs, on standard error."),
];

const KEYS: &[Key] = &[
    key(
        "device.name",
        "",
        "1 to 32 of A-Z a-z 0-9 _ - .",
        "Name of this device, a level of its MQTT topics. Default: the machine's host name.",
    ),
    key("task.workload", "\"spin\"", "\"spin\" or \"gpio-follow\"", "What each job does."),
    key("task.period_ms", "20.0", "0.1 to 60000", "Period in milliseconds."),
    key("task.deadline_ms", "", "0.05 to 60000", "Relative deadline in milliseconds. Default: the period."),
    key(
        "task.overrun",
        "\"skip-next\"",
        "\"skip-next\" or \"catch-up\"",
        "Releases that pass while a job runs: skip them (they count as misses), or run up to eight of them late.",
    ),
    key("spin.normal_ratio", "0.7", "0 to 1", "CPU time of a job in NORMAL, as a share of the period."),
    key(
        "spin.degraded_ratio",
        "0.3",
        "0 to 1",
        "CPU time of a job in DEGRADED, as a share of the period in that mode.",
    ),
    key("degraded.period_multiplier", "1", "1 to 100", "The period in DEGRADED is this many times the period."),
    key(
        "realtime.scheduler",
        "\"fifo\"",
        "\"fifo\", \"deadline\" or \"other\"",
        "SCHED_FIFO, SCHED_DEADLINE or the ordinary scheduler.",
    ),
    key("realtime.priority", "80", "1 to 98", "Priority for SCHED_FIFO."),
    key(
        "realtime.nice",
        "0",
        "-20 to 19",
        "Niceness with the scheduler \"other\"; below 0 is a greater share of the CPU.",
    ),
    key("realtime.deadline_share", "0.8", "0.01 to 0.95", "CPU share to reserve with SCHED_DEADLINE."),
    key("realtime.cpu", "", "0 to 1023", "CPU to bind the thread to. Default: not bound."),
    key("realtime.lock_memory", "true", "true or false", "Lock memory, so that the thread never waits for a page."),
    key(
        "realtime.no_deep_sleep",
        "true",
        "true or false",
        "Keep the CPU out of deep sleep states (/dev/cpu_dma_latency), for the price of some power.",
    ),
    key(
        "gpio.backend",
        "\"sim\"",
        "\"auto\", \"rppal\", \"chardev\" or \"sim\"",
        "rppal: the registers of a Raspberry Pi, without a system call. chardev: the kernel's character device, on any board,\n\
         with a system call for each level. auto: rppal if it knows the board, else chardev. sim: simulated lines, and never\n\
         instead of real ones. On a Raspberry Pi `init` writes \"auto\".",
    ),
    key(
        "gpio.chip",
        "",
        "a path, with \"chardev\" or \"auto\"; \"\" for none",
        "The chip's device, /dev/gpiochip0 for example. Default: the one with a Raspberry Pi's header, else the only one.",
    ),
    key("gpio.normal_line", "\"GPIO17\"", LINE, "Active in NORMAL."),
    key("gpio.degraded_line", "\"GPIO27\"", LINE, "Active in DEGRADED."),
    key("gpio.heartbeat_line", "\"GPIO22\"", LINE, "Toggled by every job: for an oscilloscope."),
    key("gpio.input_line", "", LINE, "Read by the workload \"gpio-follow\"."),
    key("gpio.output_line", "", LINE, "Driven by the workload \"gpio-follow\"."),
    key("gpio.active", "\"high\"", LEVEL, "Level of a mode line while its mode is in effect."),
    key(
        "gpio.safe",
        "\"low\"",
        LEVEL,
        "Level of every output until the task starts and after it has ended. With chardev the kernel has the lines back then,\n\
         and may make them inputs: a pull resistor holds the level.",
    ),
    key(
        "gpio.override_line",
        "",
        LINE,
        "A push button: pressed, it holds DEGRADED as `device-agent hold degraded` does; pressed again, it ends the hold.",
    ),
    key(
        "gpio.override_active",
        "\"low\"",
        LEVEL,
        "Level while the button is down. The chip's own resistor pulls to the other one, if it has any.",
    ),
    key(
        "gpio.override_debounce_ms",
        "30",
        "0 to 1000",
        "Milliseconds that the button must stay up or down to count. It is looked at every 20 ms.",
    ),
    key(
        "gpio.sim_state_file",
        "",
        "a path",
        "With \"sim\": a file that mirrors the levels, for onlookers in other processes.",
    ),
    key(
        "mqtt.url",
        "\"mqtt://localhost:1883\"",
        "mqtts://HOST[:PORT] or mqtt://HOST[:PORT]",
        "Address of the broker. mqtts:// is TLS, and the broker's certificate is always verified; mqtt:// is not encrypted,\n\
         and taken for this machine only (localhost), or with insecure.",
    ),
    key(
        "mqtt.client_id",
        "",
        "1 to 64 printable ASCII characters",
        "MQTT client identifier. Default: the device's name.",
    ),
    key("mqtt.username", "", "any text", "Name for the broker. Default: none."),
    key(
        "mqtt.password",
        "",
        "any text, in a file that not everybody may read",
        "Password for the broker. Default: none. Better in a file of its own: password_file.",
    ),
    key(
        "mqtt.password_file",
        "",
        SECRET_FILE,
        "File that holds the password on its only line; read anew for each connection, like all files of this section.\n\
         credential:NAME is a file that systemd hands over (LoadCredential=NAME:FILE).",
    ),
    key(
        "mqtt.ca_file",
        "",
        FILE,
        "With mqtts://: who may have signed the broker's certificate (PEM). Default: the system's certificate authorities,\n\
         /etc/ssl/certs/ca-certificates.crt.",
    ),
    key(
        "mqtt.cert_file",
        "",
        FILE,
        "With mqtts://: this client's certificate (PEM), for a broker that wants one; together with key_file. Default: none.",
    ),
    key("mqtt.key_file", "", SECRET_FILE, "The private key of that certificate (PEM, without a passphrase)."),
    key(
        "mqtt.insecure",
        "false",
        "true or false; with mqtt:// only",
        "true: take mqtt:// to another machine, though anybody on the network can then read and forge messages.",
    ),
    key(
        "mqtt.keep_alive_s",
        "5",
        "1 to 600",
        "Seconds between pings: a dead link is noticed within about two of them.",
    ),
    key(
        "mqtt.reconnect_max_s",
        "30",
        "1 to 600",
        "Longest wait between attempts to connect in seconds: the wait is random, below a bound that doubles up to this.",
    ),
    AGENT_SECURITY[0],
    AGENT_SECURITY[1],
    AGENT_SECURITY[2],
    key(
        "topics.root",
        "\"edge\"",
        "1 to 64 ASCII characters without + # or blanks, no / at either end",
        "First level of all topics.",
    ),
    key(
        "topics.dialects",
        "[\"native\"]",
        "a list of \"native\", \"lab\", \"edgex\"",
        "Message formats: this project's own, the classroom's (tp/NAME/metrics and tp/NAME/cmd), and EdgeX Foundry's\n\
         (incoming/data/NAME/metrics and command/NAME/#).",
    ),
    key(
        "edgex.report_ms",
        "1000",
        "100 to 60000, not below report.interval_ms",
        "Milliseconds between messages to EdgeX. What happened in between is in the next one.",
    ),
    key(
        "edgex.lease_ms",
        "0",
        "0, or 100 to 86400000",
        "How long a mode that EdgeX commands holds, in milliseconds; 0 is until the next command.",
    ),
    key("report.interval_ms", "200", "20 to 3600000", "Milliseconds between reports."),
    key("report.miss_window", "250", "1 to 100000", "Jobs behind the miss rate."),
    key("report.burst_jobs", "10", "1 to 1000", "The K of the worst (m, K): most misses m among K consecutive jobs."),
    key("policy.enabled", "true", "true or false", "Without it the device stays in NORMAL unless it is commanded."),
    key("policy.degrade_above", "0.05", "0 to 1", "Degrade when the miss rate is above this."),
    key(
        "policy.recover_below",
        "0.01",
        "above 0, not above degrade_above",
        "A window is calm when the miss rate is below this.",
    ),
    key("policy.degrade_after", "1", "1 to 65535", "Consecutive windows above the threshold before degrading."),
    key("policy.recover_after", "10", "1 to 65535", "Consecutive calm windows before recovering."),
    key("policy.dwell_ms", "5000", "0 to 3600000", "Least time in a mode in milliseconds; doubled by each relapse."),
    key("policy.backoff_limit", "7", "0 to 16", "How often that time may double."),
    key("policy.cpu_rule", "false", "true or false", "Also degrade on CPU load."),
    key("policy.cpu_degrade_above", "0.7", "0 to 1", "With cpu_rule: degrade when the load is above this."),
    key("policy.cpu_recover_below", "0.4", "0 to 1, not above cpu_degrade_above", "With cpu_rule: calm below this."),
    key("safety.max_temp_c", "85.0", "0 to 150", "Degrade above this temperature of the processor; 0 for no limit."),
    key("safety.under_voltage", "true", "true or false", "Degrade while the Raspberry Pi reports under-voltage."),
    key(
        "spool.max_reports",
        "1024",
        "2 to 4096",
        "Reports held in memory; beyond it neighbours merge, counts stay exact.",
    ),
    key(
        "spool.catch_up_per_s",
        "50",
        "1 to 1000",
        "After an outage: old reports sent per second, oldest first. New ones never wait behind them.",
    ),
    key(
        "spool.dir",
        "",
        "a path, or \"\" for none",
        "Directory where reports outlive a power cut. Written while the broker is away, and at the end. \
         Default: spool in the service's state directory ($STATE_DIRECTORY), or none.",
    ),
    key(
        "spool.runtime_dir",
        "",
        "a path, or \"\" for none",
        "Directory in memory (tmpfs) where reports outlive the process. Written all the time. \
         Default: spool in the service's runtime directory ($RUNTIME_DIRECTORY), or none.",
    ),
    key("spool.max_disk_mb", "16", "1 to 1024", "Mebibytes that each of the two directories may take."),
    key(
        "spool.flush_after_s",
        "60",
        "0 to 86400",
        "spool.dir is written when the oldest report has waited for so many seconds.",
    ),
    key(
        "spool.flush_every_s",
        "300",
        "1 to 86400",
        "Then again so often: a power cut loses no more than these seconds. Each write wears an SD card.",
    ),
    key("control.socket", "", "a path", "Default: control.sock in the service's runtime directory."),
    key(
        "log.format",
        "\"auto\"",
        "\"auto\", \"human\" or \"json\"",
        "Automatic: for people on a terminal, JSON otherwise.",
    ),
    key("log.filter", "\"info\"", "levels, also by module: device_agent=debug,info", "What is logged."),
];

const LINE: &str =
    "0 to 27 or \"GPIO0\" to \"GPIO27\", a number or name of the chip with \"chardev\" or \"auto\", \"\" for none";
const FILE: &str = "a path, or credential:NAME";
const SECRET_FILE: &str = "a path, or credential:NAME; a file that others cannot read";
const LEVEL: &str = "\"low\" or \"high\"";

const fn key(path: &'static str, default: &'static str, allowed: &'static str, doc: &'static str) -> Key {
    Key { path, default, allowed, doc }
}

const fn section(path: &'static str, doc: &'static str) -> Section {
    Section { path, doc }
}
