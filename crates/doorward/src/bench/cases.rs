//! What is measured: a line each.

use crate::keys::Algorithm;

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// Its name, by which it is chosen and told.
    pub(super) name: &'static str,
    /// The component that answers.
    pub(super) service: &'static str,
    /// The one before it.
    pub(super) middleware: Option<&'static str>,
    /// Whether one of the two decides requests by a policy.
    pub(super) is_guarded: bool,
    pub(super) credential: Credential,
    pub(super) ask: Ask,
}

/// What a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// The same token in all requests.
    Repeated(Algorithm),
    /// A token that no instance has seen before.
    NeverSeen(Algorithm),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Who asks, of `whoami`.
    Identity,
    /// What an origin has.
    Proxied,
    /// One user, of a database.
    User,
    /// That a batch of events is taken.
    Events,
}

/// The case with which the others are compared.
pub(super) const BARE: &str = "bare";

/// All of them, in the order in which they take turns.
pub(super) const CASES: [Case; 15] = [
    Case::service(BARE, "whoami"),
    Case::service("rebuild", "whoami").behind("rebuild"),
    Case::gate("gate-rs256", Credential::Repeated(Algorithm::Rs256)),
    Case::gate("gate-es256", Credential::Repeated(Algorithm::Es256)),
    Case::gate("gate-eddsa", Credential::Repeated(Algorithm::EdDsa)),
    Case::gate("gate-new-rs256", Credential::NeverSeen(Algorithm::Rs256)),
    Case::gate("gate-new-es256", Credential::NeverSeen(Algorithm::Es256)),
    Case::gate("gate-new-eddsa", Credential::NeverSeen(Algorithm::EdDsa)),
    Case::linked("linked-rs256", Credential::Repeated(Algorithm::Rs256)),
    Case::linked("linked-new-rs256", Credential::NeverSeen(Algorithm::Rs256)),
    Case::linked("linked-new-es256", Credential::NeverSeen(Algorithm::Es256)),
    Case::linked("linked-new-eddsa", Credential::NeverSeen(Algorithm::EdDsa)),
    Case::service("gateway", "gateway").guarded(REMEMBERED, Ask::Proxied),
    Case::service("users", "users")
        .behind("gate")
        .guarded(REMEMBERED, Ask::User),
    Case::service("events", "events")
        .behind("gate")
        .guarded(REMEMBERED, Ask::Events),
];

/// The credential of cases that are not about credentials.
const REMEMBERED: Credential = Credential::Repeated(Algorithm::Rs256);

impl Case {
    /// A component alone, which decides nothing. It is sent what the others are sent, so that what differs is the work.
    const fn service(name: &'static str, service: &'static str) -> Self {
        Self {
            name,
            service,
            middleware: None,
            is_guarded: false,
            credential: REMEMBERED,
            ask: Ask::Identity,
        }
    }

    const fn behind(self, middleware: &'static str) -> Self {
        Self {
            middleware: Some(middleware),
            ..self
        }
    }

    const fn guarded(self, credential: Credential, ask: Ask) -> Self {
        Self {
            is_guarded: true,
            credential,
            ask,
            ..self
        }
    }

    /// `whoami` behind the gate.
    const fn gate(name: &'static str, credential: Credential) -> Self {
        let case = Self::service(name, "whoami").behind("gate");
        case.guarded(credential, Ask::Identity)
    }

    /// `whoami` with the gate linked in.
    const fn linked(name: &'static str, credential: Credential) -> Self {
        let case = Self::service(name, "whoami-linked");
        case.guarded(credential, Ask::Identity)
    }

    /// The components that it is made of.
    pub(super) fn components(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.service), self.middleware].into_iter().flatten()
    }

    /// Whether this name is its own, or that of the cases of which it is one: `gate-new` is all of `gate-new-…`.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// The value of a flag: a name of at least one case.
pub(super) fn name(text: &str) -> Result<String, String> {
    if CASES.iter().any(|case| case.is_named(text)) {
        return Ok(text.to_owned());
    }
    let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    Err(format!(
        "there are {}; the beginning of several up to a hyphen is all of them",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        assert_eq!(CASES.first().map(|case| case.name), Some(BARE));
    }

    #[test]
    fn a_name_chooses_a_case_or_a_family() {
        let chosen = |name: &str| CASES.iter().filter(|case| case.is_named(name)).count();
        assert_eq!(chosen("gate"), 6, "and not the gateway");
        assert_eq!(chosen("gate-new"), 3);
        assert_eq!(chosen("gate-new-rs256"), 1);
        assert_eq!(chosen("gat"), 0);
        assert!(name("gat").is_err_and(|why| why.contains("gate-rs256")));
    }

    #[test]
    fn only_the_baselines_decide_nothing() {
        let unguarded = CASES.iter().filter(|case| !case.is_guarded);
        let names: Vec<&str> = unguarded.map(|case| case.name).collect();
        assert_eq!(names, [BARE, "rebuild"]);
    }
}
