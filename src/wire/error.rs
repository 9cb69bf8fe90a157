//! The reasons for which a message is rejected, and the status code of each.
//!
//! Each reason has a variant of its own, so that tests and log lines can distinguish them. No value
//! holds a byte that a peer sent.

/// An error in the bytes of a peer. Each one closes the connection, because the parser cannot know
/// where the next message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireError {
    TooManyEmptyLines,
    BadMethod,
    MethodTooLong,
    ConnectUnsupported,
    TraceUnsupported,
    BadTarget,
    Misdirected,
    TargetTooLong,
    BadVersion,
    UnsupportedVersion,
    BareCr,
    BareLf,
    ObsFold,
    BadFieldName,
    SpaceBeforeColon,
    MissingColon,
    BadFieldValue,
    HeadTooLarge,
    TooManyHeaders,
    MissingHost,
    TwoHosts,
    BadHost,
    LengthAndEncoding,
    BadLength,
    TwoLengths,
    BadEncoding,
    UnknownEncoding,
    EncodingIn10,
    BodyTooLarge,
    BadExpectation,
    BadChunkSize,
    BadChunkExtension,
    ChunkExtensionsTooLong,
    BadChunkEnd,
    BadPreface,
}

impl WireError {
    /// Returns the text of the reason, for logs.
    pub(crate) fn reason(self) -> &'static str {
        self.refusal().1
    }

    /// Returns the status code of the response and the text of the reason. The text is fixed, and
    /// never contains a byte of the peer.
    pub(crate) fn refusal(self) -> (u16, &'static str) {
        use WireError::*;
        match self {
            TooManyEmptyLines => (400, "more than 16 empty lines before request line"),
            BadMethod => (400, "invalid method: expected token followed by one space"),
            // RFC 9112 §3: 501 for a method longer than any that is implemented.
            MethodTooLong => (501, "method longer than 64 bytes"),
            ConnectUnsupported => (501, "unsupported method CONNECT"),
            TraceUnsupported => (501, "unsupported method TRACE"),
            BadTarget => (400, "invalid request target"),
            Misdirected => (421, "https target on connection without TLS"),
            TargetTooLong => (414, "request target longer than max_target_bytes"),
            BadVersion => (400, "invalid HTTP version in request line"),
            UnsupportedVersion => (505, "unsupported HTTP version: expected 1.x"),
            BareCr => (400, "CR without LF"),
            BareLf => (400, "LF without CR"),
            ObsFold => (400, "white space at start of field line"),
            BadFieldName => (400, "invalid field name: expected token"),
            SpaceBeforeColon => (400, "white space before colon of field line"),
            MissingColon => (400, "field line without colon"),
            BadFieldValue => (400, "control character in field value"),
            HeadTooLarge => (431, "head or trailer section longer than max_head_bytes"),
            TooManyHeaders => (431, "more fields than max_headers"),
            MissingHost => (400, "missing Host field"),
            TwoHosts => (400, "more than one Host field"),
            BadHost => (400, "invalid Host field"),
            LengthAndEncoding => (400, "both Content-Length and Transfer-Encoding"),
            BadLength => (400, "invalid Content-Length: expected decimal number"),
            TwoLengths => (400, "more than one Content-Length field"),
            BadEncoding => (
                400,
                "invalid Transfer-Encoding: expected chunked once, as final coding",
            ),
            UnknownEncoding => (501, "unsupported transfer coding: expected chunked"),
            EncodingIn10 => (400, "Transfer-Encoding in HTTP/1.0 message"),
            BodyTooLarge => (413, "body longer than max_body_bytes"),
            BadExpectation => (417, "unsupported expectation: expected 100-continue"),
            BadChunkSize => (400, "invalid chunk size"),
            BadChunkExtension => (400, "invalid chunk extension"),
            ChunkExtensionsTooLong => (400, "chunk extensions longer than 4 KiB"),
            BadChunkEnd => (400, "chunk without final CRLF"),
            // The server closes the connection without a response: the peer may not speak HTTP.
            BadPreface => (400, "invalid PROXY protocol header"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WireError::*;

    #[test]
    fn codes_other_than_400_are_as_in_rfc_9110() {
        for (error, want) in [
            (BadMethod, 400),
            (LengthAndEncoding, 400),
            (BadChunkSize, 400),
            (BodyTooLarge, 413),
            (TargetTooLong, 414),
            (BadExpectation, 417),
            (Misdirected, 421),
            (HeadTooLarge, 431),
            (TooManyHeaders, 431),
            (MethodTooLong, 501),
            (ConnectUnsupported, 501),
            (TraceUnsupported, 501),
            (UnknownEncoding, 501),
            (UnsupportedVersion, 505),
        ] {
            assert_eq!(error.refusal().0, want, "{}", error.reason());
        }
    }
}
