//! Checks of modules: those of a room form a tree, and what touches WASI stays small.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use doorward_tests::tokens::tokens;

/// Most lines of the engine's platform on WASI.
const EDGE_LINES_MAX: usize = 1500;

#[test]
fn the_platform_at_the_edge_stays_small() {
    let lines: usize = rust_files("crates/edge/src")
        .values()
        .map(|text| text.lines().count())
        .sum();
    assert!(
        lines <= EDGE_LINES_MAX,
        "crates/edge has {lines} lines: what happens to a request belongs into crates/gate"
    );
}

#[test]
fn no_module_uses_one_that_uses_it() {
    let rooms = rooms();
    for room in &rooms {
        let files = rust_files(room);
        if let Some(circle) = circle(&uses(&files)) {
            let named = circle.iter().map(|module| match module.as_str() {
                "" => "the root",
                module => module,
            });
            let named: Vec<&str> = named.collect();
            panic!("{room}: a circle: {}", named.join(" -> "));
        }
    }
    assert!(rooms.len() > 2, "only {} rooms were checked", rooms.len());
}

#[test]
fn the_check_of_modules_sees_every_way_to_use_one() {
    let module = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let circle_of = |texts: [&str; 3]| {
        let [root, one, other] = texts;
        let files = [
            module("", root),
            module("one", one),
            module("one::within", ""),
            module("other", other),
        ];
        circle(&uses(&files.into()))
    };
    for (one, other) in [
        ("use crate::other;", "use crate::one;"),
        ("use crate::other::X;", "fn f() { crate::one::f() }"),
        (
            "use crate::{one, other::{self, X}};",
            "use super::one::X as Y;",
        ),
        ("use super::{one::X, other::X};", "type T = super::one::T;"),
        (
            "use super::other::*;",
            "#[cfg(test)]\nuse a::b; use crate::{other::c, one};",
        ),
        (
            "fn f(_: &'static str) { '\"'; super::other::f() }",
            "r#\"\"#; use crate::one;",
        ),
    ] {
        let found = circle_of(["", one, other]);
        assert!(found.is_some(), "{one} and {other} make a circle");
        assert_eq!(circle_of(["", one, ""]), None, "{one} alone");
        assert_eq!(circle_of(["", "", other]), None, "{other} alone");
    }
    let of_root = circle_of(["pub use one::X;", "use crate::X;", ""]);
    assert!(of_root.is_some(), "a name of the root is a use of the root");
    for other in [
        "// use crate::one;",
        "/* use crate::one; */",
        "\"\\\" crate::one\"",
        "r#\" \" crate::one \"#",
        "#[cfg(test)]\nmod tests { use crate::one; }",
        "#[cfg(test)]\n#[expect(a)]\nuse crate::{one};",
        "use self::one::X; use a::one;",
    ] {
        let found = circle_of(["", "use crate::other::X;", other]);
        assert_eq!(found, None, "{other} uses nothing");
    }
    let test = "#[cfg(test)]\nmod other;";
    let found = circle_of([test, "use crate::other;", "use super::one;"]);
    assert_eq!(found, None, "a test may use what it tests");
}

/// The folders with source files of our own.
fn rooms() -> Vec<String> {
    let mut rooms = Vec::new();
    for folder in ["components", "crates"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let room = format!("{folder}/{name}/src");
            if root().join(&room).is_dir() {
                rooms.push(room);
            }
        }
    }
    rooms.sort_unstable();
    rooms
}

