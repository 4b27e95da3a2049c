//! What a second policy says of a request, where that is something else than what was decided.

use doorward_policy::Refusal;

use crate::record::{Record, path_of};

/// The same, for the log.
pub struct CandidateDiffers<'a> {
    /// The request.
    pub record: &'a Record<'a>,
    /// Its path and query, of which the first is told.
    pub target: &'a str,
    /// Its rule, or why it was refused.
    pub enforced: Result<&'a str, &'a Refusal>,
    /// `admitted`, `undecidable`, or the class as which it would be refused.
    pub candidate: &'static str,
    /// The rule that it would have.
    pub candidate_route: Option<&'a str>,
    /// Why it would be refused, or cannot be decided.
    pub candidate_reason: Option<&'a str>,
    /// How often the same was undecidable since it was told last.
    pub left_out: u64,
}

impl CandidateDiffers<'_> {
    /// What a line says of it, by name.
    pub(crate) fn members(&self) -> Vec<(&'static str, String)> {
        let mut members = vec![
            ("method", self.record.method.clone().into_owned()),
            ("path", path_of(self.target).to_owned()),
        ];
        match self.enforced {
            Ok(route) => {
                members.push(("enforced", "admitted".to_owned()));
                members.push(("route", route.to_owned()));
            }
            Err(refusal) => {
                members.push(("enforced", refusal.class().name().to_owned()));
                members.push(("reason", refusal.reason().to_string()));
            }
        }
        members.push(("candidate", self.candidate.to_owned()));
        let more = [
            ("candidate_route", self.candidate_route),
            ("candidate_reason", self.candidate_reason),
        ];
        let more = more.into_iter();
        members.extend(more.filter_map(|(name, value)| Some((name, value?.to_owned()))));
        if self.left_out > 0 {
            members.push(("left_out", self.left_out.to_string()));
        }
        members
    }
}
