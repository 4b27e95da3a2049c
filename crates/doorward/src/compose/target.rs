//! The hosts that a component can be made for: what each of them offers.

use anyhow::{Result, bail};
use clap::ValueEnum;
use doorward_host::chain::Part;
use doorward_host::names;
use doorward_policy::{HealthDetails, Policy};
use doorward_traffic::rate::{RateKey, RateLimit};

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// One with Spin's interfaces: Spin itself, or `doorward up`.
    Spin,
    /// `wasmtime serve`, of version 49.
    Wasmtime,
    /// wasmCloud, of version 2.7.
    Wasmcloud,
}

/// What stores are, on a host without Spin's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stores {
    /// Those of `wasi:keyvalue`.
    Keyvalue,
    /// There are none: what the policy says of them is refused, or done without.
    None,
}

/// What both offer that are not Spin, as the beginnings of names: WASI 0.2 and 0.3, of which every version of a line
/// has what those before it had.
const WASI: &[&str] = &[
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/client@",
    "wasi:http/outgoing-handler@",
    "wasi:http/types@",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];
/// The lines of WASI that they have.
const WASI_LINES: [&str; 2] = ["0.2.", "0.3."];
/// What they have of drafts.
const DRAFTS: &[&str] = &[
    "wasi:config/store@0.2.0-rc.1",
    "wasi:keyvalue/atomics@0.2.0-draft",
    "wasi:keyvalue/batch@0.2.0-draft",
    "wasi:keyvalue/store@0.2.0-draft",
];
/// What wasmCloud has besides.
const WASMCLOUD: &[&str] = &[
    "wasi:logging/logging@0.1.0-draft",
    "wasi:otel/logs@0.2.0-rc.2",
    "wasi:otel/metrics@0.2.0-rc.2",
    "wasi:otel/tracing@0.2.0-rc.2",
    "wasi:otel/types@0.2.0-rc.2",
];

impl Target {
    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::Wasmtime => "wasmtime",
            Self::Wasmcloud => "wasmcloud",
        }
    }

    /// Whether it says who is connected, in `spin-client-addr`.
    pub(super) fn tells_client(self) -> bool {
        self == Self::Spin
    }

    /// Where stores are unless somebody says.
    pub(super) fn stores(self) -> Stores {
        match self {
            // What it keeps in memory is not kept: each opening begins anew.
            Self::Wasmtime => Stores::None,
            Self::Spin | Self::Wasmcloud => Stores::Keyvalue,
        }
    }

    /// The packages of the adapters that meet Spin's interfaces there.
    pub(super) fn adapters(self, stores: Stores) -> Vec<&'static str> {
        let variables = match self {
            Self::Spin => return Vec::new(),
            Self::Wasmtime => "adapter-variables-environment",
            Self::Wasmcloud => "adapter-variables-config",
        };
        let store = match stores {
            Stores::Keyvalue => "adapter-store-keyvalue",
            Stores::None => "adapter-store-none",
        };
        vec![variables, store]
    }

    /// Refuses what would not start there.
    ///
    /// # Errors
    ///
    /// Names the import that is not offered, and whose it is.
    pub(super) fn check_imports(self, composed: &[u8], parts: &[Part<'_>]) -> Result<()> {
        if self == Self::Spin {
            return Ok(());
        }
        for import in names::imports(composed)? {
            if self.offers(&import) {
                continue;
            }
            let mut whose = Vec::new();
            for part in parts {
                if names::imports(part.bytes)?.contains(&import) {
                    whose.push(part.id);
                }
            }
            bail!(
                "`{}` imports `{import}`, which {} does not offer, and for which there is no adapter\n  help: serve it \
                 with Spin or `doorward up`, or by itself, behind the gateway",
                whose.join("`, `"),
                self.name()
            );
        }
        Ok(())
    }

    fn offers(self, import: &str) -> bool {
        let of_wasi = WASI.iter().any(|name| import.starts_with(name))
            && import.split_once('@').is_some_and(|(_, version)| {
                WASI_LINES
                    .iter()
                    .any(|line| version.strip_prefix(line).is_some_and(is_number))
            });
        of_wasi
            || DRAFTS.contains(&import)
            || (self == Self::Wasmcloud && WASMCLOUD.contains(&import))
    }

    /// What of a policy is otherwise there than the policy has it, a line each.
    pub(super) fn notes(self, policy: &Policy, stores: Stores) -> Vec<String> {
        if self == Self::Spin {
            return Vec::new();
        }
        let mut notes = Vec::new();
        self.notes_of_addresses(policy, &mut notes);
        self.notes_of_stores(policy, stores, &mut notes);
        notes
    }

    fn notes_of_addresses(self, policy: &Policy, notes: &mut Vec<String>) {
        let host = self.name();
        let trusted = &policy.proxy().trusted;
        if trusted.hops > 0 && trusted.networks.is_empty() {
            // Every peer is trusted, so it does not matter who it is.
            notes.push(format!(
                "{host} does not say who is connected, and the policy trusts every peer: whoever reaches it without the \
                 proxy chooses the address that it is counted under"
            ));
            return;
        }
        if trusted.hops > 0 {
            notes.push(format!(
                "{host} does not say who is connected, so nobody is in the `trusted_networks` of the policy: what proxies \
                 say of clients is not believed"
            ));
        }
        for limit in policy.rate_limits() {
            if limit.key == RateKey::Client {
                notes.push(format!(
                    "{host} does not say who is connected, so the limit `{}` counts all clients as one",
                    limit.name
                ));
            }
        }
        let health = policy.health();
        if health.is_some_and(|health| health.details == HealthDetails::Trusted) {
            notes.push(format!(
                "{host} does not say who is connected, so nobody is told the details of `[health]`"
            ));
        }
    }

    fn notes_of_stores(self, policy: &Policy, stores: Stores, notes: &mut Vec<String>) {
        let lasts = stores == Stores::Keyvalue && self != Self::Wasmtime;
        if lasts {
            return;
        }
        let is_shared = |limit: &RateLimit| limit.shared;
        let uses: Vec<&str> = [
            (policy.revocation().is_some(), "`[revocation]`"),
            (
                policy.api_keys().is_some_and(|keys| keys.store),
                "API keys in the store",
            ),
            (
                policy
                    .issuers()
                    .iter()
                    .any(|issuer| issuer.logout.is_some()),
                "logout tokens",
            ),
            (policy.rate_limits().iter().any(is_shared), "shared limits"),
        ]
        .into_iter()
        .filter_map(|(is_used, what)| is_used.then_some(what))
        .collect();
        if uses.is_empty() {
            return;
        }
        let uses = uses.join(", ");
        notes.push(match stores {
            Stores::None => format!(
                "the policy has {uses}, and there is no store: what needs one is refused, and limits are counted by each \
                 instance alone"
            ),
            Stores::Keyvalue => format!(
                "the policy has {uses}, and what is written to a store of wasmtime is gone when it is closed: only what \
                 `-S keyvalue-in-memory-data` presets is seen"
            ),
        });
    }

    /// How a component with these imports is served there.
    pub(super) fn command(self, file: &str, imports: &[String]) -> Option<String> {
        if self != Self::Wasmtime {
            return None;
        }
        let mut command = "wasmtime serve -S cli=y".to_owned();
        for (package, flag) in [("wasi:config/", "config"), ("wasi:keyvalue/", "keyvalue")] {
            if imports.iter().any(|import| import.starts_with(package)) {
                command += &format!(" -S {flag}=y");
            }
        }
        Some(format!("{command} --addr 127.0.0.1:8080 {file}"))
    }
}

/// Whether a text is a number, so that a version is no draft.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
