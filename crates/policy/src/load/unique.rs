//! What issuers are called, which no two of them share.

use doorward_syntax::split::split_once;
use doorward_token::{TENANT_PLACE, is_tenant, tenant_of};

use super::issuer::ReadIssuer;
use crate::finding::Code;
use crate::policy::IssuerNames;
use crate::source::{Related, Source, shown};

/// One name of one issuer.
struct Name<'r> {
    text: &'r str,
    issuer: &'r str,
    offset: usize,
    any_tenant: bool,
}

impl Name<'_> {
    /// Patterns come after all else.
    fn key(&self) -> (bool, &str) {
        (self.any_tenant, self.text)
    }
}

/// Gives the issuers by their names, which differ.
pub(super) fn names(source: &mut Source<'_>, issuers: &[ReadIssuer]) -> IssuerNames {
    let mut names: Vec<(Name<'_>, (u32, u32))> = Vec::new();
    let mut id = 0;
    for read in issuers {
        for issuer in &read.issuers {
            let expect = issuer.expectations();
            let spellings = expect.issuer_spellings.iter();
            let all = core::iter::once(&expect.issuer).chain(spellings);
            for (number, text) in all.enumerate() {
                let name = Name {
                    text,
                    issuer: &issuer.name,
                    offset: match number {
                        0 => read.url_offset,
                        _ => read.spellings_offset,
                    },
                    any_tenant: expect.any_tenant,
                };
                // One that is not there was found already.
                if !text.is_empty() {
                    let place = names.partition_point(|(known, _)| known.key() <= name.key());
                    names.insert(place, (name, (id, number as u32)));
                }
            }
            id += 1;
        }
    }
    for pair in names.windows(2) {
        if let [(one, _), (other, _)] = pair
            && one.text == other.text
        {
            same(source, one, other);
        }
    }
    let plain = names.partition_point(|(name, _)| !name.any_tenant);
    let (plain, patterns) = names.split_at_checked(plain).unwrap_or_default();
    for (index, (pattern, _)) in patterns.iter().enumerate() {
        for (name, _) in plain {
            if tenant_of(pattern.text, name.text).is_some() {
                same(source, pattern, name);
            }
        }
        for (other, _) in patterns.iter().skip(index + 1) {
            if pattern.text != other.text && overlap(pattern.text, other.text) {
                same(source, pattern, other);
            }
        }
    }
    IssuerNames {
        sorted: plain.iter().map(|(_, place)| *place).collect(),
        patterns: patterns.iter().map(|(_, (id, _))| *id).collect(),
    }
}

fn same(source: &mut Source<'_>, one: &Name<'_>, other: &Name<'_>) {
    let (one, other) = if one.offset > other.offset {
        (other, one)
    } else {
        (one, other)
    };
    let message = format_args!(
        "two issuers have the same `url` or `issuer`, `{}` and `{}`: a token would not say whose it is",
        shown(one.issuer),
        shown(other.issuer),
    );
    let related: Related<'_> = &[(one.offset, &"the other one")];
    source.find_with(Code::Conflict, other.offset, &message, None, related);
}

/// Whether some name fits both patterns.
fn overlap(one: &str, other: &str) -> bool {
    let parts = |pattern| split_once(pattern, TENANT_PLACE);
    let (Some((before, after)), Some((other_before, other_after))) = (parts(one), parts(other))
    else {
        return false;
    };
    // What one of them has more than the other has to be part of a tenant's name.
    let could_be = |rest: Option<&str>| {
        rest.is_some_and(|rest| rest.is_empty() || is_tenant(rest) || rest == ".")
    };
    (could_be(before.strip_prefix(other_before)) || could_be(other_before.strip_prefix(before)))
        && (could_be(after.strip_suffix(other_after)) || could_be(other_after.strip_suffix(after)))
}
