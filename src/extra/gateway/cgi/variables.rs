//! The environment of a program (RFC 3875 §4).
//!
//! A client chooses the path, the values and many names of a request. The module ensures that no
//! name becomes a variable of another meaning.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use crate::extra::gateway::request::{same_name, HopByHop};
use crate::message::syntax::percent;
use crate::Request;

/// All variables that describe a request or its client, including those that this module does not
/// set.
const CGI_VARIABLES: [&str; 22] = [
    "AUTH_TYPE",
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "GATEWAY_INTERFACE",
    "HTTPS",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_IDENT",
    "REMOTE_PORT",
    "REMOTE_USER",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SCRIPT_NAME",
    "SERVER_ADDR",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
];
const FIELD_PREFIX: &str = "HTTP_";

/// The fields without a `HTTP_` variable, besides hop-by-hop fields. Authorization is a secret.
/// Content-Type has a variable of its own. The server meets Expect itself. Programs take
/// `HTTP_PROXY` for the proxy to use.
const OMITTED_FIELDS: [&str; 4] = ["Authorization", "Content-Type", "Expect", "Proxy"];

/// Sets the environment. Returns false if the path contains a NUL.
#[must_use]
pub(crate) fn set_environment(
    command: &mut Command,
    request: &Request,
    length: Option<u64>,
) -> bool {
    let chosen: Vec<OsString> = command.get_envs().map(|(name, _)| name.into()).collect();
    let is_chosen = |name: &OsStr| chosen.iter().any(|chosen| chosen == name);
    let inherited = env::vars_os().map(|(name, _)| name);
    let fields = inherited.filter(|name| name.to_string_lossy().starts_with(FIELD_PREFIX));
    for name in fields.chain(CGI_VARIABLES.iter().map(OsString::from)) {
        if !is_chosen(&name) {
            command.env_remove(name);
        }
    }
    let variables = match variables(request, length) {
        Some(variables) => variables,
        None => return false,
    };
    for (name, value) in variables {
        if !is_chosen(OsStr::new(&name)) {
            command.env(name, value);
        }
    }
    true
}

fn variables(request: &Request, length: Option<u64>) -> Option<BTreeMap<String, OsString>> {
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: &dyn AsRef<OsStr>| {
        all.insert(name.to_owned(), value.as_ref().to_owned());
    };
    let target = request.head().target();
    // The raw URL is the target without its removed prefix.
    let prefix = &target[..target.len() - request.raw_url().len()];
    set("GATEWAY_INTERFACE", &"CGI/1.1");
    set(
        "SERVER_SOFTWARE",
        &concat!("millpond/", env!("CARGO_PKG_VERSION")),
    );
    set("SERVER_PROTOCOL", &request.head().version.to_string());
    set("REQUEST_METHOD", &request.method());
    set("SCRIPT_NAME", &path(prefix)?);
    set("PATH_INFO", &path(request.raw_path())?);
    set("QUERY_STRING", &request.raw_query_string());
    set("REQUEST_URI", &target);
    if let Some(length) = length {
        set("CONTENT_LENGTH", &length.to_string());
    }
    if let Some(content_type) = request.header("Content-Type") {
        set("CONTENT_TYPE", &content_type);
    }
    let client = request.remote_addr();
    set("REMOTE_ADDR", &client.ip().to_string());
    if client.port() != 0 {
        set("REMOTE_PORT", &client.port().to_string());
    }
    if request.is_secure() {
        set("HTTPS", &"on");
    }
    let (name, port) = server(request.header("Host").unwrap_or_default());
    let usual = if request.is_secure() { "443" } else { "80" };
    set("SERVER_NAME", &name.unwrap_or("localhost"));
    set("SERVER_PORT", &port.unwrap_or(usual));
    for (name, value) in fields(request) {
        set(&name, &value);
    }
    Some(all)
}

/// Returns a decoded path (RFC 3875 §4.1.5), or `None` if it contains a NUL, which ends a variable.
fn path(text: &str) -> Option<OsString> {
    let bytes = percent::bytes(text).collect::<Vec<u8>>();
    if bytes.contains(&0) {
        return None;
    }
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStringExt::from_vec(bytes));
    #[cfg(not(unix))]
    return Some(String::from_utf8_lossy(&bytes).into_owned().into());
}

/// Splits `uri-host [ ":" port ]`. An IPv6 address has brackets.
fn server(host: &str) -> (Option<&str>, Option<&str>) {
    let digits = |port: &&str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port).filter(digits)),
        _ => (host, None),
    };
    (Some(name).filter(|name| !name.is_empty()), port)
}

