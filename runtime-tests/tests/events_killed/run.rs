//! What happens, and whether what was promised holds.

use crate::client::Clients;
use crate::intake::Intake;
use crate::moments::Moments;
use crate::sink::Sink;
use crate::story::{Break, CLIENTS, Kill, Request, Round, Story};
use doorward_runtime_tests::servers::Server;
use futures::FutureExt as _;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Faults that are told.
const TOLD_MAX: usize = 5;

/// Looks at a seed, and gives how many were killed.
pub async fn look_at(seed: u64) -> usize {
    let story = Story::of(seed);
    let kills: Vec<String> = story.rounds.iter().map(|it| it.kill.to_string()).collect();
    let what = format!("seed {seed}, {:?}: {}", story.sink, kills.join("; "));
    let begun = Instant::now();
    match AssertUnwindSafe(play(&story)).catch_unwind().await {
        Ok(told) => eprintln!("{what}: {told} ({:.1} s)", begun.elapsed().as_secs_f64()),
        Err(_) => panic!(
            "{what}: what was promised does not hold\none alone: DOORWARD_KILL_SEEDS={seed}..{} cargo test --test \
             events_killed",
            seed + 1
        ),
    }
    story.rounds.len()
}

/// Plays a story, and gives what is to be said of it.
async fn play(story: &Story) -> String {
    let moments = Moments::default();
    let sink = Sink::start(story.sink).await;
    let relay = sink.relay(&moments).await;
    let host = Server::start(Intake::into(&sink.url(relay.as_ref()))).await;
    let lines = story.events.iter().map(|event| format!("{event}\n"));
    let clients = Clients {
        address: host.address(),
        lines: lines.collect(),
        moments,
        host: watch::Sender::new(true),
        sink: watch::Sender::new(true),
        kills: AtomicU64::new(0),
        acknowledged: std::sync::Mutex::default(),
        unwritten: watch::Sender::new(0),
    };
    let mut scene = Scene {
        host,
        sink,
        clients: Arc::new(clients),
    };
    let mut late = 0;
    for round in &story.rounds {
        late += usize::from(!scene.play(round).await);
    }
    let copies = scene.check(story).await;
    let more = copies.values().filter(|count| **count > 1).count();
    scene.send_again(story, &copies).await;
    let unwritten = *scene.clients.unwritten.borrow();
    format!(
        "{} events acknowledged and there, {more} of them more than once; {unwritten} answers 503; {late} of {} kills \
         after all was acknowledged",
        copies.len(),
        story.rounds.len()
    )
}

struct Scene {
    host: Server<Intake>,
    sink: Sink,
    clients: Arc<Clients>,
}

impl Scene {
    /// Plays a round. Says whether somebody was killed while something was under way.
    async fn play(&mut self, round: &Round) -> bool {
        let clients = Arc::clone(&self.clients);
        let moment = match round.kill {
            Kill::Client {
                client,
                nth,
                breaks,
            } => {
                let mut sending = self.sending(&round.requests, Some((client, nth, breaks)));
                ended(&mut sending).await;
                return true;
            }
            Kill::Sink { moment, .. } | Kill::Host(moment) => moment,
        };
        clients.moments.arm(moment);
        let mut sending = self.sending(&round.requests, None);
        let mut is_reached = true;
        tokio::select! {
            () = clients.moments.until_reached() => {}
            _ = ended(&mut sending) => is_reached = false,
        }
        match round.kill {
            Kill::Sink { stays_away, .. } => {
                clients.sink.send_replace(false);
                let before = *clients.unwritten.borrow();
                self.sink.kill();
                clients.moments.release();
                if stays_away && is_reached {
                    let mut told = clients.unwritten.subscribe();
                    tokio::select! {
                        _ = told.wait_for(|count| *count > before) => {}
                        // All that was on its way had arrived.
                        _ = ended(&mut sending) => {}
                    }
                }
                self.sink.start_again().await;
                clients.sink.send_replace(true);
            }
            _ => {
                clients.host.send_replace(false);
                clients.kills.fetch_add(1, Ordering::SeqCst);
                self.host.kill();
                clients.moments.release();
                self.host.start_again().await;
                clients.host.send_replace(true);
            }
        }
        ended(&mut sending).await;
        is_reached
    }

