//! The schemas of types, compiled ahead, from a mounted file.

use std::io::ErrorKind;
use std::sync::OnceLock;

use doorward_events::event::data::{DataCheck, DataFault};
use doorward_events::json::Value;
use doorward_events::schema::{Schemas as Compiled, Scratch};
use doorward_service::store::StoreError;

use crate::settings::UNKNOWN_TYPES;

/// Where the file is mounted. `doorward schemas` makes it.
const FILE: &str = "/events.schemas";

/// The schemas of types.
#[derive(Clone, Copy)]
pub struct Schemas(Option<&'static Compiled<'static>>);

impl Schemas {
    /// Those of the file. Without one there are none.
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn read() -> Result<Self, StoreError> {
        static SCHEMAS: OnceLock<Option<Compiled<'static>>> = OnceLock::new();
        if let Some(schemas) = SCHEMAS.get() {
            return Ok(Self(schemas.as_ref()));
        }
        let schemas = match std::fs::read(FILE) {
            Ok(bytes) => {
                // An instance has them as long as it lives.
                let bytes: &'static [u8] = Vec::leak(bytes);
                let read = Compiled::read(bytes);
                Some(read.map_err(|why| StoreError::Settings(format!("{FILE}: {why}")))?)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::Settings(format!("{FILE}: {error}"))),
        };
        Ok(Self(SCHEMAS.get_or_init(|| schemas).as_ref()))
    }

    /// Whether there are schemas where types without one are refused: with none nothing could ever be taken.
    ///
    /// # Errors
    /// There are none.
    pub fn suffice(self, takes_unknown_types: bool) -> Result<(), StoreError> {
        match self.0.is_some() || takes_unknown_types {
            true => Ok(()),
            false => Err(StoreError::Settings(format!(
                "there are no schemas: mount the file that `doorward schemas` makes at {FILE}, or set {UNKNOWN_TYPES} to \
                 \"accept\""
            ))),
        }
    }

    /// The schema of a type, as it was written.
    pub fn text(self, kind: &str) -> Option<&'static str> {
        let schema = self.0?.for_type(kind)?;
        Some(schema.text())
    }

    /// Checks data against them.
    pub fn check(self, takes_unknown_types: bool) -> Check {
        Check {
            schemas: self,
            takes_unknown_types,
            scratch: Scratch::new(),
        }
    }
}

/// Checks data against schemas.
pub struct Check {
    schemas: Schemas,
    takes_unknown_types: bool,
    scratch: Scratch,
}

impl DataCheck for Check {
    fn check(&mut self, kind: &str, data: Option<Value<'_>>) -> Result<(), DataFault> {
        let schema = self.schemas.0.and_then(|schemas| schemas.for_type(kind));
        let Some(schema) = schema else {
            return match self.takes_unknown_types {
                true => Ok(()),
                false => Err(DataFault {
                    pointer: None,
                    reason: "is none that there is a schema for".into(),
                }),
            };
        };
        let Some(data) = data else {
            return Err(DataFault {
                pointer: Some(String::new()),
                reason: "has to be JSON, as there is a schema for this type".into(),
            });
        };
        schema
            .check(data, &mut self.scratch)
            .map_err(|violation| DataFault {
                pointer: Some(violation.pointer),
                reason: violation.detail.into(),
            })
    }
}
