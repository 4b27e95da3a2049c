//! What a request asks for in its query: every parameter that is wrong is told at once.

use doorward_syntax::form::{decode, parameters};
use doorward_syntax::numbers::parse_digits;

use crate::problem::{FieldError, Problem};

/// The parameters of a query, taken one by one.
#[derive(Debug)]
pub struct Parameters {
    left: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// Those of a query. What is wrong with them is told at the [end](Self::end).
    pub fn of(query: &str) -> Self {
        let mut left: Vec<(String, String)> = Vec::new();
        let mut errors = Vec::new();
        for (name, value) in parameters(query.as_bytes()) {
            let shown = String::from_utf8_lossy(name).into_owned();
            let text = |text| String::from_utf8(decode(text)?).ok();
            match (text(name), text(value)) {
                (Some(name), _) if left.iter().any(|(known, _)| *known == name) => {
                    errors.push(FieldError::query(name, "is there twice"));
                }
                (Some(name), Some(value)) => left.push((name, value)),
                _ => errors.push(FieldError::query(shown, "is no encoded text")),
            }
        }
        Self { left, errors }
    }

    /// The value of a parameter, if it is there.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let at = self.left.iter().position(|(known, _)| known == name)?;
        Some(self.left.swap_remove(at).1)
    }

    /// A number from 1 to `max`.
    pub fn number(&mut self, name: &str, default: u64, max: u64) -> u64 {
        let Some(text) = self.text(name) else {
            return default;
        };
        match parse_digits(&text) {
            Some(number) if (1..=max).contains(&number) => number,
            _ => {
                self.wrong(name, format!("has to be a whole number from 1 to {max}"));
                default
            }
        }
    }

    /// Says that a parameter is wrong.
    pub fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError::query(name, detail));
    }

    /// What was read, if nothing is wrong and nothing is left.
    ///
    /// # Errors
    /// 400 with every parameter that is wrong, unknown, or there twice.
    pub fn end<T>(mut self, read: T) -> Result<T, Problem> {
        for (name, _) in core::mem::take(&mut self.left) {
            self.wrong(&name, "is not known here");
        }
        match self.errors.is_empty() {
            true => Ok(read),
            false => Err(Problem::invalid_query(self.errors)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::Parameters;

    fn read(query: &str) -> Option<(Option<String>, u64)> {
        let mut parameters = Parameters::of(query);
        let read = (
            parameters.text("type"),
            parameters.number("limit", 20, 1_000),
        );
        parameters.end(read).ok()
    }

    #[test]
    fn a_parameter_is_read_once_by_its_name() {
        assert_eq!(read(""), Some((None, 20)));
        let read = read("limit=1000&t%79pe=a%26b+c").expect("it is right");
        assert_eq!(read, (Some("a&b c".to_owned()), 1_000));
    }

    #[test]
    fn what_is_wrong_unknown_or_there_twice_is_refused() {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=+1",
            "limit=",
            "limit=1&limit=1",
            "type=a&t%79pe=a",
            "type=%ff",
            "type=%z",
            "types=a",
        ] {
            assert_eq!(read(query), None, "{query}");
        }
    }
}
