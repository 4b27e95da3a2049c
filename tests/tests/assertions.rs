//! Checks of the tests: each of them asserts something, whatever makes it a test.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use doorward_tests::tokens::tokens;
use doorward_tests::tree::{files, has_extension, shown, text_of};

/// Functions of the libraries for tests that assert, and are called from elsewhere.
const ASSERTING_FUNCTIONS: [&str; 3] = ["assert_committed", "pieces_come_back", "status"];
/// Methods of those libraries that assert: they panic where what they wait for does not come.
const ASSERTING_METHODS: [&str; 3] = ["assert_committed", "read_until", "until"];

/// Where functions become cases. Elsewhere only `cases!` makes them, so that they can be seen here.
const RUNNERS: [&str; 2] = ["tests/src/served/run.rs", "runtime-tests/src/run.rs"];

#[test]
fn every_test_asserts_something() {
    let files: Vec<(PathBuf, String)> = files()
        .into_iter()
        .filter(|file| has_extension(file, "rs"))
        .map(|file| (file.clone(), text_of(&file)))
        .collect();
    let read: Vec<(&Path, Source<'_>)> = files
        .iter()
        .map(|(file, text)| (file.as_path(), Source::read(text)))
        .collect();
    let (mut tests, mut wrong) = (0, Vec::new());
    let mut by_folder = BTreeMap::new();
    for (file, source) in &read {
        let folder = file.parent().unwrap();
        let asserting = by_folder.entry(folder).or_insert_with(|| {
            let beside = read.iter().filter(|(other, _)| is_beside(other, folder));
            asserting(&beside.map(|(_, source)| source).collect::<Vec<_>>())
        });
        tests += source.tests().count();
        let name = shown(file);
        let silent = silent(source, asserting).into_iter();
        wrong.extend(silent.map(|test| format!("{name}: {test}")));
        if source.makes_cases && !RUNNERS.contains(&name.as_str()) {
            wrong.push(format!("{name}: what is not made a case by cases!"));
        }
    }
    assert!(tests > 1000, "only {tests} tests were found");
    assert!(wrong.is_empty(), "no assertion in\n{}", wrong.join("\n"));
}

#[test]
fn what_is_said_to_assert_does() {
    let mut left: BTreeSet<&str> = ASSERTING_FUNCTIONS
        .into_iter()
        .chain(ASSERTING_METHODS)
        .collect();
    for file in files().iter().filter(|file| has_extension(file, "rs")) {
        let text = text_of(file);
        let source = Source::read(&text);
        for function in &source.functions {
            let listed = match function.is_method {
                true => ASSERTING_METHODS.contains(&function.name),
                false => ASSERTING_FUNCTIONS.contains(&function.name),
            };
            if listed && asserting(&[&source]).contains(&(function.name, function.is_method)) {
                left.remove(function.name);
            }
        }
    }
    assert!(left.is_empty(), "no function of these asserts: {left:?}");
}

#[test]
fn a_test_that_asserts_nothing_is_seen_whatever_makes_it_one() {
    let nothing = "{ let answer = ask().await.unwrap(); drop(answer); }";
    let something = "{ let answer = ask(); assert_eq!(answer, 1); }";
    for test in [
        "#[test] fn it_holds()",
        "#[test]\n#[ignore = \"slow\"]\nfn it_holds()",
        "#[cfg(unix)] #[test] pub(crate) fn it_holds() -> Result<(), [u8; 2]>",
        "#[tokio::test] async fn it_holds()",
        "#[tokio::test(flavor = \"multi_thread\", worker_threads = 2)]\nasync fn it_holds()",
        "#[test_case(1, 2)] fn it_holds(one: u8, other: u8)",
        "#[rstest] fn it_holds(#[case] one: u8)",
        "mod tests { #[test] fn it_holds()",
        "macro_rules! tests { ($name:ident) => { #[test] fn $name()",
        "const CASES: &[Case] = cases![it_holds]; async fn it_holds(host: &dyn Host)",
        "const CASES: &[Case] = served_cases![a::it_holds,]; async fn it_holds()",
        "fn main() { run(run::cases![; in_process: it_holds]) } async fn it_holds()",
        "fn main() { run(cases![\nx; both_manners:\nit_holds, y]) } fn it_holds(h: &H)",
    ] {
        let others = "fn x() { assert!(true) } fn y() { panic!() }";
        let found = silent_in(&format!("{others} {test} {nothing}"));
        assert_eq!(found.len(), 1, "{test}: {found:?}");
        let found = silent_in(&format!("{others} {test} {something}"));
        assert!(found.is_empty(), "{test}: {found:?}");
    }
    let found = silent_in("const CASES: &[Case] = cases![elsewhere];");
    assert_eq!(found, ["elsewhere"], "a case that is not there");
    for makes in [
        "Trial::test(name, || Ok(()))",
        "Case { run: Run::InProcess(f) }",
    ] {
        let text = format!("fn main() {{ {makes} }}");
        assert!(Source::read(&text).makes_cases, "{makes}");
    }
}

#[test]
fn what_asserts_is_told_from_what_only_looks_like_it() {
    for body in [
        "assert!(x)",
        "assert_ne!(x, y)",
        "if x { panic!(\"{x}\") }",
        "helper(x)",
        "a::helper::<T>(x).await",
        "by_another(x)",
        "everywhere!(helper)",
        "status(&answer, 200, \"\")",
        "origin.until(\"asked\", || true).await",
        "book.close()",
    ] {
        let found = silent_in(&format!("{HELPERS} #[test] fn it_holds() {{ {body} }}"));
        assert!(found.is_empty(), "{body} asserts");
    }
    for body in [
        "",
        "x.unwrap(); y.expect(\"z\")",
        "// assert!(x)",
        "/* panic!() */",
        "print(\"assert!(x)\")",
        "print(r##\" \"# assert!(x) \"##)",
        "#[expect(unused, reason = \"\")] let x = 1;",
        "debug_assert!(x)",
        "std::panic::catch_unwind(x)",
        "answer.status()",
        "until(x)",
        "close(book)",
        "x.helper()",
        "let helper = 1; f(helper)",
        "quiet()",
        "it_holds()",
        "fn within() { helper() }",
        "#[test] fn other() { assert!(x) }",
    ] {
        let found = silent_in(&format!("{HELPERS} #[test] fn it_holds() {{ {body} }}"));
        assert_eq!(found, ["it_holds"], "{body} asserts nothing");
    }
}

/// Functions beside a test.
const HELPERS: &str = "
    fn helper<T>(x: T) where T: Fn(u8) -> [u8; 2] { assert!(x) }
    fn by_another(x: u8) { helper(x) }
    fn quiet() { let f: fn(u8) = helper_of_none; }
    fn expect(x: u8) { assert!(x) }
    impl Book { fn close(&mut self) { assert!(self.is_whole) } }
    trait Other { fn until(); }
";

/// The tests that assert nothing in a text that stands alone.
fn silent_in(text: &str) -> Vec<String> {
    let source = Source::read(text);
    let silent = silent(&source, &asserting(&[&source]));
    silent.into_iter().map(str::to_owned).collect()
}

/// Whether a file has what tests in a folder find beside them: it is in there, or the module around it.
fn is_beside(file: &Path, folder: &Path) -> bool {
    file.parent() == Some(folder) || file == folder.with_extension("rs")
}

/// The tests that assert nothing, neither themselves nor by a function beside them. So does a case that is not
/// there.
fn silent<'t>(source: &Source<'t>, asserting: &BTreeSet<Called<'t>>) -> Vec<&'t str> {
    let functions = source.functions.iter();
    let is_silent = |function: &&Function<'_>| !function.asserts_by(asserting);
    let tests = functions.clone().filter(|function| function.is_test);
    let tests = tests.filter(is_silent).map(|function| function.name);
    let cases = source.cases.iter().copied().filter(|&name| {
        let mut here = functions.clone().filter(|it| it.name == name).peekable();
        match here.peek() {
            Some(_) => here.any(|function| is_silent(&function)),
            None => !asserting.contains(&(name, false)),
        }
    });
    tests.chain(cases).collect()
}

/// The functions that assert, themselves or by another one of them.
fn asserting<'t>(sources: &[&Source<'t>]) -> BTreeSet<Called<'t>> {
    let mut asserting = BTreeSet::new();
    loop {
        let before = asserting.len();
        for function in sources.iter().flat_map(|source| &source.functions) {
            if function.asserts_by(&asserting) {
                asserting.insert((function.name, function.is_method));
            }
        }
        if asserting.len() == before {
            return asserting;
        }
    }
}

