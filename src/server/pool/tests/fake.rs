//! Scripted tasks without sockets. Each has a [`Peer`]: through it, a test sends [`Input`] and
//! reads the state of the task. A test waits for [`PATIENCE`] at most, then fails with the pool's
//! state.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::pool::state::Shared;
use crate::server::pool::{worker, Next, Pool, Task};
use crate::util::lock::lock;

/// Longest wait of a test: 10 s, far more than any step here takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait of a task: 30 s, longer than that of its test. Without this, a forgotten task would
/// be rescued by its own deadline.
const DEADLINE: Duration = Duration::from_secs(30);

/// Input that a peer sends.
pub(crate) enum Input {
    /// A request whose handler returns at once.
    Quick,
    /// As `Quick`; from then on, the next request is always there, until the end.
    QuickEndless,
    /// A request whose handler sleeps.
    Takes(Duration),
    /// A request whose handler runs until the gate opens.
    Gated(Arc<Gate>),
    /// A request whose handler waits for the peer until the gate opens.
    Long(Arc<Gate>),
    /// A request whose handler waits for the peer for some time.
    LongTakes(Duration),
    /// A part of a request. The next input completes it.
    Part,
    /// A request whose handler panics.
    Panics,
    /// A request whose handler panics while it may wait for the peer.
    LongPanics,
    /// Input on which the receiving code panics.
    PanicsOnArrival,
    /// A last request, after which the drop of the task panics.
    PanicsWhenDropped,
    /// A last request, after which the peer closes the connection.
    Last,
    /// The end of the connection.
    End,
}

/// A gate that is closed until it is opened, and then stays open.
#[derive(Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn new() -> Arc<Gate> {
        Arc::default()
    }

    pub(crate) fn open(&self) {
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
    inbox: Mutex<VecDeque<Input>>,
    arrived: Condvar,
    pub(crate) polls: AtomicUsize,
    pub(crate) served: AtomicUsize,
    /// 1 while a worker waits on this peer between requests.
    awaited: AtomicUsize,
    running: AtomicUsize,
    dropped: AtomicUsize,
    counts: Arc<WaitCounts>,
}

/// Counts over several tasks.
#[derive(Default)]
pub(crate) struct WaitCounts {
    pub(crate) waiting: AtomicUsize,
    pub(crate) most_waiting: AtomicUsize,
}

impl WaitCounts {
    fn waits(&self) {
        let now = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_waiting.fetch_max(now, Ordering::SeqCst);
    }

    fn waited(&self) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Peer {
    pub(crate) fn new() -> Arc<Peer> {
        Arc::default()
    }

    pub(crate) fn of(counts: &Arc<WaitCounts>) -> Arc<Peer> {
        Arc::new(Peer {
            counts: Arc::clone(counts),
            ..Peer::default()
        })
    }

    pub(crate) fn task(self: &Arc<Peer>) -> Box<FakeTask> {
        Box::new(FakeTask {
            peer: Arc::clone(self),
            partial: false,
            endless: false,
            ready: None,
            panic_on_drop: None,
        })
    }

    pub(crate) fn send(&self, input: Input) {
        lock(&self.inbox).push_back(input);
        self.arrived.notify_one();
    }

    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::SeqCst) == 1
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::SeqCst) == 1
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::SeqCst) == 1
    }
}

pub(crate) struct FakeTask {
    peer: Arc<Peer>,
    partial: bool,
    endless: bool,
    ready: Option<Input>,
    panic_on_drop: Option<PanicOnDrop>,
}

/// Panics without a message and without the time that a backtrace takes.
fn scripted_panic() -> ! {
    std::panic::resume_unwind(Box::new("scripted"))
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if !thread::panicking() {
            scripted_panic();
        }
    }
}

impl FakeTask {
    fn quiet(&self) -> Next {
        match self.partial {
            true => Next::Blocked,
            false => Next::Idle,
        }
    }

