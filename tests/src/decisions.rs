//! Decision cases as data: a policy, keys, a request, and what must become of it.
//!
//! Each file of `data/decisions` is a [`Suite`]. `tests/decisions.rs` runs them against the core;
//! the same files can be run over HTTP against the built gate, because a case says everything that
//! is needed for that: what to mount, what to send, what to expect. Times are relative to `now`.
//! `data/decisions/README.md` describes the format.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use doorward_token::api_key::generate;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::mint::SigningKey;

mod sent;
mod values;

pub use self::sent::Sent;
use self::values::tampered;
pub(crate) use self::values::{object, resolved};

/// One file of cases.
pub struct Suite {
    /// The name of the file without its extension.
    pub name: String,
    /// The text of the policy file, to be mounted at `/doorward.toml`.
    pub policy: String,
    /// The key sets of the issuers, as files to be mounted: the destination and the text.
    pub key_files: BTreeMap<String, String>,
    /// The Spin variables that hold secrets.
    pub variables: BTreeMap<String, String>,
    /// The cases.
    pub cases: Vec<Case>,
    /// The header that API keys are in, in lower case.
    pub api_key_header: Option<String>,
    keys: BTreeMap<String, SigningKey>,
    defaults: Map<String, Value>,
}

/// One request and what must become of it.
pub struct Case {
    /// A sentence.
    pub name: String,
    /// The method.
    pub method: String,
    /// The request target.
    pub target: String,
    /// The target that the upstream has to see.
    pub forwarded_target: String,
    /// Fields to send besides `Authorization`.
    pub headers: Vec<(String, String)>,
    /// All values that the upstream has to see of these fields, by their names in lower case.
    pub forwarded_headers: BTreeMap<String, Vec<String>>,
    /// `Vary` of the answer, where that matters; empty where there is none.
    pub vary: Option<String>,
    /// What must become of the request.
    pub expect: Expected,
    /// Why the case cannot be run over HTTP, if so.
    pub not_over_http: Option<String>,
    /// Something that is wrong with the gate while it judges this request, or what else stops it. Only
    /// for the core.
    pub fault: Option<Fault>,
    /// What has been taken back. Only for the core.
    pub revoked: Vec<Revoked>,
    introspection: Option<Map<String, Value>>,
    authorization: Vec<String>,
    token: Option<TokenSpec>,
}

/// Something that is wrong with the gate, or that has nothing to do with who calls.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The keys of the issuer cannot be had.
    KeysUnavailable,
    /// The issuer cannot be asked about opaque tokens.
    IssuerUnavailable,
    /// The store cannot be read.
    StoreUnavailable,
    /// The gate cannot do what it was set up for.
    Misconfigured,
    /// The request is over this limit, or that of how many there may be.
    TargetTooLong,
    /// The same.
    HeadersTooLarge,
    /// The same.
    BodyTooLarge,
    /// The same.
    UnsupportedMediaType,
    /// The body does not go on.
    RequestTimeout,
    /// There were too many requests.
    RateLimited,
    /// The request has been here before.
    LoopDetected,
    /// It asks for a WebSocket.
    NotImplemented,
    /// What came from the upstream cannot be handed on.
    BadGateway,
    /// The upstream is not asked.
    UpstreamUnavailable,
    /// The upstream does not answer in time.
    GatewayTimeout,
    /// The host does not let the gate ask the upstream.
    UpstreamDenied,
}

/// Something that was taken back. One of the first four says what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Revoked {
    /// Whose it is: the issuer's URL.
    pub of: String,
    /// A `jti`.
    pub token: Option<String>,
    /// A `sub`.
    pub subject: Option<String>,
    /// A `sid`.
    pub session: Option<String>,
    /// Everything of the issuer.
    #[serde(default)]
    pub everything: bool,
    /// What was issued up to so many seconds from now, for a subject and for everything.
    #[serde(default)]
    pub until: i64,
}

/// What must become of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It reaches the upstream.
    Permit(ExpectedPermit),
    /// It does not.
    Refusal(ExpectedRefusal),
}

/// A request as the upstream must see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedPermit {
    /// The pattern of the rule that decided.
    pub route: String,
    /// The identity headers: these, with these values, and no others.
    pub identity: BTreeMap<String, String>,
    /// Whether the upstream sees the credential.
    pub credential_forwarded: bool,
    /// The class as which it would be refused, were that not in report mode.
    pub would_refuse: Option<String>,
}

/// A refusal as the client must see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedRefusal {
    /// The name of the class.
    pub class: String,
    /// The status code.
    pub status: u16,
    /// The value of `WWW-Authenticate`.
    pub www_authenticate: Option<String>,
    /// Whether there is a `Retry-After`.
    pub retry_after: bool,
}

