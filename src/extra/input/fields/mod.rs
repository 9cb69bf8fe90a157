//! Request fields as values.
//!
//! * `accept`: the macro `accept!`
//! * `priority`: weighted lists, and the choice of the preferred element
//! * `auth`: Basic authentication
//! * `cookies`: the `Cookie` field

pub(crate) mod accept;
pub(crate) mod auth;
pub(crate) mod cookies;
pub(crate) mod priority;
