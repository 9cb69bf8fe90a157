//! Close codes (RFC 6455 §7.4), and [`Fault`]: a violation of the protocol with its code.

/// RFC 6455 §7.4.1: represents a close frame without a code, and is never sent.
pub(crate) const NO_CODE: u16 = 1005;

/// A client's violation of the protocol, as the code and the reason of the close frame that answers
/// (RFC 6455 §7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

pub(crate) const fn protocol_error(reason: &'static str) -> Fault {
    Fault { code: 1002, reason }
}

pub(crate) const INVALID_UTF8: Fault = Fault {
    code: 1007,
    reason: "invalid UTF-8 in text",
};
pub(crate) const MESSAGE_TOO_LONG: Fault = Fault {
    code: 1009,
    reason: "message too long",
};

/// Returns whether a close frame may carry this code. Valid are the codes of RFC 6455 §7.4.1 that
/// may be sent, and three codes that were registered later (1012 to 1014). The codes for libraries
/// and programs (§7.4.2) are valid too.
pub(crate) fn is_valid_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_close_codes_are_those_of_the_rfc_and_the_registry() {
        let valid =
            |range: std::ops::RangeInclusive<u16>| range.filter(|&code| is_valid_close_code(code));
        let reserved: Vec<u16> = valid(0..=2999).collect();
        let named = [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
        ];
        assert_eq!(reserved, named);
        assert_eq!(valid(3000..=4999).count(), 2000);
        assert_eq!(valid(5000..=u16::MAX).count(), 0);
    }
}
