//! `wasi:http/service`: `/metrics`, the numbers that instances of the gate have left in the store, for Prometheus.
//!
//! It asks for no credential: whoever reaches it reads them. So it is behind the gate, or on a private route.

use doorward_edge::{FieldList, method_name, respond};
use doorward_metrics::{Format, Gathered, slot};
use futures::future::try_join_all;
use serde_json::json;
use spin_sdk::key_value::{Error, Store};
use wasip3::clocks::system_clock;
use wasip3::http::types::{ErrorCode, Request, Response};

/// The environment variable that names the store: the one of the policy (`[store] name`).
const STORE_VARIABLE: &str = "DOORWARD_STORE";
/// The store where nothing is said.
const STORE_DEFAULT: &str = "default";
/// How the paths end that are answered.
const PATH: &str = "/metrics";
/// Slots that are asked for at the same time.
const READS_AT_ONCE: usize = 16;

struct Ops;

wasip3::http::service::export!(Ops);

impl wasip3::exports::http::handler::Guest for Ops {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        if !path.ends_with(PATH) {
            return text(404, "There are numbers under /metrics.\n", &[]);
        }
        if !matches!(&*method_name(request.get_method()), "GET" | "HEAD") {
            return text(
                405,
                "Numbers are read with GET.\n",
                &[("allow", "GET, HEAD")],
            );
        }
        let accept = request.get_headers().get("accept");
        let format = Format::accepted(&String::from_utf8_lossy(&accept.join(&b","[..])));
        let name = std::env::var(STORE_VARIABLE);
        let name = name.unwrap_or_else(|_| STORE_DEFAULT.to_owned());
        match numbers(&name, format).await {
            Ok(numbers) => answer(200, format.media_type(), numbers, &[]),
            Err(error) => failed(&name, &error),
        }
    }
}

/// All of them. What is shown is kept, so that no counter falls afterwards.
async fn numbers(store: &str, format: Format) -> Result<String, Error> {
    let store = Store::open(store).await?;
    let last = store.get(slot::SHOWN).await?;
    let now_s = u64::try_from(system_clock::now().seconds).unwrap_or(0);
    let mut gathered = Gathered::after(last.as_deref());
    if let Some(totals) = gathered.of_this_second(now_s) {
        return Ok(format.of(totals));
    }
    let names: Vec<String> = slot::names().collect();
    for names in names.chunks(READS_AT_ONCE) {
        let slots = try_join_all(names.iter().map(|name| store.get(name))).await?;
        for slot in slots.into_iter().flatten() {
            gathered.add(&slot);
        }
    }
    let (totals, kept) = gathered.shown(now_s);
    if let Some(kept) = kept {
        store.set(slot::SHOWN, kept).await?;
    }
    Ok(format.of(&totals))
}

/// What the host says is for the log; who asks is told what to do.
fn failed(store: &str, error: &Error) -> Result<Response, ErrorCode> {
    let (reason, help) = match error {
        Error::NoSuchStore | Error::AccessDenied => (
            "not granted",
            "name it under key_value_stores of this component; another one than the default is named by DOORWARD_STORE",
        ),
        Error::StoreTableFull => ("too many stores are open", "ask again later"),
        Error::Other(text) => (text.as_str(), "look whether the store can be reached"),
    };
    let line = json!({
        "level": "error",
        "event": "store-unavailable",
        "store": store,
        "reason": reason,
        "help": help,
    });
    eprintln!("{line}");
    let body = format!("The key-value store with the numbers cannot be used: {help}.\n");
    text(503, &body, &[])
}

fn text(status: u16, body: &str, fields: &[(&str, &str)]) -> Result<Response, ErrorCode> {
    answer(status, "text/plain; charset=utf-8", body.to_owned(), fields)
}

fn answer(
    status: u16,
    media_type: &str,
    body: String,
    fields: &[(&str, &str)],
) -> Result<Response, ErrorCode> {
    let length = body.len().to_string();
    let own = [
        ("content-type", media_type),
        ("content-length", &length),
        ("cache-control", "no-store"),
        ("vary", "accept"),
    ];
    let fields = own.iter().chain(fields);
    let fields: FieldList = fields
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    respond(status, &fields, body.into_bytes())
}
