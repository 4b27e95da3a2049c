//! The name by which a client, its proxies and the log call one request.

/// The field with the name of a request. No RFC has it, and nearly everybody uses it.
pub const REQUEST_ID: &str = "x-request-id";
/// Bytes of a name that somebody else gave.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// The name in the fields of this name, where there is one and it is well-formed: 1 to [`REQUEST_ID_BYTES_MAX`] ASCII
/// letters, digits and characters of `-._~+/=:@`. So it needs no escapes in a log, in JSON or in a header.
#[must_use]
pub fn request_id(values: &[Vec<u8>]) -> Option<&str> {
    let [value] = values else {
        return None;
    };
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=:@".contains(byte);
    let is_well_formed =
        (1..=REQUEST_ID_BYTES_MAX).contains(&value.len()) && value.iter().all(is_inside);
    core::str::from_utf8(value).ok().filter(|_| is_well_formed)
}

/// Random bits as those of a UUID (RFC 9562 section 5.4). One of version 7 would need the time, which a component has to
/// ask its host for.
#[must_use]
pub const fn uuid_bits([high, low]: [u64; 2]) -> [u64; 2] {
    [high & !0xf000 | 0x4000, low & !(0b11 << 62) | 0b10 << 62]
}

/// A UUID of these bits.
#[must_use]
pub fn uuid(bits: [u64; 2]) -> String {
    let [high, low] = bits;
    let mut uuid = [b'-'; UUID_BYTES];
    for (range, number) in [
        (0..8, high >> 32),
        (9..13, high >> 16),
        (14..18, high),
        (19..23, low >> 48),
        (24..36, low),
    ] {
        if let Some(place) = uuid.get_mut(range) {
            write_hex(place, number);
        }
    }
    String::from_utf8(uuid.into()).unwrap_or_default()
}

/// Bytes of a UUID.
const UUID_BYTES: usize = 36;

/// Writes the last hexadecimal digits of a number, as many as there is place for.
pub fn write_hex(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        let value = number.to_le_bytes()[0] & 15;
        *digit = value + if value < 10 { b'0' } else { b'a' - 10 };
        number >>= 4;
    }
}

/// Whether a name is a UUID (RFC 9562 section 4), of whatever version.
#[must_use]
pub fn is_uuid(name: &str) -> bool {
    let is_right = |(at, byte): (usize, u8)| match at {
        // Not by a look into the list, which costs a component ten times as much.
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    name.len() == UUID_BYTES && name.bytes().enumerate().all(is_right)
}

#[cfg(test)]
mod tests;
