//! Rubbish on the command topic, 10,000 messages a second.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Scale;
use super::balance::Losses;
use super::outcome::{Figure, Outcome};
use super::stage::{Conditions, Stage};
use crate::site::{Trouble, pause};

const PER_SECOND: u64 = 10_000;
/// Messages go out in batches of so much time.
const BATCH: Duration = Duration::from_millis(10);
const PER_BATCH: u64 = PER_SECOND / 100;
/// What the agent's queue of messages may take at most, and as much again for whoever handles them.
const MAX_GROWTH_KIB: f64 = 32.0 * 1024.0;
const MAX_DELAY: Duration = Duration::from_secs(1);
/// Commands that are no commands, by turns; the version of the fourth is unknown and its id readable, so it is answered.
const RUBBISH: [&[u8]; 5] = [
    b"\xff\xfe\x00{}",
    br#"{"v":1,"id":"cut","mode":"NOR"#,
    br#"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["#,
    br#"{"v":99,"id":"flood","mode":"NORMAL","lease_ms":1000}"#,
    &[b' '; 5_000],
];

pub(super) fn flood(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    let before_kib = stage.agent.program().rss_kib().unwrap_or(0);
    let stream = Flood::connect(stage.broker.port()).map_err(Trouble::system("the flood's connection"))?;
    let flood = Flood::start(stream, format!("edge/{}/command", stage.device)).map_err(Trouble::system("the flood"))?;
    let (start, length) = (Instant::now(), scale.seconds(5, 30));
    let (mut worst, mut changes, mut greatest_kib) = (Duration::ZERO, 0_u32, before_kib);
    while start.elapsed() < length {
        stage.want_the_other_mode()?;
        worst = worst.max(stage.agree()?);
        changes += 1;
        greatest_kib = greatest_kib.max(stage.agent.program().rss_kib().unwrap_or(0));
        pause(Duration::from_millis(200))?;
    }
    let rate = flood.sent.load(Relaxed).checked_div(start.elapsed().as_secs().max(1)).unwrap_or(0);
    flood.stop();
    let refused = stage.agent.status()?.commands;
    #[expect(clippy::cast_precision_loss, reason = "KiB and counts far below 2^53")]
    let figures = vec![
        Figure::new("messages sent", rate as f64, "/s", None),
        Figure::new(
            "commands refused by the agent",
            (refused.malformed + refused.oversize + refused.version) as f64,
            "",
            None,
        ),
        Figure::new(
            "growth of the agent's memory",
            greatest_kib.saturating_sub(before_kib) as f64,
            "KiB",
            Some(MAX_GROWTH_KIB),
        ),
        Figure::seconds("slowest of the valid commands, wish to acknowledgement", worst, Some(MAX_DELAY)),
    ];
    stage.finish(
        format!("rubbish for {} s, {changes} changes of mode meanwhile", length.as_secs()),
        Losses::None,
        figures,
    )
}

/// A thread that publishes with QoS 0.
struct Flood {
    sent: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Flood {
    fn connect(port: u16) -> io::Result<TcpStream> {
        /// CONNECT of MQTT 3.1.1 with a clean session, no keep-alive and no client identifier (section 3.1 of the standard).
        const CONNECT: [u8; 14] = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 0];
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(&CONNECT)?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        if answer == [0x20, 2, 0, 0] { Ok(stream) } else { Err(io::Error::other("the broker refuses the connection")) }
    }

    fn start(mut stream: TcpStream, topic: String) -> io::Result<Self> {
        let (sent, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&sent), Arc::clone(&ended));
        let packets: Vec<Vec<u8>> = RUBBISH.iter().map(|payload| publish(&topic, payload)).collect();
        let pour = move || {
            let start = Instant::now();
            let mut due = Duration::ZERO;
            for batch in packets.iter().cycle() {
                let bytes = batch.repeat(usize::try_from(PER_BATCH).unwrap_or(1));
                // Fails when the broker is gone, and the flood with it.
                if end.load(Relaxed) || stream.write_all(&bytes).is_err() {
                    return;
                }
                count.fetch_add(PER_BATCH, Relaxed);
                due += BATCH;
                std::thread::sleep(due.saturating_sub(start.elapsed()));
            }
        };
        let thread = std::thread::Builder::new().name("flood".to_owned()).spawn(pour)?;
        Ok(Self { sent, ended, thread })
    }

    fn stop(self) {
        self.ended.store(true, Relaxed);
        // A panic of the thread has been told.
        let _ = self.thread.join();
    }
}

/// A PUBLISH of QoS 0 (section 3.3 of the standard).
fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let length = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    let mut packet = vec![0x30];
    let mut rest = 2 + topic.len() + payload.len();
    loop {
        let digit = u8::try_from(rest % 128).unwrap_or(0);
        rest /= 128;
        packet.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    packet.extend(length(topic.len()).to_be_bytes());
    packet.extend(topic.as_bytes());
    packet.extend(payload);
    packet
}
