//! The known name that somebody probably meant.

/// How many edits away a name may be and still be offered, for names of up to this many thirds.
const EDITS_PER_CHARACTERS: usize = 3;

/// The name among `known` that is nearest to `name`, if one is near enough to be meant. Letter case and `-`
/// against `_` are not counted.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let limit = name.chars().count().div_ceil(EDITS_PER_CHARACTERS).max(1);
    let name = fold(name);
    known
        .into_iter()
        .map(|candidate| (strsim::levenshtein(&name, &fold(candidate)), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
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
