//! Prefaces to the byte: valid, malformed and incomplete ones.

use std::net::SocketAddr;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A preface of version 2: version and command, family and transport, payload.
fn binary(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &length, payload].concat()
}

/// Fed whole, split at every byte, and with a request behind it.
fn check(name: &str, bytes: &[u8], want: Result<Option<&str>, ()>) {
    let whole = read(bytes);
    let source = match want {
        Ok(source) => source.map(address),
        Err(()) => {
            assert_eq!(whole, None, "{name}");
            return;
        }
    };
    let length = bytes.len();
    let want = Some(Some(Preface { length, source }));
    assert_eq!(whole, want, "{name}");
    for end in 0..length {
        assert_eq!(read(&bytes[..end]), Some(None), "{name}, the first {end}");
    }
    for behind in [&b"GET / HTTP/1.1\r\n"[..], b"\r\n", b"\n", &[0; 5000]] {
        assert_eq!(read(&[bytes, behind].concat()), want, "{name}, and more");
    }
}

#[test]
fn lines() {
    let longest_line = format!("PROXY UNKNOWN {}\r\n", "f".repeat(91));
    assert_eq!(longest_line.len(), 107);
    let too_long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(92));
    let table: &[(&str, Result<Option<&str>, ()>)] = &[
        (
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n",
            Ok(Some("192.0.2.7:56324")),
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            Ok(Some("255.255.255.255:65535")),
        ),
        ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", Ok(None)),
        ("PROXY TCP6 :: ::1 1 2\r\n", Ok(None)),
        (
            "PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\n",
            Ok(Some("192.0.2.7:0")),
        ),
        (
            "PROXY TCP6 2001:db8::7 ::1 56324 443\r\n",
            Ok(Some("[2001:db8::7]:56324")),
        ),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
             ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            Ok(Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
        ),
        (
            "PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n",
            Ok(Some("192.0.2.7:1")),
        ),
        ("PROXY UNKNOWN\r\n", Ok(None)),
        ("PROXY UNKNOWN ffff::1 what ever\r\n", Ok(None)),
        (&longest_line, Ok(None)),
        (&too_long, Err(())),
        ("PROXY UNKNOWN\n", Err(())),
        ("PROXY UNKNOWNS\r\n", Err(())),
        ("PROXY unknown\r\n", Err(())),
        ("proxy UNKNOWN\r\n", Err(())),
        ("PROXY  UNKNOWN\r\n", Err(())),
        ("PROXY\r\n", Err(())),
        ("PROXY \r\n", Err(())),
        ("PROXY TCP4\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443 \r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443 5\r\n", Err(())),
        ("PROXY TCP4  192.0.2.7 10.0.0.1 56324 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7\t10.0.0.1 56324 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 ::1 56324 443\r\n", Err(())),
        ("PROXY TCP4 ::1 10.0.0.1 56324 443\r\n", Err(())),
        ("PROXY TCP6 192.0.2.7 ::1 56324 443\r\n", Err(())),
        ("PROXY TCP6 fe80::1%1 ::1 56324 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.07 10.0.0.1 56324 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.256 10.0.0.1 56324 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2 10.0.0.1 56324 443\r\n", Err(())),
        ("PROXY TCP4 localhost 10.0.0.1 56324 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 56324 65536\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 056324 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 +1 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 -1 443\r\n", Err(())),
        ("PROXY TCP4 192.0.2.7 10.0.0.1  443\r\n", Err(())),
        ("PROXY TCP5 192.0.2.7 10.0.0.1 56324 443\r\n", Err(())),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Err(())),
        ("\r\nPROXY UNKNOWN\r\n", Err(())),
        ("\r\n\r\nGET / HTTP/1.1\r\n", Err(())),
        (" PROXY UNKNOWN\r\n", Err(())),
        ("\u{16}\u{3}\u{1}", Err(())),
    ];
    for (line, want) in table {
        check(line, line.as_bytes(), *want);
    }
    check("not text", b"PROXY UNKNOWN \xff\r\n", Err(()));
}

#[test]
fn a_line_that_does_not_end_is_given_up_at_its_limit() {
    let endless = b"PROXY UNKNOWN ".iter().copied().chain([b'x'; 200]);
    let endless: Vec<u8> = endless.collect();
    for length in 0..=endless.len() {
        let want = match length < 107 {
            true => Some(None),
            false => None,
        };
        assert_eq!(read(&endless[..length]), want, "{length}");
    }
}

