//! `fermyon:spin/mqtt@2.0.0`: 3.0.0 without `async`.

use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::fermyon::spin::mqtt::{Error, Host, HostConnection, Qos};
use crate::interfaces::interface::View;
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

impl Host for View<'_, Mqtt> {}

impl HostConnection for View<'_, Mqtt> {
    fn open(
        &mut self,
        address: String,
        username: String,
        password: String,
        keep_alive: u64,
    ) -> Result<Told<Resource<OpenConnection>>> {
        let opened = self.open_connection(
            "fermyon:spin/mqtt",
            &address,
            username,
            password,
            keep_alive,
        )?;
        Ok(opened.map_err(Error::from))
    }

    async fn publish(
        &mut self,
        handle: Resource<OpenConnection>,
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Result<Told<()>> {
        let connection = self.connection(&handle)?;
        Ok(match Message::new(topic, payload, qos.into()) {
            Ok(message) => connection.publish(message).await.map_err(Error::from),
            Err(error) => Err(error.into()),
        })
    }

    fn drop(&mut self, handle: Resource<OpenConnection>) -> Result<()> {
        self.close(handle)
    }
}
