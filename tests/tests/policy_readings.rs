//! `escapes = "forward"`: what goes on byte for byte is read by no origin as the path of another rule.
//!
//! The reference knows nothing of how the policy finds that out. It is a crowd of readers, each of which does
//! some of what servers, proxies and frameworks do to a path, in an order of its own; where a path comes out
//! that another rule is for, the request must not have been let through.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::target::canonical_form;
use doorward_policy::{Policy, RequestHead, Screened, Target};

const PATHS: usize = 60_000;
const READERS: usize = 60;
const PIECES_MAX: u64 = 7;
const STEPS_MAX: u64 = 6;

/// Several rules below one that takes paths as they come, and beside it.
const PATTERNS: [(&str, bool); 12] = [
    ("/raw/**", true),
    ("/raw/admin", false),
    ("/raw/admin/{page}", false),
    ("/raw/x/secret/**", false),
    ("/raw/{a}/b/secret", false),
    ("/raw/{a}/open/**", true),
    ("/p/{id}", true),
    ("/p/{id}/x", false),
    ("/p/{id}/k/{key}", true),
    ("/admin", false),
    ("/q/{id}/**", true),
    ("/q/x", true),
];
/// What paths are made of, with a space between each two.
const PIECES: &str = "/raw/ /raw/ /raw/ /p/ /q/ /raw admin secret x b open k a adm in / / / // %2F %2f %252F %25252f \
                      %2 52F %25 %2525 % ; %3B %253b ;x ?q=/raw/admin %3F %23 %253F . .. %2E %2e%2E %252e%252e %00 \
                      %5C \\ %255C %61dmin %2561dmin ADMIN %41 %20 + %C3%A9 %C0%AF %EF%BC%8F %u002e %25u002e @ %40";

fn policy() -> Policy {
    let text: String = PATTERNS
        .iter()
        .map(|(path, forward)| {
            let escapes = if *forward {
                "escapes = \"forward\"\n"
            } else {
                ""
            };
            format!("[[route]]\npath = \"{path}\"\npublic = true\n{escapes}")
        })
        .collect();
    Policy::parse(&text).unwrap()
}

/// The rule and the target to forward.
fn forwarded(policy: &Policy, target: &str) -> Option<(String, String)> {
    let canonical = canonical_form(target);
    let head = RequestHead {
        method: "GET",
        target,
        canonical: canonical.as_deref(),
        ..RequestHead::default()
    };
    match policy.screen(&head) {
        Ok(Screened::Public(permit)) => {
            Some((permit.route().to_owned(), permit.target().to_owned()))
        }
        Ok(Screened::Protected(_)) => panic!("all routes are public"),
        Err(_) => None,
    }
}

#[test]
fn no_reader_takes_a_path_for_one_of_another_rule() {
    let policy = policy();
    let mut random = Random(0xCAFE);
    let (mut strict, mut raw, mut otherwise) = (0, 0, 0);
    for _ in 0..PATHS {
        let target = random.target();
        let Some((route, target_now)) = forwarded(&policy, &target) else {
            continue;
        };
        let path = target_now.split('?').next().unwrap_or_default();
        let forwards = PATTERNS
            .iter()
            .any(|(pattern, forward)| *pattern == route && *forward);
        if forwards {
            assert_eq!(target_now, target, "{route} takes paths as they come");
        }
        match path.contains(['%', ';']) || path.contains("//") {
            true => raw += 1,
            false => strict += 1,
        }
        for _ in 0..READERS {
            let (steps, read) = random.read(path);
            otherwise += usize::from(read != path.as_bytes());
            assert!(
                !segments(&read)
                    .iter()
                    .any(|one| matches!(*one, b"." | b"..")),
                "{steps:?} find a dot segment in {path}"
            );
            for same in [<[u8]>::eq, <[u8]>::eq_ignore_ascii_case] {
                let best = most_specific(&read, same);
                assert!(
                    best.is_none_or(|best| best == route),
                    "{path} is for {route}, and {steps:?} read {}, for {best:?}",
                    String::from_utf8_lossy(&read)
                );
            }
        }
    }
    assert!(
        strict > 200 && raw > 2_000 && otherwise > 20_000,
        "{strict} plain ones, {raw} raw ones and {otherwise} readings say little"
    );
}

