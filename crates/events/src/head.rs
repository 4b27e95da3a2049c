//! What the head of a request says of its events: how the body holds them, how it is compressed, and whether all or none
//! are to be taken.

use doorward_syntax::form::parameters;
use doorward_syntax::list::ascii_members;
use doorward_syntax::media_type::{MediaType, media_parameter};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

use crate::binary::is_binary;
use crate::split::Form;
use crate::unfold::Coding;

/// The media types that are read. CloudEvents have no format of lines, so that there is none of theirs.
const TYPES: [(&str, Mode); 6] = [
    ("application/x-ndjson", Mode::plain(Form::Lines)),
    ("application/ndjson", Mode::plain(Form::Lines)),
    ("application/jsonl", Mode::plain(Form::Lines)),
    ("application/json", Mode::plain(Form::ArrayOrDocument)),
    (
        "application/cloudevents+json",
        Mode::cloud_events(Form::Document),
    ),
    (
        "application/cloudevents-batch+json",
        Mode::cloud_events(Form::Array),
    ),
];
/// What is told to who sends another one (`Accept`, RFC 9110 section 15.5.16).
pub const ACCEPTED_TYPES: &str = "application/x-ndjson, application/ndjson, application/jsonl, application/json, \
                                  application/cloudevents+json, application/cloudevents-batch+json";
/// What is told to who compresses in another way (`Accept-Encoding`, RFC 9110 section 15.5.16).
pub const ACCEPTED_CODINGS: &str = "gzip, zstd";
/// The parameter of the query for all or nothing.
const STRICT: &[u8] = b"strict";

/// How the events of a request are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each is JSON in the body, which has this form.
    Structured {
        /// How the body holds them.
        form: Form,
        /// Whether each has to say its `specversion`.
        specversion_required: bool,
    },
    /// The request is one, in the binary content mode.
    Binary,
}

impl Mode {
    const fn plain(form: Form) -> Self {
        Self::Structured {
            form,
            specversion_required: false,
        }
    }

    const fn cloud_events(form: Form) -> Self {
        Self::Structured {
            form,
            specversion_required: true,
        }
    }
}

/// What the head of a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How its events are read.
    pub mode: Mode,
    /// How its body is compressed.
    pub coding: Coding,
    /// Whether all of its events are taken, or none.
    pub strict: bool,
}

/// Why a request is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The body has another media type, or several, or none.
    MediaType,
    /// Its text is in something else than UTF-8.
    Charset,
    /// It is compressed in another way, or in several.
    Coding,
    /// The query has another parameter, one twice, or one that is neither `true` nor `false`.
    Query,
}

impl Head {
    /// Reads the head of a request with these fields and this query.
    ///
    /// # Errors
    /// Why its body is not read.
    pub fn read(headers: &HeaderMap, query: Option<&str>) -> Result<Self, HeadError> {
        Ok(Self {
            mode: mode(headers)?,
            coding: coding(headers)?,
            strict: strict(query.unwrap_or_default())?,
        })
    }
}

/// How the media types of the structured and the batched mode begin.
const CLOUD_EVENTS: &[u8] = b"application/cloudevents";

/// CloudEvents 1.0.2, HTTP protocol binding section 3: the media type says that an event is structured, or that there is
/// a batch; where it says neither, the fields of attributes say that the request is an event.
fn mode(headers: &HeaderMap) -> Result<Mode, HeadError> {
    let mut values = headers
        .get_all(CONTENT_TYPE)
        .iter()
        .map(HeaderValue::as_bytes);
    let value = match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    };
    let named = value.and_then(|value| {
        let given = MediaType::parse(value)?;
        TYPES.into_iter().find(|(name, _)| given.is(name))
    });
    // Also where it is one of the formats that there are not here.
    let is_cloud_events = value.is_some_and(|value| {
        let start = value.get(..CLOUD_EVENTS.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(CLOUD_EVENTS))
    });
    if !is_cloud_events && is_binary(headers) {
        return Ok(Mode::Binary);
    }
    let (Some((_, mode)), Some(value)) = (named, value) else {
        return Err(HeadError::MediaType);
    };
    match media_parameter(value, "charset") {
        Some(charset) if !charset.eq_ignore_ascii_case(b"utf-8") => Err(HeadError::Charset),
        _ => Ok(mode),
    }
}

/// RFC 9110 section 8.4.1: names of codings in any case, `x-gzip` being another one of `gzip`.
fn coding(headers: &HeaderMap) -> Result<Coding, HeadError> {
    let values = headers.get_all(CONTENT_ENCODING);
    // What is not ASCII would be left out.
    if values.iter().any(|value| !value.as_bytes().is_ascii()) {
        return Err(HeadError::Coding);
    }
    let values: Vec<&[u8]> = values.iter().map(HeaderValue::as_bytes).collect();
    let is = |name: &str, of: &[&str]| of.iter().any(|known| name.eq_ignore_ascii_case(known));
    let mut coding = Coding::Identity;
    for name in ascii_members(values.iter().copied()) {
        let named = match name {
            _ if is(name, &["identity"]) => continue,
            _ if is(name, &["gzip", "x-gzip"]) => Coding::Gzip,
            _ if is(name, &["zstd"]) => Coding::Zstd,
            _ => return Err(HeadError::Coding),
        };
        if coding != Coding::Identity {
            return Err(HeadError::Coding);
        }
        coding = named;
    }
    Ok(coding)
}

