//! Clients: what they send, how, and whether they stay.

use super::credentials::Credential;
use super::draw::Draw;
use super::origins::MARK;
use super::setting::ROUTES;
use super::story::{Asked, PATIENCE, RECORDS_FROM, RecordSeen, Story};
use crate::sim::client::Sent;
use serde_json::Value;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Fields with which a client would like to pass for somebody else.
const SPOOFS: [&str; 7] = [
    "x-auth-subject",
    "X-Auth-Subject",
    "x_auth_subject",
    "X.Auth-Subject",
    "x-auth-issuer",
    "x-auth_scope",
    "x-auth-scope",
];

impl Story {
    /// Asks once, and keeps what came of it.
    pub(super) async fn ask(&self, mut draw: Draw) {
        let place = self.asked.borrow().len();
        let mark = format!("m{place:05}x");
        let credential = self.credential(&mut draw);
        let route = (!draw.one_in(60)).then(|| draw.below(ROUTES.len()));
        let (method, target) = match route {
            None => ("GET", format!("/nowhere/{mark}")),
            Some(route) => {
                let route = &ROUTES[route];
                let owner = match &credential {
                    Credential::Token(token) if !draw.one_in(9) => token.subject.clone(),
                    _ => "somebody".to_owned(),
                };
                let target = match route.is_owned {
                    true => format!("{}{owner}/{mark}", route.prefix),
                    false => format!("{}{mark}", route.prefix),
                };
                (draw.of(route.methods), target)
            }
        };
        let has_body = match method {
            "POST" | "PUT" => !draw.one_in(4),
            _ => draw.one_in(12),
        };
        let mut sent = Sent::new(method, &target).field(MARK, &mark);
        let address = format!("192.0.2.{}:50000", draw.between(1, 9));
        sent = sent.from(Some(&address));
        for (name, value) in credential.fields() {
            sent = sent.field(name, value);
        }
        for _ in 0..draw.below(3) {
            sent = sent.field(draw.of(&SPOOFS), "mallory");
        }
        let (mut body, mut is_cut) = (Vec::new(), false);
        if has_body {
            let pause = Duration::from_millis(draw.of(&[0, 0, 10, 300, 2000]));
            let repeats = draw.of(&[1, 5, 900, 3000]);
            let piece = format!("[{mark}]").repeat(repeats).into_bytes();
            let pieces = vec![piece; draw.below(4)];
            body = pieces.concat();
            sent = sent.pieces(pieces, pause).trailer(MARK, &mark);
            if draw.one_in(3) {
                sent = sent.trailer(draw.of(&SPOOFS), "mallory");
            }
            let has_length = draw.one_in(3);
            if has_length {
                sent = sent.with_length();
            }
            // Of a body without a byte, which says so, nothing can be cut off.
            is_cut = draw.one_in(8) && !(has_length && body.is_empty());
            if is_cut {
                sent = sent.cut();
            }
        }
        let stays = match draw.one_in(10) {
            true => draw.up_to(Duration::from_secs(2)),
            false => PATIENCE,
        };
        self.asked.borrow_mut().push(Asked {
            mark,
            method: method.to_owned(),
            target,
            route,
            credential,
            body,
            has_body,
            is_cut,
            sent: self.world().executor.now(),
            instance: 0,
            over: None,
            answer: None,
            is_lost: false,
            records: Vec::new(),
        });
        self.follow(place, sent, stays).await;
    }

    async fn follow(&self, place: usize, sent: Sent, stays: Duration) {
        let tell = |instance| self.change(place, |asked| asked.instance = instance);
        let answer = {
            let mut sending = pin!(self.gate().send_telling(sent, tell));
            let mut leaving = pin!(self.world().executor.sleep(stays));
            poll_fn(|context| match sending.as_mut().poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => leaving.as_mut().poll(context).map(|()| None),
            })
            .await
        };
        let executor = &self.world().executor;
        let over = Some(executor.now());
        let is_stuck = answer.is_none() && stays == PATIENCE;
        self.change(place, |asked| {
            asked.over = over.filter(|_| !is_stuck);
            asked.answer = answer;
            asked.is_lost = executor.has_ended(asked.instance);
        });
        let records = self.records(place);
        self.change(place, |asked| asked.records = records);
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Asked)) {
        if let Some(asked) = self.asked.borrow_mut().get_mut(place) {
            change(asked);
        }
    }

    fn records(&self, place: usize) -> Vec<Option<RecordSeen>> {
        let asked = self.asked.borrow();
        let Some(asked) = asked.get(place) else {
            return Vec::new();
        };
        let Credential::Token(token) = &asked.credential else {
            return Vec::new();
        };
        let name = format!("doorward/keys/{}", self.issuers[token.issuer].name);
        let from = asked.sent.saturating_sub(RECORDS_FROM);
        let seen = self.world().store("default").seen_since(&name, from);
        seen.into_iter().map(|bytes| read(&bytes?)).collect()
    }
}

fn read(bytes: &[u8]) -> Option<RecordSeen> {
    let record: Value = serde_json::from_slice(bytes).ok()?;
    let number = |name: &str| record.get(name).and_then(Value::as_u64);
    let set: Value = serde_json::from_str(record.get("body")?.as_str()?).ok()?;
    let keys = set.get("keys")?.as_array()?.iter();
    let name = |key: &Value| key.get("kid").and_then(Value::as_str).map(str::to_owned);
    Some(RecordSeen {
        keys: keys.filter_map(name).collect(),
        fetched_at: number("fetched_at")?,
        fresh_s: number("fresh_s")?,
    })
}
