//! The state that the clients share: the address of the server, its reports, and the counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::address;

/// So long after an event at the latest the server's word of it has been read.
const REPORT_DELAY: Duration = Duration::from_secs(2);
/// More messages would add nothing.
const MAX_MESSAGES: usize = 30;

#[derive(Default)]
pub struct SharedState {
    port: u16,
    /// When each move began, by the clock that both processes have.
    moves: Mutex<Vec<u64>>,
    pub added: AtomicU64,
    pub removing: AtomicU64,
    pub removed: AtomicU64,
    pub over: AtomicBool,
    /// Requests answered as they should be.
    pub answered: AtomicU64,
    /// Panics that were asked for and seen.
    pub panics: AtomicU64,
    /// Requests that the server may leave unanswered, since it was moving.
    pub retried: AtomicU64,
    /// Requests that it may not.
    pub lost: AtomicU64,
    /// Whatever else is wrong.
    pub wrong: AtomicU64,
    messages: Mutex<Vec<String>>,
    kinds: Mutex<BTreeMap<&'static str, u64>>,
}

impl SharedState {
    pub fn at(port: u16) -> SharedState {
        SharedState {
            port,
            ..SharedState::default()
        }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    pub fn moving(&self, at: u64) {
        lock(&self.moves).push(at);
    }

    pub fn moves(&self) -> u64 {
        lock(&self.moves).len() as u64
    }

    pub fn address(&self) -> (u64, SocketAddr) {
        let moves = self.moves();
        (moves, address(moves, self.port))
    }

    /// When the server began to leave the address that it had after so many moves; it is waited
    /// for, as the word of it may be on its way.
    pub fn left_at(&self, moves: u64) -> Option<u64> {
        self.soon(|| lock(&self.moves).get(moves as usize).copied())
    }

    pub fn soon<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let began = Instant::now();
        loop {
            let found = look();
            if found.is_some() || began.elapsed() > REPORT_DELAY {
                return found;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn count(&self, kind: &'static str, number: u64) {
        self.answered.fetch_add(number, SeqCst);
        *lock(&self.kinds).entry(kind).or_default() += number;
    }

    /// Counts an event that is no request, or has no answer.
    pub fn note(&self, kind: &'static str) {
        *lock(&self.kinds).entry(kind).or_default() += 1;
    }

    pub fn lose(&self, number: u64, what: String) {
        self.lost.fetch_add(number, SeqCst);
        self.add_message(format!("lost {number}: {what}"));
    }

    pub fn record_error(&self, what: String) {
        self.wrong.fetch_add(1, SeqCst);
        self.add_message(format!("wrong: {what}"));
    }

    fn add_message(&self, what: String) {
        let mut messages = lock(&self.messages);
        if messages.len() < MAX_MESSAGES {
            messages.push(what);
        }
    }

    pub fn messages(&self) -> Vec<String> {
        lock(&self.messages).clone()
    }

    pub fn kinds(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.kinds).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
