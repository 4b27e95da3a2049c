//! The policy, and the lines of spin.toml that go with it.

use std::fmt::Write as _;
use std::path::Path;

use doorward_policy::load::ISSUER_NAME_BYTES_MAX;
use doorward_syntax::url::UrlParts;
use serde_json::Value;

use super::discover::Published;
use super::providers::{Provider, filled};

/// What an issuer is called whose host is a number.
const NAME_DEFAULT: &str = "main";

/// What the policy is to say.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
    pub(super) scope: Vec<String>,
    pub(super) claims: Vec<(String, String)>,
    pub(super) client_id: Option<String>,
}

impl Wanted {
    /// The Spin variable with the secret by which the issuer is asked.
    fn variable(&self) -> String {
        let name: Vec<String> = (self.name.split(|c: char| !c.is_ascii_alphanumeric()))
            .filter(|part| !part.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        match name.first() {
            Some(first) if first.starts_with(|c: char| c.is_ascii_lowercase()) => {
                format!("{}_client_secret", name.join("_"))
            }
            _ => "issuer_client_secret".to_owned(),
        }
    }
}

/// A name after the host of an issuer: the part of it that is somebody's own.
pub(super) fn name_of(issuer: &str) -> String {
    let host = UrlParts::of(issuer)
        .map(|parts| parts.host)
        .unwrap_or_default();
    let mut labels = host.rsplit('.').skip(1);
    let own = labels
        .next()
        .filter(|_| host.parse::<std::net::Ipv4Addr>().is_err());
    let own = own.unwrap_or(NAME_DEFAULT);
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match own.chars().all(good) && own.len() <= ISSUER_NAME_BYTES_MAX {
        true => own.to_ascii_lowercase(),
        false => NAME_DEFAULT.to_owned(),
    }
}

/// The policy.
pub(super) fn policy(wanted: &Wanted, provider: Option<&Provider>) -> String {
    let mut lines = vec![
        "# Who may do what. What no route lists is refused.".to_owned(),
        String::new(),
        format!("[issuer.{}]", key(&wanted.name)),
        format!("url = {}", text(&wanted.issuer)),
        format!("audience = {}", list(&wanted.audience)),
    ];
    let of_provider = |lines: &[&str]| -> Vec<String> {
        lines
            .iter()
            .map(|line| filled(line, &wanted.issuer))
            .collect()
    };
    if let Some(provider) = provider {
        lines.extend(of_provider(provider.issuer));
    }
    if let Some(client_id) = &wanted.client_id {
        lines.push(format!("\n[issuer.{}.introspection]", key(&wanted.name)));
        lines.push(format!("client_id = {}", text(client_id)));
        lines.push(format!("secret = {}", text(&wanted.variable())));
    }
    if let Some(provider) = provider.filter(|provider| !provider.defaults.is_empty()) {
        lines.push("\n[defaults]".to_owned());
        lines.extend(of_provider(provider.defaults));
    }
    lines.push("\n[identity]".to_owned());
    lines.push("x-auth-subject = \"sub\"".to_owned());
    lines.push(
        "\n# Whoever has a token for this application may do everything: be more exact here."
            .to_owned(),
    );
    lines.push("[[route]]".to_owned());
    lines.push("path = \"/**\"".to_owned());
    if !wanted.scope.is_empty() {
        lines.push(format!("scope = {}", list(&wanted.scope)));
    }
    let of_provider = provider.map_or(&[][..], |provider| provider.claims);
    if !of_provider.is_empty() || !wanted.claims.is_empty() {
        lines.push("[route.claims]".to_owned());
        // What was asked for takes the place of what is so in general.
        let asked = |line: &&&str| {
            let name = line.split(" = ").next();
            !wanted
                .claims
                .iter()
                .any(|(claim, _)| Some(claim.as_str()) == name)
        };
        let general = of_provider.iter().filter(asked);
        lines.extend(general.map(|line| (*line).to_owned()));
        for (claim, value) in &wanted.claims {
            lines.push(format!("{} = {}", key(claim), text(value)));
        }
    }
    lines.join("\n") + "\n"
}

/// What to do with it.
pub(super) fn next(wanted: &Wanted, published: &Published, output: &Path) -> String {
    let introspects = wanted.client_id.is_some();
    let hosts = list_of(&published.hosts(introspects));
    let file = output
        .file_name()
        .unwrap_or(output.as_os_str())
        .to_string_lossy();
    let file = text(&file);
    let mut next = format!(
        "Into spin.toml, where `yours` is the component behind the gate:\n\n\
         [[trigger.http]]\n\
         route = \"/...\"\n\
         component = \"yours\"\n\
         dependencies.middleware = [{{ component = \"gate\", inherit_configuration = [\"allowed_outbound_hosts\", \"environment\", \"files\", \"key_value_stores\", \"variables\"] }}]\n\n\
         [component.gate]\n\
         source = \"gate.wasm\"\n\n\
         [component.yours]\n\
         files = [{{ source = {file}, destination = \"/doorward.toml\" }}]\n\
         allowed_outbound_hosts = {hosts}\n\
         key_value_stores = [\"default\"]\n"
    );
    if introspects {
        let variable = wanted.variable();
        // Writing to a string does not fail.
        let _ = write!(
            next,
            "variables = {{ {variable} = \"{{{{ {variable} }}}}\" }}\n\n\
             [variables]\n\
             {variable} = {{ required = true, secret = true }}\n\n\
             and its value into the environment: SPIN_VARIABLE_{}\n",
            variable.to_ascii_uppercase()
        );
    }
    next.push_str("\nThen `doorward up`, and see what the log says of a request with a token and one without.\n");
    next
}

/// A key, in quotes where it needs them.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    match !name.is_empty() && name.chars().all(bare) {
        true => name.to_owned(),
        false => text(name),
    }
}

