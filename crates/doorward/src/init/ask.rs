//! Questions to whoever sits at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use anyhow::{Context as _, Result, bail};

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 4096;

/// The answer to a question. Nobody is asked where standard input is no terminal: there `flag` has to say it.
pub(super) fn line(flag: &str, question: &str) -> Result<String> {
    let input = io::stdin();
    if !input.is_terminal() {
        bail!("`{flag}` is missing, and nobody can be asked: standard input is no terminal");
    }
    eprint!("{question}");
    let mut answer = String::new();
    let mut input = input.lock().take(ANSWER_BYTES_MAX);
    input
        .read_line(&mut answer)
        .context("the answer cannot be read")?;
    let answer = answer.trim();
    if answer.is_empty() {
        bail!("there is no answer; `{flag}` says the same");
    }
    Ok(answer.to_owned())
}
