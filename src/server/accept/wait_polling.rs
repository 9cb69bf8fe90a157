//! Waiting where nothing can be asked of the kernel: by looking, and napping in between.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::{Duration, Instant};

use super::socket::{Accepted, Socket};
use super::{would_block, Listener, LONGEST_NAP};

const SHORTEST_NAP: Duration = Duration::from_micros(250);

impl Listener {
    pub(crate) fn wait_by_naps(
        &self,
        socket: &Socket,
        deadline: Option<Instant>,
        each: &mut impl FnMut(io::Result<Accepted>) -> bool,
    ) {
        let mut nap = SHORTEST_NAP;
        let mut goes_on = true;
        while goes_on && !self.is_closing() {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            match socket.accept() {
                Ok(accepted) => {
                    nap = SHORTEST_NAP;
                    if let Some(accepted) = self.unless_late(accepted) {
                        goes_on = each(Ok(accepted));
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if would_block(&e) => {
                    thread::sleep(left.map_or(nap, |left| left.min(nap)));
                    nap = (nap * 2).min(LONGEST_NAP);
                }
                Err(e) => goes_on = each(Err(e)),
            }
        }
    }
}
