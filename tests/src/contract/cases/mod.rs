//! The cases.

mod bodies;
mod failures;
mod heads;
mod knowledge;
mod trailers;

use super::Case;

/// Cases that belong together.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they are about.
    pub name: &'static str,
    /// The cases.
    pub cases: Vec<Case>,
}

/// All cases, by what they are about.
#[must_use]
pub fn all() -> Vec<Group> {
    [
        ("heads", heads::cases()),
        ("bodies", bodies::cases()),
        ("trailers", trailers::cases()),
        ("failures", failures::cases()),
        ("knowledge", knowledge::cases()),
    ]
    .map(|(name, cases)| Group { name, cases })
    .into()
}

/// The cases of this name. Those of the gate are there a second time, with the gate linked in.
#[must_use]
pub fn group(name: &str) -> Vec<Case> {
    let groups = all().into_iter();
    let mut cases: Vec<Case> = groups
        .filter(|group| group.name == name)
        .flat_map(|group| group.cases)
        .collect();
    let linked: Vec<Case> = cases.iter().filter_map(Case::linked).collect();
    cases.extend(linked);
    cases
}
