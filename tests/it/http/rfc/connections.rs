//! Whether a connection goes on (RFC 9112 §9.3, §9.6), and the requests with a rule of their own:
//! HEAD, OPTIONS, Expect (RFC 9110 §9.3, §10.1.1).

use super::{
    cases, check, describing_server, Case, Closes, Demand, May, Must, Persistence, Row, Should,
    Stays,
};

#[rustfmt::skip]
pub const DEMANDS: &[Demand] = &[
    ("9110 §5.6.1", Must, "empty elements of a list are ignored",
     &["empty options are none", "empty expectations are none",
       "commas for options @ 9110 §7.6.1"]),
    ("9110 §6.6.2", May, "Trailer is a hint", &["Trailer announces nothing"]),
    ("9110 §7.6.1", Must, "Connection is a list whose options ignore case",
     &["options ignore case", "close in a list", "what only looks like close",
       "an option that nobody knows", "no option", "commas for options",
       "Keep-Alive in capitals"]),
    ("9110 §7.8", May, "Upgrade is passed over", &["an Upgrade that nobody follows"]),
    ("9110 §7.8", Must, "it is passed over in HTTP/1.0", &["1.0 has no Upgrade"]),
    ("9110 §7.8", Must, "a switch is to what was asked for, and Connection names the field",
     &["an Upgrade that Connection does not name",
       "http::upgrade::a_request_that_cannot_switch_is_told_500_and_closed()",
       "wire::encode::an_upgrade_names_itself_in_connection()"]),
    ("9110 §9.3.2", Must, "HEAD is answered without content",
     &["HEAD has no body", "HEAD among others", "HEAD in 1.0", "so may HEAD",
       "HEAD in another major version", "HEAD with an expectation", "head is another method"]),
    ("9110 §10.1.1", Must, "100, or a final status, when the body is wanted, or not",
     &["100-continue, and the body", "chunked",
       "http::early::continue_is_sent_when_the_handler_reads_and_not_before()",
       "http::early::continue_is_never_sent_when_the_handler_does_not_read()",
       "http::early::a_refusal_comes_in_place_of_continue()"]),
    ("9110 §10.1.1", Must, "it ignores case; HTTP/1.0 does not know it",
     &["it ignores case", "1.0 does not know it", "another in 1.0", "no expectation",
       "http::early::continue_is_not_sent_to_a_10_client_nor_without_a_body()"]),
    ("9110 §10.1.1", May, "no 100 where the body is there or there is none",
     &["without a body there is nothing to expect",
       "http::early::continue_is_not_sent_once_some_of_the_body_has_come()"]),
    ("9110 §10.1.1", Should, "a final status says whether the connection closes",
     &["http::early::continue_is_never_sent_when_the_handler_does_not_read()",
       "what looks like a request is the body that was waited for"]),
    ("9110 §10.1.4", Must, "TE asks for nothing that has to be sent",
     &["TE asks for what is not sent", "TE with a coding that no response has"]),
    ("9110 §12.1", May, "there is one representation, unless the handler has more",
     &["what is accepted is the handler's to heed"]),
    ("9110 §13.1.2", May, "a condition needs a validator",
     &["nor is a tag, where there is none to compare"]),
    ("9110 §13.1.3", Must, "a date that is none is ignored",
     &["a date that is none is no condition"]),
    ("9110 §13.1.5", Must, "If-Range without Range is ignored",
     &["If-Range without Range is nothing"]),
    ("9110 §14.2", May, "Range is ignored where there are no ranges",
     &["a Range is passed over", "so is one that makes no sense", "and one of another unit"]),
    ("9110 §14.5", Should, "400 for PUT with Content-Range",
     &["not: the server does not know which handler takes a part",
       "Content-Range for PUT is the handler's to refuse"]),
    ("9110 §15.5.18", May, "417 for another expectation",
     &["another", "another behind it", "another in a second field", "one that begins so",
       "another without a body"]),
    ("9112 §C.2.2", Should, "what proxies of old left behind means nothing",
     &["Proxy-Connection is nothing", "1.0 with the field Keep-Alive alone"]),
    ("9112 §9.3", Must, "a connection stays or closes as version and Connection say",
     &["1.1 stays", "keep-alive in 1.1", "1.0 closes", "1.0 with keep-alive stays",
       "1.0 with both", "1.0 with another option", "close wins over keep-alive",
       "whichever comes first",
       "http::rfc::connections::the_answer_says_whether_the_connection_stays()"]),
    ("9112 §9.6", Must, "behind a request with `close` nothing is processed",
     &["close", "http::rfc::connections::nothing_is_read_behind_a_request_that_asked_to_close()",
       "http::pipelining::the_last_one_closes_and_what_is_behind_it_is_not_looked_at()"]),
    ("9112 §9.6", Must, "the last answer is followed by the end, and should say so",
     &["close", "http::rfc::connections::the_answer_says_whether_the_connection_stays()"]),
    ("9113 §3.1", May, "an Upgrade to h2c is passed over",
     &["h2c is none that anybody follows"]),
];

