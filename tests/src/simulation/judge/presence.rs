//! Whether a device is there, and what old wills say.

use gateway_controller::fleet::{DeviceView, PresenceView};
use shared_proto::ids::BootId;
use shared_proto::wire::Status;

use super::{Broken, Law};

/// The births that one controller has heard of a device.
#[derive(Debug, Default)]
pub(in super::super) struct Presence {
    /// Which start of the agent, and which of its connections.
    newest: Option<(u64, u64)>,
}

impl Presence {
    /// The controller takes in a status of the device's start number `start`.
    pub(in super::super) fn status(
        &mut self,
        start: u64,
        status: &Status,
        before: Option<PresenceView>,
        after: Option<PresenceView>,
    ) -> Result<(), Broken> {
        let this = (start, status.conn);
        if status.online {
            self.newest = self.newest.max(Some(this));
            return Ok(());
        }
        let old = self.newest.is_some_and(|newest| this < newest);
        if old && before == Some(PresenceView::Online) && after == Some(PresenceView::Offline) {
            let how = format!("the will of connection {this:?} took the device off, which is on {:?}", self.newest);
            return Err(Broken::new(Law::OldWill, how));
        }
        Ok(())
    }

    /// All has been well for long: `alive` is the run that is there.
    pub(in super::super) fn settled(alive: Option<BootId>, view: Option<&DeviceView>) -> Result<(), Broken> {
        let shown = view.map(|view| view.presence);
        let right = match alive {
            Some(boot) => shown == Some(PresenceView::Online) && view.and_then(|view| view.boot) == Some(boot),
            // A broker that restarted forgot the will; then nobody can know.
            None => shown != Some(PresenceView::Online),
        };
        if right {
            return Ok(());
        }
        let boot = view.and_then(|view| view.boot);
        Err(Broken::new(Law::Presence, format!("alive is {alive:?}, the controller shows {shown:?} of {boot:?}")))
    }
}
