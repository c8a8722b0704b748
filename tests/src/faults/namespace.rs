//! A network namespace for the device, with one cable to this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use crate::site::Trouble;

/// For tests of network equipment (RFC 2544); nobody else's.
const NET: [u8; 2] = [198, 18];
const PREFIX: u8 = 30;

/// The namespace; gone when dropped, and the cable with it.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
    here: String,
    address: Ipv4Addr,
}

impl Namespace {
    /// Makes one. Needs root.
    pub(super) fn open() -> Result<Self, Trouble> {
        let id = std::process::id();
        let [_, _, high, low] = id.to_be_bytes();
        let block = low & 0b1111_1100;
        let [first, second] = NET;
        let (here, there) = ([first, second, high, block | 1], [first, second, high, block | 2]);
        let namespace = Self { name: format!("faults-{id}"), here: format!("fl{id}h"), address: Ipv4Addr::from(here) };
        let (name, end) = (namespace.name.as_str(), format!("fl{id}d"));
        ip(&["netns", "add", name])?;
        ip(&["link", "add", &namespace.here, "type", "veth", "peer", "name", &end, "netns", name])?;
        ip(&["addr", "add", &format!("{}/{PREFIX}", namespace.address), "dev", &namespace.here])?;
        ip(&["link", "set", &namespace.here, "up"])?;
        ip(&["-n", name, "addr", "add", &format!("{}/{PREFIX}", Ipv4Addr::from(there)), "dev", &end])?;
        ip(&["-n", name, "link", "set", &end, "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Where this machine can be reached from inside.
    pub(super) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), port)
    }

    /// What starts a program inside.
    pub(super) fn through(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(str::to_owned).to_vec()
    }

    /// Puts a queueing discipline on both ends of the cable; what it is in `tc`'s words.
    pub(super) fn shape(&self, discipline: &[&str]) -> Result<(), Trouble> {
        let end = self.here.replace('h', "d");
        let root = ["root"];
        let here = ["qdisc", "replace", "dev", &self.here].into_iter().chain(root).chain(discipline.iter().copied());
        run("tc", &here.collect::<Vec<_>>())?;
        let there = ["-n", &self.name, "qdisc", "replace", "dev", &end].into_iter().chain(root);
        run("tc", &there.chain(discipline.iter().copied()).collect::<Vec<_>>())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Takes both ends of the cable away. Fails only if it was never made.
        let _ = ip(&["netns", "del", &self.name]);
        let _ = ip(&["link", "del", &self.here]);
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
