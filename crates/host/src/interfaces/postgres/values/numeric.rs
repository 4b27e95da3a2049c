//! `numeric`: decimal numbers of any length, in groups of four digits.

use super::wire::{Read, Wire};

/// Digits of a group, and how many numbers they are.
const GROUP: usize = 4;
const BASE: u16 = 10_000;
/// The signs.
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
/// What is no number but one of the type, and how it is written.
const SPECIAL: [(u16, &str); 3] = [(0xC000, "NaN"), (0xD000, "Infinity"), (0xF000, "-Infinity")];
/// Digits before and after the point (PostgreSQL's bounds).
const WHOLE_DIGITS_MAX: usize = 131_072;
const FRACTION_DIGITS_MAX: usize = 16_383;

/// A number as text: all its digits, as many after the point as it has.
pub fn read(raw: &[u8]) -> Read<String> {
    let mut wire = Wire(raw);
    let count = wire.i16()?;
    let weight = wire.i16()?;
    let sign = wire.u16()?;
    let fraction_digits = usize::from(wire.u16()?);
    if let Some((_, text)) = SPECIAL.iter().find(|(special, _)| *special == sign) {
        return Ok((*text).to_owned());
    }
    let groups: Vec<u16> = (0..count).map(|_| wire.u16()).collect::<Read<_>>()?;
    // The group of this power of ten thousand.
    let group = |power: i32| {
        let index = usize::try_from(i32::from(weight).saturating_sub(power));
        let group = index.ok().and_then(|index| groups.get(index));
        group.copied().unwrap_or(0)
    };
    let mut text = String::new();
    if sign == NEGATIVE {
        text.push('-');
    }
    match weight {
        0.. => {
            text += &group(weight.into()).to_string();
            for power in (0..i32::from(weight)).rev() {
                text += &format!("{:04}", group(power));
            }
        }
        _ => text.push('0'),
    }
    if fraction_digits > 0 {
        text.push('.');
        let end = text.len() + fraction_digits;
        let mut power = -1;
        while text.len() < end {
            text += &format!("{:04}", group(power));
            power -= 1;
        }
        text.truncate(end);
    }
    Ok(text)
}

/// Writes a number that is given as text.
pub fn put(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let special = SPECIAL
        .iter()
        .find(|(_, special)| special.eq_ignore_ascii_case(text));
    if let Some((sign, _)) = special {
        for part in [0, 0, *sign, 0] {
            out.extend(part.to_be_bytes());
        }
        return Ok(());
    }
    let invalid = || format!("invalid decimal {text}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (POSITIVE, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !are_digits(whole) || !are_digits(fraction) {
        return Err(invalid());
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > WHOLE_DIGITS_MAX || fraction.len() > FRACTION_DIGITS_MAX {
        return Err("a decimal has too many digits".to_owned());
    }
    // Groups begin at the point, so there may be zeros before and after.
    let before = whole.len().next_multiple_of(GROUP);
    let after = fraction.len().next_multiple_of(GROUP);
    let padded = format!("{whole:0>before$}{fraction:0<after$}");
    let mut groups: Vec<u16> = Vec::with_capacity(padded.len() / GROUP);
    for group in padded.as_bytes().chunks(GROUP) {
        let digit = |sum: u16, digit: &u8| sum * 10 + u16::from(digit.saturating_sub(b'0'));
        groups.push(group.iter().fold(0, digit) % BASE);
    }
    let mut weight = i16::try_from(before / GROUP).map_err(|_| invalid())? - 1;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..zeros);
    weight = weight.saturating_sub(i16::try_from(zeros).map_err(|_| invalid())?);
    let end = groups.iter().rposition(|group| *group != 0);
    groups.truncate(end.map_or(0, |end| end + 1));
    if groups.is_empty() {
        weight = 0;
    }
    let count = i16::try_from(groups.len()).map_err(|_| invalid())?;
    let scale = u16::try_from(fraction.len()).map_err(|_| invalid())?;
    out.extend(count.to_be_bytes());
    out.extend(weight.to_be_bytes());
    out.extend(sign.to_be_bytes());
    out.extend(scale.to_be_bytes());
    for group in groups {
        out.extend(group.to_be_bytes());
    }
    Ok(())
}
