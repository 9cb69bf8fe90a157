//! The conditions as tables: each field alone, and the order of several fields.

use super::*;

const NOW: u64 = 1_700_000_000;
/// Sun, 06 Nov 1994 08:49:37 GMT, and half a second.
const CHANGED: (u64, u32) = (784_111_777, 500_000_000);
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const TAG: &str = "\"a-ae1b981da166f00\"";

const ALL: Verdict = Verdict::Send { ranged: true };
const WHOLE: Verdict = Verdict::Send { ranged: false };

fn time(secs: u64, nanos: u32) -> SystemTime {
    UNIX_EPOCH + Duration::new(secs, nanos)
}

/// Returns the validators of a file of ten bytes that has not changed recently.
fn settled() -> Validators {
    let validators = Validators::of(10, Some(time(CHANGED.0, CHANGED.1)), None, time(NOW, 0));
    assert_eq!(validators.tag.as_deref(), Some(TAG));
    validators
}

/// Returns the validators of the same file a second after its change.
fn fresh() -> Validators {
    let now = time(CHANGED.0 + 1, CHANGED.1);
    Validators::of(10, Some(time(CHANGED.0, CHANGED.1)), None, now)
}

fn verdict(method: &str, fields: &[(&str, &str)], current: &Validators) -> Verdict {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let fields = fields.iter().map(field).collect();
    evaluate(&Request::fake_http(method, "/", fields, vec![]), current)
}

#[test]
fn a_tag_depends_on_length_time_and_coding() {
    let of = |length, at: Option<SystemTime>, coding, now| {
        let validators = Validators::of(length, at, coding, time(now, 0));
        (validators.tag.clone(), validators.last_modified())
    };
    let some = |tag: &str| Some(tag.to_owned());
    let at = Some(time(16, 255));
    let rows = [
        (of(31, at, None, 18), (None, None)),
        (of(31, at, None, 19), (some("\"1f-3b9aca0ff\""), Some(16))),
        (
            of(31, at, Some(Coding::Gzip), 19),
            (some("\"1f-3b9aca0ff.gz\""), Some(16)),
        ),
        (
            of(31, at, Some(Coding::Brotli), 19),
            (some("\"1f-3b9aca0ff.br\""), Some(16)),
        ),
        // A time in the future.
        (of(0, at, None, 10), (None, None)),
        (of(0, Some(UNIX_EPOCH), None, 9), (some("\"0-0\""), Some(0))),
        (
            of(0, Some(UNIX_EPOCH - Duration::from_nanos(10)), None, 9),
            (some("\"0--a\""), None),
        ),
        (of(5, None, None, 9), (None, None)),
    ];
    for (is, want) in rows {
        assert_eq!(is, want);
    }
}

