//! The workloads: their names, their traffic and what counts as better. Data only.

/// One way of loading a server.
pub struct Work {
    pub name: &'static str,
    pub title: &'static str,
    pub connections: usize,
    pub kind: Kind,
}

/// The source of the load.
pub enum Kind {
    /// wrk sends as fast as answers come; more requests a second are better.
    Saturated(Traffic),
    /// The driver's own clients send so many requests a second in all, at random times.
    Calm { per_second: u32 },
    /// The connections are held open and silent; then fresh clients come.
    Idle,
}

/// The requests of one connection of a saturating client.
pub struct Traffic {
    pub path: &'static str,
    /// Bytes of the request body; 0 is a GET.
    pub body: usize,
    /// Requests sent before the first answer is waited for.
    pub depth: usize,
    /// One request in a hundred asks for this path instead.
    pub slow_path: Option<&'static str>,
    /// `Connection: close`, and a new connection for the next request.
    pub close: bool,
}

impl Work {
    /// Fixed rates and idle servers are compared by latency, because their rate is given.
    pub fn compares_latency(&self) -> bool {
        !matches!(self.kind, Kind::Saturated(_))
    }

    /// Nothing is echoed and no handler waits: a server of constants can take part.
    pub fn only_wants_hello(&self) -> bool {
        match &self.kind {
            Kind::Saturated(traffic) => traffic.path == "/" && traffic.slow_path.is_none(),
            Kind::Calm { .. } | Kind::Idle => true,
        }
    }
}

impl Traffic {
    /// Every answer is like every other. wrk spreads latencies over the mean interval between
    /// answers ("stats_correct"), which is sound for such traffic and for no other.
    pub fn is_uniform(&self) -> bool {
        self.depth == 1 && self.slow_path.is_none()
    }
}

const HELLO: Traffic = Traffic {
    path: "/",
    body: 0,
    depth: 1,
    slow_path: None,
    close: false,
};

const fn saturated(
    name: &'static str,
    title: &'static str,
    connections: usize,
    traffic: Traffic,
) -> Work {
    Work {
        name,
        title,
        connections,
        kind: Kind::Saturated(traffic),
    }
}

pub static WORKS: [Work; 13] = [
    saturated("keepalive1", "keep-alive, 11 bytes, 1 connection", 1, HELLO),
    saturated(
        "keepalive8",
        "keep-alive, 11 bytes, 8 connections",
        8,
        HELLO,
    ),
    saturated(
        "keepalive64",
        "keep-alive, 11 bytes, 64 connections",
        64,
        HELLO,
    ),
    saturated(
        "keepalive256",
        "keep-alive, 11 bytes, 256 connections",
        256,
        HELLO,
    ),
    saturated(
        "keepalive1024",
        "keep-alive, 11 bytes, 1,024 connections",
        1024,
        HELLO,
    ),
    saturated(
        "pipelined64",
        "pipelined ×16, 64 connections",
        64,
        Traffic { depth: 16, ..HELLO },
    ),
    saturated(
        "close64",
        "new connection per request, 64 clients",
        64,
        Traffic {
            close: true,
            ..HELLO
        },
    ),
    saturated(
        "echo64k",
        "POST echo of 64 KiB, 16 connections",
        16,
        Traffic {
            path: "/echo",
            body: 64 << 10,
            ..HELLO
        },
    ),
    saturated(
        "echo1m",
        "POST echo of 1 MiB, 4 connections",
        4,
        Traffic {
            path: "/echo",
            body: 1 << 20,
            ..HELLO
        },
    ),
    saturated(
        "slow64",
        "handler of 50 ms, 64 connections (1,280 possible)",
        64,
        Traffic {
            path: "/sleep50",
            ..HELLO
        },
    ),
    saturated(
        "mixed64",
        "1 % of requests take 200 ms, 64 connections",
        64,
        Traffic {
            slow_path: Some("/sleep200"),
            ..HELLO
        },
    ),
    Work {
        name: "calm50",
        title: "calm: 50 connections, 1,000 requests a second in all",
        connections: 50,
        kind: Kind::Calm { per_second: 1000 },
    },
    Work {
        name: "idle1000",
        title: "a fresh client while 1,000 connections are idle",
        connections: 1000,
        kind: Kind::Idle,
    },
];

/// The workloads of that name; failing one, those whose names begin with it.
pub fn named(name: &str) -> Vec<&'static Work> {
    let exact: Vec<_> = WORKS.iter().filter(|work| work.name == name).collect();
    if !exact.is_empty() {
        return exact;
    }
    WORKS
        .iter()
        .filter(|work| work.name.starts_with(name))
        .collect()
}
