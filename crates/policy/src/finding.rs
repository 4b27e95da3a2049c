//! What is wrong with a policy file: said once for people, once for machines.

use core::fmt;

/// Most findings that are kept of one file. The rest is only counted.
pub const FINDINGS_MAX: usize = 100;

/// A place in the policy file, both numbers counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Whether a policy with this finding may decide anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The policy is refused as a whole.
    Error,
    /// The policy works; something in it is probably not meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $severity:ident;)*) => {
        /// The kind of a finding. Its text is stable, so that scripts can act upon it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How grave it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// The file is too long, or has too many of something.
    TooLarge = "too-large", Error;
    /// The file is not TOML.
    Syntax = "syntax", Error;
    /// A key that means nothing.
    UnknownTomlKey = "unknown-key", Error;
    /// A key that is needed and not there.
    MissingKey = "missing-key", Error;
    /// A value of the wrong type.
    WrongType = "wrong-type", Error;
    /// A value of the right type that means nothing here.
    BadValue = "bad-value", Error;
    /// The same value twice in one list.
    Repeated = "repeated", Error;
    /// Two keys that exclude each other.
    Conflict = "conflict", Error;
    /// A URL that is malformed, or, save for upstreams, neither https nor http on a loopback address.
    BadUrl = "bad-url", Error;
    /// A path pattern that is malformed or can never match.
    BadPattern = "bad-pattern", Error;
    /// The name of an issuer, or of a tenant, that does not exist.
    UnknownIssuer = "unknown-issuer", Error;
    /// The name of an upstream, or of something else that is named in a table of its own, that does not
    /// exist.
    UnknownName = "unknown-name", Error;
    /// A demand on the credential of a route that is public.
    PublicDemand = "public-demand", Error;
    /// Two rules for the same path and method.
    Contradiction = "contradiction", Error;
    /// A rule whose every path is taken by more specific ones, a kind of credential whose every
    /// credential is taken by another, or an alternative that lets nobody through whom others do not.
    Unreachable = "unreachable", Error;
    /// A header name that an identity header must not have, or a header that is not the policy's to set.
    ForbiddenHeader = "forbidden-header", Error;
    /// The policy has no routes: it would refuse everything.
    NoRoutes = "no-routes", Error;
    /// Patterns that overlap so often that a request could be expensive to match.
    Overlap = "overlap", Error;
    /// An issuer that no route accepts.
    UnusedIssuer = "unused-issuer", Warning;
    /// API keys that no route accepts.
    UnusedApiKeys = "unused-api-keys", Warning;
    /// An upstream, or something else that is named in a table of its own, that no route uses.
    Unused = "unused", Warning;
    /// Two API keys with the same name.
    SharedKeyName = "shared-key-name", Warning;
    /// A demand on a credential that a request may lack.
    OptionalDemand = "optional-demand", Warning;
    /// An audience that is looked for in another claim, where ID tokens would do as well.
    AudienceClaim = "audience-claim", Warning;
    /// `sub` is compared with the path where it can be the name of several.
    AmbiguousSubject = "ambiguous-subject", Warning;
    /// A method that no standard registers.
    UnregisteredMethod = "unregistered-method", Warning;
    /// Whatever no other rule lists is public.
    PublicRest = "public-rest", Warning;
    /// A key of a route that stands among its claims.
    MisplacedKey = "misplaced-key", Warning;
    /// Everybody who can have a token of a provider is let in.
    OpenToAll = "open-to-all", Warning;
    /// A path that frameworks answer as the one of a rule is taken by another, which asks for less.
    OtherFormat = "other-format", Warning;
    /// Keys that come over a network on which others may be.
    InsecureHttp = "insecure-http", Warning;
    /// A limit that counts by what a client says of itself.
    ChosenByClient = "chosen-by-client", Warning;
    /// A key that changes nothing where it stands, or not what it is most often there for.
    NoEffect = "no-effect", Warning;
    /// An audience that is in tokens for others, too.
    SharedAudience = "shared-audience", Warning;
    /// A provider of ID tokens, where the policy does not say so.
    TokenKind = "token-kind", Warning;
    /// A path that the gate itself answers, of those that a rule is for.
    Shadowed = "shadowed", Warning;
    /// A value of another type than the claim has.
    NeverEqual = "never-equal", Warning;
    /// Something is in report mode, and refuses nobody.
    ReportMode = "report-mode", Warning;
    /// A report mode that has ended.
    ReportEnded = "report-ended", Warning;
    /// A report mode whose end is so far ahead that it is not in effect. Nothing but `doorward check` says so, which
    /// knows the time: the gate enforces.
    ReportTooLong = "report-too-long", Error;
    /// Lines of the log have values of claims.
    DecisionInputs = "decision-inputs", Warning;
    /// They had, and have them no more.
    DecisionInputsEnded = "decision-inputs-ended", Warning;
    /// Their end is so far ahead that they have none. Only `doorward check` says so, as of report modes.
    DecisionInputsTooLong = "decision-inputs-too-long", Error;
}

