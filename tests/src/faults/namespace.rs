//! A network namespace for the device, with one cable to this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use crate::site::Trouble;

/// For tests of network equipment (RFC 2544); nobody else's.
const NET: [u8; 2] = [198, 18];
const PREFIX: u8 = 30;

/// The namespace; gone when dropped, and its cable with it.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
    /// Names of the devices at the ends of the cable: this machine's and the namespace's.
    ends: [String; 2],
    here: Ipv4Addr,
    there: Ipv4Addr,
}

impl Namespace {
    /// Makes one, without a cable. Needs root.
    pub(super) fn open() -> Result<Self, Trouble> {
        let id = std::process::id();
        let [_, _, high, low] = id.to_be_bytes();
        let block = low & 0b1111_1100;
        let [first, second] = NET;
        let address = |host: u8| Ipv4Addr::new(first, second, high, block | host);
        let ends = [format!("fl{id}h"), format!("fl{id}d")];
        let namespace = Self { name: format!("faults-{id}"), ends, here: address(1), there: address(2) };
        ip(&["netns", "add", &namespace.name])?;
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Lays a cable of the kernel's.
    pub(super) fn lay_cable(&self) -> Result<(), Trouble> {
        let [here, there] = &self.ends;
        ip(&["link", "add", here, "type", "veth", "peer", "name", there])?;
        self.give_addresses()
    }

    /// Takes it away, if there is one.
    pub(super) fn remove_cable(&self) {
        let [here, _] = &self.ends;
        // Fails only if there is none.
        let _ = ip(&["link", "del", here]);
    }

    /// What the devices at the ends of a cable have to be called: this machine's and the namespace's.
    pub(super) fn ends(&self) -> [String; 2] {
        self.ends.clone()
    }

    /// Puts the second of these devices into the namespace and gives both their addresses.
    pub(super) fn give_addresses(&self) -> Result<(), Trouble> {
        let ([here, there], name) = (&self.ends, self.name.as_str());
        let with_prefix = |address: Ipv4Addr| format!("{address}/{PREFIX}");
        ip(&["link", "set", there, "netns", name])?;
        ip(&["addr", "add", &with_prefix(self.here), "dev", here])?;
        ip(&["link", "set", here, "up"])?;
        ip(&["-n", name, "addr", "add", &with_prefix(self.there), "dev", there])?;
        ip(&["-n", name, "link", "set", there, "up"])
    }

    /// Where this machine can be reached from inside.
    pub(super) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.here), port)
    }

    /// What starts a program inside.
    pub(super) fn through(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(str::to_owned).to_vec()
    }

    /// Puts a queueing discipline on both ends of the cable; what it is in `tc`'s words.
    pub(super) fn shape(&self, discipline: &[&str]) -> Result<(), Trouble> {
        let [here, there] = &self.ends;
        let root = ["root"];
        let here = ["qdisc", "replace", "dev", here].into_iter().chain(root).chain(discipline.iter().copied());
        run("tc", &here.collect::<Vec<_>>())?;
        let there = ["-n", &self.name, "qdisc", "replace", "dev", there].into_iter().chain(root);
        run("tc", &there.chain(discipline.iter().copied()).collect::<Vec<_>>())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Fails only if it was never made.
        let _ = ip(&["netns", "del", &self.name]);
        self.remove_cable();
    }
}

fn ip(args: &[&str]) -> Result<(), Trouble> {
    run("ip", args)
}

fn run(program: &str, args: &[&str]) -> Result<(), Trouble> {
    let said = Command::new(program)
        .args(args)
        .output()
        .map_err(|error| Trouble::NotHere(format!("{program}: {error}; Debian: apt-get install iproute2")))?;
    if said.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&said.stderr);
    Err(Trouble::NotHere(format!("`{program} {}` says: {}", args.join(" "), words.trim())))
}
