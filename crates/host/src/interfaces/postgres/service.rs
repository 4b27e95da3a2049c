//! What a component may connect to, and the connections that its instances have open.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::address::Address;
use super::connection::Connection;
use super::error::{PostgresError, PostgresResult};
use super::pool::Pools;
use super::trust::Authority;
use crate::interfaces::interface::View;
use crate::interfaces::outbound_http::allow_list::{AllowList, Destination};

/// Connections that one instance has open at the same time, far more than there are for it.
const OPEN_MAX: usize = 256;
/// Builders of connections that one instance has at the same time.
const BUILDERS_MAX: usize = 256;
/// The scheme in `allowed_outbound_hosts`.
const SCHEME: &str = "postgres";

/// What the refusing twin says, as Spin's does.
const NOT_PERMITTED: &str = "\"spin:postgres/postgres\" is not permitted";

/// `spin:postgres`.
pub struct Postgres;

/// What one component may connect to.
pub struct Granted {
    pools: Pools,
    allowed: AllowList,
}

impl Granted {
    /// What `allowed` allows, by the connections of `pools`.
    pub fn new(pools: Pools, allowed: AllowList) -> Self {
        Self { pools, allowed }
    }

    /// Every host of an address has to be allowed, for each may be the one that serves.
    fn admit(&self, text: &str) -> PostgresResult<Address> {
        let address = Address::parse(text)?;
        for (host, port) in &address.places {
            let to = Destination {
                scheme: SCHEME,
                host,
                port: Some(*port),
            };
            if !self.allowed.allows(to) {
                return Err(PostgresError::ConnectionFailed(format!(
                    "address {SCHEME}://{host}:{port} is not permitted"
                )));
            }
        }
        Ok(address)
    }
}

/// What is open of a component's connections in one instance.
pub struct Open {
    granted: Arc<Granted>,
    connections: usize,
    builders: usize,
}

impl Open {
    /// Nothing yet of what is granted.
    pub fn new(granted: Arc<Granted>) -> Self {
        Self {
            granted,
            connections: 0,
            builders: 0,
        }
    }
}

/// A connection that is yet to be made.
#[derive(Clone)]
pub struct Builder {
    /// Where to.
    pub address: String,
    /// Who vouches for the server as well.
    pub authority: Option<Authority>,
}

impl Builder {
    /// One to this address.
    pub fn to(address: String) -> Self {
        Self {
            address,
            authority: None,
        }
    }
}

/// A connection that may be made.
pub struct Admitted {
    granted: Arc<Granted>,
    address: Address,
    authority: Option<Authority>,
}

impl Admitted {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Says why there is no connection.
    pub async fn connect(self) -> PostgresResult<Connection> {
        let pooled = self.granted.pools.get(self.address, self.authority).await?;
        Ok(Connection::new(pooled))
    }
}