/// One thing that is wrong, where it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// Where.
    pub at: Position,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
    /// Other places that have to do with it.
    pub related: Vec<Related>,
}

/// Another place that a finding has to do with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What is there.
    pub message: String,
    /// Where it is.
    pub at: Position,
}

impl Finding {
    /// How grave it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render(self, "line ", None, f)
    }
}

/// Everything that was found in one file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
    left_out: usize,
}

impl Findings {
    /// The findings.
    #[must_use]
    pub fn as_slice(&self) -> &[Finding] {
        &self.list
    }

    /// How many findings were more than [`FINDINGS_MAX`].
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|f| f.severity() == Severity::Error)
    }

    /// The findings with the name of the file, and with the lines in question where the text of the
    /// file is given.
    #[must_use]
    pub fn render<'f>(&'f self, file: &'f str, text: Option<&'f str>) -> impl fmt::Display + 'f {
        Rendered {
            findings: self,
            file,
            text,
        }
    }

    /// The findings as a JSON document: `{"findings": [{"code", "severity", "message", "line",
    /// "column", "help", "related": [{"message", "line", "column"}]}], "left_out"}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let findings: Vec<_> = self
            .list
            .iter()
            .map(|finding| {
                let related: Vec<_> = finding
                    .related
                    .iter()
                    .map(|related| {
                        serde_json::json!({
                            "message": related.message,
                            "line": related.at.line,
                            "column": related.at.column,
                        })
                    })
                    .collect();
                serde_json::json!({
                    "code": finding.code.as_str(),
                    "severity": finding.severity().as_str(),
                    "message": finding.message,
                    "line": finding.at.line,
                    "column": finding.at.column,
                    "help": finding.help,
                    "related": related,
                })
            })
            .collect();
        serde_json::json!({ "findings": findings, "left_out": self.left_out })
    }

    /// Changes what is advised about each finding.
    pub(crate) fn set_help(&mut self, help: impl Fn(&Finding) -> Option<String>) {
        for finding in &mut self.list {
            finding.help = help(finding).or(finding.help.take());
        }
    }

    /// Adds a finding after those at the same place or before it.
    pub(crate) fn push(&mut self, finding: Finding) {
        if self.list.len() == FINDINGS_MAX {
            self.left_out += 1;
            // Errors are what the reader must see: a flood of warnings does not hide them.
            let warning = self
                .list
                .iter()
                .rposition(|kept| kept.severity() == Severity::Warning);
            match warning {
                Some(warning) if finding.severity() == Severity::Error => {
                    self.list.remove(warning);
                }
                _ => return,
            }
        }
        let place = self.list.partition_point(|kept| kept.at <= finding.at);
        self.list.insert(place, finding);
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.list {
            render(finding, "line ", None, f)?;
        }
        left_out(self.left_out, f)
    }
}

impl core::error::Error for Findings {}

struct Rendered<'f> {
    findings: &'f Findings,
    file: &'f str,
    text: Option<&'f str>,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = format!("{}:", self.file);
        for finding in &self.findings.list {
            render(finding, &prefix, self.text, f)?;
        }
        left_out(self.findings.left_out, f)
    }
}

fn left_out(count: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if count > 0 {
        writeln!(f, "and {count} more")?;
    }
    Ok(())
}

fn render(
    finding: &Finding,
    prefix: &str,
    text: Option<&str>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let severity = finding.severity().as_str();
    let code = finding.code.as_str();
    writeln!(f, "{severity}[{code}]: {}", finding.message)?;
    writeln!(f, "  at {prefix}{}", finding.at)?;
    if let Some(line) = text.and_then(|text| text.lines().nth(finding.at.line.saturating_sub(1))) {
        let number = finding.at.line.to_string();
        let indent = " ".repeat(finding.at.column.saturating_sub(1));
        writeln!(f, "  {number} | {line}")?;
        writeln!(f, "  {} | {indent}^", " ".repeat(number.len()))?;
    }
    for related in &finding.related {
        writeln!(f, "  and {prefix}{}: {}", related.at, related.message)?;
    }
    if let Some(help) = &finding.help {
        writeln!(f, "  help: {help}")?;
    }
    Ok(())
}
