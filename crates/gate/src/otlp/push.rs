//! Sending what there is to a collector.

use std::time::Duration;

use doorward_retry::{Backoff, Random};
use doorward_traffic::retry::retry_after_ms;
use prost::Message as _;

use super::encode;
use super::message::{Answer, Resource};
use crate::clock::{self, TimedOut};
use crate::collector::{Collector, Health};
use crate::event::Event;
use crate::exchange::{self, ExchangeFailure};
use crate::metrics::{Deltas, Instrument};
use crate::platform::{FieldList, Platform, Unreadable};
use crate::spans::cut;

/// How long a collector has to answer.
const PUSH_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of an answer. All that it says is what of it was not taken, and why.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A collector's own words are cut after this many bytes.
const WORDS_BYTES_MAX: usize = 200;
/// For how long a collector that does not take anything is left alone, in milliseconds.
const PAUSE_MS: Backoff = Backoff {
    least: 1000,
    first: 2000,
    most: 60_000,
};
/// For how long it is left alone at most where it says so itself, in milliseconds.
const RETRY_AFTER_MS_MAX: u64 = 5 * 60 * 1000;
/// What is sent (OTLP 1.x, "Binary Protobuf Encoding").
const PROTOBUF: &str = "application/x-protobuf";
/// Who sends it, as the specification wants to be told ("User Agent").
const USER_AGENT: &str = concat!("Doorward-OTLP/", env!("CARGO_PKG_VERSION"));

/// Why a collector has not taken what was sent.
enum NotTaken {
    /// It may later.
    Now {
        /// What happened.
        why: String,
        /// When, if it said so.
        retry_after_ms: Option<u64>,
    },
    /// It never will.
    Ever {
        /// What happened.
        why: String,
    },
}

impl NotTaken {
    fn now(why: String) -> Self {
        Self::Now {
            why,
            retry_after_ms: None,
        }
    }
}

/// What is sent.
#[derive(Clone, Copy)]
enum Signal {
    Metrics,
    Traces,
}

impl Signal {
    const fn path(self) -> &'static str {
        match self {
            Self::Metrics => "/v1/metrics",
            Self::Traces => "/v1/traces",
        }
    }
}

impl Collector {
    /// For how long it is still left alone with all that there is of numbers and spans.
    pub(crate) fn left_alone<P: Platform>(
        &self,
        platform: &P,
        [points, spans]: [bool; 2],
    ) -> Duration {
        let now = platform.monotonic();
        let signals = [(points, &self.metrics), (spans, &self.traces)];
        let there = signals.into_iter().filter(|(is_there, _)| *is_there);
        let left_ms = there.map(|(_, health)| health.left_ms(now)).min();
        Duration::from_millis(left_ms.unwrap_or(0))
    }

    /// Sends all of it that may be sent now. What is left was not taken, and is to be sent again.
    pub(crate) async fn push<P: Platform>(&self, platform: &P, deltas: &mut Deltas) {
        if !self.rule.metrics {
            deltas.points.clear();
        }
        let may_be_sent = |health: &Health| health.left_ms(platform.monotonic()) == 0;
        if !deltas.points.is_empty() && may_be_sent(&self.metrics) {
            let body = encode::metrics(deltas, self.resource());
            let count = deltas.points.len();
            if self.send(platform, Signal::Metrics, body, count).await {
                deltas.points.clear();
            }
        }
        if !deltas.spans.is_empty() && may_be_sent(&self.traces) {
            let body = encode::spans(&deltas.spans, self.resource());
            let count = deltas.spans.len();
            if self.send(platform, Signal::Traces, body, count).await {
                deltas.spans.clear();
            }
        }
    }

    fn resource(&self) -> Resource {
        encode::resource(&self.rule.service_name, &self.instance_id)
    }

