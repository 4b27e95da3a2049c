//! A case in virtual time.

use super::outcome::{Message, Outcome};
use super::words::{Reply, Sent, Then, Token};
use super::{Behind, Case, Exchange, Origin as Does, Places, Stage, Step, echo};
use crate::sim::client::{Answer, Sent as SimSent};
use crate::sim::component::Component;
use crate::sim::gate::{Behind as SimBehind, Gate};
use crate::sim::issuer::Issuer;
use crate::sim::message::{Failure, Manner};
use crate::sim::origin::{Origin, Reply as SimReply, Seen};
use crate::sim::world::World;
use doorward_gate::platform::FieldList;
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

const ORIGIN: &str = "127.0.0.1:8001";
const NOBODY: &str = "nobody.invalid";
const GATEWAY: &str = "127.0.0.1:8000";
const ISSUER: &str = "keys.example";
/// How long a body may take to reach its end after the answer.
const SETTLES: Duration = Duration::from_millis(10);

/// Where a case runs.
struct Scene {
    world: Rc<World>,
    issuer: Rc<Issuer>,
    origin: Rc<Origin>,
    gate: Rc<Gate>,
    places: Places,
    manner: Manner,
    keys: usize,
    first_token: String,
}

impl Scene {
    fn new(stage: &Stage, manner: Manner, keeps_time: bool) -> Self {
        let world = World::new(1, false);
        let issuer = Issuer::at(&world, ISSUER, &key(0));
        let origin = Origin::at(&world, ORIGIN);
        match stage.origin {
            Does::Refuses => world.vanish(ORIGIN),
            Does::IsDeaf => world.deafen(ORIGIN),
            Does::Serves | Does::IsNobody | Does::IsNotGranted => {}
        }
        let at = match stage.origin {
            Does::IsNobody => NOBODY,
            _ => ORIGIN,
        };
        let places = Places {
            issuer: issuer.url.clone(),
            keys: issuer.keys_url(),
            audience: "api".to_owned(),
            origin: format!("http://{at}"),
            gateway: GATEWAY.to_owned(),
        };
        let mut component = Component::new(&stage.policy(&places)).on(manner);
        component.keeps_time = keeps_time;
        if !stage.has_policy {
            component.files.clear();
        }
        if !stage.has_store {
            component.stores.clear();
        }
        for (name, value) in &stage.variables {
            component = component.secret(name, value);
        }
        if stage.origin == Does::IsNotGranted {
            component.outbound = Some([ISSUER.to_owned()].into());
        }
        for name in &stage.names {
            world.store("default").put(name, "");
        }
        let behind = match stage.behind {
            Behind::Echo => SimBehind::Next(echo::peer(&world)),
            Behind::Origin => SimBehind::Upstreams,
            Behind::Linked => SimBehind::Linked(echo::linked()),
        };
        Self {
            gate: Gate::new(&world, component, behind),
            first_token: token(&issuer, &world, 0),
            world,
            issuer,
            origin,
            places,
            manner,
            keys: 0,
        }
    }

    fn sent(&self, sent: &Sent) -> SimSent {
        let mut request = SimSent::new(&sent.method, &sent.target)
            .to(GATEWAY)
            .plain()
            .from(Some("127.0.0.1:50000"));
        match sent.token {
            Token::None => {}
            Token::New => request = request.bearer(&token(&self.issuer, &self.world, self.keys)),
            Token::First => request = request.bearer(&self.first_token),
        }
        for (name, value) in &sent.fields {
            request = request.field(name, value);
        }
        if let Some(length) = sent.length {
            request = request.field("content-length", length.to_string());
        }
        if let Some(pieces) = &sent.body {
            let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec());
            request = request.pieces(pieces.collect(), Duration::ZERO);
            for (name, value) in &sent.trailers {
                request = request.trailer(name, value);
            }
            if sent.is_cut {
                request = request.cut();
            }
        }
        request
    }

    fn exchange(&self, exchange: &Exchange) -> Outcome {
        self.origin.next(reply(&exchange.reply));
        let before = self.origin.count();
        let (gate, sent) = (Rc::clone(&self.gate), self.sent(&exchange.sent));
        let world = &self.world;
        let answer = world.executor.run(async move { gate.send(sent).await });
        world.executor.run_for(SETTLES);
        let seen = self.origin.seen();
        let seen = seen.iter().skip(before).map(|seen| self.seen(seen));
        Outcome {
            seen: seen.collect(),
            got: self.got(answer),
        }
    }

    fn seen(&self, seen: &Seen) -> Message {
        let first = format!("{} {}", seen.method, seen.target);
        let (fields, trailers) = (text(&seen.fields), whole(&seen.trailers));
        Message::of(&first, &fields, &seen.body, &trailers, &self.places)
            .whole(seen.trailers.is_ok())
    }

    fn got(&self, answer: Result<Answer, Failure>) -> Option<Message> {
        let Ok(answer) = answer else {
            // The host answers in its own words.
            return Some(Message::of("500", &[], &[], &[], &self.places));
        };
        let (fields, trailers) = (text(&answer.fields), whole(&answer.trailers));
        let first = answer.status.to_string();
        let message = Message::of(&first, &fields, &answer.body, &trailers, &self.places);
        Some(message.whole(answer.is_whole()))
    }

    fn at_once(&self, sent: &Sent, times: usize, status: u16) -> Result<(), String> {
        for _ in 0..times {
            self.origin.next(SimReply::default());
        }
        let answers: Rc<std::cell::RefCell<Vec<u16>>> = Rc::default();
        for _ in 0..times {
            let (gate, sent) = (Rc::clone(&self.gate), self.sent(sent));
            let answers = Rc::clone(&answers);
            let owner = crate::sim::executor::WORLD;
            self.world.executor.spawn(owner, async move {
                let answer = gate.send(sent).await;
                let status = answer.map_or(0, |answer| answer.status);
                answers.borrow_mut().push(status);
            });
        }
        self.world.executor.run_for(Duration::from_secs(5));
        let answers = answers.borrow();
        match *answers == vec![status; times] {
            true => Ok(()),
            false => Err(format!("{answers:?} at the same time")),
        }
    }
}

