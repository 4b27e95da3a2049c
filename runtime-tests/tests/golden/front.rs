//! The gate before the service `echo`, and the gateway before an origin that answers as `echo` is told to.

use crate::act::Act;
use crate::book::Book;
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use std::sync::Arc;

/// How the fields begin that the service or the origin is asked to answer with.
const ANSWER: &str = "x-answer-";

/// What stands in front of what.
pub struct Front {
    /// `the gate` or `the gateway`.
    pub name: &'static str,
    pub spec: AppSpec,
    /// What the gateway asks.
    pub origin: Option<Arc<Origin>>,
}

/// Both of them, with this policy. The upstream of the gateway has these lines more.
pub async fn both(scene: &mut Scene<'_>, policy: &str, lines: &str) -> [Front; 2] {
    let origin = scene.origin("origin", answering()).await;
    let url = origin.url();
    let upstream = format!("[upstream.origin]\nurl = \"{url}\"\n{lines}\n");
    let defaults = "[defaults]\nupstream = \"origin\"\n";
    let policy_of_gateway = match policy.contains("[defaults]\n") {
        true => policy.replace("[defaults]\n", defaults),
        false => format!("{defaults}\n{policy}"),
    };
    let gate = Front {
        name: "the gate",
        spec: AppSpec::gated("echo", policy),
        origin: None,
    };
    let gateway = Front {
        name: "the gateway",
        spec: AppSpec::gateway(format!("{upstream}\n{policy_of_gateway}")),
        origin: Some(origin),
    };
    [gate, gateway]
}

/// Serves it, and tells of what its origin gets.
pub async fn begin<'b, 'h>(
    book: &'b mut Book<'h>,
    scene: &Scene<'_>,
    front: &Front,
    title: &str,
) -> Act<'b, 'h> {
    let title = format!("{}: {title}", front.name);
    let mut act = Act::begin(book, &title, &front.spec, scene).await;
    if let Some(origin) = &front.origin {
        act.tells_of("the origin", origin);
    }
    act
}

/// Answers `hello`, with the fields that a request asks for.
pub fn answering() -> Script {
    Script::by(|seen, _| {
        let fields = seen.fields.iter();
        fields.fold(Reply::ok("hello"), |reply, (name, value)| {
            match name.to_ascii_lowercase().strip_prefix(ANSWER) {
                Some(name) => reply.field(name, value),
                None => reply,
            }
        })
    })
}
