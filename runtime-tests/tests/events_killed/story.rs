//! What a seed stands for: who is killed and when, and what is sent meanwhile.

use crate::moments::{Moment, What};
use crate::sink::SinkKind;
use doorward_tests::numbers::Numbers;
use serde_json::{Value, json};
use std::fmt;
use std::ops::Range;

/// Clients that send at the same time.
pub const CLIENTS: usize = 2;
/// Most requests of a client in a round.
const REQUESTS_MAX: usize = 3;
/// Most events of a request.
const EVENTS_MAX: usize = 2_500;
/// Most bytes that an event is made longer by.
const PAD_BYTES_MAX: usize = 400;
/// Most bytes that a client writes at once.
const PIECE_BYTES_MAX: usize = 40_000;
/// Of so many sinks that are killed one is away until a client was told that nothing can be written.
const STAYS_AWAY_ONE_IN: usize = 10;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// The sink. Where it stays away, until a client knows that it is.
    Sink { moment: Moment, stays_away: bool },
    /// The host.
    Host(Moment),
    /// A client, in a request.
    Client {
        client: usize,
        nth: usize,
        breaks: Break,
    },
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sink { moment, stays_away } => {
                let away = if *stays_away {
                    ", which stays away"
                } else {
                    ""
                };
                write!(f, "the sink{away} {moment}")
            }
            Self::Host(moment) => write!(f, "the host {moment}"),
            Self::Client {
                client,
                nth,
                breaks,
            } => {
                let Break { bytes, how } = breaks;
                write!(
                    f,
                    "client {client} in its request {nth} after {bytes} bytes ({how:?})"
                )
            }
        }
    }
}

/// After how many bytes of the body a client is gone, and how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    pub bytes: usize,
    pub how: How,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is closed.
    Closes,
    /// It is reset.
    Resets,
    /// Nothing more is sent, and the answer is read.
    Listens,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its events, by their numbers.
    pub events: Range<usize>,
    pub is_gzip: bool,
    /// Bytes that are written at once.
    pub piece_bytes: usize,
}

/// Somebody is killed while something is sent.
#[derive(Debug)]
pub struct Round {
    pub kill: Kill,
    /// Of each client, one after the other.
    pub requests: [Vec<Request>; CLIENTS],
}

/// What a seed stands for.
#[derive(Debug)]
pub struct Story {
    pub sink: SinkKind,
    /// All events, as they are sent. Their `id` is their number.
    pub events: Vec<Value>,
    pub rounds: Vec<Round>,
}

impl Story {
    /// That of this seed.
    pub fn of(seed: u64) -> Self {
        let numbers = Numbers::new(seed);
        let mut draws = Draws {
            numbers,
            sink: SinkKind::of(seed),
            events: Vec::new(),
        };
        // Each is killed once, in an order that is drawn. A database that is a file of the host's dies with it.
        let mut victims = vec![0, 1, 2];
        let mut rounds = Vec::new();
        while !victims.is_empty() {
            let victim = victims.swap_remove(draws.below(victims.len()));
            rounds.push(draws.round(victim));
        }
        Self {
            sink: draws.sink,
            events: draws.events,
            rounds,
        }
    }
}

struct Draws {
    numbers: Numbers,
    sink: SinkKind,
    events: Vec<Value>,
}

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.numbers.below(bound)
    }

    fn round(&mut self, victim: usize) -> Round {
        let requests = [(); CLIENTS].map(|()| {
            let count = 1 + self.below(REQUESTS_MAX);
            (0..count).map(|_| self.request()).collect::<Vec<_>>()
        });
        let stays_away = self.below(STAYS_AWAY_ONE_IN) == 0;
        let kill = match victim {
            0 if self.sink != SinkKind::Sqlite => Kill::Sink {
                moment: match stays_away {
                    // While there is more to come, so that somebody notices.
                    true => Moment {
                        what: What::ToSink,
                        count: 1 + self.below(self.bytes(&requests.concat()) / 2) as u64,
                    },
                    false => self.moment(&requests),
                },
                stays_away,
            },
            1 => {
                let client = self.below(CLIENTS);
                let nth = self.below(requests[client].len());
                let bytes = self.bytes(&requests[client][nth..=nth]);
                let breaks = Break {
                    bytes: self.below(bytes),
                    how: [How::Closes, How::Resets, How::Listens][self.below(3)],
                };
                Kill::Client {
                    client,
                    nth,
                    breaks,
                }
            }
            _ => Kill::Host(self.moment(&requests)),
        };
        Round { kill, requests }
    }

    fn request(&mut self) -> Request {
        let bound = [3, 300, EVENTS_MAX][self.below(3)];
        let count = 1 + self.below(bound);
        let first = self.events.len();
        for number in first..first + count {
            let pad = self.below(PAD_BYTES_MAX);
            self.events.push(json!({
                "specversion": "1.0",
                "id": number.to_string(),
                "source": "urn:test",
                "type": "dev.doorward.user.deleted.v1",
                "data": { "id": "0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42", "version": 2 + number },
                "pad": "x".repeat(pad),
            }));
        }
        Request {
            events: first..first + count,
            is_gzip: self.below(4) == 0,
            piece_bytes: 1 + self.below(PIECE_BYTES_MAX),
        }
    }

    /// How long these are, as they are sent without compression.
    fn bytes(&self, requests: &[Request]) -> usize {
        let events = requests.iter().flat_map(|request| request.events.clone());
        events
            .map(|number| self.events[number].to_string().len() + 1)
            .sum()
    }

    fn moment(&mut self, requests: &[Vec<Request>; CLIENTS]) -> Moment {
        let all = requests.concat();
        let bytes = self.bytes(&all);
        let batches: usize = all.iter().map(|it| it.events.len().div_ceil(1_000)).sum();
        let (what, bound) = match self.below(5) {
            0 => (What::Sent, bytes),
            1 => (What::Answered, all.len()),
            // Nothing stands between the host and its file.
            _ if self.sink == SinkKind::Sqlite => (What::Sent, bytes),
            2 | 3 => (What::ToSink, bytes),
            _ => (What::FromSink, 2 * batches + 2),
        };
        Moment {
            what,
            count: 1 + self.below(bound) as u64,
        }
    }
}
