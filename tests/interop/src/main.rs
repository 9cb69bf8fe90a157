//! millpond as ureq sees it, an HTTP client by other people: what one of them sends, the other
//! understands. The finer points of the protocol are the business of `tests/it`.

mod bodies;
mod connections;
mod exchange;
mod redirects;
mod support;
