//! The functions of the interface, on [`View`].

mod bindings;
mod results;

use ::redis::{Cmd, FromRedisValue, Value, cmd};
use wasmtime::Result;
use wasmtime::component::{Accessor, Linker, Resource};

use self::bindings::spin::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult,
    add_to_linker_instance,
};
use super::service::{OpenConnection, Redis};
use crate::interfaces::interface::{Getter, HostView, Linked, View};
use crate::redis_client::error::RedisError;

/// Defines the interface under the name that `named` makes of its own.
pub fn define<T: HostView>(
    linker: &mut Linker<T>,
    named: fn(&str) -> String,
    view: Getter<T, Redis>,
) -> Result<()> {
    let mut at = linker.instance(&named("spin:redis/redis@3.0.0"))?;
    add_to_linker_instance::<T, Linked<Redis>>(&mut at, view)
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        match error {
            RedisError::InvalidAddress => Self::InvalidAddress,
            RedisError::TooManyConnections => Self::TooManyConnections,
            RedisError::Other(reason) => Self::Other(reason),
        }
    }
}

type Told<T> = std::result::Result<T, Error>;
type Handle = Resource<OpenConnection>;

/// Asks by the connection of a handle.
async fn ask<T>(
    accessor: &Accessor<T, Linked<Redis>>,
    handle: &Handle,
    name: &str,
    command: Cmd,
) -> Result<Told<Value>> {
    let connection = accessor.with(|mut access| access.get().connection(handle))?;
    let answer = connection.ask(name, &command).await;
    Ok(answer.map_err(Error::from))
}

/// What an answer says, where it is of the kind that belongs to the command.
fn read<V: FromRedisValue>(answer: Told<Value>) -> Told<V> {
    let value = ::redis::from_redis_value(answer?);
    value.map_err(|error| Error::Other(error.to_string()))
}

impl Host for View<'_, Redis> {}

impl HostConnection for View<'_, Redis> {
    fn drop(&mut self, handle: Handle) -> Result<()> {
        self.close(handle)
    }
}

impl<T> HostConnectionWithStore<T> for Linked<Redis> {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Result<Told<Handle>> {
        let connection = match accessor.with(|mut access| access.get().prepare(&address)) {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error.into())),
        };
        if let Err(error) = connection.connect().await {
            return Ok(Err(error.into()));
        }
        let handle = accessor.with(|mut access| access.get().push(connection))?;
        Ok(handle.map_err(Error::from))
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<Told<()>> {
        let mut command = cmd("PUBLISH");
        command.arg(channel).arg(payload);
        let answer = ask(accessor, &connection, "PUBLISH", command).await?;
        Ok(answer.map(drop))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        key: String,
    ) -> Result<Told<Option<Vec<u8>>>> {
        let mut command = cmd("GET");
        command.arg(key);
        Ok(read(ask(accessor, &connection, "GET", command).await?))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        key: String,
        value: Vec<u8>,
    ) -> Result<Told<()>> {
        let mut command = cmd("SET");
        command.arg(key).arg(value);
        let answer = ask(accessor, &connection, "SET", command).await?;
        Ok(answer.map(drop))
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        key: String,
    ) -> Result<Told<i64>> {
        let mut command = cmd("INCRBY");
        command.arg(key).arg(1);
        Ok(read(ask(accessor, &connection, "INCRBY", command).await?))
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        keys: Vec<String>,
    ) -> Result<Told<u32>> {
        let mut command = cmd("DEL");
        command.arg(keys);
        Ok(read(ask(accessor, &connection, "DEL", command).await?))
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        key: String,
        values: Vec<String>,
    ) -> Result<Told<u32>> {
        let mut command = cmd("SADD");
        command.arg(key).arg(values);
        Ok(read(ask(accessor, &connection, "SADD", command).await?))
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        key: String,
    ) -> Result<Told<Vec<String>>> {
        let mut command = cmd("SMEMBERS");
        command.arg(key);
        Ok(read(ask(accessor, &connection, "SMEMBERS", command).await?))
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        key: String,
        values: Vec<String>,
    ) -> Result<Told<u32>> {
        let mut command = cmd("SREM");
        command.arg(key).arg(values);
        Ok(read(ask(accessor, &connection, "SREM", command).await?))
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        name: String,
        arguments: Vec<RedisParameter>,
    ) -> Result<Told<Vec<RedisResult>>> {
        let mut command = cmd(&name);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let answer = ask(accessor, &connection, &name, command).await?;
        Ok(answer.and_then(results::flat))
    }
}
