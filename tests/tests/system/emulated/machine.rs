//! An emulated machine: QEMU with Debian's kernel and a disk in memory, or Debian itself. Killed when dropped.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::archive::Archive;
use super::{Lines, emulation};
use crate::harness::{Site, eventually};

/// For last words of a machine that has failed.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// What a machine says when it takes commands.
const READY: &str = "@@READY";
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Lines of the console that are quoted.
const QUOTED: usize = 60;

/// Which machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Board {
    /// Raspberry Pi 3 Model B, with a network card on USB.
    RaspberryPi3,
    /// QEMU's own, with a kernel that is built with PREEMPT_RT.
    Virtual,
    /// The same with Debian and systemd on a disk, and a hardware watchdog; it may reboot.
    Debian,
}

impl Board {
    fn kernel(self) -> PathBuf {
        emulation().join(match self {
            Self::RaspberryPi3 => "kernel",
            Self::Virtual | Self::Debian => "kernel-rt",
        })
    }

    /// Release of its kernel.
    pub(crate) fn release(self) -> String {
        fs::read_to_string(self.kernel().join("release")).expect("a release").trim().to_owned()
    }

    fn name(self) -> &'static str {
        match self {
            Self::RaspberryPi3 => "raspberry-pi",
            Self::Virtual => "preempt-rt",
            Self::Debian => "debian",
        }
    }

    /// How long the machine may live, all boots included: three to six times what it takes on two cores.
    fn life(self) -> Duration {
        Duration::from_secs(match self {
            Self::RaspberryPi3 | Self::Virtual => 180,
            Self::Debian => 900,
        })
    }

    /// Tells in the guest what happened last.
    fn last_words(self) -> &'static str {
        match self {
            Self::RaspberryPi3 | Self::Virtual => "tail -n 20 /run/*.log",
            Self::Debian => "journalctl --no-pager --lines=40 --output=short-monotonic",
        }
    }

    /// QEMU as this machine.
    fn qemu(self) -> Command {
        let kernel = self.kernel();
        let machine = match self {
            Self::RaspberryPi3 => "-M raspi3b -device usb-net,netdev=net -serial null -no-reboot",
            Self::Virtual => "-M virt -cpu cortex-a53 -smp 2 -m 512 -device virtio-net-device,netdev=net -no-reboot",
            Self::Debian => {
                "-M virt -cpu cortex-a53 -smp 2 -m 512 -device virtio-net-device,netdev=net -device i6300esb"
            }
        };
        let append = match self {
            // Debian's kernel has no /dev/gpiomem, and without iomem=relaxed it keeps /dev/mem from the registers of a driver.
            Self::RaspberryPi3 => "console=ttyS1,115200 panic=-1 iomem=relaxed",
            Self::Virtual => "console=ttyAMA0 panic=-1",
            // After a panic it hangs: that is for the watchdog.
            Self::Debian => "console=ttyAMA0 panic=0",
        };
        let mut command = Command::new(emulation().join("qemu"));
        command.args(machine.split(' ')).args(["-append", append]).arg("-kernel").arg(kernel.join("vmlinuz"));
        if self == Self::RaspberryPi3 {
            command.arg("-dtb").arg(kernel.join("bcm2837-rpi-3-b.dtb"));
        }
        command.args("-netdev user,id=net -display none -qtest-log none".split(' '));
        command
    }
}

/// The emulator; killed when dropped.
struct Qemu(Child);

/// A running machine.
pub(crate) struct Machine {
    board: Board,
    qemu: Qemu,
    begin: Instant,
    console: PathBuf,
    commands: u32,
    /// The lines, from outside.
    pub(crate) lines: Lines,
    monitor: BufReader<UnixStream>,
}

