//! The request that is explained, from the command line.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use doorward_policy::explain::FieldList;
use doorward_policy::target::{canonical_form, check_method};
use doorward_policy::{Policy, RequestHead};
use doorward_syntax::tokens::is_token;
use doorward_token::TOKEN_BYTES_MAX;

use crate::values;

/// The most that is read for a token, in bytes: a token and what surrounds it.
const INPUT_BYTES_MAX: u64 = 2 * TOKEN_BYTES_MAX as u64;
const AUTHORIZATION: &str = "authorization";
const COOKIE: &str = "cookie";

/// A request, before anything is known of it.
pub(super) struct Request {
    pub(super) method: String,
    target: String,
    /// `scheme://authority`, or nothing.
    origin: String,
    pub(super) authority: Option<String>,
    fields: FieldList,
}

/// What the policy looks at besides, in the form in which it does.
pub(super) struct Parts {
    canonical: Option<String>,
    authorization: Vec<Vec<u8>>,
    api_key: Vec<Vec<u8>>,
}

impl Request {
    /// Reads method, URL and fields.
    pub(super) fn parse(method: &str, url: &str, fields: &[String]) -> Result<Self> {
        if check_method(method).is_err() {
            bail!(
                "the method {method:?} is none: it has to be a token, such as GET\n  help: `doorward explain METHOD \
                 URL`"
            );
        }
        let url = Url::parse(url)?;
        let mut fields = fields
            .iter()
            .map(|text| field(text).context("--header"))
            .collect::<Result<FieldList>>()?;
        // So does the gate.
        fields.join(COOKIE, b"; ");
        Ok(Self {
            method: method.to_owned(),
            target: url.target.to_owned(),
            origin: url.origin.to_owned(),
            authority: url.authority.map(str::to_owned),
            fields,
        })
    }

    /// The token of the request, from a file or from standard input.
    pub(super) fn token(&self, file: Option<&Path>) -> Result<Option<String>> {
        let has_field = self.fields.has(AUTHORIZATION);
        match file {
            Some(_) if has_field => bail!(
                "two tokens are given: in --token-file and in a header `Authorization`\n  help: leave out one of them"
            ),
            Some(file) if file == Path::new("-") => {
                let text = read(&mut io::stdin())
                    .context("the token cannot be read from standard input")?;
                token(&text, "standard input").map(Some)
            }
            Some(file) => {
                let name = file.display();
                let text = fs::File::open(file)
                    .and_then(|mut file| read(&mut file))
                    .with_context(|| format!("--token-file: {name} cannot be read"))?;
                token(&text, &name.to_string()).map(Some)
            }
            None if has_field || io::stdin().is_terminal() => Ok(None),
            None => {
                let text = read(&mut io::stdin()).context("standard input cannot be read")?;
                match text.trim() {
                    "" => Ok(None),
                    text => token(text, "standard input").map(Some),
                }
            }
        }
    }

    /// Sends the token.
    pub(super) fn bear(&mut self, token: &str) {
        self.fields.push(AUTHORIZATION, format!("Bearer {token}"));
    }

    pub(super) fn parts(&self, policy: &Policy) -> Parts {
        let header = policy.api_key_header();
        Parts {
            canonical: canonical_form(&self.target),
            authorization: self.fields.values(AUTHORIZATION),
            api_key: header.map_or_else(Vec::new, |header| self.fields.values(header)),
        }
    }

    pub(super) fn head<'r>(&'r self, parts: &'r Parts) -> RequestHead<'r> {
        RequestHead {
            method: &self.method,
            target: &self.target,
            canonical: parts.canonical.as_deref(),
            authorization: &parts.authorization,
            api_key: &parts.api_key,
            fields: &self.fields,
            origin: &self.origin,
        }
    }

    /// The path. The query may have a credential in it.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// The parts of a URL, as they were given.
struct Url<'u> {
    origin: &'u str,
    authority: Option<&'u str>,
    target: &'u str,
}

impl<'u> Url<'u> {
    fn parse(url: &'u str) -> Result<Self> {
        const HELP: &str = "help: write https://api.example/users/7, or /users/7";
        if url.contains('#') {
            bail!(
                "the URL has a fragment, which no client sends\n  help: leave out everything from `#` on"
            );
        }
        let is_escaped = |character: char| !character.is_ascii() || character.is_whitespace();
        if url.contains(is_escaped) {
            bail!(
                "the URL has characters that no client sends as they are\n  help: write them escaped: {}",
                escaped(url)
            );
        }
        if url.starts_with('/') {
            return Ok(Self {
                origin: "",
                authority: None,
                target: url,
            });
        }
        let rest = ["https://", "http://"].iter().find_map(|scheme| {
            let start = url.get(..scheme.len())?;
            let rest = url.get(scheme.len()..)?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        });
        let Some(rest) = rest else {
            bail!(
                "the URL is neither one of http or https nor a path that begins with `/`\n  {HELP}"
            );
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or_default();
        if values::authority(authority).is_err() {
            bail!(
                "the host of the URL is none: it has to be a host, or a host and a port\n  {HELP}"
            );
        }
        if !target.starts_with('/') {
            bail!(
                "the URL has no path\n  help: the shortest one is `/`, as in https://{authority}/"
            );
        }
        let origin = url.get(..url.len() - target.len()).unwrap_or_default();
        Ok(Self {
            origin,
            authority: Some(authority),
            target,
        })
    }
}

/// What is no ASCII, and white space, as clients send it; without the query, which may have a credential in it.
fn escaped(url: &str) -> String {
    let mut escaped = String::new();
    for byte in url.split('?').next().unwrap_or_default().bytes() {
        match byte {
            b'!'..=b'~' => escaped.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => _ = write!(escaped, "%{byte:02X}"),
        }
    }
    escaped
}

/// A header field, as a flag has it. It is not the parser of the command line that reads it: that would repeat in an
/// error what may be a secret.
fn field(text: &str) -> Result<(String, Vec<u8>)> {
    let Some((name, value)) = text.split_once(':') else {
        bail!("it has to be `NAME: VALUE`, with a colon");
    };
    if !is_token(name.as_bytes()) {
        bail!("what is before the colon is no name of a header field");
    }
    let value = value.trim_matches([' ', '\t']);
    let is_control = |character: char| character.is_control() && character != '\t';
    if value.contains(is_control) {
        bail!("the value of `{name}` has control characters, which no header field has");
    }
    Ok((name.to_ascii_lowercase(), value.as_bytes().to_vec()))
}

fn read(from: &mut dyn Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(INPUT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        let why = format!("it is longer than any token, more than {INPUT_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(text)
}

/// The one token in a text, with `Bearer` before it or without.
fn token(text: &str, from: &str) -> Result<String> {
    let text = text.trim();
    let token = match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => text,
    };
    if token.is_empty() {
        bail!("there is no token in {from}");
    }
    if token.contains(|character: char| character.is_whitespace() || character.is_control()) {
        bail!("what is in {from} is not one token: there is white space in it");
    }
    Ok(token.to_owned())
}
