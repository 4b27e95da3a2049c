//! What is written for an event.

/// The most records that are written at once.
pub const BATCH_RECORDS_MAX: usize = 1_000;
/// As soon as a batch has as many bytes it is written. One event more may be in it, and that one has at most
/// [`EVENT_BYTES_MAX`].
pub const BATCH_BYTES: usize = 1024 * 1024;
/// The longest event, in bytes.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Records that are written at once, in the order in which they came.
///
/// All of their text is in two places, which are used again for the next batch, so that a record is not an allocation.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The records as JSON, with a comma before each but the first.
    json: String,
    /// What is told of them besides, one after the other.
    attributes: String,
    entries: Vec<Entry>,
}

/// Where the parts of a record are.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where its JSON begins and ends.
    json: (usize, usize),
    /// Where its `id`, `source` and `type` begin, and where the last of them ends.
    attributes: [usize; 4],
    time_ms: Option<u64>,
}

/// A record: an event in the structured form of CloudEvents 1.0, and what a sink keeps of it besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the event is known by to its source. No two events of a source have the same one.
    pub id: &'a str,
    /// Who tells it: a URI reference.
    pub source: &'a str,
    /// What it is called (`type`).
    pub kind: &'a str,
    /// When it happened, in milliseconds since 1970, where it says so.
    pub time_ms: Option<u64>,
    /// The whole event as JSON (CloudEvents JSON format 1.0.2), without line breaks.
    pub json: &'a str,
}

impl Batch {
    /// A batch without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record.
    pub fn push(&mut self, record: &Record<'_>) {
        let mut draft = self.begin();
        draft.json().push_str(record.json);
        for text in [record.id, record.source, record.kind] {
            draft.attribute(|attributes| attributes.push_str(text));
        }
        draft.finish(record.time_ms);
    }

    /// Begins a record that is written here, in place. It is added when it is finished.
    pub fn begin(&mut self) -> Draft<'_> {
        let before = (self.json.len(), self.attributes.len());
        if !self.entries.is_empty() {
            self.json.push(',');
        }
        Draft {
            json: self.json.len(),
            attributes: [self.attributes.len(); 4],
            written: 0,
            before,
            is_finished: false,
            batch: self,
        }
    }

    /// The records in the order in which they came.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        let part = |from: usize, to: usize| self.attributes.get(from..to).unwrap_or_default();
        self.entries.iter().map(move |entry| {
            let [id, source, kind, end] = entry.attributes;
            Record {
                id: part(id, source),
                source: part(source, kind),
                kind: part(kind, end),
                time_ms: entry.time_ms,
                json: self
                    .json
                    .get(entry.json.0..entry.json.1)
                    .unwrap_or_default(),
            }
        })
    }

    /// All of them as the members of one JSON array, without its brackets.
    #[must_use]
    pub fn json_members(&self) -> &str {
        &self.json
    }

    /// All of them as one JSON array.
    #[must_use]
    pub fn json_array(&self) -> String {
        ["[", &self.json, "]"].concat()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it has to be written before there is one more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() >= BATCH_RECORDS_MAX || self.json.len() >= BATCH_BYTES
    }

    /// Takes all records out. What they had for their text is kept.
    pub fn clear(&mut self) {
        self.json.clear();
        self.attributes.clear();
        self.entries.clear();
    }
}

/// A record while it is written. One that is not finished is forgotten.
#[derive(Debug)]
pub struct Draft<'b> {
    batch: &'b mut Batch,
    /// How much of both texts was there before it.
    before: (usize, usize),
    /// Where its JSON begins.
    json: usize,
    attributes: [usize; 4],
    /// How many attributes were written.
    written: usize,
    is_finished: bool,
}

impl Draft<'_> {
    /// The text to whose end its JSON is written.
    pub const fn json(&mut self) -> &mut String {
        &mut self.batch.json
    }

    /// Has the next of `id`, `source` and `type` written to the end of a text.
    pub fn attribute(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.batch.attributes);
        self.written += 1;
        let ends = self.attributes.iter_mut().skip(self.written);
        ends.for_each(|end| *end = self.batch.attributes.len());
    }

    /// Adds the record.
    pub fn finish(mut self, time_ms: Option<u64>) {
        self.is_finished = true;
        let json = (self.json, self.batch.json.len());
        self.batch.entries.push(Entry {
            json,
            attributes: self.attributes,
            time_ms,
        });
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.batch.json.truncate(self.before.0);
            self.batch.attributes.truncate(self.before.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BATCH_BYTES, BATCH_RECORDS_MAX, Batch, Record};

    fn record(id: &'static str) -> Record<'static> {
        Record {
            id,
            source: "urn:test",
            kind: "",
            time_ms: Some(7),
            json: r#"{"specversion":"1.0"}"#,
        }
    }

    #[test]
    fn what_is_pushed_comes_back_in_its_order_and_a_cleared_batch_has_nothing() {
        let mut batch = Batch::new();
        let pushed = [record("a"), record(""), record("ccc")];
        for record in &pushed {
            batch.push(record);
        }
        assert_eq!(batch.records().collect::<Vec<_>>(), pushed);
        assert_eq!(
            batch.json_members(),
            r#"{"specversion":"1.0"},{"specversion":"1.0"},{"specversion":"1.0"}"#
        );
        batch.clear();
        assert!(batch.is_empty());
        assert_eq!(batch.json_members(), "");
        batch.push(&record("d"));
        assert_eq!(batch.records().collect::<Vec<_>>(), [record("d")]);
    }

    #[test]
    fn a_record_that_is_not_finished_is_forgotten() {
        let mut batch = Batch::new();
        for _ in 0..2 {
            let mut draft = batch.begin();
            draft.json().push_str("{}");
            draft.attribute(|text| text.push('x'));
            drop(draft);
            batch.push(&record("a"));
        }
        assert_eq!(batch.records().collect::<Vec<_>>(), [record("a"); 2]);
        let json = record("a").json;
        assert_eq!(batch.json_members(), format!("{json},{json}"));
    }

    #[test]
    fn a_batch_is_full_by_its_records_or_by_its_bytes() {
        let mut batch = Batch::new();
        for _ in 1..BATCH_RECORDS_MAX {
            batch.push(&record("a"));
        }
        assert!(!batch.is_full());
        batch.push(&record("a"));
        assert!(batch.is_full());

        let mut batch = Batch::new();
        let json = "1".repeat(BATCH_BYTES);
        let long = Record {
            json: &json,
            ..record("a")
        };
        batch.push(&long);
        assert!(batch.is_full());
    }
}
