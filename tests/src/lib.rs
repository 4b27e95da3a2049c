//! What the native tests share. The tests themselves are in `tests/tests`, what they read in
//! `tests/data`.
//!
//! [`contract`] says what the engine may count on, whatever it runs on. [`counts`] are compared with committed ones. [`decisions`] reads the decision cases, [`mint`] signs their tokens with keys that follow from
//! their names. [`examples`] are the policies of the repository. [`findings`] reads what is to be found in policies. [`numbers`] are for properties.
//! [`policy_tables`] are the tables of a policy. [`providers`] reads the page on providers, and tokens of
//! their shape. [`scenario`] draws worlds from seeds and checks what became of them. [`signing`] signs tokens of every algorithm with the key pairs of `data/token`. [`sim`] is the engine
//! in virtual time. [`spin_template`] is the template for `spin new`. [`tree`] is the repository and [`tokens`] the
//! words of its files, for the checks of it.

pub mod contract;
pub mod counts;
pub mod credential;
pub mod decisions;
pub mod examples;
pub mod findings;
pub mod issuer;
pub mod mint;
pub mod numbers;
pub mod policy_tables;
pub mod providers;
pub mod scenario;
pub mod served;
pub mod signing;
pub mod sim;
pub mod spin_template;
pub mod time;
pub mod tokens;
pub mod tree;

use doorward_policy::RequestHead;

/// The head of a GET for `target` with these values of `Authorization` and of the header of API keys.
#[must_use]
pub fn head<'r>(
    target: &'r str,
    authorization: &'r [Vec<u8>],
    api_key: &'r [Vec<u8>],
) -> RequestHead<'r> {
    RequestHead {
        method: "GET",
        target,
        authorization,
        api_key,
        ..RequestHead::default()
    }
}