    /// Sends one message, in which there is so much. Whether that is over, by having been taken or refused for good.
    async fn send<P: Platform>(
        &self,
        platform: &P,
        signal: Signal,
        body: Vec<u8>,
        count: usize,
    ) -> bool {
        let health = match signal {
            Signal::Metrics => &self.metrics,
            Signal::Traces => &self.traces,
        };
        let exchange = self.exchange(platform, signal, body);
        let answered = clock::within(platform, PUSH_TIME_MAX, exchange).await;
        let answered = answered.unwrap_or_else(|TimedOut| {
            let limit_s = PUSH_TIME_MAX.as_secs();
            Err(NotTaken::now(format!("no answer within {limit_s} s")))
        });
        let (is_over, lost, why) = match answered {
            Ok(answer) => match answer.partial_success {
                Some(part) if part.rejected > 0 => {
                    // It cannot have rejected more than there was.
                    let rejected =
                        usize::try_from(part.rejected).map_or(count, |all| all.min(count));
                    let words = self.words(part.error_message);
                    let why = format!("{rejected} of {count} were not taken: {words}");
                    (true, u64::try_from(rejected).ok(), Some(why))
                }
                // A collector may say something without a loss; who runs it sees that there.
                _ => (true, None, None),
            },
            Err(NotTaken::Ever { why }) => (true, u64::try_from(count).ok(), Some(why)),
            Err(NotTaken::Now {
                why,
                retry_after_ms,
            }) => {
                failed(platform, health, retry_after_ms);
                (false, None, Some(why))
            }
        };
        if is_over {
            health.failures.set(0);
            health.until.set(None);
        }
        if let (Some(lost), Some(metrics)) = (lost, platform.metrics()) {
            // Told with what comes next: nobody is sent for that alone.
            let mut metrics = metrics.borrow_mut();
            metrics.add(Instrument::Lost, &["refused"], lost);
        }
        if let Some(reason) = why {
            // Not counted: it would be told to the one that does not take it, for ever.
            platform.tell_event(&Event::TelemetryFailed {
                url: &format!("{}{}", self.url, signal.path()),
                reason: &reason,
            });
        }
        is_over
    }

    /// What a collector says, for the log: not where it repeats what lets us in.
    fn words(&self, words: String) -> String {
        let mut headers = self.headers.get().into_iter().flatten();
        match headers.any(|(_, value)| words.contains(value.as_str())) {
            true => String::from("(it repeats a header field)"),
            false => cut(words, WORDS_BYTES_MAX),
        }
    }

    async fn exchange<P: Platform>(
        &self,
        platform: &P,
        signal: Signal,
        body: Vec<u8>,
    ) -> Result<Answer, NotTaken> {
        let headers = self.headers(platform).await;
        let headers = headers.map_err(|why| NotTaken::now(why.to_string()))?;
        let mut fields = FieldList::of([
            ("content-type", PROTOBUF),
            ("content-length", &body.len().to_string()),
            ("user-agent", USER_AGENT),
        ]);
        for (name, value) in headers {
            fields.push(name.as_str(), value.as_str());
        }
        let url = format!("{}{}", self.url, signal.path());
        let sent =
            exchange::send(platform, (&url, self.rule.wire), "POST", fields, Some(body)).await;
        let (status, fields, response) = sent.map_err(|failure| match failure {
            ExchangeFailure::Transport(why) | ExchangeFailure::Url(why) => NotTaken::now(why),
        })?;
        let mut source = platform.response_source(response);
        let answer = exchange::collect::<P>(&mut source, ANSWER_BYTES_MAX).await;
        let why = || format!("answered with status {status}");
        match status {
            200..=299 => {
                // What it says of itself is a courtesy: taken is taken.
                let answer = answer.unwrap_or_default();
                Ok(Answer::decode(answer.as_slice()).unwrap_or_default())
            }
            // OTLP 1.x, "Retryable Response Codes"; and what a wrong credential gets, which is mended without a restart.
            401 | 403 | 429 | 502 | 503 | 504 => {
                let value = fields.named("retry-after").next();
                let now_s = platform.now().0;
                Err(NotTaken::Now {
                    why: why(),
                    retry_after_ms: value.and_then(|value| retry_after_ms(value, now_s)),
                })
            }
            _ => Err(NotTaken::Ever { why: why() }),
        }
    }

    /// The fields that the policy names.
    async fn headers<P: Platform>(&self, platform: &P) -> Result<&[(String, String)], Unreadable> {
        if self.headers.get().is_none() {
            let mut headers = Vec::new();
            for (name, variable) in &self.rule.headers {
                let value = platform.secret(variable).await?;
                headers.push((name.clone(), value));
            }
            let _ = self.headers.set(headers);
        }
        Ok(self.headers.get().map_or(&[], Vec::as_slice))
    }
}

/// It has not taken what was sent, and is left alone for a while.
fn failed<P: Platform>(platform: &P, health: &Health, retry_after_ms: Option<u64>) {
    let failures = health.failures.get().saturating_add(1);
    health.failures.set(failures);
    let random = &mut Random::seeded(platform.random());
    let pause_ms = PAUSE_MS.pause(failures, random);
    let asked_ms = retry_after_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX);
    let until = platform.monotonic().plus(pause_ms.max(asked_ms));
    health.until.set(Some(until));
}
