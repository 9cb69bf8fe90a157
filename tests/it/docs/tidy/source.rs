//! A source file as the rules look at it: its code apart from its comments and strings, what of it
//! is for tests only, and the paths it mentions. It reads Rust as far as that takes, no further.

use std::fs;
use std::path::{Path, PathBuf};

/// One file. The texts are of one length: what is not of their kind is blank, so lines agree.
pub struct Source {
    /// From the package's folder, with slashes.
    pub name: String,
    pub text: String,
    /// Without comments, and without what is inside of strings and characters.
    pub code: String,
    /// The code that is compiled outside of tests.
    pub live: String,
    pub comments: String,
}

/// Every Rust file below these folders and files of the package, in order.
pub fn sources(places: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for place in places {
        collect(&root.join(place), &mut files);
    }
    files.sort();
    assert!(!files.is_empty(), "no sources in {places:?}");
    files.iter().map(|file| Source::read(root, file)).collect()
}

fn collect(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_dir() {
        // Packages of their own build into a folder beside their sources.
        if place.ends_with("target") {
            return;
        }
        for entry in fs::read_dir(place).expect("a folder") {
            collect(&entry.expect("an entry").path(), files);
        }
    } else if place
        .extension()
        .map_or(false, |extension| extension == "rs")
    {
        files.push(place.to_owned());
    }
}

impl Source {
    fn read(root: &Path, file: &Path) -> Source {
        let text = fs::read_to_string(file).expect("a file of text");
        let name = file.strip_prefix(root).expect("a file of the package");
        let name = name.to_str().expect("a name of text").replace('\\', "/");
        Source::of(&name, &text)
    }

    pub fn of(name: &str, text: &str) -> Source {
        let (code, comments) = split(text);
        let only_for_tests = name.ends_with("/tests.rs") || name.contains("/tests/");
        let live = match only_for_tests && name.starts_with("src/") {
            true => String::new(),
            false => without_tests(&code),
        };
        Source {
            name: name.to_owned(),
            text: text.to_owned(),
            code,
            live,
            comments,
        }
    }

    /// The modules this file is in: `["server", "pool"]`; none for the crate's root.
    pub fn module(&self) -> Vec<String> {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        module
    }

    /// The first module of [`module`](Source::module): `server`. Empty for the crate's root.
    pub fn area(&self) -> String {
        self.module().into_iter().next().unwrap_or_default()
    }

    /// Every path of this crate that the code mentions, as seen from its root. `self::` and names
    /// without a root stay in their module, and are left out.
    pub fn crate_paths(&self, code: &str) -> Vec<Vec<String>> {
        let from_root = paths(code, "crate").into_iter();
        let mut all: Vec<_> = from_root.map(|(_, path)| path).collect();
        let inline = inline_modules(code);
        for (at, path) in paths(code, "super") {
            let mut whole = self.module();
            let around = inline
                .iter()
                .filter(|(start, end, _)| (*start..*end).contains(&at));
            whole.extend(around.map(|(_, _, name)| name.clone()));
            whole.pop();
            let mut rest = path.into_iter().peekable();
            while rest.next_if(|segment| segment == "super").is_some() {
                whole.pop();
            }
            whole.extend(rest);
            all.push(whole);
        }
        all
    }
}

/// The code and the comments of `text`.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::new(), String::new());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let (length, kind) = piece(rest, at.checked_sub(1).map(|before| chars[before]));
        for &c in &rest[..length] {
            let blank = if c == '\n' { '\n' } else { ' ' };
            code.push(if kind == Kind::Code { c } else { blank });
            comments.push(if kind == Kind::Comment { c } else { blank });
        }
        at += length;
    }
    (code, comments)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
}

