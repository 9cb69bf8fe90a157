//! The server: sockets, threads and time.
//!
//! * `api/`: the types that a program holds, [`Server`] and [`BackgroundServer`]
//! * `config`: [`Settings`]
//! * `engine`: listeners joined to pools
//! * `accept/`: from an address to an accepted stream
//! * `pool/`: the threads that wait for requests and run handlers
//! * `connection/`: one connection, from its first byte to its last
//! * `registry/`: the open connections, and how they drain
//! * `stats/`: the counters, and the reports of errors
//!
//! `api` uses `engine`, and `engine` uses the other folders. `accept`, `pool` and `registry` use
//! none of them and know nothing of HTTP.
//!
//! The rest of this page follows one GET and one large upload through the source. Each function is
//! named once, in the order of the calls, as the name of its type or module and its own name.
//!
//! # One GET
//!
//! The server runs on Linux and has no connection yet. A client connects and sends a GET without a
//! body. The thread of the program accepts:
//!
//! 1. `Server::run` calls `Engine::poll_all_until` and `Engine::poll_in_turn`, which calls
//!    `Engine::poll_until` for the only listener.
//! 2. `Listener::lock_accept` acquires the accept lock. `Listener::wait` and `Listener::wait_by`
//!    call `KernelWait::accept`, which sets the timeout of the socket and blocks in
//!    `Socket::accept`. `Listener::unless_late` returns the accepted stream.
//! 3. `Engine::admit` calls `Engine::enter`. `LocalFilter::admits` checks the local address,
//!    `Registry::enter` adds the stream to the open connections, and `Connection::new` creates the
//!    task for the pool, with the parser of `RequestReader::new`.
//! 4. `Engine::next_pool` chooses the pool, and `Engine::admit_to` passes the task to
//!    `Pool::admit`. The pool counts the connection in `Shared::count_requests`, which measures the
//!    rate. `Shared::has_free_worker` returns true, and `Shared::enqueue` queues the task.
//!    `Shared::wake_worker` finds no idle worker, so `Shared::add_worker` starts one with
//!    `worker::spawn`.
//!
//! The worker receives:
//!
//! 5. `worker::work` gets the task from `worker::next_assignment` and passes it to
//!    `worker::attend`. `Shared::acquire_permit` starts two more workers, because two started
//!    workers must not wait, and returns a permit. Then `task::guarded` calls `Connection::wait`.
//!    `Connection::block_for` prepares the read: `Connection::set_blocking` changes the mode of the
//!    socket, and the timeout is set. The read blocks until the request arrives.
//! 6. `Connection::on_read` counts the bytes. `Connection::receive` and `Connection::feed` pass
//!    them to `RequestReader::feed`. `HeadParser::feed` parses the head, and `framing::request`
//!    finds that there is no body. `request::gather` has nothing to gather, and
//!    `RequestReader::end_body` makes the request ready.
//! 7. `Connection::on_request` registers the request in `Registry::request_received`. Then
//!    `Connection::next` calls `ReceivedRequest::is_partial`, gets false, and returns `Next::Run`
//!    to the worker.
//!
//! The same worker answers:
//!
//! 8. `Connection::run` calls `Connection::exchange`. `RequestReader::take_ready` moves the request
//!    out of the reader, `Registry::request_began` records the time, and
//!    `response::run_exchange` returns the outcome: the response as bytes, and the next action.
//! 9. `response::lend_request` fills the request that the worker lends to handlers, which
//!    `Request::renew` has emptied. `response::run_handler` calls the handler. The handler of a
//!    router is `Router::handle`: under a read lock, `router::decide` finds the route with
//!    `router::search`; without a lock, `Route::call` calls the route's own handler.
//! 10. `PersistDecision::of` decides whether the connection persists. `response::encode_response`
//!     appends the response to the output buffer of the worker: `response::presentable` checks the
//!     status, `encode::plan` decides the framing, `encode::response_head` appends the head, and
//!     `response::encode_body` appends the body.
//! 11. `Connection::send` begins a response with `ResponseWriter::new`.
//!     `ResponseWriter::fill_and_write` passes the buffer to `writer::write_once`, which writes all
//!     of it to the socket, so `ResponseWriter::write_pending` finds nothing left.
//! 12. `Connection::all_sent` calls `Registry::answered`, for a drain, and
//!     `Registry::became_idle`. The worker gets `Next::Idle` and waits as in step 5.
//!
//! When the client closes, the read of step 5 returns no bytes. `Connection::on_end` and
//! `Connection::finish` return `Next::Done`, and `Shared::drop_task` drops the connection. Its drop
//! counts the reason in `Counters::closed` and calls `Registry::leave`.
//!
//! # One large upload
//!
//! The client of step 12 sends a POST with a body of 10 MB instead. The worker gets the head and
//! the first bytes of the body as in steps 5 and 6.
//!
//! 1. The bytes are gathered in the request, through `BodyRemainder::decode`. They are fewer than
//!    [`buffered_body_bytes`](crate::Limits::buffered_body_bytes), so the request is not ready.
//!    `Connection::set_deadline` starts the minimum rate with `MinRate::new`, and
//!    `Connection::check_deadline` asks `MinRate::is_below` whether the client is late.
//! 2. A worker must not wait for the rest, so the pool gets `Next::Progressed`. The connection goes
//!    to the scan list. `Shared::begin_scan` makes the worker the scanner: `Scanner::new`,
//!    `Scanner::run` and `Scanner::pass` call `Scanner::poll` for each connection in the list.
//!    `Connection::poll` reads without blocking, and `MinRate::record` counts the bytes.
//! 3. Once `buffered_body_bytes` are here, the request is ready but partial, so the pool gets
//!    `Next::RunMayBlock`. `Scanner::hand_over_blocking` queues the connection with a permit, and
//!    another worker runs the connection.
//! 4. That worker answers from step 8 on, with the socket in blocking mode.
//!    `UploadState::share` makes the body that the handler reads. `Upload::read` calls
//!    `UploadState::read`, which first returns the gathered bytes. Then `UploadState::read_rest`,
//!    `UploadState::receive` and `UploadState::receive_in_time` read from the socket.
//!    `MinRate::pause` excludes the time of the handler, `MinRate::time_left` bounds each wait, and
//!    `BodyRemainder::consume` subtracts the bytes that came.
//! 5. The handler returns, and `UploadState::close` takes the body back. If the handler has read
//!    the last byte, steps 10 to 12 follow as above.
//! 6. If a short rest is left, the connection still persists: after the response,
//!    `RequestReader::skip` makes the reader discard the rest before the next head.
//! 7. If a long rest is left, `PersistDecision::close` ends the connection. After the response,
//!    `Connection::close` shuts the sending side down, and `Connection::linger` reads and discards
//!    bytes for up to 2 seconds. Without this, a reset could destroy the response. When no byte is
//!    there to be read, `Registry::linger` ends the waiting of a drain.

mod accept;
mod api;
mod config;
mod connection;
mod engine;
mod pool;
mod registry;
mod stats;

pub use self::accept::address::Address;
pub use self::accept::listen::Listen;
pub use self::api::background::BackgroundServer;
pub use self::api::server::{start_server, start_server_with_pool, Server};
pub use self::config::Settings;
pub use self::registry::{ConnectionState, Drained, InFlight};
pub use self::stats::error_hook::{ServerError, ServerErrorKind};
pub use self::stats::monitor::Monitor;
pub use self::stats::{CloseReason, Stats, WorkerState};
