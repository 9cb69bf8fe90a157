//! A server from its first address to its last response: listening, moving, changing routes and
//! stopping.

mod dropped;
mod join;
mod listen;
mod live_routes;
mod poll;
mod rebind;
mod stop;
mod stoppable;
mod wind_down;
