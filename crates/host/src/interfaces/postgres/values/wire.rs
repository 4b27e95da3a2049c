//! Reading what is on the wire, and the parts that arrays and ranges have of it.

use super::types::{Bound, Range};

/// Bytes that are yet to be read.
pub struct Wire<'a>(pub &'a [u8]);

/// What is wrong with a value.
pub type Read<T> = Result<T, String>;

/// Of a range, in its first byte.
const EMPTY: u8 = 0x01;
const FROM_INCLUSIVE: u8 = 0x02;
const TO_INCLUSIVE: u8 = 0x04;
const FROM_NOWHERE: u8 = 0x08;
const TO_NOWHERE: u8 = 0x10;
/// The length of what is not there.
const NULL: i32 = -1;

impl<'a> Wire<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| short())
    }

    /// A byte.
    pub fn u8(&mut self) -> Read<u8> {
        Ok(u8::from_be_bytes(self.number()?))
    }

    /// A number of two bytes.
    pub fn i16(&mut self) -> Read<i16> {
        Ok(i16::from_be_bytes(self.number()?))
    }

    /// A number of two bytes, without a sign.
    pub fn u16(&mut self) -> Read<u16> {
        Ok(u16::from_be_bytes(self.number()?))
    }

    /// A number of four bytes.
    pub fn i32(&mut self) -> Read<i32> {
        Ok(i32::from_be_bytes(self.number()?))
    }

    /// A number of eight bytes.
    pub fn i64(&mut self) -> Read<i64> {
        Ok(i64::from_be_bytes(self.number()?))
    }

    /// A number of eight bytes, without a sign.
    pub fn u64(&mut self) -> Read<u64> {
        Ok(u64::from_be_bytes(self.number()?))
    }

    /// A value with its length before it.
    fn counted(&mut self) -> Read<Option<&'a [u8]>> {
        match self.i32()? {
            NULL => Ok(None),
            length => self
                .take(usize::try_from(length).map_err(|_| short())?)
                .map(Some),
        }
    }

    /// The elements of an array. One with more than one dimension has no word in the interface.
    pub fn array<T>(&mut self, read: impl Fn(&'a [u8]) -> Read<T>) -> Read<Vec<Option<T>>> {
        let dimensions = self.i32()?;
        let (_has_null, _type) = (self.i32()?, self.i32()?);
        let count = match dimensions {
            0 => 0,
            1 => {
                let count = self.i32()?;
                let _first_index = self.i32()?;
                count
            }
            _ => return Err("it is an array of arrays".to_owned()),
        };
        (0..count)
            .map(|_| self.counted()?.map(&read).transpose())
            .collect()
    }

    /// A range. One that is empty is from `nothing` to the same, both left out: the interface has no other word.
    pub fn range<T: Clone>(
        &mut self,
        nothing: &T,
        read: impl Fn(&'a [u8]) -> Read<T>,
    ) -> Read<Range<T>> {
        let flags = self.u8()?;
        if flags & EMPTY != 0 {
            let end = Some((nothing.clone(), Bound::Exclusive));
            return Ok((end.clone(), end));
        }
        let mut end = |is_nowhere: u8, inclusive: u8| -> Read<Option<(T, Bound)>> {
            if flags & is_nowhere != 0 {
                return Ok(None);
            }
            let value = self.counted()?.ok_or_else(short)?;
            let bound = match flags & inclusive != 0 {
                true => Bound::Inclusive,
                false => Bound::Exclusive,
            };
            Ok(Some((read(value)?, bound)))
        };
        Ok((
            end(FROM_NOWHERE, FROM_INCLUSIVE)?,
            end(TO_NOWHERE, TO_INCLUSIVE)?,
        ))
    }
}

/// Writes a value with its length before it.
fn put_counted<E: From<String>>(
    out: &mut Vec<u8>,
    put: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut value = Vec::new();
    put(&mut value)?;
    let length = i32::try_from(value.len()).map_err(|_| "it is too long".to_owned())?;
    out.extend(length.to_be_bytes());
    out.append(&mut value);
    Ok(())
}

/// Writes an array whose elements are of the type with this number.
pub fn put_array<T, E: From<String>>(
    out: &mut Vec<u8>,
    element_type: u32,
    elements: &[Option<T>],
    put: impl Fn(&T, &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let count = i32::try_from(elements.len()).map_err(|_| "it is too long".to_owned())?;
    let has_null = elements.iter().any(Option::is_none);
    let (dimensions, first_index) = (1_i32, 1_i32);
    out.extend(dimensions.to_be_bytes());
    out.extend(i32::from(has_null).to_be_bytes());
    out.extend(element_type.to_be_bytes());
    out.extend(count.to_be_bytes());
    out.extend(first_index.to_be_bytes());
    for element in elements {
        match element {
            Some(element) => put_counted(out, |out| put(element, out))?,
            None => out.extend(NULL.to_be_bytes()),
        }
    }
    Ok(())
}

/// Writes a range.
pub fn put_range<T, E: From<String>>(
    out: &mut Vec<u8>,
    (from, to): &Range<T>,
    put: impl Fn(&T, &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let flag = |end: &Option<(T, Bound)>, nowhere: u8, inclusive: u8| match end {
        None => nowhere,
        Some((_, Bound::Inclusive)) => inclusive,
        Some((_, Bound::Exclusive)) => 0,
    };
    out.push(flag(from, FROM_NOWHERE, FROM_INCLUSIVE) | flag(to, TO_NOWHERE, TO_INCLUSIVE));
    for (value, _) in [from, to].into_iter().flatten() {
        put_counted(out, |out| put(value, out))?;
    }
    Ok(())
}

fn short() -> String {
    "it is shorter than it says".to_owned()
}
