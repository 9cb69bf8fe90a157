//! The addresses that a prefix contains, and texts that are no prefix.

use super::*;

fn trusts(prefixes: &[&str], address: &str) -> bool {
    let proxies = Proxies::new(prefixes).expect("addresses and prefixes");
    proxies.trusts(address.parse().expect("an address"))
}

#[test]
fn a_prefix_contains_its_addresses_and_no_others() {
    for (prefix, has, has_not) in [
        (
            "127.0.0.1",
            &["127.0.0.1", "::ffff:127.0.0.1"][..],
            &["127.0.0.2", "::1", "::127.0.0.1"][..],
        ),
        (
            "::1",
            &["::1"],
            &["::2", "0.0.0.1", "127.0.0.1", "::ffff:0.0.0.1"],
        ),
        (
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            &["9.255.255.255", "11.0.0.0", "a00::", "::10.0.0.1"],
        ),
        (
            "192.0.2.128/25",
            &["192.0.2.128", "192.0.2.255"],
            &["192.0.2.127", "192.0.3.0"],
        ),
        ("192.0.2.7/32", &["192.0.2.7"], &["192.0.2.6", "192.0.2.8"]),
        (
            "128.0.0.0/1",
            &["128.0.0.0", "255.255.255.255"],
            &["127.255.255.255", "8000::"],
        ),
        (
            "0.0.0.0/0",
            &["0.0.0.1", "255.255.255.255", "::ffff:192.0.2.1"],
            &["::", "::1"],
        ),
        ("::/0", &["::", "ffff::"], &["0.0.0.0", "::ffff:192.0.2.1"]),
        (
            "2001:db8::/32",
            &["2001:db8::", "2001:db8:ffff::1"],
            &["2001:db9::", "2001:db7:ffff::"],
        ),
        ("fd00::/8", &["fdff::1"], &["fc00::1", "fe00::"]),
        ("2001:db8::7/128", &["2001:db8::7"], &["2001:db8::6"]),
        (
            "2001:db8::4/127",
            &["2001:db8::4", "2001:db8::5"],
            &["2001:db8::6"],
        ),
        (
            "::ffff:10.0.0.0/104",
            &["10.1.2.3", "::ffff:10.1.2.3"],
            &["11.0.0.0"],
        ),
        ("::ffff:0.0.0.0/96", &["0.0.0.1", "192.0.2.1"], &["::"]),
        ("::ffff:192.0.2.1", &["192.0.2.1"], &["192.0.2.2"]),
    ] {
        for address in has {
            assert!(trusts(&[prefix], address), "{address} in {prefix}");
            assert!(
                trusts(&["192.0.2.99", prefix], address),
                "{address} in {prefix}"
            );
        }
        for address in has_not {
            assert!(!trusts(&[prefix], address), "{address} not in {prefix}");
        }
    }
    assert!(!trusts(&[], "127.0.0.1"));
}

#[test]
fn a_unix_peer_is_trusted_by_that_name_alone() {
    let unix = unix_peer().ip().to_string();
    assert!(trusts(&["unix"], &unix));
    assert!(trusts(&["10.0.0.0/8", "unix", "::1"], &unix));
    assert!(!trusts(&["0.0.0.0/0", "::/0", "0.0.0.0"], &unix));
    assert!(!trusts(&["unix"], "127.0.0.1"));
}

#[test]
fn rejects_text_that_is_no_prefix() {
    for (text, why) in [
        ("", "expected an IP address"),
        ("localhost", "expected an IP address"),
        ("UNIX", "expected an IP address"),
        ("unix:/run/a.sock", "expected an IP address"),
        ("127.0.0.1:80", "expected an IP address"),
        ("[::1]", "expected an IP address"),
        ("127.0.0", "expected an IP address"),
        ("127.0.0.01", "expected an IP address"),
        (" 127.0.0.1", "expected an IP address"),
        ("fe80::1%1", "expected an IP address"),
        ("10.0.0.0/", "invalid prefix length"),
        ("10.0.0.0/33", "invalid prefix length"),
        ("10.0.0.0/+8", "invalid prefix length"),
        ("10.0.0.0/-8", "invalid prefix length"),
        ("10.0.0.0/ 8", "invalid prefix length"),
        ("10.0.0.0/255.0.0.0", "invalid prefix length"),
        ("10.0.0.0/8/8", "invalid prefix length"),
        ("::/129", "invalid prefix length"),
        ("::/99999999999", "invalid prefix length"),
        ("10.0.0.1/8", "bits set after the prefix"),
        ("10.0.0.1/31", "bits set after the prefix"),
        ("0.0.0.1/0", "bits set after the prefix"),
        ("2001:db8::1/32", "bits set after the prefix"),
        ("::ffff:10.0.0.0/95", "bits set after the prefix"),
        ("::ffff:10.0.0.1/104", "bits set after the prefix"),
    ] {
        let error = Proxies::new(["::1", text]).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            format!("invalid trusted proxy {text:?}: {why}")
        );
    }
}

#[test]
fn expects_a_preface_of_trusted_peers_if_asked_for() {
    let proxies = Proxies::new(["127.0.0.1"]).expect("an address");
    let (trusted, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
    assert!(!proxies.expects_preface(trusted));
    let proxies = proxies.x_forwarded().forwarded().proxy_protocol();
    assert!(proxies.expects_preface(trusted));
    assert!(!proxies.expects_preface(other));
}
