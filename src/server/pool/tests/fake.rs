//! Guests without sockets: each has a peer whose asks the test scripts, and that sees what became
//! of it. A test waits for [`PATIENCE`] at most, then fails with the pool's state.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::pool::{Next, Pool, Shared, Task};
use crate::util::lock::lock;

/// Far beyond what a loaded machine takes for anything here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A task waits longer than its test does, so that none is rescued by its own deadline.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a peer sends.
pub(crate) enum Ask {
    /// A request whose handler is done at once.
    Quick,
    /// As `Quick`, and from now on there is always another behind it, until the end.
    QuickForEver,
    /// A request whose handler takes so long.
    Takes(Duration),
    /// A request whose handler runs until the gate opens.
    Gated(Arc<Gate>),
    /// A request whose handler waits for the peer until the gate opens.
    Long(Arc<Gate>),
    /// A request whose handler waits for the peer for so long.
    LongTakes(Duration),
    /// A part of a request. What is sent next makes it whole.
    Part,
    /// A request whose handler panics.
    Panics,
    /// A request whose handler panics while it may wait for the peer.
    LongPanics,
    /// What makes the receiving itself panic.
    PanicsOnArrival,
    /// A request whose handler leaves behind what panics when it is dropped, and ends.
    PanicsWhenDropped,
    /// A last request: the peer is to leave then.
    Last,
    /// The peer is gone.
    End,
}

/// Closed until it is opened, then open for ever.
#[derive(Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(super) fn new() -> Arc<Gate> {
        Arc::default()
    }

    pub(super) fn open(&self) {
        *lock(&self.open) = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let open = lock(&self.open);
        let waited = self
            .opened
            .wait_timeout_while(open, DEADLINE, |open| !*open);
        let (open, _) = waited.unwrap_or_else(|e| e.into_inner());
        assert!(*open, "a gate was never opened");
    }
}

/// The test's end of a task.
#[derive(Default)]
pub(crate) struct Peer {
    inbox: Mutex<VecDeque<Ask>>,
    came: Condvar,
    pub looks: AtomicUsize,
    pub served: AtomicUsize,
    /// 1 while a worker waits on this peer between requests.
    held: AtomicUsize,
    serving: AtomicUsize,
    over: AtomicUsize,
    crowd: Arc<Crowd>,
}

/// What is counted over several tasks.
#[derive(Default)]
pub(crate) struct Crowd {
    pub waiting: AtomicUsize,
    pub most_waiting: AtomicUsize,
}

impl Crowd {
    fn waits(&self) {
        let now = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_waiting.fetch_max(now, Ordering::SeqCst);
    }

    fn waited(&self) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Peer {
    pub(super) fn new() -> Arc<Peer> {
        Arc::default()
    }

    pub(super) fn of(crowd: &Arc<Crowd>) -> Arc<Peer> {
        Arc::new(Peer {
            crowd: Arc::clone(crowd),
            ..Peer::default()
        })
    }

    pub(super) fn task(self: &Arc<Peer>) -> Box<Fake> {
        Box::new(Fake {
            peer: Arc::clone(self),
            partial: false,
            endless: false,
            ready: None,
            bomb: None,
        })
    }

    pub(super) fn send(&self, ask: Ask) {
        lock(&self.inbox).push_back(ask);
        self.came.notify_one();
    }

    pub(super) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    pub(super) fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst) == 1
    }

    pub(super) fn is_being_served(&self) -> bool {
        self.serving.load(Ordering::SeqCst) == 1
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) == 1
    }
}

pub(crate) struct Fake {
    peer: Arc<Peer>,
    partial: bool,
    endless: bool,
    ready: Option<Ask>,
    bomb: Option<Bomb>,
}

/// Unwinds without a word, and without the time that a backtrace takes.
fn scripted_panic() -> ! {
    std::panic::resume_unwind(Box::new("scripted"))
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            scripted_panic();
        }
    }
}

impl Fake {
    fn quiet(&self) -> Next {
        match self.partial {
            true => Next::Blocked,
            false => Next::Idle,
        }
    }

    fn take(&mut self, ask: Option<Ask>) -> Next {
        match ask {
            None if self.endless => self.ready = Some(Ask::Quick),
            None => return self.quiet(),
            Some(Ask::End) => return Next::Done,
            Some(Ask::PanicsOnArrival) => scripted_panic(),
            Some(Ask::Part) => {
                self.partial = true;
                return Next::Progressed;
            }
            Some(request) => self.ready = Some(request),
        }
        self.partial = false;
        self.ready_turn()
    }

    fn ready_turn(&self) -> Next {
        match self.ready {
            Some(Ask::Long(_) | Ask::LongTakes(_) | Ask::LongPanics) => Next::RunMayBlock,
            _ => Next::Run,
        }
    }
}

impl Task for Fake {
    type Buffers = ();

    fn poll(&mut self, _: &mut (), _: Instant) -> Next {
        self.peer.looks.fetch_add(1, Ordering::SeqCst);
        if self.ready.is_some() {
            return self.ready_turn();
        }
        let ask = lock(&self.peer.inbox).pop_front();
        self.take(ask)
    }

    fn wait(&mut self, _: &mut ()) -> Next {
        let peer = Arc::clone(&self.peer);
        let mut inbox = lock(&peer.inbox);
        if inbox.is_empty() {
            peer.held.store(1, Ordering::SeqCst);
            peer.crowd.waits();
            let waited = peer
                .came
                .wait_timeout_while(inbox, DEADLINE, |inbox| inbox.is_empty());
            inbox = waited.unwrap_or_else(|e| e.into_inner()).0;
            peer.crowd.waited();
            peer.held.store(0, Ordering::SeqCst);
        }
        // What never comes is as good as a peer that is gone.
        let ask = inbox.pop_front().unwrap_or(Ask::End);
        drop(inbox);
        self.take(Some(ask))
    }