/// Returns the `HTTP_` variables. RFC 3875 §4.1.18: upper case, and `_` for `-`.
fn fields(request: &Request) -> BTreeMap<String, String> {
    let hop_by_hop = HopByHop::of(request.headers());
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in request.headers() {
        // `X_Role` would look like `X-Role`. Shells cannot read variables with other characters.
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain
            || hop_by_hop.has(name)
            || OMITTED_FIELDS.iter().any(|known| same_name(name, known))
        {
            continue;
        }
        let variable = format!(
            "{FIELD_PREFIX}{}",
            name.to_ascii_uppercase().replace('-', "_")
        );
        let separator = if variable == "HTTP_COOKIE" {
            "; "
        } else {
            ", "
        };
        match all.get_mut(&variable) {
            Some(values) => values.extend([separator, value]),
            None => drop(all.insert(variable, value.to_owned())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(request: &Request, length: Option<u64>) -> BTreeMap<String, String> {
        let all = variables(request, length).expect("a path without a NUL");
        let text = |value: OsString| value.into_string().expect("text");
        all.into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect()
    }

    fn headers(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn variables_are_as_in_rfc_3875() {
        let fields = headers(&[
            ("Host", "a.example:8080"),
            ("Content-Type", "text/plain"),
            ("Content-Length", "4"),
            ("Accept", "a/b"),
            ("accept", "c/d"),
            ("Cookie", "a=b"),
            ("Cookie", "c=d"),
        ]);
        let from = ([192, 0, 2, 7], 1234).into();
        let url = "/git/a%20b%2fc?x=%20y";
        let request = Request::fake_https_from(from, "POST", url, fields, b"body".to_vec());
        let request = request.remove_prefix("/git").unwrap();
        let software = format!("millpond/{}", env!("CARGO_PKG_VERSION"));
        let want = [
            ("CONTENT_LENGTH", "4"),
            ("CONTENT_TYPE", "text/plain"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("HTTPS", "on"),
            ("HTTP_ACCEPT", "a/b, c/d"),
            ("HTTP_COOKIE", "a=b; c=d"),
            ("HTTP_HOST", "a.example:8080"),
            ("PATH_INFO", "/a b/c"),
            ("QUERY_STRING", "x=%20y"),
            ("REMOTE_ADDR", "192.0.2.7"),
            ("REMOTE_PORT", "1234"),
            ("REQUEST_METHOD", "POST"),
            ("REQUEST_URI", url),
            ("SCRIPT_NAME", "/git"),
            ("SERVER_NAME", "a.example"),
            ("SERVER_PORT", "8080"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_SOFTWARE", &software),
        ];
        let got = environment(&request, Some(4));
        let got: Vec<(&str, &str)> = got.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn no_field_becomes_a_variable_of_another_meaning() {
        let fields = headers(&[
            ("Proxy", "http://evil"),
            ("PROXY", "http://evil"),
            ("Authorization", "Basic x"),
            ("Proxy-Authorization", "Basic x"),
            ("X_Role", "admin"),
            ("X.Role", "admin"),
            ("X'Role", "admin"),
            ("Connection", "close, X-Hop"),
            ("X-Hop", "y"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "z"),
            ("Expect", "100-continue"),
            ("Content_Length", "5"),
            ("X-Role", "user"),
        ]);
        let request = Request::fake_http("GET", "/", fields, vec![]);
        let got = environment(&request, None);
        let of_fields = got.iter().filter(|(name, _)| name.starts_with("HTTP_"));
        let of_fields: Vec<_> = of_fields.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(of_fields, [("HTTP_X_ROLE", "user")]);
        for name in ["CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS"] {
            assert!(!got.contains_key(name), "{name}");
        }
        assert_eq!(got["SERVER_NAME"], "localhost");
        assert_eq!(got["SERVER_PORT"], "80");
    }

    #[test]
    fn hosts_are_split() {
        for (host, want) in [
            ("a", (Some("a"), None)),
            ("a:81", (Some("a"), Some("81"))),
            ("a:", (Some("a"), None)),
            ("a:x", (Some("a"), None)),
            ("[::1]", (Some("[::1]"), None)),
            ("[::1]:81", (Some("[::1]"), Some("81"))),
            ("", (None, None)),
            (":81", (None, Some("81"))),
        ] {
            assert_eq!(server(host), want, "{host}");
        }
    }

    #[test]
    fn a_path_with_a_nul_has_no_environment() {
        for (url, fits) in [("/a%00b", false), ("/a%0ab", true), ("/a?b=%00", true)] {
            let request = Request::fake_http("GET", url, vec![], vec![]);
            assert_eq!(variables(&request, None).is_some(), fits, "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_passed_to_the_byte() {
        use std::os::unix::ffi::OsStrExt;
        let request = Request::fake_http("GET", "/%ff%C3%A9", vec![], vec![]);
        let all = variables(&request, None).unwrap();
        assert_eq!(all["PATH_INFO"].as_bytes(), b"/\xff\xc3\xa9");
    }

    #[test]
    fn variables_of_the_command_stay_and_inherited_ones_are_removed() {
        let mut command = Command::new("x");
        command
            .env("REMOTE_USER", "ann")
            .env("HTTP_ACCEPT", "mine")
            .env("SCRIPT_NAME", "/s");
        let fields = headers(&[("Accept", "theirs"), ("Remote-User", "eve")]);
        let request = Request::fake_http("GET", "/", fields, vec![]);
        assert!(set_environment(&mut command, &request, None));
        let all: BTreeMap<_, _> = command.get_envs().collect();
        let of = |name: &str| all.get(OsStr::new(name)).copied();
        assert_eq!(of("REMOTE_USER"), Some(Some(OsStr::new("ann"))));
        assert_eq!(of("HTTP_ACCEPT"), Some(Some(OsStr::new("mine"))));
        assert_eq!(of("SCRIPT_NAME"), Some(Some(OsStr::new("/s"))));
        assert_eq!(of("HTTP_REMOTE_USER"), Some(Some(OsStr::new("eve"))));
        // Removed, even if this process has them.
        for name in ["AUTH_TYPE", "CONTENT_LENGTH", "HTTPS", "REMOTE_IDENT"] {
            assert_eq!(of(name), Some(None), "{name}");
        }
        assert_eq!(of("PATH"), None);
    }
}
