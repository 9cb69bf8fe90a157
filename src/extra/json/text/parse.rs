//! JSON text in, a value out: RFC 8259 to the letter.
//!
//! Nothing here recurses: what is open lies on a stack of its own, at most [`MAX_DEPTH`] high, so
//! no text can exhaust a thread's stack. Every byte is looked at a constant number of times.
//!
//! ```text
//!      +--- "[" or "{" name ":" ---+
//!      v                           |    v                                 |
//!   a VALUE starts ----------------+----+-- scalar, "[]", "{}" --> a value is WHOLE --> the end
//!                                                                     ^        |    nothing
//!                                                                     +-"]" "}"+     is open
//! ```

use super::string::{skip_plain, unescape};
use super::{Json, JsonError, Number, Object, Reason, MAX_DEPTH};

/// Reads the one value that `bytes` has to be.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        JsonError::syntax(&String::from_utf8_lossy(valid), Reason::NotUtf8)
    })?;
    let mut reader = Reader {
        text,
        at: 0,
        items: Vec::new(),
        members: Vec::new(),
    };
    // The reader stops only before or behind ASCII bytes, so `at` splits no character.
    reader
        .document()
        .map_err(|reason| JsonError::syntax(&text[..reader.at], reason))
}

struct Reader<'a> {
    text: &'a str,
    /// The next byte to look at; once something is refused, the byte to blame.
    at: usize,
    /// Finished items of all open arrays. Each array takes its own off the top when it closes,
    /// into a vector of just the right size.
    items: Vec<Json>,
    /// Finished members of all open objects, likewise. The last one's value may be yet to come.
    members: Vec<(String, Json)>,
}

/// An array or object that has not been closed, and where its items or members start.
enum Open {
    Array(usize),
    Object(usize),
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Json, Reason> {
        if self.text.starts_with('\u{feff}') {
            // RFC 8259 §8.1 lets a reader ignore it; two readers may then disagree. Refuse.
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
            if let Some(outermost) = self.place(value, &mut open)? {
                self.skip_space();
                return if self.at == self.text.len() {
                    Ok(outermost)
                } else {
                    Err(Reason::TrailingText)
                };
            }
        }
    }

    /// `None`: it is empty, and closed again.
    fn open_array(&mut self, depth: usize) -> Result<Option<Open>, Reason> {
        self.open_bracket(depth)?;
        if self.eat(b']') {
            return Ok(None);
        }
        Ok(Some(Open::Array(self.items.len())))
    }

    /// As `open_array`; the first member's name is read as well.
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

    /// Puts a whole value where it belongs and closes all that ends with it. Returns the outermost
    /// value once that is whole, or `None` where the next value starts.
    fn place(&mut self, mut value: Json, open: &mut Vec<Open>) -> Result<Option<Json>, Reason> {
        loop {
            value = match open.last() {
                None => return Ok(Some(value)),
                Some(&Open::Array(start)) => {
                    self.items.push(value);
                    if self.continues(b']')? {
                        return Ok(None);
                    }
                    Json::Array(self.items.drain(start..).collect())
                }
                Some(&Open::Object(start)) => {
                    if let Some(member) = self.members.last_mut() {
                        member.1 = value;
                    }
                    if self.continues(b'}')? {
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

    /// Takes the comma (true) or the closing bracket (false) behind an item or a member.
    fn continues(&mut self, close: u8) -> Result<bool, Reason> {
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

    /// `member = string name-separator value`, up to the value.
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

    /// `number = [ "-" ] int [ frac ] [ exp ]`, `int = zero / ( digit1-9 *DIGIT )` (RFC 8259 §6).
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
            // -0 is the float: the integer has no sign to keep.
            match number.parse::<i64>() {
                Ok(0) | Err(_) => {}
                Ok(value) => return Ok(Number::from(value)),
            }
        } else if is_whole {
            if let Ok(value) = number.parse::<u64>() {
                return Ok(Number::from(value));
            }
        }
        // The grammar of RFC 8259 is a part of what std reads, so only the range is left to refuse.
        let float = number.parse::<f64>().ok().and_then(Number::from_f64);
        float.ok_or_else(|| {
            self.at = start;
            Reason::NumberOutOfRange
        })
    }

    /// `1*DIGIT`.
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

    /// Stands at the opening quote; leaves behind the closing one. One allocation, if any.
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
                    // Whatever is escaped cannot end the string.
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

    /// `ws = *( SP / HTAB / LF / CR )`.
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