/// The length and kind of what `rest` begins with.
fn piece(rest: &[char], before: Option<char>) -> (usize, Kind) {
    let find = |what: &[char]| rest.windows(what.len()).position(|w| w == what);
    match rest {
        ['/', '/', ..] => (find(&['\n']).unwrap_or(rest.len()), Kind::Comment),
        ['/', '*', ..] => (
            find(&['*', '/']).map_or(rest.len(), |end| end + 2),
            Kind::Comment,
        ),
        ['"', ..] => (quoted(rest, '"'), Kind::Text),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (quoted(rest, '\''), Kind::Text),
        ['r', '"' | '#', ..] if !before.map_or(false, is_word) || before == Some('b') => {
            let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
            if rest.get(1 + hashes) != Some(&'"') {
                return (1, Kind::Code);
            }
            let mut end = vec!['"'];
            end.resize(1 + hashes, '#');
            let body = &rest[hashes + 2..];
            let found = body.windows(end.len()).position(|w| w == end);
            let length = found.map_or(rest.len(), |at| hashes + 2 + at + end.len());
            (length, Kind::Text)
        }
        _ => (1, Kind::Code),
    }
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The places of a word in code.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = code[..*at].chars().next_back();
            let behind = code[at + word.len()..].chars().next();
            !before.map_or(false, is_word) && !behind.map_or(false, is_word)
        })
}

/// The code without the items that are for tests only.
fn without_tests(code: &str) -> String {
    let mut live = code.to_owned();
    while let Some(start) = live.find("#[cfg(test)]") {
        let end = start + item_end(&live[start..]);
        let blank: String = live[start..end]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        live.replace_range(start..end, &blank);
    }
    live
}

/// The end of the item that `code` begins with: its semicolon, or its last brace.
fn item_end(code: &str) -> usize {
    let first = code.find([';', '{']).unwrap_or(code.len());
    if !code[first..].starts_with('{') {
        return code.len().min(first + 1);
    }
    let mut depth = 0usize;
    for (at, c) in code.char_indices().skip_while(|(at, _)| *at < first) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Where modules inside of a file begin and end, and their names.
fn inline_modules(code: &str) -> Vec<(usize, usize, String)> {
    let modules = words(code, "mod").filter_map(|at| {
        let rest = code[at + 3..].trim_start();
        let name: String = rest.chars().take_while(|&c| is_word(c)).collect();
        let opens = rest[name.len()..].trim_start().starts_with('{');
        let end = at + item_end(&code[at..]);
        if opens && !name.is_empty() {
            Some((at, end, name))
        } else {
            None
        }
    });
    modules.collect()
}

/// The paths that begin with `root`, without it, and where. A group is all that is in it.
pub fn paths(code: &str, root: &str) -> Vec<(usize, Vec<String>)> {
    let mut all = Vec::new();
    for at in words(code, root) {
        let is_inner = code[..at].ends_with("::");
        let rest = code[at + root.len()..].strip_prefix("::");
        if let (Some(rest), false) = (rest, is_inner) {
            let mut found = Vec::new();
            tree(rest, &[], &mut found);
            all.extend(found.into_iter().map(|path| (at, path)));
        }
    }
    all
}

/// One path, or a group of them, behind `prefix`. What is left of `rest`.
fn tree<'a>(rest: &'a str, prefix: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut rest = rest.trim_start();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            inside = inside.trim_start();
            if let Some(behind) = inside.strip_prefix('}') {
                return behind;
            }
            let behind = tree(inside, prefix, found).trim_start();
            // With `as` it goes by another name too.
            if let Some(alias) = behind.strip_prefix("as ") {
                let alias = alias.chars().take_while(|&c| is_word(c)).collect();
                found.push([prefix, &[alias]].concat());
            }
            let stop = behind.find([',', '}']).unwrap_or(behind.len());
            inside = behind[stop..].trim_start_matches(',');
            if inside.is_empty() {
                return inside;
            }
        }
    }
    let name: String = rest.chars().take_while(|&c| is_word(c)).collect();
    rest = &rest[name.len()..];
    let mut path = prefix.to_vec();
    path.push(if name.is_empty() {
        "*".to_owned()
    } else {
        name
    });
    let stars = usize::from(rest.starts_with('*'));
    rest = &rest[stars..];
    match rest.strip_prefix("::") {
        Some(further) if !further.starts_with('<') => tree(further, &path, found),
        _ => {
            found.push(path);
            rest
        }
    }
}
