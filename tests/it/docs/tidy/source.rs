//! A source file as the rules read it: code without comments and strings, the part that is compiled
//! outside of tests, and the paths in it. The reader knows no more of Rust than this needs.

use std::fs;
use std::path::{Path, PathBuf};

/// One file. The texts have equal line numbers: comments, strings and other removed parts are
/// blank.
pub struct Source {
    /// From the package's folder, with slashes.
    pub name: String,
    /// Without comments, strings and characters.
    pub code: String,
    /// The code that is compiled outside of tests.
    pub live: String,
}

/// Every Rust file below these folders and files of the package, in order.
pub fn sources(places: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for path in places {
        collect(&root.join(path), &mut files);
    }
    files.sort();
    assert!(!files.is_empty(), "no sources in {places:?}");
    files.iter().map(|file| Source::read(root, file)).collect()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        // Packages of their own build into a folder beside their sources.
        if path.ends_with("target") {
            return;
        }
        for entry in fs::read_dir(path).expect("a folder") {
            collect(&entry.expect("an entry").path(), files);
        }
    } else if path
        .extension()
        .map_or(false, |extension| extension == "rs")
    {
        files.push(path.to_owned());
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
        let code = code_of(text);
        let live = if is_only_for_tests(name) {
            String::new()
        } else {
            without_tests(&code)
        };
        Source {
            name: name.to_owned(),
            code,
            live,
        }
    }

    /// Whether the file is compiled for tests only.
    pub fn is_only_for_tests(&self) -> bool {
        is_only_for_tests(&self.name)
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

    /// The modules around this place of the file: those of the file, and those inside of it.
    pub fn module_at(&self, at: usize) -> Vec<String> {
        let mut module = self.module();
        let inner = inline_modules(&self.live).into_iter();
        let around = inner.filter(|(start, end, _)| (*start..*end).contains(&at));
        module.extend(around.map(|(_, _, name)| name));
        module
    }
}

fn is_only_for_tests(name: &str) -> bool {
    // A file `compat.rs` checks the names of rouille.
    let ends = ["/tests.rs", "/compat.rs"];
    let is_test = name.contains("/tests/") || ends.iter().any(|end| name.ends_with(end));
    name.starts_with("src/") && is_test
}

/// `text` with blanks in place of comments, strings and characters.
fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let (length, is_code) = piece(rest, at.checked_sub(1).map(|before| chars[before]));
        for &c in &rest[..length] {
            code.push(if is_code || c == '\n' { c } else { ' ' });
        }
        at += length;
    }
    code
}

/// The length of the first piece of `rest`, and whether it is code.
fn piece(rest: &[char], before: Option<char>) -> (usize, bool) {
    let find = |what: &[char]| rest.windows(what.len()).position(|w| w == what);
    match rest {
        ['/', '/', ..] => (find(&['\n']).unwrap_or(rest.len()), false),
        ['/', '*', ..] => (find(&['*', '/']).map_or(rest.len(), |end| end + 2), false),
        ['"', ..] => (quoted(rest, '"'), false),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (quoted(rest, '\''), false),
        ['r', '"' | '#', ..] if !before.map_or(false, is_word) || before == Some('b') => {
            let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
            if rest.get(1 + hashes) != Some(&'"') {
                return (1, true);
            }
            let mut end = vec!['"'];
            end.resize(1 + hashes, '#');
            let body = &rest[hashes + 2..];
            let found = body.windows(end.len()).position(|w| w == end);
            let length = found.map_or(rest.len(), |at| hashes + 2 + at + end.len());
            (length, false)
        }
        _ => (1, true),
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
    let tests = ["#[cfg(test)]", "#[cfg(all(test,"];
    while let Some(start) = tests.iter().filter_map(|start| live.find(start)).min() {
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

/// One path, or a group of them, behind `prefix`. Returns the rest of `rest`.
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
