//! The manifests in `deploy/`: what Kustomize makes of them is what Kubernetes and its extensions take, asks for no right that
//! it does not need, and names nothing that is not there.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use doorward_host::manifest::runtime_config::{self, KeyValueStore};
use doorward_host::manifest::{self, Application};
use doorward_runtime_tests::app::workspace;
use doorward_runtime_tests::kubernetes::{Checked, checked, kustomized, prepare};
use doorward_runtime_tests::{cases, run};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::LazyLock;

/// What is applied as a whole.
const OVERLAYS: [&str; 2] = [SINGLE, REPLICATED];
const SINGLE: &str = "deploy/kubernetes/single";
const REPLICATED: &str = "deploy/kubernetes/replicated";
/// What is applied as it is, or is an example.
const FILES: [&str; 3] = [SECRET, SPIN_APP, "deploy/spinkube/executor.yaml"];
const SECRET: &str = "deploy/kubernetes/replicated/secret.example.yaml";
const SPIN_APP: &str = "deploy/spinkube/app.yaml";
/// How environment variables begin that give Spin variables.
const VARIABLE: &str = "SPIN_VARIABLE_";

fn main() -> ExitCode {
    run::main_with(
        prepare,
        cases![;
            in_process: kubernetes_and_its_extensions_take_every_manifest,
            what_they_would_not_take_is_found,
            pods_keep_to_the_restricted_standard,
            what_a_manifest_names_is_there,
            the_network_lets_through_what_the_application_needs,
            there_is_one_pod_unless_stores_are_shared,
            every_variable_is_one_of_the_application,
        ],
    )
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(workspace().join(file)).unwrap()
}

/// Everything there is, read once.
fn all() -> &'static Checked {
    static ALL: LazyLock<Checked> = LazyLock::new(|| {
        let overlays = OVERLAYS.map(|folder| (folder.to_owned(), kustomized(folder)));
        let files = FILES.map(|file| (file.to_owned(), text_of(file)));
        checked(overlays.into_iter().chain(files))
    });
    &ALL
}

/// The only resource of a file.
fn file(name: &str) -> &'static Value {
    let documents = all().of(name);
    assert_eq!(documents.len(), 1, "{name}");
    &documents[0]
}

