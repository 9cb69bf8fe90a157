//! The system's randomness, from `/dev/urandom`.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::sync::{Mutex, PoisonError};

/// Guards the source: nothing until it is opened, for as long as the process lives then. So a
/// process that has no descriptor left still has randomness.
static SOURCE: Mutex<Option<File>> = Mutex::new(None);

/// So many bytes that nobody can guess, or an error; never fewer.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    // Nothing here panics with the source half changed.
    let mut source = SOURCE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = match &mut *source {
        Some(file) => file,
        closed => closed.insert(open("/dev/urandom")?),
    };
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The source, if it is a device. What a careless hand has left in a container at this path, a
/// plain file or an empty one, is no randomness.
fn open(path: &str) -> io::Result<File> {
    let file = File::open(path)?;
    match file.metadata()?.file_type().is_char_device() {
        true => Ok(file),
        false => Err(Error::new(
            ErrorKind::InvalidData,
            format!("{path} is not a device"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_device_yields_nothing() {
        assert!(open("/dev/urandom").is_ok());
        let error = open("Cargo.toml").unwrap_err();
        assert_eq!(error.to_string(), "Cargo.toml is not a device");
        assert!(open("/dev/there-is-none").is_err());
    }
}
