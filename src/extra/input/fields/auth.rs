//! Basic authentication (RFC 7617): the login and the password that a browser asked its user for.

use crate::message::Request;
use crate::util::base64;
use std::fmt;

/// A login and a password, as [`basic_http_auth`] read them.
///
/// Printed with `{:?}` it hides the password, so that no log holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAuthCredentials {
    /// Who the client says it is.
    pub login: String,
    /// What it has to show for it.
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

/// The login and the password that the client sent (RFC 7617), if it sent some.
///
/// `None` without the field, for another scheme, and for what is not well-formed: Base64 without
/// its padding or with blanks in it, no UTF-8, no colon, control characters. So it is for several
/// `Authorization` fields, of which a proxy in front might have checked another. Answer it with
/// [`Response::basic_http_auth_login_required`](crate::Response::basic_http_auth_login_required),
/// and wrong credentials too, so that the browser asks again.
///
/// They cross the network as they are: use it behind TLS alone. Nothing here slows down who tries
/// one password after the other.
///
/// # Example: a comparison that tells nothing
///
/// `==` on strings returns at the first byte that differs, and a client that measures this well
/// enough finds a secret byte by byte. Compare hashes under a key that nobody knows first: where
/// these differ, as they do for every wrong guess, the time says nothing about the secret but its
/// length.
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
///         // `&` and not `&&`: whether the login was right is nobody's business either.
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

/// `credentials = "Basic" 1*SP token68`, which is Base64 of `user-id ":" password`.
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
    fn what_is_not_well_formed_is_nobody() {
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
