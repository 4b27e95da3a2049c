//! Patterns, compiled to automata.

use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;

use super::ecma::translate;
use super::pattern_error::{PATTERN_BYTES_MAX, PatternError};

/// Largest automaton while it is made, in bytes.
const MAKING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Up to so many bytes an automaton is made as small as it can be: that takes longer than making it.
const MINIMISED_BYTES_MAX: usize = 256 * 1024;

/// The automaton of a pattern: whether it is found anywhere in a text, in time that grows with the text alone.
///
/// # Errors
/// It is no pattern, not one that is supported, or too large.
pub(super) fn automaton(pattern: &str) -> Result<Vec<u8>, PatternError> {
    let expression = translate(pattern)?;
    let hir = regex_syntax::parse(&expression).map_err(|error| {
        PatternError::Malformed(match error {
            regex_syntax::Error::Parse(error) => format!("the pattern is none: {}", error.kind()),
            regex_syntax::Error::Translate(error) => {
                format!("the pattern is none: {}", error.kind())
            }
            error => format!("the pattern is none: {error}"),
        })
    })?;
    let nfa = thompson::Compiler::new()
        .configure(thompson::Config::new().nfa_size_limit(Some(MAKING_BYTES_MAX)))
        .build_from_hir(&hir)
        .map_err(|_| PatternError::TooLarge)?;
    let build = |minimise: bool| {
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .accelerate(false)
            .minimize(minimise)
            .dfa_size_limit(Some(MAKING_BYTES_MAX))
            .determinize_size_limit(Some(MAKING_BYTES_MAX));
        let dense = dense::Builder::new().configure(config).build_from_nfa(&nfa);
        dense.map_err(|_| PatternError::TooLarge)
    };
    let mut dense = build(false)?;
    if dense.memory_usage() <= MINIMISED_BYTES_MAX {
        dense = build(true)?;
    }
    let sparse = dense.to_sparse().map_err(|_| PatternError::TooLarge)?;
    let bytes = sparse.to_bytes_little_endian();
    if bytes.len() > PATTERN_BYTES_MAX {
        return Err(PatternError::TooLarge);
    }
    Ok(bytes)
}
