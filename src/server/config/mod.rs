//! What one sets up of a server before it serves, whichever kind it is.

pub(crate) mod trusted_proxies;

use self::trusted_proxies::Proxies;
use super::stats::error_hook::{ErrorHook, ServerError};
use super::stats::monitor::Monitor;
use crate::limits::Limits;

/// Workers of a pool unless another number is asked for: enough to hold 192 quiet connections at no
/// CPU, at about 14 KiB each once used.
pub(crate) const DEFAULT_POOL_SIZE: usize = 256;

/// How a server is set up: for [`Server::settings`](crate::Server::settings) and
/// [`Router::serve_managed_with`](crate::Router::serve_managed_with). Set some, keep the rest:
///
/// ```
/// use millpond::{Limits, Router, Settings};
///
/// let limits = Limits { max_connections: 100, ..Limits::default() };
/// let settings = Settings::default().pool_size(16).limits(limits);
/// let server = Router::default().serve_managed_with(([127, 0, 0, 1], 0), settings)?;
/// # let _ = server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) pool_size: usize,
    pub(crate) limits: Limits,
    pub(crate) monitor: Option<Monitor>,
    pub(crate) on_error: ErrorHook,
    pub(crate) proxies: Option<Proxies>,
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
    /// At most `pool_size` threads run handlers and hold connections; 256 unless said otherwise.
    /// They are started on demand. Connections are not bounded by it: see [`Limits`].
    ///
    /// # Panics
    ///
    /// If `pool_size` is 0.
    pub fn pool_size(mut self, pool_size: usize) -> Settings {
        assert!(pool_size > 0, "a pool needs at least one worker");
        self.pool_size = pool_size;
        self
    }

    /// The bounds of what a client can ask for.
    pub fn limits(mut self, limits: Limits) -> Settings {
        self.limits = limits;
        self
    }

    /// Has this monitor tell the server's numbers. It is for a handler that is to tell them and is
    /// there before its server; else [`Server::monitor`](crate::Server::monitor) is simpler. Given
    /// to several servers it tells of all of them together.
    pub fn monitor(mut self, monitor: &Monitor) -> Settings {
        self.monitor = Some(monitor.clone());
        self
    }

    /// Calls `hook` for what goes wrong on the server's side and no response can tell; see
    /// [`ServerError`]. Without one nobody is told.
    ///
    /// It is called by the thread that met the error, once for each, and never under a lock: it may
    /// ask for the server's numbers. That thread serves, so a hook had better be quick. One that
    /// panics is caught.
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

    /// The proxies that are trusted to say whose requests they pass on. Nobody is unless said.
    pub fn proxies(mut self, proxies: Proxies) -> Settings {
        self.proxies = Some(proxies);
        self
    }
}
