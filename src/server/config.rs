//! [`Settings`], the configuration of a server, for both kinds of server.

use std::sync::Arc;

use super::stats::error_hook::{ErrorHook, ServerError};
use super::stats::monitor::Monitor;
use crate::limits::Limits;
use crate::wire::proxied::TrustedProxies;

/// 256 workers: enough to hold 192 quiet connections without CPU time, at about 14 KiB of memory
/// for each worker once used.
pub(crate) const DEFAULT_POOL_SIZE: usize = 256;

/// The configuration of a server, for [`Server::settings`](crate::Server::settings) and
/// [`Router::serve_managed_with`](crate::Router::serve_managed_with).
///
/// Each method changes one setting and keeps the others:
///
/// ```no_run
/// use millpond::{Limits, Response, Route, Router, Settings};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let router = Router::default();
///     router.add(Route::get("/").onconnect(|_| Response::text("hello")));
///     let limits = Limits { max_connections: 100, ..Limits::default() };
///     let settings = Settings::default()
///         .pool_size(16)
///         .limits(limits)
///         .on_error(|error| eprintln!("{error}"));
///     let server = router.serve_managed_with(([127, 0, 0, 1], 8080), settings)?;
///     println!("http://{}/; press Enter to stop", server.addr());
///     std::io::stdin().read_line(&mut String::new())?;
///     println!("{}", server.stop());
///     Ok(())
/// }
/// ```
#[must_use = "settings have no effect until a server has them"]
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) pool_size: usize,
    pub(crate) limits: Limits,
    pub(crate) monitor: Option<Monitor>,
    pub(crate) on_error: ErrorHook,
    /// Set by the feature `trusted-proxies`.
    pub(crate) proxies: Option<Arc<dyn TrustedProxies>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            pool_size: DEFAULT_POOL_SIZE,
            limits: Limits::default(),
            monitor: None,
            on_error: ErrorHook::default(),
            proxies: None,
        }
    }
}

impl Settings {
    /// Sets the largest number of threads that run handlers and wait for requests; 256 by default.
    /// The threads are started on demand. The number of connections has a limit of its own,
    /// [`max_connections`](Limits::max_connections).
    ///
    /// # Panics
    ///
    /// Panics if `pool_size` is 0.
    pub fn pool_size(mut self, pool_size: usize) -> Settings {
        assert!(
            pool_size > 0,
            "invalid pool size 0: expected at least 1 worker"
        );
        self.pool_size = pool_size;
        self
    }

    /// Sets the limits on the sizes, numbers, rates and times that a client controls; see
    /// [`Limits`] for the defaults.
    pub fn limits(mut self, limits: Limits) -> Settings {
        self.limits = limits;
        self
    }

    /// Reports the server's numbers to this monitor. Use this for a handler that returns the
    /// numbers, because the handler exists before its server. Otherwise
    /// [`Server::monitor`](crate::Server::monitor) is simpler. A monitor of several servers adds up
    /// their numbers.
    pub fn monitor(mut self, monitor: &Monitor) -> Settings {
        self.monitor = Some(monitor.clone());
        self
    }

    /// Calls `hook` for each error on the server's side that no response reports; see
    /// [`ServerError`]. By default these errors are not reported. [`Stats`](crate::Stats) counts
    /// panics, failed accepts and failed bodies in any case.
    ///
    /// The hook runs on the thread in which the error occurred. That thread serves requests, so the
    /// hook should be fast. No lock is held meanwhile: the hook may read the server's numbers. A
    /// panic of the hook is caught.
    ///
    /// ```
    /// use millpond::Settings;
    ///
    /// let settings = Settings::default().on_error(|error| eprintln!("{error}"));
    /// ```
    pub fn on_error(mut self, hook: impl Fn(&ServerError) + Send + Sync + 'static) -> Settings {
        self.on_error = ErrorHook::new(hook);
        self
    }
}
