//! Requests that are measured, and what is read of them.

use crate::client::Ask;
use crate::gated::status;
use crate::servers::{Prometheus, Server};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How often four clients ask together, each once with a token and once without.
pub const REQUESTS: u64 = 300;

/// Requests of an instance, so that there are several for these.
pub const REQUESTS_AN_INSTANCE: usize = 128;

/// How long it may take until Prometheus knows something.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Asks a gateway for `/read/…` [so often](REQUESTS), by four clients at once. More than one instance serves, so what is
/// measured comes from several.
///
/// # Panics
/// Where who has the token may not read, or somebody without may.
pub async fn ask_by_four(address: SocketAddr, token: &str) {
    let mut under_way = tokio::task::JoinSet::new();
    for client in 0..4 {
        let token = token.to_owned();
        under_way.spawn(async move {
            for number in 0..REQUESTS / 4 {
                let path = format!("/read/{}", client * REQUESTS + number);
                let answer = Ask::get(&path).bearer(&token).send(address).await;
                status(&answer, 200, "who may read does");
                let answer = Ask::get("/read/1").send(address).await;
                status(&answer, 401, "who says nothing may not");
            }
        });
    }
    while let Some(ended) = under_way.join_next().await {
        ended.expect("a client");
    }
}

/// The value of a series, by its beginning up to the value; 0 where there is none.
///
/// # Panics
/// Where it is no whole number.
pub fn value(text: &str, series: &str) -> u64 {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(series));
    let value = values.next();
    value.map_or(0, |value| value.trim().parse().expect("a number"))
}

/// Waits until Prometheus says that this expression has this value.
///
/// # Panics
/// Where it does not soon.
pub async fn until_it_says(server: &Server<Prometheus>, expression: &str, value: &str) {
    let began = Instant::now();
    let wanted = format!(",\"{value}\"]");
    let path = Server::<Prometheus>::query(expression);
    loop {
        let answer = Ask::get(&path).send(server.address()).await.text();
        if answer.contains(&wanted) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{expression}: {answer}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
