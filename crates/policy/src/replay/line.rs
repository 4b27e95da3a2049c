//! A line of the log, read again.

use doorward_token::{ClaimPath, RecordedToken, UnixTime};
use serde_json::{Map, Value};

use super::stand_in::{FORMS, One, Presented, TOKEN_BYTES_MAX};
use crate::credential_form as form;
use crate::field_names::{CLASS, DECISION, Field, INPUTS, REASON, REQUEST_ID, ROUTE};
use crate::inputs::{self, Told};

/// A line that is one about a request, and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine;

/// What a line of the log says of a request.
pub struct ReplayedLine {
    /// What the request is called.
    pub request_id: Option<String>,
    /// The path pattern of its rule.
    pub route: Option<String>,
    /// `admitted`, or as what it was refused.
    pub verdict: String,
    /// Why.
    pub reason: Option<String>,
    pub(super) recording: Result<Recording, &'static str>,
}

impl ReplayedLine {
    /// Reads a line. `None`: it is not about a request that a policy has decided.
    ///
    /// # Errors
    ///
    /// It is, and what it says cannot be read.
    pub fn parse(line: &Value) -> Result<Option<Self>, BadLine> {
        let text = |names| {
            found(line, names)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let Some(decision) = text(DECISION) else {
            return Ok(None);
        };
        if decision == "answered" {
            return Ok(None);
        }
        let recording = match found(line, INPUTS) {
            None => Err("there is no `decision_inputs` in the line"),
            Some(Value::Object(members)) if members.contains_key(inputs::TRUNCATED) => {
                Err("its `decision_inputs` did not fit into the line")
            }
            Some(Value::Object(members)) => Ok(Recording::parse(members).ok_or(BadLine)?),
            Some(_) => return Err(BadLine),
        };
        let verdict = match &recording {
            Ok(recording) => recording.verdict.clone(),
            Err(_) => match decision.as_str() {
                "refused" | "would_refuse" => text(CLASS).unwrap_or(decision),
                _ => inputs::ADMITTED.to_owned(),
            },
        };
        // What failed behind the gate was admitted by it.
        let reason = text(REASON).filter(|_| verdict != inputs::ADMITTED);
        Ok(Some(Self {
            request_id: text(REQUEST_ID),
            route: text(ROUTE),
            verdict,
            reason,
            recording,
        }))
    }

    /// Whether a request was admitted, by the policy alone.
    #[must_use]
    pub fn was_admitted(&self) -> bool {
        self.verdict == inputs::ADMITTED
    }
}

/// The value of a field under any of its names, also where those before a dot hold the others.
fn found<'v>(line: &'v Value, field: &Field) -> Option<&'v Value> {
    field.names.into_iter().find_map(|name| {
        line.get(name).or_else(|| {
            let mut parts = name.split('.');
            parts.try_fold(line, |value, part| value.get(part))
        })
    })
}

/// What a decision depended on.
pub(super) struct Recording {
    pub(super) method: String,
    pub(super) path: Option<String>,
    pub(super) escaped: bool,
    pub(super) at: UnixTime,
    /// Where a credential was looked for.
    pub(super) looked: Vec<String>,
    pub(super) presented: Presented,
    pub(super) token: Option<RecordedToken>,
    pub(super) scopes: Vec<String>,
    pub(super) scopes_from: Vec<String>,
    pub(super) audience_from: Option<String>,
    /// The claims that rules named, whether their keys are meant, and what they were.
    pub(super) named: Vec<(ClaimPath, bool, Told)>,
    pub(super) identity: Option<String>,
    pub(super) revoked: Option<bool>,
    pub(super) key: Option<RecordedKey>,
    pub(super) verdict: String,
    pub(super) of_limit: bool,
}

/// What a line says of an API key.
pub(super) struct RecordedKey {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    /// Whether it was in the store, and not in the policy.
    pub(super) stored: bool,
}

