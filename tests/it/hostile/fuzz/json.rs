//! JSON texts: the result agrees with a second reader, and is the same after writing and reading.

use std::collections::BTreeMap;
use std::str::from_utf8;

use super::{Rng, Target};
use millpond::json::MAX_DEPTH;
use millpond::Json;

pub struct Texts;

impl Target for Texts {
    fn name(&self) -> &'static str {
        "json"
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        let depths = [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1];
        let nested = depths.map(|depth| "[".repeat(depth) + &"]".repeat(depth));
        let many: Vec<String> = (0..60).map(|n| format!("\"m{}\":{n}", n % 40)).collect();
        let many = format!("{{{}}}", many.join(","));
        let rows = CORPUS.iter().map(|row| row.as_bytes().to_vec());
        rows.chain(nested.map(String::into_bytes))
            .chain([many.into_bytes()])
            .collect()
    }

    fn tokens(&self) -> &'static [&'static str] {
        TOKENS
    }

    fn check(&mut self, input: &[u8], _: &mut Rng) -> Result<(), String> {
        let read = Json::parse(input);
        let want = from_utf8(input).ok().and_then(reference);
        let (read, want) = match (read, want) {
            (Err(_), None) => return Ok(()),
            (Ok(read), Some(want)) => (read, want),
            (read, want) => return Err(format!("read as {read:?}, and it is {want:?}")),
        };
        if !same(&read, &want) {
            return Err(format!("read as {read:?}, and it is {want:?}"));
        }
        for text in [format!("{read}"), format!("{read:#}")] {
            match Json::parse(&text) {
                Ok(again) if again == read && same(&again, &want) => {}
                again => return Err(format!("written as {text:?}, which is {again:?}")),
            }
        }
        Ok(())
    }
}

/// A value, as RFC 8259 has it and the documentation of `Json::parse` makes it definite.
#[derive(Debug)]
enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    /// By its bits: -0 is not 0.
    Float(u64),
    String(String),
    Array(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

fn same(read: &Json, want: &Value) -> bool {
    match (read, want) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(read), Value::Bool(want)) => read == want,
        (Json::Number(read), Value::Unsigned(want)) => read.as_u64() == Some(*want),
        (Json::Number(read), Value::Negative(want)) => {
            read.as_u64().is_none() && read.as_i64() == Some(*want)
        }
        (Json::Number(read), Value::Float(want)) => {
            let is_float = read.as_u64().is_none() && read.as_i64().is_none();
            is_float && read.as_f64().to_bits() == *want
        }
        (Json::String(read), Value::String(want)) => read == want,
        (Json::Array(read), Value::Array(want)) => {
            read.len() == want.len() && read.iter().zip(want).all(|(r, w)| same(r, w))
        }
        (Json::Object(read), Value::Object(want)) => {
            let both = |(name, read)| want.get(name).map_or(false, |want| same(read, want));
            read.len() == want.len() && read.iter().all(both)
        }
        _ => false,
    }
}

fn reference(text: &str) -> Option<Value> {
    let mut reader = Reader {
        rest: text,
        depth: 0,
    };
    let value = reader.value()?;
    reader.space();
    match reader.rest {
        "" => Some(value),
        _ => None,
    }
}

