//! Clients of events that others wrote: the SDK of CloudEvents for Python, and `pika` for AMQP.

use crate::made::Made;
use crate::python;
use serde_json::Value;

/// What sends and receives with them.
const CLIENT: &str = "client.py";

const MADE: Made = Made {
    name: "events",
    title: "the clients of events",
};

/// Installs the clients where they are not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and the clients cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    python::tools_of(&MADE)?;
    MADE.once("client", &[CLIENT], || {});
    Ok(())
}

/// Takes steps, one after the other, and says what became of each: `languages/events/client.py` has which there are.
///
/// # Panics
/// Where the client fails.
pub async fn steps(steps: Value) -> Value {
    let taking = move || python::answer_of(&MADE, CLIENT, &[], &steps);
    let taken = tokio::task::spawn_blocking(taking);
    taken.await.expect("the client ends well")
}