/// The resources of one overlay.
struct Overlay(&'static [Value]);

impl Overlay {
    fn of(folder: &str) -> Self {
        Self(all().of(folder))
    }

    fn all<'o>(&'o self, kind: &'o str) -> impl Iterator<Item = &'o Value> {
        self.0
            .iter()
            .filter(move |document| document["kind"] == kind)
    }

    fn only<'o>(&'o self, kind: &'o str) -> &'o Value {
        let mut found = self.all(kind);
        let first = found.next();
        assert!(found.next().is_none(), "more than one {kind}");
        first.unwrap_or_else(|| panic!("no {kind}"))
    }

    fn pod(&self) -> &Value {
        &self.only("Deployment")["spec"]["template"]
    }

    fn container(&self) -> &Value {
        let containers = list(&self.pod()["spec"]["containers"]);
        assert_eq!(containers.len(), 1);
        &containers[0]
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Whether the pods of an overlay have these labels.
fn selects(selector: &Value, overlay: &Overlay) -> bool {
    let labels = &overlay.pod()["metadata"]["labels"];
    let wanted = selector.as_object().unwrap();
    !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
}

async fn kubernetes_and_its_extensions_take_every_manifest() {
    assert_eq!(all().problems, [""; 0]);
    for name in OVERLAYS.iter().chain(&FILES) {
        assert!(!all().of(name).is_empty(), "{name}");
    }
}

/// Each has a mistake that somebody could make, and nothing else.
async fn what_they_would_not_take_is_found() {
    let overlay = kustomized(REPLICATED);
    let app = text_of(SPIN_APP);
    let mistakes = [
        (&overlay, "runAsNonRoot: true", "runAsNonroot: true"),
        (&overlay, "containerPort: 3000", "containerPort: http"),
        (&overlay, "path: /ready", "paths: /ready"),
        (&overlay, "maxReplicas: 10", ""),
        (
            &overlay,
            "apiVersion: autoscaling/v2",
            "apiVersion: autoscaling/v2beta2",
        ),
        (&overlay, "podSelector:", "podselector:"),
        (&overlay, "scrapeTimeout: 10s", "scrape_timeout: 10s"),
        (&overlay, "scrapeTimeout: 10s", "scrapeTimeout: ten"),
        (&app, "executor: spin", ""),
        (
            &app,
            "loadFromSecret: doorward",
            "loadFromSecrets: doorward",
        ),
        (&app, "replicas: 3", "replicas: many"),
    ];
    let wrong = mistakes.map(|(right, from, to)| {
        assert!(right.contains(from), "{from}");
        (format!("{from:?} as {to:?}"), right.replacen(from, to, 1))
    });
    let checked = checked(wrong.clone());
    for (name, _) in wrong {
        let found = checked
            .problems
            .iter()
            .any(|problem| problem.starts_with(&name));
        assert!(found, "{name} is no problem");
    }
}

/// What the pod security standard "restricted" asks for, and besides no token, and nothing that can be written to but volumes.
async fn pods_keep_to_the_restricted_standard() {
    for folder in OVERLAYS {
        let overlay = Overlay::of(folder);
        let pod = &overlay.pod()["spec"];
        let namespace = &overlay.only("Namespace")["metadata"]["labels"];
        assert_eq!(
            namespace["pod-security.kubernetes.io/enforce"],
            "restricted"
        );
        for absent in [
            "hostNetwork",
            "hostPID",
            "hostIPC",
            "initContainers",
            "serviceAccountName",
        ] {
            assert_eq!(pod[absent], Value::Null, "{folder}: {absent}");
        }
        assert_eq!(pod["automountServiceAccountToken"], false);
        let context = &pod["securityContext"];
        assert_eq!(context["runAsNonRoot"], true);
        assert!(context["runAsUser"].as_u64().unwrap() > 0);
        assert_eq!(
            context["seccompProfile"],
            json!({ "type": "RuntimeDefault" })
        );
        let container = overlay.container();
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        });
        assert_eq!(container["securityContext"], expected, "{folder}");
        let kinds = ["configMap", "secret", "emptyDir", "persistentVolumeClaim"];
        for volume in list(&pod["volumes"]) {
            let mut is = volume
                .as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "name");
            assert!(
                is.all(|key| kinds.contains(&key.as_str())),
                "{folder}: {volume}"
            );
        }
        for resource in ["cpu", "memory"] {
            assert!(container["resources"]["requests"][resource].is_string());
        }
        assert!(container["resources"]["limits"]["memory"].is_string());
        let image = text(&container["image"]);
        let (_, tag) = image.rsplit_once(':').expect("an image has a version");
        assert!(
            tag.starts_with(|first: char| first.is_ascii_digit()),
            "{image}"
        );
    }
}

/// The file beside spin.toml that says where stores are, if it lies there and not in a Secret.
fn mounted_configuration(container: &Value) -> Option<&str> {
    let variables = list(&container["env"]).iter();
    let mut named = variables.filter(|variable| variable["name"] == "RUNTIME_CONFIG_FILE");
    let file = named.next()?["value"].as_str()?;
    file.strip_prefix("/etc/doorward/")
}

