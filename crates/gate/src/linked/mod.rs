//! Phase 7 where the service is in the same component: what it gets of a request that was let through, as values.
//!
//! Between components a request is rebuilt: its fields are copied by the host, changed one by one, and read again
//! behind the gate. Here they are read once, and what the client must not say is taken out of that list
//! (`ends_here`, as for the next component). So the service sees what it would see behind the gate: the target that
//! was decided on, no field that only the gate may send, and no credential unless the rule hands it on. Who the caller
//! is, it need not read from fields ([`Admitted::identity`]).

mod body;
mod identity;
mod reply;

pub use doorward_policy::{CredentialKind, Permit, Principal};
use doorward_syntax::own_host::REQUEST_NAME_FIELD;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::trace::Trace;
use std::borrow::Cow;
use std::cell::Cell;
use std::mem::take;
use std::rc::Rc;

pub use self::body::{BodyFault, IncomingBody};
pub use self::identity::{ClaimFault, Identity};
pub use self::reply::{Answer, IntoAnswer, Reply};

use crate::admitted;
use crate::body::{Body, Progress};
use crate::forward::{FULL_URL, ends_here, handed_on, left_of_full_url};
use crate::genuine::Genuine;
use crate::ground::Ground;
use crate::platform::{FieldList, NotAccepted, Platform, RequestLine};
use crate::received::{COOKIE, Received};
use crate::record::Record;

/// A request that a decision let through, and what is known of it. Nothing else makes one.
pub struct Admitted<'a, P: Platform> {
    taken: Taken<'a, P>,
    trace: &'a Trace,
    credential: Option<CredentialKind>,
    genuine: Option<&'a Genuine>,
}

impl<'a, P: Platform> Admitted<'a, P> {
    /// What is taken in, and what is known of it.
    pub(crate) fn of(taken: Taken<'a, P>, record: &'a Record<'_>) -> Self {
        Self {
            taken,
            trace: &record.trace,
            credential: record.credential,
            genuine: record.genuine_caller.as_deref(),
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.taken.method
    }

    /// Path and query: byte for byte what was decided on, without a credential that is not handed on.
    #[must_use]
    pub fn target(&self) -> &str {
        self.taken.permit.target()
    }

    /// The path of the target.
    #[must_use]
    pub fn path(&self) -> &str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The query of the target, where it has one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// Whom the request is for: host and port, as the host of the component has it.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        match &self.taken.coming {
            Coming::Request(request) => P::authority(request),
            Coming::Begun(begun) => begun.authority.clone(),
        }
    }

    /// The decision: by which rule the request goes on, and as whose.
    #[must_use]
    pub fn permit(&self) -> &Permit<'a> {
        &self.taken.permit
    }

    /// The path pattern of the rule, as the policy has it.
    #[must_use]
    pub fn route(&self) -> &'a str {
        self.taken.permit.route()
    }

    /// Who the caller is; `None` where the rule asks for no credential and none was shown, or where it only reports.
    #[must_use]
    pub fn identity(&self) -> Option<Identity<'_>> {
        let permit = &self.taken.permit;
        if permit.is_of_nobody() {
            return None;
        }
        Some(Identity::new(
            permit.principal()?,
            self.credential?,
            self.genuine?,
        ))
    }

    /// What the request is called: a UUID, or what a trusted peer calls it. The answer gets it in `X-Request-Id`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.trace.request_id
    }

    /// `traceparent` for what is asked of others on behalf of the request (W3C Trace Context).
    #[must_use]
    pub fn traceparent(&self) -> &str {
        str::from_utf8(self.trace.span.as_bytes()).unwrap_or_default()
    }

    /// The client's header fields, without those that end at the gate: those that only the gate may send, in any
    /// spelling that somebody could fold, those by which a client passes for somebody else or another request, and the
    /// credential unless the rule hands it on. What the gate sends in their place is not among them
    /// ([`forwarded_fields`](Self::forwarded_fields)).
    #[must_use]
    pub fn fields(&self) -> &FieldList {
        &self.taken.fields
    }

    /// The value of the field of this name, where it was sent once and is text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.taken.fields.text(name)
    }

    /// The fields as a component behind the gate gets them: with the identity under the names that the policy has for it,
    /// and with what the request is called.
    #[must_use]
    pub fn forwarded_fields(&self) -> FieldList {
        self.taken.forwarded_fields(self.trace)
    }

    /// The body, and nothing else of the request. What is not read of it is read and dropped after the answer.
    #[must_use]
    pub fn into_body(self) -> IncomingBody<P> {
        match self.taken.coming {
            Coming::Begun(begun) => begun.body,
            Coming::Request(_) => IncomingBody::none(),
        }
    }

    /// The request as a component behind the gate gets it, for libraries that take nothing else. To make it costs what
    /// the gate as a component of its own pays for it.
    ///
    /// # Errors
    /// Where the host does not accept it.
    pub fn into_request(self) -> Result<P::Request, P::Error> {
        let Self { taken, trace, .. } = self;
        let refused = |NotAccepted| P::error("the rebuilt request was not accepted");
        taken.into_request(trace).map_err(refused)
    }
}

