//! The outbox is asked to deliver, after the response.

use std::cell::Cell;

use doorward_service::problem::REQUEST_ID;
use doorward_service_spin::now_ms;
use doorward_users::outbox::{DRAIN_PATH, Turn};
use http::HeaderMap;
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{Fields, Method, Request, Scheme};
use spin_sdk::wasip3::wit_bindgen::spawn;
use spin_sdk::wasip3::wit_future;

use crate::settings::are_events_wanted;

/// Where the component is that delivers, by service chaining.
const OUTBOX: &str = "users-outbox.spin.internal";
/// For how long nobody is asked who could not deliver, in milliseconds.
const PAUSE_MS: u64 = 5_000;
/// How often one request asks at most, where others change users all the time. The next one goes on.
const ROUNDS_MAX: usize = 16;

thread_local! {
    static TURN: Cell<Turn> = const { Cell::new(Turn::FIRST) };
}

/// Has events delivered, if anybody wants them: those that this request has left, or else those that others could not
/// deliver. Nobody waits for it. What is not delivered now is with the next request, or by a timer. The log of the outbox
/// names the request by its id.
pub fn nudge_outbox(has_changed: bool, request: &HeaderMap) {
    if with_turn(|turn| turn.begins(now_ms(), has_changed)) {
        let id = request.get(REQUEST_ID).map(|id| id.as_bytes().to_vec());
        spawn(deliver(id, Ends { paused_until_ms: 0 }));
    }
}

async fn deliver(id: Option<Vec<u8>>, mut ends: Ends) {
    for _ in 0..ROUNDS_MAX {
        let is_wanted = are_events_wanted().await.unwrap_or(false);
        if is_wanted && !is_delivered(id.as_deref()).await {
            ends.paused_until_ms = now_ms().saturating_add(PAUSE_MS);
            return;
        }
        if !with_turn(Turn::is_asked_again) {
            return;
        }
    }
}

/// Asks the outbox to deliver, and says whether it could.
async fn is_delivered(id: Option<&[u8]>) -> bool {
    let fields = Fields::new();
    if let Some(id) = id {
        // Without it the log says less.
        let _ = fields.append(REQUEST_ID, id);
    }
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(fields, None, no_trailers, None);
    let set = request.set_method(&Method::Post);
    let set = set.and(request.set_scheme(Some(&Scheme::Http)));
    let set = set.and(request.set_authority(Some(OUTBOX)));
    if set
        .and(request.set_path_with_query(Some(DRAIN_PATH)))
        .is_err()
    {
        return false;
    }
    let answer = client::send(request).await;
    answer.is_ok_and(|answer| answer.get_status_code() == 200)
}

/// Ends a turn, also where the host gives it up.
struct Ends {
    paused_until_ms: u64,
}

impl Drop for Ends {
    fn drop(&mut self) {
        with_turn(|turn| turn.ended(self.paused_until_ms));
    }
}

fn with_turn<T>(act: impl FnOnce(&mut Turn) -> T) -> T {
    let mut turn = TURN.get();
    let result = act(&mut turn);
    TURN.set(turn);
    result
}
