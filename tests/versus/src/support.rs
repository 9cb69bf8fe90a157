//! The parts of `tests/support` that need no server of this crate, which the driver is built
//! without.

#[path = "../../support/client.rs"]
mod client;
#[path = "../../support/folder.rs"]
mod folder;
#[path = "../../support/process.rs"]
mod process;
#[path = "../../support/wait.rs"]
mod wait;

pub use self::client::Client;
pub use self::folder::Folder;
pub use self::process::Process;
