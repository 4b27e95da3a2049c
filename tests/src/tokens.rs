//! Rust as checks of the repository read it: word by word.

/// Words, `::` and single other characters, without comments and what is in quotes.
#[must_use]
pub fn tokens(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
        let mut is_token = false;
        let bytes = if rest.starts_with("//") {
            after("\n")
        } else if rest.starts_with("/*") {
            after("*/")
        } else if let Some(literal) = raw(rest) {
            literal
        } else if first == '"' {
            quoted(rest)
        } else if let Some(literal) = character(rest) {
            literal
        } else {
            is_token = true;
            match rest.find(|c| !is_word(c)).unwrap_or(rest.len()) {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                word => word,
            }
        };
        if is_token && !first.is_whitespace() {
            tokens.push(&rest[..bytes]);
        }
        rest = &rest[bytes..];
    }
    tokens
}

/// How long the raw string is that a text begins with, if it does.
fn raw(text: &str) -> Option<usize> {
    let inner = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let inner = inner.strip_prefix('r')?;
    let content = inner.trim_start_matches('#').strip_prefix('"')?;
    let begins = text.len() - content.len();
    let hashes = inner.len() - content.len() - "\"".len();
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content
        .find(&end)
        .map_or(content.len(), |at| at + end.len());
    Some(begins + length)
}

/// How long the literal is that begins with a quote.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if text.starts_with(character) => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How long the character is that a text begins with in quotes, if it does and is no lifetime.
fn character(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let one = inner.chars().next()?;
    let is_literal = one == '\\' || inner[one.len_utf8()..].starts_with('\'');
    is_literal.then(|| quoted(text))
}
