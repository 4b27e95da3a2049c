//! Parts of the application as they are read, with their places in the file.

use std::ops::Range;

use super::model::Component;
use super::source::Unserved;

/// A part of the application with the places of what it refers to.
pub(super) struct Located<T> {
    pub(super) value: T,
    /// Where the route is written.
    pub(super) route: Range<usize>,
    /// Where the component is named; empty for one written inline.
    pub(super) component: Range<usize>,
    /// Where each middleware's component is named.
    pub(super) middleware: Vec<Range<usize>>,
}

/// A component with the places of its templates.
pub(super) struct ReadComponent {
    pub(super) component: Component,
    /// What each template is called, where it is, and the template.
    pub(super) templates: Vec<(String, Range<usize>, String)>,
    /// What this host does not serve of it.
    pub(super) unserved: Vec<Unserved>,
}
