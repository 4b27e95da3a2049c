//! The policies of `docs/providers.md`: that each one passes `check`, and what it decides of tokens of that
//! provider's shape.

#![expect(clippy::panic, clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;

use doorward_policy::{Authenticated, Credential, Issuer, Permit};
use doorward_policy::{Policy, Refusal, RequestHead, Screened};
use doorward_tests::providers::{Block, Case, Provider, blocks};
use doorward_token::{KeySet, UnixTime, UnverifiedToken, VerifiedToken};

const NOW: UnixTime = UnixTime(1_800_000_000);

/// Whom the page is about, in its order.
const PROVIDERS: [&str; 21] = [
    "Entra ID",
    "Auth0",
    "Okta",
    "Keycloak",
    "Cognito",
    "Google service accounts",
    "Google IAP",
    "Firebase",
    "Zitadel",
    "Ory Hydra",
    "Dex",
    "Authentik",
    "Duende IdentityServer",
    "Spring Authorization Server",
    "PingFederate",
    "Clerk",
    "Supabase",
    "GitHub Actions",
    "GitLab CI",
    "Kubernetes service accounts",
    "Cloudflare Access",
];

/// Policies of providers that make tokens of one kind only.
const WITHOUT_ID_TOKENS: [&str; 3] = ["Signed by the account", "Clerk", "Cloudflare Access"];

#[test]
fn the_page_is_about_each_of_them_and_about_nobody_else() {
    let mut named: Vec<String> = blocks().into_iter().map(|block| block.provider).collect();
    named.dedup();
    assert_eq!(named, PROVIDERS);
}

#[test]
fn each_of_them_has_tokens() {
    let named: BTreeSet<String> = Provider::all().into_iter().map(|it| it.name).collect();
    let expected: BTreeSet<String> = PROVIDERS.map(str::to_owned).into();
    assert_eq!(named, expected);
}

