//! An event in the binary content mode of the HTTP protocol binding of CloudEvents 1.0.2 (section 3.1): its attributes are
//! fields of the request, its data is the body.
//!
//! It becomes a text in the JSON event format, which is then read as any other one is: there is one reader of events.

use std::borrow::Cow;

use doorward_service::json::push_string;
use doorward_syntax::base64url::encode_standard;
use doorward_syntax::form::percent_decode;
use doorward_syntax::media_type::MediaType;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::fault::Faults;
use crate::json::Tape;

/// What the names of the fields of attributes begin with (section 3.1.3.1).
const PREFIX: &str = "ce-";
/// Which of them say that a request is an event.
const MARKS: [&str; 4] = ["ce-specversion", "ce-id", "ce-source", "ce-type"];
/// What is no attribute in this mode: the first two are the body, the third is its `Content-Type`.
const NOT_FIELDS: [&str; 3] = ["data", "data_base64", "datacontenttype"];

/// Whether a request is an event in this mode, where its media type does not say that it is in another one.
#[must_use]
pub fn is_binary(headers: &HeaderMap) -> bool {
    MARKS.iter().any(|mark| headers.contains_key(*mark))
}

/// Writes the event in the JSON event format. What is wrong with the fields or the body is among the faults, and then the
/// text is none.
///
/// Data that is JSON becomes `data`, text in UTF-8 becomes a string, everything else `data_base64` (JSON event format
/// section 3.1). A request without a body has no data.
pub fn write(
    headers: &HeaderMap,
    body: &[u8],
    tape: &mut Tape,
    json: &mut String,
    faults: &mut Faults,
) {
    json.clear();
    json.push('{');
    for name in headers.keys() {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        if NOT_FIELDS.contains(&attribute) {
            faults.member(attribute, "is no field in the binary content mode");
            continue;
        }
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            faults.member(attribute, "is there more than once");
            continue;
        };
        match decoded(value.as_bytes()) {
            Some(text) => push_member(json, attribute, &text),
            None => faults.member(attribute, "is not percent-encoded UTF-8"),
        }
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let content_type = types
        .next()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    if types.next().is_some() {
        faults.member("datacontenttype", "is there more than once");
    }
    if let Some(content_type) = &content_type {
        push_member(json, "datacontenttype", content_type);
    }
    if !body.is_empty() {
        push_data(json, content_type.as_deref(), body, tape, faults);
    }
    json.push('}');
}

/// Writes the data.
fn push_data(
    json: &mut String,
    content_type: Option<&str>,
    body: &[u8],
    tape: &mut Tape,
    faults: &mut Faults,
) {
    let content_type = content_type.and_then(|value| MediaType::parse(value.as_bytes()));
    if content_type.is_some_and(|content_type| content_type.is_json()) {
        // It is read by itself first: what is no value by itself could have members of its own for the event.
        match tape.parse(body) {
            Ok(value) => {
                push_name(json, "data");
                json.push_str(value.text());
            }
            Err(error) => faults.member("data", format!("is not JSON: {error}")),
        }
        return;
    }
    let text = content_type
        .filter(|content_type| content_type.is("text/*"))
        .and_then(|_| core::str::from_utf8(body).ok());
    match text {
        Some(text) => push_member(json, "data", text),
        None => push_member(json, "data_base64", &encode_standard(body)),
    }
}

fn push_member(json: &mut String, name: &str, text: &str) {
    push_name(json, name);
    push_string(json, text);
}

fn push_name(json: &mut String, name: &str) {
    if json.len() > 1 {
        json.push(',');
    }
    push_string(json, name);
    json.push(':');
}

/// The value of an attribute (section 3.1.3.2): quotes are taken off, for who was before 1.0.2, and then percent-encoding.
fn decoded(value: &[u8]) -> Option<String> {
    let value = match value {
        [b'"', quoted @ .., b'"'] => Cow::Owned(unquoted(quoted)?),
        _ => Cow::Borrowed(value),
    };
    String::from_utf8(percent_decode(&value)?).ok()
}

