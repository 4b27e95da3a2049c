//! Issuers whose keys come and go, and who fail in every way.

use super::draw::Draw;
use super::setting::IssuerSetting;
use super::timeline::Timeline;
use crate::mint::SigningKey;
use crate::sim::body::Body;
use crate::sim::message::{Failure, Fields, Request, Response};
use crate::sim::world::{Answer, World};
use doorward_gate::platform::{FieldList, Stop};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// How an issuer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers, after so long.
    Answers(Duration),
    /// It says that there are no keys.
    Empty,
    /// It says what it said then.
    Stale(Vec<String>),
    /// With a status that is no answer.
    Status(u16),
    /// With a page.
    Page,
    /// With half of the truth.
    Cut,
    /// Nobody listens.
    Refuses,
    /// It never answers.
    Hangs,
}

impl Health {
    /// One that is drawn, of an issuer with these keys.
    pub fn drawn(draw: &mut Draw, keys: &[String]) -> Self {
        match draw.below(10) {
            0 => Self::Answers(Duration::from_millis(draw.of(&[1500, 4500]))),
            1 => Self::Answers(Duration::from_secs(7)),
            2 => Self::Empty,
            3 => Self::Stale(keys.to_vec()),
            4 => Self::Page,
            5 => Self::Cut,
            6 => Self::Refuses,
            7 => Self::Hangs,
            _ => Self::Status(draw.of(&[500, 503, 404])),
        }
    }

    /// Whether it gives what there is, and at once.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Answers(after) if *after <= Duration::from_secs(2))
    }
}

/// A key set that was asked for.
#[derive(Clone, Debug)]
pub struct Served {
    /// When.
    pub at: Duration,
    /// What was answered; `None`: nothing that says which keys there are.
    pub keys: Option<Vec<String>>,
}

/// An issuer.
pub struct Issuer {
    /// What stays as it is.
    pub name: String,
    /// Its host.
    pub host: String,
    /// The keys that it signs with.
    pub published: Timeline<Vec<String>>,
    /// How it is.
    pub health: Timeline<Health>,
    /// What it was asked for.
    pub served: RefCell<Vec<Served>>,
    made: Cell<usize>,
    has_tags: bool,
    max_age_s: Option<u64>,
}

impl Issuer {
    /// One that answers.
    pub fn at(world: &Rc<World>, setting: &IssuerSetting) -> Rc<Self> {
        let first = vec![format!("{}k0", setting.name)];
        let issuer = Rc::new(Self {
            name: setting.name.clone(),
            host: setting.host.clone(),
            published: Timeline::new(first),
            health: Timeline::new(Health::Answers(Duration::ZERO)),
            served: RefCell::default(),
            made: Cell::new(1),
            has_tags: setting.has_tags,
            max_age_s: setting.max_age_s,
        });
        let (answering, within) = (Rc::clone(&issuer), Rc::clone(world));
        let peer = Rc::new(move |request: Request| {
            let (issuer, world) = (Rc::clone(&answering), Rc::clone(&within));
            Box::pin(async move { issuer.answer(&world, request).await }) as Answer
        });
        world.serve(&setting.host, peer);
        issuer
    }

    /// Publishes one more key.
    pub fn rotate(&self, now: Duration) {
        let made = self.made.get();
        self.made.set(made + 1);
        let mut keys = self.published.newest().unwrap_or_default();
        keys.push(format!("{}k{made}", self.name));
        self.published.set(now, keys);
    }

    /// Takes the oldest key out, and never goes without any.
    pub fn withdraw(&self, now: Duration) {
        if self.published.newest().is_none_or(|keys| keys.len() < 2) {
            self.rotate(now);
        }
        let keys = self.published.newest().unwrap_or_default();
        self.published
            .set(now, keys.get(1..).unwrap_or_default().to_vec());
    }

    async fn answer(&self, world: &Rc<World>, request: Request) -> Result<Response, Failure> {
        let now = world.executor.now();
        let target = request.target.clone().unwrap_or_default();
        let health = self.health.newest().unwrap_or(Health::Hangs);
        if target == "/.well-known/openid-configuration" {
            let url = format!("https://{}", self.host);
            let said = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
            return respond(world, &health, said.to_string(), FieldList::new()).await;
        }
        if target != "/keys" {
            let other = Health::Status(404);
            return respond(world, &other, String::new(), FieldList::new()).await;
        }
        let keys = match &health {
            Health::Empty => Vec::new(),
            Health::Stale(keys) => keys.clone(),
            _ => self.published.newest().unwrap_or_default(),
        };
        let says = matches!(
            health,
            Health::Answers(_) | Health::Empty | Health::Stale(_)
        );
        let keys = (says, keys);
        self.served.borrow_mut().push(Served {
            at: now,
            keys: keys.0.then(|| keys.1.clone()),
        });
        let tag = format!("\"{}\"", keys.1.join("-"));
        let mut fields = FieldList::of([("content-type", "application/json")]);
        if let Some(max_age_s) = self.max_age_s {
            fields.push("cache-control", format!("max-age={max_age_s}"));
        }
        if self.has_tags {
            fields.push("etag", &*tag);
        }
        let known = request.fields.values("if-none-match");
        if self.has_tags && says && known.contains(&tag.into_bytes()) {
            let delay = match health {
                Health::Answers(delay) => delay,
                _ => Duration::ZERO,
            };
            world.executor.sleep(delay).await;
            return Ok(made(world, 304, fields, Vec::new(), true));
        }
        let set: Vec<Value> = keys
            .1
            .iter()
            .filter_map(|key| SigningKey::ed25519(key).jwk())
            .collect();
        let said = json!({ "keys": set }).to_string();
        respond(world, &health, said, fields).await
    }
}

async fn respond(
    world: &Rc<World>,
    health: &Health,
    said: String,
    fields: FieldList,
) -> Result<Response, Failure> {
    world.executor.turn().await;
    match health {
        Health::Answers(delay) => {
            world.executor.sleep(*delay).await;
            Ok(made(world, 200, fields, said.into_bytes(), true))
        }
        Health::Empty | Health::Stale(_) => Ok(made(world, 200, fields, said.into_bytes(), true)),
        Health::Status(status) => Ok(made(world, *status, FieldList::new(), Vec::new(), true)),
        Health::Page => Ok(made(
            world,
            200,
            fields,
            b"<html>soon</html>".to_vec(),
            true,
        )),
        Health::Cut => {
            let half = said.into_bytes();
            let half = half.get(..half.len() / 2).unwrap_or_default().to_vec();
            Ok(made(world, 200, fields, half, false))
        }
        Health::Refuses => Err(Failure::ConnectionRefused),
        Health::Hangs => std::future::pending().await,
    }
}

/// A response with this body, which is whole or not.
pub fn made(
    world: &Rc<World>,
    status: u16,
    fields: FieldList,
    bytes: Vec<u8>,
    is_whole: bool,
) -> Response {
    let (mut sink, body) = Body::pipe(&world.executor, Failure::Incomplete);
    world
        .executor
        .spawn(crate::sim::executor::WORLD, async move {
            let taken = bytes.is_empty() || sink.write(bytes, &Stop::never()).await.is_some();
            if taken && is_whole {
                sink.finish(Ok(FieldList::new()));
            }
        });
    Response {
        status,
        fields: Fields::of(fields),
        body,
    }
}
