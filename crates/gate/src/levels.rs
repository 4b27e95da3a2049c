//! Which events the log has: what an operator writes into a variable in the syntax of `RUST_LOG`.
//!
//! ```text
//! warn                            no event below that
//! info,doorward::keys=error       of the keys only errors
//! doorward::upstream=off          nothing of upstreams; all else as where nothing is said, at `info`
//! ```
//!
//! A part of the gate is named `doorward::` and its name, all of it `doorward`. What is for other programs is passed
//! over, since one text may be for several. Events of the audit are in the log whatever is said here.

use doorward_policy::LogRule;
use std::fmt;

/// The longest text, in bytes.
pub const LEVELS_BYTES_MAX: usize = 1024;

/// The parts of the gate that have events.
pub const TARGETS: [&str; 8] = [
    "gate",
    "health",
    "introspection",
    "keys",
    "revocation",
    "store",
    "telemetry",
    "upstream",
];

/// The position of `info` among [`LogRule::LEVELS`], which is so where nothing is said.
const INFO: u8 = 3;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be, and worth knowing: keys were fetched.
    Info,
    /// Somebody was refused, or something had to be done without.
    Warn,
    /// The application is set up wrongly or cannot do its work.
    Error,
}

impl Level {
    /// As the log has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Which events the log has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// For each of [`TARGETS`], how much of it is told.
    of: [u8; TARGETS.len()],
}

impl Default for Levels {
    /// All but what is for who looks for an error in the gate.
    fn default() -> Self {
        Self {
            of: [INFO; TARGETS.len()],
        }
    }
}

impl Levels {
    /// Reads the text.
    ///
    /// # Errors
    /// Where something in it means nothing.
    pub fn parse(text: &str) -> Result<Self, LevelsError> {
        if text.len() > LEVELS_BYTES_MAX {
            return Err(LevelsError::at(0, Problem::TooLong));
        }
        let (mut all, mut of_gate) = (None, None);
        let mut of_target = [None; TARGETS.len()];
        let mut offset = 0;
        for directive in text.split(',') {
            let at = offset + (directive.len() - directive.trim_start().len());
            offset += directive.len() + 1;
            let directive = directive.trim();
            if directive.is_empty() {
                continue;
            }
            let (target, level) = match directive.split_once('=') {
                Some((target, level)) => (target.trim(), Some(level.trim())),
                None => match level_of(directive) {
                    Some(level) => {
                        all = Some(level);
                        continue;
                    }
                    None => (directive, None),
                },
            };
            let level = match level {
                // As `RUST_LOG` has it: all that there is.
                None => Some(LogRule::LEVELS.len() as u8 - 1),
                Some(name) => level_of(name),
            };
            let Some(level) = level else {
                return Err(LevelsError::at(at + target.len(), Problem::Level));
            };
            if target == "doorward" {
                of_gate = Some(level);
            } else if let Some(name) = target.strip_prefix("doorward::") {
                let place = TARGETS.iter().position(|target| *target == name);
                let Some(of_target) = place.and_then(|place| of_target.get_mut(place)) else {
                    return Err(LevelsError::at(at, Problem::Target));
                };
                *of_target = Some(level);
            } else if !directive.contains('=') && !target.contains("::") {
                return Err(LevelsError::at(at, Problem::Level));
            }
        }
        let otherwise = of_gate.or(all).unwrap_or(INFO);
        Ok(Self {
            of: of_target.map(|level| level.unwrap_or(otherwise)),
        })
    }

    /// Whether the log has events of this part, one of [`TARGETS`], at this level.
    #[must_use]
    pub fn admit(&self, target: &str, level: Level) -> bool {
        let needed = match level {
            Level::Error => 1,
            Level::Warn => 2,
            Level::Info => INFO,
        };
        let mut all = TARGETS.iter().zip(self.of);
        all.any(|(name, told)| *name == target && told >= needed)
    }
}

fn level_of(name: &str) -> Option<u8> {
    let mut names = LogRule::LEVELS.iter();
    let place = names.position(|known| known.eq_ignore_ascii_case(name))?;
    u8::try_from(place).ok()
}

/// Why a text says nothing of levels. The text is not repeated: it may be something else, a secret for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelsError {
    /// After how many bytes of the text.
    pub offset: usize,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    TooLong,
    Level,
    Target,
}

impl LevelsError {
    fn at(offset: usize, problem: Problem) -> Self {
        Self { offset, problem }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self.problem {
            Problem::TooLong => "say it in fewer words, such as `warn`",
            Problem::Level => "there are `off`, `error`, `warn`, `info`, `debug` and `trace`",
            Problem::Target => {
                "after `doorward::` there are `gate`, `health`, `introspection`, `keys`, `revocation`, `store` and \
                 `upstream`"
            }
        }
    }
}

impl fmt::Display for LevelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.offset;
        match self.problem {
            Problem::TooLong => write!(f, "more than {LEVELS_BYTES_MAX} bytes"),
            Problem::Level => write!(f, "no level after {at} bytes"),
            Problem::Target => write!(f, "no part of the gate after {at} bytes"),
        }
    }
}

impl std::error::Error for LevelsError {}
