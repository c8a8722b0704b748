//! A device: a directory, an sshd, and a service that is an agent started again and again.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use demo::broker::free_port;
use device_agent::supervisor::{Answer, Request};
use shared_host::control::ask;

use crate::waiting::eventually;

/// What a machine's service manager would be.
const SERVICE: &str = r#"#!/bin/sh
# service.sh HOME start|restart|stop
home=$1
if [ "$2" != start ] && [ -e "$home/service.pid" ]; then
    group=$(cat "$home/service.pid")
    kill -s TERM -- "-$group" 2>/dev/null
    while kill -s 0 -- "-$group" 2>/dev/null; do sleep 0.02; done
    rm -f "$home/service.pid"
fi
[ "$2" != stop ] || exit 0
setsid sh -c 'echo $$ >"$0/service.pid"
    while :; do "$0/bin/device-agent" run --config "$0/agent.toml" >>"$0/agent.log" 2>&1; sleep 0.3; done' "$home" </dev/null >/dev/null 2>&1 &
while [ ! -s "$home/service.pid" ]; do sleep 0.02; done
"#;

pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) home: PathBuf,
    pub(crate) port: u16,
    sshd: Child,
}

impl Device {
    /// A device that was set up by hand, with its service running.
    pub(crate) fn set_up(site: &Path, name: &str, broker: &str) -> Self {
        let home = site.join(name);
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("service.sh"), SERVICE).unwrap();
        // As in /usr/local/bin.
        fs::create_dir_all(home.join("bin")).unwrap();
        fs::copy(site.join("good-0"), home.join("bin/device-agent")).unwrap();
        fs::copy(site.join("update.pub"), home.join("update.pub")).unwrap();
        let here = home.display();
        let config = format!(
            "[device]\nname = {name:?}\n[mqtt]\nurl = {broker:?}\nreconnect_max_s = 1\n[control]\nsocket = \"{here}/control.sock\"\n\
             [spool]\nruntime_dir = \"{here}/spool\"\n[report]\ninterval_ms = 100\n[task]\nperiod_ms = 50\n\
             [spin]\nnormal_ratio = 0.02\ndegraded_ratio = 0.02\n[policy]\nenabled = false\n\
             [safety]\nmax_temp_c = 0\nunder_voltage = false\n\
             [realtime]\nscheduler = \"other\"\nlock_memory = false\nno_deep_sleep = false\n"
        );
        fs::create_dir_all(home.join("spool")).unwrap();
        fs::write(home.join("agent.toml"), config).unwrap();
        let port = free_port().unwrap();
        keygen(&home.join("host_key"));
        let sshd = sshd(site, &home, port);
        let device = Self { name: name.to_owned(), home, port, sshd };
        device.service("start");
        device
    }

    /// A line of known_hosts.
    pub(crate) fn known(&self) -> String {
        let key = fs::read_to_string(self.home.join("host_key.pub")).unwrap();
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    /// Its part of the inventory.
    pub(crate) fn listed(&self) -> String {
        let home = self.home.display();
        format!(
            "[[device]]\nhost = \"127.0.0.1\"\nname = {:?}\nport = {}\ndir = \"{home}/opt\"\nconfig = \"{home}/agent.toml\"\n\
             program = \"{home}/bin/device-agent\"\nupdate_key = \"{home}/update.pub\"\nrestart = \"sh {home}/service.sh {home} restart\"\n",
            self.name, self.port
        )
    }

    pub(crate) fn service(&self, what: &str) {
        let script = self.home.join("service.sh");
        assert!(Command::new("sh").arg(script).arg(&self.home).arg(what).status().unwrap().success());
    }

    /// The agent's answer, if it answers.
    pub(crate) fn answer(&self) -> Option<Answer> {
        ask(&self.home.join("control.sock"), &Request::Status).ok()
    }

    /// The agent's answer.
    pub(crate) fn status(&self) -> Answer {
        eventually(&format!("{} answers", self.name), || self.answer())
    }

    /// The release that is current.
    pub(crate) fn release(&self) -> String {
        let link = fs::read_link(self.home.join("opt/current")).unwrap();
        link.file_name().unwrap().to_str().unwrap().to_owned()
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.home.join("opt/pending").exists()
    }

    /// As if its network cable were pulled.
    pub(crate) fn disappear(&mut self) {
        for id in sessions(self.sshd.id()) {
            // It may be gone meanwhile.
            let _ = Command::new("kill").args(["-s", "KILL", &id.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }

    pub(crate) fn come_back(&mut self, site: &Path) {
        self.sshd = sshd(site, &self.home, self.port);
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.service("stop");
        self.disappear();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.home.join("agent.log")).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            println!("---- {}\n{}", self.name, lines[lines.len().saturating_sub(8)..].join("\n"));
        }
    }
}

/// The server and the processes of its sessions; not what was started in them.
fn sessions(server: u32) -> Vec<u32> {
    let mut found = vec![server];
    let processes: Vec<_> =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    let parent = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let field = |name: &str| Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned());
        (field("Name:")? == "sshd").then(|| field("PPid:")?.parse::<u32>().ok())?
    };
    for _ in 0..2 {
        let more = processes
            .iter()
            .filter(|id| parent(**id).is_some_and(|parent| found.contains(&parent)) && !found.contains(id));
        let more: Vec<u32> = more.copied().collect();
        found.extend(more);
    }
    found.split_off(1)
}

/// A key without a passphrase.
pub(crate) fn keygen(path: &Path) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen; Debian: apt-get install openssh-client").success());
}

fn sshd(site: &Path, home: &Path, port: u16) -> Child {
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {0}/host_key\nAuthorizedKeysFile {1}/user_key.pub\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\nSubsystem sftp internal-sftp\n\
         MaxStartups 100\nAcceptEnv none\n",
        home.display(),
        site.display()
    );
    fs::write(home.join("sshd.conf"), config).unwrap();
    // Where root's sshd locks itself in; Debian's service would make it.
    let _ = fs::create_dir_all("/run/sshd");
    let log = File::options().create(true).append(true).open(home.join("sshd.log")).unwrap();
    let mut command = Command::new("/usr/sbin/sshd");
    command.args(["-D", "-e", "-f"]).arg(home.join("sshd.conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().expect("/usr/sbin/sshd; Debian: apt-get install openssh-server");
    eventually("sshd listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    child
}
