//! The head of a request as it arrived, read from the host once.

use doorward_policy::Target;
use doorward_policy::target::canonical_form;
use doorward_syntax::own_host::REQUEST_NAME_FIELD;
use doorward_traffic::fields::{asks_for_websocket, tells_of_a_body};
use doorward_traffic::host::{self, HostError};
use std::borrow::Cow;

use crate::platform::{FieldList, Platform};
use crate::record::path_of;

/// The field that carries the credential.
const AUTHORIZATION: &str = "authorization";

/// The media type of calls of gRPC.
pub(crate) const GRPC: &str = "application/grpc";
/// The field of cookies.
pub(crate) const COOKIE: &str = "cookie";

/// What the decision looks at, and what a request to an upstream is made from.
pub(crate) struct Received {
    /// The method.
    pub(crate) method: Cow<'static, str>,
    /// Path and query, as received.
    pub(crate) target: String,
    /// The same in the canonical form, where that is another one.
    pub(crate) canonical: Option<String>,
    /// All header fields, the cookies in one.
    pub(crate) fields: FieldList,
    /// What the host calls the request, where it does; elsewhere, what a client says that it did.
    pub(crate) name: Option<Vec<u8>>,
    /// Whether the cookies came in several fields.
    pub(crate) had_crumbs: bool,
    /// The value of every `Authorization` field, in order.
    pub(crate) authorization: Vec<Vec<u8>>,
    /// The value of every field in which the policy takes API keys, in order.
    pub(crate) api_key: Vec<Vec<u8>>,
    /// The origin under which it arrived, as far as it is known; empty where nobody needs it.
    pub(crate) origin: String,
}

impl Received {
    /// Reads the head of `request`, whose fields are `fields`. `api_key_header` is where the policy takes API
    /// keys.
    pub(crate) fn of<P: Platform>(
        request: &P::Request,
        fields: &P::Fields,
        api_key_header: Option<&str>,
    ) -> Self {
        let mut fields = P::listed(fields);
        // RFC 9113 §8.2.3: over HTTP/2 each cookie may be a field of its own, and for whoever does not speak it
        // they are one. Which version it is, a component cannot see. In HTTP/1 a client must not send several (RFC
        // 6265 §5.4), and of two some readers take the first one, some the last: in one field there is nothing to
        // choose, and what is judged here is what everybody behind reads.
        let name = fields.take_last(REQUEST_NAME_FIELD);
        let had_crumbs = fields.join(COOKIE, b"; ");
        let authorization = fields.values(AUTHORIZATION);
        let api_key = api_key_header.map_or_else(Vec::new, |header| fields.values(header));
        let target = P::target(request).unwrap_or_else(|| "/".to_owned());
        Self {
            method: P::method(request),
            canonical: canonical_form(&target),
            target,
            fields,
            name,
            had_crumbs,
            authorization,
            api_key,
            origin: String::new(),
        }
    }

    /// The values of every field of this name, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<Vec<u8>> {
        self.fields.values(name)
    }

    /// Whether there is a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.has(name)
    }

    /// Checks whom the request is for, as far as the host of the component shows it: some look themselves,
    /// some do not.
    ///
    /// # Errors
    /// When it can be read in two ways.
    pub(crate) fn check_host<P: Platform>(&self, request: &P::Request) -> Result<(), HostError> {
        let fields = self.values("host");
        if fields.is_empty() {
            return Ok(());
        }
        host::check(&fields, P::authority(request).as_deref())
    }

    /// What it asks for.
    pub(crate) fn asked(&self) -> Target<'_> {
        Target {
            received: &self.target,
            canonical: self.canonical.as_ref().unwrap_or(&self.target),
        }
    }

    /// Whether it asks for a WebSocket.
    pub(crate) fn asks_for_websocket(&self) -> bool {
        asks_for_websocket(&self.fields)
    }

    /// Whether it is a call of gRPC (PROTOCOL-HTTP2 of gRPC, "Content-Type"): `application/grpc`, and with a `+`
    /// behind it the encoding of its messages. Not `application/grpc-web`, whose clients are pages: those read the
    /// status of HTTP, and trailers in the body.
    pub(crate) fn is_grpc(&self) -> bool {
        if self.method != "POST" {
            return false;
        }
        let content_type = self.fields.text("content-type").unwrap_or_default();
        let named = content_type.split_at_checked(GRPC.len());
        named.is_some_and(|(name, rest)| {
            name.eq_ignore_ascii_case(GRPC)
                && matches!(rest.bytes().next(), None | Some(b'+' | b';' | b' ' | b'\t'))
        })
    }

    /// Whether a length is declared: then there is a body, if only an empty one.
    pub(crate) fn declares_body(&self) -> bool {
        self.has("content-length")
    }

    /// Whether it is taken to have no body, without looking for one: a GET or HEAD of which no field tells of one.
    pub(crate) fn has_no_body(&self) -> bool {
        self.may_mean_nothing() && !self.fields.names().any(tells_of_a_body)
    }

    /// Whether a body means nothing.
    pub(crate) fn may_mean_nothing(&self) -> bool {
        matches!(&*self.method, "GET" | "HEAD")
    }

    /// Its path, for the log. The query is left out: it may hold what is nobody's business.
    pub(crate) fn path(&self) -> &str {
        path_of(&self.target)
    }
}
