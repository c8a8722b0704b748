//! One connection: both its directions, and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::direction::{self, Pipe};
use super::{Counts, Cut, Orders};

/// Where connections lead.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) broker: SocketAddr,
    pub(super) seed: u64,
    pub(super) counts: Arc<Counts>,
}

impl Link {
    /// Carries bytes until both ends have closed, or a cut.
    pub(super) async fn forward(self, mut client: TcpStream, number: u64, orders: watch::Receiver<Orders>) {
        self.counts.connections.fetch_add(1, Relaxed);
        // A broker that is away cannot be reached: dropping the client says so.
        let Ok(mut broker) = TcpStream::connect(self.broker).await else { return };
        // Without it the faults of the link would be mixed with those of this machine.
        if client.set_nodelay(true).is_err() || broker.set_nodelay(true).is_err() {
            return;
        }
        let how = {
            let ((from_client, to_client), (from_broker, to_broker)) = (client.split(), broker.split());
            let pipe = |offset, pick: direction::Pick| Pipe {
                orders: orders.clone(),
                pick,
                random: fastrand::Rng::with_seed(self.seed.wrapping_add(2 * number + offset)),
                counts: &self.counts,
            };
            let up = pipe(0, |faults| faults.up).carry(from_client, to_broker);
            let down = pipe(1, |faults| faults.down).carry(from_broker, to_client);
            tokio::select! {
                _ = async { tokio::join!(up, down) } => Cut::Close,
                how = cut(orders.clone()) => how,
            }
        };
        for end in [&client, &broker] {
            if how == Cut::Reset {
                // Fails if the connection is gone already.
                let _ = end.set_zero_linger();
            }
        }
    }

    /// Takes what the client says and never answers.
    pub(super) async fn say_nothing(self, mut client: TcpStream, orders: watch::Receiver<Orders>) {
        self.counts.connections.fetch_add(1, Relaxed);
        let mut chunk = [0; 1024];
        let listen = async {
            while let Ok(length @ 1..) = client.read(&mut chunk).await {
                self.counts.swallowed.fetch_add(u64::try_from(length).unwrap_or(0), Relaxed);
            }
        };
        tokio::select! {
            () = listen => {}
            _ = cut(orders) => {}
        }
    }
}

/// Completes at the next cut.
async fn cut(mut orders: watch::Receiver<Orders>) -> Cut {
    let before = orders.borrow().cuts;
    match orders.wait_for(|orders| orders.cuts != before).await {
        Ok(orders) => orders.cut,
        // The proxy is gone.
        Err(_) => Cut::Close,
    }
}
