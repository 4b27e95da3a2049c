//! An event, and how it is told.

use doorward_syntax::date::rfc3339;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::user::User;

/// Who tells (`source` of CloudEvents 1.0 §3.1.1). With it an `id` is of one event.
pub const SOURCE: &str = "urn:doorward:users";
/// The media type of one event (CloudEvents, HTTP Protocol Binding 1.0.2 §3.2).
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// What has happened to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it was.
    pub happened: Happened,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// The things that happen to users. `crates/users/schemas` has a JSON Schema for what is told of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// This user is new.
    Created(User),
    /// This is what the user is now.
    Changed(User),
    /// The user is gone, and of the data nothing is told.
    Deleted {
        /// The user that was.
        id: Uuid,
        /// One more than that of the last version that there was.
        version: u64,
    },
}

impl Event {
    /// To whom it happened.
    pub fn user_id(&self) -> Uuid {
        match &self.happened {
            Happened::Created(user) | Happened::Changed(user) => user.id,
            Happened::Deleted { id, .. } => *id,
        }
    }

    /// The user's version after it.
    pub fn version(&self) -> u64 {
        match &self.happened {
            Happened::Created(user) | Happened::Changed(user) => user.version,
            Happened::Deleted { version, .. } => *version,
        }
    }

    /// What it is called.
    pub fn kind(&self) -> &'static str {
        match &self.happened {
            Happened::Created(_) => "dev.doorward.user.created.v1",
            Happened::Changed(_) => "dev.doorward.user.changed.v1",
            Happened::Deleted { .. } => "dev.doorward.user.deleted.v1",
        }
    }

    /// What it is known by: the same each time that it is told, so that who is told twice can see it.
    pub fn id(&self) -> String {
        format!("{}.{}", self.user_id(), self.version())
    }

    /// The event in the structured form of CloudEvents 1.0.
    pub fn told(&self) -> String {
        let event = json!({
            "specversion": "1.0",
            "id": self.id(),
            "source": SOURCE,
            "type": self.kind(),
            "subject": self.user_id().to_string(),
            "time": rfc3339(self.at_ms),
            "datacontenttype": "application/json",
            "data": self.data(),
        });
        event.to_string()
    }

    fn data(&self) -> Value {
        let mut data = match &self.happened {
            Happened::Created(user) | Happened::Changed(user) => user.shown(),
            Happened::Deleted { id, .. } => json!({ "id": id.to_string() }),
        };
        if let Some(members) = data.as_object_mut() {
            members.insert("version".to_owned(), self.version().into());
        }
        data
    }
}
