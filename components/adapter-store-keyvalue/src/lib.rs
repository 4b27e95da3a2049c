//! An adapter: meets `spin:key-value` from `wasi:keyvalue`, for a host that has no stores of Spin.
//!
//! A store is the bucket of its name. Where the host has none of that name, Spin's `default` is the bucket without a
//! name, which some hosts have alone. Calls of `wasi:keyvalue` do not wait: the instance does nothing else meanwhile.

use self::bindings::exports::spin::key_value::key_value::{Error, Guest, GuestStore, Store};
use self::bindings::wasi::keyvalue::store::{self, Bucket};
use self::bindings::{wit_future, wit_stream};
use wasip3::wit_bindgen::{self, FutureReader, StreamReader, StreamWriter};

#[expect(unsafe_code, reason = "what wit-bindgen makes of an export")]
mod bindings {
    wasip3::wit_bindgen::generate!({
        path: ["../../wit/deps/spin-key-value@3.0.0", "../../wit/deps/spin-variables@3.0.0", "../../wit/adapters"],
        world: "doorward:adapters/store-keyvalue",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
    });

    export!(Adapter with_types_in self);

    use super::Adapter;
}

/// Spin's name for the store that every application may have.
const DEFAULT: &str = "default";
/// What a host calls the bucket that it has without a name.
const NAMELESS: &str = "";

struct Adapter;

/// A store that is open.
struct Opened {
    /// Its name.
    label: String,
    bucket: Bucket,
}

impl Guest for Adapter {
    type Store = Opened;
}

impl GuestStore for Opened {
    async fn open(label: String) -> Result<Store, Error> {
        let bucket = open(&label).map_err(error)?;
        Ok(Store::new(Self { label, bucket }))
    }

    async fn get(&self, key: String) -> Result<Option<Vec<u8>>, Error> {
        self.bucket.get(&key).map_err(error)
    }

    async fn set(&self, key: String, value: Vec<u8>) -> Result<(), Error> {
        self.bucket.set(&key, &value).map_err(error)
    }

    async fn delete(&self, key: String) -> Result<(), Error> {
        self.bucket.delete(&key).map_err(error)
    }

    async fn exists(&self, key: String) -> Result<bool, Error> {
        self.bucket.exists(&key).map_err(error)
    }

    async fn get_keys(&self) -> (StreamReader<String>, FutureReader<Result<(), Error>>) {
        let (writer, names) = wit_stream::new();
        let (outcome, told) = wit_future::new(|| Ok(()));
        // A bucket of its own: this one goes with its store, which may be dropped before all is read.
        let bucket = open(&self.label);
        wit_bindgen::spawn(async move {
            let listed = match bucket {
                Ok(bucket) => list(&bucket, writer).await,
                Err(error) => Err(error),
            };
            // Where nobody wants to know, nobody has to.
            let _ = outcome.write(listed.map_err(error)).await;
        });
        (names, told)
    }
}

fn open(label: &str) -> Result<Bucket, store::Error> {
    match store::open(label) {
        Err(_) if label == DEFAULT => store::open(NAMELESS),
        opened => opened,
    }
}

/// Writes all names, page by page, as long as somebody reads them.
async fn list(bucket: &Bucket, mut writer: StreamWriter<String>) -> Result<(), store::Error> {
    let mut cursor = None;
    loop {
        let page = bucket.list_keys(cursor)?;
        let unread = writer.write_all(page.keys).await;
        if page.cursor.is_none() || !unread.is_empty() {
            return Ok(());
        }
        if page.cursor == cursor {
            let text = "the host gives the same page of names again and again";
            return Err(store::Error::Other(text.to_owned()));
        }
        cursor = page.cursor;
    }
}

fn error(error: store::Error) -> Error {
    match error {
        store::Error::NoSuchStore => Error::NoSuchStore,
        store::Error::AccessDenied => Error::AccessDenied,
        store::Error::Other(text) => Error::Other(text),
    }
}
