//! A gate in front of a broker, that lets nobody through while it is shut: so that a story decides who is back first.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{JoinHandle, spawn};

/// Forwards connections to a broker on this machine, unless it is shut. Connections through it live on when it shuts.
pub(crate) struct Gate {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    shut: AtomicBool,
    end: AtomicBool,
}

impl Gate {
    /// Opens a gate to the broker on this port.
    pub(crate) fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread = spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if shared.end.load(SeqCst) {
                    return;
                }
                if !shared.shut.load(SeqCst) {
                    // A broker that is away cannot be reached: dropping the client says so.
                    let _ = forward(client, broker);
                }
            }
        });
        Self { address, state, thread: Some(thread) }
    }

    /// The address to connect to.
    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// Lets nobody in from now on.
    pub(crate) fn shut(&self) {
        self.state.shut.store(true, SeqCst);
    }

    /// Lets everybody in again.
    pub(crate) fn open(&self) {
        self.state.shut.store(false, SeqCst);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.state.end.store(true, SeqCst);
        // Wakes the thread.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn forward(client: TcpStream, broker: u16) -> io::Result<()> {
    let broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker))?;
    for end in [&client, &broker] {
        end.set_nodelay(true)?;
    }
    let (client_too, broker_too) = (client.try_clone()?, broker.try_clone()?);
    spawn(move || pour(client, broker));
    spawn(move || pour(broker_too, client_too));
    Ok(())
}

/// Until either end closes; then both do.
fn pour(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    for end in [from, to] {
        // Fails if it is closed already.
        let _ = end.shutdown(Shutdown::Both);
    }
}
