//! Tables for the parser, and a seeded mutator for cases that the tables lack.

use super::*;
use crate::json;
use crate::json_struct;

fn syntax(text: &[u8]) -> (usize, usize, Reason) {
    match Json::parse(text) {
        Err(JsonError::Syntax {
            line,
            column,
            reason,
        }) => (line, column, reason),
        other => panic!("{:?} gave {:?}", String::from_utf8_lossy(text), other),
    }
}

#[test]
fn text_of_the_grammar_is_parsed() {
    let float = |value| Json::Number(Number::from_f64(value).unwrap());
    let table = [
        ("null", Json::Null),
        (" \t\r\n true \t\r\n ", json!(true)),
        ("false", json!(false)),
        ("0", json!(0)),
        ("-1", json!(-1)),
        ("-0", float(-0.0)),
        ("-0.0", float(-0.0)),
        ("1.0", float(1.0)),
        ("1e2", float(100.0)),
        ("1E+2", float(100.0)),
        ("10.25e-2", float(0.1025)),
        ("0e999999999999999999999", float(0.0)),
        ("1e-400", float(0.0)),
        ("1.7976931348623157e308", float(f64::MAX)),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", float(18446744073709551616.0)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("-9223372036854775809", float(-9223372036854775808.0)),
        ("\"\"", json!("")),
        (
            "\"\u{7f}\u{80}\u{e9}\u{ffff}\u{10ffff}\"",
            json!("\u{7f}\u{80}\u{e9}\u{ffff}\u{10ffff}"),
        ),
        (r#""\"\\\/\b\f\n\r\t""#, json!("\"\\/\u{8}\u{c}\n\r\t")),
        (
            r#""\u0000\u00e9\u20AC\uFFFF""#,
            json!("\0\u{e9}\u{20ac}\u{ffff}"),
        ),
        (
            r#""\ud83d\ude00\uD800\uDC00\uDBFF\uDFFF""#,
            json!("\u{1f600}\u{10000}\u{10ffff}"),
        ),
        (r#""a\\""#, json!("a\\")),
        ("[]", json!([])),
        ("[ ]", json!([])),
        ("[1,[2,[]],3]", json!([1, [2, []], 3])),
        ("{}", json!({})),
        ("{ }", json!({})),
        (
            "{\"\":{\"a\":[{}]},\"b\":[]}",
            json!({ "": { "a": [{}] }, "b": [] }),
        ),
        (
            " { \"a\" : 1 , \"b\" : [ 2 , 3 ] } ",
            json!({ "a": 1, "b": [2, 3] }),
        ),
        (
            "{\"a\":1,\"b\":2,\"a\":{\"a\":3,\"a\":4}}",
            json!({ "a": { "a": 4 }, "b": 2 }),
        ),
        ("{\"\\u0061\":1,\"a\":2}", json!({ "a": 2 })),
    ];
    for (text, want) in table {
        let value = Json::parse(text).unwrap_or_else(|error| panic!("{:?}: {}", text, error));
        assert_eq!(value, want, "{:?}", text);
        assert_eq!(Json::parse(value.to_string()).unwrap(), value);
        assert_eq!(Json::parse(format!("{:#}", value)).unwrap(), value);
    }
    assert_eq!(Json::parse("-0").unwrap().to_string(), "-0.0");
}

#[test]
fn text_outside_the_grammar_is_refused() {
    use Reason::*;
    let table: &[(&[u8], usize, Reason)] = &[
        (b"", 1, UnexpectedEnd),
        (b"  ", 3, UnexpectedEnd),
        (b"\xef\xbb\xbf1", 1, ByteOrderMark),
        (b"1\xef\xbb\xbf", 2, TrailingText),
        (b"\x0b1", 1, ExpectedValue),
        (b"1\x0c", 2, TrailingText),
        (b"1\0", 2, TrailingText),
        ("\u{a0}1".as_bytes(), 1, ExpectedValue),
        (b"1 2", 3, TrailingText),
        (b"{} x", 4, TrailingText),
        (b"[]]", 3, TrailingText),
        (b"// c\n1", 1, ExpectedValue),
        (b"1 // c", 3, TrailingText),
        (b"True", 1, ExpectedValue),
        (b"nul", 1, ExpectedValue),
        (b"nulll", 5, TrailingText),
        (b"NaN", 1, ExpectedValue),
        (b"Infinity", 1, ExpectedValue),
        (b"undefined", 1, ExpectedValue),
        (b"'a'", 1, ExpectedValue),
        // Numbers.
        (b"+1", 1, ExpectedValue),
        (b".5", 1, ExpectedValue),
        (b"-", 2, BadNumber),
        (b"-x", 2, BadNumber),
        (b"--1", 2, BadNumber),
        (b"-Infinity", 2, BadNumber),
        (b"01", 2, BadNumber),
        (b"-01", 3, BadNumber),
        (b"00", 2, BadNumber),
        (b"1.", 3, BadNumber),
        (b"1.e1", 3, BadNumber),
        (b"1e", 3, BadNumber),
        (b"1e+", 4, BadNumber),
        (b"1e1.5", 4, TrailingText),
        (b"0x10", 2, TrailingText),
        (b"1_000", 2, TrailingText),
        (b"1,000", 2, TrailingText),
        ("\u{0661}".as_bytes(), 1, ExpectedValue),
        (b"1e400", 1, NumberOutOfRange),
        (b"[-1e400]", 2, NumberOutOfRange),
        (b"1e99999999999999999999", 1, NumberOutOfRange),
        // Strings.
        (b"\"", 2, UnexpectedEnd),
        (b"\"abc", 5, UnexpectedEnd),
        (b"\"\\", 3, UnexpectedEnd),
        (b"\"\\\"", 4, UnexpectedEnd),
        (b"\"a\0\"", 3, ControlCharacter),
        (b"\"\n\"", 2, ControlCharacter),
        (b"\"\t\"", 2, ControlCharacter),
        (b"\"\x1f\"", 2, ControlCharacter),
        (b"\"a\\x\"", 3, BadEscape),
        (b"\"\\'\"", 2, BadEscape),
        (b"\"\\\n\"", 2, BadEscape),
        (b"\"\\\xc3\xa9\"", 2, BadEscape),
        (b"\"\\u12\"", 2, BadEscape),
        (b"\"\\u+123\"", 2, BadEscape),
        (b"\"\\u00g0\"", 2, BadEscape),
        (b"\"\\u00\xc3\xa9\"", 2, BadEscape),
        (b"\"\\U0041\"", 2, BadEscape),
        // Surrogates: alone, in the wrong order, twice the same half, another escape after.
        (b"\"\\ud800\"", 2, LoneSurrogate),
        (b"\"\\udc00\"", 2, LoneSurrogate),
        (b"\"\\udc00\\ud800\"", 2, LoneSurrogate),
        (b"\"\\ud800\\ud800\"", 2, LoneSurrogate),
        (b"\"\\udc00\\udc00\"", 2, LoneSurrogate),
        (b"\"\\ud800\\u0041\"", 2, LoneSurrogate),
        (b"\"\\ud800\\n\"", 2, LoneSurrogate),
        (b"\"\\ud83d\xf0\x9f\x98\x80\"", 2, LoneSurrogate),
        // Arrays and objects.
        (b"[", 2, UnexpectedEnd),
        (b"[1", 3, UnexpectedEnd),
        (b"[1,", 4, UnexpectedEnd),
        (b"[1,]", 4, ExpectedValue),
        (b"[,1]", 2, ExpectedValue),
        (b"[1 2]", 4, ExpectedComma),
        (b"[1}", 3, ExpectedComma),
        (b"[1:2]", 3, ExpectedComma),
        (b"]", 1, ExpectedValue),
        (b"{", 2, UnexpectedEnd),
        (b"{\"a\"", 5, UnexpectedEnd),
        (b"{\"a\":", 6, UnexpectedEnd),
        (b"{\"a\":1", 7, UnexpectedEnd),
        (b"{\"a\":1,", 8, UnexpectedEnd),
        (b"{\"a\":1,}", 8, ExpectedName),
        (b"{,}", 2, ExpectedName),
        (b"{a:1}", 2, ExpectedName),
        (b"{1:1}", 2, ExpectedName),
        (b"{\"a\" 1}", 6, ExpectedColon),
        (b"{\"a\",1}", 5, ExpectedColon),
        (b"{\"a\"::1}", 6, ExpectedValue),
        (b"{\"a\":1]", 7, ExpectedComma),
        (b"{\"a\":}", 6, ExpectedValue),
        (b"{\"a\":1 \"b\":2}", 8, ExpectedComma),
        // Invalid UTF-8: stray, overlong, a surrogate, too large, truncated.
        (b"\"ab\xff\"", 4, NotUtf8),
        (b"\"\x80\"", 2, NotUtf8),
        (b"\"\xc0\xaf\"", 2, NotUtf8),
        (b"\"\xed\xa0\x80\"", 2, NotUtf8),
        (b"\"\xf4\x90\x80\x80\"", 2, NotUtf8),
        (b"\"\xe2\x82", 2, NotUtf8),
        (b"\xff\xfe1\0", 1, NotUtf8),
        (b"1\0\xff", 3, NotUtf8),
    ];
    for &(text, column, reason) in table {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(syntax(text), (1, column, reason), "{:?}", shown);
    }
    assert_eq!(syntax(b"{\n  \"\xc3\xa9\": 1,\n}"), (3, 1, ExpectedName));
}

#[test]
fn max_depth_levels_are_parsed_and_one_more_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let per_step = open.matches(['[', '{']).count();
        let steps = MAX_DEPTH / per_step;
        let deepest = format!("{}[]{}", open.repeat(steps), close.repeat(steps));
        let deepest = deepest.replacen("[]", "0", 1);
        let value = Json::parse(&deepest).unwrap();
        assert_eq!(value.to_string(), deepest);
        let deeper = format!("[{}]", deepest);
        assert_eq!(syntax(deeper.as_bytes()).2, Reason::TooDeep);
    }
    let endless = "[".repeat(1_000_000);
    assert_eq!(
        syntax(endless.as_bytes()),
        (1, MAX_DEPTH + 1, Reason::TooDeep)
    );
    // Neighbours are not nested.
    assert!(Json::parse(format!("[{}[]]", "[[]],".repeat(1000))).is_ok());
}