    fn take(&mut self, input: Option<Input>) -> Next {
        match input {
            None if self.endless => self.ready = Some(Input::Quick),
            None => return self.quiet(),
            Some(Input::End) => return Next::Done,
            Some(Input::PanicsOnArrival) => scripted_panic(),
            Some(Input::Part) => {
                self.partial = true;
                return Next::Progressed;
            }
            Some(request) => self.ready = Some(request),
        }
        self.partial = false;
        self.ready_next()
    }

    fn ready_next(&self) -> Next {
        match self.ready {
            Some(Input::Long(_) | Input::LongTakes(_) | Input::LongPanics) => Next::RunMayBlock,
            _ => Next::Run,
        }
    }
}

impl Task for FakeTask {
    type Buffers = ();

    fn poll(&mut self, _: &mut (), _: Instant) -> Next {
        self.peer.polls.fetch_add(1, Ordering::SeqCst);
        if self.ready.is_some() {
            return self.ready_next();
        }
        let input = lock(&self.peer.inbox).pop_front();
        self.take(input)
    }

    fn wait(&mut self, _: &mut ()) -> Next {
        let peer = Arc::clone(&self.peer);
        let mut inbox = lock(&peer.inbox);
        if inbox.is_empty() {
            peer.awaited.store(1, Ordering::SeqCst);
            peer.counts.waits();
            let waited = peer
                .arrived
                .wait_timeout_while(inbox, DEADLINE, |inbox| inbox.is_empty());
            inbox = waited.unwrap_or_else(|e| e.into_inner()).0;
            peer.counts.waited();
            peer.awaited.store(0, Ordering::SeqCst);
        }
        // At the deadline, the peer counts as gone.
        let input = inbox.pop_front().unwrap_or(Input::End);
        drop(inbox);
        self.take(Some(input))
    }

    fn run(&mut self, _: &mut ()) -> Next {
        let peer = Arc::clone(&self.peer);
        peer.running.store(1, Ordering::SeqCst);
        let input = self.ready.take();
        let mut next = Next::Idle;
        match input {
            Some(Input::QuickEndless) => self.endless = true,
            Some(Input::Takes(time) | Input::LongTakes(time)) => thread::sleep(time),
            Some(Input::Gated(gate)) => gate.pass(),
            Some(Input::Long(gate)) => {
                peer.counts.waits();
                gate.pass();
                peer.counts.waited();
            }
            Some(Input::Panics | Input::LongPanics) => {
                peer.running.store(0, Ordering::SeqCst);
                scripted_panic()
            }
            Some(Input::PanicsWhenDropped) => {
                self.panic_on_drop = Some(PanicOnDrop);
                next = Next::Done;
            }
            Some(Input::Last) => {
                self.partial = true;
                next = Next::Closing;
            }
            Some(_) => {}
            None => panic!("run without a request"),
        }
        peer.running.store(0, Ordering::SeqCst);
        peer.served.fetch_add(1, Ordering::SeqCst);
        if self.endless {
            let input = lock(&peer.inbox).pop_front();
            return self.take(input);
        }
        next
    }
}

impl Drop for FakeTask {
    fn drop(&mut self) {
        self.peer.dropped.store(1, Ordering::SeqCst);
    }
}

/// Waits until the condition holds. Fails with the pool's state after [`PATIENCE`].
pub(crate) fn until(pool: &Arc<Shared<FakeTask>>, what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never {}: {}", what, dump(pool));
        thread::park_timeout(Duration::from_micros(100));
    }
}

