//! A world, and the truth about what happened in it.

use super::credentials::{Credential, Purse, Token, stored};
use super::draw::Draw;
use super::issuers::{self, Issuer};
use super::origins::{self, Origins};
use super::plan::{Event, plan};
use super::setting::{ApiKey, Setting};
use super::timeline::Timeline;
use crate::sim::client::Answer;
use crate::sim::executor::{Owner, WORLD};
use crate::sim::gate::{Behind, Gate};
use crate::sim::message::Failure;
use crate::sim::store::Calls;
use crate::sim::world::{BEGIN_S, Line, World};
use doorward_token::UnixTime;
use doorward_token::api_key::KeyRecord;
use doorward_token::revocation::RevocationEntry;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// A request, and what became of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// By which everybody knows it.
    pub mark: String,
    /// Its method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The rule of its path.
    pub route: Option<usize>,
    /// What it presents.
    pub credential: Credential,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether it sends one.
    pub has_body: bool,
    /// Whether the client leaves in the middle of it.
    pub is_cut: bool,
    /// When it was sent.
    pub sent: Duration,
    /// Which instance served it.
    pub instance: Owner,
    /// When the client had its answer, or left.
    pub over: Option<Duration>,
    /// What the client got; `None`: it left.
    pub answer: Option<Result<Answer, Failure>>,
    /// Whether the instance had ended by then.
    pub is_lost: bool,
    /// What a reader of the store could see of the issuer's keys, from a while before up to then.
    pub records: Vec<Option<RecordSeen>>,
}

/// What the store says of an issuer's keys.
#[derive(Clone, Debug)]
pub struct RecordSeen {
    /// Which ones there are.
    pub keys: Vec<String>,
    /// When they were fetched.
    pub fetched_at: u64,
    /// For how long they are fresh.
    pub fresh_s: u64,
}

/// Something that was taken back.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// When.
    pub at: Duration,
    /// The same, as the issuer counts.
    pub at_s: u64,
    /// Of which issuer.
    pub issuer: usize,
    /// What.
    pub what: What,
}

/// What was taken back.
#[derive(Clone, Debug)]
pub enum What {
    /// A token.
    Token(String),
    /// What a subject got by then.
    Subject(String),
    /// A session.
    Session(String),
    /// All that was issued by then.
    Issuer,
}

/// How long before a request what was in the store is of interest.
pub const RECORDS_FROM: Duration = Duration::from_secs(8);
/// How long a client waits at most.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A world, and the truth about what happened in it.
pub struct Story {
    /// What stays as it is.
    pub setting: Setting,
    /// Who issues tokens.
    pub issuers: Vec<Rc<Issuer>>,
    /// Who is behind the gate.
    pub origins: Rc<Origins>,
    /// Whether the store works.
    pub store_works: Timeline<bool>,
    /// When the clock was set, and by how many seconds.
    pub jumps: RefCell<Vec<(Duration, i64)>>,
    /// What was taken back.
    pub revoked: RefCell<Vec<Revoked>>,
    /// Which API keys were in the store.
    pub api_keys: BTreeMap<String, Timeline<bool>>,
    /// What was asked.
    pub asked: RefCell<Vec<Asked>>,
    /// All tokens.
    pub tokens: RefCell<Vec<Rc<Token>>>,
    /// What the gate told.
    pub log: RefCell<Vec<Line>>,
    world: Rc<World>,
    gate: Rc<Gate>,
    purse: RefCell<Purse>,
    open: Cell<usize>,
}