/// A string of TOML. What JSON escapes, TOML escapes in the same way; DEL it has to escape as well.
fn text(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn list(texts: &[String]) -> String {
    match texts {
        [only] => text(only),
        _ => list_of(texts),
    }
}

fn list_of(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|one| text(one)).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use doorward_policy::Policy;

    use super::*;
    use crate::check::advised;

    fn wanted(issuer: &str) -> Wanted {
        Wanted {
            name: name_of(issuer),
            issuer: issuer.to_owned(),
            audience: vec!["https://api.acme.example".to_owned()],
            scope: Vec::new(),
            claims: Vec::new(),
            client_id: None,
        }
    }

    #[test]
    fn the_policy_for_each_provider_passes_check_without_a_word() {
        for issuer in [
            "https://login.acme.example",
            "https://login.microsoftonline.com/1111/v2.0",
            "https://sts.windows.net/1111/",
            "https://acme.eu.auth0.com/",
            "https://acme.okta.com/oauth2/default",
            "https://login.acme.example/realms/acme",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
            "https://accounts.google.com",
            "https://cloud.google.com/iap",
            "https://securetoken.google.com/acme",
            "https://acme.zitadel.cloud",
            "https://auth.acme.example/application/o/orders/",
            "https://acme.clerk.accounts.dev",
            "https://a.supabase.co/auth/v1",
            "https://token.actions.githubusercontent.com",
            "https://gitlab.com",
            "https://acme.cloudflareaccess.com",
            "http://127.0.0.1:3001",
            "http://[::1]:3001",
        ] {
            let provider = Provider::of(issuer);
            let mut wanted = wanted(issuer);
            let demand = provider.and_then(|provider| provider.demand);
            wanted
                .claims
                .extend(demand.map(|demand| (demand.claim.to_owned(), "x".to_owned())));
            for scope in [&[][..], &["a".to_owned(), "b".to_owned()]] {
                wanted.scope = scope.to_vec();
                let text = policy(&wanted, provider);
                let found = advised(&text, &Policy::parse(&text));
                assert!(found.is_empty(), "{issuer}: {found}\n{text}");
            }
        }
    }

    #[test]
    fn whatever_is_in_a_name_or_a_value_is_written_so_that_it_is_read_as_it_is() {
        let mut wanted = wanted("https://login.acme.example");
        wanted.audience = vec!["a\"b\\c".to_owned(), "\u{e9}\u{1f600}".to_owned()];
        wanted.claims = vec![
            (
                "https://acme.example/roles".to_owned(),
                "x\ny\u{7f}".to_owned(),
            ),
            ("realm_access.roles".to_owned(), "\"".to_owned()),
        ];
        wanted.client_id = Some("a\"b".to_owned());
        let text = policy(&wanted, None);
        let policy = Policy::parse(&text);
        let audience = policy.as_ref().map(|policy| {
            let mut issuers = policy.issuers().iter();
            issuers.next().map(|issuer| issuer.audience.clone())
        });
        assert_eq!(audience.ok().flatten(), Some(wanted.audience), "{text}");
    }

    #[test]
    fn an_issuer_is_called_after_its_host() {
        for (issuer, name) in [
            ("https://login.acme.example", "acme"),
            ("https://ACME.eu.auth0.com/", "auth0"),
            ("http://127.0.0.1:3001", "main"),
            ("http://[::1]:3001", "main"),
            ("http://localhost:3001", "main"),
        ] {
            assert_eq!(name_of(issuer), name, "{issuer}");
        }
    }
}
