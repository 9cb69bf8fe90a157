//! Random schedules: pools of one to eight workers, up to 200 tasks, and all inputs in random
//! order. Every request must be answered. Otherwise the test fails with the schedule's seed and the
//! pool's state.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fake::{dump, Fixture, Gate, Input, Peer};

/// Time for all schedules, in seconds. The variable `MILLPOND_STRESS_SECONDS` replaces it.
const SECONDS: u64 = 4;
/// Number of schedules that run at the same time.
const AT_ONCE: usize = 6;
/// Time within which each request must be answered.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

struct Random(u64);

impl Random {
    /// xorshift64*
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: u64) -> usize {
        (self.next() % bound) as usize
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// A peer, and the number of its requests, which must be answered unless the peer dies.
struct Actor {
    peer: Arc<Peer>,
    sent: usize,
    dies: bool,
}

impl Actor {
    fn send(&mut self, random: &mut Random, open: &Arc<Gate>) {
        let micros = |most, random: &mut Random| Duration::from_micros(random.next() % most);
        let input = match random.below(64) {
            0..=2 => Input::Takes(micros(3_000, random)),
            3..=5 => Input::Long(Arc::clone(open)),
            6 => Input::LongTakes(micros(3_000, random)),
            7..=9 => return self.peer.send(Input::Part),
            10 if random.one_in(4) => return self.die(random),
            _ => Input::Quick,
        };
        self.sent += 1;
        self.peer.send(input);
    }

    fn die(&mut self, random: &mut Random) {
        self.dies = true;
        self.peer.send(match random.below(6) {
            0 => Input::Panics,
            1 => Input::PanicsOnArrival,
            2 => Input::PanicsWhenDropped,
            3 => Input::LongPanics,
            _ => Input::End,
        });
    }

    fn is_done(&self) -> bool {
        self.peer.is_dropped() || (!self.dies && self.peer.served() == self.sent)
    }
}

fn schedule(seed: u64) -> usize {
    let mut random = Random(seed);
    let fixture = Fixture::new(1 + random.below(8));
    let open = Gate::new();
    open.open();
    let tasks = match random.below(64) {
        0 => 1 + random.below(200),
        1 | 2 => 1 + random.below(40),
        _ => 1 + random.below(8),
    };
    let mut actors: Vec<Actor> = Vec::new();
    let mut steps = tasks * (1 + random.below(8));
    while actors.len() < tasks || steps > 0 {
        steps = steps.saturating_sub(1);
        let enters_mode = random.one_in(40);
        if enters_mode {
            // A thread that enters scanning mode adds a task to the scan list right after.
            fixture.enter_scanning_mode();
        }
        if enters_mode || (actors.len() < tasks && (actors.is_empty() || random.one_in(3))) {
            let (peer, sent, dies) = (fixture.admit(), 0, false);
            actors.push(Actor { peer, sent, dies });
        }
        let chosen = random.below(actors.len() as u64);
        if !actors[chosen].dies {
            actors[chosen].send(&mut random, &open);
        }
        match random.below(40) {
            0 | 1 => fixture.pool.scan_all(),
            2 => wait_for(&fixture, seed, &actors[chosen]),
            3 => until_all_done(&fixture, seed, &actors),
            4..=8 => std::thread::yield_now(),
            _ => {}
        }
    }
    until_all_done(&fixture, seed, &actors);
    let served = actors.iter().map(|actor| actor.peer.served()).sum();
    let peers: Vec<_> = actors.into_iter().map(|actor| actor.peer).collect();
    fixture.end(&peers);
    served
}

fn until_all_done(fixture: &Fixture, seed: u64, actors: &[Actor]) {
    for actor in actors {
        wait_for(fixture, seed, actor);
    }
}

fn wait_for(fixture: &Fixture, seed: u64, actor: &Actor) {
    let end = Instant::now() + SERVED_WITHIN;
    while !actor.is_done() {
        let state = || dump(&fixture.shared);
        let (sent, served) = (actor.sent, actor.peer.served());
        assert!(
            Instant::now() < end,
            "seed {:#x}: {} of {} requests answered; {}",
            seed,
            served,
            sent,
            state()
        );
        std::thread::park_timeout(Duration::from_micros(20));
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
}

#[test]
fn every_request_is_answered() {
    let seconds = from_environment("MILLPOND_STRESS_SECONDS").unwrap_or(SECONDS);
    let first = from_environment("MILLPOND_STRESS_SEED").unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (schedules, served) = (AtomicU64::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // At the same time, so that they disturb the timing of one another.
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while Instant::now() < end {
                    let number = first + schedules.fetch_add(1, Ordering::SeqCst);
                    let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                    served.fetch_add(schedule(seed), Ordering::SeqCst);
                }
            });
        }
    });
    println!("{:?} schedules, {:?} requests", schedules, served);
    assert!(served.into_inner() >= 1_000, "too few requests");
}
