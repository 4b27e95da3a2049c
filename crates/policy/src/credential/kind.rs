//! Kinds of credentials.

/// A kind of credential, as `accept` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialKind {
    /// A bearer token that its issuer signed.
    Jwt,
    /// A bearer token that only its issuer can read.
    Opaque,
    /// An API key in its own header or query parameter.
    ApiKey,
    /// The name of an API key and the key itself, as `Basic`.
    Basic,
}

impl CredentialKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Jwt, Self::Opaque, Self::ApiKey, Self::Basic];

    /// The name that the policy has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
            Self::ApiKey => "api-key",
            Self::Basic => "basic",
        }
    }

    /// Whether it is a bearer token.
    pub(crate) fn is_bearer(self) -> bool {
        matches!(self, Self::Jwt | Self::Opaque)
    }
}

/// The kinds that a rule accepts, in its order; none on a public route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kinds([Option<CredentialKind>; CredentialKind::ALL.len()]);

impl Kinds {
    pub(crate) fn iter(&self) -> impl Iterator<Item = CredentialKind> {
        self.0.into_iter().flatten()
    }

    pub(crate) fn contains(self, kind: CredentialKind) -> bool {
        self.0.contains(&Some(kind))
    }

    /// Adds a kind after the others, unless it is there.
    pub(crate) fn push(&mut self, kind: CredentialKind) {
        if !self.contains(kind)
            && let Some(place) = self.0.iter_mut().find(|place| place.is_none())
        {
            *place = Some(kind);
        }
    }

    /// Which bearer tokens with two dots are.
    pub(crate) fn first_bearer(self) -> Option<CredentialKind> {
        self.iter().find(|kind| kind.is_bearer())
    }
}