/// What is between quotes (RFC 7230 section 3.2.6) without its backslashes; `None` where a quote is among it.
fn unquoted(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'"' => return None,
            b'\\' => *rest.next()?,
            byte => *byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{is_binary, write};
    use crate::fault::Faults;
    use crate::json::Tape;
    use http::header::{HeaderMap, HeaderName, HeaderValue};

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap_or(HeaderValue::from_static("?")),
            );
        }
        headers
    }

    fn written(fields: &[(&'static str, &'static str)], body: &[u8]) -> (String, Vec<String>) {
        let (mut json, mut faults) = (String::new(), Faults::default());
        write(
            &headers(fields),
            body,
            &mut Tape::new(),
            &mut json,
            &mut faults,
        );
        let faults = faults
            .take()
            .map(|fault| format!("{} {}", fault.field.unwrap_or_default(), fault.reason));
        (json, faults.collect())
    }

    #[test]
    fn fields_become_attributes_and_the_body_its_data() {
        let fields = [("ce-id", "1"), ("ce-type", "a.b"), ("x-other", "no")];
        for (content_type, body, expected) in [
            (None, &b""[..], ""),
            (None, b"\0\xff", r#","data_base64":"AP8=""#),
            (
                Some("application/json"),
                b" {\"a\": 1.0}\n",
                r#","datacontenttype":"application/json","data":{"a": 1.0}"#,
            ),
            (
                Some("application/x+json"),
                b"null",
                r#","datacontenttype":"application/x+json","data":null"#,
            ),
            (
                Some("application/json"),
                b"",
                r#","datacontenttype":"application/json""#,
            ),
            (
                Some("text/plain"),
                "a \"\u{e9}\"\n".as_bytes(),
                ",\"datacontenttype\":\"text/plain\",\"data\":\"a \\\"\u{e9}\\\"\\u000a\"",
            ),
            (
                Some("text/plain"),
                b"\xff",
                r#","datacontenttype":"text/plain","data_base64":"/w==""#,
            ),
            (
                Some("application/xml"),
                b"<a/>",
                r#","datacontenttype":"application/xml","data_base64":"PGEvPg==""#,
            ),
        ] {
            let mut fields = fields.to_vec();
            fields.extend(content_type.map(|content_type| ("content-type", content_type)));
            let (json, faults) = written(&fields, body);
            assert_eq!(json, format!(r#"{{"id":"1","type":"a.b"{expected}}}"#));
            assert!(faults.is_empty(), "{faults:?}");
        }
    }

    #[test]
    fn a_value_is_percent_decoded_once_behind_its_quotes() {
        for (value, expected) in [
            (
                "Euro%20%E2%82%AC%20%F0%9F%98%80",
                Some("Euro \u{20ac} \u{1f600}"),
            ),
            ("%2541", Some("%41")),
            ("\"a \\\"b\\\" %20\"", Some("a \\\"b\\\"  ")),
            ("a+b", Some("a+b")),
            ("\u{e9}", Some("\u{e9}")),
            ("\"", Some("\\\"")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%ff", None),
            ("\"a\"b\"", None),
            ("\"a\\\"", None),
        ] {
            let (json, faults) = written(&[("ce-subject", value)], b"");
            match expected {
                Some(expected) => {
                    assert_eq!(json, format!("{{\"subject\":\"{expected}\"}}"), "{value}")
                }
                None => assert_eq!(faults, ["/subject is not percent-encoded UTF-8"], "{value}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_an_event_in_fields_is_said() {
        let json = ("content-type", "application/json");
        for (fields, body, expected) in [
            (
                vec![("ce-id", "1"), ("ce-id", "2")],
                &b""[..],
                "/id is there more than once",
            ),
            (
                vec![("ce-data", "1")],
                b"",
                "/data is no field in the binary content mode",
            ),
            (
                vec![("ce-datacontenttype", "a/b")],
                b"",
                "/datacontenttype is no field in the binary content mode",
            ),
            (
                vec![json, json],
                b"1",
                "/datacontenttype is there more than once",
            ),
            // No data has members for the event.
            (
                vec![json],
                b"1,\"id\":\"2\"",
                "/data is not JSON: something follows the value (at byte 1)",
            ),
            (
                vec![json],
                b"{",
                "/data is not JSON: it ends in the middle of a value (at byte 1)",
            ),
        ] {
            assert_eq!(written(&fields, body).1, [expected]);
        }
        assert!(is_binary(&headers(&[("ce-type", "a")])));
        assert!(!is_binary(&headers(&[
            ("ce-subject", "a"),
            ("content-type", "a/b")
        ])));
    }
}
