//! What the operator says, by Spin variables. They are read once in an instance.

use std::sync::OnceLock;

use doorward_events::intake;
use doorward_events::sinks::mqtt::Topic;
use doorward_events::sinks::place::Place;
use doorward_events::sinks::redis::Stream;
use doorward_service::store::StoreError;
use doorward_service_spin::{Target, variable};

/// Where events are written to: see [`Place`].
pub const SINK: &str = "events_sink";
/// What a collector is told in `Authorization`.
const AUTHORIZATION: &str = "events_sink_authorization";
/// Whether a collector takes gzip: `true`.
const GZIP: &str = "events_sink_gzip";
/// The stream of Redis.
const STREAM: &str = "events_redis_stream";
/// About how many entries it has at most. Nothing: it keeps all.
const ENTRIES_MAX: &str = "events_redis_maxlen";
/// The topic of MQTT.
const TOPIC: &str = "events_mqtt_topic";
/// What becomes of events whose type has no schema: `refuse`, or `accept`.
pub const UNKNOWN_TYPES: &str = "events_unknown_types";
/// How far ahead of now an event may be, and how long ago, in seconds.
const TIME_AHEAD: &str = "events_time_ahead_s";
const TIME_BEHIND: &str = "events_time_behind_s";

/// The stream and the topic where nothing is said.
const NAME: &str = "events";

/// What the operator says.
pub struct Settings {
    /// What the intake is told.
    pub intake: intake::Settings,
    /// Whether events are taken whose type has no schema.
    pub takes_unknown_types: bool,
    /// Where events are written to.
    pub sink: Sink,
}

/// Where events are written to.
pub enum Sink {
    /// SQLite or PostgreSQL.
    Database,
    /// A stream of the Redis at this URL.
    Redis(String, Stream),
    /// A topic of a server of MQTT.
    Mqtt {
        url: String,
        user: String,
        password: String,
        topic: Topic,
    },
    /// A collector, and whether it takes gzip.
    Http(Target, bool),
}

impl Settings {
    /// What the variables say.
    ///
    /// # Errors
    /// They cannot be read, or are wrong. Nothing is guessed.
    pub async fn read() -> Result<&'static Self, StoreError> {
        static SETTINGS: OnceLock<Settings> = OnceLock::new();
        if let Some(settings) = SETTINGS.get() {
            return Ok(settings);
        }
        let settings = Self::of_variables().await?;
        Ok(SETTINGS.get_or_init(|| settings))
    }

    async fn of_variables() -> Result<Self, StoreError> {
        let mut intake = intake::Settings::default();
        if let Some(seconds) = number(TIME_AHEAD).await? {
            intake.time_ahead_ms = seconds.saturating_mul(1_000);
        }
        if let Some(seconds) = number(TIME_BEHIND).await? {
            intake.time_behind_ms = seconds.saturating_mul(1_000);
        }
        let unknown = variable(UNKNOWN_TYPES).await?;
        let takes_unknown_types = one_of(UNKNOWN_TYPES, &unknown, ["refuse", "accept"])?;
        Ok(Self {
            intake,
            takes_unknown_types,
            sink: sink().await?,
        })
    }

    /// Whether the sink gives back what was written to it.
    pub fn is_readable(&self) -> bool {
        matches!(self.sink, Sink::Database)
    }
}

async fn sink() -> Result<Sink, StoreError> {
    let named = variable(SINK).await?;
    let place = Place::parse(&named).map_err(|why| wrong(SINK, why))?;
    Ok(match place {
        Place::Database => Sink::Database,
        Place::Redis(url) => {
            let name = named_or_default(STREAM).await?;
            let entries_max = number(ENTRIES_MAX).await?.unwrap_or(0);
            let stream = Stream::new(&name, entries_max).map_err(|why| wrong(STREAM, why))?;
            Sink::Redis(url, stream)
        }
        Place::Mqtt {
            url,
            user,
            password,
        } => {
            let name = named_or_default(TOPIC).await?;
            let topic = Topic::new(&name).map_err(|why| wrong(TOPIC, why))?;
            Sink::Mqtt {
                url,
                user,
                password,
                topic,
            }
        }
        Place::Http => {
            let takes_gzip = one_of(GZIP, &variable(GZIP).await?, ["false", "true"])?;
            let target = Target::named(SINK, AUTHORIZATION).await?;
            let target = target.ok_or_else(|| wrong(SINK, "is empty"))?;
            Sink::Http(target, takes_gzip)
        }
    })
}

async fn named_or_default(name: &str) -> Result<String, StoreError> {
    let value = variable(name).await?;
    Ok(if value.is_empty() {
        NAME.to_owned()
    } else {
        value
    })
}

/// A number. None: nothing is said.
async fn number(name: &str) -> Result<Option<u64>, StoreError> {
    let value = variable(name).await?;
    if value.is_empty() {
        return Ok(None);
    }
    let number = value.parse().map_err(|_| wrong(name, "is no whole number"));
    number.map(Some)
}

/// Whether it is the second of two words. Nothing is the first one.
fn one_of(name: &str, value: &str, words: [&str; 2]) -> Result<bool, StoreError> {
    match words.iter().position(|word| *word == value) {
        Some(place) => Ok(place == 1),
        None if value.is_empty() => Ok(false),
        None => {
            let [first, second] = words;
            let why = format!("is neither \"{first}\" nor \"{second}\"");
            Err(wrong(name, &why))
        }
    }
}

/// The value is not repeated: it may have a password.
fn wrong(name: &str, why: &str) -> StoreError {
    StoreError::Settings(format!("variable {name} {why}"))
}