impl Recording {
    fn parse(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).map(Value::as_str);
        let presented = match members.get(inputs::PRESENTED) {
            None => Presented::Nothing,
            Some(Value::Object(one)) => Presented::One(One::parse(one)?),
            Some(value) if value == inputs::AMBIGUOUS => Presented::Ambiguous,
            Some(_) => return None,
        };
        let looked = match members.get(inputs::LOOKED) {
            None => vec![form::AUTHORIZATION.to_owned()],
            Some(value) => texts(value)?,
        };
        let path = match text(inputs::PATH) {
            None => None,
            Some(path) => Some(path?.to_owned()),
        };
        let key = match members.get(inputs::KEY) {
            None => None,
            Some(key) => Some(RecordedKey {
                id: key.get(inputs::ID)?.as_str()?.to_owned(),
                name: key.get(inputs::NAME)?.as_str()?.to_owned(),
                scopes: texts(key.get(inputs::SCOPES)?)?,
                stored: key.get(inputs::STORED)?.as_bool()?,
            }),
        };
        let mut recording = Self {
            method: text(inputs::METHOD)??.to_owned(),
            path,
            escaped: members.contains_key(inputs::ESCAPED),
            at: UnixTime(members.get(inputs::AT)?.as_u64()?),
            looked,
            presented,
            token: None,
            scopes: Vec::new(),
            scopes_from: Vec::new(),
            audience_from: None,
            named: Vec::new(),
            identity: None,
            revoked: None,
            key,
            verdict: text(inputs::VERDICT)??.to_owned(),
            of_limit: members.contains_key(inputs::OF_LIMIT),
        };
        if let Some(token) = members.get(inputs::TOKEN) {
            recording.reads(token.as_object()?)?;
        }
        Some(recording)
    }

    fn reads(&mut self, token: &Map<String, Value>) -> Option<()> {
        self.token = Some(RecordedToken::parse(token)?);
        self.scopes = texts(token.get(inputs::SCOPES)?)?;
        if let Some(from) = token.get(inputs::SCOPES_FROM) {
            self.scopes_from = texts(from)?;
        }
        if let Some(from) = token.get(inputs::AUDIENCE_FROM) {
            self.audience_from = Some(from.as_str()?.to_owned());
        }
        if let Some(identity) = token.get(inputs::IDENTITY) {
            self.identity = Some(identity.as_str()?.to_owned());
        }
        if let Some(revoked) = token.get(inputs::REVOKED) {
            self.revoked = Some(revoked.as_bool()?);
        }
        for (member, keys) in [(inputs::CLAIMS, false), (inputs::KEYS, true)] {
            let told = match token.get(member) {
                None => continue,
                Some(told) => told.as_object()?,
            };
            for (path, value) in told {
                let path = ClaimPath::parse(path).ok()?;
                self.named.push((path, keys, Told::Value(value.clone())));
            }
        }
        for path in token.get(inputs::THROUGH).map_or(Some(Vec::new()), texts)? {
            let path = ClaimPath::parse(&path).ok()?;
            // Nothing is there, whatever is asked for.
            for keys in [false, true] {
                self.named.push((path.clone(), keys, Told::Through));
            }
        }
        Some(())
    }

    /// Whether the target was refused before any rule was looked for.
    pub(super) fn is_malformed(&self) -> bool {
        ["malformed-request", "target-too-long"].contains(&self.verdict.as_str())
    }
}

impl One {
    fn parse(members: &Map<String, Value>) -> Option<Self> {
        let form = members.get(inputs::FORM)?.as_str()?;
        let number = |name: &str| members.get(name).map_or(Some(0), Value::as_u64);
        let bytes = usize::try_from(number(inputs::BYTES)?).ok()?;
        Some(Self {
            place: members.get(inputs::PLACE)?.as_str()?.to_owned(),
            form: FORMS.into_iter().find(|known| *known == form)?,
            token: (
                Some(bytes).filter(|bytes| *bytes <= TOKEN_BYTES_MAX)?,
                number(inputs::DOTS)?,
            ),
        })
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let texts = value.as_array()?.iter().map(Value::as_str);
    texts.map(|text| text.map(str::to_owned)).collect()
}
