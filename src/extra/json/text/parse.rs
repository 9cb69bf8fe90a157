//! Parses JSON text (RFC 8259) strictly.
//!
//! The parser is not recursive. Open arrays and objects are kept in a `Vec` of at most
//! [`MAX_DEPTH`] entries, so no text can exhaust a thread's stack. Each byte is read a constant
//! number of times.
//!
//! ```text
//!      +--- "[" or "{" name ":" ---+
//!      v                           |    v                                 |
//!   a VALUE starts ----------------+----+-- scalar, "[]", "{}" --> a value is COMPLETE --> the end
//!                                                                     ^        |    nothing
//!                                                                     +-"]" "}"+     is open
//! ```

use super::string::{skip_plain, unescape};
use crate::extra::json::error::{JsonError, Reason};
use crate::extra::json::value::number::Number;
use crate::extra::json::value::{Json, Object, MAX_DEPTH};

impl Json {
    /// Parses a JSON text (RFC 8259): one value in UTF-8, with optional blanks around the value.
    ///
    /// If several members have one name, the last one wins. Arrays and objects may be nested up to
    /// [`MAX_DEPTH`] levels. Limit the length of the text: a value may take
    /// up to 22 times the memory of its text, and 35 times during parsing. This was measured on
    /// short numbers in arrays, with 64-bit pointers.
    ///
    /// # Errors
    ///
    /// Returns [`JsonError::Syntax`] with the position. RFC 8259 leaves some cases to each parser:
    /// a byte order mark, half of a surrogate pair, and a number above the range of `f64`. These
    /// are errors too.
    ///
    /// ```
    /// use millpond::{json, Json};
    ///
    /// assert_eq!(Json::parse(b" [1, 2.5] ").unwrap(), json!([1, 2.5]));
    /// let error = Json::parse("{\n  'a': 1\n}").unwrap_err();
    /// assert_eq!(error.to_string(), "line 2, column 3: expected a member name in double quotes");
    /// ```
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Json, JsonError> {
        parse(text.as_ref())
    }
}

fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        JsonError::syntax(&String::from_utf8_lossy(valid), Reason::NotUtf8)
    })?;
    let mut parser = Parser {
        text,
        at: 0,
        items: Vec::new(),
        members: Vec::new(),
    };
    // The parser stops only before or after ASCII bytes, so `at` never splits a character.
    parser
        .document()
        .map_err(|reason| JsonError::syntax(&text[..parser.at], reason))
}

struct Parser<'a> {
    text: &'a str,
    /// The index of the next byte. After an error, the index of the first invalid byte.
    at: usize,
    /// The complete items of all open arrays. When an array closes, its items move from the end of
    /// this vector to a vector of the exact size.
    items: Vec<Json>,
    /// The complete members of all open objects. The last member may still lack its value.
    members: Vec<(String, Json)>,
}

/// An open array or object, with the index of its first item or member.
enum Open {
    Array(usize),
    Object(usize),
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Json, Reason> {
        if self.text.starts_with('\u{feff}') {
            // RFC 8259 §8.1 lets a parser ignore the mark, so two parsers may disagree; refuse.
            return Err(Reason::ByteOrderMark);
        }
        let mut open = Vec::new();
        loop {
            self.skip_space();
            let value = match self.peek() {
                Some(b'[') => match self.open_array(open.len())? {
                    Some(opened) => {
                        open.push(opened);
                        continue;
                    }
                    None => Json::Array(Vec::new()),
                },
                Some(b'{') => match self.open_object(open.len())? {
                    Some(opened) => {
                        open.push(opened);
                        continue;
                    }
                    None => Json::Object(Object::new()),
                },
                _ => self.scalar()?,
            };
            if let Some(outermost) = self.add_value(value, &mut open)? {
                self.skip_space();
                return if self.at == self.text.len() {
                    Ok(outermost)
                } else {
                    Err(Reason::TrailingText)
                };
            }
        }
    }

    /// Returns `None` for an empty array, which is closed again.
    fn open_array(&mut self, depth: usize) -> Result<Option<Open>, Reason> {
        self.open_bracket(depth)?;
        if self.eat(b']') {
            return Ok(None);
        }
        Ok(Some(Open::Array(self.items.len())))
    }

    /// Does the same for an object. Also reads the name of the first member.
    fn open_object(&mut self, depth: usize) -> Result<Option<Open>, Reason> {
        self.open_bracket(depth)?;
        if self.eat(b'}') {
            return Ok(None);
        }
        let start = self.members.len();
        self.name()?;
        Ok(Some(Open::Object(start)))
    }

