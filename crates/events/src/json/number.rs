//! A number as it is written: a decimal, not a double.

use core::cmp::Ordering;

use super::bounds::{EXPONENT_MAX, NUMBER_CHARS_MAX};
use super::error::JsonReason;

/// A number. Two are equal where their values are, however they are written: `100`, `1e2` and `100.0`.
#[derive(Clone, Copy, Debug)]
pub struct Number<'a> {
    text: &'a str,
}

/// A number taken apart: 0.d₁d₂d₃… × 10^`magnitude`, where d₁ is not 0. No digits are 0.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    /// Whether it is below 0.
    pub negative: bool,
    /// The power of 10.
    pub magnitude: i32,
    /// Digits before the point, from the first that is not 0; after it, where there are none before.
    whole: &'a [u8],
    /// Digits after the point that come after those in `whole`, without zeros at the end.
    fraction: &'a [u8],
}

/// Beyond every double is what would be rounded up to 2^1024: from 2^1024 - 2^970 on. These are its digits.
const TOO_LARGE: &[u8] = b"179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792";

impl<'a> Number<'a> {
    /// Of a text that [`scan`] has taken.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The number that is all of a text. None where it is none, or beyond the bounds of [`crate::json`].
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        match scan(text.as_bytes(), 0) {
            Ok(end) if end == text.len() => Some(Self { text }),
            Ok(_) | Err(_) => None,
        }
    }

    /// As it was sent.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.text
    }

    /// Its digits and where the point is.
    #[must_use]
    pub fn decimal(self) -> Decimal<'a> {
        let bytes = self.text.as_bytes();
        let (negative, bytes) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        let whole_end = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let (whole, rest) = bytes.split_at_checked(whole_end).unwrap_or_default();
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => {
                let end = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                rest.split_at_checked(end).unwrap_or_default()
            }
            _ => (&[][..], rest),
        };
        let exponent = match rest {
            [b'e' | b'E', b'-', digits @ ..] => exponent(digits).map(|e| -e),
            [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => exponent(digits),
            _ => Some(0),
        };
        Decimal::new(negative, whole, fraction, exponent.unwrap_or(0))
    }

    /// Its value where it is a whole number of 64 bits, however it is written: `1.0` is 1.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        let bytes = self.text.as_bytes();
        let short = bytes.len() <= 18;
        if short && bytes.iter().all(|b| b.is_ascii_digit() || *b == b'-') {
            let (negative, digits) = match bytes {
                [b'-', digits @ ..] => (true, digits),
                _ => (false, bytes),
            };
            let value = digits
                .iter()
                .fold(0_i64, |value, digit| value * 10 + i64::from(digit & 0xf));
            return Some(if negative { -value } else { value });
        }
        let decimal = self.decimal();
        // 2^63 has 19 digits.
        if !decimal.is_integer() || decimal.magnitude > 19 {
            return None;
        }
        let places = usize::try_from(decimal.magnitude).unwrap_or(0);
        let mut value = 0_i128;
        for digit in decimal.digits().chain(core::iter::repeat(0)).take(places) {
            value = value * 10 + i128::from(digit);
        }
        i64::try_from(if decimal.negative { -value } else { value }).ok()
    }

    /// Whether it has no fraction: `1.0` and `1e2` have none.
    #[must_use]
    pub fn is_integer(self) -> bool {
        let whole = self.text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        whole || self.decimal().is_integer()
    }
}

impl<'a> Decimal<'a> {
    fn new(negative: bool, whole: &'a [u8], fraction: &'a [u8], exponent: i32) -> Self {
        let length = |digits: &[u8]| i32::try_from(digits.len()).unwrap_or(i32::MAX);
        let fraction = trim_end(fraction);
        let whole = trim_start(whole);
        // Where nothing follows the point, zeros before it are only its place.
        let digits = if fraction.is_empty() {
            trim_end(whole)
        } else {
            whole
        };
        if !digits.is_empty() {
            return Self {
                negative,
                magnitude: length(whole).saturating_add(exponent),
                whole: digits,
                fraction,
            };
        }
        let digits = trim_start(fraction);
        if digits.is_empty() {
            return Self {
                negative: false,
                magnitude: 0,
                whole: &[],
                fraction: &[],
            };
        }
        let zeros = length(fraction).saturating_sub(length(digits));
        Self {
            negative,
            magnitude: exponent.saturating_sub(zeros),
            whole: digits,
            fraction: &[],
        }
    }

