use super::*;

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_preset_has_each_field_once_in_lower_case_and_printable() {
    for preset in Preset::ALL {
        let mut names: Vec<_> = preset.fields().iter().map(|(name, _)| *name).collect();
        for (name, value) in preset.fields() {
            assert_eq!(
                *name,
                name.to_ascii_lowercase(),
                "{} writes names in lower case",
                preset.name()
            );
            assert!(
                !value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{}: {name} has a value that can be sent: {value:?}",
                preset.name()
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(
            names.len(),
            preset.fields().len(),
            "{} says nothing twice",
            preset.name()
        );
    }
}

#[test]
fn what_a_preset_promises_is_in_it() {
    for (preset, name, due) in [
        (Preset::Api, "strict-transport-security", "max-age=63072000"),
        (Preset::Api, "x-content-type-options", "nosniff"),
        (Preset::Api, "referrer-policy", "no-referrer"),
        (Preset::Api, "x-frame-options", "DENY"),
        (
            Preset::Api,
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (Preset::Api, "cross-origin-resource-policy", "same-origin"),
        (Preset::Web, "strict-transport-security", "max-age=63072000"),
        (Preset::Web, "x-content-type-options", "nosniff"),
        (
            Preset::Web,
            "referrer-policy",
            "strict-origin-when-cross-origin",
        ),
        (Preset::Web, "x-frame-options", "SAMEORIGIN"),
        (
            Preset::Web,
            "content-security-policy",
            "base-uri 'self'; frame-ancestors 'self'",
        ),
    ] {
        assert!(
            preset.fields().contains(&(name, due)),
            "{} sets {name} to {due}",
            preset.name()
        );
    }
    assert_eq!(Preset::Api.fields().len(), 6, "api sets nothing else");
    assert_eq!(Preset::Web.fields().len(), 5, "web sets nothing else");
    assert_eq!(Preset::None.fields(), [], "none sets nothing");
}

#[test]
fn a_preset_is_known_by_its_name() {
    assert_eq!(
        Preset::ALL.map(Preset::name),
        ["api", "web", "none"],
        "as a policy writes them"
    );
    assert_eq!(
        Preset::default(),
        Preset::Api,
        "the strictest one is where nothing is said"
    );
}

#[test]
fn a_policy_overrides_adds_and_leaves_out() {
    let set = [("x-frame-options", "SAMEORIGIN"), ("x-extra", "1")];
    let headers = SecurityHeaders::new(
        Preset::Api,
        owned(&set),
        &["Strict-Transport-Security", "x-not-there"],
    );
    let due = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-extra", "1"),
    ];
    assert_eq!(
        headers.fields,
        owned(&due),
        "what the policy sets comes in the place of the preset's"
    );
    let own = [("x-extra", "1")];
    assert_eq!(
        SecurityHeaders::new(Preset::None, owned(&own), &[]).fields,
        owned(&own),
        "without a preset there is what the policy sets"
    );
}

#[test]
fn what_a_response_has_stays_as_it_is() {
    let headers = SecurityHeaders::new(Preset::Web, Vec::new(), &[]);
    let missing: Vec<_> = headers
        .missing_in(|name| matches!(name, "content-security-policy" | "x-frame-options"))
        .collect();
    let due = [
        ("strict-transport-security", "max-age=63072000"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
    ];
    assert_eq!(missing, due, "only what it lacks is set");
    assert_eq!(
        headers.missing_in(|_| true).count(),
        0,
        "a response that has all of them gains none"
    );
}
