//! Basic authentication (RFC 7617): the login and the password of a user.

use crate::message::Request;
use crate::util::base64;
use std::fmt;

/// A login and a password, returned by [`basic_http_auth`].
///
/// `{:?}` hides the password, so that the password does not appear in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAuthCredentials {
    /// The login. The client may send any text.
    pub login: String,
    /// The password. Compare in constant time: see [`basic_http_auth`].
    pub password: String,
}

impl fmt::Debug for HttpAuthCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAuthCredentials")
            .field("login", &self.login)
            .field("password", &format_args!("_"))
            .finish()
    }
}

/// Returns the login and the password in the `Authorization` field (RFC 7617).
///
/// Returns `None` if the field is missing, has another scheme, or is malformed: Base64 without
/// padding or with blanks, invalid UTF-8, no colon, or a control character. Several `Authorization`
/// fields also give `None`, because a proxy could have checked another one. For `None` and for
/// wrong credentials, respond with
/// [`Response::basic_http_auth_login_required`](crate::Response::basic_http_auth_login_required),
/// so that the browser asks its user again.
///
/// Credentials are sent without encryption: use Basic authentication only behind TLS. The function
/// does not limit the number of attempts.
///
/// # Example: a comparison in constant time
///
/// `==` on strings returns at the first byte that differs. From the exact time, a client can find a
/// secret byte by byte. Compare hashes with a random key first. For a wrong password the hashes
/// differ, and the time then depends only on the length of the secret.
///
/// ```
/// use millpond::{input, Request, Response};
/// use std::collections::hash_map::RandomState;
/// use std::hash::{BuildHasher, Hash, Hasher};
///
/// fn same(one: &str, other: &str) -> bool {
///     let key = RandomState::new();
///     let hash = |text: &str| {
///         let mut hasher = key.build_hasher();
///         text.hash(&mut hasher);
///         hasher.finish()
///     };
///     hash(one) == hash(other) && one == other
/// }
///
/// fn handle(request: &Request, password: &str) -> Response {
///     match input::basic_http_auth(request) {
///         // `&` and not `&&`: the time must not show whether the login was right.
///         Some(auth) if same(&auth.login, "admin") & same(&auth.password, password) => {
///             Response::text("welcome")
///         }
///         _ => Response::basic_http_auth_login_required("the back office"),
///     }
/// }
///
/// let said = |field: &str| {
///     let headers = vec![("Authorization".into(), field.into())];
///     handle(&Request::fake_http("GET", "/", headers, vec![]), "tea").status_code
/// };
/// assert_eq!(said("Basic YWRtaW46dGVh"), 200);
/// assert_eq!(said("Basic YWRtaW46Y29mZmVl"), 401);
/// ```
pub fn basic_http_auth(request: &Request) -> Option<HttpAuthCredentials> {
    let mut fields = request
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Authorization"));
    let (_, value) = fields.next()?;
    match fields.next() {
        Some(_) => None,
        None => credentials(value),
    }
}

/// Parses `credentials = "Basic" 1*SP token68`. The token is Base64 of `user-id ":" password`.
fn credentials(value: &str) -> Option<HttpAuthCredentials> {
    let (scheme, encoded) = value.split_once(' ')?;
    // RFC 9110 §11.1: the scheme ignores case.
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = base64::decode(encoded.trim_matches(' '))?;
    let text = String::from_utf8(text).ok()?;
    // RFC 7617 §2: neither has control characters, and the user-id has no colon.
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let (login, password) = text.split_once(':')?;
    Some(HttpAuthCredentials {
        login: login.to_owned(),
        password: password.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[&str]) -> Option<(String, String)> {
        let field = |value: &&str| ("authorization".to_owned(), (*value).to_owned());
        let fields = fields.iter().map(field).collect();
        let request = Request::fake_http("GET", "/", fields, vec![]);
        basic_http_auth(&request).map(|auth| (auth.login, auth.password))
    }

    #[test]
    fn a_login_and_a_password_are_read() {
        for (field, login, password) in [
            // RFC 7617 §2 and §2.1.
            (
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                "Aladdin",
                "open sesame",
            ),
            ("Basic dGVzdDoxMjPCow==", "test", "123\u{a3}"),
            ("bASIC   YTpi", "a", "b"),
            ("Basic YTpiOmM=", "a", "b:c"),
            ("Basic Og==", "", ""),
            ("Basic YTo=", "a", ""),
            ("Basic OmI=", "", "b"),
        ] {
            let want = Some((login.to_owned(), password.to_owned()));
            assert_eq!(read(&[field]), want, "{field}");
        }
    }

    #[test]
    fn a_malformed_field_is_none() {
        for fields in [
            &[][..],
            &[""],
            &["Basic"],
            &["Basic "],
            &["BasicYTpi"],
            &["Basic\tYTpi"],
            &["Digest YTpi"],
            &["Bearer YTpi"],
            &["hello world"],
            &["Basic \0\0"],
            // a, without a colon; Base64 without padding, with blanks, with a bit too many.
            &["Basic YQ=="],
            &["Basic YTo"],
            &["Basic YT pi"],
            &["Basic YTpi YTpi"],
            &["Basic YTp="],
            &["Basic YTpi,"],
            // a:\xff, a:\n, a:\0, \x7f:a
            &["Basic YTr/"],
            &["Basic YToK"],
            &["Basic YToA"],
            &["Basic fzph"],
            &["Basic YTpi", "Basic YTpi"],
            &["Basic YTpi", "Bearer x"],
        ] {
            assert_eq!(read(fields), None, "{fields:?}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let auth = HttpAuthCredentials {
            login: "Ann".to_owned(),
            password: "secret".to_owned(),
        };
        let printed = format!("{auth:?} {auth:#?}");
        assert!(printed.contains("Ann") && !printed.contains("secret"));
    }
}
