//! A request like the one that a line is about: the same method and path, and a credential of the same form in the same
//! place, which is none.

use std::borrow::Cow;

use doorward_traffic::field_list::FieldList;

use crate::credential_form as form;
use crate::head::RequestHead;

/// The longest token that a stand-in is made for, in bytes: more than any policy accepts.
pub(super) const TOKEN_BYTES_MAX: usize = 1 << 17;

/// What of credentials was in a request.
pub(super) enum Presented {
    Nothing,
    One(One),
    /// More than one.
    Ambiguous,
}

/// A credential.
pub(super) struct One {
    /// As `token_from` has it, or where API keys are.
    pub(super) place: String,
    pub(super) form: &'static str,
    /// Of a token, its length in bytes, and its dots.
    pub(super) token: (usize, u64),
}

/// The forms that there are.
pub(super) const FORMS: [&str; 10] = [
    form::BEARER,
    form::BEARER_MALFORMED,
    form::BASIC,
    form::BASIC_MALFORMED,
    form::OTHER_SCHEME,
    form::NO_SCHEME,
    form::TOKEN,
    form::TOKEN_MALFORMED,
    form::API_KEY,
    form::API_KEY_MALFORMED,
];

/// The same, put together.
pub(super) struct StandIn<'r> {
    target: Cow<'r, str>,
    authorization: Vec<Vec<u8>>,
    api_key: Vec<Vec<u8>>,
    fields: FieldList,
}

impl<'r> StandIn<'r> {
    /// `api_key_header` is where the policy takes API keys.
    pub(super) fn of(presented: Option<&One>, path: &'r str, api_key_header: Option<&str>) -> Self {
        let mut stand_in = Self {
            target: Cow::Borrowed(path),
            authorization: Vec::new(),
            api_key: Vec::new(),
            fields: FieldList::default(),
        };
        if let Some(one) = presented {
            stand_in.puts(one);
        }
        if let Some(name) = api_key_header {
            stand_in.api_key = stand_in.fields.values(name);
        }
        stand_in
    }

    fn puts(&mut self, one: &One) {
        let value = one.text();
        let place = one.place.strip_prefix("api-key:").unwrap_or(&one.place);
        match place.split_once(':') {
            Some(("header", name)) => self.fields.push(name, value),
            Some(("cookie", name)) => self.fields.push("cookie", [name, "=", &value].concat()),
            Some(("query", name)) => {
                self.target = Cow::Owned([self.target.as_ref(), "?", name, "=", &value].concat());
            }
            _ => {
                self.fields.push("authorization", value.clone());
                self.authorization.push(value.into_bytes());
            }
        }
    }

    pub(super) fn head<'h>(&'h self, method: &'h str) -> RequestHead<'h> {
        RequestHead {
            method,
            target: &self.target,
            canonical: None,
            authorization: &self.authorization,
            api_key: &self.api_key,
            fields: &self.fields,
            origin: "",
        }
    }
}

impl One {
    /// A text of this form.
    fn text(&self) -> String {
        match self.form {
            form::BEARER => ["Bearer ", &self.token_text()].concat(),
            form::BEARER_MALFORMED => "Bearer \"".to_owned(),
            // A user and a password of one letter each.
            form::BASIC => "Basic YTph".to_owned(),
            form::BASIC_MALFORMED => "Basic \"".to_owned(),
            form::OTHER_SCHEME => "Other".to_owned(),
            form::TOKEN => self.token_text(),
            form::API_KEY => "a".to_owned(),
            // No token and no key, and nothing that a query must not have either: there a key that is empty is none.
            form::API_KEY_MALFORMED if self.place.contains("query:") => String::new(),
            _ if self.place.contains("query:") => "!".to_owned(),
            // No scheme, no token and no key.
            _ => "\"\u{e4}".to_owned(),
        }
    }

    /// A text of as many bytes, which is taken for signed or not as that one was.
    fn token_text(&self) -> String {
        let (bytes, dots) = self.token;
        let mut text = String::new();
        if dots == 2 {
            text.push_str("..");
        }
        while text.len() < bytes {
            text.push('a');
        }
        text
    }
}
