//! [`Number`]: exact integers of 64 bits, and finite floats for all other numbers.
//!
//! Each value has one representation, so that equal numbers compare as equal. The module does not
//! depend on text.

/// A JSON number: an exact integer of 64 bits, or a finite `f64`.
///
/// A number with a fraction or an exponent is a float, so `1.0` is not the integer 1. An integer
/// that fits neither `u64` nor `i64` is rounded to the nearest `f64`.
///
/// # Example: integers above 2^53 are exact
///
/// ```
/// use millpond::Json;
///
/// let value = Json::parse("18446744073709551615").unwrap();
/// assert_eq!(value.as_u64(), Some(u64::MAX));
/// assert_eq!(value.as_i64(), None);
/// assert_eq!(value.to_string(), "18446744073709551615");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub(crate) Repr);

/// Only the constructors in this file create values, so the invariants hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Repr {
    /// An integer of 0 or more.
    Unsigned(u64),
    /// An integer below 0.
    Negative(i64),
    /// A finite float.
    Float(f64),
}

// A float is never NaN here, so equality is total.
impl Eq for Number {}

impl Number {
    /// Returns the number, or `None` for infinity and NaN, which JSON does not have.
    pub fn from_f64(value: f64) -> Option<Number> {
        if value.is_finite() {
            Some(Number(Repr::Float(value)))
        } else {
            None
        }
    }

    pub(crate) fn is_integer(self) -> bool {
        !matches!(self.0, Repr::Float(_))
    }

    /// Returns the integer if the number is one and in range.
    pub fn as_u64(self) -> Option<u64> {
        match self.0 {
            Repr::Unsigned(value) => Some(value),
            Repr::Negative(_) | Repr::Float(_) => None,
        }
    }

    /// Returns the integer if the number is one and in range.
    pub fn as_i64(self) -> Option<i64> {
        match self.0 {
            Repr::Unsigned(value) => i64::try_from(value).ok(),
            Repr::Negative(value) => Some(value),
            Repr::Float(_) => None,
        }
    }

    /// Returns the nearest float. Integers beyond 2^53 are rounded.
    pub fn as_f64(self) -> f64 {
        match self.0 {
            // `as` rounds to the nearest value.
            Repr::Unsigned(value) => value as f64,
            Repr::Negative(value) => value as f64,
            Repr::Float(value) => value,
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number(Repr::Unsigned(value))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        match u64::try_from(value) {
            Ok(value) => Number(Repr::Unsigned(value)),
            Err(_) => Number(Repr::Negative(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_has_one_representation() {
        assert_eq!(Number::from(5i64), Number::from(5u64));
        assert_ne!(Number::from(-5i64), Number::from(5u64));
        assert_ne!(Number::from_f64(5.0), Some(Number::from(5u64)));
    }

    #[test]
    fn an_integer_is_returned_only_in_range() {
        let largest = Number::from(u64::MAX);
        assert_eq!((largest.as_u64(), largest.as_i64()), (Some(u64::MAX), None));
        let smallest = Number::from(i64::MIN);
        assert_eq!(
            (smallest.as_u64(), smallest.as_i64()),
            (None, Some(i64::MIN))
        );
        let float = Number::from_f64(1.0).unwrap();
        assert_eq!(
            (float.as_u64(), float.as_i64(), float.as_f64()),
            (None, None, 1.0)
        );
        assert_eq!(Number::from(u64::MAX).as_f64(), 18446744073709551616.0);
    }

    #[test]
    fn a_number_is_never_infinite_or_nan() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Number::from_f64(value), None);
        }
    }
}
