//! What a service answers with.

use doorward_syntax::request_id::REQUEST_ID;

use crate::additions::Additions;
use crate::platform::{FieldList, Platform};
use crate::record::Record;
use crate::respond;

/// An answer whose fields and body are values. What the policy adds to it is added before the host has it; a
/// [response](Platform::Response) of the host has to be made anew for that.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    fields: FieldList,
    body: Vec<u8>,
}

impl Reply {
    /// With this status, and without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            fields: FieldList::new(),
            body: Vec::new(),
        }
    }

    /// With this field besides. Where its name or its value is none, the host does not accept the answer.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        // As hosts give the names of a response's fields: what the policy takes out is found by them.
        self.fields.push(&name.to_ascii_lowercase(), value);
        self
    }

    /// With this body, which is of this media type. Its length is said in `Content-Length`.
    #[must_use]
    pub fn with_body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.fields.replace("content-type", media_type);
        self.fields
            .replace("content-length", self.body.len().to_string());
        self
    }

    /// The response, with what the policy adds to it.
    fn made<P: Platform>(
        self,
        platform: &P,
        additions: &Additions<'_>,
        record: &mut Record<'_>,
    ) -> Result<P::Response, P::Error> {
        let Self {
            status,
            mut fields,
            body,
        } = self;
        record.learns_length(|name| fields.values(name));
        additions.add_to(&mut fields);
        let trace = &record.trace;
        if !trace.is_named_by_host || !additions.is_empty() || fields.has(REQUEST_ID) {
            fields.replace(REQUEST_ID, trace.request_id.as_bytes());
        }
        respond::response(platform, status, &fields, body)
    }
}

/// What a service answered with.
pub enum Answer<P: Platform> {
    /// A response of the host, whose body may be a stream.
    Response(P::Response),
    /// Values.
    Reply(Reply),
}

impl<P: Platform> Answer<P> {
    /// The response, with what the policy adds to it.
    ///
    /// # Errors
    /// Where the host does not accept it.
    pub(crate) fn with(
        self,
        platform: &P,
        additions: &Additions<'_>,
        record: &mut Record<'_>,
    ) -> Result<P::Response, P::Error> {
        match self {
            Self::Response(response) => respond::added(platform, response, additions, record),
            Self::Reply(reply) => reply.made(platform, additions, record),
        }
    }
}

/// What a service may answer with: a [`Reply`], a response of its host, or one of both.
pub trait IntoAnswer<P: Platform> {
    /// Which one it is.
    fn into_answer(self) -> Answer<P>;
}

impl<P: Platform> IntoAnswer<P> for Answer<P> {
    fn into_answer(self) -> Self {
        self
    }
}

impl<P: Platform> IntoAnswer<P> for Reply {
    fn into_answer(self) -> Answer<P> {
        Answer::Reply(self)
    }
}
