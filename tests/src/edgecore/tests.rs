use std::convert::Infallible;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use gateway_controller::kubeedge::dmi::wire::GetDeviceRequest;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::body::Body;
use tonic::codegen::http::Response;

use super::caller::{Answer, call};

/// A server like the mapper's, which answers everything without a message.
fn serve(listener: UnixListener) {
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let answer = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
            // Ends when the caller hangs up.
            let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
        });
    });
}

/// Why a mapper in Rust listens at an abstract name.
#[test]
fn rusts_http2_refuses_what_grpc_go_sends_to_a_path_and_takes_an_abstract_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mapper.sock");
    serve(UnixListener::bind(&path).unwrap());
    let request = GetDeviceRequest::default();
    assert_eq!(call(path.to_str().unwrap(), "GetDevice", &request), Answer::Reset(1));

    let name = format!("rtmqtt-authority-{}", std::process::id());
    serve(UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap());
    assert_eq!(call(&format!("@{name}"), "GetDevice", &request), Answer::Refused);
}

#[test]
fn nobody_is_called_where_nobody_listens() {
    assert_eq!(call("/nowhere/mapper.sock", "GetDevice", &GetDeviceRequest::default()), Answer::Nobody);
    assert_eq!(call("@rtmqtt-nobody", "GetDevice", &GetDeviceRequest::default()), Answer::Nobody);
}