#[test]
fn the_deepest_value_needs_only_a_small_stack() {
    let text = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let work = move || {
        let value = Json::parse(&text).unwrap();
        assert_eq!(value.clone(), value);
        assert_eq!(value.to_string(), text);
        assert_eq!(Json::parse(format!("{:#}", value)).unwrap(), value);
    };
    // A quarter of std's default stack of a thread. Unoptimized code takes up to 192 KiB.
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    thread.spawn(work).unwrap().join().unwrap();
}

/// xorshift64*: a random generator that gives the same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

#[test]
fn no_mutation_panics_and_each_parsed_value_survives_writing() {
    const SEEDS: [&str; 6] = [
        r#"{"users":[{"name":"Ada","age":36,"tags":["a","b"]},{"name":null}],"n":-0.5e-3}"#,
        r#" [ true , false , null , 0 , -1 , 1.5 , 18446744073709551615 , "" ] "#,
        r#""\u00e9\ud83d\ude00\n\"\\\/ plain \u{e9}""#,
        "{\"a\":{\"a\":{\"a\":[[[[]]]]}},\"a\":{},\"\u{1f600}\":\"\u{e9}\"}",
        "[1e308,1e-308,123456789012345678901234567890,-9223372036854775808]",
        r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"k":1,"l":2,"m":3,
            "n":4,"o":5,"p":6,"q":7,"r":8,"a":9}"#,
    ];
    const PIECES: [&[u8]; 14] = [
        b"\"", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\\ud800", b"\\u0000", b"1e999", b"-0",
        b"\"a\":", b"\xff",
    ];
    let mut random = Random(0x6d69_6c6c_706f_6e64);
    let mut parsed = 0;
    for _ in 0..40_000 {
        let mut text = SEEDS[random.below(SEEDS.len())].as_bytes().to_vec();
        for _ in 0..1 + random.below(3) {
            let at = random.below(text.len() + 1);
            let end = (at + random.below(6)).min(text.len());
            let piece = match random.below(4) {
                0 => Vec::new(),
                1 => vec![random.below(256) as u8],
                2 => PIECES[random.below(PIECES.len())].to_vec(),
                _ => text[at..end].repeat(3),
            };
            text.splice(at..end, piece);
        }
        if let Ok(value) = Json::parse(&text) {
            parsed += 1;
            let mut written = String::new();
            value.write_json(&mut written);
            assert_eq!(Json::parse(&written).unwrap(), value);
            assert_eq!(Json::parse(format!("{:#}", value)).unwrap(), value);
        }
    }
    assert!(
        parsed > 1_000,
        "only {} mutations were JSON: the test is too weak",
        parsed
    );
}

