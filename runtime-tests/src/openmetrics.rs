//! The parser of OpenMetrics that Prometheus' own client for Python has, in place of one of ours.

use crate::made::Made;
use crate::python;
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What reads a text with it.
const READER: &str = "read.py";

const MADE: Made = Made {
    name: "openmetrics",
    title: "the parser of OpenMetrics",
};

/// A sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Its labels: an object of texts.
    pub labels: Value,
    /// Its value.
    pub value: f64,
    /// Of which type the metric is.
    pub kind: String,
}

/// Installs the parser where it is not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and the parser cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    python::tools_of(&MADE)?;
    MADE.once("reader", &[READER], || {});
    Ok(())
}

/// The samples of a text.
///
/// # Errors
/// What the parser has against it.
///
/// # Panics
/// Where it cannot be run.
pub fn samples(text: &str) -> Result<Vec<Sample>, String> {
    let program: PathBuf = MADE.folder().join("venv/bin/python");
    let mut child = Command::new(program)
        .arg(MADE.folder().join(READER))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run Python");
    let mut input = child.stdin.take().expect("its input");
    let sent = text.to_owned();
    let sending = std::thread::spawn(move || input.write_all(sent.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    let sent = sending.join().expect("the text is sent");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    sent.expect("it has read the text");
    let samples: Vec<(String, Value, f64, String)> =
        serde_json::from_slice(&output.stdout).expect("what it says is JSON");
    let samples = samples.into_iter();
    Ok(samples
        .map(|(name, labels, value, kind)| Sample {
            name,
            labels,
            value,
            kind,
        })
        .collect())
}