    fn run(&mut self, _: &mut ()) -> Next {
        let peer = Arc::clone(&self.peer);
        peer.serving.store(1, Ordering::SeqCst);
        let ask = self.ready.take();
        let mut turn = Next::Idle;
        match ask {
            Some(Ask::QuickForEver) => self.endless = true,
            Some(Ask::Takes(time) | Ask::LongTakes(time)) => thread::sleep(time),
            Some(Ask::Gated(gate)) => gate.pass(),
            Some(Ask::Long(gate)) => {
                peer.crowd.waits();
                gate.pass();
                peer.crowd.waited();
            }
            Some(Ask::Panics | Ask::LongPanics) => {
                peer.serving.store(0, Ordering::SeqCst);
                scripted_panic()
            }
            Some(Ask::PanicsWhenDropped) => {
                self.bomb = Some(Bomb);
                turn = Next::Done;
            }
            Some(Ask::Last) => {
                self.partial = true;
                turn = Next::Closing;
            }
            Some(_) => {}
            None => panic!("served, though nothing was ready"),
        }
        peer.serving.store(0, Ordering::SeqCst);
        peer.served.fetch_add(1, Ordering::SeqCst);
        if self.endless {
            let ask = lock(&peer.inbox).pop_front();
            return self.take(ask);
        }
        turn
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.peer.over.store(1, Ordering::SeqCst);
    }
}

/// Waits until it is so, and fails with the pool's state if that does not come about.
pub(crate) fn until(pool: &Arc<Shared<Fake>>, what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never {}: {}", what, dump(pool));
        thread::park_timeout(Duration::from_micros(100));
    }
}

/// For measuring what happens in a span of time; nothing is expected to be done by its end.
pub(crate) fn span(length: Duration) {
    let end = Instant::now() + length;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

pub(crate) fn dump(pool: &Shared<Fake>) -> String {
    let state = lock(&pool.state);
    format!(
        "called {}, hot {}, cold {}, workers {} of {}, idle {}, sweep {:?}, napping {}, sentry {}, \
         stalled {}, closing {}, busy {:?}, pressed {:?}, pulse {:?}, tasks {:?}, places {:?}",
        state.called.len(),
        state.hot.len(),
        state.cold.len(),
        state.workers,
        pool.size,
        state.idle,
        state.sweep,
        state.napping,
        state.sentry,
        state.stalled,
        state.closing,
        pool.busy,
        pool.pressed,
        pool.pulse,
        pool.tasks,
        pool.places.taken,
    )
}

/// A pool and the asks sent to it so far.
pub(crate) struct Scene {
    pub pool: Pool<Fake>,
    pub shared: Arc<Shared<Fake>>,
}

impl Scene {
    pub(super) fn new(size: usize) -> Scene {
        let pool = Pool::new(size);
        let shared = Arc::clone(&pool.shared);
        Scene { pool, shared }
    }

    pub(super) fn admit(&self) -> Arc<Peer> {
        self.admit_with(&Arc::default(), None)
    }

    /// Admits a task whose peer has sent something already.
    pub(super) fn admit_with(&self, crowd: &Arc<Crowd>, ask: Option<Ask>) -> Arc<Peer> {
        let peer = Peer::of(crowd);
        if let Some(ask) = ask {
            peer.send(ask);
        }
        assert!(self.pool.admit(peer.task()).is_ok(), "no worker at all");
        peer
    }

    /// Admits so many that are then held.
    pub(super) fn hold(&self, count: usize) -> Vec<Arc<Peer>> {
        let held = |_| {
            let peer = self.admit();
            self.until("held", || peer.is_held());
            peer
        };
        (0..count).map(held).collect()
    }

    /// Sends to the ring what is released or admitted from now on, as many requests would.
    pub(super) fn make_busy(&self) {
        self.shared.busy.store(true, Ordering::SeqCst);
    }

    pub(super) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        until(&self.shared, what, is_so);
    }

    pub(super) fn until_served(&self, peer: &Peer, times: usize) {
        self.until("served", || peer.served() >= times);
    }

    /// How many are hot, and cold.
    pub(super) fn ring(&self) -> (usize, usize) {
        let state = lock(&self.shared.state);
        (state.hot.len(), state.cold.len())
    }

    pub(super) fn until_napping(&self) {
        self.until("napping", || lock(&self.shared.state).napping);
    }

    pub(super) fn taken(&self) -> usize {
        self.shared.places.taken.load(Ordering::SeqCst)
    }

    /// Ends the tasks and the pool, and checks that nothing is left of either.
    pub(super) fn end(self, peers: &[Arc<Peer>]) {
        for peer in peers {
            peer.send(Ask::End);
        }
        let Scene { pool, shared } = self;
        until(&shared, "over", || peers.iter().all(|peer| peer.is_over()));
        drop(pool);
        until(&shared, "without workers", || {
            lock(&shared.state).workers == 0
        });
        let state = lock(&shared.state);
        assert!(state.called.is_empty() && state.hot.is_empty() && state.cold.is_empty());
        assert_eq!((state.stalled, state.idle, state.sentry), (0, 0, false));
        assert_eq!(shared.places.taken.load(Ordering::SeqCst), 0, "places");
        assert_eq!(shared.tasks.load(Ordering::SeqCst), 0, "tasks");
    }
}
