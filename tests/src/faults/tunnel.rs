//! A cable into a namespace whose packets pass through the [`super::relay`]: a TUN device at each end, opened by socat, as that
//! takes a system call that safe Rust has none for.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};

use super::namespace::Namespace;
use super::relay::{Cable, Relay};
use crate::site::{Trouble, wait_for};

/// The cable; gone when dropped.
#[derive(Debug)]
pub(super) struct Tunnel {
    _ends: [End; 2],
    relay: Relay,
}

/// A socat.
#[derive(Debug)]
struct End(Child);

impl Tunnel {
    /// Lays a cable, which is good at first.
    pub(super) fn into(namespace: &Namespace, seed: u64) -> Result<Self, Trouble> {
        let ports = [free_port()?, free_port()?];
        let relay = Relay::between(ports, seed).map_err(Trouble::system("the relay of packets"))?;
        let ([here, there], [to_here, to_there], [from_here, from_there]) = (namespace.ends(), relay.ports(), ports);
        let ends = [End::open(&here, to_here, from_here)?, End::open(&there, to_there, from_there)?];
        namespace.give_addresses()?;
        // Not before: a device on its way into the namespace is down, and socat ends when it cannot write a packet.
        relay.set(Cable::Good);
        Ok(Self { _ends: ends, relay })
    }

    pub(super) fn set(&self, cable: Cable) {
        self.relay.set(cable);
    }

    /// Packets that came while the cable was bad, and those of them that were lost on purpose.
    pub(super) fn counts(&self) -> (u64, u64) {
        self.relay.counts()
    }
}

impl End {
    fn open(device: &str, relay: u16, own: u16) -> Result<Self, Trouble> {
        let mut command = Command::new("socat");
        command.arg(format!("TUN,tun-name={device},iff-no-pi,iff-up"));
        command.arg(format!("UDP4:127.0.0.1:{relay},bind=127.0.0.1:{own}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        let child =
            child.map_err(|error| Trouble::NotHere(format!("socat: {error}; Debian: apt-get install socat")))?;
        let mut end = Self(child);
        wait_for("a TUN device", || {
            let ended = end.0.try_wait().map_err(Trouble::system("socat"))?;
            if ended.is_some() {
                return Err(Trouble::NotHere("socat cannot open /dev/net/tun".to_owned()));
            }
            Ok(std::path::Path::new("/sys/class/net").join(device).exists().then_some(()))
        })?;
        Ok(end)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port for datagrams that nobody has; socat takes it a moment later.
fn free_port() -> Result<u16, Trouble> {
    let address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    address.map(|address| address.port()).map_err(Trouble::system("a port"))
}
