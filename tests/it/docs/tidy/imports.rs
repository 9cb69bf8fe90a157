//! The imports of the library: which file uses which, with every path resolved to the file that
//! defines the item. Re-exports are names, and no imports of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{is_word, paths, words, Source};

/// The graph of all files of the library.
pub struct Imports {
    modules: BTreeMap<Vec<String>, Module>,
    /// The files that define the macros of the crate, which are all at its root.
    macros: BTreeMap<String, String>,
    /// Each import once, in the order of the files.
    pub all: Vec<Import>,
}

/// A module that is a file.
struct Module {
    file: String,
    /// The paths of the imported and exported names, as seen from the crate's root.
    names: BTreeMap<String, Vec<String>>,
}

/// One file uses an item that another file defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub from: String,
    pub to: String,
    /// As seen from the crate's root, re-exports included: `message::Request`.
    pub path: String,
}

/// One name of a `use` item.
struct UsedName {
    /// As written: `super`, `task`, `Next`.
    path: Vec<String>,
    /// The name in this module; `*` for all.
    name: String,
}

/// A `use` item: where it stands, whether it exports, and its names.
struct UseItem {
    start: usize,
    end: usize,
    is_export: bool,
    names: Vec<UsedName>,
}

/// No chain of re-exports is longer.
const MAX_REEXPORTS: usize = 16;

impl Imports {
    pub fn of(sources: &[Source]) -> Imports {
        let mut imports = Imports {
            modules: BTreeMap::new(),
            macros: BTreeMap::new(),
            all: Vec::new(),
        };
        let live: Vec<&Source> = sources.iter().filter(|s| !s.is_only_for_tests()).collect();
        for source in &live {
            let module = Module {
                file: source.name.clone(),
                names: BTreeMap::new(),
            };
            imports.modules.insert(source.module(), module);
            for at in words(&source.live, "macro_rules") {
                let rest = source.live[at + "macro_rules".len()..].trim_start();
                let rest = rest.trim_start_matches('!').trim_start();
                let name = rest.chars().take_while(|&c| is_word(c)).collect();
                imports.macros.insert(name, source.name.clone());
            }
        }
        for source in &live {
            for item in use_items(&source.live) {
                for used in item.names {
                    let absolute = imports.absolute(&source.module_at(item.start), &used.path);
                    if let (Some(path), Some(module)) =
                        (absolute, imports.modules.get_mut(&source.module()))
                    {
                        module.names.insert(used.name, path);
                    }
                }
            }
        }
        let mut all = BTreeSet::new();
        for source in &live {
            for path in imports.paths_of(source) {
                let to = imports.file(&path, 0);
                if to != source.name {
                    let (from, path) = (source.name.clone(), path.join("::"));
                    all.insert(Import { from, to, path });
                }
            }
        }
        imports.all = all.into_iter().collect();
        imports
    }

    /// Every path that this file imports or mentions, as seen from the crate's root.
    fn paths_of(&self, source: &Source) -> Vec<Vec<String>> {
        let module = source.module();
        let mut found = Vec::new();
        let mut rest = source.live.clone();
        let items = use_items(&source.live);
        for item in &items {
            let blank = " ".repeat(item.end - item.start);
            rest.replace_range(item.start..item.end, &blank);
        }
        for item in &items {
            for used in &item.names {
                // A name that is exported only is not used here.
                if !item.is_export || words(&rest, &used.name).next().is_some() {
                    found.extend(self.absolute(&source.module_at(item.start), &used.path));
                }
            }
        }
        for root in ["crate", "self", "super"] {
            for (at, path) in paths(&rest, root) {
                let path = [vec![root.to_owned()], path].concat();
                found.extend(self.absolute(&source.module_at(at), &path));
            }
        }
        for child in self.children(&module) {
            for (_, path) in paths(&rest, &child) {
                found.push([&module[..], std::slice::from_ref(&child), &path].concat());
            }
        }
        found
    }

    /// The names of the files and folders in this module.
    fn children(&self, module: &[String]) -> BTreeSet<String> {
        let inner = self
            .modules
            .keys()
            .filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
        inner.filter_map(|other| other.last().cloned()).collect()
    }

