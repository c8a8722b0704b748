//! Families of the controller itself.

use super::super::family::{Family, Samples::Fleet};
use super::super::write::Number;
use super::{by, counter, gauge};

pub(super) const FAMILIES: &[Family] = &[
    by(
        &["version"],
        gauge(
            "edge_controller_info",
            "Always 1: version of the controller.",
            Fleet(|_, out| out.labelled(&[env!("CARGO_PKG_VERSION")], true)),
        ),
    ),
    gauge(
        "edge_controller_broker_connected",
        "Whether the controller is connected to its broker (with EdgeX alone: whether core-data answers).",
        Fleet(|view, out| out.value(view.sums.connected)),
    ),
    counter(
        "edge_controller_broker_connections_total",
        "Connections to the broker that were made.",
        Fleet(|view, out| out.value(view.sums.connections)),
    ),
    counter(
        "edge_controller_events_total",
        "Events that these figures were made of.",
        Fleet(|view, out| out.value(view.sums.events)),
    ),
    counter(
        "edge_controller_events_lost_total",
        "Events that these figures lack, because the web server's thread was too slow for them.",
        Fleet(|view, out| out.value(view.lost)),
    ),
    counter(
        "process_cpu_seconds_total",
        "CPU time of the controller, of user and system.",
        Fleet(|view, out| out.known(view.process.cpu_ns.map(|ns| Number::Nanos(ns.into())))),
    ),
    gauge(
        "process_resident_memory_bytes",
        "Resident memory of the controller.",
        Fleet(|view, out| out.known(view.process.resident_bytes)),
    ),
    gauge(
        "process_virtual_memory_bytes",
        "Virtual memory of the controller.",
        Fleet(|view, out| out.known(view.process.virtual_bytes)),
    ),
    gauge(
        "process_start_time_seconds",
        "When the controller was started, since 1970.",
        Fleet(|view, out| out.known(view.process.start_ns.map(|ns| Number::Nanos(ns.into())))),
    ),
    gauge(
        "process_open_fds",
        "Open file descriptors of the controller.",
        Fleet(|view, out| out.known(view.process.open_fds)),
    ),
    gauge(
        "process_max_fds",
        "File descriptors that the controller may open.",
        Fleet(|view, out| out.known(view.process.max_fds)),
    ),
];
