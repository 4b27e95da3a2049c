//! Requests that are made here.

use doorward_gate::platform::{Destination, FieldList, NotAccepted, RequestLine, Times};
use std::borrow::Cow;
use wasip3::http::types::{Fields, Method, Request, RequestOptions, Scheme};

use super::bodies::Body;

/// Times for the host to keep.
pub struct Options(RequestOptions);

impl Clone for Options {
    fn clone(&self) -> Self {
        Self(RequestOptions::clone(&self.0))
    }
}

/// What of the head of a request is handed on unread.
pub struct Unread {
    scheme: Option<Scheme>,
    authority: Option<String>,
    options: Option<RequestOptions>,
}

impl Unread {
    /// That of `request`.
    pub fn of(request: &Request) -> Self {
        Self {
            scheme: request.get_scheme(),
            authority: request.get_authority(),
            options: request.get_options(),
        }
    }

    /// The request that comes of it.
    pub fn with(
        self,
        fields: Fields,
        line: RequestLine<'_>,
        body: Body,
    ) -> Result<Request, NotAccepted> {
        let (request, _sent) = Request::new(fields, body.contents, body.trailers, self.options);
        let authority = self.authority.as_deref();
        begin(&request, line, self.scheme.as_ref(), authority)?;
        Ok(request)
    }
}

/// A request of our own.
pub fn made(
    to: &Destination<'_>,
    line: RequestLine<'_>,
    fields: &FieldList,
    body: Body,
    options: Option<Options>,
) -> Result<Request, NotAccepted> {
    let fields = Fields::from_list(fields.as_slice()).map_err(|_| NotAccepted)?;
    if let Some(length) = to.content_length {
        let length = length.to_string();
        let appended = fields.append("content-length", length.as_bytes());
        appended.map_err(|_| NotAccepted)?;
    }
    let options = options.map(|Options(options)| options);
    let (request, _sent) = Request::new(fields, body.contents, body.trailers, options);
    let scheme = match to.https {
        true => Scheme::Https,
        false => Scheme::Http,
    };
    begin(&request, line, Some(&scheme), to.authority)?;
    Ok(request)
}

/// Says what a request is for, and where it goes.
fn begin(
    request: &Request,
    line: RequestLine<'_>,
    scheme: Option<&Scheme>,
    authority: Option<&str>,
) -> Result<(), NotAccepted> {
    // A new request is a GET.
    let method_set = match line.method {
        "GET" => Ok(()),
        method => request.set_method(&method_of(method)),
    };
    method_set
        .and_then(|()| request.set_scheme(scheme))
        .and_then(|()| request.set_authority(authority))
        .and_then(|()| request.set_path_with_query(Some(line.target)))
        .map_err(|()| NotAccepted)
}

/// Times for the host to keep, and whether it keeps those up to the head of the response.
pub fn options(times: &Times) -> (Options, bool) {
    let nanoseconds = |ms: u64| Some(ms.saturating_mul(1_000_000));
    let options = RequestOptions::new();
    let connect = options.set_connect_timeout(nanoseconds(times.connect_ms));
    let first_byte = options.set_first_byte_timeout(nanoseconds(times.first_byte_ms));
    let timed = connect.is_ok() && first_byte.is_ok();
    if let Some(ms) = times.between_bytes_ms {
        let _ = options.set_between_bytes_timeout(nanoseconds(ms));
    }
    (Options(options), timed)
}

/// The name of a method.
pub fn method_name(method: Method) -> Cow<'static, str> {
    Cow::Borrowed(match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(other) => return Cow::Owned(other),
    })
}

fn method_of(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}
