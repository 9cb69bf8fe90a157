//! Conditional requests (RFC 9110 §13): the validators of a file, and the five fields that compare
//! these. The validators depend on the length and the modification time, not on the content.
//!
//! `date` parses the three formats of a date.

mod date;

use super::siblings::suffix;
use crate::extra::negotiation::coding::Coding;
use crate::message::response::caching::{list_has, EntityTag};
use crate::message::Request;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2 s: within this time after a change, another change may leave the modification time unchanged.
/// FAT stores times in steps of two seconds, other file systems in smaller steps. No validator is
/// sent before this time has passed, so each validator that is sent is strong (RFC 9110 §8.8.1,
/// §8.8.2.2).
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// The validators of one state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    /// The entity tag with its quotes. `None` until the modification time is settled.
    pub(crate) tag: Option<String>,
    /// Seconds since 1970.
    modified: Option<u64>,
    settled: bool,
}

/// The result of evaluating the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send the file. `Range` applies if `ranged`.
    Send { ranged: bool },
    /// 304: the client has the current file.
    NotModified,
    /// 412: the file is not the one that the client expects.
    Failed,
}

impl Validators {
    /// Returns the validators of a file whose metadata was read after `now`. `coding` makes the
    /// tags of a file and of its compressed siblings different (RFC 9110 §8.8.3.3).
    pub(crate) fn of(
        length: u64,
        modified: Option<SystemTime>,
        coding: Option<Coding>,
        now: SystemTime,
    ) -> Validators {
        let settled = modified
            .and_then(|modified| modified.checked_add(SETTLING_TIME))
            .map_or(false, |settled| settled <= now);
        let since_epoch = modified.map(|modified| modified.duration_since(UNIX_EPOCH));
        let tag = since_epoch.as_ref().filter(|_| settled).map(|since| {
            let (sign, time) = match since {
                Ok(time) => ("", *time),
                Err(before) => ("-", before.duration()),
            };
            let suffix = coding.map_or("", suffix);
            format!("\"{length:x}-{sign}{:x}{suffix}\"", time.as_nanos())
        });
        Validators {
            tag,
            // HTTP dates begin in 1970 here, so an older file has none.
            modified: since_epoch.and_then(Result::ok).map(|time| time.as_secs()),
            settled,
        }
    }

    /// Returns the time for `Last-Modified`. Returns `None` until the time is settled, so the
    /// result is never in the future (RFC 9110 §8.8.2.1).
    pub(crate) fn last_modified(&self) -> Option<u64> {
        self.modified.filter(|_| self.settled)
    }

    fn tag(&self) -> Option<EntityTag<'_>> {
        self.tag.as_deref().map(EntityTag::parse)
    }
}

/// Evaluates the conditions of a GET or HEAD request in the steps of RFC 9110 §13.2.2.
pub(crate) fn evaluate(request: &Request, current: &Validators) -> Verdict {
    let tag = current.tag();
    let strong = |other: &EntityTag<'_>| tag.map_or(false, |tag| tag.strong_eq(other));
    let weak = |other: &EntityTag<'_>| tag.map_or(false, |tag| tag.weak_eq(other));
    // §13.1.3, §13.1.4: an invalid date is ignored, and any date if the file has none.
    let unchanged_since = |name| {
        let date = only(request, name).and_then(date::parse)?;
        let modified = current.modified?;
        Some(current.settled && modified <= date)
    };

    // Steps 1 and 2.
    match any_tag(request, "If-Match", strong) {
        Some(false) => return Verdict::Failed,
        Some(true) => {}
        None if unchanged_since("If-Unmodified-Since") == Some(false) => return Verdict::Failed,
        None => {}
    }
    // Steps 3 and 4.
    match any_tag(request, "If-None-Match", weak) {
        Some(true) => return Verdict::NotModified,
        Some(false) => {}
        None if unchanged_since("If-Modified-Since") == Some(true) => return Verdict::NotModified,
        None => {}
    }
    // Step 5. §14.2: Range applies only to GET.
    let ranged = request.method() == "GET" && fields(request, "If-Range").next().is_none();
    Verdict::Send {
        ranged: ranged || request.method() == "GET" && if_range_matches(request, current),
    }
}

/// Returns whether `If-Range` matches the current file, so that the client's part is still valid.
fn if_range_matches(request: &Request, current: &Validators) -> bool {
    // §13.1.5: the comparison is exact. A tag has a quote within its first three characters.
    match only(request, "If-Range") {
        Some(tag) if tag.starts_with('"') || tag.starts_with("W/") => current
            .tag()
            .map_or(false, |current| current.strong_eq(&EntityTag::parse(tag))),
        Some(date) => date::parse(date).map_or(false, |date| current.last_modified() == Some(date)),
        None => false,
    }
}

/// Returns whether a list of tags contains a tag for which `matches` holds. Returns `None` if there
/// is no such field.
fn any_tag(
    request: &Request,
    name: &str,
    matches: impl Fn(&EntityTag<'_>) -> bool,
) -> Option<bool> {
    // A list may span several fields (RFC 9110 §5.3).
    let found = fields(request, name).map(|list| list_has(list, &matches));
    found.reduce(|any, this| any || this)
}

/// Returns the value of a field that is not a list. Returns `None` if the field is missing or
/// occurs twice.
pub(crate) fn only<'a>(request: &'a Request, name: &'a str) -> Option<&'a str> {
    let mut values = fields(request, name);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

fn fields<'a>(request: &'a Request, name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = request
        .headers()
        .filter(move |(field, _)| field.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
