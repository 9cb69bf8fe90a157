//! The layers of the library: imports point down, by folder, and form no cycle.

use super::imports::{Import, Imports};
use super::source::{paths, sources, Source};
use super::{assert_none, location};

/// The imports that each part of the library may have besides those of its own files. The longest
/// matching name of a part counts; a file outside of every part may import nothing.
///
/// Wire and routing do not know each other. The pool, the registry and `util` know nothing of HTTP.
/// Accepted streams know nothing of connections.
const MAY_IMPORT: [(&str, &[&str]); 24] = [
    ("limits", &[]),
    ("util", &[]),
    ("message", &["util"]),
    ("wire", &["limits", "message", "util"]),
    ("routing", &["message", "util"]),
    (
        "server/api",
        &[
            "limits",
            "message",
            "util",
            "server/accept",
            "server/config",
            "server/engine",
            "server/registry",
            "server/stats",
        ],
    ),
    (
        "server/api/background",
        &[
            "limits",
            "message",
            "routing",
            "util",
            "server/accept",
            "server/api",
            "server/config",
            "server/engine",
            "server/registry",
            "server/stats",
        ],
    ),
    (
        "server/engine",
        &[
            "limits",
            "message",
            "util",
            "server/accept",
            "server/config",
            "server/connection",
            "server/pool",
            "server/registry",
            "server/stats",
        ],
    ),
    (
        "server/connection",
        &[
            "limits",
            "message",
            "util",
            "wire",
            "server/config",
            "server/pool",
            "server/registry",
            "server/stats",
        ],
    ),
    (
        "server/config",
        &["limits", "message", "util", "wire", "server/stats"],
    ),
    ("server/stats", &["util", "server/registry"]),
    ("server/registry", &["util"]),
    ("server/accept", &["util"]),
    ("server/pool", &["util"]),
    ("extra", &["message", "util"]),
    ("extra/json", &["util"]),
    // `Response::json` and `try_or_400!`: the files of JSON that know messages.
    ("extra/json/response", &["message", "extra/json"]),
    ("extra/json/try_or_400", &["message", "extra/json"]),
    ("extra/assets", &["message", "util", "extra/negotiation"]),
    (
        "extra/content_encoding",
        &["message", "util", "extra/negotiation"],
    ),
    ("extra/gateway", &["limits", "message", "util", "wire"]),
    // `Settings::proxies`: a part around the server may add a setting.
    (
        "extra/gateway/trusted_proxies",
        &["message", "util", "wire", "server/config"],
    ),
    (
        "extra/input",
        &["message", "util", "extra/json", "extra/negotiation"],
    ),
    ("extra/session", &["message", "util", "extra/input"]),
];
/// The one file of the server that knows routes.
const KNOWS_ROUTES: &str = "src/server/api/background.rs";
/// Modules of std that do not belong into a part: those that wait, share or communicate.
const STD_NOT_IN: [(&str, &[&str]); 13] = [
    ("extra/assets", &["env", "net", "process", "sync", "thread"]),
    (
        "extra/content_encoding",
        &["env", "fs", "net", "process", "sync", "thread", "time"],
    ),
    ("extra/gateway/cgi", &["fs", "net"]),
    (
        "extra/gateway/proxy",
        &["env", "fs", "process", "sync", "thread"],
    ),
    (
        "extra/input",
        &["env", "fs", "net", "process", "thread", "time"],
    ),
    (
        "extra/json",
        &["env", "fs", "io", "net", "process", "thread", "time"],
    ),
    ("extra/log", &["env", "fs", "net", "process"]),
    (
        "extra/negotiation",
        &["env", "fs", "net", "process", "thread", "time"],
    ),
    ("extra/session", &["env", "net", "process"]),
    ("extra/websocket", &["env", "fs", "net", "process"]),
    ("message", &["env", "net", "process", "thread", "time"]),
    (
        "routing",
        &["env", "fs", "io", "net", "process", "thread", "time"],
    ),
    (
        "wire",
        &[
            "env", "fs", "io", "net", "process", "sync", "thread", "time",
        ],
    ),
];
/// The name of a module of the library, as the table writes it: `server/pool/worker`.
fn module_name(file: &str) -> &str {
    let name = file.trim_start_matches("src/").trim_end_matches(".rs");
    name.trim_end_matches("/mod")
}

fn is_in(module: &str, part: &str) -> bool {
    let rest = module.strip_prefix(part);
    rest.map_or(false, |rest| rest.is_empty() || rest.starts_with('/'))
}

/// The row of the table for a file.
fn part(file: &str) -> Option<&'static (&'static str, &'static [&'static str])> {
    let module = module_name(file);
    let parts = MAY_IMPORT.iter().filter(|(part, _)| is_in(module, part));
    parts.max_by_key(|(part, _)| part.len())
}

