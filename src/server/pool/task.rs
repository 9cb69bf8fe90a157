//! The contract between the pool and its tasks: the trait [`Task`], the steps [`Next`] that a task
//! needs, and the guard against panics. Depends on `util` alone.

use std::time::Instant;

use crate::util::catch_panic::catch_panic;

/// A connection, as the pool uses it. The pool calls one method of a task at a time.
pub(crate) trait Task: Send + 'static {
    /// Memory that a worker owns and lends to each task in turn.
    type Buffers: Default;

    /// Does the work that is possible at once. Must not wait for the peer and must not run a
    /// handler.
    fn poll(&mut self, buffers: &mut Self::Buffers, now: Instant) -> Next;

    /// Waits for the peer of an idle task, at most until the task's own deadline.
    fn wait(&mut self, buffers: &mut Self::Buffers) -> Next;

    /// Runs the handler, or the rest of it, and sends as much as the peer accepts at once. May wait
    /// for the peer only after [`Next::RunMayBlock`].
    fn run(&mut self, buffers: &mut Self::Buffers) -> Next;
}

/// The next step that a task needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// None until the peer sends a request. A worker may wait in [`Task::wait`] only for such a
    /// task.
    Idle,
    /// None until the peer closes the connection, most likely in a moment. No thread is woken for
    /// such a task: a thread woken for each would cost clients that close their connections a
    /// third of their rate on a busy machine.
    Closing,
    /// Another poll: a request or response is incomplete, and this call made no progress.
    Blocked,
    /// Another poll: a request or response is incomplete, and this call made progress.
    Progressed,
    /// A call of [`Task::run`].
    Run,
    /// A call of [`Task::run`] that may wait for the peer.
    RunMayBlock,
    /// None: the task is dropped.
    Done,
}

/// Calls a method of a task. A panic ends that task, never the worker: the panic counts as
/// [`Next::Done`]. The buffers are replaced, because the panic may have left them in any state.
pub(crate) fn guarded<T: Task>(
    buffers: &mut T::Buffers,
    call: impl FnOnce(&mut T::Buffers) -> Next,
) -> Next {
    catch_panic(|| call(buffers)).unwrap_or_else(|_| {
        *buffers = T::Buffers::default();
        Next::Done
    })
}
