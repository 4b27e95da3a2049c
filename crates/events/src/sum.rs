//! The sum of gzip (RFC 1952 section 8). Its table has 1 KiB; faster ones have 16.

use crc::{CRC_32_ISO_HDLC, Crc, Digest};

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The sum over what comes.
pub type Sum = Digest<'static, u32>;

/// The sum over nothing.
pub fn sum() -> Sum {
    CRC.digest()
}

/// The sum over this.
pub fn sum_of(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}
