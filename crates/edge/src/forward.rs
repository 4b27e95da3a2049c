//! From a request and the permit for it to the request that the next one sees.
//!
//! The resources of WASI are moved, not copied: the body stream goes on without a byte of it passing
//! through here, and only the header fields that have to differ are touched.

use doorward_policy::{Permit, Policy};
use wasip3::http::types::{ErrorCode, Fields, Request};
use wasip3::wit_bindgen::FutureReader;
use wasip3::{wit_bindgen, wit_future};

/// The field that carries the credential.
const AUTHORIZATION: &str = "authorization";

/// A request that a decision let through. Only [`permitted`] makes one, and it takes a [`Permit`].
#[derive(Debug)]
pub struct Permitted(Request);

impl Permitted {
    /// The request to hand on.
    pub fn into_request(self) -> Request {
        self.0
    }
}

/// Rebuilds `request` as `permit` says: reserved header fields removed under every spelling, the
/// identity set, the credential removed unless the policy forwards it, the target byte for byte the
/// authorised one.
///
/// `names` are the names of all header fields of the request, as received.
///
/// # Errors
/// What the host says where it does not accept the rebuilt request. The request then goes nowhere.
pub fn permitted(
    request: Request,
    names: &[String],
    permit: &Permit<'_>,
    policy: &'static Policy,
) -> Result<Permitted, ErrorCode> {
    let method = request.get_method();
    let scheme = request.get_scheme();
    let authority = request.get_authority();
    let options = request.get_options();
    let headers = request.get_headers().clone();
    let refused = || ErrorCode::InternalError(Some("the rebuilt request was not accepted".into()));

    for name in names {
        let credential = permit.strips_credential() && name.eq_ignore_ascii_case(AUTHORIZATION);
        if credential || policy.is_reserved_header(name) {
            headers.delete(name).map_err(|_| refused())?;
        }
    }
    for (name, value) in permit.identity_headers() {
        headers.set(name, &[value.to_vec()]).map_err(|_| refused())?;
    }

    let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, outcome_reader);
    drop(outcome);
    let (rebuilt, _sent) = Request::new(headers, Some(body), without_reserved(trailers, policy), options);
    rebuilt
        .set_method(&method)
        .and_then(|()| rebuilt.set_scheme(scheme.as_ref()))
        .and_then(|()| rebuilt.set_authority(authority.as_deref()))
        .and_then(|()| rebuilt.set_path_with_query(Some(permit.target())))
        .map_err(|()| refused())?;
    Ok(Permitted(rebuilt))
}

/// The trailers without the reserved fields. A server may fold trailers into the header fields, so what
/// must not come in at the front must not come in at the end either (RFC 9110 §6.5.1).
fn without_reserved(
    trailers: FutureReader<Result<Option<Fields>, ErrorCode>>,
    policy: &'static Policy,
) -> FutureReader<Result<Option<Fields>, ErrorCode>> {
    let (writer, reader) = wit_future::new(|| Ok(None));
    wit_bindgen::spawn(async move {
        let trailers = trailers.await.map(|fields| fields.map(|fields| cleared(fields, policy)));
        // Where nobody reads the trailers, nobody can be fooled by them.
        let _ = writer.write(trailers).await;
    });
    reader
}

fn cleared(fields: Fields, policy: &Policy) -> Fields {
    let mut entries = fields.copy_all();
    let received = entries.len();
    entries.retain(|(name, _)| {
        !policy.is_reserved_header(name) && !name.eq_ignore_ascii_case(AUTHORIZATION)
    });
    if entries.len() == received {
        return fields;
    }
    // Fields that came in are accepted again; if not, none go on.
    Fields::from_list(&entries).unwrap_or_else(|_| Fields::new())
}
