//! EdgeCore's own socket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gateway_controller::kubeedge::dmi::wire::device_manager_service_server::{
    DeviceManagerService, DeviceManagerServiceServer,
};
use gateway_controller::kubeedge::dmi::wire::{
    DeviceModel, MapperRegisterRequest, MapperRegisterResponse, ReportDeviceStatesRequest, ReportDeviceStatesResponse,
    ReportDeviceStatusRequest, ReportDeviceStatusResponse,
};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::codegen::Service;
use tonic::{Request, Response, Status};

use super::state::{Call, State};
use super::{Refuses, protocol_of};

/// Answers until it is stopped; then all connections break.
pub(super) async fn serve(
    listener: std::os::unix::net::UnixListener,
    state: Arc<Mutex<State>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let Ok(listener) = UnixListener::from_std(listener) else { return };
    let service = DeviceManagerServiceServer::new(Manager(state));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let service = service.clone();
        connections.spawn(async move {
            let serve = service_fn(move |request| service.clone().call(request));
            // A mapper may hang up at any time.
            let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), serve).await;
        });
    }
}

struct Manager(Arc<Mutex<State>>);

impl Manager {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a report, and refuses it if there are too many.
    fn take(&self, what: &str, device: &str, properties: Vec<String>) -> Result<MutexGuard<'_, State>, Status> {
        let mut state = self.state();
        state.calls.push(Call { at: Instant::now(), device: device.to_owned(), properties });
        if state.refuses == Refuses::All || !state.allow() {
            return Err(Status::unknown(format!("fail to report device {what} because of too many request: {device}")));
        }
        Ok(state)
    }
}

#[tonic::async_trait]
impl DeviceManagerService for Manager {
    async fn mapper_register(
        &self,
        request: Request<MapperRegisterRequest>,
    ) -> Result<Response<MapperRegisterResponse>, Status> {
        let MapperRegisterRequest { with_data, mapper } = request.into_inner();
        let mapper = mapper.unwrap_or_default();
        let mut state = self.state();
        if !state.allow() {
            return Err(Status::unknown(format!(
                "fail to register mapper because of too many request: {}",
                mapper.name
            )));
        }
        if mapper.protocol.is_empty() {
            return Err(Status::unknown("fail to register mapper because the protocol is nil"));
        }
        let address = String::from_utf8(mapper.address).map_err(|_| Status::unknown("no address"))?;
        state.register(&mapper.name, &mapper.protocol, &address);
        let ours = state.devices.values().filter(|device| with_data && protocol_of(device) == mapper.protocol);
        let device_list: Vec<_> = ours.cloned().collect();
        let model = DeviceModel { name: "rt-agent".to_owned(), namespace: super::NAMESPACE.to_owned() };
        // One entry a device, as the real one does it.
        let model_list = vec![model; device_list.len()];
        Ok(Response::new(MapperRegisterResponse { model_list, device_list }))
    }

    async fn report_device_status(
        &self,
        request: Request<ReportDeviceStatusRequest>,
    ) -> Result<Response<ReportDeviceStatusResponse>, Status> {
        let ReportDeviceStatusRequest { device_name, reported_device, .. } = request.into_inner();
        let twins = reported_device.unwrap_or_default().twins;
        let properties = twins.iter().map(|twin| twin.property_name.clone()).collect();
        let mut state = self.take("status", &device_name, properties)?;
        if twins.is_empty() {
            return Err(Status::unknown("ReportDeviceStatusRequest does not have twin data"));
        }
        twins.iter().for_each(|twin| state.report(&device_name, twin));
        Ok(Response::new(ReportDeviceStatusResponse {}))
    }

    async fn report_device_states(
        &self,
        request: Request<ReportDeviceStatesRequest>,
    ) -> Result<Response<ReportDeviceStatesResponse>, Status> {
        let ReportDeviceStatesRequest { device_name, state: word, .. } = request.into_inner();
        let mut state = self.take("states", &device_name, Vec::new())?;
        // Other words are dropped without one.
        if ["online", "offline", "ok", "unknown", "unhealthy"].contains(&word.as_str()) {
            state.states.insert(device_name, word);
        }
        Ok(Response::new(ReportDeviceStatesResponse {}))
    }
}
