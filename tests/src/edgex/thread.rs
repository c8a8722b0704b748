//! The thread in which it all happens.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::device_service::{self, Broker, Connection};
use super::door::Door;
use super::faults::{Faults, Order, Reach, Service};
use super::http::routes;
use super::world::World;
use crate::site::Trouble;

/// The serving thread; ended when dropped.
#[derive(Debug)]
pub(super) struct Thread {
    faults: Faults,
    addresses: [SocketAddr; 3],
    handle: Option<JoinHandle<()>>,
}

/// What serves.
struct Served {
    world: Arc<World>,
    broker: Broker,
    doors: Vec<(Service, Door)>,
    south: Option<Connection>,
    _bus: Connection,
}

impl Thread {
    /// Starts it; returns when everything is open.
    pub(super) fn start(world: &Arc<World>, broker: Broker) -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Trouble::system("a runtime for EdgeX"))?;
        let (orders, ordered) = unbounded_channel();
        let (ready, is_ready) = mpsc::channel();
        let theirs = Arc::clone(world);
        let work = move || {
            runtime.block_on(async move {
                match Served::open(theirs, broker).await {
                    Ok(served) => {
                        let addresses: Vec<_> = served.doors.iter().map(|(_, door)| door.address()).collect();
                        // Fails if nobody wants it any more; then there are no orders either.
                        let _unheard = ready.send(Ok(addresses));
                        served.obey(ordered).await;
                    }
                    Err(why) => drop(ready.send(Err(why))),
                }
            });
        };
        let handle = std::thread::Builder::new().name("edgex".to_owned()).spawn(work);
        let handle = handle.map_err(Trouble::system("a thread for EdgeX"))?;
        let ended = || io::Error::other("its thread has ended");
        let addresses = is_ready.recv().map_err(|_| ended()).and_then(|opened| opened);
        let addresses = addresses.and_then(|addresses| addresses.try_into().map_err(|_| ended()));
        let addresses = addresses.map_err(Trouble::system("start of EdgeX"))?;
        Ok(Self { faults: Faults { world: Arc::clone(world), orders }, addresses, handle: Some(handle) })
    }

    pub(super) fn address(&self, service: Service) -> SocketAddr {
        let [metadata, data, command] = self.addresses;
        match service {
            Service::Metadata => metadata,
            Service::Data => data,
            Service::Command => command,
        }
    }

    pub(super) fn faults(&self) -> Faults {
        self.faults.clone()
    }

    fn orders(&self) -> &UnboundedSender<Order> {
        &self.faults.orders
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ended = self.orders().send(Order::Stop);
        if let Some(handle) = self.handle.take() {
            // A panic there was told by the thread itself.
            let _told = handle.join();
        }
    }
}

impl Served {
    async fn open(world: Arc<World>, broker: Broker) -> io::Result<Self> {
        let bus = broker.connect_bus(&world).await.map_err(io::Error::other)?;
        let south = Some(broker.connect_south(&world).await.map_err(io::Error::other)?);
        let mut doors = Vec::new();
        for service in Service::ALL {
            doors.push((service, Door::open_any(routes(&world, service))?));
        }
        Ok(Self { world, broker, doors, south, _bus: bus })
    }

    async fn obey(mut self, mut orders: UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            let (done, result) = match order {
                Order::Reach(service, reach, done) => {
                    (done, self.reach(service, reach).await.map_err(|why| why.to_string()))
                }
                Order::DeviceService(state, done) => {
                    (done, device_service::change(&self.world, &self.broker, &mut self.south, state).await)
                }
                Order::Stop => return,
            };
            // Fails if nobody waits for it any more.
            let _unheard = done.send(result);
        }
    }

    async fn reach(&mut self, service: Service, reach: Reach) -> io::Result<()> {
        for (_, door) in self.doors.iter_mut().filter(|(of, _)| *of == service) {
            match reach {
                Reach::Listening => door.open()?,
                Reach::Refused => door.close().await,
            }
        }
        Ok(())
    }
}
