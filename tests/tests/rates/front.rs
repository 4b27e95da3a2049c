//! The two places where the rules of traffic hold: in front of a service, as its middleware, and in front
//! of an upstream, as the gateway. What is shown of one is shown of the other.

use crate::api::app::{App, AppSpec};
use crate::api::client::{Answer, Ask, send_bytes};
use crate::api::clock::Clock;
use crate::api::clocked;
use crate::api::echoing::Echoing;
use crate::api::host::{Host, How, Running};

/// How the fields begin that the service is asked to answer with.
const ANSWER: &str = "x-answer-";

/// Who stands in front of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The gate, in front of the service `echo`.
    Gate,
    /// The gateway, in front of an origin that answers as `echo` does.
    Gateway,
}

/// Both of them.
pub const BOTH: [Kind; 2] = [Kind::Gate, Kind::Gateway];

/// An application that is not running yet, and the origin that it needs.
pub struct Prepared {
    pub kind: Kind,
    pub spec: AppSpec,
    origin: Option<Echoing>,
}

/// An application that runs, and what is behind it.
pub struct Front {
    pub kind: Kind,
    pub app: App,
    pub running: Running,
    origin: Option<Echoing>,
}

/// `policy` in front of a service that answers with what it got.
pub async fn prepared(kind: Kind, policy: &str) -> Prepared {
    match kind {
        Kind::Gate => Prepared {
            kind,
            spec: AppSpec::gated("echo", policy),
            origin: None,
        },
        Kind::Gateway => {
            let origin = Echoing::start(ANSWER).await;
            Prepared {
                kind,
                spec: AppSpec::gateway(with_upstream(policy, &origin.url())),
                origin: Some(origin),
            }
        }
    }
}

/// The policy, where all routes have this upstream.
fn with_upstream(policy: &str, url: &str) -> String {
    let upstream = "[defaults]\nupstream = \"origin\"\n";
    let policy = if policy.contains("[defaults]\n") {
        policy.replace("[defaults]\n", upstream)
    } else {
        format!("{upstream}{policy}")
    };
    format!("[upstream.origin]\nurl = \"{url}\"\n{policy}")
}

impl Prepared {
    /// Serves it on `host`.
    pub async fn on(self, host: &dyn Host) -> Front {
        let app = self.spec.write();
        let running = host.start(&app).await;
        self.running(app, running)
    }

    /// Serves it by this clock, with instances that are kept ([`clocked::start`]).
    pub async fn by(self, clock: &Clock<'_>) -> Front {
        self.served(clock, How::kept()).await
    }

    /// Serves it by this clock, in this way.
    pub async fn served(self, clock: &Clock<'_>, how: How) -> Front {
        let app = self.spec.write();
        let running = clocked::serve(&app, clock, how).await;
        self.running(app, running)
    }

    fn running(self, app: App, running: Running) -> Front {
        Front {
            kind: self.kind,
            app,
            running,
            origin: self.origin,
        }
    }
}

impl Front {
    /// Sends it. What is behind tells of it.
    pub async fn send(&self, ask: Ask) -> Answer {
        let answer = ask.header("x-tell", "").send(self.running.address).await;
        self.is_sound(&answer);
        answer
    }

    /// Sends these bytes. What is behind tells only of what has the field `x-tell`.
    pub async fn send_bytes(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let answer = send_bytes(self.running.address, bytes.as_ref()).await;
        self.is_sound(&answer);
        answer
    }

    /// What holds for every answer: a refusal is a problem document that nothing keeps.
    fn is_sound(&self, answer: &Answer) {
        if answer.status < 400 || answer.header("content-type") != Some(PROBLEM) {
            return;
        }
        let problem = answer.json();
        assert_eq!(
            problem["status"], answer.status,
            "{:?}: {problem}",
            self.kind
        );
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{problem}"
        );
    }

    /// How many requests have come through to what is behind.
    pub async fn reached(&self) -> usize {
        self.has_told().await;
        self.reached_so_far()
    }

    /// What is behind tells by its log, where it is no origin of ours.
    async fn has_told(&self) {
        if self.origin.is_none() {
            self.running.whole_log().await;
        }
    }

    /// How many requests are known to have come through.
    pub fn reached_so_far(&self) -> usize {
        match &self.origin {
            Some(origin) => origin.count(),
            None => clocked::events(&self.running, "reached").len(),
        }
    }

    /// How many of the bodies that began to come through came through as a whole. The service reads them
    /// at `…/trailers`.
    pub async fn whole_bodies(&self) -> usize {
        self.has_told().await;
        match &self.origin {
            Some(origin) => origin.whole_bodies(),
            None => {
                let ended = clocked::events(&self.running, "body");
                ended.iter().filter(|body| body["whole"] == true).count()
            }
        }
    }

    /// How many bytes of bodies have come through.
    pub async fn body_bytes(&self) -> u64 {
        self.has_told().await;
        match &self.origin {
            Some(origin) => origin.body_bytes(),
            None => {
                let ended = clocked::events(&self.running, "body");
                ended.iter().filter_map(|body| body["bytes"].as_u64()).sum()
            }
        }
    }

    /// Where the origin is, if there is one.
    pub fn origin_address(&self) -> Option<String> {
        Some(self.origin.as_ref()?.authority())
    }

    /// Another host that serves the same application, on the same store.
    pub async fn another(&self, clock: &Clock<'_>, how: How) -> Running {
        clocked::serve(&self.app, clock, how).await
    }
}

/// The media type of refusals.
pub const PROBLEM: &str = "application/problem+json";

/// The class of a refusal.
pub fn class(answer: &Answer) -> String {
    let problem = answer.json();
    let class = problem["type"].as_str().unwrap_or_default();
    class.rsplit(':').next().unwrap_or_default().to_owned()
}

/// All values of a field of the answer.
pub fn values<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let of_name = answer.headers.iter().filter(|(known, _)| known == name);
    of_name.map(|(_, value)| value.as_str()).collect()
}
