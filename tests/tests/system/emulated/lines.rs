//! The board's GPIO lines from outside: QEMU reads and writes its registers (qtest), the guest's CPUs take no part in it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::machine::Board;
use crate::harness::eventually;

/// Levels from 0 to 31 of the Raspberry Pi's first bank (`BCM2835 ARM Peripherals`, chapter 6; 0x3f000000 on the Pi 3).
const GPLEV0: u64 = 0x3f20_0034;
const GPSET0: u64 = 0x3f20_001c;
const GPCLR0: u64 = 0x3f20_0028;
/// All eight lines of the PL061: bits 2 to 9 of the address select lines.
const PL061_DATA: u64 = 0x0903_03fc;
/// Which of them are outputs.
const PL061_DIRECTIONS: u64 = 0x0903_0400;

/// Levels of lines at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels(u32);

impl Levels {
    pub(crate) fn is_high(self, line: u8) -> bool {
        self.0 & bit(line) != 0
    }
}

/// The lines of a board.
pub(crate) struct Lines {
    board: Board,
    connection: BufReader<UnixStream>,
}

impl Lines {
    /// Connects to QEMU's socket.
    pub(super) fn connect(board: Board, socket: &Path) -> Self {
        let connection = eventually("QEMU's socket", || UnixStream::connect(socket).ok());
        Self { board, connection: BufReader::new(connection) }
    }

    /// The levels now.
    pub(crate) fn levels(&mut self) -> Levels {
        let register = match self.board {
            Board::RaspberryPi3 => GPLEV0,
            Board::Virtual | Board::Debian => PL061_DATA,
        };
        self.read(register)
    }

    /// Which lines are outputs now: high ones; not the Raspberry Pi's.
    pub(crate) fn outputs(&mut self) -> Levels {
        assert_ne!(self.board, Board::RaspberryPi3, "that has another register for this");
        self.read(PL061_DIRECTIONS)
    }

    fn read(&mut self, register: u64) -> Levels {
        let answer = self.ask(&format!("readl {register:#x}"));
        let value = answer.strip_prefix("OK 0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Levels(value.and_then(|value| u32::try_from(value).ok()).unwrap_or_else(|| panic!("QEMU: {answer}")))
    }

    /// Drives an input as a button does; the Raspberry Pi's alone.
    pub(super) fn drive_low(&mut self, line: u8) {
        self.write(GPCLR0, line);
    }

    /// Drives an input as a pull-up resistor does, of which the emulation has none; the Raspberry Pi's alone.
    pub(super) fn drive_high(&mut self, line: u8) {
        self.write(GPSET0, line);
    }

    /// Waits until some lines are high and others low.
    pub(crate) fn wait_for(&mut self, high: &[u8], low: &[u8]) {
        eventually(&format!("lines {high:?} high and {low:?} low, seen from outside"), || {
            let levels = self.levels();
            let all = high.iter().all(|line| levels.is_high(*line)) && !low.iter().any(|line| levels.is_high(*line));
            all.then_some(())
        });
    }

    /// Waits until a line has changed its level so often.
    pub(crate) fn wait_for_changes(&mut self, line: u8, wanted: u32) {
        let mut latest = self.levels().is_high(line);
        let mut changes = 0;
        eventually(&format!("{wanted} changes of line {line}, seen from outside"), || {
            let level = self.levels().is_high(line);
            changes += u32::from(level != latest);
            latest = level;
            (changes >= wanted).then_some(())
        });
    }

    fn write(&mut self, register: u64, line: u8) {
        assert_eq!(self.board, Board::RaspberryPi3, "the PL061 takes no levels for its inputs this way");
        let answer = self.ask(&format!("writel {register:#x} {:#x}", bit(line)));
        assert_eq!(answer, "OK");
    }

    fn ask(&mut self, request: &str) -> String {
        let mut answer = String::new();
        let asked = writeln!(self.connection.get_mut(), "{request}");
        asked.and_then(|()| self.connection.read_line(&mut answer)).expect("QEMU answers");
        answer.trim_end().to_owned()
    }
}

fn bit(line: u8) -> u32 {
    1 << line
}
