//! A controller as a process of its own.

use std::path::{Path, PathBuf};

use gateway_controller::config::SCHEMA;
use gateway_controller::fleet::DeviceView;
use gateway_controller::protocol::{Devices, Request, WishWord, Wished};
use shared_host::control::ask;
use shared_proto::ids::DeviceId;
use shared_proto::mode::Mode;

use super::process::{Program, command};
use super::{Trouble, quick_reconnection, wait_for};

/// Quick, and with a threshold that nothing crosses: modes are what the scenario wishes.
const ALIKE: [(&str, &str); 3] = [("policy.degrade_above", "1"), ("command.retry_ms", "200"), ("log.format", "json")];

/// A running controller.
#[derive(Debug)]
pub struct Controller {
    url: String,
    home: PathBuf,
    program: Program,
}

impl Controller {
    /// Starts a controller with its files in `home`; returns when it listens at the broker.
    ///
    /// # Errors
    /// It cannot be started, or does not reach the broker.
    pub fn start(url: &str, home: &Path) -> Result<Self, Trouble> {
        let mut controller = Self { url: url.to_owned(), home: home.to_owned(), program: launch(url, home)? };
        controller.wait_until_up()?;
        Ok(controller)
    }

    /// Waits until it listens at the broker.
    ///
    /// # Errors
    /// It has ended, or never does.
    pub fn wait_until_up(&mut self) -> Result<(), Trouble> {
        let socket = socket(&self.home);
        wait_for("the controller's connection to the broker", || {
            self.program.check_running()?;
            Ok(ask::<_, Devices>(&socket, &Request::Devices).ok().filter(|devices| devices.broker.down.is_none()))
        })
        .map(drop)
    }

    /// Waits until it has noticed that the broker is gone.
    ///
    /// # Errors
    /// It has ended, or never does.
    pub fn wait_until_down(&mut self) -> Result<(), Trouble> {
        let socket = socket(&self.home);
        wait_for("the end of the controller's connection", || {
            self.program.check_running()?;
            Ok(ask::<_, Devices>(&socket, &Request::Devices).ok().filter(|devices| devices.broker.down.is_some()))
        })
        .map(drop)
    }

    /// What it knows of a device; waits until that fits.
    ///
    /// # Errors
    /// It has ended, or that never comes; then what it knew last is told.
    pub fn view(
        &mut self,
        device: &DeviceId,
        what: &str,
        fits: impl Fn(&DeviceView) -> bool,
    ) -> Result<DeviceView, Trouble> {
        let (socket, request) = (socket(&self.home), Request::Device { device: device.clone() });
        wait_for(what, || {
            self.program.check_running()?;
            Ok(ask::<_, DeviceView>(&socket, &request).ok().filter(|view| fits(view)))
        })
    }

    /// Wishes a mode of a device, as `gateway-controller set-mode` does; waits until the controller knows the device.
    ///
    /// # Errors
    /// It has ended, or never hears of the device.
    pub fn wish(&mut self, device: &DeviceId, mode: Mode) -> Result<(), Trouble> {
        let wish = match mode {
            Mode::Normal => WishWord::Normal,
            Mode::Degraded => WishWord::Degraded,
        };
        let (socket, request) = (socket(&self.home), Request::SetMode { device: device.clone(), wish });
        wait_for("the controller knows the device", || {
            self.program.check_running()?;
            Ok(ask::<_, Wished>(&socket, &request).ok())
        })
        .map(drop)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // Fails only if it has ended already, which the next look shows.
        let _ = self.program.kill();
    }

    /// Starts it again after its end; returns when it listens at the broker.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn restart(&mut self) -> Result<(), Trouble> {
        self.program = launch(&self.url, &self.home)?;
        self.wait_until_up()
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// It does not end well.
    pub fn terminate(&mut self) -> Result<(), Trouble> {
        self.program.terminate()?;
        self.program.check_no_panic()
    }
}

fn launch(url: &str, home: &Path) -> Result<Program, Trouble> {
    let mut command = command("controller", &["run"], &[])?;
    let path = socket(home).to_string_lossy().into_owned();
    let own = [("mqtt.url", url), ("control.socket", path.as_str())];
    command.envs(ALIKE.into_iter().chain(own).map(|(key, value)| (SCHEMA.variable(key), value)));
    command.envs([quick_reconnection(&SCHEMA)]);
    Program::start("controller", command, home)
}

fn socket(home: &Path) -> PathBuf {
    home.join("control.sock")
}
