//! The answers of triggers that have a `static_response` and no component.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::manifest::{Application, StaticResponse};

/// Answers by the index of their trigger.
#[derive(Debug)]
pub struct FixedAnswers(BTreeMap<usize, StaticResponse>);

impl FixedAnswers {
    /// Those of `application`.
    #[must_use]
    pub fn new(application: &Application) -> Self {
        let answers = application.triggers.iter().enumerate();
        Self(
            answers
                .filter_map(|(index, trigger)| Some((index, trigger.static_response.clone()?)))
                .collect(),
        )
    }

    /// The answer to the requests of this trigger; none where a component answers them.
    #[must_use]
    pub fn answer(&self, trigger: usize) -> Option<Response<WasiBody>> {
        let answer = self.0.get(&trigger)?;
        let body = Full::new(Bytes::from(answer.body.clone()));
        let mut response = Response::new(body.map_err(Error::from).boxed_unsync());
        *response.status_mut() = answer.status;
        for (name, value) in &answer.headers {
            response.headers_mut().append(name, value.clone());
        }
        Some(response)
    }
}