#[test]
fn every_policy_of_the_page_passes_check_without_a_warning() {
    let mut wrong = Vec::new();
    for block in blocks() {
        let place = format!("{}, {}, line {}", block.provider, block.heading, block.line);
        match Policy::parse(&block.policy) {
            Ok(policy) if policy.warnings().is_empty() => {}
            Ok(policy) => wrong.push(format!("{place}: {}", policy.warnings())),
            Err(findings) => wrong.push(format!("{place}: {findings}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_token_is_decided_as_it_says() {
    let blocks = blocks();
    let mut wrong = Vec::new();
    for provider in Provider::all() {
        for case in &provider.cases {
            let block = policy_of(&blocks, &provider, case);
            // Another test says what is wrong with those that are none.
            let Ok(policy) = Policy::parse(&block.policy) else {
                continue;
            };
            if let Err(difference) = run(&policy, block, &provider, case) {
                wrong.push(format!("{}: {}: {difference}", provider.name, case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "wrong decisions:\n{}", wrong.join("\n"));
}

#[test]
fn every_policy_admits_a_token_and_refuses_one_of_another_issuer_and_audience() {
    let blocks = blocks();
    let providers = Provider::all();
    for block in &blocks {
        let of_block = |case: &&Case| case.policy.as_ref().is_none_or(|it| *it == block.heading);
        let provider = providers.iter().find(|it| it.name == block.provider);
        let provider = provider.unwrap_or_else(|| panic!("{} has no tokens", block.provider));
        let cases: Vec<&Case> = provider.cases.iter().filter(of_block).collect();
        let place = format!("{}, {}", block.provider, block.heading);
        assert!(
            cases.iter().any(|case| case.route.is_some()),
            "{place}: nobody passes"
        );
        for reason in ["issuer", "audience"] {
            // Where every tenant is an issuer, there is no other one.
            let exempt = reason == "issuer" && block.policy.contains("tenants = \"any\"");
            let is_tried = |case: &&Case| case.because.as_deref() == Some(reason);
            assert!(
                exempt || cases.iter().any(is_tried),
                "{place}: no other {reason} is tried"
            );
        }
    }
}

#[test]
fn an_id_token_is_refused_wherever_there_are_any() {
    for block in blocks() {
        let place = format!("{}, {}", block.provider, block.heading);
        let is_itself_one = block.policy.contains("tokens = \"id\"");
        if is_itself_one || WITHOUT_ID_TOKENS.contains(&block.heading.as_str()) {
            continue;
        }
        let provider = Provider::all()
            .into_iter()
            .find(|it| it.name == block.provider);
        let provider = provider.unwrap_or_else(|| panic!("{place}: there are no tokens"));
        let is_refused = |case: &Case| {
            let of_block = case.policy.as_ref().is_none_or(|it| *it == block.heading);
            of_block && case.refused.is_some() && case.is_of_an_id_token()
        };
        assert!(
            provider.cases.iter().any(is_refused),
            "{place}: no ID token is tried"
        );
    }
}

#[test]
fn every_provider_has_a_trap_that_is_refused() {
    for provider in Provider::all() {
        let is_refused = |case: &&Case| case.trap && case.refused.is_some();
        assert!(
            provider.cases.iter().any(|case| is_refused(&case)),
            "{}: what the page warns of is not tried",
            provider.name
        );
    }
}

fn policy_of<'b>(blocks: &'b [Block], provider: &Provider, case: &Case) -> &'b Block {
    let heading = case.policy.as_ref().unwrap_or(&provider.name);
    blocks
        .iter()
        .find(|block| block.provider == provider.name && block.heading == *heading)
        .unwrap_or_else(|| panic!("{}: {}: there is no policy", provider.name, case.name))
}

fn run(policy: &Policy, block: &Block, provider: &Provider, case: &Case) -> Result<(), String> {
    let fields = provider.fields(case, NOW.0);
    let authorization = fields.values("authorization");
    let head = RequestHead {
        method: &case.method,
        target: &case.target,
        canonical: None,
        authorization: &authorization,
        api_key: &[],
        fields: &fields,
        origin: "https://api.acme.example",
    };
    match (
        decide(policy, &head, block, provider),
        &case.route,
        &case.refused,
    ) {
        (Ok(permit), Some(route), None) => {
            if permit.route() != route {
                return Err(format!("let through by {}", permit.route()));
            }
            for (name, value) in &case.identity {
                let is_it = |(found, it): (&str, &Vec<u8>)| found == name && it == value.as_bytes();
                if !permit.identity_headers().any(is_it) {
                    return Err(format!("{name} is not {value}"));
                }
            }
            Ok(())
        }
        (Err(refusal), None, Some(class)) => {
            let reason = refusal.reason().to_string();
            let is_meant = case
                .because
                .as_ref()
                .is_none_or(|words| reason.contains(words));
            if refusal.class().name() == class && is_meant {
                return Ok(());
            }
            Err(format!("refused as {refusal}, because: {reason}"))
        }
        (Ok(permit), None, Some(class)) => Err(format!(
            "let through by {} instead of refused as {class}",
            permit.route()
        )),
        (Err(refusal), Some(_), None) => Err(format!(
            "refused as {refusal}, because: {}",
            refusal.reason()
        )),
        _ => panic!("{}: say either `route` or `refused`", case.name),
    }
}

fn decide<'p>(
    policy: &'p Policy,
    head: &RequestHead<'_>,
    block: &Block,
    provider: &Provider,
) -> Result<Permit<'p>, Refusal> {
    let pending = match policy.screen(head)? {
        Screened::Public(permit) => return Ok(permit),
        Screened::Protected(pending) => pending,
    };
    let Credential::Jwt(token) = pending.credential() else {
        panic!("the policies of the page take signed tokens only");
    };
    let refused = |error| Refusal::invalid_token(&pending, error);
    let token = UnverifiedToken::parse(token.as_bytes()).map_err(refused)?;
    let issuer = token
        .issuer_hint()
        .and_then(|url| pending.issuer_by_url(&url))
        .ok_or_else(|| Refusal::unknown_issuer(&pending))?;
    let token = &verified(issuer, &token, block, provider).map_err(refused)?;
    let who = Authenticated::Token { issuer, token };
    pending.clone().authorise(who, None, NOW)
}

fn verified(
    issuer: &Issuer,
    token: &UnverifiedToken<'_>,
    block: &Block,
    provider: &Provider,
) -> Result<VerifiedToken, doorward_token::TokenError> {
    let name = issuer.name.as_str();
    let keys = KeySet::parse(&provider.key_set(block, name)).expect("the key set is acceptable");
    token.verify(&keys, issuer.expectations(), NOW)
}
