//! The known name that somebody probably meant.

/// How many edits away a name may be and still be offered, for names of up to this many thirds.
const EDITS_PER_CHARACTERS: usize = 3;

/// The name among `known` that is nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let limit = name.chars().count().div_ceil(EDITS_PER_CHARACTERS).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance over characters, letter case and `-` against `_` not counted.
fn distance(one: &str, two: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars()
            .map(|c| {
                if c == '-' {
                    '_'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect()
    };
    let (one, two) = (fold(one), fold(two));
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (index, a) in one.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = index + 1;
        next.push(left);
        for (pair, b) in row.windows(2).zip(&two) {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => continue,
            };
            left = (diagonal + usize::from(a != b))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_keyboard_finds_the_name() {
        let known = ["environment", "files", "key_value_stores", "variables"];
        for (typed, meant) in [
            ("enviroment", Some("environment")),
            ("file", Some("files")),
            ("key-value-stores", Some("key_value_stores")),
            ("VARIABLES", Some("variables")),
            ("networking", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "typed {typed:?}");
        }
    }
}