/// The imports that no row of the table allows.
fn violations(imports: &Imports) -> Vec<String> {
    let is_wrong = |import: &&Import| {
        // Files that gather the names of their folders.
        if matches!(&*import.from, "src/lib.rs" | "src/server/mod.rs") {
            return false;
        }
        let to = module_name(&import.to);
        let allowed = part(&import.from).map_or(false, |(part, may)| {
            is_in(to, part) || may.iter().any(|may| is_in(to, may))
        });
        !allowed
    };
    let wrong = imports.all.iter().filter(is_wrong);
    wrong
        .map(|Import { from, to, path }| format!("{from} imports {path} of {to}"))
        .collect()
}

#[test]
fn imports_point_down_by_folder() {
    let all = sources(&["src"]);
    for (part, _) in MAY_IMPORT {
        let exists = all
            .iter()
            .any(|source| is_in(module_name(&source.name), part));
        assert!(exists, "the library has no {part}");
    }
    let imports = Imports::of(&all);
    assert!(imports.all.len() > 300, "{} imports", imports.all.len());
    assert_none(violations(&imports));
}

#[test]
fn no_import_cycle_joins_files_or_folders() {
    assert_none(Imports::of(&sources(&["src"])).cycles());
}

/// The imports of a small library of these files.
fn imports_of(files: &[(&str, &str)]) -> Imports {
    let sources = files.iter().map(|(name, code)| Source::of(name, code));
    Imports::of(&sources.collect::<Vec<_>>())
}

#[test]
fn violations_are_found_in_every_spelling() {
    for (name, code, is_violation) in [
        ("src/wire/head.rs", "use crate::server::Server;", true),
        ("src/wire/head.rs", "use crate::message::head::Head;", false),
        ("src/wire/head.rs", "fn f() { crate::routing::x() }", true),
        ("src/wire/mod.rs", "use super::routing::Route;", true),
        (
            "src/wire/head.rs",
            "use super::super::extra::json::Json;",
            true,
        ),
        ("src/wire/head.rs", "use super::bytes::TOKEN;", false),
        (
            "src/wire/head.rs",
            "mod x { use super::super::super::extra::json::Json; }",
            true,
        ),
        (
            "src/wire/head.rs",
            "mod x { use super::super::bytes::TOKEN; }",
            false,
        ),
        (
            "src/wire/head.rs",
            "pub(crate) use crate::Route; type X = Route;",
            true,
        ),
        (
            "src/server/pool/mod.rs",
            "use crate::{limits::Limits, Router};",
            true,
        ),
        ("src/server/pool/mod.rs", "use crate::Request;", true),
        ("src/server/pool/mod.rs", "use crate::util::lock;", false),
        (
            "src/server/pool/mod.rs",
            "use super::connection::Service;",
            true,
        ),
        ("src/server/registry/mod.rs", "use crate::wire::head;", true),
        ("src/server/api/server.rs", "use crate::Router;", true),
        (
            "src/server/api/background.rs",
            "use crate::{Route, Router};",
            false,
        ),
        (
            "src/server/accept/mod.rs",
            "use super::super::connection::x;",
            true,
        ),
        (
            "src/message/mod.rs",
            "use crate::{\n    extra::json::{self, Json},\n    wire,\n};",
            true,
        ),
        ("src/routing/mod.rs", "use crate::wire;", true),
        ("src/extra/json/mod.rs", "use crate::Request as R;", true),
        ("src/extra/json/mod.rs", "use crate::*;", true),
        ("src/extra/json/mod.rs", "fn f() { crate::router!() }", true),
        (
            "src/extra/json/mod.rs",
            "// use crate::server;\nconst A: &str = \"crate::wire::x\";",
            false,
        ),
        (
            "src/extra/json/mod.rs",
            "#[cfg(test)]\nmod tests { use crate::Response; }",
            false,
        ),
        ("src/extra/later/mod.rs", "use crate::Request;", false),
        ("src/extra/later/mod.rs", "use crate::wire::head;", true),
        (
            "src/extra/session/mod.rs",
            "use crate::extra::input::x;",
            false,
        ),
        (
            "src/extra/session/mod.rs",
            "use crate::extra::json::x;",
            true,
        ),
        ("src/later/mod.rs", "use crate::Request;", true),
    ] {
        let mut files = vec![
            (
                "src/lib.rs",
                "pub use message::Request; pub use routing::{Route, Router};",
            ),
            ("src/message/mod.rs", ""),
            ("src/message/head.rs", ""),
            ("src/routing/mod.rs", "macro_rules! router { () => {} }"),
            ("src/wire/mod.rs", ""),
            ("src/wire/head.rs", ""),
            ("src/wire/bytes.rs", ""),
            ("src/limits.rs", ""),
            ("src/util/lock.rs", ""),
            ("src/util/mod.rs", ""),
            ("src/extra/mod.rs", ""),
            ("src/extra/input/mod.rs", ""),
            ("src/extra/json/mod.rs", ""),
            ("src/server/mod.rs", ""),
            ("src/server/connection/mod.rs", ""),
        ];
        files.retain(|(file, _)| *file != name);
        files.push((name, code));
        let found = violations(&imports_of(&files));
        assert_eq!(!found.is_empty(), is_violation, "{name}: {code}: {found:?}");
    }
}