#[test]
fn what_clients_of_known_servers_send_arrives_byte_for_byte() {
    let policy = policy();
    for target in [
        // GitLab
        "/raw/api/v4/projects/group%2Fproject/repository/files/lib%2Fclass%2Erb?ref=main",
        "/raw/api/v4/projects/group%2fsub%2fproject/merge_requests",
        "/raw/branches/feature%2F%23123",
        // npm
        "/raw/@scope%2Fname",
        "/raw/@scope%2fname/-/name-1.0.0+build.tgz",
        "/raw/%40scope%2Fname",
        // S3
        "/raw/bucket//double//slash/",
        "/raw/bucket/100%25;v=1,2",
        "/raw/bucket/a%2Bb+c%20d%3Fe%23f",
        "/raw/a%2Fb%25c;d//e%40f%3a",
        "/raw/caf%c3%a9%2F%E6%97%A5",
        "/raw/a%252Fb",
        "/raw/;a=b/c;d",
        "/raw/group%2Fadmin",
        "/raw//a",
        "/raw/",
        "/raw//",
        "/p/group%2Fproject",
        "/p/a;b?c=%zz//..",
        "/q/a%2Fb//c",
    ] {
        let forwarded = forwarded(&policy, target);
        assert_eq!(forwarded.map(|(_, target)| target).as_deref(), Some(target));
    }
}

#[test]
fn what_could_be_meant_for_another_rule_does_not_pass() {
    let policy = policy();
    for target in [
        "/raw//admin",
        "/raw/%61dmin%2F",
        "/raw/%2Fadmin",
        "/raw/admin%2Fx",
        "/raw/admin;x",
        "/raw/admin%3Bx",
        "/raw/admin%253bx",
        "/raw/;/admin",
        "/raw/admin%3Fx",
        "/raw/admin%23",
        "/raw/%2561dmin",
        "/raw/ADMIN;x",
        "/raw/admin;x%2Fy",
        "/raw/x%2Fsecret%2Fy",
        "/raw/x//secret",
        "/raw/x%252Fsecret",
        "/raw/x;%2Fy/secret",
        "/q/x%252F%253bx%252Fadm",
        "/raw/adm%C4%B1n;x",
        "/raw/%EF%BD%81dmin//",
        "/raw/adm%E2%80%8Din;",
        "/p/a%2Fx",
        "/p/a//x",
        // Prefixes are spelt as they are.
        "/%72aw/a%2Fb",
        "/RAW/a%2Fb",
        "//raw/a",
        "/raw%2Fa",
        "/raw;x/a",
        // A rule that does not take paths as they come.
        "/admin;x",
        "/admin//",
        "/raw/admin//",
    ] {
        assert_eq!(forwarded(&policy, target), None, "{target}");
    }
}

#[test]
fn what_no_origin_needs_is_refused_in_every_spelling() {
    let policy =
        Policy::parse("[[route]]\npath = \"/**\"\npublic = true\nescapes = \"forward\"").unwrap();
    let escaped = |text: &str| -> String {
        let escape = |byte: u8| format!("%{byte:02X}");
        text.bytes().map(escape).collect()
    };
    let twice = |text: &str| escaped(text).replace('%', "%25");
    let thrice = |text: &str| twice(text).replace("%25", "%2525");
    for bad in [
        ".",
        "..",
        "...",
        "a.",
        " ",
        " a",
        "a ",
        ". ",
        " ..",
        ".\u{200D}.",
        "..;x",
        "\\",
        "a\\b",
        "\0",
        "a\0b",
        "a\nb",
        "\r",
        "\u{7F}",
        "\u{85}",
        "．",
        "．．",
        "‥",
        "a／b",
        "＼",
        "％2e",
        "；",
        "a？",
        "＃",
        "\u{37E}",
        "\u{202E}",
        "\u{200D}",
    ] {
        let separators = ["/", "%2F", "%252f", "//", "/;/", ";/"];
        for spelt in [escaped(bad), twice(bad), thrice(bad)] {
            for separator in separators {
                for target in [
                    format!("/a{separator}{spelt}"),
                    format!("/a{separator}{spelt}/b"),
                    format!("/{spelt}{separator}b"),
                ] {
                    assert_eq!(forwarded(&policy, &target), None, "{target} for {bad:?}");
                }
            }
        }
    }
    for target in [
        "/a/..",
        "/a/../b",
        "/..",
        "/a%2F..",
        "/a%2F../b",
        "/..%2Fa",
        "/.%2E/a",
        "/%2e./a",
        "/.%252e",
        "/a/..;/b",
        "/a/..;x/b",
        "/a/..%3Bx",
        "/a/..%3Fx",
        "/a/..%23",
        "/a%5C..",
        "/a\\b",
        "/a%00",
        "/a%2500",
        "/a%25255c",
        "/a%25%35%43",
        "/%2525252525252F",
        "/a%C0%AE",
        "/a%25C0%25AE",
        "/a%FF",
        "/a%E9",
        "/a%25u002e%25u002e/b",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%2G",
        "/é",
        "/a b",
        "/a#b",
        "/a\u{0}",
        "/a\"",
        "/a|b",
        "//a",
        "///a",
        "//evil.example/a%2Fb",
        "a",
        "*",
        "",
        "http://a/b",
        "/a%0D%0Ab",
        "/a%0a",
    ] {
        assert_eq!(forwarded(&policy, target), None, "{target}");
    }
    for good in [
        "/a;b",
        "/a%2Fb",
        "/a//b",
        "/a%25",
        "/a%2525b",
        "/a%252",
        "/..a",
        "/.a%2F.b",
        "/a..b%2Fc",
        "/a%3B.b",
        "/;",
        "/a;;b",
    ] {
        let forwarded = forwarded(&policy, good);
        assert_eq!(forwarded.map(|(_, target)| target).as_deref(), Some(good));
    }
}

