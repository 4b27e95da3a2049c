//! Where records are written to.

use core::fmt;

use crate::record::Batch;

/// Where records are written to.
pub trait Sink {
    /// Writes all records of a batch, or none. When it returns, they are as safe as this sink keeps anything.
    ///
    /// # Errors
    /// It is not known to be written: it may be tried again, and a record that is there already is not there twice
    /// where the sink can see to that.
    fn write(&self, batch: &Batch) -> impl Future<Output = Result<Written, SinkError>>;
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many of its records were there already, by their source and id. 0 where the sink does not look.
    pub duplicates: u64,
}

/// Why a batch is not known to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkError {
    /// The sink cannot be reached or takes nothing now: later it may.
    NotNow(String),
    /// The sink takes nothing like this, however often it is asked. The operator has to see to it.
    Never(String),
}

/// For the log. A client learns nothing of it.
impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNow(why) | Self::Never(why) => f.write_str(why),
        }
    }
}
