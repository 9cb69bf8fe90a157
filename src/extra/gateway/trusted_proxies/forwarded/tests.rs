//! Fields and the client they name. In the tables 10.0.0.0/8 and 127.0.0.1 are trusted, and the
//! peer is 10.0.0.1.

use super::*;
use crate::message::request::head::Field;

const PEER: &str = "10.0.0.1:1000";

fn head(fields: &[(&str, &str)]) -> Head {
    let mut head = Head::default();
    for (name, value) in fields {
        let (name, value) = (head.push(name), head.push(value));
        head.fields.push(Field { name, value });
    }
    head
}

fn trusted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10 || v4 == Ipv4Addr::LOCALHOST,
        IpAddr::V6(_) => false,
    }
}

fn ask(dialect: Dialect, fields: &[(&str, &str)]) -> (String, bool) {
    let client = client(&head(fields), dialect, PEER.parse().unwrap(), trusted);
    (client.address.to_string(), client.secure)
}

/// Values of `Forwarded` fields, and the client.
#[rustfmt::skip]
const FORWARDED: &[(&[&str], &str, bool)] = &[
    (&[], PEER, false),
    (&[""], PEER, false),
    (&[" , ,, "], PEER, false),
    (&["for=192.0.2.7"], "192.0.2.7:0", false),
    (&["FOR=192.0.2.7;Proto=HTTPS"], "192.0.2.7:0", true),
    (&["for=192.0.2.7;proto=http"], "192.0.2.7:0", false),
    (&["proto=https;by=203.0.113.43;for=192.0.2.7;host=a"], "192.0.2.7:0", true),
    (&["for=\"192.0.2.7\""], "192.0.2.7:0", false),
    (&["for=\"192.0.2.7:8080\""], "192.0.2.7:8080", false),
    (&["for=\"192.0.2.7:_port\""], "192.0.2.7:0", false),
    (&["for=\"[2001:db8::7]\""], "[2001:db8::7]:0", false),
    (&["for=\"[2001:db8::7]:8080\";proto=\"https\""], "[2001:db8::7]:8080", true),
    (&["for=\"[2001:DB8::7]:_p\""], "[2001:db8::7]:0", false),
    (&["for=\"[::ffff:192.0.2.7]:80\""], "192.0.2.7:80", false),
    (&[r#"for="\1\9\2.0.2\.7";proto="h\ttps""#], "192.0.2.7:0", true),
    (&["for=192.0.2.7 ; proto=https ;"], "192.0.2.7:0", true),
    (&[";;for=192.0.2.7;;"], "192.0.2.7:0", false),
    (&["for=192.0.2.7;secret=\"a, b; c\\\" d\\\\\""], "192.0.2.7:0", false),
    (&["for=192.0.2.7,"], "192.0.2.7:0", false),
    // From the end, while the proxy that appended the element is trusted.
    (&["for=192.0.2.8, for=192.0.2.7"], "192.0.2.7:0", false),
    (&["for=192.0.2.8,for=192.0.2.7"], "192.0.2.7:0", false),
    (&["for=192.0.2.8;proto=https, for=192.0.2.7;proto=http"], "192.0.2.7:0", false),
    (&["for=192.0.2.8;proto=http, for=192.0.2.7;proto=https"], "192.0.2.7:0", true),
    (&["for=192.0.2.8", "for=192.0.2.7"], "192.0.2.7:0", false),
    (&["for=192.0.2.7, for=10.0.0.2"], "192.0.2.7:0", false),
    (&["for=192.0.2.7;proto=https, for=10.0.0.2;proto=http"], "192.0.2.7:0", true),
    (&["for=192.0.2.7, for=10.0.0.2;proto=https"], "192.0.2.7:0", false),
    (&["for=192.0.2.8, for=192.0.2.7", "for=10.0.0.3 , for=10.0.0.2"], "192.0.2.7:0", false),
    (&["for=192.0.2.7, for=\"[::ffff:10.0.0.2]\""], "192.0.2.7:0", false),
    (&["for=10.0.0.3;proto=https, for=10.0.0.2"], "10.0.0.3:0", true),
    (&["for=192.0.2.7, for=\"10.0.0.2:99\", ,"], "192.0.2.7:0", false),
    // A hidden or missing address ends the search. The protocol of the same element counts.
    (&["for=unknown"], PEER, false),
    (&["for=192.0.2.7, for=unknown;proto=https"], PEER, true),
    (&["for=192.0.2.7, for=Unknown"], PEER, false),
    (&["for=192.0.2.7, for=_hidden;proto=https"], PEER, true),
    (&["for=192.0.2.7, for=\"_SEVKISEK.x-1:80\""], PEER, false),
    (&["for=192.0.2.7, for=\"unknown:_p\""], PEER, false),
    (&["for=192.0.2.7, proto=https"], PEER, true),
    (&["for=192.0.2.7, for=0.0.0.0;proto=https"], PEER, true),
    (&["for=192.0.2.7, for=\"[::]:1\""], PEER, false),
    (&["for=192.0.2.7, for=\"[::ffff:0.0.0.0]\""], PEER, false),
    (&["for=192.0.2.7, by=10.0.0.1"], PEER, false),
    (&["for=192.0.2.7, for=unknown, for=10.0.0.2;proto=https"], "10.0.0.2:0", false),
    // A malformed element ends the search. The element after it counts.
    (&["for=192.0.2.7, for"], PEER, false),
    (&["for=192.0.2.7, for=;proto=https"], PEER, false),
    (&["for=192.0.2.7, =192.0.2.8"], PEER, false),
    (&["for=192.0.2.7, for =192.0.2.8"], PEER, false),
    (&["for=192.0.2.7, for= 192.0.2.8"], PEER, false),
    (&["for=192.0.2.7, 192.0.2.8"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.8:80"], PEER, false),
    (&["for=192.0.2.7, for=[2001:db8::7]"], PEER, false),
    (&["for=192.0.2.7, for=\"2001:db8::7\""], PEER, false),
    (&["for=192.0.2.7, for=\"[2001:db8::7\""], PEER, false),
    (&["for=192.0.2.7, for=\"[2001:db8::7]80\""], PEER, false),
    (&["for=192.0.2.7, for=\"[192.0.2.8]\""], PEER, false),
    (&["for=192.0.2.7, for=\"[fe80::1%1]\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8:\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8:65536\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8:000080\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8:+80\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8:80:80\""], PEER, false),
    (&["for=192.0.2.7, for=\" 192.0.2.8\""], PEER, false),
    (&["for=192.0.2.7, for=192.0.2"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.08"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.256"], PEER, false),
    (&["for=192.0.2.7, for=0xc0000208"], PEER, false),
    (&["for=192.0.2.7, for=localhost"], PEER, false),
    (&["for=192.0.2.7, for=_"], PEER, false),
    (&["for=192.0.2.7, for=\"_hid den\""], PEER, false),
    (&["for=192.0.2.7, for=\"\""], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.8 192.0.2.9"], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8\"x"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.8;for=192.0.2.9"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.8;proto=http;proto=https"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.8;x"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.8;x=\"\x7f\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8"], PEER, false),
    (&["for=192.0.2.7, for=192.0.2.8\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8\\\""], PEER, false),
    (&["for=192.0.2.7, for=\"192.0.2.8\\"], PEER, false),
    (&["for=192.0.2.7, malformed, for=10.0.0.2;proto=https"], "10.0.0.2:0", true),
    // Of more bytes than characters.
    (&["f\u{f6}r=192.0.2.8", "for=192.0.2.7;x=\"\u{e9}\u{20ac}\""], "192.0.2.7:0", false),
    (&["for=\"\\\u{e9}\""], PEER, false),
];

/// Beginnings that a client may send. A beginning cannot hide the element that the proxy appends,
/// in the same field or in one of its own.
const BEGINNINGS: &[&str] = &[
    "",
    "for=203.0.113.1",
    "for=10.0.0.9",
    "for=127.0.0.1;proto=https",
    "for=\"203.0.113.1",
    "for=\"203.0.113.1\\",
    "for=\"203.0.113.1\\\\",
    "\"",
    "\\",
    "\\\"",
    "\"\\\"",
    "x=\"\\\",\"",
    "for=203.0.113.1,",
    "for=203.0.113.1;",
    "for=203.0.113.1;x=\"a, for=10.0.0.9",
    ",,,",
    "\u{e9}\"\u{e9}",
];

#[test]
fn forwarded_names_the_client() {
    for (values, address, secure) in FORWARDED {
        let fields: Vec<_> = values.iter().map(|value| ("forwarded", *value)).collect();
        let got = ask(Dialect::Forwarded, &fields);
        assert_eq!(got, ((*address).to_owned(), *secure), "{values:?}");
    }
}

#[test]
fn what_a_client_sent_does_not_swallow_what_its_proxy_appended() {
    let appended = [
        ("for=192.0.2.7;proto=http", "192.0.2.7:0"),
        ("for=\"192.0.2.7:80\"", "192.0.2.7:80"),
        ("proto=http;for=\"[2001:db8::7]:80\"", "[2001:db8::7]:80"),
        ("for=192.0.2.7;x=\"a\\\"b\\\\\"", "192.0.2.7:0"),
        ("for=192.0.2.7;x=\"a\\\\\\\"b,\"", "192.0.2.7:0"),
        ("for=192.0.2.7;proto=http, for=10.0.0.2", "192.0.2.7:0"),
    ];
    for begin in BEGINNINGS {
        for (appended, want) in appended {
            let want = (want.to_owned(), false);
            let line = format!("{begin}, {appended}");
            let got = ask(Dialect::Forwarded, &[("Forwarded", &line)]);
            assert_eq!(got, want, "{line:?}");
            let fields = [("Forwarded", *begin), ("Forwarded", appended)];
            assert_eq!(ask(Dialect::Forwarded, &fields), want, "{fields:?}");
        }
        for want in ["192.0.2.7:0", "192.0.2.7:80", "[2001:db8::7]:80"] {
            let line = format!("{begin}, {}", want.trim_end_matches(":0"));
            let got = ask(Dialect::XForwarded, &[("X-Forwarded-For", &line)]);
            assert_eq!(got, (want.to_owned(), false), "{line:?}");
        }
    }
}

/// Values of `X-Forwarded-For`, of `X-Forwarded-Proto`, and the client.
#[rustfmt::skip]
const X_FORWARDED: &[(&[&str], &[&str], &str, bool)] = &[
    (&[], &[], PEER, false),
    (&[], &["https"], PEER, true),
    (&[""], &["http"], PEER, false),
    (&["192.0.2.7"], &[], "192.0.2.7:0", false),
    (&["192.0.2.7"], &["https"], "192.0.2.7:0", true),
    (&["192.0.2.7"], &["HTTPS "], "192.0.2.7:0", true),
    (&["192.0.2.7"], &["wss"], "192.0.2.7:0", true),
    (&["192.0.2.7"], &["ws"], "192.0.2.7:0", false),
    (&["192.0.2.7"], &["https2"], "192.0.2.7:0", false),
    (&["192.0.2.7:8080"], &[], "192.0.2.7:8080", false),
    (&["2001:db8::7"], &[], "[2001:db8::7]:0", false),
    (&["[2001:db8::7]"], &[], "[2001:db8::7]:0", false),
    (&["[2001:db8::7]:8080"], &[], "[2001:db8::7]:8080", false),
    (&["::ffff:192.0.2.7"], &[], "192.0.2.7:0", false),
    (&["\t192.0.2.8 ,\t192.0.2.7 "], &[], "192.0.2.7:0", false),
    (&["192.0.2.8,192.0.2.7,"], &[], "192.0.2.7:0", false),
    (&["192.0.2.8", "192.0.2.7"], &[], "192.0.2.7:0", false),
    (&["192.0.2.7, 10.0.0.2"], &[], "192.0.2.7:0", false),
    (&["192.0.2.7, ::ffff:10.0.0.2"], &[], "192.0.2.7:0", false),
    (&["192.0.2.8, 192.0.2.7", "127.0.0.1, 10.0.0.2"], &[], "192.0.2.7:0", false),
    (&["10.0.0.3, 10.0.0.2"], &["https"], "10.0.0.3:0", true),
    // As far from the end as the client, or the first one.
    (&["192.0.2.7"], &["https, http"], "192.0.2.7:0", false),
    (&["192.0.2.7"], &["http, https"], "192.0.2.7:0", true),
    (&["192.0.2.7"], &["http", "https"], "192.0.2.7:0", true),
    (&["192.0.2.7, 10.0.0.2"], &["https, http"], "192.0.2.7:0", true),
    (&["192.0.2.7, 10.0.0.2"], &["https"], "192.0.2.7:0", true),
    (&["192.0.2.7, 10.0.0.2"], &["https, http, http"], "192.0.2.7:0", false),
    (&["192.0.2.8, 192.0.2.7, 10.0.0.2"], &["http, https, http"], "192.0.2.7:0", true),
    (&["10.0.0.2, 192.0.2.7"], &["https, http"], "192.0.2.7:0", false),
    // A malformed or hidden address ends the search.
    (&["192.0.2.7, unknown"], &["https"], PEER, true),
    (&["192.0.2.7, _hidden"], &[], PEER, false),
    (&["192.0.2.7, 0.0.0.0"], &[], PEER, false),
    (&["192.0.2.7, ::"], &[], PEER, false),
    (&["192.0.2.7, [::]:1"], &[], PEER, false),
    (&["192.0.2.7, for=192.0.2.8"], &[], PEER, false),
    (&["192.0.2.7, \"192.0.2.8\""], &[], PEER, false),
    (&["192.0.2.7, 192.0.2.8 192.0.2.9"], &[], PEER, false),
    (&["192.0.2.7, 192.0.2.8:"], &[], PEER, false),
    (&["192.0.2.7, 192.0.2.8:99999"], &[], PEER, false),
    (&["192.0.2.7, 192.0.2"], &[], PEER, false),
    (&["192.0.2.7, 192.0.2.010"], &[], PEER, false),
    (&["192.0.2.7, 3221225992"], &[], PEER, false),
    (&["192.0.2.7, fe80::1%eth0"], &[], PEER, false),
    (&["192.0.2.7, 2001:db8::7::1"], &[], PEER, false),
    (&["192.0.2.7, localhost, 10.0.0.2"], &["https, http"], "10.0.0.2:0", false),
    (&["192.0.2.7, \""], &[], PEER, false),
];

#[test]
fn x_forwarded_names_the_client() {
    for (values, protocols, address, secure) in X_FORWARDED {
        let of = |name: &'static str| move |value: &&'static str| (name, *value);
        let fields = values.iter().map(of("x-forwarded-for"));
        let fields = fields.chain(protocols.iter().map(of("X-Forwarded-PROTO")));
        let got = ask(Dialect::XForwarded, &fields.collect::<Vec<_>>());
        let want = ((*address).to_owned(), *secure);
        assert_eq!(got, want, "{values:?} {protocols:?}");
    }
}

#[test]
fn a_value_longer_than_any_address_is_malformed() {
    let long = "a".repeat(MAX_VALUE_BYTES + 1);
    for (value, want) in [
        (format!("for=\"{long}\""), PEER),
        (format!("for={long}"), PEER),
        (format!("for=\"_{long}\""), PEER),
        (format!("for=192.0.2.7;proto=\"{long}\""), "192.0.2.7:0"),
        (format!("for=192.0.2.7;x={long}"), "192.0.2.7:0"),
    ] {
        let got = ask(Dialect::Forwarded, &[("Forwarded", &value)]);
        assert_eq!(got, (want.to_owned(), false), "{value}");
    }
}

#[test]
fn the_fields_of_the_other_dialect_are_ignored() {
    let fields = [
        ("Forwarded", "for=192.0.2.7;proto=https"),
        ("X-Forwarded-For", "192.0.2.8"),
        ("X-Forwarded-Proto", "http"),
        ("X-Real-IP", "192.0.2.9"),
    ];
    let got = ask(Dialect::Forwarded, &fields);
    assert_eq!(got, ("192.0.2.7:0".to_owned(), true));
    let got = ask(Dialect::XForwarded, &fields);
    assert_eq!(got, ("192.0.2.8:0".to_owned(), false));
}

/// A well-formed element at the end counts, with any bytes before it.
#[test]
fn no_list_is_too_odd() {
    let mut random = crate::wire::tests::Random::seeded(7239);
    let sample = "for=10.0.0.9;x=\"a\\\"b, c\";proto=https, for=\"[2001:db8::1]:80\"";
    for _ in 0..20_000 {
        let bytes = random.mutate(sample.as_bytes());
        let odd: String = bytes.into_iter().map(char::from).collect();
        for dialect in [Dialect::Forwarded, Dialect::XForwarded] {
            ask(dialect, &[("Forwarded", &odd), ("X-Forwarded-For", &odd)]);
        }
        let line = format!("{odd}, for=\"192.0.2.7:80\"");
        let got = ask(Dialect::Forwarded, &[("Forwarded", &line)]);
        assert_eq!(got, ("192.0.2.7:80".to_owned(), false), "{line:?}");
    }
}
