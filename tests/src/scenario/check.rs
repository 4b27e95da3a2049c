//! What has to be true of a world after all that happened in it.

use super::origins::{Arrival, ECHO, Health, MARK};
use super::reference::Judge;
use super::story::{Asked, Story};
use crate::sim::world::Line;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is wrong with it, in sentences.
#[must_use]
pub fn faults(story: &Story) -> Vec<String> {
    let mut check = Check::of(story);
    for asked in &*story.asked.borrow() {
        check.admission(asked);
        check.answer(asked);
    }
    for arrival in &*story.origins.arrivals.borrow() {
        check.arrival(arrival);
    }
    check.secrets();
    if story.left() > 0 {
        let left = story.left();
        check
            .faults
            .push(format!("{left} things of instances are left"));
    }
    let mut faults = check.faults;
    faults.extend(super::bounds::faults(story));
    faults
}

/// Reasons with which the gate must not refuse who has to be let in.
const REFUSALS: [&str; 11] = [
    "malformed-credential",
    "no-credential",
    "invalid-token",
    "invalid-credential",
    "insufficient-scope",
    "forbidden",
    "misconfigured",
    "keys-unavailable",
    "issuer-unavailable",
    "store-unavailable",
    "rate-limited",
];

struct Check<'s> {
    story: &'s Story,
    refused: BTreeMap<String, Line>,
    faults: Vec<String>,
}

impl Story {
    /// When a request came to whoever is behind the gate, if it did.
    #[must_use]
    pub fn let_in_at(&self, mark: &str) -> Option<Duration> {
        let arrivals = self.origins.arrivals.borrow();
        let its = arrivals
            .iter()
            .filter(|arrival| arrival.target.contains(mark));
        its.map(|arrival| arrival.at).min()
    }
}

