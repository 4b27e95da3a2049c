//! The OpenAPI document of the users: it is the one that the code makes, it shows what is sent, and it breaks no client
//! of the last release.
//!
//! After a change that is meant:
//!
//! ```sh
//! DOORWARD_BLESS=1 cargo test --test openapi
//! ```

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod breaking;
mod breaking_cases;
mod shown;

use doorward_tests::tree::{assert_committed, root, text_of};
use serde_json::Value;

/// The document, which `components/users-docs` serves.
const DOCUMENT: &str = "components/users-docs/openapi.json";
/// The same as the last release has it.
const RELEASED: &str = "components/users-docs/openapi.released.json";

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let made = doorward_users::openapi::document()
        .to_pretty_json()
        .unwrap();
    assert_committed(DOCUMENT, &format!("{made}\n"));
}

#[test]
fn no_client_of_the_last_release_is_broken() {
    let breaks = breaking::breaks(&document(RELEASED), &document(DOCUMENT));
    assert!(
        breaks.is_empty(),
        "a client of the last release would not be served any more:\n{}",
        breaks.join("\n")
    );
}

fn document(path: &str) -> Value {
    serde_json::from_str(&text_of(&root().join(path))).unwrap()
}
