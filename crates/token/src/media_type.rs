//! What kind of token a header says it is.

/// The `typ` of a bundle.
#[cfg(feature = "bundle")]
pub const BUNDLE_TYPE: &str = "doorward-policy+jws";

/// What `typ` says the token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// There is no `typ`.
    Absent,
    /// `JWT` (RFC 7519 §5.1).
    Jwt,
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `id_token+jwt`, which some issuers write.
    IdToken,
    /// `logout+jwt` (OpenID Connect Back-Channel Logout 1.0 §2.4).
    LogoutToken,
    /// [`BUNDLE_TYPE`]: a policy that was signed.
    #[cfg(feature = "bundle")]
    Bundle,
    /// Anything else.
    Other,
}

impl MediaType {
    /// What it is called, for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Jwt => "JWT",
            Self::AccessToken => "at+jwt",
            Self::IdToken => "id_token+jwt",
            Self::LogoutToken => "logout+jwt",
            #[cfg(feature = "bundle")]
            Self::Bundle => BUNDLE_TYPE,
            Self::Other => "another one",
        }
    }

    /// The one that is called so.
    #[cfg(feature = "recorded")]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let mut all = [
            Self::Absent,
            Self::Jwt,
            Self::AccessToken,
            Self::IdToken,
            Self::LogoutToken,
            Self::Other,
        ]
        .into_iter();
        all.find(|one| one.name() == name)
    }

    /// RFC 7515 §4.1.9: a media type, compared without regard to case, whose `application/` may
    /// be left out.
    pub(crate) fn from_typ(typ: &str) -> Self {
        const PREFIX: &str = "application/";
        let subtype = match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => typ,
        };
        if subtype.eq_ignore_ascii_case("jwt") {
            Self::Jwt
        } else if subtype.eq_ignore_ascii_case("at+jwt") {
            Self::AccessToken
        } else if ["id_token+jwt", "id+jwt"]
            .iter()
            .any(|id| subtype.eq_ignore_ascii_case(id))
        {
            Self::IdToken
        } else if subtype.eq_ignore_ascii_case("logout+jwt") {
            Self::LogoutToken
        } else {
            #[cfg(feature = "bundle")]
            if subtype.eq_ignore_ascii_case(BUNDLE_TYPE) {
                return Self::Bundle;
            }
            Self::Other
        }
    }
}
