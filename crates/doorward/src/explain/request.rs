//! The request that is explained, from the command line.

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
    pub(super) fn parse(method: &str, url: &str, fields: &[(String, String)]) -> Result<Self> {
        if check_method(method).is_err() {
            bail!(
                "the method {method:?} is none: it has to be a token, such as GET\n  help: `doorward explain METHOD \
                 URL`"
            );
        }
        let url = Url::parse(url)?;
        let mut fields: FieldList = fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect();
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

/// The value of a flag: a header field. An error does not repeat it: it may hold a secret.
pub(super) fn field(text: &str) -> Result<(String, String), String> {
    let Some((name, value)) = text.split_once(':') else {
        return Err("it has to be `NAME: VALUE`, with a colon".to_owned());
    };
    if !is_token(name.as_bytes()) {
        return Err("what is before the colon is no name of a header field".to_owned());
    }
    let value = value.trim_matches([' ', '\t']);
    if value
        .chars()
        .any(|character| character.is_control() && character != '\t')
    {
        return Err("the value has control characters, which no header field has".to_owned());
    }
    Ok((name.to_ascii_lowercase(), value.to_owned()))
}

fn read(from: &mut dyn Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(INPUT_BYTES_MAX).read_to_string(&mut text)?;
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
