//! API keys: where requests carry them, and those that the policy itself lists.

use doorward_token::api_key::KeyRecord;

/// `[api_keys]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeys {
    /// Where a request has its key. `None`: only as the password of `Basic`.
    pub place: Option<KeyPlace>,
    /// Whether keys that the policy does not list are looked for in the store.
    pub store: bool,
    /// Those that it lists, in the order of their ids.
    pub(crate) keys: Vec<KeyRecord>,
}

impl ApiKeys {
    /// The key with this id, if the policy lists it. Its digest is still to be compared.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&KeyRecord> {
        let place = self.keys.binary_search_by(|key| key.id.as_str().cmp(id));
        self.keys.get(place.ok()?)
    }

    /// The name of the header that requests have their key in.
    pub(crate) fn header(&self) -> Option<&str> {
        match self.place.as_ref()? {
            KeyPlace::Header(name) => Some(name),
            KeyPlace::Query(_) => None,
        }
    }

    /// The keys that the policy lists, in the order of their ids.
    #[must_use]
    pub fn listed(&self) -> &[KeyRecord] {
        &self.keys
    }
}

/// Where a request has its API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the header of this name, which is in lower case.
    Header(String),
    /// In the parameter of the query that has this name, in exactly this spelling.
    Query(String),
}