    /// Its digits, 0 to 9 each, without zeros at either end.
    pub fn digits(self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole
            .iter()
            .chain(self.fraction)
            .map(|byte| byte & 0xf)
    }

    /// How many digits there are. 0 for the number 0.
    #[must_use]
    pub fn digit_count(self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    /// Whether it has no fraction.
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.digit_count() == 0
            || usize::try_from(self.magnitude).is_ok_and(|places| places >= self.digit_count())
    }

    /// Compares what is left of a sign.
    fn cmp_absolute(self, other: Self) -> Ordering {
        match (self.digit_count(), other.digit_count()) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            _ => (self.magnitude.cmp(&other.magnitude))
                .then_with(|| self.digits().cmp(other.digits())),
        }
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_absolute(*other),
            (true, true) => other.cmp_absolute(*self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal<'_> {}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.text == other.text {
            return Ordering::Equal;
        }
        self.decimal().cmp(&other.decimal())
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number<'_> {}

fn trim_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn trim_end(digits: &[u8]) -> &[u8] {
    let zeros = digits
        .iter()
        .rev()
        .take_while(|digit| **digit == b'0')
        .count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}

/// The value of an exponent's digits. None where it is beyond [`EXPONENT_MAX`].
fn exponent(digits: &[u8]) -> Option<i32> {
    let mut value = 0_i32;
    for digit in digits {
        value = value * 10 + i32::from(digit & 0xf);
        if value > EXPONENT_MAX {
            return None;
        }
    }
    Some(value)
}

/// Takes the number that begins at a place, and gives the place after it (RFC 8259 §6).
///
/// # Errors
/// The place where it is none, and why.
pub(super) fn scan(bytes: &[u8], start: usize) -> Result<usize, (usize, JsonReason)> {
    let at = |pos: usize| bytes.get(pos).copied();
    let digits = |mut pos: usize| {
        while at(pos).is_some_and(|byte| byte.is_ascii_digit()) {
            pos += 1;
        }
        pos
    };
    // One digit at least.
    let some_digits = |pos: usize| match at(pos) {
        Some(b'0'..=b'9') => Ok(digits(pos + 1)),
        Some(_) => Err((pos, JsonReason::Expected("a digit"))),
        None => Err((pos, JsonReason::EndsEarly)),
    };
    let mut pos = start;
    if at(pos) == Some(b'-') {
        pos += 1;
    }
    pos = match (at(pos), at(pos + 1)) {
        (Some(b'0'), Some(b'0'..=b'9')) => {
            return Err((
                pos + 1,
                JsonReason::Expected("no digit after a 0 at the start"),
            ));
        }
        (Some(b'0'), _) => pos + 1,
        _ => some_digits(pos)?,
    };
    if at(pos) == Some(b'.') {
        pos = some_digits(pos + 1)?;
    }
    let plain = pos;
    if let Some(b'e' | b'E') = at(pos) {
        pos += 1;
        if let Some(b'+' | b'-') = at(pos) {
            pos += 1;
        }
        pos = some_digits(pos)?;
    }
    if pos - start > NUMBER_CHARS_MAX {
        return Err((start, JsonReason::NumberTooLong));
    }
    // Without an exponent it has not as many digits as the largest double.
    if plain < pos {
        let sign = usize::from(matches!(at(plain + 1), Some(b'+' | b'-')));
        let digits = bytes.get(plain + 1 + sign..pos).unwrap_or_default();
        if exponent(digits).is_none() {
            return Err((start, JsonReason::ExponentTooLarge));
        }
        let text = bytes.get(start..pos).map(core::str::from_utf8);
        if let Some(Ok(text)) = text
            && is_too_large(Number { text }.decimal())
        {
            return Err((start, JsonReason::NumberTooLarge));
        }
    }
    Ok(pos)
}

/// Whether the nearest double is infinite.
fn is_too_large(decimal: Decimal<'_>) -> bool {
    let bound = Decimal::new(false, TOO_LARGE, &[], 0);
    decimal.cmp_absolute(bound) != Ordering::Less
}