    /// A path as seen from the crate's root; `None` for one of another crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut base = match path[0].as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => return Some([module, &path[1..]].concat()),
            "super" => module.to_vec(),
            child if self.children(module).contains(child) => {
                return Some([module, path].concat());
            }
            _ => return None,
        };
        let ups = path
            .iter()
            .take_while(|segment| *segment == "super")
            .count();
        base.truncate(base.len() - ups);
        base.extend_from_slice(&path[ups..]);
        Some(base)
    }

    /// The file that defines the item at this path.
    fn file(&self, path: &[String], depth: usize) -> String {
        assert!(depth < MAX_REEXPORTS, "re-exports in a circle: {path:?}");
        let mut at = Vec::new();
        for (index, segment) in path.iter().enumerate() {
            let mut inner = at.clone();
            inner.push(segment.clone());
            if self.modules.contains_key(&inner) {
                at = inner;
                continue;
            }
            let module = &self.modules[&at];
            if let Some(target) = module.names.get(segment) {
                let whole = [&target[..], &path[index + 1..]].concat();
                return self.file(&whole, depth + 1);
            }
            if let (true, Some(file)) = (at.is_empty(), self.macros.get(segment)) {
                return file.clone();
            }
            break;
        }
        self.modules[&at].file.clone()
    }

    /// The import cycles among the entries of each folder: files and folders beside one another,
    /// with one import as the proof of each step.
    pub fn cycles(&self) -> Vec<String> {
        let mut folders: BTreeMap<String, BTreeMap<String, BTreeMap<String, &Import>>> =
            BTreeMap::new();
        for import in &self.all {
            let from: Vec<&str> = import.from.split('/').collect();
            let to: Vec<&str> = import.to.split('/').collect();
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            let steps = folders.entry(from[..common].join("/")).or_default();
            let step = steps.entry(from[common].to_owned()).or_default();
            step.entry(to[common].to_owned()).or_insert(import);
            steps.entry(to[common].to_owned()).or_default();
        }
        let mut found = Vec::new();
        for (folder, steps) in &folders {
            let mut seen = BTreeSet::new();
            for cycle in steps.keys().filter_map(|start| cycle(steps, start)) {
                if !seen.insert(cycle.iter().cloned().collect::<BTreeSet<_>>()) {
                    continue;
                }
                let mut text = format!("{folder}: {} -> {}", cycle.join(" -> "), cycle[0]);
                for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
                    let Import { from, to, path } = steps[from][to];
                    text += &format!("\n    {from} uses {path} of {to}");
                }
                found.push(text);
            }
        }
        found
    }
}

/// The shortest way from an entry back to itself.
fn cycle(
    steps: &BTreeMap<String, BTreeMap<String, &Import>>,
    start: &String,
) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in steps[&way[way.len() - 1]].keys() {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push([&way[..], std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

fn use_items(code: &str) -> Vec<UseItem> {
    let items = words(code, "use").filter_map(|start| {
        let length = code[start..].find(';')?;
        let end = start + length + 1;
        let before = code[..start].trim_end();
        let is_export = before.ends_with("pub")
            || before.ends_with(')')
                && before
                    .rfind('(')
                    .map_or(false, |at| before[..at].ends_with("pub"));
        let mut names = Vec::new();
        names_of(&code[start + 3..end - 1], &[], &mut names);
        Some(UseItem {
            start,
            end,
            is_export,
            names,
        })
    });
    items.collect()
}

/// The names of one tree of a `use` item.
fn names_of(tree: &str, prefix: &[String], found: &mut Vec<UsedName>) {
    let tree = tree.trim();
    if let Some((head, inside)) = tree.split_once('{') {
        let head = head.trim().trim_end_matches("::");
        let head = head.split("::").filter(|segment| !segment.is_empty());
        let head: Vec<String> = head.map(|segment| segment.trim().to_owned()).collect();
        let prefix = [prefix, &head].concat();
        let inside = inside.strip_suffix('}').expect("a closing brace");
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names_of(&inside[start..at], &prefix, found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        if !inside[start..].trim().is_empty() {
            names_of(&inside[start..], &prefix, found);
        }
        return;
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim().to_owned())),
        None => (tree, None),
    };
    let segments = path.split("::").map(|segment| segment.trim().to_owned());
    let mut path: Vec<String> = prefix.iter().cloned().chain(segments).collect();
    if path.len() > 1 && path[path.len() - 1] == "self" {
        path.pop();
    }
    path.retain(|segment| !segment.is_empty());
    let name = alias.unwrap_or_else(|| path[path.len() - 1].clone());
    found.push(UsedName { path, name });
}