    fn open_bracket(&mut self, depth: usize) -> Result<(), Reason> {
        if depth == MAX_DEPTH {
            return Err(Reason::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    /// Adds a complete value to the innermost open array or object, and closes each one that ends
    /// after the value. Returns the outermost value when complete, or `None` if another value
    /// follows.
    fn add_value(&mut self, mut value: Json, open: &mut Vec<Open>) -> Result<Option<Json>, Reason> {
        loop {
            value = match open.last() {
                None => return Ok(Some(value)),
                Some(&Open::Array(start)) => {
                    self.items.push(value);
                    if self.has_next(b']')? {
                        return Ok(None);
                    }
                    Json::Array(self.items.drain(start..).collect())
                }
                Some(&Open::Object(start)) => {
                    if let Some(member) = self.members.last_mut() {
                        member.1 = value;
                    }
                    if self.has_next(b'}')? {
                        self.skip_space();
                        self.name()?;
                        return Ok(None);
                    }
                    Json::Object(Object::from_members(self.members.drain(start..).collect()))
                }
            };
            open.pop();
        }
    }

    /// Reads the comma or the closing bracket after an item or a member. Returns whether another
    /// one follows.
    fn has_next(&mut self, close: u8) -> Result<bool, Reason> {
        self.skip_space();
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(byte) if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) => return Err(Reason::ExpectedComma),
            None => return Err(Reason::UnexpectedEnd),
        }
        Ok(true)
    }

    /// Reads `member = string name-separator value` up to the value.
    fn name(&mut self) -> Result<(), Reason> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(Reason::ExpectedName),
            None => return Err(Reason::UnexpectedEnd),
        }
        let name = self.string()?;
        self.skip_space();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(Reason::ExpectedColon),
            None => return Err(Reason::UnexpectedEnd),
        }
        self.members.push((name, Json::Null));
        Ok(())
    }

    fn scalar(&mut self) -> Result<Json, Reason> {
        match self.peek() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(Reason::ExpectedValue),
            None => Err(Reason::UnexpectedEnd),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Reason> {
        if !self.text[self.at..].starts_with(word) {
            return Err(Reason::ExpectedValue);
        }
        self.at += word.len();
        Ok(value)
    }

    /// Reads a number (RFC 8259 §6): `number = [ "-" ] int [ frac ] [ exp ]`,
    /// `int = zero / ( digit1-9 *DIGIT )`.
    fn number(&mut self) -> Result<Number, Reason> {
        let start = self.at;
        let is_negative = self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        } else if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(Reason::BadNumber);
        }
        let is_whole = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _has_sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let number = &self.text[start..self.at];
        if is_whole && is_negative {
            // -0 is a float, because an integer cannot keep the sign.
            match number.parse::<i64>() {
                Ok(0) | Err(_) => {}
                Ok(value) => return Ok(Number::from(value)),
            }
        } else if is_whole {
            if let Ok(value) = number.parse::<u64>() {
                return Ok(Number::from(value));
            }
        }
        // std accepts each number of RFC 8259, so only the range can cause an error.
        let float = number.parse::<f64>().ok().and_then(Number::from_f64);
        float.ok_or_else(|| {
            self.at = start;
            Reason::NumberOutOfRange
        })
    }

    /// Reads `1*DIGIT`.
    fn digits(&mut self) -> Result<(), Reason> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(Reason::BadNumber);
        }
        Ok(())
    }

    /// Reads a string from its opening quote through its closing quote. Allocates at most once.
    fn string(&mut self) -> Result<String, Reason> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        let mut has_escapes = false;
        loop {
            end = skip_plain(bytes, end);
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    // An escaped byte cannot end the string.
                    end += 2;
                }
                Some(_) => {
                    self.at = end;
                    return Err(Reason::ControlCharacter);
                }
                None => {
                    self.at = bytes.len();
                    return Err(Reason::UnexpectedEnd);
                }
            }
        }
        let raw = &self.text[start..end];
        if !has_escapes {
            self.at = end + 1;
            return Ok(raw.to_owned());
        }
        match unescape(raw) {
            Ok(string) => {
                self.at = end + 1;
                Ok(string)
            }
            Err((offset, reason)) => {
                self.at = start + offset;
                Err(reason)
            }
        }
    }

    /// Skips `ws = *( SP / HTAB / LF / CR )`.
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }
}