impl Story {
    /// What happens in the world of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Rc<Self> {
        let mut draw = Draw::new(seed);
        let setting = Setting::drawn(&mut draw, BEGIN_S);
        let world = World::new(seed, true);
        let issuers = setting
            .issuers
            .iter()
            .map(|issuer| Issuer::at(&world, issuer));
        let issuers: Vec<_> = issuers.collect();
        let hosts = match setting.is_gateway {
            true => &["a.example", "b.example", "c.example", "d.example"][..],
            false => &[""],
        };
        let origins = Origins::at(&world, hosts, draw.apart());
        let behind = match setting.is_gateway {
            true => Behind::Upstreams,
            false => Behind::Next(origins.peer("")),
        };
        let store = world.store("default");
        store.lag.set(setting.lag);
        store.latency.set(setting.latency);
        let mut api_keys = BTreeMap::new();
        for key in stored(&setting) {
            put(&world, &key);
            api_keys.insert(key.id.clone(), Timeline::new(true));
        }
        let plan = plan(&mut draw, &setting);
        let story = Rc::new(Self {
            gate: Gate::new(&world, setting.component(), behind),
            issuers: issuers.clone(),
            origins,
            store_works: Timeline::new(true),
            jumps: RefCell::default(),
            revoked: RefCell::default(),
            api_keys,
            asked: RefCell::default(),
            tokens: RefCell::default(),
            log: RefCell::default(),
            purse: RefCell::default(),
            open: Cell::new(0),
            setting,
            world: Rc::clone(&world),
        });
        let teller = Rc::clone(&story);
        world.executor.run(async move { teller.happen(plan).await });
        // What is done after the last response.
        world.executor.run_for(Duration::from_secs(90));
        story.gate.end_instances();
        world.executor.clear();
        for host in issuers
            .iter()
            .map(|issuer| issuer.host.as_str())
            .chain(hosts.iter().copied())
        {
            world.vanish(host);
        }
        story.log.replace(world.log());
        story.tokens.replace(story.purse.take().tokens);
        story
    }

    /// How often something that is left holds the world, beside this story, its gate and its origins.
    #[must_use]
    pub fn left(&self) -> usize {
        Rc::strong_count(&self.world) - 3
    }

    async fn happen(self: &Rc<Self>, plan: Vec<(Duration, Event)>) {
        for (at, event) in plan {
            let now = self.world.executor.now();
            if at > now {
                self.world.executor.sleep(at - now).await;
            }
            self.happens(event);
        }
        while self.open.get() > 0 {
            self.world.executor.sleep(Duration::from_secs(1)).await;
        }
    }

    fn happens(self: &Rc<Self>, event: Event) {
        let now = self.world.executor.now();
        match event {
            Event::Ask(draw) => {
                self.open.set(self.open.get() + 1);
                let story = Rc::clone(self);
                self.world.executor.spawn(WORLD, async move {
                    story.ask(draw).await;
                    story.open.set(story.open.get() - 1);
                });
            }
            Event::Rotate(place) => self.issuers[place].rotate(now),
            Event::Withdraw(place) => {
                self.issuers[place].withdraw(now);
                let keys = self.issuers[place].published.newest().unwrap_or_default();
                let mut purse = self.purse.borrow_mut();
                let is_gone = |token: &&Rc<Token>| {
                    let by_issuer = token.key.starts_with(&self.issuers[place].name);
                    by_issuer && !keys.contains(&token.key)
                };
                let gone: Vec<_> = purse.tokens.iter().filter(is_gone).cloned().collect();
                purse.taken_back.extend(gone);
            }
            Event::Issuer(place, mut draw) => {
                let issuer = &self.issuers[place];
                let is_good = issuer
                    .health
                    .newest()
                    .is_some_and(|health| health.is_good());
                let keys = issuer.published.newest().unwrap_or_default();
                let health = match is_good || draw.one_in(3) {
                    true => issuers::Health::drawn(&mut draw, &keys),
                    false => issuers::Health::Answers(Duration::from_millis(draw.of(&[0, 80]))),
                };
                issuer.health.set(now, health);
            }
            Event::Origin(mut draw) => {
                let hosts = self.origins.hosts();
                let one = draw.below(hosts.len());
                let all = draw.one_in(3);
                let bad = origins::Health::drawn(&mut draw);
                let keeps = draw.one_in(3);
                for (place, host) in hosts.iter().enumerate() {
                    if (all || place == one)
                        && let Some(timeline) = self.origins.health(host)
                    {
                        let works = timeline.newest() == Some(origins::Health::Works);
                        let next = if works || keeps {
                            bad.clone()
                        } else {
                            origins::Health::Works
                        };
                        timeline.set(now, next);
                    }
                }
            }
            Event::Store(mut draw) => {
                let works = self.store_works.newest() == Some(true);
                let calls = match works {
                    true => draw.of(&[Calls::Fail, Calls::Hang]),
                    false => Calls::Work,
                };
                self.store_works.set(now, !works);
                self.world.store("default").calls(calls);
            }
            Event::Revoke(draw) => self.revoke(draw, now),
            Event::ApiKey(mut draw) => {
                let keys = stored(&self.setting);
                if let Some(key) = keys.get(draw.below(keys.len()))
                    && let Some(timeline) = self.api_keys.get(&key.id)
                {
                    let is_there = timeline.newest() == Some(true);
                    match is_there {
                        true => self
                            .world
                            .store("default")
                            .take(&KeyRecord::entry_name(&key.id)),
                        false => put(&self.world, key),
                    }
                    timeline.set(now, !is_there);
                }
            }
            Event::SetClock(by_s) => {
                self.jumps.borrow_mut().push((now, by_s));
                self.world.set_clock(by_s);
            }
            Event::EndInstances => self.gate.end_instances(),
        }
    }

    fn revoke(&self, mut draw: Draw, at: Duration) {
        let mut purse = self.purse.borrow_mut();
        if purse.tokens.is_empty() {
            return;
        }
        let token = draw.of(&purse.tokens);
        purse.taken_back.push(Rc::clone(&token));
        let at_s = self.world.wall_s();
        let (issuer, url) = (token.issuer, self.setting.issuers[token.issuer].url());
        let (now, end) = (UnixTime(at_s), UnixTime(at_s + 200_000));
        let (what, entry) = match draw.below(7) {
            0 => (What::Issuer, RevocationEntry::issuer(&url, now, end)),
            1 => {
                let session = token.session.clone();
                let entry = RevocationEntry::session(&url, &session, end);
                (What::Session(session), entry)
            }
            2 | 3 => {
                let subject = token.subject.clone();
                let entry = RevocationEntry::subject(&url, &subject, now, end);
                (What::Subject(subject), entry)
            }
            _ => {
                let id = token.id.clone();
                let entry = RevocationEntry::token(&url, &id, end);
                (What::Token(id), entry)
            }
        };
        self.world.store("default").put(&entry.name(), "");
        self.revoked.borrow_mut().push(Revoked {
            at,
            at_s,
            issuer,
            what,
        });
    }

    /// What is presented for the next request.
    pub(super) fn credential(&self, draw: &mut Draw) -> Credential {
        let mut purse = self.purse.borrow_mut();
        purse.credential(draw, &self.setting, &self.issuers, self.world.wall_s())
    }

    /// The world.
    pub(super) fn world(&self) -> &Rc<World> {
        &self.world
    }

    /// The gate.
    pub(super) fn gate(&self) -> &Rc<Gate> {
        &self.gate
    }

    /// What the clock on the wall showed at its least and its most between these times, in seconds.
    #[must_use]
    pub fn wall_s(&self, from: Duration, to: Duration) -> (u64, u64) {
        let jumps = self.jumps.borrow();
        let shown = |at: Duration, by_s: i64| {
            let passed_ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
            let began_s = i64::try_from(BEGIN_S).unwrap_or(i64::MAX);
            u64::try_from(began_s + by_s + passed_ms.div_euclid(1000)).unwrap_or(0)
        };
        let before = jumps.iter().filter(|(at, _)| *at < from);
        let mut by_s = before.map(|(_, by_s)| by_s).sum();
        let mut all = vec![shown(from, by_s)];
        for (at, jump) in jumps.iter().filter(|(at, _)| (from..=to).contains(at)) {
            all.push(shown(*at, by_s));
            by_s += jump;
            all.push(shown(*at, by_s));
        }
        all.push(shown(to, by_s));
        let least = all.iter().min().copied().unwrap_or_default();
        (least, all.iter().max().copied().unwrap_or_default())
    }

    /// By how much the clock was set back in all between these times.
    #[must_use]
    pub fn set_back(&self, from: Duration, to: Duration) -> Duration {
        let jumps = self.jumps.borrow();
        let within = jumps.iter().filter(|(at, _)| (from..=to).contains(at));
        Duration::from_secs(within.map(|(_, by)| by.min(&0).unsigned_abs()).sum())
    }

    /// Whether nobody set the clock between these times.
    #[must_use]
    pub fn clock_is_right(&self, from: Duration, to: Duration) -> bool {
        let jumps = self.jumps.borrow();
        !jumps.iter().any(|(at, _)| (from..=to).contains(at))
    }
}

fn put(world: &Rc<World>, key: &ApiKey) {
    let record = json!({
        "version": 1,
        "id": key.id,
        "name": key.name,
        "digest": key.digest,
        "scopes": key.scope,
        "created_at": BEGIN_S,
        "expires_at": key.expires_at,
    });
    world
        .store("default")
        .put(&KeyRecord::entry_name(&key.id), record.to_string());
}