impl View<'_, Postgres> {
    /// What a component opens by this address, if it may.
    ///
    /// # Errors
    ///
    /// When it may not.
    pub fn admit(&self, builder: Builder) -> PostgresResult<Admitted> {
        let denied = || PostgresError::Other(NOT_PERMITTED.to_owned());
        let open = self.instance.as_ref().ok_or_else(denied)?;
        Ok(Admitted {
            address: open.granted.admit(&builder.address)?,
            granted: Arc::clone(&open.granted),
            authority: builder.authority,
        })
    }

    /// Opens a connection while nothing else of the instance is done.
    ///
    /// # Errors
    ///
    /// When the table of resources is full.
    pub async fn connect(
        &mut self,
        builder: Builder,
    ) -> wasmtime::Result<PostgresResult<Resource<Connection>>> {
        let admitted = match self.admit(builder) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(Err(error)),
        };
        match admitted.connect().await {
            Ok(connection) => self.push(connection),
            Err(error) => Ok(Err(error)),
        }
    }

    /// A handle that counts against [`OPEN_MAX`].
    ///
    /// # Errors
    ///
    /// When the table of resources is full.
    pub fn push(
        &mut self,
        connection: Connection,
    ) -> wasmtime::Result<PostgresResult<Resource<Connection>>> {
        match &mut self.instance {
            Some(open) if open.connections < OPEN_MAX => {
                let handle = self.table.push(connection)?;
                open.connections += 1;
                Ok(Ok(handle))
            }
            _ => Ok(Err(PostgresError::ConnectionFailed(
                "too many connections".to_owned(),
            ))),
        }
    }

    /// Takes a handle back.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn close(&mut self, handle: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        if let Some(open) = &mut self.instance {
            open.connections = open.connections.saturating_sub(1);
        }
        Ok(())
    }

    /// The connection of a handle.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn connection(&self, handle: &Resource<Connection>) -> wasmtime::Result<Connection> {
        Ok(self.table.get(handle)?.clone())
    }

    /// A new builder. The refusing twin has them as well: only to build is refused.
    ///
    /// # Errors
    ///
    /// When there are [`BUILDERS_MAX`]: the interface has no word for that.
    pub fn new_builder(&mut self, address: String) -> wasmtime::Result<Resource<Builder>> {
        if let Some(open) = &mut self.instance {
            wasmtime::ensure!(
                open.builders < BUILDERS_MAX,
                "{BUILDERS_MAX} connection builders are open, and none is dropped"
            );
            open.builders += 1;
        }
        Ok(self.table.push(Builder::to(address))?)
    }

    /// A builder.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn builder(&mut self, handle: &Resource<Builder>) -> wasmtime::Result<&mut Builder> {
        Ok(self.table.get_mut(handle)?)
    }

    /// Takes a builder back.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn drop_builder(&mut self, handle: Resource<Builder>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        if let Some(open) = &mut self.instance {
            open.builders = open.builders.saturating_sub(1);
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use wasmtime::component::ResourceTable;

    use super::*;
    use crate::interfaces::postgres::trust::Trust;
    use crate::trust::RootSources;

    fn granted(entries: &[&str]) -> Arc<Granted> {
        let trust = Arc::new(Trust::new(RootSources::default()));
        let pools = Pools::new(trust, Duration::from_secs(30));
        Arc::new(Granted::new(pools, AllowList::parse(entries).unwrap()))
    }

    #[test]
    fn only_what_is_allowed_is_admitted() {
        for (entry, address, is_allowed) in [
            ("postgres://db", "postgres://db", true),
            ("postgres://db:5432", "postgresql://db/own", true),
            ("postgres://db", "postgres://me:secret@db:5432/own", true),
            ("postgres://db", "host=db user=me", true),
            ("postgres://db:*", "host=db port=7", true),
            ("*://db:7", "postgres://db:7", true),
            ("postgres://[::1]", "postgres://[::1]", true),
            ("postgres://10.0.0.0/8", "host=10.1.2.3", true),
            ("postgres://*.own.net", "host=a.own.net,b.own.net", true),
            ("postgres://db", "postgres://db:7", false),
            ("postgres://db", "postgres://other", false),
            ("postgres://db", "postgres://db@other", false),
            ("postgres://db", "postgres://other/db", false),
            ("postgres://db", "postgres://db?host=other", false),
            ("postgres://db", "postgres://db?port=7", false),
            ("postgres://db", "host=db,other", false),
            ("postgres://db", "host=other,db", false),
            ("postgres://db", "host=db hostaddr=10.0.0.1", false),
            ("postgres://db", "host=db,db port=5432,7", false),
            ("http://db:5432", "postgres://db", false),
            ("postgres://db", "http://db:5432", false),
            ("postgres://db", "db", false),
            ("*://*:*", "host=/run/postgresql", false),
        ] {
            let admitted = granted(&[entry]).admit(address);
            assert_eq!(admitted.is_ok(), is_allowed, "{entry} for {address}");
            if let Err(error) = admitted {
                let is_right = matches!(error, PostgresError::ConnectionFailed(_));
                assert!(is_right, "{entry} for {address}: {error:?}");
            }
        }
        assert!(granted(&[]).admit("postgres://db").is_err());
    }

    #[test]
    fn a_refusing_twin_opens_no_connection() {
        let mut table = ResourceTable::new();
        let twin = View::<Postgres> {
            table: &mut table,
            instance: None,
        };
        let opened = twin.admit(Builder::to("postgres://db".to_owned()));
        let said = "\"spin:postgres/postgres\" is not permitted".to_owned();
        assert_eq!(opened.map(drop), Err(PostgresError::Other(said)));
    }

    #[test]
    fn an_instance_has_no_more_builders_than_it_may_and_one_again_for_each_that_it_drops() {
        let mut open = Open::new(granted(&[]));
        let mut table = ResourceTable::new();
        let mut view = View::<Postgres> {
            table: &mut table,
            instance: Some(&mut open),
        };
        let first = view.new_builder(String::new()).unwrap();
        for _ in 1..BUILDERS_MAX {
            view.new_builder(String::new()).unwrap();
        }
        assert!(view.new_builder(String::new()).is_err());
        view.drop_builder(first).unwrap();
        assert!(view.new_builder(String::new()).is_ok());
    }
}