impl Suite {
    /// Every suite there is, by name.
    ///
    /// # Panics
    ///
    /// Where a file cannot be read, naming it.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let folder = folder();
        let classes = Classes::read(&folder.join("classes.toml"));
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("a folder's entry can be read").path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            })
            .filter(|path| path.file_stem().is_some_and(|stem| stem != "classes"))
            .collect();
        files.sort();
        files
            .iter()
            .map(|file| Self::read(file, &classes))
            .collect()
    }

    /// The names of the identity headers that the suite's policy emits.
    ///
    /// # Panics
    ///
    /// Where the policy is none.
    #[must_use]
    pub fn identity_header_names(&self) -> Vec<String> {
        let policy = doorward_policy::Policy::parse(&self.policy)
            .unwrap_or_else(|findings| panic!("the policy of {}: {findings}", self.name));
        policy.identity_header_names().map(str::to_owned).collect()
    }

    /// What the issuer answers when it is asked about the opaque token of a case (RFC 7662
    /// section 2.2).
    #[must_use]
    pub fn introspection(&self, case: &Case, now_s: u64) -> Option<Vec<u8>> {
        let members = case.introspection.as_ref()?;
        let members: Map<String, Value> = members
            .iter()
            .map(|(name, value)| (name.clone(), resolved(value, now_s)))
            .collect();
        Some(Value::Object(members).to_string().into_bytes())
    }

    fn token(&self, spec: &TokenSpec, now_s: u64) -> String {
        let key = self
            .keys
            .get(&spec.key)
            .unwrap_or_else(|| panic!("{}: there is no key {:?}", self.name, spec.key));
        let mut claims = self.defaults.clone();
        claims.extend(spec.claims.clone());
        claims.retain(|name, _| !spec.without.contains(name));
        for value in claims.values_mut() {
            *value = resolved(value, now_s);
        }
        let mut token = key.sign(&spec.header, &claims);
        if let Some(part) = spec.tampered {
            token = tampered(&token, part);
        }
        token
    }

    fn read(path: &Path, classes: &Classes) -> Self {
        let file: SuiteFile = parse(path);
        let name = path
            .file_stem()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned();
        let mut keys = BTreeMap::new();
        let mut sets: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut variables = BTreeMap::new();
        for (key_name, spec) in file.keys {
            let key = match &spec.variable {
                Some(variable) => {
                    let secret = format!("a secret of at least 32 bytes, named {key_name}");
                    variables.insert(variable.clone(), secret.clone());
                    SigningKey::hs256(&key_name, &secret)
                }
                None => SigningKey::ed25519(&key_name),
            };
            if let Some(destination) = spec.file {
                let set = sets.entry(destination).or_default();
                set.extend(key.jwks(&spec.issuers));
            }
            keys.insert(key_name, key);
        }
        let key_files = sets
            .into_iter()
            .map(|(destination, set)| (destination, json!({ "keys": set }).to_string()))
            .collect();
        let api_keys = ApiKeys::new(&file.api_keys);
        let api_key_header = api_keys.header(&file.policy);
        let defaults = Defaults {
            suite: &name,
            challenge: file.challenge.as_deref(),
            not_over_http: file.not_over_http.as_ref(),
            classes,
            api_keys: &api_keys,
        };
        let cases = file
            .case
            .into_iter()
            .flat_map(|case| case.expanded(&defaults))
            .collect();
        Self {
            policy: api_keys.resolve(&file.policy),
            name,
            key_files,
            variables,
            cases,
            api_key_header,
            keys,
            defaults: object(&file.claims),
        }
    }
}

/// API keys of the suite: `{name}`, `{name:id}` and `{name:hash}` stand for them in its texts.
struct ApiKeys(Vec<(String, String)>);

impl ApiKeys {
    /// The keys follow from their names, so every run has the same.
    fn new(names: &[String]) -> Self {
        let mut texts = Vec::new();
        for name in names {
            let random = digest::digest(&digest::SHA384, name.as_bytes());
            let random = random.as_ref().try_into().expect("SHA-384 has 48 bytes");
            let key = generate(random);
            texts.push((format!("{{{name}}}"), key.text.clone()));
            texts.push((format!("{{{name}:id}}"), key.id.clone()));
            texts.push((format!("{{{name}:hash}}"), key.digest.text()));
        }
        Self(texts)
    }

    fn resolve(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    }

    /// Which header the policy says that they are in.
    fn header(&self, policy: &str) -> Option<String> {
        let policy: toml::Table = toml::from_str(&self.resolve(policy)).ok()?;
        let header = policy.get("api_keys")?.get("header")?;
        header.as_str().map(str::to_owned)
    }
}

/// What the cases of a suite refer to.
struct Defaults<'s> {
    suite: &'s str,
    challenge: Option<&'s str>,
    not_over_http: Option<&'s String>,
    classes: &'s Classes,
    api_keys: &'s ApiKeys,
}

/// The folder of the suites.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/decisions")
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a client is sent for each class of refusal.
struct Classes(BTreeMap<String, ClassFile>);

impl Classes {
    fn read(path: &Path) -> Self {
        Self(parse(path))
    }

