//! The controller beside the fleet: started from here or found running, and asked what it counted.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gateway_controller::config::SCHEMA;
use gateway_controller::fleet::DeviceView;
use gateway_controller::protocol::{Devices, Health, Request};
use shared_host::control::ask;
use shared_host::mqtt::BrokerUrl;
use shared_proto::ids::{DeviceId, TopicRoot};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::error::ControllerError;

/// How long a controller may take until it has its broker.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A controller that was started here; killed when dropped.
#[derive(Debug)]
pub(super) struct Controller {
    child: Child,
    home: TempDir,
}

impl Controller {
    /// Starts one at this broker, with these keys of its configuration besides.
    pub(super) fn start(
        program: Option<&Path>,
        url: &BrokerUrl,
        root: &TopicRoot,
        devices: u32,
        keys: &[(String, String)],
    ) -> Result<Self, ControllerError> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe()?.with_file_name("gateway-controller"),
        };
        let home = tempfile::tempdir()?;
        let mut command = Command::new(&program);
        // What this process has inherited is for another controller.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GATEWAY_")) {
            command.env_remove(name);
        }
        let own = [
            ("mqtt.url", url.to_string()),
            ("mqtt.insecure", url.is_exposed().to_string()),
            ("mqtt.client_id", format!("{root}-controller")),
            ("topics.root", root.to_string()),
            ("control.socket", home.path().join("control.sock").display().to_string()),
            ("limits.max_devices", devices.max(10_000).to_string()),
        ];
        command.arg("run").envs(own.into_iter().map(|(key, value)| (SCHEMA.variable(key), value)));
        command.envs(keys.iter().map(|(key, value)| (SCHEMA.variable(key), value)));
        // Ctrl-C on the terminal must not take it from the devices that still report.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(File::create(home.path().join("decisions"))?);
        command.stderr(File::create(home.path().join("log"))?);
        let child = command.spawn().map_err(|why| ControllerError::Start { program, why })?;
        Ok(Self { child, home })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its control socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.home.path().join("control.sock")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default().trim().to_owned()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the controller has subscribed: before, reports would find nobody.
pub(super) async fn until_up(controller: &mut Option<Controller>, socket: &Path) -> Result<(), ControllerError> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let asked = question::<Health>(socket, Request::Health).await;
        if asked.as_ref().is_ok_and(|health| health.broker.down.is_none()) {
            return Ok(());
        }
        let ended = match controller {
            Some(controller) => controller.child.try_wait()?.is_some(),
            None => false,
        };
        if ended || Instant::now() > patience {
            let words = match (controller, asked) {
                (Some(controller), _) => controller.log(),
                (None, Ok(Health { broker })) => {
                    format!("no connection to {}: {}", broker.url, broker.down.unwrap_or_default())
                }
                (None, Err(error)) => error.to_string(),
            };
            return Err(ControllerError::NotUp { words });
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What the controller knows of all devices.
pub(super) async fn devices(socket: &Path) -> Result<HashMap<DeviceId, DeviceView>, ControllerError> {
    let all = question::<Devices>(socket, Request::Devices).await?;
    Ok(all.devices.into_iter().map(|view| (view.device.clone(), view)).collect())
}

async fn question<A: serde::de::DeserializeOwned + Send + 'static>(
    socket: &Path,
    request: Request,
) -> Result<A, ControllerError> {
    let socket = socket.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask::<_, A>(&socket, &request)).await;
    Ok(asked.map_err(io::Error::other)??)
}
