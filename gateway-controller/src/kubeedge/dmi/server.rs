//! The mapper's own socket: EdgeCore tells here what is declared, edited and taken back.
//!
//! EdgeCore dials anew for every event and gives up after 10 s; what it could not tell is lost until the next registration.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::codegen::Service;
use tonic::{Request, Response, Status};

use super::convert;
use super::socket::{SocketFile, may_call, our_user};
use super::wire::device_mapper_service_server::{DeviceMapperService, DeviceMapperServiceServer};
use super::wire::{
    CreateDeviceModelRequest, CreateDeviceModelResponse, GetDeviceRequest, GetDeviceResponse, RegisterDeviceRequest,
    RegisterDeviceResponse, RemoveDeviceModelRequest, RemoveDeviceModelResponse, RemoveDeviceRequest,
    RemoveDeviceResponse, UpdateDeviceModelRequest, UpdateDeviceModelResponse, UpdateDeviceRequest,
    UpdateDeviceResponse,
};
use crate::kubeedge::mapper::News;
use crate::kubeedge::resource::ResourceId;
use crate::kubeedge::settings::AbstractName;

/// Callers at one time.
const MAX_CONNECTIONS: usize = 16;
/// Longest time of one connection: EdgeCore's calls take at most 10 s.
const CONNECTION_LIMIT: Duration = Duration::from_secs(30);
/// Calls at one time on a connection; EdgeCore makes one.
const MAX_STREAMS: u32 = 4;
/// Wait before another try to open the socket, which another controller may still have.
const RETRY: Duration = Duration::from_secs(2);

/// Answers calls, for ever.
pub(super) async fn serve(listener: &UnixListener, dmi_socket: &Path, news: mpsc::Sender<News>) {
    let service = DeviceMapperServiceServer::new(Answers { news });
    let mut connections = JoinSet::new();
    let mut told = None;
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // No file descriptors left, as a rule.
            sleep(RETRY).await;
            continue;
        };
        let caller = stream.peer_cred().map(|who| who.uid()).ok();
        let edgecore = SocketFile::at(dmi_socket).await;
        if !caller.is_some_and(|caller| may_call(caller, edgecore, our_user())) {
            if told != Some(caller) {
                tracing::warn!(user = caller, "a stranger called the mapper");
                told = Some(caller);
            }
            continue;
        }
        if connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        connections.spawn(timeout(CONNECTION_LIMIT, attend(stream, service.clone())));
    }
}

/// Opens the socket, as soon as nobody else has it.
pub(super) async fn open(name: &AbstractName) -> UnixListener {
    let mut told = false;
    loop {
        match bind(name) {
            Ok(listener) => return listener,
            Err(error) if !told => {
                tracing::warn!(address = %name, %error, "the mapper's socket cannot be opened, it is tried again");
                told = true;
            }
            Err(_) => {}
        }
        sleep(RETRY).await;
    }
}

fn bind(name: &AbstractName) -> std::io::Result<UnixListener> {
    let listener = net::UnixListener::bind_addr(&SocketAddr::from_abstract_name(name.name())?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

async fn attend(stream: UnixStream, service: DeviceMapperServiceServer<Answers>) {
    let serve = service_fn(move |request| service.clone().call(request));
    let mut connection = http2::Builder::new(TokioExecutor::new());
    // What goes wrong on a connection is told to whoever called; EdgeCore logs it.
    let _ = connection.max_concurrent_streams(MAX_STREAMS).serve_connection(TokioIo::new(stream), serve).await;
}

/// The answers: everything is taken, and handed on.
#[derive(Debug, Clone)]
struct Answers {
    news: mpsc::Sender<News>,
}

impl Answers {
    async fn tell(&self, news: News) -> Result<(), Status> {
        self.news.send(news).await.map_err(|_| Status::unavailable("the controller stops"))
    }
}

#[tonic::async_trait]
impl DeviceMapperService for Answers {
    async fn register_device(
        &self,
        request: Request<RegisterDeviceRequest>,
    ) -> Result<Response<RegisterDeviceResponse>, Status> {
        let device = request.into_inner().device.ok_or_else(no_device)?;
        let (device_name, device_namespace) = (device.name.clone(), device.namespace.clone());
        self.tell(News::Declared(convert::declaration(device))).await?;
        Ok(Response::new(RegisterDeviceResponse { device_name, device_namespace }))
    }

    async fn remove_device(
        &self,
        request: Request<RemoveDeviceRequest>,
    ) -> Result<Response<RemoveDeviceResponse>, Status> {
        let RemoveDeviceRequest { device_name: name, device_namespace: namespace } = request.into_inner();
        self.tell(News::Removed(ResourceId { namespace, name })).await?;
        Ok(Response::new(RemoveDeviceResponse {}))
    }

    async fn update_device(
        &self,
        request: Request<UpdateDeviceRequest>,
    ) -> Result<Response<UpdateDeviceResponse>, Status> {
        let device = request.into_inner().device.ok_or_else(no_device)?;
        self.tell(News::Declared(convert::declaration(device))).await?;
        Ok(Response::new(UpdateDeviceResponse {}))
    }

    /// Models say nothing that is needed here.
    async fn create_device_model(
        &self,
        request: Request<CreateDeviceModelRequest>,
    ) -> Result<Response<CreateDeviceModelResponse>, Status> {
        let model = request.into_inner().model.unwrap_or_default();
        let (device_model_name, device_model_namespace) = (model.name, model.namespace);
        Ok(Response::new(CreateDeviceModelResponse { device_model_name, device_model_namespace }))
    }

    async fn remove_device_model(
        &self,
        _: Request<RemoveDeviceModelRequest>,
    ) -> Result<Response<RemoveDeviceModelResponse>, Status> {
        Ok(Response::new(RemoveDeviceModelResponse {}))
    }

    async fn update_device_model(
        &self,
        _: Request<UpdateDeviceModelRequest>,
    ) -> Result<Response<UpdateDeviceModelResponse>, Status> {
        Ok(Response::new(UpdateDeviceModelResponse {}))
    }

    async fn get_device(&self, _: Request<GetDeviceRequest>) -> Result<Response<GetDeviceResponse>, Status> {
        Err(Status::unimplemented("declarations are EdgeCore's to tell"))
    }
}

fn no_device() -> Status {
    Status::invalid_argument("the request has no device")
}
