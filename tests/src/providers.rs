//! The policies of `docs/providers.md`, and tokens of each provider's shape to decide by them.
//!
//! `data/providers/README.md` describes the files.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use doorward_token::Algorithm;
use doorward_traffic::field_list::FieldList;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::decisions::{object, parse, resolved};
use crate::signing;

/// For how long a token is good that does not say it, in seconds.
const LIFETIME_S: i64 = 300;
/// How old a token is that does not say it, in seconds.
const AGE_S: i64 = 60;

/// A policy of the page.
pub struct Block {
    /// The heading of the second level above it.
    pub provider: String,
    /// The heading right above it; that of the provider where it has only one policy.
    pub heading: String,
    /// The text.
    pub policy: String,
    /// The line in the page that the policy begins at.
    pub line: usize,
}

/// A provider of the page with its tokens.
pub struct Provider {
    /// The heading in the page.
    pub name: String,
    /// Requests, and what must become of them.
    pub cases: Vec<Case>,
    keys: BTreeMap<String, Key>,
    tokens: BTreeMap<String, Token>,
}

/// A request with a token, and what must become of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// The heading right above the policy, where the provider has several.
    pub policy: Option<String>,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The request target.
    pub target: String,
    /// The pattern of the rule by which it has to pass.
    pub route: Option<String>,
    /// Identity headers that have to be there then.
    #[serde(default)]
    pub identity: BTreeMap<String, String>,
    /// The class as which it has to be refused.
    pub refused: Option<String>,
    /// What the reason for that has to speak of.
    pub because: Option<String>,
    /// Whether the page names this as a trap.
    #[serde(default)]
    pub trap: bool,
    token: Option<String>,
    key: Option<String>,
    text: Option<String>,
    from: Option<String>,
    #[serde(default)]
    claims: toml::Table,
    #[serde(default)]
    header: toml::Table,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderFile {
    provider: String,
    keys: BTreeMap<String, Key>,
    token: BTreeMap<String, Token>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    /// In whose key set it is, by the name in the policy.
    issuer: Option<String>,
    /// Under which policies; under all where this is left out.
    policy: Option<Vec<String>>,
    /// The key pair of `data/token/keys.json`, or `secret`.
    pair: String,
    #[serde(default)]
    certificate: bool,
    #[serde(default)]
    members: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    key: String,
    #[serde(default)]
    header: toml::Table,
    claims: toml::Table,
}

#[derive(Deserialize)]
struct CertificateFile {
    certificates: BTreeMap<String, String>,
}

static CERTIFICATES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let text = include_str!("../data/token/certificates.json");
    let file: CertificateFile = serde_json::from_str(text).expect("the file is well-formed");
    file.certificates
});

fn get() -> String {
    "GET".to_owned()
}

/// The policies of the page, in their order.
///
/// # Panics
///
/// Where the page cannot be read, or a block in it has no end.
#[must_use]
pub fn blocks() -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/providers.md");
    let page = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut blocks: Vec<Block> = Vec::new();
    let (mut provider, mut heading) = (String::new(), String::new());
    let mut inside = false;
    for (index, line) in page.lines().enumerate() {
        if inside && line == "```" {
            inside = false;
        } else if inside {
            let block = blocks.last_mut().expect("a block has begun");
            block.policy.push_str(line);
            block.policy.push('\n');
        } else if line == "```toml" {
            inside = true;
            blocks.push(Block {
                provider: provider.clone(),
                heading: heading.clone(),
                policy: String::new(),
                line: index + 2,
            });
        } else if let Some(text) = line.strip_prefix("## ") {
            text.clone_into(&mut provider);
            text.clone_into(&mut heading);
        } else if let Some(text) = line.strip_prefix("### ") {
            text.clone_into(&mut heading);
        }
    }
    assert!(!inside, "the last block has no end");
    blocks
}

