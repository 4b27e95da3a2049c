//! Where a short text is in another one.

/// What is before the first `part`, and what is behind it: `str::split_once`, of which a component would have
/// three kilobytes for long texts that nobody searches here.
#[must_use]
#[inline(never)]
pub fn split_once<'t>(text: &'t str, part: &str) -> Option<(&'t str, &'t str)> {
    let starts = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with(part));
    let at = (0..text.len()).find(starts)?;
    Some((text.get(..at)?, text.get(at + part.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::split_once;

    #[test]
    fn a_text_is_split_where_a_part_is_first() {
        for text in [
            "",
            "a",
            "://",
            "a://b",
            "a://b://c",
            "a:/b//c",
            "aa://",
            "::///",
            "é://ü",
            "é",
        ] {
            for part in ["://", "a", "é", "//c"] {
                assert_eq!(
                    split_once(text, part),
                    text.split_once(part),
                    "{text} {part}"
                );
            }
        }
    }
}
