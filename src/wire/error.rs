//! Why a message was refused, and what that is to the client: one variant for each reason, so
//! that a test and a log line can tell them apart. Nothing here holds a byte that a peer sent.

/// A peer's mistake. Each one ends the connection, because the bytes after it mean nothing.
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
    /// A sentence for logs.
    pub(crate) fn reason(self) -> &'static str {
        self.refusal().1
    }

    /// The status to answer with, and why: fixed text, never what the peer sent.
    pub(crate) fn refusal(self) -> (u16, &'static str) {
        use WireError::*;
        match self {
            TooManyEmptyLines => (400, "too many empty lines before a request"),
            BadMethod => (400, "the method is not a token followed by one SP"),
            // RFC 9112 §3: 501 for a method longer than any that is implemented.
            MethodTooLong => (501, "the method is too long"),
            ConnectUnsupported => (501, "CONNECT asks for a proxy"),
            TraceUnsupported => (501, "TRACE asks for what was sent"),
            BadTarget => (400, "the request target is malformed"),
            Misdirected => (421, "https asks for a connection over TLS"),
            TargetTooLong => (414, "the request target is too long"),
            BadVersion => (400, "the request line does not end in an HTTP version"),
            UnsupportedVersion => (505, "the major version is not 1"),
            BareCr => (400, "a CR without its LF"),
            BareLf => (400, "a line that ends in LF alone"),
            ObsFold => (400, "a line of the head begins with a blank"),
            BadFieldName => (400, "a field name is not a token"),
            SpaceBeforeColon => (400, "a blank before the colon of a field"),
            MissingColon => (400, "a field line without a colon"),
            BadFieldValue => (400, "a control character in a field value"),
            HeadTooLarge => (431, "the head or the trailer section is too large"),
            TooManyHeaders => (431, "too many fields"),
            MissingHost => (400, "no Host field"),
            TwoHosts => (400, "more than one Host field"),
            BadHost => (400, "the Host field is malformed"),
            LengthAndEncoding => (400, "Content-Length beside Transfer-Encoding"),
            BadLength => (400, "Content-Length is not a number"),
            TwoLengths => (400, "more than one Content-Length"),
            BadEncoding => (400, "Transfer-Encoding does not end in one plain chunked"),
            UnknownEncoding => (501, "a transfer coding other than chunked"),
            EncodingIn10 => (400, "Transfer-Encoding in an HTTP/1.0 request"),
            BodyTooLarge => (413, "the body is too large"),
            BadExpectation => (417, "an expectation other than 100-continue"),
            BadChunkSize => (400, "a chunk size is malformed"),
            BadChunkExtension => (400, "a chunk extension is malformed"),
            ChunkExtensionsTooLong => (400, "the chunk extensions are too long"),
            BadChunkEnd => (400, "a chunk is not followed by CRLF"),
            // Not answered: whoever sent it may not speak HTTP.
            BadPreface => (400, "no header of the PROXY protocol"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WireError::*;

    #[test]
    fn what_is_not_400_has_its_section() {
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