impl Provider {
    /// Those that have a file, by the name of the file.
    ///
    /// # Panics
    ///
    /// Where a file cannot be read, naming it.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/providers");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("a folder's entry can be read").path())
            .filter(|path| path.extension().is_some_and(|name| name == "toml"))
            .collect();
        files.sort();
        files
            .iter()
            .map(|path| {
                let file: ProviderFile = parse(path);
                Self {
                    name: file.provider,
                    cases: file.case,
                    keys: file.keys,
                    tokens: file.token,
                }
            })
            .collect()
    }

    /// The text of the key set that an issuer of this policy publishes.
    #[must_use]
    pub fn key_set(&self, block: &Block, issuer: &str) -> Vec<u8> {
        let keys: Vec<Value> = self
            .keys
            .iter()
            .filter(|(_, key)| key.issuer.as_deref() == Some(issuer))
            .filter(|(_, key)| match &key.policy {
                Some(policies) => policies.contains(&block.heading),
                None => true,
            })
            .map(|(name, key)| key.jwk(name))
            .collect();
        signing::key_set_text(&keys)
    }

    /// The fields of the request of a case, its token signed for this time.
    ///
    /// # Panics
    ///
    /// Where the case names what is not there.
    #[must_use]
    pub fn fields(&self, case: &Case, now_s: u64) -> FieldList {
        let mut fields = case.headers.clone();
        let token = case.token.as_ref();
        let token = token.map(|name| self.token(case, name, now_s));
        if let Some(token) = token.or_else(|| case.text.clone()) {
            let from = case.from.as_deref().unwrap_or("authorization");
            fields.push(match from.split_once(':') {
                None => (from.to_owned(), format!("Bearer {token}")),
                Some(("header", name)) => (name.to_owned(), token),
                Some(("cookie", name)) => ("cookie".to_owned(), format!("{name}={token}")),
                Some(_) => panic!("{}: a token cannot be sent in {from}", case.name),
            });
        }
        let bytes = |(name, value): (String, String)| (name, value.into_bytes());
        fields.into_iter().map(bytes).collect()
    }

    fn token(&self, case: &Case, name: &str, now_s: u64) -> String {
        let what = &case.name;
        let token = self.tokens.get(name);
        let token = token.unwrap_or_else(|| panic!("{what}: there is no token {name:?}"));
        let key_name = case.key.as_ref().unwrap_or(&token.key);
        let key = self.keys.get(key_name);
        let key = key.unwrap_or_else(|| panic!("{what}: there is no key {key_name:?}"));

        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(key.algorithm().name()));
        header.insert("kid".to_owned(), json!(key_name));
        header.extend(object(&token.header));
        header.extend(object(&case.header));

        let mut claims = Map::new();
        claims.insert("iat".to_owned(), json!({ "now": -AGE_S }));
        claims.insert("exp".to_owned(), json!({ "now": LIFETIME_S }));
        claims.extend(object(&token.claims));
        claims.extend(object(&case.claims));
        for name in &case.without {
            let removed = claims.remove(name);
            assert!(
                removed.is_some(),
                "{what}: there is no claim {name:?} to remove"
            );
        }
        for value in claims.values_mut() {
            *value = resolved(value, now_s);
        }
        let (header, claims) = (Value::Object(header), Value::Object(claims));
        signing::compact(
            &header.to_string(),
            &claims.to_string(),
            |message| match key.algorithm() {
                Algorithm::Hs256 => {
                    signing::sign_with_secret(Algorithm::Hs256, signing::SECRET, message)
                }
                algorithm => signing::sign(algorithm, &key.pair, message),
            },
        )
    }
}

impl Case {
    /// Whether its token is an ID token of the provider.
    #[must_use]
    pub fn is_of_an_id_token(&self) -> bool {
        self.token
            .as_ref()
            .is_some_and(|name| name.starts_with("id"))
    }
}

impl Key {
    fn algorithm(&self) -> Algorithm {
        match self.pair.as_str() {
            "p-256" => Algorithm::Es256,
            "secret" => Algorithm::Hs256,
            _ => Algorithm::Rs256,
        }
    }

    /// The public key in the form of the provider.
    fn jwk(&self, name: &str) -> Value {
        let mut members = Map::new();
        members.insert("kid".to_owned(), json!(name));
        if self.certificate {
            let certificate = CERTIFICATES.get(&self.pair);
            let certificate = certificate.expect("the pair has a certificate");
            members.insert("x5c".to_owned(), json!([certificate]));
        }
        members.extend(object(&self.members));
        signing::jwk(&self.pair, Value::Object(members))
    }
}
