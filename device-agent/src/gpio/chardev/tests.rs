use std::path::PathBuf;
use std::sync::Mutex;

use super::*;
use crate::gpio::{Board, ChipProblem, Line, Lines};
use kernel::NotSet;
use shared_proto::mode::Mode;

/// What was asked of the kernel, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Output(u32, Level),
    Input(u32, Option<Level>),
    Set(u32, Level),
}

/// A machine with one chip.
struct Fake {
    label: &'static str,
    lines: Vec<LineInfo>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Levels of requests to come are not taken.
    stubborn: bool,
    /// A request for this line is refused.
    refused: Option<u32>,
}

struct FakeLine {
    offset: u32,
    asked: Arc<Mutex<Vec<Asked>>>,
    stubborn: bool,
}

impl Output for FakeLine {
    fn set(&mut self, level: Level) -> Result<(), NotSet> {
        if self.stubborn {
            return Err(NotSet);
        }
        self.asked.lock().unwrap().push(Asked::Set(self.offset, level));
        Ok(())
    }
}

impl Input for FakeLine {
    fn level(&mut self) -> Option<Level> {
        (!self.stubborn).then_some(Level::High)
    }
}

impl Fake {
    fn new(label: &'static str, names: &[&str]) -> Self {
        let lines =
            (0..).zip(names).map(|(offset, name)| LineInfo { offset, name: (*name).to_owned(), consumer: None });
        Self { label, lines: lines.collect(), asked: Arc::default(), stubborn: false, refused: None }
    }

    fn pi() -> Self {
        Self::new("pinctrl-bcm2835", &[""; 54])
    }

    fn take(&self, offset: u32, asked: Asked) -> Result<FakeLine, String> {
        if self.refused == Some(offset) {
            return Err("Device or resource busy (os error 16)".to_owned());
        }
        self.asked.lock().unwrap().push(asked);
        Ok(FakeLine { offset, asked: Arc::clone(&self.asked), stubborn: self.stubborn })
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn open(&self, wiring: &Wiring<LineId>, button: Option<&ButtonConfig>) -> Result<Opened<Self>, GpioError> {
        open(self, None, wiring, button)
    }
}

impl Kernel for Fake {
    type Output = FakeLine;
    type Input = FakeLine;

    fn chips(&self) -> Result<Vec<PathBuf>, String> {
        Ok(vec!["/dev/gpiochip0".into()])
    }

    fn chip(&self, path: &Path) -> Result<Chip, String> {
        if path != Path::new("/dev/gpiochip0") {
            return Err("No such file or directory (os error 2)".to_owned());
        }
        let lines = u32::try_from(self.lines.len()).unwrap();
        Ok(Chip { path: path.to_owned(), label: self.label.to_owned(), lines })
    }

    fn lines(&self, _: &Chip) -> Result<Vec<LineInfo>, String> {
        Ok(self.lines.clone())
    }

    fn output(&self, _: &Chip, offset: u32, level: Level) -> Result<FakeLine, String> {
        self.take(offset, Asked::Output(offset, level))
    }

