//! From schemas to a program, ahead of time. No component has this.

mod ecma;
mod encode;
mod keywords;
mod pattern;
mod pattern_error;
mod problem;
mod uri;
mod walk;

pub use keywords::{KEYWORDS, REFUSED, Role, Within};
pub use pattern_error::{PATTERN_BYTES_MAX, PatternError};
pub use problem::Problem;
pub use walk::DIALECT;

use encode::{Bytes, Encoder, Patterns};
use walk::Document;

use super::format::{FORMAT, MAGIC, NODES_MAX, checksum};
use super::program::Schemas;
use super::read::ProgramError;
use crate::json::Tape;

/// A schema to compile.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// The type of the events that it is for.
    pub kind: &'s str,
    /// How its file is called, for what is wrong with it.
    pub file: &'s str,
    /// What is in the file.
    pub text: &'s str,
}

/// Compiles schemas to one program. The same schemas in whatever order are the same bytes.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn compile(sources: &[Source<'_>]) -> Result<Vec<u8>, Vec<Problem>> {
    let mut sources = sources.to_vec();
    sources.sort_by_key(|source| source.kind);
    let mut problems = Vec::new();
    for (source, next) in sources.iter().zip(sources.iter().skip(1)) {
        if source.kind == next.kind {
            let reason = format!("{} has a schema already, in {}", next.kind, source.file);
            problems.push(whole(next.file, reason));
        }
    }
    let mut tapes = vec![Tape::new(); sources.len()];
    let mut documents = Vec::new();
    for (source, tape) in sources.iter().zip(&mut tapes) {
        match tape.parse(source.text.as_bytes()) {
            Ok(root) => documents.push(Document::walk(source.file, root, &mut problems)),
            Err(error) => problems.push(whole(source.file, error.to_string())),
        }
    }
    let count = documents.iter().map(|document| document.places.len()).sum();
    if count > NODES_MAX {
        problems.push(whole(
            "",
            format!("{count} subschemas in all, and there may be {NODES_MAX}"),
        ));
    }
    let mut patterns = Patterns::default();
    let mut nodes = Bytes::default();
    let mut first = 0;
    nodes.count(count);
    for document in &documents {
        let mut encoder = Encoder {
            document,
            first,
            patterns: &mut patterns,
            problems: &mut problems,
        };
        for place in &document.places {
            let node = encoder.node(place);
            nodes.0.extend_from_slice(&node.0);
        }
        first += document.places.len();
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut body = Bytes::default();
    body.count(patterns.all.len());
    for (text, automaton) in &patterns.all {
        body.text(text);
        body.blob(automaton);
    }
    body.0.extend_from_slice(&nodes.0);
    body.count(sources.len());
    first = 0;
    for (source, document) in sources.iter().zip(&documents) {
        body.text(source.kind);
        body.text(source.text);
        body.count(first + document.place_of(document.root).unwrap_or(0));
        first += document.places.len();
    }
    let program = with_header(&body.0);
    match Schemas::read(&program) {
        Ok(_) => Ok(program),
        Err(ProgramError::Endless(node)) => Err(vec![endless(&documents, node as usize)]),
        Err(error) => Err(vec![whole("", error.to_string())]),
    }
}

fn with_header(body: &[u8]) -> Vec<u8> {
    let mut program = MAGIC.to_vec();
    program.extend_from_slice(&FORMAT.to_le_bytes());
    program.extend_from_slice(&(body.len() as u64).to_le_bytes());
    program.extend_from_slice(&checksum(body).to_le_bytes());
    program.extend_from_slice(body);
    program
}

fn whole(file: &str, reason: String) -> Problem {
    Problem {
        file: file.to_owned(),
        pointer: String::new(),
        reason,
    }
}

fn endless(documents: &[Document<'_>], node: usize) -> Problem {
    let mut node = node;
    for document in documents {
        if let Some(place) = document.places.get(node) {
            return Problem {
                file: document.file.to_owned(),
                pointer: place.pointer.clone(),
                reason: "applies to a value because it applies to it already, by `$ref` and what is around it, or because \
                         of too many others"
                    .to_owned(),
            };
        }
        node -= document.places.len();
    }
    whole("", ProgramError::Endless(0).to_string())
}