#[test]
fn each_condition_alone() {
    // (field, value, result for a settled file, result for a fresh file)
    let table = [
        ("If-Match", TAG, ALL, Verdict::Failed),
        (
            "If-Match",
            "\"x\", \"a-ae1b981da166f00\"",
            ALL,
            Verdict::Failed,
        ),
        (
            "If-Match",
            "W/\"a-ae1b981da166f00\"",
            Verdict::Failed,
            Verdict::Failed,
        ),
        ("If-Match", "\"x\"", Verdict::Failed, Verdict::Failed),
        ("If-Match", "", Verdict::Failed, Verdict::Failed),
        ("If-Match", "*", ALL, ALL),
        ("If-None-Match", TAG, Verdict::NotModified, ALL),
        (
            "If-None-Match",
            "\"x\",W/\"a-ae1b981da166f00\"",
            Verdict::NotModified,
            ALL,
        ),
        ("If-None-Match", "\"x\"", ALL, ALL),
        ("If-None-Match", "", ALL, ALL),
        (
            "If-None-Match",
            "*",
            Verdict::NotModified,
            Verdict::NotModified,
        ),
        ("If-Modified-Since", BEFORE, ALL, ALL),
        // The client's copy may be older than a change in the same second.
        ("If-Modified-Since", SAME, Verdict::NotModified, ALL),
        ("If-Modified-Since", AFTER, Verdict::NotModified, ALL),
        (
            "If-Modified-Since",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            Verdict::NotModified,
            ALL,
        ),
        (
            "If-Modified-Since",
            "Sun Nov  6 08:49:37 1994",
            Verdict::NotModified,
            ALL,
        ),
        ("If-Modified-Since", "yesterday", ALL, ALL),
        ("If-Modified-Since", "0", ALL, ALL),
        (
            "If-Unmodified-Since",
            BEFORE,
            Verdict::Failed,
            Verdict::Failed,
        ),
        ("If-Unmodified-Since", SAME, ALL, Verdict::Failed),
        ("If-Unmodified-Since", AFTER, ALL, Verdict::Failed),
        ("If-Unmodified-Since", "yesterday", ALL, ALL),
        ("If-Range", TAG, ALL, WHOLE),
        ("If-Range", "W/\"a-ae1b981da166f00\"", WHOLE, WHOLE),
        ("If-Range", "\"x\"", WHOLE, WHOLE),
        ("If-Range", "\"x\", \"a-ae1b981da166f00\"", WHOLE, WHOLE),
        ("If-Range", BEFORE, WHOLE, WHOLE),
        ("If-Range", SAME, ALL, WHOLE),
        // The date must be equal.
        ("If-Range", AFTER, WHOLE, WHOLE),
        ("If-Range", "yesterday", WHOLE, WHOLE),
        ("If-Range", "*", WHOLE, WHOLE),
        ("If-Range", "", WHOLE, WHOLE),
    ];
    for (name, value, of_settled, of_fresh) in table {
        for (current, want) in [(settled(), of_settled), (fresh(), of_fresh)] {
            let row = format!("{name}: {value}, settled: {}", current.settled);
            assert_eq!(verdict("GET", &[(name, value)], &current), want, "{row}");
            let head = match want {
                Verdict::Send { .. } => WHOLE,
                other => other,
            };
            assert_eq!(
                verdict("HEAD", &[(name, value)], &current),
                head,
                "HEAD, {row}"
            );
        }
    }
}

#[test]
fn the_order_of_section_13_2_2() {
    let (m, nm) = ("If-Match", "If-None-Match");
    let (ms, us, r) = ("If-Modified-Since", "If-Unmodified-Since", "If-Range");
    let other = "\"x\"";
    let table: &[(&[(&str, &str)], Verdict)] = &[
        (&[], ALL),
        // With a tag, the date is ignored.
        (&[(m, TAG), (us, BEFORE)], ALL),
        (&[(m, other), (us, AFTER)], Verdict::Failed),
        (&[(nm, other), (ms, AFTER)], ALL),
        (&[(nm, TAG), (ms, BEFORE)], Verdict::NotModified),
        // 412 before 304.
        (&[(m, other), (nm, TAG)], Verdict::Failed),
        (&[(us, BEFORE), (ms, AFTER)], Verdict::Failed),
        (&[(m, TAG), (nm, TAG)], Verdict::NotModified),
        (&[(us, AFTER), (nm, TAG)], Verdict::NotModified),
        // Both before the range.
        (&[(r, TAG), (nm, TAG)], Verdict::NotModified),
        (&[(r, other), (m, other)], Verdict::Failed),
        (&[(r, TAG), (m, TAG), (nm, other)], ALL),
        // Lists in several fields, and fields that must not occur twice.
        (&[(nm, other), (nm, TAG)], Verdict::NotModified),
        (&[(m, other), (m, TAG)], ALL),
        (&[(ms, AFTER), (ms, AFTER)], ALL),
        (&[(us, BEFORE), (us, BEFORE)], ALL),
        (&[(r, TAG), (r, TAG)], WHOLE),
    ];
    for (fields, want) in table {
        assert_eq!(verdict("GET", fields, &settled()), *want, "{fields:?}");
    }
}

#[test]
fn a_file_without_a_time_has_nothing_to_compare() {
    let timeless = Validators::of(10, None, None, time(NOW, 0));
    for (name, value, want) in [
        ("If-Match", "\"a-0\"", Verdict::Failed),
        ("If-Match", "*", ALL),
        ("If-None-Match", "\"a-0\"", ALL),
        ("If-None-Match", "*", Verdict::NotModified),
        ("If-Modified-Since", AFTER, ALL),
        ("If-Unmodified-Since", BEFORE, ALL),
        ("If-Range", AFTER, WHOLE),
        ("If-Range", "\"a-0\"", WHOLE),
    ] {
        assert_eq!(
            verdict("GET", &[(name, value)], &timeless),
            want,
            "{name}: {value}"
        );
    }
}