#[test]
fn binaries() {
    let four = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 1, 187];
    let mut six = vec![0x20, 0x01, 0x0d, 0xb8];
    six.extend([0; 11]);
    six.push(7);
    six.extend([0; 16]);
    six.extend([0xdc, 0x04, 1, 187]);
    let mut mapped = vec![0; 10];
    mapped.extend([0xff, 0xff, 192, 0, 2, 7]);
    mapped.extend(&six[16..]);
    let tlv = [4, 0, 3, 1, 2, 3];
    let with = |payload: &[u8], more: &[u8]| [payload, more].concat();
    let from_four = Ok(Some("192.0.2.7:56324"));
    let from_six = Ok(Some("[2001:db8::7]:56324"));
    type Row = (&'static str, Vec<u8>, Result<Option<&'static str>, ()>);
    let table: Vec<Row> = vec![
        ("TCP over IPv4", binary(0x21, 0x11, &four), from_four),
        ("UDP over IPv4", binary(0x21, 0x12, &four), from_four),
        ("any over IPv4", binary(0x21, 0x10, &four), from_four),
        ("TCP over IPv6", binary(0x21, 0x21, &six), from_six),
        (
            "IPv4 in IPv6",
            binary(0x21, 0x21, &mapped),
            Ok(Some("192.0.2.7:56324")),
        ),
        (
            "with TLVs",
            binary(0x21, 0x11, &with(&four, &tlv)),
            from_four,
        ),
        (
            "with malformed TLVs",
            binary(0x21, 0x21, &with(&six, &[1, 255])),
            from_six,
        ),
        (
            "as long as it may be",
            binary(0x21, 0x11, &with(&four, &[0; 4096 - 16 - 12])),
            from_four,
        ),
        (
            "longer",
            binary(0x21, 0x11, &with(&four, &[0; 4097 - 16 - 12])),
            Err(()),
        ),
        ("Unix", binary(0x21, 0x31, &[b'/'; 216]), Ok(None)),
        (
            "Unix, datagrams",
            binary(0x21, 0x32, &[b'/'; 220]),
            Ok(None),
        ),
        ("Unix, cut", binary(0x21, 0x31, &[b'/'; 215]), Err(())),
        ("unspecified", binary(0x21, 0x00, &[]), Ok(None)),
        ("unspecified, with TLVs", binary(0x21, 0x00, &tlv), Ok(None)),
        ("IPv4, unspecified", binary(0x21, 0x11, &[0; 12]), Ok(None)),
        ("IPv6, unspecified", binary(0x21, 0x21, &[0; 36]), Ok(None)),
        ("local", binary(0x20, 0x00, &[]), Ok(None)),
        (
            "local, with an address",
            binary(0x20, 0x11, &four),
            Ok(None),
        ),
        ("local, of no family", binary(0x20, 0xff, &tlv), Ok(None)),
        ("IPv4, cut", binary(0x21, 0x11, &four[..11]), Err(())),
        ("IPv6, cut", binary(0x21, 0x21, &six[..35]), Err(())),
        (
            "IPv6 with the length of IPv4",
            binary(0x21, 0x21, &four),
            Err(()),
        ),
        ("another family", binary(0x21, 0x41, &[0; 216]), Err(())),
        ("another transport", binary(0x21, 0x13, &four), Err(())),
        ("another command", binary(0x22, 0x11, &four), Err(())),
        ("version 1", binary(0x11, 0x11, &four), Err(())),
        ("version 3", binary(0x31, 0x11, &four), Err(())),
        ("the longest", binary(0x21, 0x11, &[0; 65_535]), Err(())),
    ];
    for (name, bytes, want) in table {
        check(name, &bytes, want);
    }
    let mut broken = binary(0x21, 0x11, &four);
    broken[11] = b'\r';
    check("another signature", &broken, Err(()));
}

#[test]
fn a_preface_beyond_the_limit_is_rejected_before_its_end() {
    let announced = binary(0x21, 0x11, &[0; 65_535]);
    assert_eq!(read(&announced[..15]), Some(None));
    assert_eq!(read(&announced[..16]), None);
}

#[test]
fn the_first_byte_that_differs_is_the_last_one_looked_at() {
    for begin in [LINE_START, SIGNATURE] {
        for at in 0..begin.len() {
            let mut bytes = begin.to_vec();
            bytes[at] ^= 0x80;
            assert_eq!(read(&bytes[..at]), Some(None), "{begin:?}, {at}");
            assert_eq!(read(&bytes[..=at]), None, "{begin:?}, {at}");
        }
    }
}

#[test]
fn mutants_are_read_within_their_bounds() {
    let mut random = crate::wire::tests::Random::seeded(107);
    let samples = [
        b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        binary(0x21, 0x11, &[1; 20]),
        binary(0x21, 0x21, &[2; 40]),
        binary(0x21, 0x31, &[3; 220]),
    ];
    let (mut whole, mut rejected) = (0, 0);
    for round in 0..20_000 {
        let bytes = random.mutate(&samples[round % samples.len()]);
        let all = read(&bytes);
        match all {
            Some(Some(preface)) => {
                whole += 1;
                assert!(preface.length <= bytes.len().min(MAX_BINARY_BYTES));
                assert_eq!(read(&bytes[..preface.length - 1]), Some(None), "{bytes:?}");
                assert_eq!(read(&bytes[..preface.length]), all, "{bytes:?}");
            }
            Some(None) => {}
            None => {
                rejected += 1;
                let longer = [&bytes[..], b"\r\n"].concat();
                assert!(read(&longer).is_none(), "{bytes:?}");
            }
        }
    }
    assert!(whole > 100 && rejected > 100, "{whole} {rejected}");
}
