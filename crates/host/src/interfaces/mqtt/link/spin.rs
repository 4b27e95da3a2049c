//! `spin:mqtt/mqtt@3.0.0`.

use wasmtime::Result;
use wasmtime::component::{Accessor, Resource};

use super::bindings::spin::mqtt::mqtt::{
    Error, Host, HostConnection, HostConnectionWithStore, Qos,
};
use crate::interfaces::interface::{Linked, View};
use crate::interfaces::mqtt::error::MqttError;
use crate::interfaces::mqtt::message::{Message, Quality};
use crate::interfaces::mqtt::service::{Mqtt, OpenConnection};

impl From<MqttError> for Error {
    fn from(error: MqttError) -> Self {
        match error {
            MqttError::InvalidAddress => Self::InvalidAddress,
            MqttError::TooManyConnections => Self::TooManyConnections,
            MqttError::ConnectionFailed(reason) => Self::ConnectionFailed(reason),
            MqttError::Other(reason) => Self::Other(reason),
        }
    }
}

impl From<Qos> for Quality {
    fn from(qos: Qos) -> Self {
        match qos {
            Qos::AtMostOnce => Self::AtMostOnce,
            Qos::AtLeastOnce => Self::AtLeastOnce,
            Qos::ExactlyOnce => Self::ExactlyOnce,
        }
    }
}

type Told<T> = std::result::Result<T, Error>;
type Handle = Resource<OpenConnection>;

impl Host for View<'_, Mqtt> {}

impl HostConnection for View<'_, Mqtt> {
    fn drop(&mut self, handle: Handle) -> Result<()> {
        self.close(handle)
    }
}

impl<T> HostConnectionWithStore<T> for Linked<Mqtt> {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
        username: String,
        password: String,
        keep_alive: u64,
    ) -> Result<Told<Handle>> {
        let opened = accessor.with(|mut access| {
            let mut view = access.get();
            view.open_connection("spin:mqtt/mqtt", &address, username, password, keep_alive)
        })?;
        Ok(opened.map_err(Error::from))
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        handle: Handle,
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Result<Told<()>> {
        let connection = accessor.with(|mut access| access.get().connection(&handle))?;
        Ok(match Message::new(topic, payload, qos.into()) {
            Ok(message) => connection.publish(message).await.map_err(Error::from),
            Err(error) => Err(error.into()),
        })
    }
}
