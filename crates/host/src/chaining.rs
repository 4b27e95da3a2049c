//! Service chaining: what one component sends to `http://NAME.spin.internal` another one of the application
//! answers, in memory.
//!
//! As in Spin, any component can be asked that has an HTTP trigger, a private one included, and it is the
//! component alone that answers: routes mean nothing, and the middlewares of its triggers are not passed.
//! It has its own files, variables and stores.
//!
//! A chained request runs in an instance for requests of its depth and of no other. So how deep it is, the
//! instance knows that sends the next one: nothing in a request says it, and no component can change it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use doorward_syntax::url::COMPONENT_SUFFIX;
use http::{Request, Response};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::manifest::Application;
use crate::nearest::nearest;
use crate::options::{LogLine, LogSink, LogStream};

/// Components that one request may go through by chaining, one asking the next. Each of them holds an
/// instance until the innermost has answered.
pub const CHAIN_DEPTH_MAX: usize = 8;

/// The host under which a component is asked.
#[must_use]
pub fn host_of(component: &str) -> String {
    format!("{component}{COMPONENT_SUFFIX}")
}

/// An answer under way. The work on it ends early where this, or the body of the answer, is dropped.
pub type Answering = Pin<Box<dyn Future<Output = Result<Response<WasiBody>, Error>> + Send>>;

/// What answers the chained requests of one depth to one component.
pub trait Callee: Send + Sync {
    /// Has the component answer.
    fn ask(&self, request: Request<WasiBody>) -> Answering;
}

/// The components that can be asked, each with what answers at each depth, 1 first.
pub type Callees = BTreeMap<String, Vec<Arc<dyn Callee>>>;

/// Where one component finds the others.
#[derive(Clone)]
pub struct Chaining {
    /// Filled once all components are linked. Not held: they hold this.
    callees: Arc<OnceLock<Weak<Callees>>>,
    log: LogSink,
}

/// A request on its way to another component.
pub struct Call<'a> {
    /// The component that sends it.
    pub from: &'a str,
    /// How many components it went through so far by chaining.
    pub depth: usize,
    /// The component that it is for.
    pub to: &'a str,
}

impl Chaining {
    /// Knows no components yet.
    #[must_use]
    pub fn new(log: LogSink) -> Self {
        Self {
            callees: Arc::default(),
            log,
        }
    }

    /// Says which components there are. Only the first call counts.
    pub fn set_callees(&self, callees: &Arc<Callees>) {
        let _ = self.callees.set(Arc::downgrade(callees));
    }

    /// Who answers a call.
    ///
    /// # Errors
    ///
    /// When there is no such component, or the chain would be too long. The log says which.
    pub fn find(&self, call: &Call<'_>) -> Result<Arc<dyn Callee>, Error> {
        let callees = self.callees.get().and_then(Weak::upgrade);
        let callees = callees.ok_or(Error::DestinationUnavailable)?;
        let callee = callees.get(call.to).or_else(|| {
            let mut others = callees.iter();
            let same = others.find(|(name, _)| name.eq_ignore_ascii_case(call.to));
            same.map(|(_, depths)| depths)
        });
        let Some(depths) = callee else {
            let message = unknown(call.to, callees.keys().map(String::as_str));
            self.report(call, &message);
            return Err(Error::InternalError(Some(message)));
        };
        let Some(callee) = depths.get(call.depth) else {
            let message = format!(
                "service chaining: `{}` is not asked, because {CHAIN_DEPTH_MAX} components have asked each other \
                 in a row already; do they go in a circle?",
                call.to
            );
            self.report(call, &message);
            return Err(Error::LoopDetected);
        };
        Ok(Arc::clone(callee))
    }

    fn report(&self, call: &Call<'_>, text: &str) {
        self.log.write(LogLine {
            component: call.from,
            stream: LogStream::Stderr,
            text,
        });
    }
}

/// Why no component of `application` can ask the one that is called `name`, whatever it is allowed.
#[must_use]
pub fn not_callable(application: &Application, name: &str) -> Option<String> {
    let mut callable = application
        .triggers
        .iter()
        .map(|trigger| trigger.component.as_str());
    if callable.clone().any(|id| id.eq_ignore_ascii_case(name)) {
        return None;
    }
    let mut ids = application.components.keys();
    Some(match ids.find(|id| id.eq_ignore_ascii_case(name)) {
        Some(id) => format!(
            "service chaining: component `{id}` has no HTTP trigger; add one that only other components reach:\n\
             \x20 [[trigger.http]]\n  route = {{ private = true }}\n  component = \"{id}\""
        ),
        None => unknown(name, &mut callable),
    })
}

fn unknown<'c>(name: &str, known: impl Iterator<Item = &'c str>) -> String {
    let near = nearest(name, known);
    let near = near.map(|near| format!("; did you mean `{near}`?"));
    format!(
        "service chaining: the application has no component `{name}` with an HTTP trigger{}",
        near.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests;
