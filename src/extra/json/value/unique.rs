//! [`unique_members`]: makes the names of an object's members unique.
//!
//! The time is not quadratic for any choice of names.

use std::collections::hash_map::{Entry, HashMap};

/// 24 members: up to about this number, a comparison of all pairs of names is faster than hashing
/// (measured).
const MAX_COMPARED_MEMBERS: usize = 24;

/// Removes repeated names. The last value of a name wins.
pub(crate) fn unique_members<T: Default>(mut members: Vec<(String, T)>) -> Vec<(String, T)> {
    if members.len() > MAX_COMPARED_MEMBERS || has_repeats(&members) {
        drop_repeats(&mut members);
    }
    members
}

fn has_repeats<T>(members: &[(String, T)]) -> bool {
    members
        .iter()
        .enumerate()
        .any(|(n, (name, _))| members[..n].iter().any(|m| m.0 == *name))
}

/// Moves the last value of a repeated name to the first position of the name, as ECMAScript does.
fn drop_repeats<T: Default>(members: &mut Vec<(String, T)>) {
    // std's hasher has random keys, so a client cannot choose names that collide.
    let mut first_of = HashMap::with_capacity(members.len());
    let mut repeats = Vec::new();
    for (index, (name, _)) in members.iter().enumerate() {
        match first_of.entry(name.as_str()) {
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
            Entry::Occupied(entry) => repeats.push((*entry.get(), index)),
        }
    }
    if repeats.is_empty() {
        return;
    }
    for &(first, repeat) in &repeats {
        members[first].1 = std::mem::take(&mut members[repeat].1);
    }
    let mut index = 0;
    let mut next_repeat = repeats.iter().map(|repeat| repeat.1).peekable();
    members.retain(|_| {
        let keep = next_repeat.next_if_eq(&index).is_none();
        index += 1;
        keep
    });
}