pub fn rows() -> Vec<Case> {
    let persistence = PERSISTENCE
        .iter()
        .map(|&(section, name, version, fields, persistence)| {
            let bytes = format!("GET / HTTP/{version}\r\nHost: h\r\n{fields}\r\n");
            Case::new(section, name, bytes, &["200 GET / h "], persistence)
        });
    let mut rows = cases(b"", METHODS, b"");
    rows.extend(cases(b"", EXPECTATIONS, b""));
    rows.extend(persistence);
    rows
}

#[test]
fn persistence_methods_expectations() {
    check(&rows());
}

#[test]
fn the_answer_says_whether_the_connection_stays() {
    let server = describing_server();
    for (version, fields, want) in [
        ("1.1", "", None),
        ("1.1", "Connection: keep-alive\r\n", None),
        ("1.1", "Connection: close\r\n", Some("close")),
        ("1.0", "", Some("close")),
        ("1.0", "Connection: keep-alive\r\n", Some("keep-alive")),
        ("1.0", "Connection: close\r\n", Some("close")),
    ] {
        let mut client = server.connect();
        client.send(format!("GET / HTTP/{version}\r\nHost: h\r\n{fields}\r\n"));
        let reply = client.response();
        assert_eq!(reply.header("Connection"), want, "{version} {fields}");
    }
}