#[test]
fn rules_of_one_pattern_have_each_their_own_way() {
    let policy = Policy::parse(
        "[[route]]\npath = \"/a/**\"\npublic = true\nmethods = [\"GET\"]\nescapes = \"forward\"\n\
         [[route]]\npath = \"/a/**\"\npublic = true\nmethods = [\"PUT\"]\n",
    )
    .unwrap();
    for (method, target, due) in [
        ("GET", "/a/b%2Fc", Some("/a/b%2Fc")),
        ("GET", "/a/b%40c", Some("/a/b%40c")),
        ("PUT", "/a/b%40c", Some("/a/b@c")),
        ("PUT", "/a/b%2Fc", None),
        ("PUT", "/a/b", Some("/a/b")),
        ("GET", "/%61/b%40c", Some("/a/b@c")),
    ] {
        let canonical = canonical_form(target);
        let head = RequestHead {
            method,
            target,
            canonical: canonical.as_deref(),
            ..RequestHead::default()
        };
        let forwarded = match policy.screen(&head) {
            Ok(Screened::Public(permit)) => Some(permit.target().to_owned()),
            _ => None,
        };
        assert_eq!(forwarded.as_deref(), due, "{method} {target}");
    }
}

#[test]
fn pages_are_told_what_they_may_do_with_every_spelling_of_a_path() {
    let policy = Policy::parse(
        "[cors.web]\norigins = [\"https://app.example\"]\n[defaults]\ncors = \"web\"\n\
         [[route]]\npath = \"/raw/**\"\npublic = true\nescapes = \"forward\"\n\
         [[route]]\npath = \"/a/**\"\npublic = true\n",
    )
    .unwrap();
    for (target, allowed) in [
        ("/raw/a%2Fb", true),
        ("/raw/a%40b", true),
        ("/a/b%40c", true),
        ("/%61/b", true),
        ("/a/b%2Fc", false),
        ("/raw/%2E%2E/a", false),
        ("/A/b", false),
    ] {
        let canonical = canonical_form(target);
        let target_of_both = Target {
            received: target,
            canonical: canonical.as_deref().unwrap_or(target),
        };
        let cors = policy.cors_of(target_of_both);
        assert_eq!(
            policy.preflight(target_of_both, "PUT").is_some(),
            allowed,
            "{target}"
        );
        assert!(cors.is_some(), "{target}: a page can read a refusal, too");
    }
}

#[test]
fn an_escape_that_is_long_in_coming_undone_takes_no_time() {
    let policy = policy();
    for target in [
        format!("/raw/{}", "%25".repeat(1_300)),
        format!("/raw/%{}2F", "25".repeat(2_000)),
        format!("/raw{}", "%2F".repeat(1_300)),
        format!("/raw{}", "/".repeat(4_000)),
        format!("/raw/{}", ";".repeat(4_000)),
        format!("/raw/{}", "x/b/".repeat(1_000)),
    ] {
        let _ = forwarded(&policy, &target);
    }
}

