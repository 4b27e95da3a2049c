//! A gateway that tells a collector, and what that has.

use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::origin::{Origin, Reply, Seen};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::{BEGIN_S, World};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The rest of a policy whose `[telemetry]` a test writes.
const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[issuer.opaque]
url = "https://opaque.example"
audience = "api"
jwks_url = "https://opaque.example/keys"

[issuer.opaque.introspection]
client_id = "gate"
secret = "client_secret"
endpoint = "https://opaque.example/introspect?realm=secret-realm"

[proxy]
trusted_networks = ["203.0.113.0/24"]
trusted_hops = 1

[upstream.orders]
url = "http://orders.example:8080"
attempts_max = 3

[defaults]
upstream = "orders"

[[route]]
path = "/orders/{number}"
issuer = "acme"
scope = ["read"]

[[route]]
path = "/opaque"
issuer = "opaque"
accept = "opaque"

[[route]]
path = "/public/**"
public = true
"#;

/// Longer than anything waits to be told.
pub const SOON: Duration = Duration::from_millis(1500);

/// A component, its issuer, an origin and a collector.
pub struct Scene {
    pub stage: Stage,
    pub issuer: Rc<Issuer>,
    pub origin: Rc<Origin>,
    pub collector: Rc<Origin>,
}

impl Scene {
    /// With these keys in `[telemetry]`, beside the address of the collector.
    pub fn new(telemetry: &str) -> Self {
        Self::of(telemetry, |component| component)
    }

    /// The same, with a component that is so.
    pub fn of(telemetry: &str, made: impl FnOnce(Component) -> Component) -> Self {
        let telemetry =
            format!("[telemetry]\notlp = \"https://collector.example:4318/otlp\"\n{telemetry}\n");
        let mut component = Component::new(&format!("{telemetry}{POLICY}"));
        component.measures = true;
        component.idle_max = Some(Duration::from_secs(1));
        component
            .secrets
            .insert("client_secret".to_owned(), "s3cret-of-the-gate".to_owned());
        let component = made(component);
        let world = World::beginning_at(BEGIN_S);
        let collector = Origin::at(&world, "collector.example:4318");
        collector.always(Reply::status(200).body(Vec::new()));
        Self {
            issuer: Issuer::at(&world, "acme.example", "first"),
            origin: Origin::at(&world, "orders.example:8080"),
            collector,
            stage: Stage::new(&world, component, Behind::Upstreams),
        }
    }

    pub fn get(&self, target: &str) -> Sent {
        let claims = json!({ "scope": "read" });
        let token = self.issuer.token_by("first", &self.stage.world, claims);
        Sent::get(target).bearer(&token)
    }

    /// Lets time pass until all is told.
    pub fn soon(&self) {
        self.stage.world.executor.run_for(SOON);
    }

    /// What came at this path, decoded, in the order in which it came.
    fn came<M: Message + Default>(&self, path: &str) -> Vec<M> {
        let seen = self.collector.seen();
        let of_path = seen.iter().filter(|seen| seen.target == path);
        of_path
            .map(|seen| {
                check_head(seen);
                M::decode(seen.body.as_slice()).unwrap()
            })
            .collect()
    }

    pub fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        self.came("/otlp/v1/metrics")
    }

    /// All spans that came.
    pub fn spans(&self) -> Vec<Span> {
        let came: Vec<ExportTraceServiceRequest> = self.came("/otlp/v1/traces");
        let resources = came.into_iter().flat_map(|came| came.resource_spans);
        let scopes = resources.flat_map(|resource| {
            check_resource(resource.resource.as_ref());
            resource.scope_spans
        });
        let spans = scopes.flat_map(|scope| {
            assert_eq!(scope.scope.unwrap().name, "doorward");
            scope.spans
        });
        spans.collect()
    }
}

/// What every request to a collector has.
fn check_head(seen: &Seen) {
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.field("content-type"), "application/x-protobuf");
    assert_eq!(seen.field("content-length"), seen.body.len().to_string());
    assert!(seen.field("user-agent").starts_with("Doorward-OTLP/"));
    assert_eq!(seen.field("traceparent"), "", "it is not traced itself");
}

/// Who tells. Gives the instance's id.
pub fn check_resource(resource: Option<&Resource>) -> String {
    let attributes = attributes(&resource.unwrap().attributes);
    assert_eq!(attributes["service.name"], "doorward");
    assert_eq!(attributes["service.version"], env!("CARGO_PKG_VERSION"));
    let id = attributes["service.instance.id"].clone();
    assert_eq!(id.len(), 36, "a UUID: {id}");
    id
}

/// Attributes as texts.
pub fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let pairs = pairs
        .iter()
        .map(|pair| (pair.key.clone(), text(&pair.value)));
    pairs.collect()
}

/// Counters of one metric, added up over all that came: by the values of their labels.
pub fn sums(came: &[ExportMetricsServiceRequest], name: &str) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for metric in metrics(came).filter(|metric| metric.name == name) {
        let Some(Data::Sum(sum)) = &metric.data else {
            panic!("{metric:?}")
        };
        for point in &sum.data_points {
            let labels = attributes(&point.attributes);
            let labels: Vec<_> = labels.into_values().collect();
            let Some(Number::AsInt(value)) = point.value else {
                panic!("{point:?}")
            };
            *sums.entry(labels.join(" ")).or_default() += value;
        }
    }
    sums
}

/// All metrics that came.
pub fn metrics(came: &[ExportMetricsServiceRequest]) -> impl Iterator<Item = &Metric> {
    let resources = came.iter().flat_map(|came| &came.resource_metrics);
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics)
}

/// A span, so that it can be compared.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a span is called.
pub fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// The only span of this name.
pub fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = found[..] else {
        panic!("{} spans `{name}` among {:?}", found.len(), names(spans))
    };
    span
}