/// The text of every source file below a folder, by the path of its module; the root's is empty.
fn rust_files(folder: &str) -> BTreeMap<String, String> {
    fn collect(folder: &Path, module: &[String], files: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut inner = module.to_vec();
            if path.is_dir() {
                inner.push(stem);
                collect(&path, &inner, files);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                if !matches!(stem.as_str(), "lib" | "main" | "mod") {
                    inner.push(stem);
                }
                files.insert(inner.join("::"), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(&root().join(folder), &[], &mut files);
    assert!(!files.is_empty(), "{folder} has no source files");
    files
}

/// For each module those that it uses: the ones that stand directly within it, and whatever it names, up to
/// the root. A name that the root passes on is a use of the root. Modules for tests are left out, as is what else
/// is only there for them: a test uses what it tests.
fn uses(files: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut uses = BTreeMap::new();
    let mut of_tests = Vec::new();
    for (module, text) in files {
        let parts: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
        let mut tokens = tokens(text);
        for name in cut_tests(&mut tokens) {
            let inner = parts.iter().copied().chain([name.as_str()]);
            of_tests.push(inner.collect::<Vec<_>>().join("::"));
        }
        let mut used = BTreeSet::new();
        for path in paths(&tokens) {
            let named = path_of(&parts, &path, files);
            if named != *module && !is_within(&named, module) {
                used.insert(named);
            }
        }
        let children = files.keys().filter(|other| {
            let parent = other.rsplit_once("::").map_or("", |(parent, _)| parent);
            *other != module && parent == module
        });
        used.extend(children.cloned());
        uses.insert(module.clone(), used);
    }
    let is_test = |module: &String| {
        let mut tests = of_tests.iter();
        tests.any(|test| module == test || is_within(module, test))
    };
    uses.retain(|module, _| !is_test(module));
    for used in uses.values_mut() {
        used.retain(|module| !is_test(module));
    }
    uses
}

/// Whether a module stands somewhere within another one, which is not the root.
fn is_within(module: &str, around: &str) -> bool {
    let rest = module.strip_prefix(around);
    !around.is_empty() && rest.is_some_and(|rest| rest.starts_with("::"))
}

/// The module that a path names, or which has what it names.
fn path_of(module: &[&str], path: &[&str], files: &BTreeMap<String, String>) -> String {
    let mut place = match path.first() {
        Some(&"crate") => Vec::new(),
        _ => module.to_vec(),
    };
    for part in path {
        match *part {
            "crate" | "self" => {}
            "super" => {
                place.pop();
            }
            part => place.push(part),
        }
    }
    while !files.contains_key(&place.join("::")) {
        place.pop();
    }
    place.join("::")
}

/// Takes out what stands under `#[cfg(test)]`, and gives the names of the files for tests.
fn cut_tests(tokens: &mut Vec<&str>) -> Vec<String> {
    const CFG: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut files = Vec::new();
    while let Some(start) = tokens.windows(CFG.len()).position(|some| some == CFG) {
        let mut end = start + CFG.len();
        // More of the attributes.
        while tokens.get(end) == Some(&"#") {
            end += tokens[end..]
                .iter()
                .position(|token| *token == "]")
                .unwrap()
                + 1;
        }
        let item = end;
        let is_use = tokens[item..]
            .iter()
            .find(|token| !["pub", "(", "crate", ")"].contains(token));
        let is_use = is_use == Some(&"use");
        let mut depth = 0_usize;
        for token in &tokens[item..] {
            end += 1;
            match *token {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if depth == 0 && !is_use {
                        break;
                    }
                }
                ";" if depth == 0 => break,
                _ => {}
            }
        }
        let name = tokens[item..end].iter().position(|token| *token == "mod");
        if let Some(name) = name
            && let [name, ";"] = tokens[item + name + 1..end]
        {
            files.push(name.to_owned());
        }
        tokens.drain(start..end);
    }
    files
}

/// Every path that begins with `crate`, `super` or `self`, those in braces one by one.
fn paths<'t>(tokens: &[&'t str]) -> Vec<Vec<&'t str>> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = ["crate", "super", "self"].contains(&tokens[at])
            && tokens.get(at + 1) == Some(&"::")
            && (at == 0 || tokens[at - 1] != "::");
        if begins {
            at = follow(tokens, at, Vec::new(), &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

/// Follows a path from one of its parts on, and gives the place after it.
fn follow<'t>(
    tokens: &[&'t str],
    mut at: usize,
    mut path: Vec<&'t str>,
    paths: &mut Vec<Vec<&'t str>>,
) -> usize {
    while let Some(&token) = tokens.get(at) {
        at += 1;
        if token == "{" {
            while let Some(&next) = tokens.get(at)
                && next != "}"
            {
                // What is between two of them is a comma, or another name for the one before.
                match tokens[at - 1] {
                    "{" | "," => at = follow(tokens, at, path.clone(), paths),
                    _ => at += 1,
                }
            }
            return at + 1;
        }
        path.push(token);
        if tokens.get(at) != Some(&"::") {
            break;
        }
        at += 1;
    }
    paths.push(path);
    at
}

/// The shortest way from a module back to itself, if there is one.
fn circle(uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let circles = uses.keys().filter_map(|module| circle_from(module, uses));
    circles.min_by_key(Vec::len)
}

/// The shortest way from one module back to itself, if there is one.
fn circle_from(start: &String, uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in uses.get(way.last()?).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
