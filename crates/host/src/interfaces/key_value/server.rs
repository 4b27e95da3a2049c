//! A key-value store on a Redis, as Spin keeps it there: each key is a key of the Redis, its value the value, and what
//! is counted are digits. The label of the store is nowhere, so stores of one URL are one.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, Value, cmd, from_redis_value};
use tokio::time::timeout;

use super::bounds::{
    BATCH_KEYS_MAX, LISTING_BYTES_MAX, StoreError, VALUE_BYTES_MAX, check_entries, check_key,
    check_keys, check_length, check_value,
};
use crate::redis_client::address::Address;
use crate::redis_client::connect::{Bounds, Connection};
use crate::redis_client::error::RedisError;
use crate::redis_client::pool::Pool;
use crate::redis_client::replies::ELEMENT_BYTES;

/// How long a call may take in all, whatever it waits for.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(5);
/// How long one answer may take: as long as a gate waits for one.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
/// Keys that are asked for at a time where all of them are listed.
const LISTED_AT_A_TIME: usize = 2000;

/// Of the connections of stores. A reply has place for the values of the largest batch, and for one value after that.
pub const BOUNDS: Bounds = Bounds {
    answer_time_max: ANSWER_TIME_MAX,
    reply_bytes_max: LISTING_BYTES_MAX as u64
        + (BATCH_KEYS_MAX as u64) * 2 * ELEMENT_BYTES
        + VALUE_BYTES_MAX as u64,
};

/// How Redis begins what it says against a sum.
const NOT_NUMBERS: [&str; 2] = [
    "ERR: value is not an integer",
    "ERR: increment or decrement would overflow",
];

/// Sets a value where the one that is there was seen. `ARGV`: the value, whether one was seen, which.
const SWAP: &str = "\
local now = redis.call('GET', KEYS[1])
if now == (ARGV[2] == '1' and ARGV[3]) then redis.call('SET', KEYS[1], ARGV[1]) return 1 end
return {now}";
/// The values of the keys, or how many bytes they have where those are more than `ARGV[1]`.
const GET_MANY: &str = "\
local values, bytes, most = {}, 0, tonumber(ARGV[1])
for index, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  values[index] = value
  if value then bytes = bytes + #value end
  if bytes > most then return bytes end
end
return values";

/// A store on a Redis.
pub struct StoreServer {
    pool: Arc<Pool>,
    address: Address,
}

// By hand: the address may have a password in it.
impl fmt::Debug for StoreServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreServer").field(&self.address).finish()
    }
}

impl StoreServer {
    /// The store at this address. Nobody connects before it is used.
    pub fn new(pool: Arc<Pool>, address: Address) -> Self {
        Self { pool, address }
    }

    /// Where it is, for messages.
    pub fn place(&self) -> String {
        format!("Redis at {}", self.address.place())
    }

    /// Makes sure that there is a connection.
    ///
    /// # Errors
    ///
    /// Says why there is none. So do all of the other functions.
    pub async fn connect(&self) -> Result<(), StoreError> {
        self.in_time(async { self.connection().await.map(drop) })
            .await
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long, or Redis does not give it.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        let value = self.ask(cmd("GET").arg(key)).await?;
        optional_value(value)
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    ///
    /// When the key is too long, or Redis does not say.
    pub async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        check_key(key)?;
        self.ask(cmd("EXISTS").arg(key)).await
    }

