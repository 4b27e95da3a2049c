//! What the attributes of an event may be (CloudEvents 1.0.2, core section "Context Attributes").

use std::borrow::Cow;

use doorward_syntax::base64url::is_standard_padded;
use doorward_syntax::date::parse_rfc3339_ms;
use doorward_syntax::media_type::MediaType;
use doorward_syntax::uri::{is_uri, is_uri_reference};

use super::bounds::{
    CONTENT_TYPE_BYTES_MAX, DATA_SCHEMA_BYTES_MAX, EXTENSION_BYTES_MAX, EXTENSION_NAME_BYTES_MAX,
    ID_BYTES_MAX, SOURCE_BYTES_MAX, SUBJECT_BYTES_MAX, TYPE_BYTES_MAX,
};
use crate::json::{Kind, Value};

/// What is wrong with an attribute.
pub type Reason = Cow<'static, str>;

/// A string as it was meant: without its escapes, for which `scratch` is.
pub fn string<'a>(value: Value<'a>, scratch: &'a mut String) -> Result<&'a str, Reason> {
    let string = value.as_string().ok_or("is not a string")?;
    if !string.has_escapes() {
        return Ok(string.raw());
    }
    scratch.clear();
    scratch.extend(string.chars());
    Ok(scratch)
}

/// The only version that there is.
pub fn version(text: &str) -> Result<(), Reason> {
    match text {
        "1.0" => Ok(()),
        _ => Err("is not 1.0, the only version that is read".into()),
    }
}

pub fn id(text: &str) -> Result<(), Reason> {
    filled(text, ID_BYTES_MAX)
}

pub fn kind(text: &str) -> Result<(), Reason> {
    filled(text, TYPE_BYTES_MAX)
}

pub fn subject(text: &str) -> Result<(), Reason> {
    filled(text, SUBJECT_BYTES_MAX)
}

pub fn source(text: &str) -> Result<(), Reason> {
    filled(text, SOURCE_BYTES_MAX)?;
    match is_uri_reference(text) {
        true => Ok(()),
        false => Err("is not a URI reference (RFC 3986)".into()),
    }
}

pub fn data_schema(text: &str) -> Result<(), Reason> {
    filled(text, DATA_SCHEMA_BYTES_MAX)?;
    match is_uri(text) {
        true => Ok(()),
        false => Err("is not a URI with a scheme (RFC 3986)".into()),
    }
}

pub fn content_type(text: &str) -> Result<(), Reason> {
    filled(text, CONTENT_TYPE_BYTES_MAX)?;
    match MediaType::parse(text.as_bytes()) {
        Some(_) => Ok(()),
        None => Err("is not a media type (RFC 9110)".into()),
    }
}

/// `time`, which is not more than so much ahead of now, and behind it.
pub fn time(text: &str, now_ms: u64, ahead_ms: u64, behind_ms: u64) -> Result<u64, Reason> {
    let not_read = "is not a time from 1970 on in the form of RFC 3339";
    let time_ms = parse_rfc3339_ms(text.as_bytes()).ok_or(not_read)?;
    if time_ms > now_ms.saturating_add(ahead_ms) {
        let ahead_s = ahead_ms / 1000;
        return Err(format!("is more than {ahead_s} s ahead of now").into());
    }
    if time_ms < now_ms.saturating_sub(behind_ms) {
        let behind_s = behind_ms / 1000;
        return Err(format!("is more than {behind_s} s ago").into());
    }
    Ok(time_ms)
}

/// `data_base64` (JSON format section 3.1.1).
pub fn data_base64(text: &str) -> Result<(), Reason> {
    match is_standard_padded(text.as_bytes()) {
        true => Ok(()),
        false => Err("is not base64 with its padding (RFC 4648 section 4)".into()),
    }
}

/// The name of an extension: lower-case letters and digits (core section "Naming conventions").
pub fn extension_name(name: &str) -> Result<(), Reason> {
    if name.len() > EXTENSION_NAME_BYTES_MAX {
        return Err(too_long(EXTENSION_NAME_BYTES_MAX));
    }
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match !name.is_empty() && name.bytes().all(is_good) {
        true => Ok(()),
        false => Err(
            "is not known, nor is it an extension: their names have lower-case letters and digits alone"
                .into(),
        ),
    }
}

/// The value of an extension: a string, a boolean or a whole number of 32 bits (core section "Type System").
pub fn extension(value: Value<'_>, scratch: &mut String) -> Result<(), Reason> {
    match value.kind() {
        Kind::Null | Kind::Bool => Ok(()),
        Kind::Number => match value.text().parse::<i32>() {
            Ok(_) => Ok(()),
            Err(_) => Err("is not a whole number of 32 bits".into()),
        },
        Kind::String => text(string(value, scratch)?, EXTENSION_BYTES_MAX),
        Kind::Array | Kind::Object => Err("is not a string, a boolean or a number".into()),
    }
}

/// A text that is not empty.
fn filled(value: &str, bytes_max: usize) -> Result<(), Reason> {
    if value.is_empty() {
        return Err("is empty".into());
    }
    text(value, bytes_max)
}

/// A text as the core specification has it ("Type System", String): no control characters, and no code points that are no
/// characters. Halves of surrogate pairs are in no UTF-8, and refused where their escapes are read.
fn text(value: &str, bytes_max: usize) -> Result<(), Reason> {
    if value.len() > bytes_max {
        return Err(too_long(bytes_max));
    }
    if value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Ok(());
    }
    for character in value.chars() {
        let code = u32::from(character);
        if character.is_control() {
            return Err(format!("has the control character U+{code:04X}").into());
        }
        if (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe {
            return Err(format!("has U+{code:04X}, which is no character").into());
        }
    }
    Ok(())
}

fn too_long(bytes_max: usize) -> Reason {
    format!("is longer than {bytes_max} bytes").into()
}
