//! Messages and connections, as RFC 9110 and RFC 9112 define them.

mod early;
#[cfg(target_os = "linux")]
mod half_continue;
mod methods;
mod pipelining;
mod responses;
mod rfc;
mod skipped;
mod smoke;
mod upgrade;
