//! E-mail addresses, in the one form in which they are compared.

use core::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_normalizer::uts46::Uts46MapperBorrowed;
use idna::punycode;

/// Longest address, in bytes: what fits between the angle brackets of a path (RFC 5321 §4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest local part, in bytes (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_BYTES_MAX: usize = 64;

/// Longest label of a domain, in bytes (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;
/// What the mapping puts in the place of a character that no domain may have.
const DISALLOWED: char = '\u{fffd}';
/// How an A-label begins (RFC 5890 §2.3.2.1).
const A_LABEL_PREFIX: &str = "xn--";

/// Punctuation that a local part may have (`atext`, RFC 5322 §3.2.3).
const ATEXT_PUNCTUATION: &str = "!#$%&'*+-/=?^_`{|}~";

/// An e-mail address: the domain as A-labels, the local part in NFC and with ASCII letters in lower case. Nothing else is
/// changed: what a provider makes of dots or `+` is the provider's affair.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Why a text is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailProblem {
    /// There is no `@`, or nothing before it.
    NoLocalPart,
    /// The local part has something that only a quoted one may have, or dots where none may be.
    LocalPart,
    /// What follows the last `@` is no name of a domain.
    Domain,
    /// The address, or its local part, is too long.
    TooLong,
}

impl Email {
    /// Reads an address (`Mailbox`, RFC 5321 §4.1.2; RFC 6531 §3.3 for what is not ASCII). Quoted local parts and
    /// addresses of machines in brackets are no addresses of people, and refused.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, EmailProblem> {
        if text.len() > EMAIL_BYTES_MAX {
            return Err(EmailProblem::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailProblem::NoLocalPart)?;
        if local.is_empty() {
            return Err(EmailProblem::NoLocalPart);
        }
        // A letter in lower case can be one with the mark that follows where the one in upper case is not; and NFC
        // makes letters of ASCII of some signs.
        let nfc = ComposingNormalizerBorrowed::new_nfc();
        let lower = nfc.normalize(local).to_ascii_lowercase();
        let local = nfc.normalize(&lower);
        if !is_dot_string(&local) {
            return Err(EmailProblem::LocalPart);
        }
        if local.len() > LOCAL_PART_BYTES_MAX {
            return Err(EmailProblem::TooLong);
        }
        let domain = a_labels(domain).ok_or(EmailProblem::Domain)?;
        let address = format!("{local}@{domain}");
        match address.len() {
            0..=EMAIL_BYTES_MAX => Ok(Self(address)),
            _ => Err(EmailProblem::TooLong),
        }
    }

    /// One that was read before, and kept.
    pub(crate) fn kept(address: String) -> Self {
        Self(address)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address is data of a person, and has no place in a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl fmt::Display for EmailProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLocalPart => "has to be an e-mail address: a name, @, and a domain",
            Self::LocalPart => {
                "has something before the @ that an address without quotes cannot have"
            }
            Self::Domain => "has no name of a domain after the @",
            Self::TooLong => "is too long: 64 bytes before the @, 254 bytes in all",
        })
    }
}

/// The domain as A-labels (UTS 46 §4, without transitional processing).
///
/// It is mapped and normalised as there, and labels of ASCII are checked. What is not checked are the rules for scripts
/// that run from right to left, and for joiners (docs/decisions/0070-a-service-behind-the-gate.md): whoever gets such a
/// domain registered has an address that works.
fn a_labels(domain: &str) -> Option<String> {
    let labels = mapped(domain);
    let labels: Option<Vec<String>> = labels.split('.').map(a_label).collect();
    Some(labels?.join("."))
}

