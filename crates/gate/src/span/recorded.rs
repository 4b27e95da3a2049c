//! Spans, as they are recorded.

use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{self, Poll};

use doorward_policy::TelemetryRule;
use doorward_syntax::url::{UrlParts, host_and_port};
use doorward_traffic::trace::Trace;
use doorward_traffic::trace_context::Traceparent;

use super::kind::Kind;
use crate::method::{OTHER_METHOD, known_method};
use crate::platform::Platform;
use crate::record::path_of;
use crate::recording::Recording as _;
use crate::spans::{Context, Finished, Root, Value, cut};

/// Attributes of a span.
const ATTRIBUTES_MAX: usize = 32;
/// A text is cut after this many bytes.
const TEXT_BYTES_MAX: usize = 256;
/// `error.type` of what was given up before it had ended.
const CANCELLED: &str = "cancelled";

/// In which span the work is that goes on now. It is set each time when work goes on, and put back when it waits.
fn current<P: Platform>(platform: &P) -> Option<Context> {
    platform.metrics()?.borrow().current
}

/// Sets that, and gives what it was.
fn replaced<P: Platform>(platform: &P, context: Option<Context>) -> Option<Context> {
    let metrics = platform.metrics()?;
    std::mem::replace(&mut metrics.borrow_mut().current, context)
}

pin_project! {
    /// Work within a span, or within none. No `async fn`: that would hold the work twice, and so each one around it.
    pub(crate) struct Within<P, F> {
        // `None`: in whatever span it is polled.
        platform: Option<P>,
        context: Option<Context>,
        #[pin]
        work: F,
    }
}

impl<P: Platform, F: Future> Future for Within<P, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waker: &mut task::Context<'_>) -> Poll<F::Output> {
        let own = self.project();
        let Some(platform) = own.platform else {
            return own.work.poll(waker);
        };
        let before = replaced(platform, *own.context);
        let polled = own.work.poll(waker);
        *own.context = replaced(platform, before);
        polled
    }
}

/// Work for a request that arrives: it is in no span before [`begin_request`].
pub(crate) fn request<P: Platform, F: Future>(platform: &P, work: F) -> Within<P, F> {
    Within {
        platform: Some(platform.clone()),
        context: None,
        work,
    }
}

/// Work that goes on by itself, within the span in which it is begun.
pub(crate) fn inherited<P: Platform, F: Future>(platform: &P, work: F) -> Within<P, F> {
    let context = current(platform);
    Within {
        platform: context.map(|_| platform.clone()),
        context,
        work,
    }
}

/// Begins the span of a request where it is sampled, which goes on with it: as the trusted peer says that sent it,
/// else one in so many as the policy says.
pub(crate) fn begin_request<P: Platform>(
    platform: &P,
    rule: Option<&TelemetryRule>,
    trace: &mut Trace,
    is_https: bool,
) -> Option<Root> {
    let one_in = rule.filter(|rule| rule.otlp.is_some())?.trace_one_in;
    let is_sampled = one_in > 0
        && match &trace.parent {
            Some(parent) => parent.is_sampled(),
            None => trace.span.is_one_in(one_in),
        };
    if !is_sampled {
        return None;
    }
    trace.span = trace.span.sampled();
    let start_ns = platform.monotonic_ns();
    let (trace_id, span_id) = trace.span.ids();
    let now_ns = platform.now_millis().0.saturating_mul(1_000_000);
    let context = Context {
        trace_id,
        span_id,
        epoch_ns: now_ns.wrapping_sub(start_ns),
    };
    replaced(platform, Some(context));
    Some(Root {
        context,
        parent: trace.parent.map(|parent| parent.ids().1),
        link: trace.link.map(|link| link.ids()),
        start_ns,
        is_https,
    })
}

