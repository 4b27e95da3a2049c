//! A case over sockets.

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::clocked::{self, Clock};
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer, KEYS, Key};
use doorward_runtime_tests::origin::{Deaf, Origin, Reply as OriginReply, Seen};
use doorward_runtime_tests::raw::{Broken, Raw, Response};
use doorward_tests::contract::outcome::{Message, Outcome};
use doorward_tests::contract::{
    Behind, Exchange, Origin as Does, Places, Reply, SUBJECT, Sent, Stage, Step, Then, Token,
};

/// A name of nobody (RFC 6761 §6.4).
const NOBODY: &str = "http://nobody.invalid";

/// Where a case runs.
pub struct Scene<'h> {
    clock: Clock<'h>,
    issuer: Issuer,
    origin: Origin,
    running: Running,
    places: Places,
    first_token: String,
    keys: usize,
    app: App,
    _deaf: Option<Deaf>,
}

impl<'h> Scene<'h> {
    pub async fn new(host: &'h dyn Host, stage: &Stage) -> Self {
        let clock = clocked::clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        let origin = Origin::start(OriginReply::ok("")).await;
        let deaf = match stage.origin {
            Does::IsDeaf => Some(Deaf::start().await),
            _ => None,
        };
        let at = match (&deaf, stage.origin) {
            (Some(deaf), _) => deaf.url(),
            (None, Does::IsNobody) => NOBODY.to_owned(),
            (None, _) => origin.url(),
        };
        let mut places = Places {
            issuer: issuer.url(),
            keys: format!("{}{KEYS}", issuer.url()),
            audience: AUDIENCE.to_owned(),
            origin: at,
            gateway: String::new(),
        };
        let app = spec(stage, &places).write();
        if stage.origin == Does::Refuses {
            origin.stop().await;
        }
        let running = clocked::serve(&app, &clock, How::one()).await;
        places.gateway = running.address.to_string();
        Self {
            clock,
            first_token: issuer.token(SUBJECT, "read"),
            issuer,
            origin,
            running,
            places,
            keys: 0,
            app,
            _deaf: deaf,
        }
    }

    /// The request, byte for byte.
    fn bytes(&self, sent: &Sent) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            sent.method, sent.target, self.running.address
        );
        let mut field = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
        match sent.token {
            Token::None => {}
            Token::New => {
                let token = self.issuer.token(SUBJECT, "read");
                field("Authorization", &format!("Bearer {token}"));
            }
            Token::First => field("Authorization", &format!("Bearer {}", self.first_token)),
        }
        for (name, value) in &sent.fields {
            field(name, value);
        }
        if let Some(length) = sent.length {
            field("Content-Length", &length.to_string());
        }
        let is_chunked = sent.body.is_some() && sent.length.is_none();
        if is_chunked {
            field("Transfer-Encoding", "chunked");
        }
        text.push_str("\r\n");
        for piece in sent.body.iter().flatten() {
            match is_chunked {
                true => text.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len())),
                false => text.push_str(piece),
            }
        }
        if is_chunked && !sent.is_cut {
            text.push_str(&last_chunk(&sent.trailers));
        }
        text.into_bytes()
    }

    pub async fn exchange(&mut self, exchange: &Exchange) -> Outcome {
        self.origin.forget();
        self.origin.set(reply(&exchange.reply));
        let sent = &exchange.sent;
        let mut client = Raw::connect(self.running.address).await;
        client.send(self.bytes(sent)).await;
        if sent.is_cut {
            client.finish().await;
        }
        let got = client.response_to(&sent.method).await;
        drop(client);
        let settled = |origin: &Origin| {
            let requests = origin.requests();
            requests
                .iter()
                .all(|seen| seen.is_whole() || seen.abandoned)
        };
        self.origin.until("what it sees has ended", settled).await;
        let seen = self.origin.requests();
        Outcome {
            seen: seen.iter().map(|seen| self.seen(seen)).collect(),
            got: self.got(got),
        }
    }

    fn seen(&self, seen: &Seen) -> Message {
        let first = format!("{} {}", seen.method, seen.target);
        let (fields, trailers) = (&seen.fields, &seen.trailers);
        Message::of(&first, fields, &seen.body, trailers, &self.places).whole(seen.is_whole())
    }

    fn got(&self, got: Result<Response, Broken>) -> Option<Message> {
        let (response, is_whole) = match got {
            Ok(response) => (response, true),
            Err(broken) => (broken.so_far, false),
        };
        let first = response.status.to_string();
        let (fields, trailers) = (&response.fields, &response.trailers);
        let message = Message::of(&first, fields, &response.body, trailers, &self.places);
        (response.status != 0).then(|| message.whole(is_whole))
    }

    /// What happens besides requests.
    pub async fn other(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Ask(_) => {}
            Step::AtOnce(sent, times, status) => return self.at_once(sent, *times, *status).await,
            Step::Later(seconds) => self.clock.advance(*seconds).await,
            Step::Revoke => {
                let name = self.places.revocation(self.clock.now());
                let store = clocked::store(&self.app);
                store
                    .set("default", &name, b"")
                    .expect("write to the store");
            }
            Step::Rotate => {
                self.keys += 1;
                let key = Key::ed25519(&format!("key-{}", self.keys));
                self.issuer.publish(vec![key]);
            }
            Step::KeysAsked(times) => {
                let come = |issuer: &Issuer| issuer.key_requests() >= *times;
                self.issuer.until("the keys are asked for", come).await;
                let asked = self.issuer.key_requests();
                if asked != *times {
                    return Err(format!(
                        "the keys were asked for {asked} times, not {times}"
                    ));
                }
            }
            Step::KeysAskedByEach => {
                // Each tells when it has loaded keys, and how many share the requests is the host's affair.
                let loaded = clocked::all_events(&self.running, "keys-loaded").await;
                let loaded = loaded
                    .iter()
                    .filter(|line| line["source"] == "issuer")
                    .count();
                let asked = self.issuer.key_requests();
                if asked != loaded || asked == 0 {
                    return Err(format!("asked {asked} times, loaded {loaded}"));
                }
            }
            Step::Tells(words) => {
                let has_all = |line: &str| {
                    let line = self.places.named(line);
                    words.iter().all(|word| line.contains(word))
                };
                self.running.wait_for_log(has_all).await;
            }
        }
        Ok(())
    }

    async fn at_once(&self, sent: &Sent, times: usize, status: u16) -> Result<(), String> {
        self.origin.set(OriginReply::ok("hi"));
        let bytes = self.bytes(sent);
        let asks = (0..times).map(|_| async {
            let mut client = Raw::connect(self.running.address).await;
            client.send(&bytes).await;
            client
                .response()
                .await
                .map_or(0, |response| response.status)
        });
        let answers = futures::future::join_all(asks).await;
        match answers == vec![status; times] {
            true => Ok(()),
            false => Err(format!("{answers:?} at the same time")),
        }
    }
}

