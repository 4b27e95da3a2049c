//! The matcher against the plainest matcher that can be written: every pattern is tried, and the most
//! specific one that fits is taken.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::{Pattern, PatternError, Policy, RequestHead, Screened};

const ROUNDS: u64 = 400;
const PATTERNS_PER_ROUND: u64 = 12;
const PATHS_PER_ROUND: u64 = 400;
/// Letters in either case, so that folding them matters; one longer than fits in a node.
const LITERALS: [&str; 5] = [
    "a",
    "b",
    "c",
    "%C3%A9",
    "a-literal-that-is-longer-than-a-node-holds",
];

#[test]
fn a_path_is_decided_by_the_most_specific_pattern_that_fits_it() {
    let mut random = Random(0xACE);
    let (mut hits, mut misses) = (0, 0);
    for _ in 0..ROUNDS {
        let patterns = random.patterns();
        let Some(policy) = policy_of(&patterns) else {
            continue;
        };
        for _ in 0..PATHS_PER_ROUND {
            let path = random.path();
            let found = route_of(&policy, &path);
            let expected = most_specific(&patterns, &path);
            assert_eq!(
                found.as_deref(),
                expected,
                "for {path:?} with the patterns {patterns:#?}"
            );
            match found {
                Some(_) => hits += 1,
                None => misses += 1,
            }
        }
    }
    assert!(
        hits > 1000 && misses > 1000,
        "{hits} hits and {misses} misses say little"
    );
}

#[test]
fn thousands_of_routes_are_told_apart() {
    let path = |number: usize| format!("/section-{}/item-{number}/details", number % 10);
    let text: String = (0..10_000)
        .map(|number| format!("[[route]]\npath = \"{}\"\npublic = true\n", path(number)))
        .collect();
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.rules_count(), 10_000);
    for number in 0..10_000 {
        assert_eq!(route_of(&policy, &path(number)), Some(path(number)));
        let missing = format!("/section-{}/item-{number}/detail", number % 10);
        assert_eq!(route_of(&policy, &missing), None);
        let elsewhere = format!("/section-{}/item-{number}/details", (number + 1) % 10);
        assert_eq!(route_of(&policy, &elsewhere), None);
    }
}

#[test]
fn rules_of_one_path_are_found_wherever_they_stand_in_the_file() {
    let rule = |method: &str| {
        format!("[[route]]\npath = \"/x\"\nmethods = [\"{method}\"]\npublic = true\n")
    };
    let other = |number: usize| format!("[[route]]\npath = \"/o{number}\"\npublic = true\n");
    let methods = ["GET", "PUT", "POST", "DELETE"];
    let text: String = methods
        .iter()
        .enumerate()
        .map(|(number, method)| rule(method) + &other(number))
        .collect();
    let policy = Policy::parse(&text).unwrap();
    for method in methods {
        let head = RequestHead {
            method,
            target: "/x",
            authorization: &[],
            ..RequestHead::default()
        };
        assert!(policy.screen(&head).is_ok(), "{method} /x");
    }
    let head = RequestHead {
        method: "PATCH",
        target: "/x",
        authorization: &[],
        ..RequestHead::default()
    };
    assert!(policy.screen(&head).is_err(), "no rule lists PATCH /x");
    for number in 0..methods.len() {
        let path = format!("/o{number}");
        assert_eq!(route_of(&policy, &path), Some(path));
    }
}

#[test]
fn a_pattern_is_shown_as_it_was_written() {
    for text in ["/", "/**", "/a", "/a/{b}/c", "/a/{b}/**", "/caf%C3%A9"] {
        assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn patterns_are_bounded() {
    use doorward_policy::{PATTERN_BYTES_MAX, PATTERN_SEGMENTS_MAX};
    assert!(Pattern::parse(&"/a".repeat(PATTERN_SEGMENTS_MAX)).is_ok());
    let long = Pattern::parse(&"/a".repeat(PATTERN_SEGMENTS_MAX + 1));
    assert_eq!(long, Err(PatternError::TooManySegments));
    assert!(Pattern::parse(&format!("/{}", "a".repeat(PATTERN_BYTES_MAX - 1))).is_ok());
    let long = Pattern::parse(&format!("/{}", "a".repeat(PATTERN_BYTES_MAX)));
    assert_eq!(long, Err(PatternError::TooLong));
}

/// `None` where the patterns do not go together; the policy says so itself.
fn policy_of(patterns: &[String]) -> Option<Policy> {
    let text: String = patterns
        .iter()
        .map(|pattern| format!("[[route]]\npath = \"{pattern}\"\npublic = true\n"))
        .collect();
    Policy::parse(&text).ok()
}

fn route_of(policy: &Policy, path: &str) -> Option<String> {
    let head = RequestHead {
        method: "GET",
        target: path,
        authorization: &[],
        ..RequestHead::default()
    };
    match policy.screen(&head) {
        Ok(Screened::Public(permit)) => Some(permit.route().to_owned()),
        Ok(Screened::Protected(_)) => panic!("all routes are public"),
        Err(_) => None,
    }
}

/// The pattern that is most specific when the case of letters is ignored, unless it does not fit
/// exactly.
fn most_specific<'p>(patterns: &'p [String], path: &str) -> Option<&'p str> {
    let best = patterns
        .iter()
        .filter(|pattern| fits(pattern, path, str::eq_ignore_ascii_case))
        .min_by_key(|pattern| rank(pattern))?;
    fits(best, path, str::eq).then_some(best)
}

fn fits(pattern: &str, path: &str, same: fn(&str, &str) -> bool) -> bool {
    let mut path = segments(path).into_iter();
    for segment in segments(pattern) {
        if segment == "**" {
            return true;
        }
        match path.next() {
            Some(found) if segment.starts_with('{') || same(segment, found) => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

/// Segment by segment: a literal, then a parameter, then the rest; an end goes before the rest.
fn rank(pattern: &str) -> Vec<u8> {
    let mut rank: Vec<u8> = segments(pattern)
        .into_iter()
        .map(|segment| match segment {
            "**" => 3,
            segment if segment.starts_with('{') => 2,
            _ => 1,
        })
        .collect();
    rank.push(0);
    rank
}

fn segments(path: &str) -> Vec<&str> {
    let path = path.trim_start_matches('/').trim_end_matches('/');
    if path.is_empty() {
        Vec::new()
    } else {
        path.split('/').collect()
    }
}

/// xorshift64*: the same patterns and paths in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    }

    fn literal(&mut self) -> &'static str {
        LITERALS[usize::try_from(self.below(LITERALS.len() as u64)).unwrap()]
    }

    fn patterns(&mut self) -> Vec<String> {
        let mut patterns: Vec<String> = Vec::new();
        for _ in 0..PATTERNS_PER_ROUND {
            let mut pattern = String::new();
            for level in 0..self.below(4) {
                pattern.push('/');
                match self.below(3) {
                    0 => pattern.push_str(&format!("{{p{level}}}")),
                    _ => pattern.push_str(self.literal()),
                }
            }
            match self.below(4) {
                0 => pattern.push_str("/**"),
                _ if pattern.is_empty() => pattern.push('/'),
                _ => {}
            }
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        patterns
    }

    fn path(&mut self) -> String {
        let mut path = String::new();
        for _ in 0..self.below(5) {
            path.push('/');
            match self.below(12) {
                0 => path.push_str(&self.literal().to_ascii_uppercase()),
                1 => path.push_str("else"),
                _ => path.push_str(self.literal()),
            }
        }
        if path.is_empty() || self.below(4) == 0 {
            path.push('/');
        }
        path
    }
}
