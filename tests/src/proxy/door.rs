//! Takes new connections, or does not.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::time::sleep;

use super::connection::Link;
use super::{Door, Orders, State};

/// Small, so that a slow link is felt by the sender and not by the buffers of this machine.
const RECEIVE_BUFFER: u32 = 16 * 1024;
const BACKLOG: u32 = 128;
/// Before the next attempt to listen again, if somebody has the port just now.
const LISTEN_AGAIN: Duration = Duration::from_millis(10);

pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Lives as long as the proxy.
pub(super) async fn keep(
    address: SocketAddr,
    listener: TcpListener,
    link: Link,
    mut orders: watch::Receiver<Orders>,
    stands: Sender<Door>,
) {
    let mut listener = Some(listener);
    let mut number = 0;
    loop {
        let Orders { faults, state, .. } = *orders.borrow_and_update();
        if state == State::Ended {
            return;
        }
        match faults.door {
            Door::Refused => listener = None,
            Door::Open | Door::Silent if listener.is_none() => match listen(address) {
                Ok(again) => listener = Some(again),
                Err(_) => {
                    sleep(LISTEN_AGAIN).await;
                    orders.mark_changed();
                    continue;
                }
            },
            Door::Open | Door::Silent => {}
        }
        // Fails when the proxy is just being dropped.
        let _ = stands.send(faults.door);
        loop {
            tokio::select! {
                biased;
                changed = orders.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    break;
                }
                Some(Ok((client, _))) = accept(listener.as_ref()) => {
                    number += 1;
                    let orders = orders.clone();
                    match faults.door {
                        Door::Open => drop(tokio::spawn(link.clone().forward(client, number, orders))),
                        Door::Silent => drop(tokio::spawn(link.clone().say_nothing(client, orders))),
                        Door::Refused => {}
                    }
                }
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<io::Result<(tokio::net::TcpStream, SocketAddr)>> {
    match listener {
        Some(listener) => Some(listener.accept().await),
        None => std::future::pending().await,
    }
}
