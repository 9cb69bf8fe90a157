//! The id of a client, the cookie of a response, and the uniqueness of ids.

use super::*;
use std::collections::HashSet;
use std::thread;

const SID: &str = "0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ00";

fn sending(cookies: &[&str]) -> Request {
    Request::fake_http("GET", "/", fields(cookies), vec![])
}

fn fields(cookies: &[&str]) -> Vec<(String, String)> {
    let field = |value: &&str| ("cookie".to_owned(), (*value).to_owned());
    cookies.iter().map(field).collect()
}

/// Returns the values of the `Set-Cookie` fields.
fn set(response: &Response) -> Vec<&str> {
    let fields = response.headers.iter();
    let set = fields.filter(|(name, _)| name == "Set-Cookie");
    set.map(|(_, value)| &**value).collect()
}

#[test]
fn a_valid_id_of_the_client_is_used() {
    let other = SID.replace('0', "1");
    let table: &[(&[&str], bool)] = &[
        (&["SID={}"], true),
        (&["a=b; SID={} ; c=d"], true),
        (&["SID=\"{}\""], true),
        (&["a=b", "SID={}"], true),
        (&["SID={}; SID={}"], true),
        (&["SID=x; SID={}"], true),
        (&[], false),
        (&["SID="], false),
        (&["SID"], false),
        (&["SID=1"], false),
        (&["SID={}0"], false),
        (&["SID={};SID=[]"], false),
        (&["SID=[]", "SID={}"], false),
        (&["sid={}"], false),
        (&["SIDE={}"], false),
        (&["SID=-{}"], false),
        (&["SID={} {}"], false),
    ];
    for (cookies, has) in table {
        let fill = |cookie: &&str| cookie.replace("{}", SID).replace("[]", &other);
        let cookies: Vec<String> = cookies.iter().map(fill).collect();
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
        let request = sending(&cookies);
        session(&request, "SID", 60, |session| {
            assert_eq!(session.client_has_sid(), *has, "{cookies:?}");
            assert_eq!(session.id() == SID, *has, "{cookies:?}");
            assert!(is_id(session.id()));
            Response::empty_204()
        });
    }
    // The right length in bytes, but not ASCII.
    let foreign = SID.replace("00", "\u{e9}");
    assert_eq!(foreign.len(), ID_CHARS);
    for wrong in [&foreign[..], &SID[1..], &SID.replace('a', "-")] {
        assert!(!is_id(wrong), "{wrong}");
    }
}

#[test]
fn the_cookie_is_sent_if_the_id_was_used() {
    let cookie = format!("SID={SID}");
    let request = sending(&[&cookie]);
    let unused = session(&request, "SID", 60, |_| Response::text(""));
    assert_eq!(set(&unused), [""; 0]);

    let want = format!("{cookie}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax");
    let used = session(&request, "SID", 60, |session| Response::text(session.id()));
    assert_eq!(set(&used), [want.as_str()]);

    let secure = Request::fake_https("GET", "/", fields(&[&cookie]), vec![]);
    let used = session(&secure, "SID", 60, |session| Response::text(session.id()));
    assert_eq!(set(&used), [format!("{want}; Secure")]);
}

#[test]
fn a_new_client_gets_the_id_that_the_handler_used() {
    let mut seen = String::new();
    let response = session(&sending(&["SID=made-up"]), "SID", u64::MAX, |session| {
        seen = session.id().to_owned();
        assert_eq!(session.id(), seen, "the id does not change");
        Response::empty_204()
    });
    let cookie = format!("SID={seen}; Max-Age={}; ", u64::MAX);
    assert!(set(&response)[0].starts_with(&cookie));
}

#[test]
fn a_regenerated_id_is_new_and_is_sent_to_the_client() {
    let request = sending(&[&format!("SID={SID}")]);
    let mut ids = Vec::new();
    let response = session(&request, "SID", 60, |session| {
        ids.push(session.id().to_owned());
        session.regenerate_id();
        ids.push(session.id().to_owned());
        session.regenerate_id();
        ids.push(session.id().to_owned());
        Response::empty_204()
    });
    assert_eq!(ids[0], SID);
    assert!(ids[1] != SID && is_id(&ids[1]));
    assert_eq!(ids[2], ids[1]);
    assert!(set(&response)[0].starts_with(&format!("SID={};", ids[1])));
    // Also if the program does not read the new id: the old id must not stay valid.
    let unread = session(&request, "SID", 60, |session| {
        session.regenerate_id();
        Response::empty_204()
    });
    assert_eq!(set(&unread).len(), 1);
    assert!(!set(&unread)[0].contains(SID));
}

#[test]
fn a_cookie_of_the_handler_is_kept() {
    let request = sending(&[&format!("SID={SID}")]);
    let answer = |own: &'static str| {
        let response = session(&request, "SID", 60, |session| {
            Response::text(session.id()).with_additional_header("Set-Cookie", own)
        });
        set(&response).len()
    };
    assert_eq!(answer("SID=; Max-Age=0"), 1);
    assert_eq!(answer("SID =x"), 1);
    assert_eq!(answer("SIDE=x"), 2);
    assert_eq!(answer("sid=x"), 2);
    assert_eq!(answer("a=SID"), 2);
}

#[test]
fn ids_are_all_different_and_use_every_digit() {
    let make = || (0..500).map(|_| generate_session_id()).collect::<Vec<_>>();
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(make)).collect();
    let mut ids = make();
    ids.extend(
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap()),
    );
    assert!(ids.iter().all(|id| is_id(id)));
    for position in 0..ID_CHARS {
        let digits: HashSet<u8> = ids.iter().map(|id| id.as_bytes()[position]).collect();
        assert_eq!(digits.len(), 16, "at {position}");
    }
    let count = ids.len();
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), count);
}

/// The source for other systems than Unix: no two ids are equal, and each bit changes.
#[test]
fn hashed_ids_are_all_different_and_use_every_bit() {
    let make = || {
        let ids = (0..500).map(|_| hashed::random::<32>().unwrap());
        ids.collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(make)).collect();
    let mut ids = make();
    ids.extend(
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap()),
    );
    let mut words = HashSet::new();
    let mut ones = [0; 256];
    for id in &ids {
        words.extend(id.chunks(8));
        for (bit, ones) in ones.iter_mut().enumerate() {
            *ones += usize::from(id[bit / 8] >> (bit % 8) & 1);
        }
    }
    assert_eq!(words.len(), ids.len() * 4);
    // A fair coin exceeds this bound once in 10^40 runs.
    let half = ids.len() / 2;
    let far = ones
        .iter()
        .filter(|&&ones| ones.abs_diff(half) > half * 3 / 10);
    assert_eq!(far.count(), 0, "{ones:?}");
    assert!(hashed::random::<5>().unwrap() != [0; 5]);
}

/// The signatures of rouille.
#[test]
fn compat() {
    type Inner<'r> = fn(&Session<'r>) -> Response;
    fn of<'r>(_: &'r Request) {
        let _: fn(&'r Request, &str, u64, Inner<'r>) -> Response = session;
        let _: fn(&Session<'r>) -> bool = Session::client_has_sid;
        let _: for<'s> fn(&'s Session<'r>) -> &'s str = Session::id;
        fn is_shared<T: Send + Sync>() {}
        is_shared::<Session<'r>>();
    }
    of(&sending(&[]));
    let _: fn() -> String = generate_session_id;
}