#[test]
fn the_macro_accepts_json_and_any_expression() {
    let name = "n";
    let list = [1u8, 2];
    let nested = json!({ name: null, (list.len()
        .to_string()): { "deep": [[], {}, [null, [null,],],], }, "r": &list[..1], });
    assert_eq!(
        nested.to_string(),
        r#"{"n":null,"2":{"deep":[[],{},[null,[null]]]},"r":[1]}"#
    );
    let exprs = json!([
        [1, 2].len(),
        -1,
        1 + 1,
        if name.is_empty() { 0 } else { 1 },
        nested["n"]
    ]);
    assert_eq!(exprs.to_string(), "[2,-1,2,1,null]");
    assert_eq!(
        json!({ "a": 1, "b": 2, "a": 3 }).to_string(),
        r#"{"a":3,"b":2}"#
    );
    assert_eq!(json!(Some(name)).to_string(), "\"n\"");
    assert_eq!(json!(null), Json::Null);
}

json_struct! {
    #[derive(Debug, PartialEq, Default)]
    struct Item {
        /// A raw identifier.
        r#type: String,
        count as "how \"many\"": Option<u8>,
        inner: Vec<Empty>,
    }
}

json_struct! {
    #[derive(Debug, PartialEq, Default, Clone)]
    pub(crate) struct Empty {}
}