impl<'s> Check<'s> {
    fn of(story: &'s Story) -> Self {
        let log = story.log.borrow();
        let refused = log.iter().filter(|line| line.field("event") == "refused");
        let by_mark = |line: &Line| {
            let mark = line.field("path").rsplit('/').next().map(str::to_owned);
            (mark.unwrap_or_default(), line.clone())
        };
        Self {
            story,
            refused: refused.map(by_mark).collect(),
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, asked: &Asked, what: &str) {
        let answered = asked.answer.as_ref().map(|answer| match answer {
            Ok(answer) => format!("{}", answer.status),
            Err(failure) => format!("{failure:?}"),
        });
        let told = self.refused.get(&asked.mark).map(|line| line.text.clone());
        self.faults.push(format!(
            "{what}: {} {} with {:?}, sent at {:?} to instance {}, over at {:?}: {answered:?}, {told:?}",
            asked.method, asked.target, asked.credential, asked.sent, asked.instance, asked.over
        ));
    }

    /// Nobody comes in who must not, and everybody who must.
    fn admission(&mut self, asked: &Asked) {
        let let_in = self.story.let_in_at(&asked.mark);
        if let Some(at) = let_in
            && let Some(why) = Judge::of(self.story, asked, at).must_be_refused()
        {
            self.fault(asked, &format!("let in at {at:?}, although {why}"));
        }
        let Some(over) = asked.over else {
            if !self.waits_for_service(asked) {
                self.fault(asked, "never answered");
            }
            return;
        };
        let told = self
            .refused
            .get(&asked.mark)
            .map(|line| line.field("class"));
        if asked.answer.is_some()
            && !asked.is_lost
            && told.is_some_and(|class| REFUSALS.contains(&class.as_str()))
            && Judge::of(self.story, asked, over).must_be_let_in()
        {
            self.fault(asked, "refused, although nothing speaks against it");
        }
    }

    /// Whether the next component has the request and says nothing, which it may.
    fn waits_for_service(&self, asked: &Asked) -> bool {
        let arrivals = self.story.origins.arrivals.borrow();
        let hangs =
            |arrival: &Arrival| arrival.as_if == Health::Hangs && arrival.mark() == asked.mark;
        !self.story.setting.is_gateway && arrivals.iter().any(hangs)
    }

    /// What a client gets is for nobody else.
    fn answer(&mut self, asked: &Asked) {
        let Some(Ok(answer)) = &asked.answer else {
            return;
        };
        let echo = answer.field(ECHO);
        let trailers = answer.trailers.clone().unwrap_or_default();
        let all = std::iter::once(echo.clone()).chain(
            trailers
                .into_iter()
                .map(|(_, value)| String::from_utf8_lossy(&value).into_owned()),
        );
        for said in all.filter(|said| !said.is_empty()) {
            if said != asked.mark {
                self.fault(asked, &format!("answered what {said} was to get"));
            }
        }
        let own = format!("[{}]", asked.mark);
        let is_own = answer
            .body
            .chunks(own.len())
            .all(|piece| piece == own.as_bytes());
        if !echo.is_empty() && !is_own {
            self.fault(asked, "answered a body that is not its own");
        }
        if echo.is_empty() && answer.text().contains(&asked.mark) {
            self.fault(asked, "an error says more than its class");
        }
        if answer.status == 500 && echo.is_empty() {
            self.fault(asked, "nobody can judge it");
        }
    }

    /// What an origin gets is one request, whole, and of whom it says.
    fn arrival(&mut self, arrival: &Arrival) {
        let asked = self.story.asked.borrow();
        let marks = arrival.folded(MARK);
        let Some(asked) = asked
            .iter()
            .find(|asked| Some(&asked.mark) == marks.first())
        else {
            return self.faults.push(format!("nobody asked that: {arrival:?}"));
        };
        let judge = Judge::of(self.story, asked, arrival.at);
        let (subject, issuer) = judge.identity().unzip();
        let expected = [("x-auth-subject", subject), ("x-auth-issuer", issuer)];
        for (name, value) in expected {
            let value: Vec<_> = value.into_iter().collect();
            if arrival.folded(name) != value {
                let seen = arrival.folded(name);
                self.fault(asked, &format!("{name} is {seen:?} in place of {value:?}"));
            }
        }
        if arrival
            .folded("x-auth-scope")
            .iter()
            .any(|scope| scope.contains("mallory"))
        {
            self.fault(asked, "a client says which scope it has");
        }
        for name in ["authorization", "x-api-key"] {
            if judge.identity().is_some() && !arrival.folded(name).is_empty() {
                self.fault(asked, &format!("{name} went on"));
            }
        }
        if arrival.target != asked.target || arrival.method != asked.method {
            self.fault(
                asked,
                &format!("became {} {}", arrival.method, arrival.target),
            );
        }
        let is_whole = matches!(&arrival.trailers, Some(Ok(_)));
        let same = match is_whole && asked.has_body {
            true => arrival.body == asked.body,
            false => asked.body.starts_with(&arrival.body),
        };
        // What comes with a GET that says nothing of it goes nowhere.
        let means_nothing = arrival.body.is_empty() && matches!(&*asked.method, "GET" | "HEAD");
        if !same && !means_nothing {
            self.fault(asked, "its body became another one");
        }
        if is_whole && asked.is_cut && !means_nothing {
            self.fault(asked, "half of its body passed for all of it");
        }
        if marks.iter().any(|mark| *mark != asked.mark) {
            self.fault(asked, &format!("came together with {marks:?}"));
        }
    }

    /// No credential is in any line.
    fn secrets(&mut self) {
        let log = self.story.log.borrow();
        let log: String = log.iter().map(|line| line.text.as_str()).collect();
        let signatures = self.story.tokens.borrow();
        let signatures = signatures
            .iter()
            .filter_map(|token| token.text.rsplit('.').next());
        let keys = self
            .story
            .setting
            .api_keys
            .iter()
            .map(|key| key.text.as_str());
        for secret in signatures.chain(keys) {
            if !secret.is_empty() && log.contains(secret) {
                self.faults.push(format!("the log has {secret}"));
            }
        }
    }
}
