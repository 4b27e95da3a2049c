//! Each kind of table that a policy can have, what the reader says of its keys, and where it is in the schema.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use doorward_policy::{Code, Policy};
use serde_json::Value;

/// A key that is unlike all others, so that the reader names those that it knows.
const UNKNOWN: &str = "zzzzzzzzzzzzzzzzzzzzzzzz = 1";

/// A kind of table.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// A policy, or a part of one, up to where a key of the table goes.
    pub before: &'static str,
    /// The way to its schema: `*` is any name, `[]` an entry, anything else a key.
    pub way: &'static [&'static str],
    /// A valid policy with such a table, and a mark `▸` where one more key of it can be. Empty where no key has a default.
    pub valid: &'static str,
}

/// What a policy has besides, so that it is valid.
const ISSUER: &str = "[issuer.a]\nurl = \"https://a.example\"\naudience = \"a\"\n";
const ROUTE: &str = "[[route]]\npath = \"/a\"\n";

const fn kind(before: &'static str, way: &'static [&'static str], valid: &'static str) -> Kind {
    Kind { before, way, valid }
}

/// All of them, but for the conditions on claims.
pub const KINDS: [Kind; 29] = [
    kind("", &[], ""),
    kind(
        "[bundle]",
        &["bundle"],
        "[bundle]\nurl = \"https://p.example/a.jws\"\napplication = \"a\"\nkeys = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"\n▸\n",
    ),
    kind(
        "[issuer.a]",
        &["issuer", "*"],
        "[issuer.a]\nurl = \"https://a.example\"\naudience = \"a\"\n▸\n#ROUTE",
    ),
    kind(
        "[issuer.a.introspection]",
        &["issuer", "*", "introspection"],
        "#ISSUER[issuer.a.introspection]\nclient_id = \"g\"\nsecret = \"s\"\n▸\n#ROUTE",
    ),
    kind("[issuer.a.logout]", &["issuer", "*", "logout"], ""),
    kind(
        "[api_keys]",
        &["api_keys"],
        "#ISSUER[api_keys]\nheader = \"x-api-key\"\n▸\n#ROUTEaccept = \"api-key\"\n",
    ),
    kind("[[api_keys.key]]", &["api_keys", "key", "[]"], ""),
    kind("[store]", &["store"], "[store]\n▸\n#ISSUER#ROUTE"),
    kind("[log]", &["log"], "[log]\n▸\n#ISSUER#ROUTE"),
    kind(
        "[health]",
        &["health"],
        "[health]\nready = \"/ready\"\n▸\n#ISSUER#ROUTE",
    ),
    kind(
        "[telemetry]",
        &["telemetry"],
        "[telemetry]\notlp = \"https://c.example\"\n▸\n#ISSUER#ROUTE",
    ),
    kind(
        "[revocation]",
        &["revocation"],
        "[revocation]\n▸\n#ISSUER#ROUTE",
    ),
    kind("[proxy]", &["proxy"], "[proxy]\n▸\n#ISSUER#ROUTE"),
    kind(
        "[upstream.a]\nbackoff_ms = 1",
        &["upstream", "*"],
        "[upstream.a]\nurl = \"https://o.example\"\n▸\n#ISSUER#ROUTEupstream = \"a\"\n",
    ),
    kind(
        "[upstream.a.credential]",
        &["upstream", "*", "credential"],
        "[upstream.a]\nurl = \"https://o.example\"\n[upstream.a.credential]\nsecret = \"s\"\n▸\n#ISSUER#ROUTEupstream = \"a\"\n",
    ),
    kind("[upstream.a.request]", &["upstream", "*", "request"], ""),
    kind("[upstream.a.response]", &["upstream", "*", "response"], ""),
    kind(
        "[cors.a]",
        &["cors", "*"],
        "[cors.a]\norigins = \"https://w.example\"\n▸\n#ISSUER#ROUTEcors = \"a\"\n",
    ),
    kind(
        "[rate_limit.a]",
        &["rate_limit", "*"],
        "[rate_limit.a]\nrequests = 7\nper_s = 7\n▸\n#ISSUER#ROUTErate_limit = \"a\"\n",
    ),
    kind(
        "[limits.a]",
        &["limits", "*"],
        "[limits.a]\nheader_count_max = 9\n▸\n#ISSUER#ROUTElimits = \"a\"\n",
    ),
    kind(
        "[security_headers.a]",
        &["security_headers", "*"],
        "[security_headers.a]\n▸\n#ISSUER#ROUTEsecurity_headers = \"a\"\n",
    ),
    kind("[defaults]", &["defaults"], ""),
    kind(
        "[[route]]\nupstream = \"a\"",
        &["route", "[]"],
        "[upstream.a]\nurl = \"https://o.example\"\n#ISSUER#ROUTEupstream = \"a\"\nstrip_prefix = \"/a\"\n▸\n",
    ),
    kind(
        "[[route]]\n[[route.allow]]",
        &["route", "[]", "allow", "[]"],
        "",
    ),
    kind(
        "[[route]]\nupstream = \"a\"\n[route.split]",
        &["route", "[]", "split"],
        "[upstream.a]\nurl = \"https://o.example\"\n[upstream.b]\nurl = \"https://p.example\"\n#ISSUER#ROUTEupstream = \"a\"\n[route.split]\nto = \"b\"\n▸\n",
    ),
    kind(
        "[[route]]\nupstream = \"a\"\n[route.split.header]",
        &["route", "[]", "split", "header"],
        "",
    ),
    kind(
        "[[route]]\nupstream = \"a\"\n[route.split.cookie]",
        &["route", "[]", "split", "cookie"],
        "",
    ),
    kind(
        "[[route]]\nupstream = \"a\"\n[route.replace]",
        &["route", "[]", "replace"],
        "",
    ),
    kind(
        "[identity.x-a]",
        &["identity", "*"],
        "[identity.x-a]\nclaim = \"c\"\n▸\n#ISSUER#ROUTE",
    ),
];

/// The conditions on a claim, of a route and of an alternative. The reader names these keys nowhere: another one is
/// taken for the rest of a path.
pub const CONDITIONS: [Kind; 2] = [
    kind(
        "[[route]]\npath = \"/{id}\"\n[route.claims.c]",
        &["route", "[]", "claims", "*"],
        "",
    ),
    kind(
        "[[route]]\npath = \"/{id}\"\n[[route.allow]]\n[route.allow.claims.c]",
        &["route", "[]", "allow", "[]", "claims", "*"],
        "",
    ),
];

impl Kind {
    /// The keys that such a table has, by what the reader says of one that it does not know.
    ///
    /// # Panics
    ///
    /// Where it says of none that it does not know it.
    #[must_use]
    pub fn known(&self) -> Vec<String> {
        let before = self.before;
        let text = format!("{before}\n{UNKNOWN}\n");
        let found = Policy::parse(&text).expect_err("a policy with an unknown key");
        let mut unknown = found.as_slice().iter();
        let unknown = unknown.find(|one| one.code == Code::UnknownTomlKey);
        let help = unknown.and_then(|one| one.help.as_deref());
        let help = help.unwrap_or_else(|| panic!("{before}: no unknown key:\n{found}"));
        let keys = help.split('`').skip(1).step_by(2).map(str::to_owned);
        // What knows itself, such as "`[limits]` knows", is no key.
        let keys: Vec<String> = keys.skip(usize::from(help.starts_with('`'))).collect();
        assert!(!keys.is_empty(), "{before}: {help}");
        keys
    }

    /// The schema of such a table, in the schema of a policy.
    #[must_use]
    pub fn schema<'s>(&self, schema: &'s Value) -> &'s Value {
        let mut at = schema;
        for step in self.way {
            at = match *step {
                "*" => &at["additionalProperties"],
                "[]" => &at["items"],
                key => &at["properties"][key],
            };
            // Of several forms the one that is a table, or a list of tables.
            if let Some(forms) = at["anyOf"].as_array() {
                let table = forms.iter().find(|form| form["properties"].is_object());
                at = table.unwrap_or_else(|| panic!("{self:?}: no table at {step}"));
            }
        }
        assert!(at["properties"].is_object(), "{self:?}: no table");
        at
    }

    /// A text with one more key, alone on its line, and the number of that line. What the text has of that key itself
    /// is left out.
    #[must_use]
    pub fn with(&self, key: &str, value: &str) -> (String, usize) {
        let own = format!("{key} = ");
        let lines = self.before.lines().filter(|line| !line.starts_with(&own));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.push(format!("{own}{value}"));
        (lines.join("\n"), lines.len())
    }

    /// A valid policy, and the same with one more line; as long as each other, so that what comes after is at the same
    /// place. `None` where there is none.
    #[must_use]
    pub fn valid_with(&self, line: &str) -> Option<(String, String)> {
        let text = self.valid.replace("#ISSUER", ISSUER);
        let text = text.replace("#ROUTE", ROUTE);
        let comment = "#".repeat(line.len());
        let is_there = text.contains('▸');
        is_there.then(|| (text.replace('▸', &comment), text.replace('▸', line)))
    }
}