fn a_label(label: &str) -> Option<String> {
    let label = match label.strip_prefix(A_LABEL_PREFIX) {
        Some(code) if label.is_ascii() => {
            // The one of its Unicode form, and of a form that is mapped already.
            let decoded = punycode::decode_to_string(code)?;
            (!decoded.is_ascii() && mapped(&decoded) == decoded).then(|| label.to_owned())?
        }
        _ if label.is_ascii() => label.to_owned(),
        _ if label.contains(DISALLOWED) => return None,
        _ => format!("{A_LABEL_PREFIX}{}", punycode::encode_str(label)?),
    };
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-');
    is_label.then_some(label)
}

fn mapped(text: &str) -> String {
    Uts46MapperBorrowed::new()
        .map_normalize(text.chars())
        .collect()
}

/// Atoms with single dots between them (`Dot-string`, RFC 5321 §4.1.2).
fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|c| match c {
                _ if c.is_ascii() => c.is_ascii_alphanumeric() || ATEXT_PUNCTUATION.contains(c),
                // What is not ASCII is allowed as it is (RFC 6531 §3.3), but nothing that cannot be seen.
                _ => !c.is_control() && !c.is_whitespace(),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::{Email, EmailProblem};

    #[test]
    fn an_address_has_one_form() {
        for (text, form) in [
            ("ada@example.com", "ada@example.com"),
            ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
            (
                "ada+lists@bücher.example",
                "ada+lists@xn--bcher-kva.example",
            ),
            ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
            ("JOSE\u{301}@example.com", "jos\u{c9}@example.com"),
            ("root@localhost", "root@localhost"),
            // Only letters in lower case are one with these marks, and a sign of its own is a letter.
            ("J\u{30c}ada@example.com", "\u{1f0}ada@example.com"),
            ("T\u{308}@example.com", "\u{1e97}@example.com"),
            ("\u{212a}im@example.com", "kim@example.com"),
            ("ada@\u{ff45}xample\u{3002}com", "ada@example.com"),
            (
                "ada@\u{3b2}\u{3cc}\u{3bb}\u{3bf}\u{3c2}.gr",
                "ada@xn--nxasmm1c.gr",
            ),
        ] {
            let email = Email::parse(text);
            assert_eq!(email.as_ref().map(Email::as_str), Ok(form), "{text}");
            let again = Email::parse(form);
            assert_eq!(again.as_ref().map(Email::as_str), Ok(form), "read again");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}example.com", "b.".repeat(130));
        for (text, problem) in [
            ("", EmailProblem::NoLocalPart),
            ("ada", EmailProblem::NoLocalPart),
            ("@example.com", EmailProblem::NoLocalPart),
            ("a b@example.com", EmailProblem::LocalPart),
            ("\"a b\"@example.com", EmailProblem::LocalPart),
            ("a@b@example.com", EmailProblem::LocalPart),
            (".a@example.com", EmailProblem::LocalPart),
            ("a..b@example.com", EmailProblem::LocalPart),
            ("a\u{0}@example.com", EmailProblem::LocalPart),
            ("a\u{2028}b@example.com", EmailProblem::LocalPart),
            ("ada@", EmailProblem::Domain),
            ("ada@[192.0.2.1]", EmailProblem::Domain),
            ("ada@exa mple.com", EmailProblem::Domain),
            ("ada@-example.com", EmailProblem::Domain),
            ("ada@example..com", EmailProblem::Domain),
            ("ada@example.com.", EmailProblem::Domain),
            ("ada@exa_mple.com", EmailProblem::Domain),
            ("ada@b\u{fc} cher.example", EmailProblem::Domain),
            ("ada@\u{fffd}.example", EmailProblem::Domain),
            // The code of ASCII, of a letter in upper case, and of nothing.
            ("ada@xn--abc-.example", EmailProblem::Domain),
            ("ada@xn--wca.example", EmailProblem::Domain),
            ("ada@xn--99999999.example", EmailProblem::Domain),
            (&long, EmailProblem::TooLong),
            (&longer, EmailProblem::TooLong),
        ] {
            assert_eq!(Email::parse(text), Err(problem), "{text}");
        }
    }
}
