//! Request fields as values: preferences, credentials, cookies.

pub(crate) mod accept;
pub(crate) mod auth;
pub(crate) mod cookies;
pub(crate) mod priority;
