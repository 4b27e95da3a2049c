//! What is asked of the data of an event.

use std::borrow::Cow;

use crate::json::Value;

/// Checks the data of events, by their types.
pub trait DataCheck {
    /// Checks the data of an event of this type. `None`: it has none, or none that is JSON.
    ///
    /// # Errors
    /// What is wrong with it first.
    fn check(&mut self, kind: &str, data: Option<Value<'_>>) -> Result<(), DataFault>;
}

/// What is wrong with the data of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFault {
    /// Where: a JSON pointer (RFC 6901) into the data, which is empty for all of it. `None`: it is the type.
    pub pointer: Option<String>,
    /// What is wrong there.
    pub reason: Cow<'static, str>,
}

/// Takes any data.
#[derive(Clone, Copy, Debug)]
pub struct AnyData;

impl DataCheck for AnyData {
    fn check(&mut self, _: &str, _: Option<Value<'_>>) -> Result<(), DataFault> {
        Ok(())
    }
}

impl<F: FnMut(&str, Option<Value<'_>>) -> Result<(), DataFault>> DataCheck for F {
    fn check(&mut self, kind: &str, data: Option<Value<'_>>) -> Result<(), DataFault> {
        self(kind, data)
    }
}
