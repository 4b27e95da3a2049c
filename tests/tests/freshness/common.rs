//! What the cases of this suite share.

use crate::api::issuer::{AUDIENCE, Issuer};

/// For how long keys are fresh whose issuer does not say, in seconds.
pub const FRESH_S: u64 = 600;

pub fn policy(issuer: &Issuer) -> String {
    policy_with(issuer, "")
}

/// A policy with these lines in the issuer's table.
pub fn policy_with(issuer: &Issuer, lines: &str) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n{lines}\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    )
}