    fn input(&self, _: &Chip, offset: u32, pulled: Option<Level>) -> Result<FakeLine, String> {
        self.take(offset, Asked::Input(offset, pulled))
    }
}

fn id(text: &str) -> Option<LineId> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

/// Normal, degraded, heartbeat, output and input.
fn wiring([normal, degraded, heartbeat, output, input]: [&str; 5]) -> Wiring<LineId> {
    let (normal, degraded, heartbeat) = (id(normal), id(degraded), id(heartbeat));
    Wiring { normal, degraded, heartbeat, output: id(output), input: id(input), active: Level::High, safe: Level::High }
}

fn button(line: &str) -> ButtonConfig {
    ButtonConfig { line: line.parse().unwrap(), pressed: Level::Low, stable_ns: 0 }
}

#[test]
fn outputs_are_taken_at_their_safe_level_and_inputs_with_their_pull() {
    let pi = Fake::pi();
    pi.open(&wiring(["GPIO17", "27", "22", "23", "24"]), Some(&button("5"))).unwrap();
    let output = |line| Asked::Output(line, Level::High);
    let expected = [output(17), output(27), output(22), output(23), Asked::Input(24, None)];
    assert_eq!(pi.asked()[..5], expected);
    pi.open(&wiring(["", "", "", "", ""]), Some(&button("5"))).unwrap();
    assert_eq!(pi.asked(), [Asked::Input(5, Some(Level::High))]);
}

#[test]
fn a_level_is_one_request_of_the_kernel() {
    let pi = Fake::pi();
    let wiring = wiring(["17", "27", "22", "", ""]);
    let mut board = Board::new(pi.open(&wiring, None).unwrap().pins, &wiring);
    pi.asked();
    board.heartbeat();
    assert_eq!(pi.asked(), [Asked::Set(22, Level::Low)]);
    board.set_mode(Mode::Degraded);
    assert_eq!(pi.asked(), [Asked::Set(17, Level::Low), Asked::Set(27, Level::High)]);
    board.make_safe();
    assert_eq!(pi.asked(), [17, 27, 22].map(|line| Asked::Set(line, Level::High)));
    board.output(Level::High);
    assert_eq!((pi.asked(), board.input()), (vec![], Level::Low), "lines that are not wired");
}

#[test]
fn levels_that_are_not_taken_are_counted() {
    let pi = Fake { stubborn: true, ..Fake::pi() };
    let opened = pi.open(&wiring(["17", "", "", "", "24"]), None).unwrap();
    let (mut pins, failures) = (opened.pins, opened.failures);
    pins.write(OutputRole::Normal, Level::High);
    assert_eq!(pins.read(InputRole::Workload), Level::Low);
    pins.write(OutputRole::Degraded, Level::High);
    assert_eq!(failures.total(), 2);
}

#[test]
fn an_error_leaves_no_line_taken() {
    let board = Fake::new("9030000.pl061", &["FAN", "LED"]);
    let error = board.open(&wiring(["FAN", "LED", "GPIO22", "", ""]), None).err().unwrap().to_string();
    assert!(error.starts_with("gpio.heartbeat_line = \"GPIO22\"") && error.contains("FAN, LED"), "{error}");
    let error = board.open(&wiring(["FAN", "", "", "", ""]), Some(&button("0"))).err().unwrap().to_string();
    assert!(error.starts_with("gpio.override_line = 0") && error.contains("gpio.normal_line"), "{error}");
    assert_eq!(board.asked(), []);
}

#[test]
fn a_line_that_is_refused_is_named_as_it_was_written() {
    let pi = Fake { refused: Some(27), ..Fake::pi() };
    let error = pi.open(&wiring(["17", "GPIO27", "", "", ""]), None).err().unwrap().to_string();
    for part in ["gpio.degraded_line = \"GPIO27\"", "os error 16", "allowed"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_chip_that_is_not_there_is_named() {
    let error = open(&Fake::pi(), Some(Path::new("/dev/gpiochip7")), &wiring([""; 5]), None).err().unwrap();
    let closed = GpioError::Chip(ChipProblem::Closed {
        path: "/dev/gpiochip7".into(),
        why: "No such file or directory (os error 2)".to_owned(),
    });
    assert_eq!(error, closed);
    assert!(error.to_string().contains("gpio.chip: cannot use /dev/gpiochip7"), "{error}");
}

#[test]
fn registers_do_not_take_lines_that_somebody_has() {
    let line = |number: u8| Line::try_from(number).unwrap();
    let free = Wiring {
        normal: Some(line(17)),
        degraded: None,
        heartbeat: None,
        output: None,
        input: None,
        active: Level::High,
        safe: Level::Low,
    };
    let mut pi = Fake::pi();
    pi.lines[5].consumer = Some("spi0 CS0".to_owned());
    assert_eq!(refuse_taken(&pi, &free, None), Ok(()));
    let error = refuse_taken(&pi, &free, Some(line(5))).unwrap_err().to_string();
    assert!(error.contains("gpio.override_line = 5") && error.contains("spi0 CS0"), "{error}");
    // Not a header: its line 5 is another one.
    let elsewhere = Fake { label: "gpio_aaeon", ..pi };
    assert_eq!(refuse_taken(&elsewhere, &free, Some(line(5))), Ok(()));
}