fn spec(stage: &Stage, places: &Places) -> AppSpec {
    let policy = stage.policy(places);
    let mut spec = match stage.behind {
        Behind::Echo => AppSpec::gated("echo", policy),
        Behind::Origin => AppSpec::gateway(policy),
        Behind::Linked => AppSpec::linked("echo-linked", policy),
    };
    if !stage.has_policy {
        spec.policy = None;
    }
    if !stage.has_store {
        spec.stores.clear();
    }
    match stage.origin {
        Does::IsNobody => spec.outbound.push(NOBODY.to_owned()),
        Does::IsNotGranted => spec.outbound = vec![places.issuer.clone()],
        Does::Serves | Does::Refuses | Does::IsDeaf => {}
    }
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    spec.variables = stage.variables.iter().map(owned).collect();
    let names = stage.names.iter();
    spec.key_values = names.map(|name| (name.clone(), String::new())).collect();
    spec
}

fn last_chunk(trailers: &[(&str, &str)]) -> String {
    let mut text = "0\r\n".to_owned();
    for (name, value) in trailers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

fn reply(said: &Reply) -> OriginReply {
    let Some(status) = said.status else {
        return match said.then {
            Then::FallsSilent => OriginReply::stall(),
            Then::Keeps | Then::Ends => OriginReply::close(),
        };
    };
    if said.is_chunked && said.then != Then::Keeps {
        return ended(cut_chunks(status, said), said.then);
    }
    let mut reply = match said.is_chunked {
        true => OriginReply::chunked().with_status(status),
        false => OriginReply::status(status),
    };
    for (name, value) in &said.fields {
        reply = reply.field(name, value);
    }
    for (name, value) in &said.trailers {
        reply = reply.trailer(name, value);
    }
    if said.then != Then::Keeps {
        reply = reply.announcing(said.body.len() as u64 + 1);
    }
    if !said.body.is_empty() {
        reply = reply.body(said.body);
    }
    ended(reply, said.then)
}

fn ended(reply: OriginReply, then: Then) -> OriginReply {
    match then {
        Then::Keeps => reply,
        Then::Ends => reply.then_close(),
        Then::FallsSilent => reply.then_stall(),
    }
}

/// An answer in chunks without the last one.
fn cut_chunks(status: u16, said: &Reply) -> OriginReply {
    let mut text = format!("HTTP/1.1 {status} Scripted\r\nTransfer-Encoding: chunked\r\n");
    for (name, value) in &said.fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("\r\n{:x}\r\n{}\r\n", said.body.len(), said.body));
    OriginReply::raw(text)
}
