//! The parts that all connections of one server share: the handler, the limits, the registry of
//! open connections, the counters and the error hook. No connection is served here.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use crate::limits::Limits;
use crate::message::{Request, Response};
use crate::server::config::Settings;
use crate::server::registry::{ConnectionHandle, ConnectionState, InFlight, Registry};
use crate::server::stats::counters::Counters;
use crate::server::stats::error_hook::{ErrorContext, ErrorHook, ServerErrorKind};
use crate::server::stats::monitor::StatsSource;
use crate::server::stats::Stats;
use crate::wire::encode;
use crate::wire::proxied::TrustedProxies;

/// Characters of a field name in an error report, 64. More would not help to find the field in the
/// program.
const MAX_REPORTED_NAME_CHARS: usize = 64;

/// A handler as the server keeps it.
pub(crate) type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// The header fields of a response.
pub(crate) type Fields = [(Cow<'static, str>, Cow<'static, str>)];

pub(crate) struct Service {
    pub(crate) handler: Arc<Handler>,
    pub(crate) limits: Limits,
    pub(crate) proxies: Option<Arc<dyn TrustedProxies>>,
    pub(crate) registry: Registry,
    pub(crate) counters: Arc<Counters>,
    pub(crate) on_error: ErrorHook,
    /// Permits acquired: at most `max_upgraded`.
    upgraded: AtomicUsize,
}

impl Service {
    pub(crate) fn new(
        handler: Arc<Handler>,
        settings: &Settings,
        counters: Arc<Counters>,
    ) -> Service {
        Service {
            handler,
            limits: settings.limits.clone(),
            proxies: settings.proxies.clone(),
            registry: Registry::new(),
            counters,
            on_error: settings.on_error.clone(),
            upgraded: AtomicUsize::new(0),
        }
    }

    /// Acquires a permit to hand one more connection over to another protocol. Returns `None` if
    /// `max_upgraded` permits are in use.
    pub(crate) fn try_upgrade_permit(self: &Arc<Self>) -> Option<UpgradePermit> {
        let most = self.limits.max_upgraded;
        let one_more = |count| if count < most { Some(count + 1) } else { None };
        self.upgraded
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()
            .map(|_| UpgradePermit(Arc::clone(self)))
    }

    /// Reports an error of this connection that no response can state.
    #[cold]
    pub(crate) fn report(&self, handle: &ConnectionHandle, kind: ServerErrorKind, e: io::Error) {
        self.on_error
            .report(kind, Some(ErrorContext::of(handle)), e);
    }

    /// Reports the name of each field that cannot be sent. The value is not reported, and may be a
    /// secret.
    #[cold]
    pub(crate) fn report_bad_headers(&self, handle: &ConnectionHandle, fields: &Fields) {
        for (name, _) in fields.iter().filter(|(n, v)| !encode::is_field(n, v)) {
            let name: String = name.chars().take(MAX_REPORTED_NAME_CHARS).collect();
            let error = io::Error::new(ErrorKind::InvalidData, format!("field {name:?}"));
            self.report(handle, ServerErrorKind::Header, error);
        }
    }
}

impl StatsSource for Service {
    fn add_to(&self, stats: &mut Stats) {
        for (state, count) in ConnectionState::ALL.into_iter().zip(self.registry.count()) {
            stats.connections[state as usize] += count;
            match state {
                ConnectionState::Upgraded => stats.upgraded += count,
                _ => stats.open += count,
            }
            if state.is_in_flight() {
                stats.in_flight += count;
            }
        }
    }

    fn in_flight(&self) -> Vec<InFlight> {
        self.registry.in_flight()
    }
}

/// The right to hand one connection over to another protocol. Dropping the permit releases it.
#[must_use]
pub(crate) struct UpgradePermit(Arc<Service>);

impl UpgradePermit {
    pub(crate) fn service(&self) -> &Service {
        &self.0
    }
}

impl Drop for UpgradePermit {
    fn drop(&mut self) {
        self.0.upgraded.fetch_sub(1, Ordering::AcqRel);
    }
}
