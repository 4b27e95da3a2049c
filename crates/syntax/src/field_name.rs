//! Names of header fields as an upstream could fold them.
//!
//! CGI, and what imitates it, upper-cases a name and writes `_` for `-`; some write it for `.`, and some for
//! anything that is neither letter nor digit. Whoever removes a field by its name, or sets one, has to know it in
//! all these spellings.

/// Names, or how names begin: in lower case, and with a letter first. Nearly all fields of a message are told
/// apart from all of them by their length and their first letter.
pub struct Names {
    names: &'static [&'static str],
    /// Bit n is set where one has n bytes.
    lengths: u64,
    /// One bit for the first letter of each.
    initials: u32,
}

impl Names {
    /// A table of these.
    #[must_use]
    pub const fn new(names: &'static [&'static str]) -> Self {
        let mut all = Self {
            names,
            lengths: 0,
            initials: 0,
        };
        let mut rest = names;
        while let [name, others @ ..] = rest {
            all.lengths |= length_bit(name);
            all.initials |= initial_bit(name);
            rest = others;
        }
        all
    }

    /// The names as they were given.
    #[must_use]
    pub const fn all(&self) -> &'static [&'static str] {
        self.names
    }

    /// Whether a name is one of these, in any spelling that an upstream could fold.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Whether a name begins with one of these, in any spelling that an upstream could fold.
    #[must_use]
    pub fn begin(&self, name: &str) -> bool {
        self.find_beginning(name).is_some()
    }

    /// Which of these a name is.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static str> {
        if self.lengths & length_bit(name) == 0 || self.initials & initial_bit(name) == 0 {
            return None;
        }
        let mut names = self.names.iter().copied();
        names.find(|known| known.len() == name.len() && begins_with(name, known))
    }

    /// Which of these a name begins with.
    #[must_use]
    pub fn find_beginning(&self, name: &str) -> Option<&'static str> {
        let initial = initial_bit(name);
        if self.initials & initial == 0 {
            return None;
        }
        let mut prefixes = self.names.iter().copied();
        prefixes.find(|prefix| initial_bit(prefix) == initial && begins_with(name, prefix))
    }
}

/// One bit for the length of a name: folding changes none. Names that are longer than a bit can say share the
/// last one.
#[must_use]
pub const fn length_bit(name: &str) -> u64 {
    let length = name.len();
    1 << if length < 64 { length } else { 63 }
}

/// The same for both cases of a letter.
#[inline(always)]
const fn initial_bit(name: &str) -> u32 {
    match name.as_bytes() {
        [first, ..] => 1 << (*first & 31),
        [] => 0,
    }
}

/// Whether two names are one to an upstream that folds them. Folding exchanges bytes one for one, so names of
/// different lengths stay different.
#[must_use]
pub fn same_when_folded(left: &str, right: &str) -> bool {
    left.len() == right.len() && begins_with(left, right)
}

/// Whether a name begins with this, in any spelling that an upstream could fold.
#[must_use]
pub fn begins_with(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len()
        && name
            .bytes()
            .zip(prefix.bytes())
            .all(|(byte, known)| byte == known || fold_byte(byte) == fold_byte(known))
}

/// What all bytes have in common that an upstream could take for one.
#[must_use]
pub const fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, begins_with, fold_byte, same_when_folded};

    #[test]
    fn no_name_is_lost_between_its_length_and_its_first_letter() {
        const KNOWN: Names = Names::new(&["a", "b-c", "bcde", "connection", "x-1", LONG]);
        const LONG: &str =
            "z-a-name-that-is-longer-than-sixty-three-bytes-which-is-all-that-a-bit-of-u64-says";
        for &name in KNOWN.all() {
            let folded = name.replace('-', "_");
            for spelling in [name, &name.to_uppercase(), &folded] {
                assert!(KNOWN.has(spelling), "{spelling} is known");
                let longer = format!("{spelling}~");
                assert!(KNOWN.begin(&longer), "{longer} begins with one");
                assert!(!KNOWN.has(&longer), "{longer} is another one");
            }
        }
        for name in [
            "",
            "c",
            "abcd",
            "bcdf",
            "-",
            "connectios",
            "x-2",
            &"z".repeat(LONG.len()),
        ] {
            assert!(!KNOWN.has(name), "{name} is none of them");
        }
        for name in ["", "b", "c", "x-", "connectio", "-a"] {
            assert!(!KNOWN.begin(name), "{name} begins with none of them");
        }
    }

    #[test]
    fn names_are_one_where_an_upstream_could_fold_them() {
        for (left, right, same) in [
            ("x-user", "X-User", true),
            ("x-user", "x_user", true),
            ("x-user", "X.USER", true),
            ("x-user", "x~user", true),
            ("", "", true),
            ("x-user", "x-users", false),
            ("x-user", "xxuser", false),
            ("x-user1", "x-user2", false),
            ("x-user", "x--user", false),
        ] {
            assert_eq!(same_when_folded(left, right), same, "{left}, {right}");
            assert_eq!(same_when_folded(right, left), same, "{right}, {left}");
        }
        assert!(begins_with("X_User.Name", "x-user-"));
        assert!(begins_with("x-user", ""));
        assert!(!begins_with("x-use", "x-user"));
        assert!(!begins_with("x-username", "x-user-"));
    }

    #[test]
    fn a_byte_is_a_letter_a_digit_or_like_any_other() {
        for byte in 0..=u8::MAX {
            let expected = match byte {
                b'A'..=b'Z' => byte + 32,
                b'a'..=b'z' | b'0'..=b'9' => byte,
                _ => b'-',
            };
            assert_eq!(fold_byte(byte), expected, "{}", byte.escape_ascii());
        }
    }
}
