use super::*;

fn spellings(name: &str) -> Vec<String> {
    let camel: Vec<String> = name
        .split('-')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        })
        .collect();
    vec![
        name.to_owned(),
        camel.join("-"),
        name.to_ascii_uppercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
        name.to_ascii_uppercase().replace('-', "_"),
        camel.join("_"),
        camel.join("."),
        name.replacen('-', "_", 1),
        name.replacen('-', "~", 1),
    ]
}

fn all() -> Vec<Spoofing> {
    let of = |table: &'static Table| {
        table.names.all().iter().map(|entry| Spoofing {
            says: table.says,
            entry,
            is_family: table.are_families,
        })
    };
    TABLES.iter().flat_map(of).collect()
}

#[test]
fn every_entry_is_known_in_every_spelling() {
    for known in all() {
        let name = if known.is_family {
            format!("{}a-b", known.entry)
        } else {
            known.entry.to_owned()
        };
        for spelling in spellings(&name) {
            assert_eq!(spoofing(&spelling), Some(known), "{spelling}");
            let longer = format!("{spelling}{}", "x".repeat(70));
            let of_longer = spoofing(&longer).map(|found| found.entry);
            let expected = known.is_family.then_some(known.entry);
            assert!(
                of_longer == expected || of_longer.is_some_and(|entry| name.starts_with(entry)),
                "{longer}: {of_longer:?}"
            );
        }
    }
}

#[test]
fn an_entry_is_there_once_and_in_lower_case() {
    let all = all();
    for (place, known) in all.iter().enumerate() {
        let entry = known.entry;
        assert_eq!(entry, entry.to_ascii_lowercase());
        assert!(entry.len() < SIEVE.len() - 1, "{entry} is too long");
        assert!(
            entry.starts_with(|first: char| first.is_ascii_lowercase()),
            "{entry}: names are told apart by a letter"
        );
        let earlier = all.iter().take(place);
        assert!(
            !earlier.clone().any(|other| other.entry == entry),
            "{entry} is there twice"
        );
        let in_family = all.iter().find(|other| {
            other.is_family && other.entry != entry && entry.starts_with(other.entry)
        });
        assert_eq!(in_family, None, "{entry} is in a family");
    }
}

#[test]
fn what_says_another_method_or_path_is_told_from_who_the_caller_is() {
    for (name, says) in [
        ("X-HTTP-Method", Says::Method),
        ("X-HTTP-Method-Override", Says::Method),
        ("X-Method-Override", Says::Method),
        ("X-Original-Method", Says::Method),
        ("X-Original-URL", Says::Path),
        ("X-Rewrite-URL", Says::Path),
        ("SCRIPT_NAME", Says::Path),
        ("X-Forwarded-Prefix", Says::Prefix),
        ("Remote-User", Says::Identity),
        ("X-Remote-User", Says::Identity),
        ("X-Remote-User-Id", Says::Identity),
        ("X-Remote-Groups", Says::Identity),
        ("X-Remote-Extra-Scopes", Says::Identity),
        ("X-WebAuth-User", Says::Identity),
        ("X-Forwarded-User", Says::Identity),
        ("X-Forwarded-Groups", Says::Identity),
        ("X-Forwarded-Email", Says::Identity),
        ("X-Forwarded-Preferred-Username", Says::Identity),
        ("X-Auth-Request-User", Says::Identity),
        ("X-Client-Cert", Says::Identity),
        ("X-SSL-Client-S-DN", Says::Identity),
        ("SSL_CLIENT_S_DN", Says::Identity),
        ("Client-Cert", Says::Identity),
        ("X-Forwarded-Client-Cert", Says::Identity),
        ("X-MS-CLIENT-PRINCIPAL", Says::Identity),
        ("X-MS-CLIENT-PRINCIPAL-ID", Says::Identity),
        ("X-Amzn-Oidc-Identity", Says::Identity),
        ("X-Amzn-Oidc-Data", Says::Identity),
        ("X-Goog-Authenticated-User-Email", Says::Identity),
        ("Cf-Access-Authenticated-User-Email", Says::Identity),
        ("X-Consumer-Custom-ID", Says::Identity),
        ("X-authentik-username", Says::Identity),
        ("X-Amzn-Request-Context", Says::Identity),
        ("x-apigateway-event", Says::Identity),
        ("X-Amzn-Lattice-Identity", Says::Identity),
        ("X-AppEngine-QueueName", Says::Identity),
        ("X-Auth-CouchDB-UserName", Says::Identity),
        ("Ngrok-Auth-User-Email", Says::Identity),
        ("Sf-Context-Current-User", Says::Identity),
        ("SM_USERGROUPS", Says::Identity),
        ("Remote-Roles", Says::Identity),
        ("X-Forwarded-Authorization", Says::Identity),
        ("X-Middleware-Subrequest", Says::Identity),
        ("Tailscale-User-Login", Says::Identity),
        ("OIDC_CLAIM_sub", Says::Identity),
    ] {
        assert_eq!(spoofing(name).map(|found| found.says), Some(says), "{name}");
        assert_eq!(says_identity(name), says == Says::Identity, "{name}");
    }
}

#[test]
fn ordinary_fields_and_what_has_to_be_proved_stay() {
    for name in [
        "",
        "x",
        "accept",
        "authorization",
        "client",
        "content-type",
        "cookie",
        "host",
        "origin",
        "referer",
        "remote",
        "ssl",
        "traceparent",
        "user-agent",
        // A credential, or a signed assertion.
        "cf-access-jwt-assertion",
        "x-api-key",
        "x-auth-key",
        "x-auth-token",
        "x-auth-user",
        "x-goog-iap-jwt-assertion",
        "x-pomerium-jwt-assertion",
        // Names that come close.
        "x-amzn-trace-id",
        "x-auth-request",
        "x-cert",
        "x-client-version",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-goog-api-key",
        "x-http-methods",
        "x-ms-version",
        "x-request-id",
        "x-requested-with",
        "x-ssl",
        "x-user-id",
        "cf-connecting-ip",
        "cf-ray",
        "oidc",
        "shibboleth",
        "tailscale-user",
    ] {
        assert_eq!(spoofing(name), None, "{name}");
    }
}

/// What is looked at more closely costs every request some hundred instructions for each field.
#[test]
fn the_fields_of_an_ordinary_request_are_told_from_all_entries_by_one_look() {
    for name in [
        "host",
        "user-agent",
        "accept",
        "accept-language",
        "accept-encoding",
        "authorization",
        "cookie",
        "referer",
        "origin",
        "content-type",
        "content-length",
        "cache-control",
        "sec-fetch-site",
        "sec-ch-ua-platform",
        "x-request-id",
        "x-requested-with",
        "traceparent",
        "spin-client-addr",
        "spin-full-url",
        "spin-path-info",
        "spin-matched-route",
        "spin-base-path",
        "spin-raw-component-route",
        "spin-component-route",
    ] {
        let row = SIEVE.get(name.len());
        assert_eq!(row.map(|row| row & letter_bit(name)), Some(0), "{name}");
    }
}

#[test]
fn what_websphere_is_told_by_its_plug_in_is_told_by_nobody_else() {
    for name in ["$WSRU", "$wscc", "$WSAT"] {
        assert!(says_identity(name), "{name}");
    }
    for name in ["$", "$w", "$price", "wsru"] {
        assert_eq!(spoofing(name), None, "{name}");
    }
}