/// What is taken into this component of a request that was let through.
pub(crate) struct Taken<'i, P: Platform> {
    ground: &'i Rc<Ground<P>>,
    method: Cow<'static, str>,
    permit: Permit<'i>,
    /// What goes on of the client's fields.
    fields: FieldList,
    /// All of them, as the host has them.
    received: P::Fields,
    coming: Coming<P>,
    progress: Option<Rc<Progress>>,
}

/// A request, and how much of it was looked at.
enum Coming<P: Platform> {
    /// It has no body, and nothing of it was.
    Request(P::Request),
    /// It may have one, which has begun.
    Begun(Box<Begun<P>>),
}

/// The body of a request, and what of its head is handed on unread.
struct Begun<P: Platform> {
    unread: P::Unread,
    authority: Option<String>,
    body: IncomingBody<P>,
}

impl<'i, P: Platform> Taken<'i, P> {
    /// How far its body has come, if it has one.
    pub(crate) fn progress(&self) -> Option<Rc<Progress>> {
        self.progress.clone()
    }

    fn forwarded_fields(&self, trace: &Trace) -> FieldList {
        let mut fields = self.fields.clone();
        for (name, value) in self.permit.identity_headers() {
            fields.push(name, value.clone());
        }
        for (name, value) in trace.fields() {
            fields.replace(name, value);
        }
        fields
    }

    fn into_request(self, trace: &Trace) -> Result<P::Request, NotAccepted> {
        let wanted = self.forwarded_fields(trace);
        let fields = P::copied(&self.received);
        let had = P::listed(&self.received);
        // Only what differs: some that are there nobody may set.
        for name in had.names() {
            let values = wanted.values(name);
            if values.is_empty() {
                P::delete(&fields, name)?;
            } else if values != had.values(name) {
                P::set(&fields, name, &values)?;
            }
        }
        for name in wanted.names().filter(|name| !had.has(name)) {
            P::set(&fields, name, &wanted.values(name))?;
        }
        let platform = &self.ground.platform;
        let (unread, body) = match self.coming {
            Coming::Request(request) => (P::unread(&request), None),
            Coming::Begun(begun) => (begun.unread, begun.body.into_inner()),
        };
        let (body, no_trailers) = handed_on(platform, body);
        drop(no_trailers);
        let line = RequestLine {
            method: &self.method,
            target: self.permit.target(),
        };
        platform.forwarded(unread, fields, line, body)
    }
}

/// Takes in a request that was let through, and gives what is known of it.
///
/// # Errors
/// The limit that it is over, where it turns out to have a body that it must not have.
pub(crate) async fn taken_in<P: Platform>(
    admitted: admitted::Admitted<'_, P>,
) -> (Result<Taken<'_, P>, LimitExceeded>, Box<Record<'_>>) {
    let admitted::Admitted {
        ground,
        request,
        fields,
        mut received,
        permit,
        mut record,
        body_count,
        needs_type,
        ..
    } = admitted;
    let mut progress = None;
    let coming = match received.has_no_body() {
        true => Coming::Request(request),
        false => {
            let (unread, authority) = (P::unread(&request), P::authority(&request));
            let body = Body::of(request, &received, body_count, ground).await;
            if needs_type && let Some(body) = body {
                body.read_on();
                record.closes(received.target);
                return (Err(LimitExceeded::ContentType), record);
            }
            progress = body.as_ref().map(Body::progress);
            let body = IncomingBody::of(body);
            Coming::Begun(Box::new(Begun {
                unread,
                authority,
                body,
            }))
        }
    };
    let stripped = stripped(ground, &mut received, &permit, &record.trace);
    record.closes(received.target);
    let taken = Taken {
        ground,
        method: received.method,
        permit,
        fields: stripped,
        received: fields,
        coming,
        progress,
    };
    (Ok(taken), record)
}

/// Takes the client's fields that go on out of `received`, where none are left.
fn stripped<P: Platform>(
    ground: &Ground<P>,
    received: &mut Received,
    permit: &Permit<'_>,
    trace: &Trace,
) -> FieldList {
    let names = received.fields.names();
    let ends: Vec<bool> = names
        .map(|name| ends_here(ground, received, permit, trace, name))
        .collect();
    let place = Cell::new(0);
    let stays = |name: &str| {
        let at = place.replace(place.get() + 1);
        ends.get(at) == Some(&false) && name != REQUEST_NAME_FIELD
    };
    let mut fields = take(&mut received.fields);
    fields.retain(stays);
    let rewrites = |name: &str| permit.rewrites_header(name);
    if rewrites(COOKIE) || rewrites("referer") {
        fields.retain_mut(
            |name, value| match permit.left_of(name, value, &received.origin) {
                None => false,
                Some(Cow::Borrowed(_)) => true,
                Some(Cow::Owned(left)) => {
                    *value = left;
                    true
                }
            },
        );
    }
    if permit.target() != received.target
        && let Some(last) = fields.take_last(FULL_URL)
        && let Some(left) = left_of_full_url(&last, &received.target, permit.target())
    {
        fields.push(FULL_URL, left);
    }
    fields
}
