//! What the policy adds to a response, whoever made it: the fields of CORS, those that make browsers
//! careful, and what is left of the rate limits.

use crate::received::Received;
use crate::response_trailers::edited;
use doorward_policy::Route;
use doorward_traffic::cors::{CorsRule, merge_vary};
use doorward_traffic::rate::{RateLimit, Verdict, limit_field, policy_field};
use doorward_traffic::security::SecurityHeaders;
use doorward_traffic::upstream::FieldEdits;
use wasip3::http::types::{ErrorCode, Fields, Response};
use wasip3::wit_future;

/// The field that says for which requests a response is good.
const VARY: &str = "vary";
/// How the fields begin that only CORS sets. Where the policy has a rule, those of an upstream go.
const CORS_PREFIX: &str = "access-control-";

/// Fields for a response.
#[derive(Default)]
pub(crate) struct Additions {
    cors: Option<Vec<(&'static str, String)>>,
    security: Option<&'static SecurityHeaders>,
    rate: Vec<(&'static str, String)>,
    /// By which fields answers differ that are asked for alike.
    varies_by: Option<String>,
}

impl Additions {
    /// What the rule of a request adds to whatever is answered.
    pub(crate) fn of(route: &Route<'static, '_>, received: &Received) -> Self {
        let traffic = route.traffic();
        let mut additions = Self {
            varies_by: route.varies_by(),
            security: traffic.security_headers(),
            ..Self::default()
        };
        additions.allow(traffic.cors(), received);
        additions
    }

    /// Adds what `rule` says to pages of other origins.
    pub(crate) fn allow(&mut self, rule: Option<&CorsRule>, received: &Received) {
        self.cors = rule.map(|rule| rule.actual(&received.values("origin")));
    }

    /// Adds what is left of these limits.
    pub(crate) fn limits(&mut self, verdicts: &[(&RateLimit, Verdict)]) {
        if verdicts.is_empty() {
            return;
        }
        let policy = policy_field(verdicts.iter().map(|(limit, _)| *limit));
        let left = limit_field(verdicts.iter().map(|(limit, verdict)| (*limit, verdict)));
        self.rate = vec![("ratelimit-policy", policy), ("ratelimit", left)];
    }

    /// Whether there is nothing to add.
    pub(crate) fn is_empty(&self) -> bool {
        self.cors.is_none()
            && self.security.is_none()
            && self.rate.is_empty()
            && self.varies_by.is_none()
    }

    /// Adds the fields to those of a response.
    pub(crate) fn add_to(&self, fields: &mut Vec<(String, Vec<u8>)>) {
        if let Some(cors) = &self.cors {
            fields.retain(|(name, _)| !name.starts_with(CORS_PREFIX));
            for (name, value) in cors {
                if *name == VARY {
                    vary(fields, value);
                } else {
                    push(fields, name, value);
                }
            }
        }
        if let Some(names) = &self.varies_by {
            vary(fields, names);
        }
        if let Some(security) = self.security {
            let missing: Vec<_> = security
                .missing_in(|name| fields.iter().any(|(there, _)| there == name))
                .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
                .collect();
            fields.extend(missing);
        }
        for (name, value) in &self.rate {
            fields.retain(|(there, _)| there != name);
            push(fields, name, value);
        }
    }

    /// Adds the fields to a response that somebody else made.
    ///
    /// # Errors
    /// Where the host does not accept the response.
    pub(crate) fn onto(&self, response: Response) -> Result<Response, ErrorCode> {
        if self.is_empty() {
            return Ok(response);
        }
        let fields = response.get_headers().copy_all();
        rebuilt(response, fields, None, |fields| self.add_to(fields))
    }
}

/// The response with other fields; `fields` are those that it has. Its body is handed on as it is, trailers
/// included, unless there are `edits` that are for trailers as well.
///
/// # Errors
/// Where the host does not accept the response.
pub(crate) fn rebuilt(
    response: Response,
    mut fields: Vec<(String, Vec<u8>)>,
    edits: Option<&'static FieldEdits>,
    edit: impl FnOnce(&mut Vec<(String, Vec<u8>)>),
) -> Result<Response, ErrorCode> {
    let refused = || ErrorCode::InternalError(Some("the rebuilt response was not accepted".into()));
    let status = response.get_status_code();
    edit(&mut fields);
    let fields = Fields::from_list(&fields).map_err(|_| refused())?;
    let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, outcome_reader);
    drop(outcome);
    let (body, trailers) = match edits {
        Some(edits) => edited(body, trailers, edits),
        None => (body, trailers),
    };
    let (rebuilt, _sent) = Response::new(fields, Some(body), trailers);
    rebuilt.set_status_code(status).map_err(|()| refused())?;
    Ok(rebuilt)
}

/// Adds to `Vary` what is not in it.
fn vary(fields: &mut Vec<(String, Vec<u8>)>, add: &str) {
    let there: Vec<Vec<u8>> = fields
        .iter()
        .filter(|(name, _)| name == VARY)
        .map(|(_, value)| value.clone())
        .collect();
    if let Some(merged) = merge_vary(&there, add) {
        fields.retain(|(name, _)| name != VARY);
        push(fields, VARY, &merged);
    }
}

fn push(fields: &mut Vec<(String, Vec<u8>)>, name: &str, value: &str) {
    fields.push((name.to_owned(), value.as_bytes().to_vec()));
}
