//! Response fields that make browsers careful.
//!
//! A preset is where to begin; what it says can be overridden field by field, and what an upstream says
//! itself always stands.
//!
//! | field | `api` | `web` |
//! |---|---|---|
//! | `Strict-Transport-Security` | two years | the same |
//! | `X-Content-Type-Options` | `nosniff` | the same |
//! | `Referrer-Policy` | nothing is told | to other origins, the origin alone |
//! | `X-Frame-Options` | in no frame | in frames of the same origin |
//! | `Content-Security-Policy` | loads nothing, in no frame | frames and base URL of the same origin |
//! | `Cross-Origin-Resource-Policy` | the same origin | not set |
//!
//! What is *not* in them, and why:
//!
//! - `includeSubDomains` and `preload`: they speak for hosts that a gateway does not know, and cannot be
//!   taken back for two years. Whoever owns the whole domain overrides the field.
//! - `Cross-Origin-Resource-Policy` for `web`: other sites may show a site's images and load its fonts. In
//!   `api` it concerns loads without CORS alone (images, scripts, frames), not what [`crate::cors`] allows.
//! - `script-src` and the like for `web`: only the author of a page knows them, and a guess breaks it.
//! - `Cross-Origin-Opener-Policy`: it breaks signing in through another site's window.
//! - `X-XSS-Protection`: browsers removed what it controlled, because that itself could be attacked.

/// Which fields a policy begins with (`preset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// For what programs read: JSON above all. Were it ever shown as a page, it could do nothing.
    #[default]
    Api,
    /// For pages. It breaks none that is not framed by another site.
    Web,
    /// Nothing.
    None,
}

/// RFC 6797 section 6.1. Browsers heed it over HTTPS only (section 8.1), so it does no harm where the host
/// speaks plain HTTP with a proxy that ends TLS.
const TRANSPORT: (&str, &str) = ("strict-transport-security", "max-age=63072000");
/// The Fetch standard, "`X-Content-Type-Options` header": what is not a script by its type is not run.
const SNIFF: (&str, &str) = ("x-content-type-options", "nosniff");

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Api, Self::Web, Self::None];

    /// How a policy writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Web => "web",
            Self::None => "none",
        }
    }

    /// Its fields: names in lower case, and values.
    #[must_use]
    pub const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Api => &[
                TRANSPORT,
                SNIFF,
                ("referrer-policy", "no-referrer"),
                // For browsers that do not know `frame-ancestors`.
                ("x-frame-options", "DENY"),
                (
                    "content-security-policy",
                    "default-src 'none'; frame-ancestors 'none'",
                ),
                ("cross-origin-resource-policy", "same-origin"),
            ],
            Self::Web => &[
                TRANSPORT,
                SNIFF,
                ("referrer-policy", "strict-origin-when-cross-origin"),
                ("x-frame-options", "SAMEORIGIN"),
                (
                    "content-security-policy",
                    "base-uri 'self'; frame-ancestors 'self'",
                ),
            ],
            Self::None => &[],
        }
    }
}

/// The fields of `[security_headers.NAME]`: set on every response that has none of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityHeaders {
    /// Names in lower case, and values.
    pub fields: Vec<(String, String)>,
}

impl SecurityHeaders {
    /// The fields of `preset` without those of `remove`, and those of `set`, which override the preset's.
    /// Names in `set` are in lower case.
    #[must_use]
    pub fn new(preset: Preset, set: Vec<(String, String)>, remove: &[&str]) -> Self {
        let mut fields: Vec<_> = preset
            .fields()
            .iter()
            .filter(|(name, _)| {
                !remove
                    .iter()
                    .copied()
                    .chain(set.iter().map(|(name, _)| name.as_str()))
                    .any(|other| other.eq_ignore_ascii_case(name))
            })
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        fields.extend(set);
        Self { fields }
    }

    /// The fields that a response lacks, of which `has` says whether it has one of this name.
    pub fn missing_in(&self, has: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(move |(name, _)| !has(name))
    }
}

#[cfg(test)]
mod tests;
