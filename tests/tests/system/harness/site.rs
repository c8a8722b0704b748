//! Where a story takes place: a broker, a directory, and nobody else on the machine.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use demo::broker::{Broker, Kind};
use tempfile::TempDir;

/// One story at a time: a story that loads a CPU would falsify its neighbours.
static TURN: Mutex<()> = Mutex::new(());

/// A broker and a directory of one story.
pub(crate) struct Site {
    /// The broker, to be killed and restarted at will.
    pub(crate) broker: Broker,
    dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Site {
    /// With the embedded broker.
    pub(crate) fn embedded() -> Self {
        Self::new(Kind::Embedded { program: env!("CARGO_BIN_EXE_broker").into() })
    }

    /// With Mosquitto.
    pub(crate) fn mosquitto() -> Self {
        Self::new(Kind::Mosquitto { extra: None })
    }

    /// With Mosquitto, and more lines of configuration.
    pub(super) fn configured(extra: String) -> Self {
        Self::new(Kind::Mosquitto { extra: Some(extra) })
    }

    fn new(kind: Kind) -> Self {
        // A story that failed before leaves nothing behind that matters here.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = Broker::start(kind).unwrap_or_else(|error| panic!("{error}"));
        Self { broker, dir: tempfile::tempdir().expect("a temporary directory"), _turn: turn }
    }

    /// A directory for files of `name`; the same one every time.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        let home = self.dir.path().join(name);
        fs::create_dir_all(&home).expect("a directory");
        home
    }
}

/// Makes a test of each story with each broker.
macro_rules! with_each_broker {
    ($($story:ident),+ $(,)?) => {
        mod embedded_broker {
            $(#[test]
            fn $story() {
                super::$story(crate::harness::Site::embedded());
            })+
        }
        mod mosquitto {
            $(#[test]
            fn $story() {
                super::$story(crate::harness::Site::mosquitto());
            })+
        }
    };
}
pub(crate) use with_each_broker;