/// What came of a command in the guest.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Machine {
    /// Boots a machine whose shell has these environment variables; returns when it takes commands. A program of the guest
    /// reaches this machine's loopback interface as 10.0.2.2.
    pub(super) fn boot(board: Board, site: &Site, environment: &[(String, String)]) -> Self {
        let disk = site.home(board.name()).join("disk");
        let mut archive = Archive::new();
        archive.folder("", &emulation().join("guest"));
        archive.folder("modules", &board.kernel().join("modules"));
        archive.empty_folder("dev");
        archive.empty_folder("etc");
        let settings: String = environment.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
        archive.file("etc/settings", &settings);
        fs::write(&disk, archive.finish()).expect("a file");
        let mut command = board.qemu();
        command.arg("-initrd").arg(disk);
        Self::start(board, site, command)
    }

    /// Boots Debian from the disk that `tests/booted/root` has made, which stays as it is; `packages` is an image of another disk.
    pub(crate) fn boot_debian(site: &Site, packages: &Path) -> Self {
        let board = Board::Debian;
        let debian = emulation().join("debian");
        let mut command = board.qemu();
        command.arg("-initrd").arg(debian.join("initrd"));
        for (id, image, change) in
            [("root", debian.join("disk"), "snapshot=on"), ("packages", packages.to_owned(), "readonly=on")]
        {
            command.arg("-drive").arg(format!("if=none,id={id},format=raw,{change},file={}", image.display()));
            command.arg("-device").arg(format!("virtio-blk-device,drive={id}"));
        }
        // Kernel and systemd talk on the first line, commands come on the second.
        command.arg("-serial").arg(format!("file:{}", logs().join("debian.system").display()));
        Self::start(board, site, command)
    }

    fn start(board: Board, site: &Site, mut command: Command) -> Self {
        let begin = Instant::now();
        let home = site.home(board.name());
        let (qtest, monitor) = (home.join("qtest"), home.join("monitor"));
        let console = logs().join(format!("{}.console", board.name()));
        let output = File::create(&console).expect("a file for the console");
        let serve = |socket: &Path| format!("unix:{},server=on,wait=off", socket.display());
        command.args(["-serial", "stdio", "-qtest", &serve(&qtest), "-monitor", &serve(&monitor)]);
        let errors = File::create(logs().join(format!("{}.qemu", board.name()))).expect("a file for QEMU's words");
        command.stdin(Stdio::piped()).stdout(output).stderr(errors);
        let qemu = Qemu(command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")));
        let mut machine = Self {
            board,
            lines: Lines::connect(board, &qtest),
            monitor: BufReader::new(eventually("QEMU's monitor", || UnixStream::connect(&monitor).ok())),
            qemu,
            begin,
            console,
            commands: 0,
        };
        machine.prompt();
        machine.wait_for_boot(1);
        machine
    }

    /// Does what makes the machine boot again; returns when it takes commands.
    pub(crate) fn boot_again(&mut self, command: &str) {
        let boots = self.console().matches(READY).count();
        // Its answer may come too late.
        self.tell(command).expect("QEMU listens");
        self.wait_for_boot(boots + 1);
    }

    fn wait_for_boot(&mut self, boots: usize) {
        self.wait_for(READY, |console| {
            assert!(!console.contains("@@FAILED"), "a module cannot be loaded");
            (console.matches(READY).count() >= boots).then_some(())
        });
        self.note("booted");
    }

    /// Tells how far it has got, for those who wonder where the time goes.
    pub(crate) fn note(&self, what: &str) {
        println!("{:6.1} s  {}: {what}", self.begin.elapsed().as_secs_f64(), self.board.name());
    }

    /// Runs a command in the guest, whatever comes of it.
    pub(crate) fn run(&mut self, command: &str) -> Answered {
        let number = self.tell(command).expect("QEMU listens");
        let end = self.begin + self.board.life();
        self.answer(number, end).unwrap_or_else(|| panic!("{}: no answer to {command}", self.board.name()))
    }

    /// Runs a command in the guest that must go well; its output.
    pub(crate) fn succeed(&mut self, command: &str) -> String {
        let answered = self.run(command);
        assert_eq!(answered.code, 0, "{command}: {}", answered.text);
        answered.text
    }

    /// Pulls the network cable out, or puts it in again.
    pub(super) fn set_cable(&mut self, cable: Cable) {
        let state = match cable {
            Cable::Out => "off",
            Cable::In => "on",
        };
        self.ask_monitor(&format!("set_link net {state}"));
        self.note(&format!("cable {cable:?}"));
    }

    /// Presses and releases the machine's power button: a pulse of 100 ms on line 3 of the virtual board.
    pub(super) fn press_power_button(&mut self) {
        self.ask_monitor("system_powerdown");
    }

    fn ask_monitor(&mut self, command: &str) {
        writeln!(self.monitor.get_mut(), "{command}").expect("QEMU's monitor listens");
        let answer = self.prompt();
        // It repeats what it hears, and says more only if something is wrong.
        assert!(!answer.contains("Error") && !answer.contains("unknown"), "{answer}");
    }

    /// What the monitor says up to its next prompt.
    fn prompt(&mut self) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"(qemu) ") {
            let heard = self.monitor.read_until(b' ', &mut answer).expect("QEMU's monitor answers");
            assert!(heard > 0, "QEMU has ended: {}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn tell(&mut self, command: &str) -> io::Result<u32> {
        self.commands += 1;
        let input = self.qemu.0.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(input, "{} {command}", self.commands)?;
        input.flush()?;
        Ok(self.commands)
    }

    fn answer(&mut self, number: u32, end: Instant) -> Option<Answered> {
        let (line, last) = (format!("@{number} "), format!("@@{number} "));
        self.look_until(end, |console| {
            let mut text = String::new();
            for said in console.lines() {
                // Whatever else was on its way to the console may stand before it.
                if let Some((_, code)) = said.split_once(&last) {
                    return Some(Answered { code: code.trim().parse().ok()?, text });
                }
                if let Some((_, output)) = said.split_once(&line) {
                    text.extend([output.trim_end_matches('\r'), "\n"]);
                }
            }
            None
        })
    }

    fn wait_for<T>(&mut self, what: &str, look: impl FnMut(&str) -> Option<T>) -> T {
        let life = self.board.life();
        self.look_until(self.begin + life, look)
            .unwrap_or_else(|| panic!("{}: {what} never came on the console within {life:?}", self.board.name()))
    }

    /// Looks at all whole lines of the console until there is something to see.
    fn look_until<T>(&mut self, end: Instant, mut look: impl FnMut(&str) -> Option<T>) -> Option<T> {
        loop {
            let last = Instant::now() >= end || self.qemu.0.try_wait().expect("the state of QEMU").is_some();
            let console = self.console();
            let whole = console.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some(seen) = look(whole) {
                return Some(seen);
            }
            if last {
                return None;
            }
            sleep(LOOK_EVERY);
        }
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.console).unwrap_or_default()).into_owned()
    }
}

/// Where the words of the machines are kept.
fn logs() -> PathBuf {
    let logs = emulation().join("logs");
    fs::create_dir_all(&logs).expect("a directory");
    logs
}

/// Where the network cable is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cable {
    Out,
    In,
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // They come to the console and its file, if the guest still lives.
            if let Ok(number) = self.tell(self.board.last_words()) {
                let _ = self.answer(number, Instant::now() + LAST_WORDS);
            }
            let console = self.console();
            let lines: Vec<_> = console.lines().collect();
            let latest = lines.get(lines.len().saturating_sub(QUOTED)..).unwrap_or_default();
            println!("---- {}, latest lines of {}:\n{}", self.board.name(), self.console.display(), latest.join("\n"));
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
