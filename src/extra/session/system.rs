//! Randomness of the system, from `/dev/urandom`.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::sync::{Mutex, PoisonError};

/// Guards the open device, which is `None` until the first use. The file stays open until the end
/// of the process. Without this, a process without free descriptors would have no randomness.
static URANDOM: Mutex<Option<File>> = Mutex::new(None);

/// Returns `N` unpredictable bytes.
///
/// # Errors
///
/// Returns an error if the device cannot be opened or does not return all bytes.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    // No panic is possible while the value is partly changed, so a poisoned lock is still valid.
    let mut device = URANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    let file = match &mut *device {
        Some(file) => file,
        closed => closed.insert(open("/dev/urandom")?),
    };
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Opens the file if the file is a device. A container may have a regular or empty file at this
/// path by mistake, which is not random.
fn open(path: &str) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.file_type().is_char_device() {
        return Ok(file);
    }
    let text = format!("{path}: not a character device");
    Err(Error::new(ErrorKind::InvalidData, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_a_device_is_refused() {
        assert!(open("/dev/urandom").is_ok());
        let error = open("Cargo.toml").unwrap_err();
        assert_eq!(error.to_string(), "Cargo.toml: not a character device");
        assert!(open("/dev/there-is-none").is_err());
    }
}
