//! `[telemetry]`: where numbers and spans go.

use doorward_syntax::url::Wire;

/// Where numbers of what the gate does go, and spans of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryRule {
    /// Where OTLP is taken over HTTP, without a slash at its end; `None`: nowhere.
    pub otlp: Option<String>,
    /// Over which wire.
    pub wire: Wire,
    /// Header fields that are sent there: the name, and the Spin variable that has the value.
    pub headers: Vec<(String, String)>,
    /// The attribute `service.name`.
    pub service_name: String,
    /// Whether numbers are sent there.
    pub metrics: bool,
    /// Of how many requests one has its spans sent there; 0: none.
    pub trace_one_in: u64,
    /// Whether numbers are left in the store.
    pub in_store: bool,
}