async fn what_a_manifest_names_is_there() {
    let secret = file(SECRET);
    for folder in OVERLAYS {
        let overlay = Overlay::of(folder);
        let pod = &overlay.pod()["spec"];
        let container = overlay.container();
        for document in overlay.0 {
            let (kind, namespace) = (&document["kind"], &document["metadata"]["namespace"]);
            assert!(
                kind == "Namespace" || namespace == "doorward",
                "{folder}: {kind}"
            );
        }
        let ports: BTreeSet<&str> = list(&container["ports"])
            .iter()
            .map(|port| text(&port["name"]))
            .collect();
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let asked = &container[probe]["httpGet"];
            assert_eq!(asked["port"], "management", "{folder}: {probe}");
        }
        for service in overlay.all("Service") {
            assert!(
                selects(&service["spec"]["selector"], &overlay),
                "{folder}: {service}"
            );
            for port in list(&service["spec"]["ports"]) {
                assert!(
                    ports.contains(text(&port["targetPort"])),
                    "{folder}: {port}"
                );
            }
        }
        let monitor = &overlay.only("ServiceMonitor")["spec"];
        let wanted = monitor["selector"]["matchLabels"].as_object().unwrap();
        let monitored: Vec<_> = overlay
            .all("Service")
            .filter(|service| {
                wanted
                    .iter()
                    .all(|(name, value)| service["metadata"]["labels"][name] == *value)
            })
            .collect();
        assert_eq!(monitored.len(), 1, "{folder}");
        let endpoint = &monitor["endpoints"][0];
        assert_eq!(monitored[0]["spec"]["ports"][0]["name"], endpoint["port"]);
        for kind in ["NetworkPolicy", "PodDisruptionBudget"] {
            for document in overlay.all(kind) {
                let selector = document["spec"]["podSelector"]
                    .as_object()
                    .or(document["spec"]["selector"].as_object());
                let labels = &selector.unwrap()["matchLabels"];
                assert!(selects(labels, &overlay), "{folder}: {kind}");
            }
        }
        for scaler in overlay.all("HorizontalPodAutoscaler") {
            let target = &scaler["spec"]["scaleTargetRef"];
            assert_eq!(
                target["name"],
                overlay.only("Deployment")["metadata"]["name"]
            );
        }
        let mounts: BTreeSet<&str> = list(&container["volumeMounts"])
            .iter()
            .map(|mount| text(&mount["name"]))
            .collect();
        let volumes: BTreeSet<&str> = list(&pod["volumes"])
            .iter()
            .map(|volume| text(&volume["name"]))
            .collect();
        assert_eq!(mounts, volumes, "{folder}");
        for volume in list(&pod["volumes"]) {
            if let Some(map) = volume["configMap"]["name"].as_str() {
                let map_of = overlay.only("ConfigMap");
                // With what is in it, so that a change is a rollout.
                assert!(map.starts_with("doorward-") && map_of["metadata"]["name"] == map);
                let files: Vec<&String> = map_of["data"].as_object().unwrap().keys().collect();
                let mut named = BTreeSet::from(["doorward.toml", "spin.toml"]);
                named.extend(mounted_configuration(container));
                assert_eq!(files, named.into_iter().collect::<Vec<_>>(), "{folder}");
            }
            if let Some(name) = volume["secret"]["secretName"].as_str() {
                assert_eq!(secret["metadata"]["name"], name);
                for item in list(&volume["secret"]["items"]) {
                    assert!(
                        secret["stringData"][text(&item["key"])].is_string(),
                        "{item}"
                    );
                }
            }
            if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                assert_eq!(
                    overlay.only("PersistentVolumeClaim")["metadata"]["name"],
                    claim
                );
            }
        }
    }
}

/// The ports of one direction.
fn let_through(overlay: &Overlay, direction: &str) -> BTreeSet<u64> {
    let policies = overlay.all("NetworkPolicy");
    let rules = policies.flat_map(|policy| list(&policy["spec"][direction]));
    let ports = rules.flat_map(|rule| {
        // Without either, everything passes.
        assert!(!list(&rule["ports"]).is_empty(), "{rule}");
        list(&rule["ports"])
    });
    ports.map(|port| port["port"].as_u64().unwrap()).collect()
}

fn application(folder: &str) -> Application {
    manifest::load(&workspace().join(folder).join("spin.toml")).unwrap()
}

/// The port of a URL of `allowed_outbound_hosts` or of a store.
fn port_of(url: &str) -> u64 {
    let (scheme, rest) = url.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    match (
        authority
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok()),
        scheme,
    ) {
        (Some(port), _) => port,
        (None, "https") => 443,
        (None, _) => panic!("{url} has no port"),
    }
}

