//! The loop of a worker: it runs queued tasks, is the scanner, or watches the scanner.
//!
//! No lock is held during a call of a task.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::quota::Purpose;
use super::scanner::Scanner;
use super::state::{Entry, Job, Mode, PoolState, QueuedTask, Shared};
use super::task::{guarded, Next, Task};
use crate::util::lock::lock;

/// Time until the next request of a client that waits for nothing but the response: 60 µs. The
/// wake-up of a sleeping thread would take more than half of the client's time.
const MAX_CLOSED_LOOP_GAP: Duration = Duration::from_micros(60);
/// Number of such requests in a row after which the pool enters scanning mode: 16.
pub(crate) const CLOSED_LOOP_REQUESTS: u32 = 16;
/// Time between two readings of the heartbeat: 1 ms. A handler that runs for longer stalls the
/// scanner.
const WATCHDOG_INTERVAL: Duration = Duration::from_millis(1);
/// Number of scanners stalled at the same time that shows that the handlers are slow: 4. Fewer
/// stalled scanners may have lost their core for a moment.
const MIN_STALLED_SCANNERS: usize = 4;
/// Time for which ready tasks are handed to other workers after [`MIN_STALLED_SCANNERS`] have
/// stalled: 100 ms.
const HAND_OVER_TIME: Duration = Duration::from_millis(100);

/// Starts a worker of a pool.
pub(crate) fn spawn<T: Task>(shared: Arc<Shared<T>>) -> io::Result<()> {
    let thread = thread::Builder::new().name("millpond".into());
    thread.spawn(move || work(&shared)).map(drop)
}

enum Assignment<T> {
    Attend(QueuedTask<T>),
    Scan(u64),
    Leave,
}

fn work<T: Task>(shared: &Arc<Shared<T>>) {
    let mut buffers = T::Buffers::default();
    loop {
        match next_assignment(shared) {
            Assignment::Attend(queued) => attend(shared, &mut buffers, queued),
            Assignment::Scan(scan) => Scanner::new(shared, scan).run(&mut buffers),
            Assignment::Leave => return,
        }
    }
}

/// Waits for work. While the scanner needs a watchdog, the worker is the watchdog.
fn next_assignment<T: Task>(shared: &Arc<Shared<T>>) -> Assignment<T> {
    let mut state = lock(&shared.state);
    loop {
        // The scan list comes first: a worker may be busy with a queued task for long, and may
        // be the last one that is free.
        let unscanned = state.scan.is_none() && !state.scan_list_is_empty();
        if unscanned && (state.queue.is_empty() || !shared.is_only_worker(&state)) {
            let scan = shared.begin_scan(&mut state);
            state.move_queue_to_scan_list();
            return Assignment::Scan(scan);
        }
        if let Some(queued) = state.queue.pop_front() {
            if state.needs_watchdog() && state.idle > 0 {
                // This worker may have been the watchdog: another one takes its place.
                shared.work_available.notify_one();
            }
            return Assignment::Attend(queued);
        }
        if state.closing && shared.tasks.load(Ordering::Acquire) == 0 {
            state.workers -= 1;
            return Assignment::Leave;
        }
        // Only here is a worker free: one that takes a queued task is not.
        shared.workers_exhausted.store(false, Ordering::Release);
        state.idle += 1;
        if state.needs_watchdog() {
            let (guard, took_over) = watch(shared, state);
            state = guard;
            state.idle -= 1;
            if took_over {
                state.stalled += 1;
                if state.stalled >= MIN_STALLED_SCANNERS {
                    state.hand_over_until = Instant::now() + HAND_OVER_TIME;
                }
                return Assignment::Scan(shared.begin_scan(&mut state));
            }
        } else {
            // Notified under the lock whenever there is work.
            let woken = shared.work_available.wait(state);
            state = woken.unwrap_or_else(|poisoned| poisoned.into_inner());
            state.idle -= 1;
        }
    }
}

/// Watches the scanner. Returns when there is other work, when the scan ends or sleeps, or when
/// the scanner stalls; in the last case this worker takes over the scan, and true is returned.
fn watch<'a, T: Task>(
    shared: &'a Shared<T>,
    mut state: MutexGuard<'a, PoolState<T>>,
) -> (MutexGuard<'a, PoolState<T>>, bool) {
    state.watchdog = true;
    let mut last = shared.heartbeat.load(Ordering::Acquire);
    let took_over = loop {
        let (guard, waited) = shared
            .work_available
            .wait_timeout_while(state, WATCHDOG_INTERVAL, |state| {
                state.queue.is_empty() && state.scan.is_some() && !state.scanner_sleeps
            })
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state = guard;
        if !waited.timed_out() {
            break false;
        }
        let heartbeat = shared.heartbeat.load(Ordering::Acquire);
        let in_same_handler = heartbeat == last && heartbeat % 2 == 1;
        if in_same_handler && !state.scan_list_is_empty() && shared.take_over(&state, heartbeat) {
            break true;
        }
        last = heartbeat;
    };
    state.watchdog = false;
    (state, took_over)
}

/// Does a job for a task, and the next ones, until the task is done or better in the scan list.
fn attend<T: Task>(shared: &Arc<Shared<T>>, buffers: &mut T::Buffers, queued: QueuedTask<T>) {
    let QueuedTask { mut job, mut task } = queued;
    let mut closed_loop_requests = 0;
    loop {
        let awaited = matches!(job, Job::AwaitRequest);
        let next = match job {
            Job::AwaitRequest => {
                let permit = match shared.acquire_permit(Purpose::AwaitRequest) {
                    Some(permit) => permit,
                    None => break,
                };
                let began = Instant::now();
                let next = guarded::<T>(buffers, |buffers| task.wait(buffers));
                drop(permit);
                closed_loop_requests = match began.elapsed() < MAX_CLOSED_LOOP_GAP {
                    true => closed_loop_requests + 1,
                    false => 0,
                };
                next
            }
            Job::Run => guarded::<T>(buffers, |buffers| task.run(buffers)),
            Job::RunMayBlock(permit) => {
                let next = guarded::<T>(buffers, |buffers| task.run(buffers));
                drop(permit);
                next
            }
        };
        let exhausted = shared.workers_exhausted.load(Ordering::Acquire);
        job = match next {
            Next::Done => return shared.drop_task(task),
            Next::Closing => {
                // The next scan finds the task. If there is none, this worker begins one.
                lock(&shared.state).cold.push_back(Entry::new(task));
                return;
            }
            // A client that pipelines without end must not keep the worker from other tasks.
            Next::Run if !awaited && exhausted => break,
            Next::Run => Job::Run,
            Next::RunMayBlock => match shared.acquire_permit(Purpose::Run) {
                Some(permit) => Job::RunMayBlock(permit),
                None => break,
            },
            Next::Idle if !awaited && !exhausted && shared.mode() == Mode::Blocking => {
                let is_closed_loop = closed_loop_requests >= CLOSED_LOOP_REQUESTS;
                if is_closed_loop || shared.count_requests(1) {
                    closed_loop_requests = 0;
                    if shared.enter_scanning_mode() {
                        break;
                    }
                }
                Job::AwaitRequest
            }
            _ => break,
        };
    }
    // To the scan list. If there is no scan, this worker is about to begin one.
    let mut state = lock(&shared.state);
    match state.scan {
        None => state.hot.push_back(Entry::new(task)),
        Some(_) => shared.add_to_scan_list(&mut state, task),
    }
}
