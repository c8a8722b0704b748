//! A gate in front of a broker, so that a story decides what is still on its way when the broker dies, and who is back first.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, spawn};

/// Forwards connections to a broker on this machine.
pub(crate) struct Gate {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    flow: Mutex<Flow>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    /// What clients send waits here; nobody else is let in.
    Shut,
    /// The gate is gone.
    Ended,
}

impl Gate {
    /// Opens a gate to the broker on this port.
    pub(crate) fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let thread = spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                match *ours.flow() {
                    // A broker that is away cannot be reached: dropping the client says so.
                    Flow::Open => drop(forward(client, broker, &ours)),
                    Flow::Shut => {}
                    Flow::Ended => return,
                }
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// The address to connect to.
    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// Lets nobody in, and nothing through to the broker, from now on.
    pub(crate) fn shut(&self) {
        self.shared.set(Flow::Shut);
    }

    /// Lets everybody and everything through again.
    pub(crate) fn open(&self) {
        self.shared.set(Flow::Open);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.set(Flow::Ended);
        // Wakes the thread.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, flow: Flow) {
        *self.flow() = flow;
        self.changed.notify_all();
    }

    fn wait_while_shut(&self) {
        let _flow = self.changed.wait_while(self.flow(), |flow| *flow == Flow::Shut);
    }
}

fn forward(client: TcpStream, broker: u16, shared: &Arc<Shared>) -> io::Result<()> {
    let broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker))?;
    for end in [&client, &broker] {
        end.set_nodelay(true)?;
    }
    let (client_too, broker_too) = (client.try_clone()?, broker.try_clone()?);
    let shared = Arc::clone(shared);
    spawn(move || pour(&client, &broker, || shared.wait_while_shut()));
    spawn(move || pour(&broker_too, &client_too, || {}));
    Ok(())
}

/// Until either end closes; then both do.
fn pour(mut from: &TcpStream, mut to: &TcpStream, before_each: impl Fn()) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        before_each();
        if to.write_all(chunk.get(..length).unwrap_or_default()).is_err() {
            break;
        }
    }
    for end in [from, to] {
        // Fails if it is closed already.
        let _ = end.shutdown(Shutdown::Both);
    }
}
