//! A gate in front of a broker, so that a story decides what is still on its way when the broker dies, and who is back first.

use std::net::Ipv4Addr;

use system_tests::proxy::{Faults, Proxy};

/// Forwards connections to a broker on this machine.
pub(crate) struct Gate(Proxy);

impl Gate {
    /// Opens a gate to the broker on this port.
    pub(crate) fn to(broker: u16) -> Self {
        Self(Proxy::to((Ipv4Addr::LOCALHOST, broker).into(), 0).expect("a proxy"))
    }

    /// The address to connect to.
    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    /// Lets nobody in, and nothing through to the broker, from now on.
    pub(crate) fn shut(&self) {
        self.0.set(Faults::held_back());
    }

    /// Lets everybody and everything through again.
    pub(crate) fn open(&self) {
        self.0.heal();
    }
}
