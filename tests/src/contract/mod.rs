//! What the engine may count on, whatever it runs on: cases as data, which run in virtual time and, over sockets,
//! with the built components. A case says what it is about; that everything else of an exchange is the same on
//! both is asked as well.

pub mod cases;
mod echo;
pub mod outcome;
pub mod simulated;
mod words;

pub use self::words::{Field, Gets, Reply, Sees, Sent, Then, Token};

use doorward_token::UnixTime;
use doorward_token::revocation::RevocationEntry;

/// The subject of all tokens.
pub const SUBJECT: &str = "alice";

/// A case: a sentence that holds, and what shows it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The sentence.
    pub name: &'static str,
    /// What is set up for it.
    pub stage: Stage,
    /// What happens.
    pub steps: Vec<Step>,
    /// Why a real Spin is left out; `None`: it does the same.
    pub not_on_spin: Option<&'static str>,
    /// Whether it is the host that keeps a time which nobody else does.
    pub is_timed_by_host: bool,
}

impl Case {
    /// A case before an origin: the gateway.
    #[must_use]
    pub fn gateway(name: &'static str) -> Self {
        Self::of(name, Behind::Origin)
    }

    /// A case before a component that says what it sees: the gate.
    #[must_use]
    pub fn gate(name: &'static str) -> Self {
        Self::of(name, Behind::Echo)
    }

    fn of(name: &'static str, behind: Behind) -> Self {
        Self {
            name,
            stage: Stage::new(behind),
            steps: Vec::new(),
            not_on_spin: None,
            is_timed_by_host: false,
        }
    }

    /// The same case where the component has the gate linked in; `None`: it is one of the gateway.
    #[must_use]
    pub fn linked(&self) -> Option<Self> {
        let is_of_gate = self.stage.behind == Behind::Echo;
        is_of_gate.then(|| self.clone().on(|stage| stage.behind = Behind::Linked))
    }

    /// With this set up otherwise.
    #[must_use]
    pub fn on(mut self, change: impl FnOnce(&mut Stage)) -> Self {
        change(&mut self.stage);
        self
    }

    /// With one request: what the origin answers, what that one sees and what the client gets.
    #[must_use]
    pub fn asks(self, sent: Sent, reply: Reply, sees: Sees, gets: Gets) -> Self {
        self.then(Step::Ask(Box::new(Exchange {
            sent,
            reply,
            sees,
            gets,
        })))
    }

    /// With one request to a component that says what it sees.
    #[must_use]
    pub fn echoes(self, sent: Sent, gets: Gets) -> Self {
        self.asks(sent, Reply::ok(""), Sees::Nobody, gets)
    }

    /// With this besides.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Left out on Spin, for this reason.
    #[must_use]
    pub fn not_on_spin(mut self, why: &'static str) -> Self {
        self.not_on_spin = Some(why);
        self
    }

    /// Where the host keeps times only.
    #[must_use]
    pub fn timed_by_host(mut self) -> Self {
        self.is_timed_by_host = true;
        self
    }
}

/// What is set up for a case.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Who is behind the gate.
    pub behind: Behind,
    /// Whether the policy is there.
    pub has_policy: bool,
    /// Lines of the upstream.
    pub upstream: &'static str,
    /// More of the policy, before its routes.
    pub more: &'static str,
    /// What the origin does with connections.
    pub origin: Origin,
    /// Whether the store is granted.
    pub has_store: bool,
    /// Names that are in the store.
    pub names: Vec<String>,
    /// Variables of the component.
    pub variables: Vec<(&'static str, &'static str)>,
}

impl Stage {
    fn new(behind: Behind) -> Self {
        Self {
            behind,
            has_policy: true,
            upstream: "",
            more: "",
            origin: Origin::Serves,
            has_store: true,
            names: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// The policy, where these are the places of others.
    #[must_use]
    pub fn policy(&self, places: &Places) -> String {
        let Places {
            issuer,
            keys,
            audience,
            origin,
            ..
        } = places;
        let upstream = match self.behind {
            Behind::Echo | Behind::Linked => String::new(),
            Behind::Origin => format!(
                "[upstream.orders]\nurl = [\"{origin}\"]\nattempts_max = 1\n{}\n\
                 [defaults]\nupstream = \"orders\"\n",
                self.upstream
            ),
        };
        format!(
            "[issuer.test]\nurl = \"{issuer}\"\naudience = \"{audience}\"\njwks_url = \"{keys}\"\n\
             [identity]\nx-auth-subject = \"sub\"\n{upstream}{}\n\
             [[route]]\npath = \"/public/**\"\npublic = true\n\
             [[route]]\npath = \"/read/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
            self.more
        )
    }
}

/// Who is behind the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// A component that says what it sees.
    Echo,
    /// An origin: the gate is the gateway.
    Origin,
    /// The same component that says what it sees, with the gate linked in.
    Linked,
}

/// What an origin does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It serves.
    Serves,
    /// It refuses them.
    Refuses,
    /// It neither takes nor refuses them.
    IsDeaf,
    /// There is none: nobody has this name.
    IsNobody,
    /// It serves, and the component was not granted it.
    IsNotGranted,
}

/// Where others are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The issuer's name, a URL.
    pub issuer: String,
    /// Where its keys are.
    pub keys: String,
    /// The audience of its tokens.
    pub audience: String,
    /// The origin's URL.
    pub origin: String,
    /// Whom clients ask: host and port.
    pub gateway: String,
}

impl Places {
    /// The name in the store that revokes what was issued to the subject of all tokens until `now`.
    #[must_use]
    pub fn revocation(&self, now: u64) -> String {
        let (now, end) = (UnixTime(now), UnixTime(now + 24 * 3600));
        RevocationEntry::subject(&self.issuer, SUBJECT, now, end).name()
    }

    /// `text` with names in place of what differs from run to run.
    #[must_use]
    pub fn named(&self, text: &str) -> String {
        let host = self.origin.trim_start_matches("http://");
        text.replace(&self.issuer, "{issuer}")
            .replace(host, "{origin}")
            .replace(&self.gateway, "{gateway}")
    }
}

/// What happens in a case.
#[derive(Clone, Debug)]
pub enum Step {
    /// One request.
    Ask(Box<Exchange>),
    /// The same request so often at the same time, to one instance. Each gets this status.
    AtOnce(Sent, usize, u16),
    /// The clock on the wall goes on by so many seconds.
    Later(u64),
    /// The operator revokes what was issued to the subject of all tokens until now.
    Revoke,
    /// The issuer's keys were asked for so often until now, or are soon.
    KeysAsked(usize),
    /// Each instance that has keys of the issuer asked for them once.
    KeysAskedByEach,
    /// The issuer publishes another key, and not the one before.
    Rotate,
    /// The log has a line with all of these words, or has it soon.
    Tells(&'static [&'static str]),
}

/// One request, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What the client sends.
    pub sent: Sent,
    /// What the origin answers.
    pub reply: Reply,
    /// What the origin sees.
    pub sees: Sees,
    /// What the client gets.
    pub gets: Gets,
}
