//! What the proxy does to the link between agent and broker.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::Scale;
use super::balance::Losses;
use super::outcome::{Figure, Outcome};
use super::stage::{Conditions, Encryption, Stage};
use crate::proxy::{Cut, Direction, Faults};
use crate::site::{AgentPlan, Trouble, pause};

const DELAY: Duration = Duration::from_millis(200);
const JITTER: Duration = Duration::from_millis(100);
const TRICKLE: NonZeroU32 = NonZeroU32::new(2_000).expect("not zero");
const FLIP_ONE_IN: NonZeroU32 = NonZeroU32::new(5_000).expect("not zero");

fn with_keys(keys: &[(&str, &str)]) -> Conditions {
    Conditions { agent: AgentPlan::default().with(keys), ..Conditions::default() }
}

pub(super) fn cut(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    let times = scale.pick(20, 100);
    for number in 0..times {
        stage.want_the_other_mode()?;
        stage.proxy.cut(if number % 2 == 0 { Cut::Close } else { Cut::Reset });
        stage.wait_until_link_down()?;
        stage.agent.status_where("the agent is back", |status| status.link.up)?;
        stage.agree()?;
    }
    stage.finish(format!("{times} cuts, FIN and RST in turn"), Losses::None, Vec::new())
}

pub(super) fn outage(scale: Scale) -> Result<Outcome, Trouble> {
    // Less room than the outage needs, so that reports merge.
    let reports = scale.pick("16", "100");
    let mut stage = Stage::open(scale, with_keys(&[("spool.max_reports", reports), ("mqtt.keep_alive_s", "2")]))?;
    let (start, length) = (Instant::now(), scale.seconds(6, 60));
    stage.proxy.set(Faults::black_hole());
    stage.wait_until_link_down()?;
    stage.want_the_other_mode()?;
    pause(length.saturating_sub(start.elapsed()))?;
    stage.proxy.heal();
    stage.agree()?;
    let done = format!("black hole of {} s, room for {reports} reports", length.as_secs());
    stage.finish(done, Losses::None, Vec::new())
}

pub(super) fn half_open(scale: Scale, faults: Faults) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, with_keys(&[("mqtt.keep_alive_s", scale.pick("2", "5"))]))?;
    let times = scale.pick(1, 5);
    let mut noticed = Duration::ZERO;
    for _ in 0..times {
        let start = Instant::now();
        stage.proxy.set(faults);
        stage.wait_until_link_down()?;
        noticed = noticed.max(start.elapsed());
        stage.want_the_other_mode()?;
        stage.proxy.heal();
        stage.agree()?;
    }
    let figures = vec![Figure::seconds("noticed after, at the latest", noticed, None)];
    stage.finish(format!("{times} times, until the agent noticed"), Losses::None, figures)
}

pub(super) fn delay(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    stage.proxy.set(Faults::both(Direction::delayed(DELAY, JITTER)));
    let (start, length) = (Instant::now(), scale.seconds(6, 60));
    let (mut changes, mut worst) = (0_u32, Duration::ZERO);
    while start.elapsed() < length {
        stage.want_the_other_mode()?;
        worst = worst.max(stage.agree()?);
        changes += 1;
    }
    let figures = vec![Figure::seconds("slowest of the changes under delay", worst, None)];
    let done = format!("200 ± 100 ms each way for {} s, {changes} changes of mode", length.as_secs());
    stage.finish(done, Losses::None, figures)
}

pub(super) fn throttle(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, with_keys(&[("spool.max_reports", "32")]))?;
    let trickle = Direction { bytes_per_s: Some(TRICKLE), ..Direction::default() };
    let before = stage.agent.status()?.link;
    stage.proxy.set(Faults::both(trickle));
    stage.want_the_other_mode()?;
    let length = scale.seconds(12, 120);
    pause(length)?;
    let after = stage.agent.status()?.link;
    stage.proxy.heal();
    stage.agree()?;
    #[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
    let figures = vec![
        Figure::new("connections lost", after.conn.saturating_sub(before.conn) as f64, "", None),
        Figure::new(
            "reports delivered",
            after.reports_delivered.saturating_sub(before.reports_delivered) as f64,
            "",
            None,
        ),
    ];
    stage.finish(format!("{TRICKLE} bytes/s each way for {} s", length.as_secs()), Losses::None, figures)
}

/// Flips bits in both directions for a while, and commands meanwhile; for how long.
fn make_noise(stage: &mut Stage, scale: Scale) -> Result<Duration, Trouble> {
    let noise = Direction { flip_one_in: Some(FLIP_ONE_IN), ..Direction::default() };
    stage.proxy.set(Faults::both(noise));
    let (start, length) = (Instant::now(), scale.seconds(6, 60));
    while start.elapsed() < length {
        stage.want_the_other_mode()?;
        pause(Duration::from_millis(500))?;
    }
    Ok(length)
}

pub(super) fn corrupt(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, with_keys(&[("mqtt.keep_alive_s", "2")]))?;
    let length = make_noise(&mut stage, scale)?;
    // Damage on its way must not be taken for damage done afterwards.
    stage.proxy.set(Faults::default());
    stage.proxy.cut(Cut::Reset);
    stage.wait_until_link_down()?;
    stage.recorder.ledger().device(&stage.device).forget_birth();
    stage.want_the_other_mode()?;
    let until_message = stage.message_of_next_birth()?;
    let until_job = stage.mark()?.jobs;
    stage.agree()?;
    let (flipped, unreadable) = (stage.proxy.counts().flipped(), stage.recorder.ledger().unreadable);
    let done = format!(
        "one bit in {FLIP_ONE_IN} bytes each way for {} s: {flipped} bits, {unreadable} messages unreadable; counted exactly from \
         then on",
        length.as_secs()
    );
    stage.finish(done, Losses::Spoilt { until_job, until_message }, Vec::new())
}

pub(super) fn corrupt_tls(scale: Scale) -> Result<Outcome, Trouble> {
    let keys = AgentPlan::default().with(&[("mqtt.keep_alive_s", "2")]);
    let conditions = Conditions { agent: keys, encryption: Encryption::Tls, ..Conditions::default() };
    let mut stage = Stage::open(scale, conditions)?;
    let connections = stage.agent.status()?.link.conn;
    let length = make_noise(&mut stage, scale)?;
    stage.proxy.set(Faults::default());
    stage.want_the_other_mode()?;
    stage.agree()?;
    let (flipped, unreadable) = (stage.proxy.counts().flipped(), stage.recorder.ledger().unreadable);
    #[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
    let figures = vec![
        Figure::new("messages that nobody could read", unreadable as f64, "", Some(0.0)),
        Figure::new("connections lost", stage.agent.status()?.link.conn.saturating_sub(connections) as f64, "", None),
    ];
    let done = format!("one bit in {FLIP_ONE_IN} bytes each way for {} s: {flipped} bits", length.as_secs());
    stage.finish(done, Losses::None, figures)
}