/// Ends the span of a request.
pub(crate) fn end_request<P: Platform>(
    platform: &P,
    root: Root,
    name: String,
    attributes: Vec<(&'static str, Value)>,
    is_error: bool,
) {
    let Root {
        context,
        parent,
        link,
        start_ns,
        ..
    } = root;
    let finished = Finished {
        trace_id: context.trace_id,
        span_id: context.span_id,
        parent,
        parent_is_remote: parent.is_some(),
        link,
        name,
        kind: Kind::Server,
        start_ns: context.since_1970_ns(start_ns),
        end_ns: context.since_1970_ns(platform.monotonic_ns()),
        attributes,
        is_error,
    };
    platform.measured(|metrics| metrics.span(finished));
}

/// Work within a span, and what that is told of what came of it. For what is done rarely: the work is put aside, so that
/// what is around it does not hold it twice.
pub(crate) fn doing<P: Platform, F: Future>(
    platform: &P,
    begin: impl FnOnce(&P) -> Span<P>,
    work: F,
    tell: impl FnOnce(&mut Span<P>, &F::Output),
) -> impl Future<Output = F::Output> {
    let work = Box::pin(work);
    async move {
        let mut span = begin(platform);
        let done = span.within(work).await;
        tell(&mut span, &done);
        span.ends();
        done
    }
}

/// A span of work within that of a request, if that has one. It ends when it is dropped.
pub(crate) struct Span<P: Platform>(Option<Box<Open<P>>>);

struct Open<P: Platform> {
    platform: P,
    context: Context,
    parent: u64,
    name: &'static str,
    kind: Kind,
    start_ns: u64,
    attributes: Vec<(&'static str, Value)>,
    is_error: bool,
    has_ended: bool,
}

impl<P: Platform> Span<P> {
    /// Begins one.
    pub(crate) fn begin(platform: &P, kind: Kind, name: &'static str) -> Self {
        Self(current(platform).map(|around| {
            Box::new(Open {
                platform: platform.clone(),
                context: Context {
                    span_id: platform.random_name().max(1),
                    ..around
                },
                parent: around.span_id,
                name,
                kind,
                start_ns: platform.monotonic_ns(),
                attributes: Vec::new(),
                is_error: false,
                has_ended: false,
            })
        }))
    }

    /// Begins one of a request that somebody else is sent.
    pub(crate) fn of_exchange(platform: &P, method: &str) -> Self {
        let method = known_method(method);
        let name = if method == OTHER_METHOD {
            "HTTP"
        } else {
            method
        };
        let mut span = Self::begin(platform, Kind::Client, name);
        span.tell("http.request.method", || method.to_owned());
        span
    }

    /// What somebody who is asked in it is told of the trace, where it is recorded.
    pub(crate) fn child_of(&self, request: &Traceparent) -> Option<Traceparent> {
        let open = self.0.as_ref()?;
        Some(request.child(open.context.span_id))
    }

    /// Work that is done in it.
    pub(crate) fn within<F: Future>(&self, work: F) -> Within<P, F> {
        let open = self.0.as_ref();
        Within {
            platform: open.map(|open| open.platform.clone()),
            context: open.map(|open| open.context),
            work,
        }
    }

    /// An attribute of it. What is no more than a look at a name or a number is asked for; nothing secret is one.
    pub(crate) fn tell(&mut self, key: &'static str, value: impl FnOnce() -> String) {
        if let Some(open) = &mut self.0 {
            open.add(key, Value::Text(cut(value(), TEXT_BYTES_MAX)));
        }
    }

    /// An attribute that is a number.
    pub(crate) fn number(&mut self, key: &'static str, value: u64) {
        if let Some(open) = &mut self.0 {
            open.add(key, Value::Number(value));
        }
    }

    /// It did not come to what was wanted: `error.type` says what came of it.
    pub(crate) fn fails(&mut self, error_type: impl FnOnce() -> String) {
        self.tell("error.type", error_type);
        if let Some(open) = &mut self.0 {
            open.is_error = true;
        }
    }

    /// Whom an exchange is with, and about what: the query of a URL may hold what is nobody's business.
    pub(crate) fn tells_of_url(&mut self, url: &str) {
        if self.0.is_some()
            && let Ok(parts) = UrlParts::of_any(url)
        {
            self.tells_of_peer(parts.scheme, parts.authority, &parts.target());
        }
    }

    /// The same, in parts.
    pub(crate) fn tells_of_peer(&mut self, scheme: &str, authority: &str, target: &str) {
        if self.0.is_none() {
            return;
        }
        let path = path_of(target);
        let default = if scheme == "https" { 443 } else { 80 };
        let (host, port) = host_and_port(authority);
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(default);
        self.tell("server.address", || {
            host.trim_matches(['[', ']']).to_owned()
        });
        self.number("server.port", port);
        self.tell("url.full", || format!("{scheme}://{authority}{path}"));
    }

    /// What an exchange was answered with. For who asked, 4xx is an error, too.
    pub(crate) fn answered(&mut self, status: u16) {
        self.number("http.response.status_code", status.into());
        if status >= 400 {
            self.fails(|| status.to_string());
        }
    }

    /// It has ended. One that is dropped before was given up.
    pub(crate) fn ends(mut self) {
        if let Some(open) = &mut self.0 {
            open.has_ended = true;
        }
    }
}

impl<P: Platform> Open<P> {
    fn add(&mut self, key: &'static str, value: Value) {
        if self.attributes.len() < ATTRIBUTES_MAX {
            self.attributes.push((key, value));
        }
    }
}

impl<P: Platform> Drop for Open<P> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.is_error = true;
            self.add("error.type", Value::Text(CANCELLED.to_owned()));
        }
        let context = self.context;
        let finished = Finished {
            trace_id: context.trace_id,
            span_id: context.span_id,
            parent: Some(self.parent),
            parent_is_remote: false,
            link: None,
            name: self.name.to_owned(),
            kind: self.kind,
            start_ns: context.since_1970_ns(self.start_ns),
            end_ns: context.since_1970_ns(self.platform.monotonic_ns()),
            attributes: std::mem::take(&mut self.attributes),
            is_error: self.is_error,
        };
        if self.has_ended {
            self.platform.measured(|metrics| metrics.span(finished));
        } else if let Some(metrics) = self.platform.metrics() {
            // Its request was given up: no work can be begun any more, and whoever tells next tells this as well.
            metrics.borrow_mut().span(finished);
        }
    }
}