fn token(issuer: &Issuer, world: &World, keys: usize) -> String {
    issuer.token_by(&key(keys), world, json!({ "scope": "read" }))
}

/// The name of the issuer's key after so many changes.
fn key(number: usize) -> String {
    format!("key-{number}")
}

fn text(entries: &FieldList) -> Vec<(String, String)> {
    let text = |(name, value): (&str, &[u8])| {
        (name.to_owned(), String::from_utf8_lossy(value).into_owned())
    };
    entries.iter().map(text).collect()
}

fn whole(trailers: &Result<FieldList, Failure>) -> Vec<(String, String)> {
    trailers.as_ref().map(text).unwrap_or_default()
}

fn reply(said: &Reply) -> SimReply {
    let mut reply = match (said.status, said.then) {
        (Some(status), _) => SimReply::status(status),
        (None, Then::FallsSilent) => return SimReply::never(),
        (None, _) => {
            let mut reply = SimReply::failure(Failure::ConnectionTerminated);
            reply.reads = true;
            return reply;
        }
    };
    reply = reply.body(said.body);
    for (name, value) in &said.fields {
        reply = reply.field(name, value);
    }
    if said.is_chunked {
        reply = reply.chunked();
    }
    for (name, value) in &said.trailers {
        reply = reply.trailer(name, value);
    }
    match said.then {
        Then::Keeps => reply,
        Then::Ends => reply.cut(),
        Then::FallsSilent => reply.silent(),
    }
}

/// What becomes of every request of a case, and what is not as the case says; empty where all is.
#[must_use]
pub fn run(case: &Case, manner: Manner, keeps_time: bool) -> (Vec<Outcome>, String) {
    let mut scene = Scene::new(&case.stage, manner, keeps_time);
    let (mut outcomes, mut differs) = (Vec::new(), String::new());
    for step in &case.steps {
        let told = match step {
            Step::Ask(exchange) => {
                let outcome = scene.exchange(exchange);
                let told = outcome.differs(&exchange.sees, &exchange.gets, scene.manner);
                outcomes.push(outcome);
                told
            }
            step => scene.other(step).err().unwrap_or_default(),
        };
        if !told.is_empty() {
            differs.push_str(&format!("{}: {told}\n", case.name));
        }
    }
    (outcomes, differs)
}

impl Scene {
    fn other(&mut self, step: &Step) -> Result<(), String> {
        let executor = &self.world.executor;
        match step {
            Step::Ask(_) => {}
            Step::AtOnce(sent, times, status) => return self.at_once(sent, *times, *status),
            Step::Later(seconds) => {
                let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
                self.world.set_clock(seconds);
            }
            Step::Revoke => {
                let name = self.places.revocation(self.world.wall_s());
                self.world.store("default").put(&name, "");
            }
            Step::Rotate => {
                self.keys += 1;
                self.issuer.publish(&[&key(self.keys)]);
            }
            Step::KeysAsked(times) => {
                executor.run_for(SETTLES);
                let asked = self.issuer.origin.count();
                if asked != *times {
                    return Err(format!(
                        "the keys were asked for {asked} times, not {times}"
                    ));
                }
            }
            Step::KeysAskedByEach => {
                let asked = self.issuer.origin.count();
                let mut loaded = self.world.told("keys-loaded");
                loaded.retain(|line| line.field("source") == "issuer");
                if asked != loaded.len() || asked == 0 {
                    return Err(format!("asked {asked} times, loaded {}", loaded.len()));
                }
            }
            Step::Tells(words) => {
                executor.run_for(SETTLES);
                let log = self.world.log();
                let mut lines = log.iter().map(|line| self.places.named(&line.text));
                if !lines.any(|line| words.iter().all(|word| line.contains(word))) {
                    return Err(format!("no line has all of {words:?}: {log:#?}"));
                }
            }
        }
        Ok(())
    }
}