    /// Every key, in byte order. What is no UTF-8 is no key of a store, and left out.
    ///
    /// # Errors
    ///
    /// When the keys are longer than [`LISTING_BYTES_MAX`] together, or Redis does not list them.
    pub async fn keys(&self) -> Result<Vec<String>, StoreError> {
        self.in_time(async {
            let connection = self.connection().await?;
            // A key may come twice.
            let mut keys = BTreeSet::new();
            let mut bytes = 0_usize;
            let mut cursor = "0".to_owned();
            loop {
                let mut command = cmd("SCAN");
                command.arg(&cursor).arg("COUNT").arg(LISTED_AT_A_TIME);
                let some: Vec<Vec<u8>>;
                (cursor, some) = asked(&connection, &command).await?;
                for key in some
                    .into_iter()
                    .filter_map(|key| String::from_utf8(key).ok())
                {
                    let length = key.len();
                    if keys.insert(key) {
                        bytes = bytes.saturating_add(length);
                        check_length("a listing of keys", bytes, LISTING_BYTES_MAX)?;
                    }
                }
                if cursor == "0" {
                    return Ok(keys.into_iter().collect());
                }
            }
        })
        .await
    }

    /// Gives a key a value.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long, or Redis does not take it.
    pub async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        check_key(key)?;
        check_value(value)?;
        self.ask(cmd("SET").arg(key).arg(value)).await
    }

    /// Takes a key and its value away, and says whether it was there.
    ///
    /// # Errors
    ///
    /// When the key is too long, or Redis does not do it.
    pub async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        check_key(key)?;
        self.ask(cmd("DEL").arg(key)).await
    }

    /// The value of each key, in the order of the keys.
    ///
    /// # Errors
    ///
    /// When there are too many keys, one is too long, the values are longer than [`LISTING_BYTES_MAX`] together, or
    /// Redis does not give them.
    pub async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        check_keys(keys)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = cmd("EVAL");
        command.arg(GET_MANY).arg(keys.len()).arg(keys);
        let values = match self.ask(command.arg(LISTING_BYTES_MAX)).await? {
            Value::Array(values) => values,
            other => {
                let bytes = read(other)?;
                check_length("values", bytes, LISTING_BYTES_MAX)?;
                return Err(unexpected());
            }
        };
        values
            .into_iter()
            .map(|value| optional_value(read(value)?))
            .collect()
    }

    /// Gives each key a value; all of them, or none where there is an error.
    ///
    /// # Errors
    ///
    /// When there are too many keys, a key or a value is too long, or Redis does not take them.
    pub async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        check_entries(entries)?;
        if entries.is_empty() {
            return Ok(());
        }
        let mut command = cmd("MSET");
        for (key, value) in entries {
            command.arg(key).arg(value.as_slice());
        }
        self.ask(&command).await
    }

    /// Takes the keys and their values away; all of them, or none where there is an error.
    ///
    /// # Errors
    ///
    /// When there are too many keys, one is too long, or Redis does not do it.
    pub async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        check_keys(keys)?;
        if keys.is_empty() {
            return Ok(());
        }
        let deleted: Value = self.ask(cmd("DEL").arg(keys)).await?;
        drop(deleted);
        Ok(())
    }

    /// Adds to the number that a key has as its value, and gives the sum. A key without a value has zero.
    ///
    /// # Errors
    ///
    /// When the key is too long, its value is no number, the sum is none of 64 bits, or Redis does not do it.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        check_key(key)?;
        match self.ask(cmd("INCRBY").arg(key).arg(delta)).await {
            Err(StoreError::Server(said)) if NOT_NUMBERS.iter().any(|no| said.starts_with(no)) => {
                Err(StoreError::NotANumber)
            }
            sum => sum,
        }
    }

    /// Gives a key a value if the one that it has is still `seen`. If not, it is the error within.
    ///
    /// # Errors
    ///
    /// When the key or a value is too long, or Redis does not do it.
    pub async fn swap(
        &self,
        key: &str,
        seen: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Result<(), Option<Vec<u8>>>, StoreError> {
        check_key(key)?;
        check_value(value)?;
        let mut command = cmd("EVAL");
        command.arg(SWAP).arg(1).arg(key).arg(value);
        command.arg(i64::from(seen.is_some()));
        command.arg(seen.unwrap_or_default());
        match self.ask(&command).await? {
            Value::Int(_) => Ok(Ok(())),
            Value::Array(current) => {
                let current = current.into_iter().next().ok_or_else(unexpected)?;
                Ok(Err(optional_value(read(current)?)?))
            }
            _ => Err(unexpected()),
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.in_time(async { asked(&self.connection().await?, command).await })
            .await
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        Ok(self.pool.shared(&self.address).await?)
    }

    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        timeout(CALL_TIME_MAX, call).await.unwrap_or_else(|_| {
            let (place, seconds) = (self.place(), CALL_TIME_MAX.as_secs());
            Err(StoreError::Server(format!(
                "{place} has not done it within {seconds} s"
            )))
        })
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        Self::Server(match error {
            RedisError::InvalidAddress => "the address of Redis is none".to_owned(),
            RedisError::TooManyConnections => {
                "there are connections to too many Redis servers".to_owned()
            }
            RedisError::Other(reason) => reason,
        })
    }
}

