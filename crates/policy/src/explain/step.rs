//! One step of a decision, and all of them.

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not. The first one that does not is why the request is refused.
    Failed,
    /// It was not looked at, because one before it failed.
    NotReached,
    /// It cannot be found out here.
    NotChecked,
    /// Nothing is checked: it says what was found, or what else there is to know.
    Told,
}

impl Outcome {
    /// A stable name, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotReached => "not-reached",
            Self::NotChecked => "not-checked",
            Self::Told => "told",
        }
    }
}

/// A step of a decision.
///
/// It holds no part of a credential but what a check is about: the header's `alg`, `kid` and `typ`, and claims that a
/// check names, those of a genuine token only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is looked at.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// What else there is to say, a sentence each.
    pub notes: Vec<String>,
    /// The line of the policy that says so, counted from 1.
    pub line: Option<usize>,
}

impl Step {
    pub(super) fn new(name: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            outcome,
            expected: None,
            found: None,
            notes: Vec::new(),
            line: None,
        }
    }

    pub(super) fn passed(name: impl Into<String>) -> Self {
        Self::new(name, Outcome::Passed)
    }

    pub(super) fn failed(name: impl Into<String>) -> Self {
        Self::new(name, Outcome::Failed)
    }

    pub(super) fn told(name: impl Into<String>) -> Self {
        Self::new(name, Outcome::Told)
    }

    /// Passed or failed.
    pub(super) fn of(name: impl Into<String>, holds: bool) -> Self {
        let outcome = if holds {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        Self::new(name, outcome)
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(super) fn notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    pub(super) fn line(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }
}