/// What somebody does to a path.
#[derive(Clone, Copy, Debug)]
enum Step {
    Decode,
    /// Apache with `AllowEncodedSlashes NoDecode`.
    DecodeAllButSlashes,
    /// RFC 3986 section 6.2.2.2.
    DecodeUnreserved,
    Merge,
    /// Servlets.
    CutParameters,
    CutAtQuestionMark,
    CutAtHash,
    LowerCase,
    DropLastSlash,
}

const STEPS: [Step; 10] = [
    Step::Decode,
    Step::Decode,
    Step::DecodeAllButSlashes,
    Step::DecodeUnreserved,
    Step::Merge,
    Step::CutParameters,
    Step::CutAtQuestionMark,
    Step::CutAtHash,
    Step::LowerCase,
    Step::DropLastSlash,
];

impl Step {
    fn of(self, path: &[u8]) -> Vec<u8> {
        let until = |end: u8| path.split(|byte| *byte == end).next().unwrap().to_vec();
        match self {
            Self::Decode => decoded(path, |_| true),
            Self::DecodeAllButSlashes => decoded(path, |byte| byte != b'/'),
            Self::DecodeUnreserved => decoded(path, |byte| {
                byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
            }),
            Self::Merge => {
                let mut merged = path.to_vec();
                merged.dedup_by(|one, other| *one == b'/' && *other == b'/');
                merged
            }
            Self::CutParameters => {
                let cut = |one: &[u8]| one.split(|byte| *byte == b';').next().unwrap().to_vec();
                let segments: Vec<Vec<u8>> = path.split(|byte| *byte == b'/').map(cut).collect();
                segments.join(&b'/')
            }
            Self::CutAtQuestionMark => until(b'?'),
            Self::CutAtHash => until(b'#'),
            Self::LowerCase => path.to_ascii_lowercase(),
            Self::DropLastSlash => path.strip_suffix(b"/").unwrap_or(path).to_vec(),
        }
    }
}

fn decoded(mut path: &[u8], which: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::new();
    while let [first, rest @ ..] = path {
        let digits = (*first == b'%').then(|| rest.get(..2)).flatten();
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits
            .map(|digits| u8::from_str_radix(core::str::from_utf8(digits).unwrap(), 16).unwrap());
        match byte.filter(|byte| which(*byte)) {
            Some(byte) => {
                decoded.push(byte);
                path = &rest[2..];
            }
            None => {
                decoded.push(*first);
                path = rest;
            }
        }
    }
    decoded
}

fn segments(path: &[u8]) -> Vec<&[u8]> {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    match path {
        [] => Vec::new(),
        path => path.split(|byte| *byte == b'/').collect(),
    }
}

/// The plainest matcher: every pattern is tried, and the most specific one that fits is taken.
fn most_specific(path: &[u8], same: fn(&[u8], &[u8]) -> bool) -> Option<&'static str> {
    let path = segments(path);
    let fitting = PATTERNS
        .iter()
        .map(|(pattern, _)| *pattern)
        .filter(|pattern| {
            let mut path = path.iter();
            for segment in segments(pattern.as_bytes()) {
                if segment == b"**" {
                    return true;
                }
                match path.next() {
                    Some(found) if segment.starts_with(b"{") && !found.is_empty() => {}
                    Some(found) if same(segment, found) => {}
                    _ => return false,
                }
            }
            path.next().is_none()
        });
    fitting.min_by_key(|pattern| {
        let rank = |segment: &&[u8]| match *segment {
            b"**" => 3,
            segment if segment.starts_with(b"{") => 2,
            _ => 1,
        };
        let mut ranks: Vec<u8> = segments(pattern.as_bytes()).iter().map(rank).collect();
        ranks.push(0);
        ranks
    })
}

/// xorshift64*: the same paths and readers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }

    fn target(&mut self) -> String {
        let pieces: Vec<&str> = PIECES.split(' ').collect();
        let mut target = self.of(&["/raw/", "/raw/", "/p/", "/q/", "/"]).to_owned();
        for _ in 0..self.below(PIECES_MAX) + 1 {
            target.push_str(self.of(&pieces));
        }
        target
    }

    fn read(&mut self, path: &str) -> (Vec<Step>, Vec<u8>) {
        let steps: Vec<Step> = (0..self.below(STEPS_MAX) + 1)
            .map(|_| self.of(&STEPS))
            .collect();
        let mut read = path.as_bytes().to_vec();
        for step in &steps {
            read = step.of(&read);
        }
        (steps, read)
    }
}