async fn asked<T: FromRedisValue>(connection: &Connection, command: &Cmd) -> Result<T, StoreError> {
    read(connection.ask(command).await?)
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|_| unexpected())
}

fn optional_value(value: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, StoreError> {
    value.as_deref().map_or(Ok(()), check_value)?;
    Ok(value)
}

fn unexpected() -> StoreError {
    StoreError::Server("Redis has answered something else than was asked".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;
    use crate::outbound_options::OutboundOptions;

    fn store(text: &str) -> StoreServer {
        let pool = Pool::new(&OutboundOptions::default(), BOUNDS);
        StoreServer::new(Arc::new(pool), Address::parse(text).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_takes_longer_than_is_said() {
        // It is connected to, and says nothing: to a password, or to a command.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = silent.local_addr().unwrap();
        for (url, time_max) in [
            (format!("redis://:hidden@{place}"), Duration::from_secs(5)),
            (format!("redis://{place}"), Duration::from_secs(2)),
        ] {
            let store = store(&url);
            let begun = Instant::now();
            let (key, entries) = ("key".to_owned(), [("key".to_owned(), vec![])]);
            let keys = [key.clone()];
            let (one, two, three, four, five, six, seven, eight, nine) = tokio::join!(
                store.get(&key),
                store.exists(&key),
                store.set(&key, b""),
                store.delete(&key),
                store.keys(),
                store.get_many(&keys),
                store.set_many(&entries),
                store.increment(&key, 1),
                store.swap(&key, None, b""),
            );
            let failed = [
                one.err(),
                two.err(),
                three.err(),
                four.err(),
                five.err(),
                six.err(),
                seven.err(),
                eight.err(),
                nine.err(),
            ];
            for error in failed {
                let said = error.unwrap().to_string();
                assert!(said.contains(&place.to_string()), "{said}");
                assert!(!said.contains("hidden"), "{said}");
            }
            let took = begun.elapsed();
            assert!(took <= time_max + Duration::from_secs(1), "{took:?}");
        }
    }

    #[tokio::test]
    async fn what_is_too_long_is_refused_before_anybody_is_asked() {
        // Nobody is there.
        let store = store("redis://127.0.0.1:1");
        let long_key = "k".repeat(super::super::bounds::KEY_BYTES_MAX + 1);
        let long = vec![0; VALUE_BYTES_MAX + 1];
        let many = vec![String::new(); BATCH_KEYS_MAX + 1];
        for refused in [
            store.get(&long_key).await.err(),
            store.set("key", &long).await.err(),
            store.increment(&long_key, 1).await.err(),
            store.swap("key", None, &long).await.err(),
            store.get_many(&many).await.err(),
            store.delete_many(&many).await.err(),
            store.set_many(&[(long_key.clone(), vec![])]).await.err(),
        ] {
            assert!(
                matches!(
                    refused,
                    Some(StoreError::TooLong { .. } | StoreError::TooMany { .. })
                ),
                "{refused:?}"
            );
        }
        assert_eq!(store.get_many(&[]).await, Ok(vec![]), "nobody is asked");
    }
}