/// Texts that keys and names could have as their value, ordinary and odd.
const TEXTS: [&str; 36] = [
    "",
    " ",
    "a",
    "A",
    "9",
    "a_b",
    "a-b",
    "a__b",
    "_a",
    "a_",
    "9a",
    "a9",
    "x-y.z",
    "a b",
    " a",
    "a ",
    "é",
    "a/b",
    "\t",
    "authorization",
    "header:x-a",
    "header:",
    "cookie:c",
    "query:q",
    "client",
    "claim:a",
    "claim:",
    "store",
    "upstream:a",
    "2027-01-31",
    "2027-1-31",
    "2027-01-31T12:00:00Z",
    "{id}",
    "{id",
    "GET",
    "text/html",
];

/// A value of a key, and what the reader makes of it.
pub struct Tried {
    /// The schema that it has to fulfil.
    pub schema: Value,
    /// The value.
    pub value: Value,
    /// Whether the reader has something against what is on its line.
    pub refused: bool,
    /// Where it is, for people.
    pub place: String,
}

/// Every text as the value of every key that takes some, and as the name of every table that has one.
#[must_use]
pub fn texts(schema: &Value) -> Vec<Tried> {
    let long: Vec<String> = [63, 64, 65, 128, 129, 256, 257]
        .map(|bytes| "a".repeat(bytes))
        .into();
    let texts: Vec<&str> = TEXTS
        .into_iter()
        .chain(long.iter().map(String::as_str))
        .collect();
    let mut tried = Vec::new();
    for kind in KINDS.iter().chain(&CONDITIONS) {
        let keys = kind.schema(schema)["properties"].as_object();
        for (key, of_key) in keys.into_iter().flatten() {
            for text in &texts {
                let value = Value::from(*text);
                let (policy, line) = kind.with(key, &value.to_string());
                tried.push(Tried {
                    schema: of_key.clone(),
                    value,
                    refused: is_refused(&policy, line),
                    place: format!("{key} after {}", kind.before),
                });
            }
        }
        // `[issuer.a]`: the name is on the line of the header.
        if let ([table, "*"], [_, ..]) = (kind.way, kind.before.as_bytes()) {
            let names = &schema["properties"][*table]["propertyNames"];
            for text in &texts {
                let value = Value::from(*text);
                let policy = format!("[{table}.{value}]\n");
                let missing = |code: &Code| *code == Code::MissingKey;
                let found = findings(&policy, 1);
                tried.push(Tried {
                    schema: names.clone(),
                    value,
                    refused: !found.iter().all(missing),
                    place: format!("a name in [{table}]"),
                });
            }
        }
    }
    tried
}

fn is_refused(policy: &str, line: usize) -> bool {
    !findings(policy, line).is_empty()
}

fn findings(policy: &str, line: usize) -> Vec<Code> {
    let Err(found) = Policy::parse(policy) else {
        return Vec::new();
    };
    let here = found.as_slice().iter().filter(|one| one.at.line == line);
    here.map(|one| one.code).collect()
}
