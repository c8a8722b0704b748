//! Connects, again and again, until nobody wants it any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::backoff::Retry;
use super::events::Sink;
use super::fresh::Fresh;
use super::publisher::{Control, Shared};
use super::session::{End, Session};
use super::{Message, Options, valid};

/// A connection that lasted this long ends the series of failures before it.
const STABLE: Duration = Duration::from_secs(60);

/// What follows the end of a connection.
enum Next {
    Retry,
    Stop,
}

pub(super) async fn drive(
    options: Options,
    mut will: impl FnMut(u64) -> Option<Message> + Send,
    shared: Arc<Shared>,
    sink: Sink,
    mut control: mpsc::UnboundedReceiver<Control>,
) {
    let mut retry = Retry::new(options.backoff);
    for conn in 1.. {
        let fresh = tokio::select! {
            fresh = Fresh::read(&options) => fresh,
            order = control.recv() => {
                if order.is_some() {
                    sink.down(conn, "closed".to_owned());
                }
                return;
            }
        };
        let will = will(conn);
        let settings = fresh
            .and_then(|fresh| valid::client_options(&options, fresh, will))
            .and_then(|client_options| Ok((client_options, valid::subscriptions(&options)?)));
        let (reason, next) = match settings {
            Ok(settings) => {
                let (mut session, event_loop) = Session::new(conn, &options, settings, &shared, &sink);
                let end = session.run(event_loop, &mut control).await;
                if session.was_up_for(STABLE) {
                    retry.reset();
                }
                match end {
                    End::Failed(reason) if session.is_closing() => (reason, Next::Stop),
                    End::Failed(reason) => (reason, Next::Retry),
                    End::Closed => ("closed".to_owned(), Next::Stop),
                    End::Abandoned => return,
                }
            }
            Err(reason) => (reason, Next::Retry),
        };
        shared.down();
        sink.down(conn, reason);
        if matches!(next, Next::Stop) {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(retry.next_wait(fastrand::f64())) => {}
            // An order to close or the end of all handles: there is nothing to settle while down.
            _ = control.recv() => return,
        }
    }
}