fn strict(query: &str) -> Result<bool, HeadError> {
    let mut strict = None;
    for (name, value) in parameters(query.as_bytes()) {
        if name != STRICT || strict.is_some() {
            return Err(HeadError::Query);
        }
        strict = Some(match value {
            b"true" => true,
            b"false" => false,
            _ => return Err(HeadError::Query),
        });
    }
    Ok(strict.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{ACCEPTED_TYPES, Head, HeadError, Mode, TYPES};
    use crate::split::Form;
    use crate::unfold::Coding;
    use http::header::{HeaderMap, HeaderName, HeaderValue};

    fn read(fields: &[(&'static str, &'static str)], query: &str) -> Result<Head, HeadError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        Head::read(&headers, Some(query))
    }

    #[test]
    fn the_media_type_says_how_a_body_holds_its_events() {
        let (lines, either) = (Mode::plain(Form::Lines), Mode::plain(Form::ArrayOrDocument));
        for (types, expected) in [
            (&["application/x-ndjson"][..], Ok(lines)),
            (&["application/ndjson; charset=utf-8"], Ok(lines)),
            (&["Application/JSONL;charset=\"UTF-8\""], Ok(lines)),
            (&["application/json"], Ok(either)),
            (
                &["application/cloudevents+json; charset=UTF-8"],
                Ok(Mode::cloud_events(Form::Document)),
            ),
            (
                &["application/cloudevents-batch+json"],
                Ok(Mode::cloud_events(Form::Array)),
            ),
            (
                &["application/json; charset=utf-16"],
                Err(HeadError::Charset),
            ),
            (
                &["application/x-ndjson; charset=iso-8859-1"],
                Err(HeadError::Charset),
            ),
            (&[], Err(HeadError::MediaType)),
            (&["text/plain"], Err(HeadError::MediaType)),
            (
                &["application/cloudevents+ndjson"],
                Err(HeadError::MediaType),
            ),
            (&["application/cloudevents+avro"], Err(HeadError::MediaType)),
            (
                &["application/json, application/x-ndjson"],
                Err(HeadError::MediaType),
            ),
            (
                &["application/json", "application/json"],
                Err(HeadError::MediaType),
            ),
        ] {
            let fields: Vec<_> = types.iter().map(|value| ("content-type", *value)).collect();
            assert_eq!(
                read(&fields, "").map(|head| head.mode),
                expected,
                "{types:?}"
            );
        }
        let names: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.join(", "), ACCEPTED_TYPES);
    }

    #[test]
    fn the_fields_of_attributes_make_an_event_of_a_request_unless_its_type_says_otherwise() {
        let event = ("ce-specversion", "1.0");
        for (fields, expected) in [
            (vec![event], Mode::Binary),
            (
                vec![("ce-id", "1"), ("content-type", "text/plain")],
                Mode::Binary,
            ),
            (
                vec![event, ("content-type", "application/json; charset=utf-16")],
                Mode::Binary,
            ),
            (
                vec![event, ("content-type", "application/x-ndjson")],
                Mode::Binary,
            ),
            (
                vec![event, ("content-type", "application/cloudevents+json")],
                Mode::cloud_events(Form::Document),
            ),
        ] {
            assert_eq!(
                read(&fields, "").map(|head| head.mode),
                Ok(expected),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn a_body_is_compressed_in_one_way_that_is_known() {
        for (codings, expected) in [
            (&[][..], Ok(Coding::Identity)),
            (&[""], Ok(Coding::Identity)),
            (&["identity"], Ok(Coding::Identity)),
            (&["gzip"], Ok(Coding::Gzip)),
            (&["X-GZIP"], Ok(Coding::Gzip)),
            (&["zstd, identity"], Ok(Coding::Zstd)),
            (&["br"], Err(HeadError::Coding)),
            (&["deflate"], Err(HeadError::Coding)),
            (&["gzip, gzip"], Err(HeadError::Coding)),
            (&["gzip", "zstd"], Err(HeadError::Coding)),
            (&["gzip;q=1"], Err(HeadError::Coding)),
        ] {
            let mut fields = vec![("content-type", "application/json")];
            fields.extend(codings.iter().map(|value| ("content-encoding", *value)));
            assert_eq!(
                read(&fields, "").map(|head| head.coding),
                expected,
                "{codings:?}"
            );
        }
    }

    #[test]
    fn all_or_nothing_is_asked_for_in_the_query() {
        for (query, expected) in [
            ("", Ok(false)),
            ("strict=true", Ok(true)),
            ("strict=false", Ok(false)),
            ("strict", Err(HeadError::Query)),
            ("strict=1", Err(HeadError::Query)),
            ("strict=true&strict=true", Err(HeadError::Query)),
            ("Strict=true", Err(HeadError::Query)),
            ("after=1", Err(HeadError::Query)),
        ] {
            let fields = [("content-type", "application/json")];
            assert_eq!(
                read(&fields, query).map(|head| head.strict),
                expected,
                "{query}"
            );
        }
    }
}
