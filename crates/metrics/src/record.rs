//! What is in a slot of the store, as bytes.
//!
//! Instruments are named, and each has its length before it, so that one that this version does not know is passed over.
//! What cannot be read is as good as nothing: whoever writes the slot next begins anew.

use crate::instrument::{Instrument, Kind};
use crate::point::{BUCKETS, Distribution, Point, Value};
use crate::totals::{FRACTION_BYTES, Totals};

/// How a record begins. Its number goes up where the same bytes would be read otherwise: where the bounds of histograms
/// change, too.
const MAGIC: &[u8] = b"doorward-metrics 1\n";

/// What is in a slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// In which second it was written, since 1970.
    pub second_s: u64,
    /// By whom: a random number for each time.
    pub writer: u64,
    /// What was measured.
    pub totals: Totals,
}

impl Record {
    /// What is in a slot that was never written, or with what cannot be read.
    #[must_use]
    pub fn empty(bytes_max: usize) -> Self {
        Self {
            second_s: 0,
            writer: 0,
            totals: Totals::new(bytes_max),
        }
    }

    /// Reads one; `None`: it is none of this version, or not whole, or has more than `bytes_max`.
    #[must_use]
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Option<Self> {
        if bytes.len() > bytes_max {
            return None;
        }
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let mut record = Self::empty(bytes_max);
        record.second_s = number(&mut rest)?;
        record.writer = number(&mut rest)?;
        while !rest.is_empty() {
            let name = text(&mut rest)?;
            let length = number(&mut rest)?;
            let group = taken(&mut rest, length)?;
            let mut all = Instrument::ALL.iter();
            if let Some(instrument) = all.find(|one| one.name() == name) {
                read_group(group, *instrument, &mut record.totals)?;
            }
        }
        Some(record)
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_number(&mut bytes, self.second_s);
        put_number(&mut bytes, self.writer);
        for instrument in Instrument::ALL {
            let series = self.totals.series();
            let mut group = Vec::new();
            for (_, labels, value) in series.filter(|(one, _, _)| one == instrument) {
                for label in labels {
                    put_text(&mut group, label);
                }
                put_value(&mut group, value);
            }
            if group.is_empty() {
                continue;
            }
            put_text(&mut bytes, instrument.name());
            let form = form(*instrument);
            put_number(&mut bytes, (group.len() + form.len()) as u64);
            bytes.extend(form);
            bytes.extend(group);
        }
        bytes
    }
}

/// How the series of an instrument look.
fn form(instrument: Instrument) -> [u8; 2] {
    let kind = match instrument.kind() {
        Kind::Counter => b'c',
        Kind::Gauge => b'g',
        Kind::Histogram => b'h',
    };
    // There are few.
    [kind, u8::try_from(instrument.labels().len()).unwrap_or(0)]
}

/// Where they look otherwise than here, they are passed over.
fn read_group(group: &[u8], instrument: Instrument, totals: &mut Totals) -> Option<()> {
    let Some(mut rest) = group.strip_prefix(form(instrument).as_slice()) else {
        return Some(());
    };
    while !rest.is_empty() {
        let mut labels = Vec::new();
        for _ in instrument.labels() {
            labels.push(text(&mut rest)?.to_owned());
        }
        let value = match instrument.kind() {
            Kind::Counter => Value::Sum(number(&mut rest)?),
            Kind::Gauge => Value::Last(fraction(&mut rest)?),
            Kind::Histogram => {
                let mut counts = [0; BUCKETS];
                for count in &mut counts {
                    *count = number(&mut rest)?;
                }
                let sum = fraction(&mut rest)?;
                Value::Distribution(Box::new(Distribution { counts, sum }))
            }
        };
        totals.add(Point {
            instrument,
            labels,
            value,
        });
    }
    Some(())
}

fn put_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Sum(sum) => put_number(bytes, *sum),
        Value::Last(last) => bytes.extend(last.to_le_bytes()),
        Value::Distribution(all) => {
            for count in all.counts {
                put_number(bytes, count);
            }
            bytes.extend(all.sum.to_le_bytes());
        }
    }
}

/// A number, seven bits in each byte, the lowest first (LEB128).
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_number(bytes, text.len() as u64);
    bytes.extend(text.as_bytes());
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = rest.split_off_first()?;
        let bits = u64::from(byte & 0x7f);
        let there = bits << shift;
        if there >> shift != bits {
            return None;
        }
        number |= there;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// One that is finite and not below 0: all that is measured is.
fn fraction(rest: &mut &[u8]) -> Option<f64> {
    let bytes = taken(rest, FRACTION_BYTES as u64)?;
    let fraction = f64::from_le_bytes(bytes.try_into().ok()?);
    (fraction.is_finite() && fraction >= 0.0).then_some(fraction)
}

fn text<'b>(rest: &mut &'b [u8]) -> Option<&'b str> {
    let length = number(rest)?;
    str::from_utf8(taken(rest, length)?).ok()
}

fn taken<'b>(rest: &mut &'b [u8], length: u64) -> Option<&'b [u8]> {
    rest.split_off(..usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests;