    /// The clients, who send.
    fn sending(
        &self,
        requests: &[Vec<Request>; CLIENTS],
        breaks: Option<(usize, usize, Break)>,
    ) -> JoinSet<u64> {
        let mut sending = JoinSet::new();
        for (number, requests) in requests.iter().enumerate() {
            let breaks = breaks
                .and_then(|(client, nth, breaks)| (client == number).then_some((nth, breaks)));
            let clients = Arc::clone(&self.clients);
            sending.spawn(clients.send_all(requests.clone(), breaks));
        }
        sending
    }

    /// How often the sink has each event, all of which were acknowledged.
    async fn check(&self, story: &Story) -> BTreeMap<usize, usize> {
        let sent = story.events.len();
        let acknowledged = self.clients.acknowledged.lock().unwrap().clone();
        assert!(
            acknowledged.iter().copied().eq(0..sent),
            "all is acknowledged"
        );
        let copies = self.copies(story, |_| 1).await;
        let had: BTreeSet<usize> = copies.keys().copied().collect();
        let missing: Vec<_> = acknowledged.difference(&had).collect();
        let some = missing.iter().take(TOLD_MAX).collect::<Vec<_>>();
        assert!(
            missing.is_empty(),
            "{} events are missing: {some:?}",
            missing.len()
        );
        if story.sink.has_each_once() {
            assert_once(&copies);
        }
        copies
    }

    /// How often the sink has each event. Nothing is there that was not sent. Where events come by themselves, each is
    /// waited for until it is there so often.
    async fn copies(
        &self,
        story: &Story,
        often: impl Fn(usize) -> usize,
    ) -> BTreeMap<usize, usize> {
        let is_enough = |records: &[Value]| {
            let copies = counted(records);
            let is_there = |number| copies.get(&number).copied().unwrap_or(0) >= often(number);
            (0..story.events.len()).all(is_there)
        };
        let records = self.sink.records(&self.host, is_enough).await;
        for record in &records {
            let mut record = record.clone();
            let recorded = record.as_object_mut().unwrap().remove("recordedtime");
            assert!(recorded.is_some(), "{record}");
            let sent = story.events.get(number_of(&record));
            assert_eq!(Some(&record), sent, "what is in the sink was sent");
        }
        counted(&records)
    }

    /// Sends all once more: it is there as often as it was where the sink promises that, and once more where not.
    async fn send_again(&self, story: &Story, before: &BTreeMap<usize, usize>) {
        let mut duplicates = 0;
        for round in &story.rounds {
            duplicates += ended(&mut self.sending(&round.requests, None)).await;
        }
        let often = |number| match story.sink.has_each_once() {
            true => 1,
            false => before[&number] + 1,
        };
        let copies = self.copies(story, often).await;
        if story.sink.has_each_once() {
            assert_eq!(duplicates, story.events.len() as u64);
            assert_once(&copies);
        } else {
            assert_eq!(duplicates, 0, "nobody looks");
            for (number, count) in copies {
                assert!(count > before[&number], "{number} was sent again");
            }
        }
    }
}

/// How often each event is among these.
fn counted(records: &[Value]) -> BTreeMap<usize, usize> {
    let mut copies = BTreeMap::new();
    for record in records {
        *copies.entry(number_of(record)).or_default() += 1;
    }
    copies
}

fn number_of(record: &Value) -> usize {
    record["id"].as_str().unwrap().parse().unwrap()
}

fn assert_once(copies: &BTreeMap<usize, usize>) {
    let twice: Vec<_> = copies
        .iter()
        .filter(|(_, count)| **count > 1)
        .take(TOLD_MAX)
        .collect();
    assert!(
        twice.is_empty(),
        "events are there more than once: {twice:?}"
    );
}

/// Waits until all clients have ended, and gives how many of their events were there before.
async fn ended(sending: &mut JoinSet<u64>) -> u64 {
    let mut duplicates = 0;
    while let Some(ended) = sending.join_next().await {
        duplicates += ended.expect("a client ends well");
    }
    duplicates
}
