//! The fields of one message.

use core::fmt;

/// Header or trailer fields: name by name and value by value, in the order in which they came.
///
/// Names are compared without regard to case (RFC 9110 section 5.1). How an upstream could fold them is another
/// matter: [`same_when_folded`](doorward_syntax::field_name::same_when_folded).
#[derive(Clone, Default)]
pub struct FieldList {
    fields: Vec<(String, Vec<u8>)>,
    /// A bit for the name of each ([`sieve_bit`]), and perhaps of some that were taken out. A request is asked for a dozen
    /// names, of which it has two or three.
    sieve: u64,
}

impl FieldList {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fields: Vec::new(),
            sieve: 0,
        }
    }

    /// These, by name and value.
    #[must_use]
    pub fn of<const N: usize>(fields: [(&str, &str); N]) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
        fields.into_iter().map(owned).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How long their names and values are together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let bytes = self.iter().map(|(name, value)| name.len() + value.len());
        bytes.sum()
    }

    /// The name of each.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| &**name)
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }

    /// As hosts take them.
    #[must_use]
    pub fn as_slice(&self) -> &[(String, Vec<u8>)] {
        &self.fields
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    /// The value of each field of this name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let fields = self.perhaps_named(name).iter();
        fields.filter_map(move |(there, value)| is_field(there, name).then_some(&**value))
    }

    /// All fields where there may be one of this name; otherwise none.
    fn perhaps_named(&self, name: &str) -> &[(String, Vec<u8>)] {
        match self.sieve & sieve_bit(name) {
            0 => &[],
            _ => &self.fields,
        }
    }

    /// The value of each field of this name, to be kept.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<Vec<u8>> {
        // A loop, because in a component an iterator's closure is a call for each field.
        let mut values = Vec::new();
        for (there, value) in self.perhaps_named(name) {
            if is_field(there, name) {
                values.push(value.clone());
            }
        }
        values
    }

    /// The value of the field of this name, where it was sent once.
    ///
    /// # Errors
    /// There are several.
    pub fn only(&self, name: &str) -> Result<Option<&[u8]>, SeveralFields> {
        let mut values = self.named(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(SeveralFields),
            None => Ok(first),
        }
    }

    /// The value of the field of this name, where it was sent once and is text; of anything else, nothing.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        core::str::from_utf8(self.only(name).ok()??).ok()
    }

    /// The values of a list field as one (RFC 9110 section 5.3), where they are text.
    #[must_use]
    pub fn joined(&self, name: &str) -> Option<String> {
        String::from_utf8(self.values(name).join(&b", "[..])).ok()
    }

    /// Adds one at the end.
    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.sieve |= sieve_bit(name);
        self.fields.push((name.to_owned(), value.into()));
    }

    /// Puts one at the end that takes the place of all of this name.
    pub fn replace(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        if self.has(name) {
            self.retain(|there| !is_field(there, name));
        }
        self.push(name, value);
    }

    /// Makes one field at the end of all of this name, with `between` between their values; `false` where there
    /// are not several.
    pub fn join(&mut self, name: &str, between: &[u8]) -> bool {
        let values = self.values(name);
        let several = values.len() > 1;
        if several {
            self.replace(name, values.join(between));
        }
        several
    }

    /// Takes out those of this name, and gives the value of the last one.
    pub fn take_last(&mut self, name: &str) -> Option<Vec<u8>> {
        let last = self.values(name).pop()?;
        self.retain(|there| !is_field(there, name));
        Some(last)
    }

    /// Takes out those whose name does not stay.
    pub fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.fields.retain(|(name, _)| stays(name));
    }

    /// Takes out those that do not stay; the others may get another value.
    pub fn retain_mut(&mut self, stays: impl Fn(&str, &mut Vec<u8>) -> bool) {
        self.fields.retain_mut(|(name, value)| stays(name, value));
    }
}

/// Without values: they may be secrets.
impl fmt::Debug for FieldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Default for &FieldList {
    fn default() -> Self {
        const { &FieldList::new() }
    }
}

/// By the fields alone.
impl PartialEq for FieldList {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for FieldList {}

impl From<Vec<(String, Vec<u8>)>> for FieldList {
    fn from(fields: Vec<(String, Vec<u8>)>) -> Self {
        let bits = fields.iter().map(|(name, _)| sieve_bit(name));
        Self {
            sieve: bits.fold(0, |sieve, bit| sieve | bit),
            fields,
        }
    }
}

impl From<FieldList> for Vec<(String, Vec<u8>)> {
    fn from(fields: FieldList) -> Self {
        fields.fields
    }
}

impl IntoIterator for FieldList {
    type Item = (String, Vec<u8>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl Extend<(String, Vec<u8>)> for FieldList {
    fn extend<I: IntoIterator<Item = (String, Vec<u8>)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.sieve |= sieve_bit(&name);
            self.fields.push((name, value));
        }
    }
}

impl FromIterator<(String, Vec<u8>)> for FieldList {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(fields: I) -> Self {
        Self::from(Vec::from_iter(fields))
    }
}

/// There are several fields of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeveralFields;

/// Whether this is the name of that field. Most are not, and of those most are told by their length; those that
/// are, nearly always are as they are written here.
#[inline(always)]
#[must_use]
pub fn is_field(there: &str, name: &str) -> bool {
    there.len() == name.len() && (there == name || there.eq_ignore_ascii_case(name))
}

/// One bit for the length and the first letter of a name, the same for all that [`is_field`] takes for one.
#[inline(always)]
fn sieve_bit(name: &str) -> u64 {
    /// Of small factors, this one leaves the fewest of the fields that are asked for with a bit of what browsers send.
    const LENGTH_FACTOR: usize = 10;
    let first = name.bytes().next().unwrap_or_default();
    let mixed = usize::from(first & 0x1f) + name.len() * LENGTH_FACTOR;
    1 << (mixed & 63)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
