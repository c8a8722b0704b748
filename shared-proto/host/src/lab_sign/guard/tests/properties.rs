use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Event {
    Talk {
        after_ms: u64,
    },
    /// Signed, and held back.
    Lost {
        after_ms: u64,
    },
    /// The sender's clock goes forward.
    Forward {
        hours: u64,
    },
    /// The last jump is corrected.
    Correct,
    /// Somebody sends a recording, heard or held back.
    Repeat {
        which: prop::sample::Index,
    },
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1..20_000_u64).prop_map(|after_ms| Event::Talk { after_ms }),
        3 => (1..20_000_u64).prop_map(|after_ms| Event::Lost { after_ms }),
        1 => (2..50_u64).prop_map(|hours| Event::Forward { hours }),
        1 => Just(Event::Correct),
        6 => any::<prop::sample::Index>().prop_map(|which| Event::Repeat { which }),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whoever repeats or holds back messages while the sender's clock jumps forward and back: none is accepted after one that was
    /// signed more than the window later. Within two hours, so that no clock walks through times that it had left.
    #[test]
    fn no_recording_comes_after_newer_messages(events in proptest::collection::vec(event(), 1..150)) {
        let mut site = Site::new();
        let mut jumps = Vec::new();
        // Each message with the time on a clock that never jumped.
        let mut signed: Vec<(Stamp, u64)> = Vec::new();
        let (mut true_ms, mut newest_ms) = (0_u64, 0_u64);
        // Whether a message was accepted since the sender's clock was changed.
        let mut heard = true;
        // The first message comes through.
        let first = site.sign();
        prop_assert_eq!(site.receive(first), Ok(()));
        signed.push((first, true_ms));

        for event in events {
            let (stamp, at_ms) = match event {
                Event::Talk { after_ms } | Event::Lost { after_ms } => {
                    site.pass(after_ms);
                    true_ms += after_ms;
                    let stamp = site.sign();
                    signed.push((stamp, true_ms));
                    if matches!(event, Event::Lost { .. }) {
                        continue;
                    }
                    (stamp, true_ms)
                }
                // Two changes with nothing heard between them cannot be told from one.
                Event::Forward { .. } | Event::Correct | Event::Restart if !heard => continue,
                Event::Forward { hours } => {
                    jumps.push(hours * HOUR_MS);
                    site.put_forward(hours * HOUR_MS);
                    heard = false;
                    continue;
                }
                Event::Correct => {
                    site.put_back(jumps.pop().unwrap_or(0));
                    heard = false;
                    continue;
                }
                Event::Repeat { which } => signed[which.index(signed.len())],
                Event::Restart => {
                    site.restart();
                    // The first message after a start comes through.
                    site.pass(1);
                    true_ms += 1;
                    let stamp = site.sign();
                    signed.push((stamp, true_ms));
                    (stamp, true_ms)
                }
            };
            if site.receive(stamp).is_ok() {
                prop_assert!(at_ms + 2 * WINDOW_MS >= newest_ms, "signed {} ms before the newest", newest_ms - at_ms);
                newest_ms = newest_ms.max(at_ms);
                heard |= stamp.ts_ms == site.sender_ms;
            }
            let total: u64 = jumps.iter().sum();
            prop_assert_eq!(site.sender_ms, START_MS + true_ms + total);
        }
    }

    /// Whatever comes, with whatever clocks: no message is accepted twice within what is remembered.
    #[test]
    fn nothing_is_accepted_twice(
        steps in proptest::collection::vec((0..60_u64, 0..200_u32, 0..60_u64, any::<bool>()), 1..400)
    ) {
        let mut guard = ReplayGuard::default();
        let mut seen = std::collections::HashSet::new();
        let mut up_ms = 0;
        for (ts_s, nonce, wall_s, synchronised) in steps {
            up_ms += wall_s * 10;
            let wall = if synchronised { Wall::Synchronised(wall_s * 1_000) } else { Wall::Unknown };
            let stamp = Stamp { ts_ms: ts_s * 1_000, nonce: Nonce(nonce) };
            if guard.admit(stamp, Now { up_ms, wall }).is_ok() {
                prop_assert!(seen.insert(nonce));
            }
        }
    }
}