/// Waits for a span of time in which a test counts events. No test expects an event by its end.
pub(crate) fn span(length: Duration) {
    let end = Instant::now() + length;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// Returns the number of permits in use.
fn permits(pool: &Shared<FakeTask>) -> usize {
    pool.quota.in_use().iter().sum()
}

pub(crate) fn dump(pool: &Shared<FakeTask>) -> String {
    let state = lock(&pool.state);
    format!(
        "queue {}, hot {}, cold {}, workers {} of {}, idle {}, scan {:?}, asleep {}, watchdog {}, \
         stalled {}, closing {}, scanning mode {:?}, exhausted {:?}, heartbeat {:?}, tasks {:?}, \
         permits {:?}",
        state.queue.len(),
        state.hot.len(),
        state.cold.len(),
        state.workers,
        pool.size,
        state.idle,
        state.scan,
        state.scanner_sleeps,
        state.watchdog,
        state.stalled,
        state.closing,
        pool.scanning_mode,
        pool.workers_exhausted,
        pool.heartbeat,
        pool.tasks,
        permits(pool),
    )
}

/// A pool of fake tasks.
pub(crate) struct Fixture {
    pub(crate) pool: Pool<FakeTask>,
    pub(crate) shared: Arc<Shared<FakeTask>>,
    /// Number of threads that can still be started.
    pub(crate) threads_left: Arc<AtomicUsize>,
}

impl Fixture {
    pub(crate) fn new(size: usize) -> Fixture {
        let threads_left = Arc::new(AtomicUsize::new(usize::MAX));
        let left = Arc::clone(&threads_left);
        let spawn = move |shared| {
            let one_less = |left: usize| left.checked_sub(1);
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
                .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            worker::spawn(shared)
        };
        let shared = Arc::new(Shared::new(size, Box::new(spawn)));
        Fixture {
            pool: Pool {
                shared: Arc::clone(&shared),
            },
            shared,
            threads_left,
        }
    }

    pub(crate) fn admit(&self) -> Arc<Peer> {
        self.admit_with(&Arc::default(), None)
    }

    /// Admits a task whose peer may have sent input before.
    pub(crate) fn admit_with(&self, counts: &Arc<WaitCounts>, input: Option<Input>) -> Arc<Peer> {
        let peer = Peer::of(counts);
        if let Some(input) = input {
            peer.send(input);
        }
        assert!(self.pool.admit(peer.task()).is_ok(), "without a worker");
        peer
    }

    /// Admits tasks for which workers then wait.
    pub(crate) fn admit_idle(&self, count: usize) -> Vec<Arc<Peer>> {
        let admit = |_| {
            let peer = self.admit();
            self.until("idle", || peer.is_awaited());
            peer
        };
        (0..count).map(admit).collect()
    }

    /// Enters scanning mode, as many requests would. New tasks then go to the scan list.
    pub(crate) fn enter_scanning_mode(&self) {
        self.shared.scanning_mode.store(true, Ordering::SeqCst);
    }

    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        until(&self.shared, what, is_so);
    }

    pub(crate) fn until_served(&self, peer: &Peer, times: usize) {
        self.until("served", || peer.served() >= times);
    }

    /// Returns the number of hot and of cold tasks.
    pub(crate) fn scan_list(&self) -> (usize, usize) {
        let state = lock(&self.shared.state);
        (state.hot.len(), state.cold.len())
    }

    pub(crate) fn until_asleep(&self) {
        self.until("asleep", || lock(&self.shared.state).scanner_sleeps);
    }

    pub(crate) fn permits(&self) -> usize {
        permits(&self.shared)
    }

    /// Ends the tasks and the pool, and checks that no task, worker or permit is left.
    pub(crate) fn end(self, peers: &[Arc<Peer>]) {
        for peer in peers {
            peer.send(Input::End);
        }
        let Fixture { pool, shared, .. } = self;
        until(&shared, "dropped", || {
            peers.iter().all(|peer| peer.is_dropped())
        });
        drop(pool);
        until(&shared, "without workers", || {
            lock(&shared.state).workers == 0
        });
        let state = lock(&shared.state);
        assert!(state.queue.is_empty() && state.hot.is_empty() && state.cold.is_empty());
        assert_eq!((state.stalled, state.idle, state.watchdog), (0, 0, false));
        assert_eq!(permits(&shared), 0, "permits");
        assert_eq!(shared.tasks.load(Ordering::SeqCst), 0, "tasks");
    }
}