/// The name of a function, and whether it is called as a method.
type Called<'t> = (&'t str, bool);

/// What a file has for tests.
struct Source<'t> {
    functions: Vec<Function<'t>>,
    /// The names of the functions that `cases!` makes cases of.
    cases: Vec<&'t str>,
    /// Whether something else makes cases.
    makes_cases: bool,
}

struct Function<'t> {
    name: &'t str,
    /// Whether an attribute makes it a test.
    is_test: bool,
    /// Whether it takes `self`.
    is_method: bool,
    /// What it calls, or hands to a macro that does.
    calls: BTreeSet<Called<'t>>,
    /// Whether it asserts by itself, or by what is known to.
    asserts: bool,
}

impl<'t> Source<'t> {
    fn read(text: &'t str) -> Self {
        let tokens = tokens(text);
        let mut source = Self {
            functions: Vec::new(),
            cases: cases(&tokens),
            makes_cases: has(&tokens, &["Trial", "::", "test"]) || has(&tokens, &["Run", "::"]),
        };
        source.read_functions(&tokens);
        source
    }

    /// The names of all tests.
    fn tests(&self) -> impl Iterator<Item = &'t str> {
        let tests = self.functions.iter().filter(|function| function.is_test);
        let tests = tests.map(|function| function.name);
        tests.chain(self.cases.iter().copied())
    }

    /// Takes in all functions, also those within others, and gives what is left.
    fn read_functions(&mut self, tokens: &[&'t str]) -> Vec<&'t str> {
        let mut left = Vec::new();
        let mut is_test = false;
        let mut at = 0;
        while let Some(&token) = tokens.get(at) {
            let rest = &tokens[at..];
            if let ["#", "[", ..] | ["#", "!", "[", ..] = rest {
                let length = 1 + group(&rest[1..], "[", "]");
                is_test |= makes_test(&rest[..length]);
                at += length;
            } else if let Some((mut function, body, length)) = function(rest) {
                function.is_test = is_test;
                let body = self.read_functions(body);
                function.read(&body);
                self.functions.push(function);
                is_test = false;
                at += length;
            } else {
                is_test &= ![";", "{", "}"].contains(&token);
                left.push(token);
                at += 1;
            }
        }
        left
    }
}

impl<'t> Function<'t> {
    /// Takes in its body, without attributes and the functions within.
    fn read(&mut self, body: &[&'t str]) {
        for at in 0..body.len() {
            let before = &body[..at];
            match body[at..] {
                [name, "!", ..] if name.starts_with("assert") || name == "panic" => {
                    self.asserts = true;
                }
                [name, "(", ..] | [name, "::", "<", ..] => {
                    self.calls.insert((name, before.ends_with(&["."])));
                }
                [name, ..] if before.ends_with(&["!", "("]) => {
                    self.calls.insert((name, false));
                }
                _ => {}
            }
        }
        let by = |names: &[&str], is_method| {
            let mut names = names.iter();
            names.any(|name| self.calls.contains(&(*name, is_method)))
        };
        self.asserts |= by(&ASSERTING_FUNCTIONS, false) || by(&ASSERTING_METHODS, true);
    }

    /// Whether it asserts, itself or by one of these.
    fn asserts_by(&self, asserting: &BTreeSet<Called<'t>>) -> bool {
        self.asserts || !self.calls.is_disjoint(asserting)
    }
}

/// The function that begins here, its body if it has one, and how many tokens it is of. The body is not read yet.
fn function<'s, 't>(tokens: &'s [&'t str]) -> Option<(Function<'t>, &'s [&'t str], usize)> {
    let (name, signature) = match tokens {
        ["fn", "$", name, ..] => (*name, 3),
        ["fn", name, ..] if !["(", "<"].contains(name) => (*name, 2),
        _ => return None,
    };
    let mut depth = 0_usize;
    let mut end = signature;
    while let Some(&token) = tokens.get(end) {
        match token {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "{" | ";" if depth == 0 => break,
            _ => {}
        }
        end += 1;
    }
    let takes = tokens[signature..end]
        .iter()
        .skip_while(|token| **token != "(");
    let mut takes = takes
        .skip(1)
        .take_while(|token| ![",", ":", ")"].contains(*token));
    let length = match tokens.get(end) {
        Some(&"{") => group(&tokens[end..], "{", "}"),
        _ => 0,
    };
    let function = Function {
        name,
        is_test: false,
        is_method: takes.any(|token| *token == "self"),
        calls: BTreeSet::new(),
        asserts: false,
    };
    Some((function, &tokens[end..end + length], end + length))
}

/// How many tokens there are up to the end of the first group in these brackets.
fn group(tokens: &[&str], open: &str, close: &str) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if *token == open {
            depth += 1;
        } else if *token == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

/// Whether an attribute makes a test of what follows: the last part of its name speaks of tests.
fn makes_test(attribute: &[&str]) -> bool {
    let name = attribute.iter().skip(2);
    let name = name.take_while(|token| !["(", "]", "="].contains(*token));
    name.last().is_some_and(|part| part.contains("test"))
}

/// The functions that `cases!` and `served_cases!` make cases of.
fn cases<'t>(tokens: &[&'t str]) -> Vec<&'t str> {
    let mut cases = Vec::new();
    for at in 0..tokens.len() {
        let ["cases" | "served_cases", "!", list @ ..] = &tokens[at..] else {
            continue;
        };
        if list.first() != Some(&"[") {
            continue;
        }
        let list = &list[1..group(list, "[", "]")];
        let is_name = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let names = list
            .windows(2)
            .filter(|pair| is_name(pair[0]) && pair[1] != ":" && pair[1] != "::");
        cases.extend(names.map(|pair| pair[0]));
    }
    cases
}

/// Whether these tokens stand somewhere side by side.
fn has(tokens: &[&str], those: &[&str]) -> bool {
    tokens.windows(those.len()).any(|some| some == those)
}
