//! Whether a file is sent at all (RFC 9110 §13): its validators, and the five fields that compare
//! them. It knows a file by its length and its time of change, not by its bytes.

mod date;

use super::suffix;
use crate::extra::negotiation::coding::Coding;
use crate::message::response::caching::{list_has, EntityTag};
use crate::message::Request;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Until this is over a file can change once more without its time of change telling: FAT counts
/// in steps of two seconds, others in less. Until then nothing is said about which state it is in,
/// so what is said later is strong (RFC 9110 §8.8.1, §8.8.2.2).
const SETTLED: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    /// With its quotes; `None` until the time of change is settled.
    pub tag: Option<String>,
    /// Seconds since 1970.
    modified: Option<u64>,
    settled: bool,
}

/// What follows from the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send it; a Range counts if `ranged`.
    Send { ranged: bool },
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client believes.
    Failed,
}

impl Validators {
    /// Of a file as it was looked at after `now`. `coding` keeps the tags of a file and of its
    /// coded siblings apart (RFC 9110 §8.8.3.3).
    pub(super) fn of(
        length: u64,
        modified: Option<SystemTime>,
        coding: Option<Coding>,
        now: SystemTime,
    ) -> Validators {
        let settled = modified
            .and_then(|modified| modified.checked_add(SETTLED))
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
            // HTTP's dates begin in 1970 here: an older file has none.
            modified: since_epoch.and_then(Result::ok).map(|time| time.as_secs()),
            settled,
        }
    }

    /// For `Last-Modified`; `None` until it is settled, so never in the future (RFC 9110 §8.8.2.1).
    pub(super) fn last_modified(&self) -> Option<u64> {
        self.modified.filter(|_| self.settled)
    }

    fn tag(&self) -> Option<EntityTag<'_>> {
        self.tag.as_deref().map(EntityTag::parse)
    }
}

/// The steps of RFC 9110 §13.2.2, for GET and HEAD.
pub(crate) fn judge(request: &Request, current: &Validators) -> Verdict {
    let tag = current.tag();
    let strong = |other: &EntityTag<'_>| tag.map_or(false, |tag| tag.strong_eq(other));
    let weak = |other: &EntityTag<'_>| tag.map_or(false, |tag| tag.weak_eq(other));
    // §13.1.3, §13.1.4: what is no date is ignored; so is a date, if the file has none.
    let unchanged_since = |name| {
        let date = only(request, name).and_then(date::parse)?;
        let modified = current.modified?;
        Some(current.settled && modified <= date)
    };

    // Steps 1 and 2.
    match has(request, "If-Match", strong) {
        Some(false) => return Verdict::Failed,
        Some(true) => {}
        None if unchanged_since("If-Unmodified-Since") == Some(false) => return Verdict::Failed,
        None => {}
    }
    // Steps 3 and 4.
    match has(request, "If-None-Match", weak) {
        Some(true) => return Verdict::NotModified,
        Some(false) => {}
        None if unchanged_since("If-Modified-Since") == Some(true) => return Verdict::NotModified,
        None => {}
    }
    // Step 5. §14.2: a Range is for GET alone.
    let ranged = request.method() == "GET" && fields(request, "If-Range").next().is_none();
    Verdict::Send {
        ranged: ranged || request.method() == "GET" && is_part_of(request, current),
    }
}

/// Whether the part that the client has, by its `If-Range`, is a part of what is there now.
fn is_part_of(request: &Request, current: &Validators) -> bool {
    // §13.1.5: compared exactly; a tag begins with a quote within its first three characters.
    match only(request, "If-Range") {
        Some(tag) if tag.starts_with('"') || tag.starts_with("W/") => current
            .tag()
            .map_or(false, |current| current.strong_eq(&EntityTag::parse(tag))),
        Some(date) => date::parse(date).map_or(false, |date| current.last_modified() == Some(date)),
        None => false,
    }
}

/// Whether a list of tags has one that `is_it`; `None` where there is no such field.
fn has(request: &Request, name: &str, is_it: impl Fn(&EntityTag<'_>) -> bool) -> Option<bool> {
    // A list may be spread over several fields (RFC 9110 §5.3).
    let found = fields(request, name).map(|list| list_has(list, &is_it));
    found.reduce(|any, this| any || this)
}

/// The value of a field that is no list: `None` without it, and where it comes twice.
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