/// One function for each rule of RFC 8259; `None` is a refusal.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Value> {
        self.space();
        match self.rest.chars().next()? {
            '[' => self.within(Reader::array),
            '{' => self.within(Reader::object),
            '"' => self.string().map(Value::String),
            '-' | '0'..='9' => self.number(),
            _ if self.eat("null") => Some(Value::Null),
            _ if self.eat("true") => Some(Value::Bool(true)),
            _ if self.eat("false") => Some(Value::Bool(false)),
            _ => None,
        }
    }

    fn within(&mut self, read: fn(&mut Self) -> Option<Value>) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.rest = &self.rest[1..];
        self.space();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        if self.eat("]") {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.eat("]") {
                return Some(Value::Array(items));
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn object(&mut self) -> Option<Value> {
        let mut members = BTreeMap::new();
        if self.eat("}") {
            return Some(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.eat(":") {
                return None;
            }
            let value = self.value()?;
            members.insert(name, value);
            self.space();
            if self.eat("}") {
                return Some(Value::Object(members));
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if !self.eat("\"") {
            return None;
        }
        // As UTF-16, the encoding of the escapes.
        let mut units = Vec::new();
        loop {
            let c = self.rest.chars().next()?;
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '"' => return String::from_utf16(&units).ok(),
                '\0'..='\x1f' => return None,
                '\\' => units.push(self.escape()?),
                _ => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(match c {
            '"' | '\\' | '/' => c as u16,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let digits = self.rest.get(..4)?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                self.rest = &self.rest[4..];
                u16::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        })
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let some = rest.len() < self.rest.len();
        self.rest = rest;
        some.then_some(())
    }

    fn number(&mut self) -> Option<Value> {
        let whole = self.rest;
        self.eat("-");
        if !self.eat("0") {
            self.digits()?;
        }
        let before = self.rest;
        if self.eat(".") {
            self.digits()?;
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            self.digits()?;
        }
        let text = &whole[..whole.len() - self.rest.len()];
        if before.len() == self.rest.len() && text != "-0" {
            if let Ok(value) = text.parse() {
                return Some(Value::Unsigned(value));
            }
            if let Ok(value) = text.parse() {
                return Some(Value::Negative(value));
            }
        }
        let float: f64 = text.parse().ok()?;
        float.is_finite().then(|| Value::Float(float.to_bits()))
    }
}

const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\"a\":",
    "\\",
    "\\\"",
    "\\u",
    "\\u0000",
    "\\ud83d",
    "\\ude00",
    "\\ud83d\\ude00",
    "\\/",
    "\\b",
    "\\x",
    "null",
    "true",
    "false",
    "nul",
    "NaN",
    "Infinity",
    "0",
    "-",
    "-0",
    "-0.0",
    "01",
    ".",
    "1.",
    ".5",
    "e",
    "E+",
    "e-400",
    "1e400",
    "1e309",
    "1.7976931348623157e308",
    "5e-324",
    "+1",
    " ",
    "\t",
    "\r\n",
    "\u{b}",
    "\u{a0}",
    "\u{feff}",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "\u{2028}",
    "\u{10ffff}",
    "//",
    "/* */",
    "'a'",
    "\u{e9}",
];

const CORPUS: &[&str] = &[
    "null",
    " \t\r\n[ ] ",
    r#"{"a": 1, "b": [true, false, null], "c": {"d": "e"}}"#,
    r#"{"a": 1, "a": 2, "b": 3, "a": {"a": 4}}"#,
    r#"["", "plain", "\"\\\/\b\f\n\r\t", "\u00e9\u20AC\ud83d\ude00", "é€😀"]"#,
    r#"["\ud83d", "\ude00", "\ud83d\u0041"]"#,
    r#""\ude00\ude00""#,
    r#""\ud83d\ud83d""#,
    "\"\u{1f}\"",
    "\"\u{7f}\u{20}\"",
    "[0, -0, 1, -1, 18446744073709551615, 18446744073709551616, -9223372036854775808]",
    "[-9223372036854775809, 9007199254740993, 123456789012345678901234567890]",
    "[0.0, -0.0, 1.5, 1e5, 1E+5, 1e-5, 1.7976931348623157e308, 5e-324, 1e-999]",
    r#"{"": "", " ": [[[[]]], {}], "x": [{"y": [{"z": 0}]}]}"#,
    "[1, 2,]",
    "{\"a\": 1,}",
    "[1 2]",
    "\"a\nb\"",
    "tru",
    "[01]",
    "\u{feff}[]",
];
