//! Requests made up by a test, so that a handler can be tested without a socket.

use super::head::Field;
use super::Request;
use std::io::Cursor;
use std::net::SocketAddr;

impl Request {
    /// Returns a request for tests of handlers. The client is `127.0.0.1:12345`, and the connection
    /// is plain HTTP.
    ///
    /// The headers keep their order and duplicates. Nothing is checked, so a test can make up a
    /// request that the server would reject.
    ///
    /// # Panics
    ///
    /// Panics if method, URL and headers add up to 4 GiB or more.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let headers = vec![("Host".to_owned(), "localhost".to_owned())];
    /// let request = Request::fake_http("POST", "/users?dry=1", headers, b"name=Ann".to_vec());
    /// assert_eq!(request.method(), "POST");
    /// assert_eq!(request.header("host"), Some("localhost"));
    /// ```
    pub fn fake_http<U: Into<String>, M: Into<String>>(
        method: M,
        url: U,
        headers: Vec<(String, String)>,
        data: Vec<u8>,
    ) -> Request {
        Request::fake_http_from(fake_addr(), method, url, headers, data)
    }

    /// Returns a request as [`fake_http`](Request::fake_http) does, from another client address.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let from = ([192, 0, 2, 7], 40_000).into();
    /// let request = Request::fake_http_from(from, "GET", "/", vec![], vec![]);
    /// assert_eq!(request.remote_addr(), &from);
    /// ```
    pub fn fake_http_from<U: Into<String>, M: Into<String>>(
        from: SocketAddr,
        method: M,
        url: U,
        headers: Vec<(String, String)>,
        data: Vec<u8>,
    ) -> Request {
        fake(from, false, &method.into(), &url.into(), &headers, data)
    }

    /// Returns a request as [`fake_http`](Request::fake_http) does, with
    /// [`is_secure`](Request::is_secure) `true`.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// assert!(Request::fake_https("GET", "/", vec![], vec![]).is_secure());
    /// ```
    pub fn fake_https<U: Into<String>, M: Into<String>>(
        method: M,
        url: U,
        headers: Vec<(String, String)>,
        data: Vec<u8>,
    ) -> Request {
        Request::fake_https_from(fake_addr(), method, url, headers, data)
    }

    /// Returns a request as [`fake_https`](Request::fake_https) does, from another client address.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let from = ([192, 0, 2, 7], 40_000).into();
    /// let request = Request::fake_https_from(from, "GET", "/", vec![], vec![]);
    /// assert!(request.is_secure());
    /// ```
    pub fn fake_https_from<U: Into<String>, M: Into<String>>(
        from: SocketAddr,
        method: M,
        url: U,
        headers: Vec<(String, String)>,
        data: Vec<u8>,
    ) -> Request {
        fake(from, true, &method.into(), &url.into(), &headers, data)
    }
}

fn fake_addr() -> SocketAddr {
    ([127, 0, 0, 1], 12345).into()
}

fn fake(
    from: SocketAddr,
    secure: bool,
    method: &str,
    url: &str,
    headers: &[(String, String)],
    data: Vec<u8>,
) -> Request {
    let mut request = Request::blank();
    let parts = request.renew();
    parts.peer_addr = from;
    parts.secure = secure;
    parts.set_body(Box::new(Cursor::new(data)));
    let head = &mut parts.head;
    head.method = head.push(method);
    head.target = head.push(url);
    for (name, value) in headers {
        let (name, value) = (head.push(name), head.push(value));
        head.fields.push(Field { name, value });
    }
    request
}