#[test]
fn cycles_are_found_between_files_folders_and_through_exported_names() {
    for (files, cycle) in [
        (
            &[
                ("src/a.rs", "use crate::b::B;"),
                ("src/b.rs", "use super::a::A;"),
            ][..],
            "src: a.rs -> b.rs -> a.rs",
        ),
        (
            &[("src/a.rs", "use crate::b::B;"), ("src/b.rs", "fn f() {}")],
            "",
        ),
        // Three files, by paths in code.
        (
            &[
                ("src/a.rs", "fn f() { crate::b::f() }"),
                ("src/b.rs", "fn f() { super::c::f() }"),
                ("src/c.rs", "impl crate::a::A {}"),
            ],
            "src: a.rs -> b.rs -> c.rs -> a.rs",
        ),
        // No two files are in a cycle; their folders are.
        (
            &[
                ("src/a/mod.rs", ""),
                ("src/a/x.rs", "use crate::b::y::Y;"),
                ("src/a/z.rs", ""),
                ("src/b/mod.rs", ""),
                ("src/b/y.rs", "use crate::a::z::Z;"),
            ],
            "src: a -> b -> a",
        ),
        // A re-export is a name for the file behind it, and no import.
        (
            &[
                (
                    "src/a/mod.rs",
                    "mod x; mod y; pub use self::x::X; pub use y::Y;",
                ),
                ("src/a/x.rs", "use super::Y;"),
                ("src/a/y.rs", "use crate::a::X;"),
            ],
            "src/a: x.rs -> y.rs -> x.rs",
        ),
        (
            &[
                ("src/a/mod.rs", "mod x; pub use self::x::X;"),
                ("src/a/x.rs", "use super::super::b::f;"),
                ("src/b.rs", "fn f() {}"),
            ],
            "",
        ),
        // An exported name that is used as well, and a child by its name alone.
        (
            &[
                (
                    "src/a/mod.rs",
                    "mod x; pub use self::x::X; fn f() -> X {} struct A;",
                ),
                ("src/a/x.rs", "use super::A;"),
            ],
            "src/a: mod.rs -> x.rs -> mod.rs",
        ),
        (
            &[
                ("src/a/mod.rs", "mod x; fn f() { x::f() } struct A;"),
                ("src/a/x.rs", "use super::{self as b, A};"),
            ],
            "src/a: mod.rs -> x.rs -> mod.rs",
        ),
        // Modules of tests use the modules that they test.
        (
            &[
                ("src/a/mod.rs", "#[cfg(test)]\nmod tests;\nstruct A;"),
                ("src/a/tests.rs", "use super::*;"),
                (
                    "src/b.rs",
                    "use crate::a::A; #[cfg(test)]\nmod tests { use super::*; }",
                ),
            ],
            "",
        ),
    ] {
        let mut files = files.to_vec();
        files.push(("src/lib.rs", ""));
        let found = imports_of(&files).cycles();
        let first = found.first().and_then(|text| text.lines().next());
        assert_eq!(first.unwrap_or_default(), cycle, "{files:?}: {found:?}");
        // Each step has its proof.
        let steps = cycle.matches("->").count();
        let proofs = found.first().map_or(0, |text| text.lines().count() - 1);
        assert_eq!(proofs, steps, "{found:?}");
    }
}

#[test]
fn bytes_values_and_routes_have_no_sockets_clocks_or_threads() {
    let all = sources(&["src"]);
    for (part, _) in STD_NOT_IN {
        let exists = all
            .iter()
            .any(|source| is_in(module_name(&source.name), part));
        assert!(exists, "the library has no {part}");
    }
    let mut found = Vec::new();
    for source in all {
        let module = module_name(&source.name);
        let row = STD_NOT_IN.iter().find(|(part, _)| is_in(module, part));
        let (part, not) = match row {
            Some(row) => row,
            None => continue,
        };
        let roots = ["std", "core", "alloc"];
        for (at, path) in roots.iter().flat_map(|root| paths(&source.live, root)) {
            // An address in a field is a value, and no socket; a length of time is no clock.
            let last = path.last().map_or("", String::as_str);
            let is_value = matches!(
                last,
                "IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr" | "Duration"
            );
            if not.contains(&path[0].as_str()) && !is_value {
                let location = location(&source, at);
                found.push(format!("{location}: std::{} in {part}", path.join("::")));
            }
        }
    }
    assert_none(found);
}

#[test]
fn the_server_does_not_know_the_word_route() {
    let server = sources(&["src/server"]);
    assert!(server.iter().any(|source| source.name == KNOWS_ROUTES));
    let others = server.iter().filter(|source| source.name != KNOWS_ROUTES);
    let find = |source: &Source| {
        // Examples in the documentation may need some to serve.
        let code = source.code.to_ascii_lowercase();
        code.find("route").map(|at| location(source, at))
    };
    assert_none(others.filter_map(find).collect());
}