    fn refusal(&self, name: &str, scope: Option<&str>, challenge: Option<&str>) -> ExpectedRefusal {
        let class = self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("there is no class of refusal {name:?}"));
        ExpectedRefusal {
            class: name.to_owned(),
            status: class.status,
            www_authenticate: class.www_authenticate.as_deref().map(|template| {
                let template = challenge.unwrap_or(template);
                template.replace("{scope}", scope.unwrap_or_default())
            }),
            retry_after: class.retry_after,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClassFile {
    status: u16,
    www_authenticate: Option<String>,
    #[serde(default)]
    retry_after: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SuiteFile {
    policy: String,
    /// The names of API keys.
    #[serde(default)]
    api_keys: Vec<String>,
    /// Why none of the cases can be run over HTTP, if so.
    not_over_http: Option<String>,
    /// `WWW-Authenticate` where a case does not say otherwise, instead of that of the class.
    challenge: Option<String>,
    #[serde(default)]
    keys: BTreeMap<String, KeyFile>,
    #[serde(default)]
    claims: toml::Table,
    case: Vec<CaseFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    file: Option<String>,
    variable: Option<String>,
    /// The member `issuer` of the key in the file, which is there once for each.
    #[serde(default)]
    issuers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseFile {
    name: String,
    method: Option<String>,
    target: Option<String>,
    targets: Option<Vec<String>>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    authorization: Option<Vec<String>>,
    basic: Option<String>,
    token: Option<TokenFile>,
    introspection: Option<toml::Table>,
    #[serde(default)]
    revoked: Vec<Revoked>,
    fault: Option<Fault>,
    not_over_http: Option<String>,
    // What is expected: one of these two.
    route: Option<String>,
    refused: Option<String>,
    #[serde(default)]
    identity: BTreeMap<String, String>,
    #[serde(default)]
    credential_forwarded: bool,
    would_refuse: Option<String>,
    forwarded_target: Option<String>,
    #[serde(default)]
    forwarded_headers: BTreeMap<String, Vec<String>>,
    vary: Option<String>,
    scope: Option<String>,
    challenge: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    key: String,
    #[serde(default)]
    claims: toml::Table,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    header: toml::Table,
    tampered: Option<Tampered>,
}

#[derive(Clone)]
struct TokenSpec {
    key: String,
    claims: Map<String, Value>,
    without: Vec<String>,
    header: Map<String, Value>,
    tampered: Option<Tampered>,
}

/// A part of the token of which one character is changed after it was signed.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Tampered {
    Header,
    Payload,
    Signature,
}

impl CaseFile {
    /// One case for each target.
    fn expanded(self, defaults: &Defaults<'_>) -> Vec<Case> {
        let what = format!("{}: {}", defaults.suite, self.name);
        let resolve = |text: &str| defaults.api_keys.resolve(text);
        let challenge = self.challenge.as_deref().or(defaults.challenge);
        let expect = match (&self.route, &self.refused) {
            (Some(route), None) => Expected::Permit(ExpectedPermit {
                route: route.clone(),
                identity: self.identity.clone(),
                credential_forwarded: self.credential_forwarded,
                would_refuse: self.would_refuse.clone(),
            }),
            (None, Some(class)) => {
                let scope = self.scope.as_deref();
                Expected::Refusal(defaults.classes.refusal(class, scope, challenge))
            }
            _ => panic!("{what}: say either `route` or `refused`"),
        };
        let targets = match (self.target, self.targets) {
            (Some(target), None) => vec![target],
            (None, Some(targets)) => targets,
            _ => panic!("{what}: say either `target` or `targets`"),
        };
        let token = self.token.map(|file| TokenSpec {
            key: file.key,
            claims: object(&file.claims),
            without: file.without,
            header: object(&file.header),
            tampered: file.tampered,
        });
        let is_elsewhere = targets.iter().any(|target| target.contains("{token}"))
            || self
                .headers
                .iter()
                .any(|(_, value)| value.contains("{token}"));
        let authorization = match (self.authorization, &self.basic, &token) {
            (Some(fields), _, _) => fields.iter().map(|field| resolve(field)).collect(),
            (None, Some(pair), _) => vec![format!("Basic {}", BASE64.encode(resolve(pair)))],
            (None, None, Some(_)) if !is_elsewhere => vec!["Bearer {token}".to_owned()],
            (None, None, _) => Vec::new(),
        };
        let headers: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), resolve(value)))
            .collect();
        let only_core = (self.introspection.is_some() || !self.revoked.is_empty())
            .then(|| "there is no issuer to be asked, and nothing in the store".to_owned());
        let not_over_http = self
            .not_over_http
            .or_else(|| defaults.not_over_http.cloned())
            .or(only_core);
        let many = targets.len() > 1;
        targets
            .into_iter()
            .map(|target| Case {
                name: if many {
                    format!("{}: {target:?}", self.name)
                } else {
                    self.name.clone()
                },
                method: self.method.clone().unwrap_or_else(|| "GET".to_owned()),
                forwarded_target: resolve(self.forwarded_target.as_ref().unwrap_or(&target)),
                target: resolve(&target),
                headers: headers.clone(),
                forwarded_headers: self.forwarded_headers.clone(),
                vary: self.vary.clone(),
                expect: expect.clone(),
                not_over_http: not_over_http.clone(),
                fault: self.fault,
                revoked: self.revoked.clone(),
                introspection: self.introspection.as_ref().map(object),
                authorization: authorization.clone(),
                token: token.clone(),
            })
            .collect()
    }
}