async fn the_network_lets_through_what_the_application_needs() {
    for folder in OVERLAYS {
        let overlay = Overlay::of(folder);
        let ports = list(&overlay.container()["ports"])
            .iter()
            .map(|port| port["containerPort"].as_u64().unwrap());
        let opened: BTreeSet<u64> = ports.collect();
        assert_eq!(let_through(&overlay, "ingress"), opened, "{folder}");
        let mut needed = BTreeSet::from([53]);
        for component in application(folder).components.values() {
            needed.extend(
                component
                    .allowed_outbound_hosts
                    .iter()
                    .map(|host| port_of(host)),
            );
        }
        if folder == REPLICATED {
            let data = &file(SECRET)["stringData"];
            needed.insert(port_of(text(&data["users-database"])));
            let config = text(&data["runtime-config.toml"]);
            needed.insert(port_of(config.split('"').nth(3).unwrap()));
        }
        assert_eq!(let_through(&overlay, "egress"), needed, "{folder}");
    }
}

async fn there_is_one_pod_unless_stores_are_shared() {
    let single = Overlay::of(SINGLE);
    let spec = &single.only("Deployment")["spec"];
    assert_eq!(spec["replicas"], 1);
    assert_eq!(spec["strategy"]["type"], "Recreate");
    assert_eq!(single.all("HorizontalPodAutoscaler").count(), 0);
    let replicated = Overlay::of(REPLICATED);
    assert_eq!(
        replicated.only("Deployment")["spec"]["replicas"],
        Value::Null
    );
    let scaler = &replicated.only("HorizontalPodAutoscaler")["spec"];
    let budget = &replicated.only("PodDisruptionBudget")["spec"];
    assert!(scaler["minReplicas"].as_u64().unwrap() > budget["maxUnavailable"].as_u64().unwrap());
    // Its stores are all on a Redis, and no database is a file.
    let secret = checked([(SECRET.to_owned(), text_of(SECRET))]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runtime-config.toml");
    std::fs::write(
        &file,
        text(&secret.of(SECRET)[0]["stringData"]["runtime-config.toml"]),
    )
    .unwrap();
    let configured = runtime_config::load(&file).unwrap();
    for component in application(REPLICATED).components.values() {
        assert!(component.sqlite_databases.is_empty(), "{}", component.id);
        for store in &component.key_value_stores {
            let store = configured.key_value_stores.get(&store.label);
            assert!(
                matches!(store, Some(KeyValueStore::Redis { .. })),
                "{store:?}"
            );
        }
    }
}

async fn every_variable_is_one_of_the_application() {
    for folder in OVERLAYS {
        let overlay = Overlay::of(folder);
        let variables = application(folder).variables;
        let given: BTreeMap<String, &Value> = list(&overlay.container()["env"])
            .iter()
            .filter_map(|entry| {
                Some((
                    text(&entry["name"]).strip_prefix(VARIABLE)?.to_lowercase(),
                    entry,
                ))
            })
            .collect();
        for (name, variable) in &variables {
            let given = given.get(name);
            assert!(
                given.is_some() || !variable.required,
                "{folder}: {name} is missing"
            );
            let from_secret =
                given.is_none_or(|entry| entry["valueFrom"]["secretKeyRef"].is_object());
            assert!(
                !variable.secret || from_secret,
                "{folder}: {name} is a secret"
            );
        }
        for name in given.keys() {
            assert!(
                variables.contains_key(name),
                "{folder}: {name} is no variable"
            );
        }
    }
    let shipped = manifest::load(&workspace().join("spin.toml")).unwrap();
    let variables = list(&file(SPIN_APP)["spec"]["variables"]);
    assert!(!variables.is_empty());
    for variable in variables {
        assert!(
            shipped.variables.contains_key(text(&variable["name"])),
            "{variable}"
        );
    }
}