#[test]
fn nothing_is_read_behind_a_request_that_asked_to_close() {
    let server = describing_server();
    let mut client = server.connect();
    client.send(
        b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\
          GET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    assert_eq!(client.response().text(), "GET /1 h ");
    client.closed();
}

#[rustfmt::skip]
const PERSISTENCE: &[(&str, &str, &str, &str, Persistence)] = &[
    ("9112 §9.3", "1.1 stays", "1.1", "", Stays),
    ("9112 §9.6", "close", "1.1", "Connection: close\r\n", Closes),
    ("9110 §7.6.1", "options ignore case", "1.1", "connection: CLOSE\r\n", Closes),
    ("9110 §7.6.1", "close in a list", "1.1", "Connection: upgrade ,\tclose ,\r\n", Closes),
    ("9110 §5.3", "close in a second field", "1.1",
     "Connection: x\r\nConnection: close\r\n", Closes),
    ("9112 §9.3", "close wins over keep-alive", "1.1", "Connection: keep-alive, close\r\n", Closes),
    ("9112 §9.3", "whichever comes first", "1.1", "Connection: close, keep-alive\r\n", Closes),
    ("9110 §7.6.1", "what only looks like close", "1.1",
     "Connection: closed, xclose, \"close\"\r\n", Stays),
    ("9110 §7.6.1", "an option that nobody knows", "1.1", "Connection: x\r\nX: y\r\n", Stays),
    ("9110 §7.6.1", "no option", "1.1", "Connection:\r\n", Stays),
    ("9110 §7.6.1", "commas for options", "1.1", "Connection: ,,\r\n", Stays),
    ("9112 §9.3", "keep-alive in 1.1", "1.1", "Connection: keep-alive\r\n", Stays),
    ("9112 §C.2.2", "Proxy-Connection is nothing", "1.1", "Proxy-Connection: close\r\n", Stays),
    ("9112 §9.3", "1.0 closes", "1.0", "", Closes),
    ("9112 §9.3", "1.0 with keep-alive stays", "1.0", "Connection: keep-alive\r\n", Stays),
    ("9110 §7.6.1", "Keep-Alive in capitals", "1.0", "Connection: Keep-Alive\r\n", Stays),
    ("9112 §9.3", "1.0 with keep-alive in a list", "1.0", "Connection: x, keep-alive\r\n", Stays),
    ("9112 §9.3", "1.0 with both", "1.0", "Connection: keep-alive, close\r\n", Closes),
    ("9112 §9.3", "1.0 with another option", "1.0", "Connection: x\r\n", Closes),
    ("9112 §C.2.2", "1.0 with the field Keep-Alive alone", "1.0",
     "Keep-Alive: timeout=5\r\n", Closes),
    ("9110 §7.6.1", "an option that names a field takes nothing away", "1.1",
     "Connection: host, content-length\r\nContent-Length: 0\r\n", Stays),
    ("9110 §7.8", "an Upgrade that nobody follows", "1.1",
     "Connection: upgrade\r\nUpgrade: websocket\r\n", Stays),
    ("9113 §3.1", "h2c is none that anybody follows", "1.1",
     "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n", Stays),
    ("9110 §10.1.4", "TE asks for what is not sent", "1.1",
     "Connection: te\r\nTE: trailers\r\n", Stays),
    ("9110 §6.6.2", "Trailer announces nothing", "1.1", "Trailer: x\r\n", Stays),
    ("9110 §2.5", "1.3 stays as 1.1 does", "1.3", "", Stays),
    ("9110 §7.8", "1.0 has no Upgrade", "1.0",
     "Connection: upgrade\r\nUpgrade: websocket\r\n", Closes),
    ("9110 §7.8", "an Upgrade that Connection does not name", "1.1",
     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", Stays),
    ("9110 §5.6.1", "empty options are none", "1.1", "Connection: , ,close,,\r\n", Closes),
    ("9110 §10.1.4", "TE with a coding that no response has", "1.1",
     "Connection: te\r\nTE: deflate;q=0.5, chunked\r\n", Stays),
    ("9110 §14.2", "a Range is passed over", "1.1", "Range: bytes=0-1\r\n", Stays),
    ("9110 §14.2", "so is one that makes no sense", "1.1", "Range: bytes=z-,-, 9-1\r\n", Stays),
    ("9110 §14.2", "and one of another unit", "1.1", "Range: furlongs=1-2\r\n", Stays),
    ("9110 §13.1.5", "If-Range without Range is nothing", "1.1", "If-Range: \"a\"\r\n", Stays),
    ("9110 §13.1.3", "a date that is none is no condition", "1.1",
     "If-Modified-Since: tomorrow\r\n", Stays),
    ("9110 §13.1.2", "nor is a tag, where there is none to compare", "1.1",
     "If-None-Match: W/\"a\", b\r\n", Stays),
    ("9110 §12.1", "what is accepted is the handler's to heed", "1.1",
     "Accept: x/y;q=0\r\nAccept-Encoding: *;q=0\r\n", Stays),
];

#[rustfmt::skip]
const METHODS: &[Row] = &[
    ("9110 §9.3.2", "HEAD has no body",
     b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", &["HEAD 200"], Stays),
    ("9110 §9.3.2", "HEAD among others",
     b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n\
       HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
     &["HEAD 200", "200 GET /2 h ", "HEAD 200"], Stays),
    ("9110 §9.3.2", "head is another method",
     b"head / HTTP/1.1\r\nHost: h\r\n\r\n", &["200 head / h "], Stays),
    ("9110 §9.3.2", "HEAD in 1.0", b"HEAD / HTTP/1.0\r\n\r\n", &["HEAD 200"], Closes),
    ("9110 §9.3.2", "HEAD in another major version",
     b"HEAD / HTTP/2.0\r\nHost: h\r\n\r\n", &["HEAD 505"], Closes),
    ("9110 §9.3.2", "HEAD with an expectation",
     b"HEAD / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n", &["HEAD 417"], Closes),
    ("9110 §14.5", "Content-Range for PUT is the handler's to refuse",
     b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab",
     &["200 PUT / h ab"], Stays),
    ("9110 §9.3.6", "a body that CONNECT may not have",
     b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nhello", &["501"], Closes),
    ("9110 §9.3.8", "a body that TRACE may not have",
     b"TRACE / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", &["501"], Closes),
];

#[rustfmt::skip]
const EXPECTATIONS: &[Row] = &[
    ("9110 §10.1.1", "100-continue, and the body",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §10.1.1", "it ignores case",
     b"POST / HTTP/1.1\r\nHost: h\r\nexpect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §10.1.1", "chunked",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n\
       5\r\nhello\r\n0\r\n\r\n",
     &["200 POST / h hello"], Stays),
    ("9110 §10.1.1", "without a body there is nothing to expect",
     b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", &["200 GET / h "], Stays),
    ("9110 §10.1.1", "1.0 does not know it",
     b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / - hello"], Closes),
    ("9110 §10.1.1", "another in 1.0",
     b"POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / - hello"], Closes),
    ("9110 §5.6.1", "empty expectations are none",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: ,100-continue ,\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §10.1.1", "no expectation",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect:\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §10.1.1", "what looks like a request is the body that was waited for",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n\
       GET /x HTTP/1.1\r\n\r",
     &["200 POST / h GET /x HTTP/1.1\r\n\r"], Stays),
    ("9110 §15.5.18", "another",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\nContent-Length: 5\r\n\r\nhello",
     &["417"], Closes),
    ("9110 §15.5.18", "another behind it",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello",
     &["417"], Closes),
    ("9110 §15.5.18", "another in a second field",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nExpect: x\r\n\
       Content-Length: 5\r\n\r\nhello",
     &["417"], Closes),
    ("9110 §15.5.18", "one that begins so",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continued\r\nContent-Length: 5\r\n\r\nhello",
     &["417"], Closes),
    ("9110 §15.5.18", "another without a body",
     b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", &["417"], Closes),
];
