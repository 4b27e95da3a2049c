//! From a request and the permit for it to the request that the next one sees.
//!
//! Only the header fields that have to differ are touched. Bodies stream through in pieces ([`crate::body`]),
//! unchanged and never collected; a request that has none is handed on without one.

use crate::body::{Body, NoTrailers, Progress, Sink, Stop, Trailers};
use crate::gate::{Admitted, Told};
use crate::received::Received;
use crate::removed;
use doorward_policy::Permit;
use doorward_traffic::limits::LimitExceeded;
use std::borrow::Cow;
use std::rc::Rc;
use wasip3::http::types::{Fields, Method, Request};
use wasip3::wit_bindgen::{self, FutureReader, StreamReader};

const FULL_URL: &str = "spin-full-url";

/// A request that a decision let through. Only [`permitted`] makes one, and it takes what only the gate
/// admits.
#[derive(Debug)]
pub struct Permitted(Request);

impl Permitted {
    /// The request to hand on.
    pub fn into_request(self) -> Request {
        self.0
    }
}

/// Why a request that was let through is not handed on.
pub(crate) enum NotForwarded {
    /// The host does not accept the rebuilt request.
    Host,
    /// Its body shows that it is over a limit.
    Limit(LimitExceeded, Told),
}

/// What is still to be done when a request is handed on.
pub(crate) struct Pending {
    no_trailers: NoTrailers,
    progress: Option<Rc<Progress>>,
    told: Told,
}

impl Pending {
    /// Waits for `next`; gives what it answers, and whose request it was, where its body turned out too large
    /// before that.
    pub(crate) async fn finish<T>(self, next: impl Future<Output = T>) -> (T, Option<Told>) {
        let answer = self.no_trailers.after_first_turn_of(next).await;
        let too_large = self
            .progress
            .is_some_and(|progress| progress.is_too_large());
        (answer, too_large.then_some(self.told))
    }
}

/// Rebuilds the request as its permit says: reserved header and trailer fields removed under every
/// spelling, the identity set, the credential removed unless the policy forwards it, the target byte for
/// byte the authorised one.
///
/// # Errors
/// What the host says where it does not accept the rebuilt request, and the limit where the request turns
/// out to have a body that it must not have. The request then goes nowhere.
pub(crate) async fn permitted(admitted: Admitted) -> Result<(Permitted, Pending), NotForwarded> {
    let Admitted {
        request,
        received,
        permit,
        policy,
        gate,
        body_count,
        needs_type,
        ..
    } = admitted;
    let scheme = request.get_scheme();
    let authority = request.get_authority();
    let options = request.get_options();
    let headers = received.fields.clone();
    let refused = || NotForwarded::Host;

    for (name, _) in &received.entries {
        if permit.removes_header(name)
            && !(permit.stays_from_trusted(name) && gate.client(&received).peer_is_trusted)
        {
            headers.delete(name).map_err(|_| refused())?;
            removed::tell(name);
        }
    }
    for (name, value) in permit.identity_headers() {
        headers
            .set(name, std::slice::from_ref(value))
            .map_err(|_| refused())?;
    }

    rewrite_credentials(&headers, &received, &permit).map_err(|()| refused())?;
    if permit.target() != received.target {
        rewrite_full_url(&headers, &received.target, permit.target()).map_err(|()| refused())?;
    }

    let body = Body::of(request, &received, body_count, policy).await;
    if body.is_some() && needs_type {
        let exceeded = LimitExceeded::ContentType;
        return Err(NotForwarded::Limit(exceeded, received.told()));
    }
    let progress = body.as_ref().map(Body::progress);
    let (contents, trailers, no_trailers) = handed_on(body);
    let (rebuilt, _sent) = Request::new(headers, contents, trailers, options);
    // A new request is a GET.
    let method_set = match received.method {
        Method::Get => Ok(()),
        ref method => rebuilt.set_method(method),
    };
    method_set
        .and_then(|()| rebuilt.set_scheme(scheme.as_ref()))
        .and_then(|()| rebuilt.set_authority(authority.as_deref()))
        .and_then(|()| rebuilt.set_path_with_query(Some(permit.target())))
        .map_err(|()| refused())?;
    let pending = Pending {
        no_trailers,
        progress,
        told: received.told(),
    };
    Ok((Permitted(rebuilt), pending))
}

/// A credential that is a part of a field is taken out of it, and all else of it stays as it was.
fn rewrite_credentials(
    headers: &Fields,
    received: &Received,
    permit: &Permit<'_>,
) -> Result<(), ()> {
    for name in ["cookie", "referer"] {
        if !permit.rewrites_header(name) || !received.has(name) {
            continue;
        }
        let values = received.values(name);
        let left: Vec<Vec<u8>> = values
            .iter()
            .filter_map(|value| permit.left_of(name, value, &received.origin))
            .map(Cow::into_owned)
            .collect();
        if left != values {
            headers.set(name, &left).map_err(|_| ())?;
        }
    }
    Ok(())
}

/// The host says in a field as well what the whole URL was, query included. Where a credential was taken out
/// of the query, it is taken out there, too. What a client sent under that name goes: the host's own value
/// is the last one.
fn rewrite_full_url(headers: &Fields, received: &str, forwarded: &str) -> Result<(), ()> {
    let Some(last) = headers.get(FULL_URL).pop() else {
        return Ok(());
    };
    let rewritten = match last.strip_suffix(received.as_bytes()) {
        Some(origin) => vec![[origin, forwarded.as_bytes()].concat()],
        None => Vec::new(),
    };
    headers.set(FULL_URL, &rewritten).map_err(|_| ())
}

/// What a request with this body is made of.
fn handed_on(body: Option<Body>) -> (Option<StreamReader<u8>>, FutureReader<Trailers>, NoTrailers) {
    let Some(body) = body else {
        let (no_trailers, trailers) = NoTrailers::new();
        return (None, trailers, no_trailers);
    };
    let (sink, reader, trailers) = Sink::new(None);
    wit_bindgen::spawn(async move {
        let (body, _) = body.pass_on(sink, &Stop::default()).await;
        body.done();
    });
    (Some(reader), trailers, NoTrailers::default())
}
