//! Random schedules: pools of one to eight workers, up to two hundred tasks, whatever a peer may
//! do in whatever order. All that is asked has to be answered; what is not fails with the
//! schedule's seed and the pool's state.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fake::{dump, Ask, Gate, Peer, Scene};

/// What the schedules may take together; `MILLPOND_STRESS_SECONDS` says otherwise.
const SECONDS: u64 = 4;
/// Schedules that run at the same time.
const AT_ONCE: usize = 6;
/// Nobody who has something to do may have to wait for so long.
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

/// A peer, and how many of its requests are to be answered if it lives.
struct Actor {
    peer: Arc<Peer>,
    asked: usize,
    dies: bool,
}

impl Actor {
    fn send(&mut self, random: &mut Random, open: &Arc<Gate>) {
        let micros = |most, random: &mut Random| Duration::from_micros(random.next() % most);
        let ask = match random.below(64) {
            0..=2 => Ask::Takes(micros(3_000, random)),
            3..=5 => Ask::Long(Arc::clone(open)),
            6 => Ask::LongTakes(micros(3_000, random)),
            7..=9 => return self.peer.send(Ask::Part),
            10 if random.one_in(4) => return self.die(random),
            _ => Ask::Quick,
        };
        self.asked += 1;
        self.peer.send(ask);
    }

    fn die(&mut self, random: &mut Random) {
        self.dies = true;
        self.peer.send(match random.below(6) {
            0 => Ask::Panics,
            1 => Ask::PanicsOnArrival,
            2 => Ask::PanicsWhenDropped,
            3 => Ask::LongPanics,
            _ => Ask::End,
        });
    }

    fn is_done(&self) -> bool {
        self.peer.is_over() || (!self.dies && self.peer.served() == self.asked)
    }
}

fn schedule(seed: u64) -> usize {
    let mut random = Random(seed);
    let scene = Scene::new(1 + random.below(8));
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
        let turns_busy = random.one_in(40);
        if turns_busy {
            // Whoever finds the pool busy brings a task to the ring right after.
            scene.make_busy();
        }
        if turns_busy || (actors.len() < tasks && (actors.is_empty() || random.one_in(3))) {
            let (peer, asked, dies) = (scene.admit(), 0, false);
            actors.push(Actor { peer, asked, dies });
        }
        let chosen = random.below(actors.len() as u64);
        if !actors[chosen].dies {
            actors[chosen].send(&mut random, &open);
        }
        match random.below(40) {
            0 | 1 => scene.pool.rouse(),
            2 => wait_for(&scene, seed, &actors[chosen]),
            3 => until_all_done(&scene, seed, &actors),
            4..=8 => std::thread::yield_now(),
            _ => {}
        }
    }
    until_all_done(&scene, seed, &actors);
    let served = actors.iter().map(|actor| actor.peer.served()).sum();
    let peers: Vec<_> = actors.into_iter().map(|actor| actor.peer).collect();
    scene.end(&peers);
    served
}

fn until_all_done(scene: &Scene, seed: u64, actors: &[Actor]) {
    for actor in actors {
        wait_for(scene, seed, actor);
    }
}

fn wait_for(scene: &Scene, seed: u64, actor: &Actor) {
    let end = Instant::now() + SERVED_WITHIN;
    while !actor.is_done() {
        let state = || dump(&scene.shared);
        let (asked, served) = (actor.asked, actor.peer.served());
        assert!(
            Instant::now() < end,
            "seed {:#x}: {} of {} requests answered; {}",
            seed,
            served,
            asked,
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
fn whoever_has_something_to_do_is_served() {
    let seconds = from_environment("MILLPOND_STRESS_SECONDS").unwrap_or(SECONDS);
    let first = from_environment("MILLPOND_STRESS_SEED").unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (schedules, served) = (AtomicU64::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // Side by side, they disturb one another's timing.
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
    assert!(served.into_inner() >= 1_000, "hardly anything was asked");
}
