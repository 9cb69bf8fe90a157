//! Another protocol: all bytes come back.

use millpond::{ReadWrite, Response, ResponseBody, Upgrade};

struct Echo;

impl Upgrade for Echo {
    fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
        let mut buf = [0; 64];
        while let Ok(count @ 1..) = socket.read(&mut buf) {
            if socket.write_all(&buf[..count]).is_err() {
                break;
            }
        }
    }
}

/// Hands the connection over to it.
pub fn switch() -> Response {
    Response {
        status_code: 101,
        headers: vec![("Upgrade".into(), "echo".into())],
        data: ResponseBody::empty(),
        upgrade: Some(Box::new(Echo)),
    }
}
