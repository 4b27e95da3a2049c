//! What needs no credential on a route that is not public.

/// What goes on without a credential, where one is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Open {
    #[default]
    Nothing,
    /// `OPTIONS`, whatever credential it has.
    Options,
    /// What has none.
    Anonymous,
}