#[test]
fn both_functions_write_a_struct_alike() {
    let item = Item {
        r#type: "a".into(),
        count: Some(1),
        inner: vec![Empty {}],
    };
    for (item, want) in [
        (item, r#"{"type":"a","how \"many\"":1,"inner":[{}]}"#),
        (
            Item::default(),
            r#"{"type":"","how \"many\"":null,"inner":[]}"#,
        ),
    ] {
        let mut written = String::new();
        item.write_json(&mut written);
        assert_eq!(written, want);
        assert_eq!(item.to_json().to_string(), want);
        assert_eq!(Item::from_json(&item.to_json()), Ok(item));
    }
}

#[test]
fn the_error_of_a_struct_has_the_path() {
    let table = [
        ("[]", "expected an object"),
        ("{}", "type: missing"),
        (r#"{"type":"","inner":{}}"#, "inner: expected an array"),
        (
            r#"{"type":"","inner":[{},0]}"#,
            "inner[1]: expected an object",
        ),
        (
            r#"{"type":"","how \"many\"":256,"inner":[]}"#,
            "how \"many\": out of range for u8",
        ),
    ];
    for (text, want) in table {
        let error = Item::from_json(&Json::parse(text).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
    let extra = Json::parse(r#"{"type":"t","inner":[],"more":0}"#).unwrap();
    assert_eq!(Item::from_json(&extra).unwrap().r#type, "t");
}
