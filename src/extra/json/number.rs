//! A JSON number: exact integers of 64 bits, and finite floats for the rest.
//!
//! Owns the rule that one value has one representation, so that numbers compare as they should.
//! Knows nothing of text.

/// A number of a JSON text: an integer of 64 bits held exactly, or a finite `f64`.
///
/// What was written with a fraction or an exponent is a float (`1.0` is not the integer 1), and so
/// is an integer that fits neither `u64` nor `i64`; it is rounded to the nearest `f64`.
///
/// # Example: nothing is lost between 2^53 and 2^64
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

/// The invariants are kept by the constructors in this file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Repr {
    /// Every integer from 0 up.
    Unsigned(u64),
    /// Always below 0.
    Negative(i64),
    /// Always finite.
    Float(f64),
}

// A float here is never NaN, so equality is total.
impl Eq for Number {}

impl Number {
    /// The number, unless it is infinite or not a number, which JSON cannot say.
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

    /// The integer, if it is one and fits.
    pub fn as_u64(self) -> Option<u64> {
        match self.0 {
            Repr::Unsigned(value) => Some(value),
            Repr::Negative(_) | Repr::Float(_) => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(self) -> Option<i64> {
        match self.0 {
            Repr::Unsigned(value) => i64::try_from(value).ok(),
            Repr::Negative(value) => Some(value),
            Repr::Float(_) => None,
        }
    }

    /// The nearest float. Integers beyond 2^53 are rounded.
    pub fn as_f64(self) -> f64 {
        match self.0 {
            // `as` rounds to the nearest value here.
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
    fn gives_an_integer_only_where_it_fits() {
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
    fn is_never_infinite_nor_nan() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Number::from_f64(value), None);
        }
    }
}
