//! Mutants of the inputs of a corpus. A mutant depends on bytes, lines and numbers, and on no
//! grammar.

use super::Rng;

/// Larger ones would find little more, and take longer.
const LONGEST: usize = 16 * 1024;

/// Where numbers overflow, and where a signed reader and an unsigned one part.
const EDGES: [&str; 14] = [
    "0",
    "1",
    "-1",
    "00",
    "7f",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "ffffffffffffffff",
];

/// One input of the corpus, changed once or several times.
pub fn mutant(corpus: &[Vec<u8>], tokens: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.pick(corpus).clone();
    // Half of them are changed once: those pass the first checks most often.
    let mut changes = 1;
    while changes < 8 && rng.one_in(2) {
        changes += 1;
    }
    for _ in 0..changes {
        change(&mut input, corpus, tokens, rng);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], tokens: &[&str], rng: &mut Rng) {
    let at = rng.below(input.len() + 1);
    if at == input.len() || rng.one_in(4) {
        insert(input, at, rng.pick(tokens).as_bytes());
        return;
    }
    match rng.below(11) {
        0 => input[at] ^= 1 << rng.below(8),
        1 => input[at] = rng.next() as u8,
        2 => insert(input, at, &[rng.next() as u8]),
        3 => {
            let end = end_of_piece(input, at, rng);
            input.drain(at..end);
        }
        4 => {
            let end = end_of_piece(input, at, rng);
            let piece = input[at..end].to_vec();
            let most = if rng.one_in(8) { 300 } else { 3 };
            let times = 1 + rng.below(most);
            insert(input, at, &piece.repeat(times));
        }
        5 => {
            let (start, end) = line_around(input, at);
            let line = input[start..end].to_vec();
            insert(input, start, &line);
        }
        6 => {
            let (start, end) = line_around(input, at);
            let line: Vec<u8> = input.drain(start..end).collect();
            let to = rng.below(input.len() + 1);
            let (to, _) = line_around(input, to);
            insert(input, to, &line);
        }
        7 => {
            let other = rng.pick(corpus);
            let from = rng.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        8 => replace_number(input, at, rng),
        9 => input.truncate(at),
        _ => {
            input[at] = match input[at] {
                byte if byte.is_ascii_alphabetic() => byte ^ 0x20,
                byte => byte.wrapping_add(1),
            }
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}

/// Mostly a few bytes on, now and then anywhere.
fn end_of_piece(input: &[u8], at: usize, rng: &mut Rng) -> usize {
    let left = input.len() - at;
    let most = if rng.one_in(4) { left } else { left.min(8) };
    at + 1 + rng.below(most)
}

/// With its delimiter.
fn line_around(input: &[u8], at: usize) -> (usize, usize) {
    let start = input[..at].iter().rposition(|&b| b == b'\n');
    let end = input[at..].iter().position(|&b| b == b'\n');
    let end = end.map_or(input.len(), |end| at + end + 1);
    (start.map_or(0, |start| start + 1), end)
}

/// The first number from here on becomes another one.
fn replace_number(input: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let start = input[at..].iter().position(u8::is_ascii_digit);
    let start = start.map_or(at, |start| at + start);
    let digits = input[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let end = start + digits.count();
    let number = match rng.below(3) {
        0 => rng.below(300).to_string(),
        1 => format!("{:x}", rng.below(300)),
        _ => (*rng.pick(&EDGES)).to_owned(),
    };
    input.splice(start..end, number.bytes());
}
