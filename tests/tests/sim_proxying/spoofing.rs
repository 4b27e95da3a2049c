//! Fields with which a client passes for another request or for somebody else, and the names that an
//! upstream's policy removes, sets and has its credential in: under every spelling, in trailers as well.

use crate::{
    NONE, Scene, all_of, chunked, ok, policy, policy_with_our_credential, scenes, trailers,
};
use doorward_gate::platform::FieldList;
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::origin::Seen;

/// What is sent under a name that is not to arrive.
const FORGED: &str = "mallory";
const PROXY: &str = "127.0.0.1:40000";

const SPOOFING: [&str; 26] = [
    "X-HTTP-Method",
    "X_HTTP_Method",
    "X-HTTP-Method-Override",
    "x.http.method.override",
    "X-Method-Override",
    "X-Original-Method",
    "X-Original-URL",
    "X_Original_URL",
    "X-Rewrite-URL",
    "X-Script-Name",
    "Script_Name",
    "Remote-User",
    "Remote_User",
    "X-Remote-User",
    "X-Remote-Groups",
    "X-WebAuth-User",
    "X-Forwarded-User",
    "X_Forwarded_Email",
    "X-Auth-Request-User",
    "X.Auth.Request.Email",
    "X-SSL-Client-Verify",
    "Client-Cert",
    "X-MS-Client-Principal-Name",
    "X-Goog-Authenticated-User-Email",
    "X-Consumer-Username",
    "Tailscale_User_Login",
];

/// A field of each of these names that is not to arrive, and one more.
fn forged<'n>(
    names: &[&'n str],
    and: Option<(&'n str, &'static str)>,
) -> Vec<(&'n str, &'static str)> {
    let all = names.iter().map(|name| (*name, FORGED));
    all.chain(and).collect()
}

/// Fails where something arrived that is not to.
fn nothing_forged(seen: &Seen, what: &str) {
    let all = all_of(seen);
    assert!(!all.contains(FORGED), "{what}: one arrived: {all}");
}

/// Fails unless this is the one trailer that arrived.
fn has_one_trailer(seen: &Seen, name: &str, value: &str) {
    assert_eq!(trailers(seen), [(name.to_owned(), value.to_owned())]);
}

#[test]
fn no_client_passes_for_another_request_or_caller_with_a_field_or_a_trailer() {
    for scene in scenes(&policy("")) {
        for target in ["/public/a", "/read/a"] {
            let fields = forged(&SPOOFING, Some(("X-End", "to-end")));
            let mut sent = chunked(target, &fields, &forged(&SPOOFING, Some(("x-sum", "1"))));
            if target == "/read/a" {
                sent = sent.bearer(&scene.token("read"));
            }
            let seen = scene.passes(sent, target);
            nothing_forged(&seen, target);
            assert_eq!(seen.values("x-end"), ["to-end"], "others arrive");
            has_one_trailer(&seen, "x-sum", "1");
        }
        let told = scene.stage.world.told("field-removed");
        for entry in [
            "\"x-original-url\"",
            "\"x-http-method-override\"",
            "\"remote-user\"",
            "\"x-auth-request-*\"",
        ] {
            let count = told.iter().filter(|line| line.text.contains(entry)).count();
            assert_eq!(count, 1, "{entry} is told once: {told:#?}");
        }
        let log = scene.stage.log();
        assert!(!log.contains(FORGED), "a value is in the log: {log}");
    }
}

#[test]
fn a_route_without_methods_lets_an_override_through() {
    let route = "[[route]]\npath = \"/legacy\"\npublic = true\n\
                 override_headers = [\"x-http-method-override\"]\n";
    for scene in scenes(&format!("{}\n{route}", policy(""))) {
        for (target, arrives) in [("/legacy", &["DELETE"][..]), ("/public/a", &[])] {
            let fields = [
                ("X-HTTP-Method-Override", "DELETE"),
                ("X_HTTP_Method_Override", "DELETE"),
                ("X-HTTP-Method", "DELETE"),
            ];
            let seen = scene.passes(chunked(target, &fields, &fields), target);
            assert_eq!(seen.values("x-http-method-override"), arrives, "{target}");
            assert_eq!(seen.values("x_http_method_override"), NONE, "{target}");
            assert_eq!(seen.values("x-http-method"), NONE, "{target}");
            assert_eq!(trailers(&seen), [], "{target}: no trailer is let through");
        }
    }
}

#[test]
fn a_proxy_in_the_trusted_networks_says_who_calls_in_the_named_fields() {
    for (networks, arrives) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let policy = format!(
            "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"{networks}\"]\n\
             identity_headers = [\"x-forwarded-user\", \"x-ssl-client-verify\"]\n{}",
            policy("")
        );
        for scene in scenes(&policy) {
            let sent = Sent::get("/public/a")
                .from(Some(PROXY))
                .field("X-Forwarded-User", "alice")
                .field("X-SSL-Client-Verify", "SUCCESS")
                .field("X_Forwarded_User", FORGED)
                .field("X-Forwarded-Email", FORGED)
                .field("X-SSL-Client-DN", FORGED)
                .field("Spin-Client-Addr", "127.0.0.1:1")
                .field("X-Forwarded-For", "127.0.0.1");
            let seen = scene.passes(sent, networks);
            let expected: (&[&str], &[&str]) = match arrives {
                true => (&["alice"], &["SUCCESS"]),
                false => (&[], &[]),
            };
            assert_eq!(seen.values("x-forwarded-user"), expected.0, "{networks}");
            assert_eq!(seen.values("x-ssl-client-verify"), expected.1, "{networks}");
            nothing_forged(&seen, networks);
        }
    }
}

#[test]
fn the_policy_sets_what_says_who_calls() {
    let policy = policy("request.set = { x-webauth-role = \"viewer\" }")
        .replace("\"x-auth-subject\" =", "\"x-forwarded-user\" =");
    for scene in scenes(&policy) {
        let names = [
            "X-Forwarded-User",
            "X_Forwarded_User",
            "X-WebAuth-Role",
            "X_WebAuth.Role",
        ];
        let sent = Sent::get("/read/a").bearer(&scene.token("read"));
        let sent = names
            .iter()
            .fold(sent, |sent, name| sent.field(name, FORGED));
        let seen = scene.passes(sent, "a token of alice");
        assert_eq!(seen.values("x-forwarded-user"), ["alice"]);
        assert_eq!(seen.values("x-webauth-role"), ["viewer"]);
        nothing_forged(&seen, "what the policy sets");
    }
}

const DEBUG: [&str; 5] = ["X-Debug", "x-debug", "x_debug", "X.Debug", "X~DEBUG"];
const ENV: [&str; 4] = ["X-Env", "X_ENV", "x.env", "x-env"];

#[test]
fn what_an_upstream_has_removed_or_set_is_so_in_every_spelling() {
    let lines = "request.remove = [\"x-debug\"]\nrequest.set = { x-env = \"prod\" }";
    let names = [&DEBUG[..], &ENV].concat();
    for scene in scenes(&policy(lines)) {
        let fields = forged(&names, Some(("X-Debugs", "to-end")));
        let sent = chunked("/public/a", &fields, &forged(&names, Some(("x-sum", "1"))));
        let seen = scene.passes(sent, "fields and trailers");
        nothing_forged(&seen, "what is removed or set");
        assert_eq!(seen.values("x-env"), ["prod"]);
        assert_eq!(seen.values("x-debugs"), ["to-end"], "another name");
        has_one_trailer(&seen, "x-sum", "1");
    }
}

#[test]
fn no_spelling_of_the_name_of_our_credential_is_a_clients() {
    let lines =
        "[upstream.orders.credential]\nsecret = \"orders_token\"\nheader = \"x-origin-key\"";
    let component = Component::new(&policy_with_our_credential(lines));
    let names = [
        "X-Origin-Key",
        "X_Origin_Key",
        "x.origin.key",
        "X-ORIGIN_KEY",
    ];
    for scene in crate::of(component.secret("orders_token", "s3cret")) {
        let sent = chunked("/public/a", &forged(&names, None), &forged(&names, None));
        let seen = scene.passes(sent, "fields and trailers");
        nothing_forged(&seen, "the name of our credential");
        assert_eq!(seen.values("x-origin-key"), ["s3cret"]);
    }
}

/// What a client who takes trailers gets of an answer with these fields and trailers.
fn answered(scene: &Scene, names: &[&str]) -> doorward_tests::sim::client::Answer {
    let announced = format!("{}, x-sum", names.join(", "));
    let mut reply = ok("hello world").field("Trailer", &announced);
    let mut trailers = FieldList::new();
    for name in names {
        reply = reply.field(name, FORGED);
        trailers.push(name, FORGED);
    }
    trailers.push("x-sum", "1");
    reply.trailers = Ok(trailers);
    scene.origin.always(reply);
    scene.send(Sent::get("/public/a").field("te", "trailers"))
}

#[test]
fn what_is_removed_from_answers_is_so_in_every_spelling_and_in_trailers() {
    let lines = "response.remove = [\"x-debug\"]\nresponse.set = { x-env = \"prod\" }";
    let names = [&DEBUG[..], &ENV].concat();
    for scene in scenes(&policy(lines)) {
        for round in 0..2 {
            let answer = answered(&scene, &names);
            assert_eq!(answer.status, 200, "round {round}");
            assert_eq!(answer.text(), "hello world", "round {round}");
            let trailers = FieldList::of([("x-sum", "1")]);
            assert_eq!(answer.trailers, Ok(trailers), "round {round}");
            let mut values = answer.fields.iter().map(|(_, value)| value);
            assert!(
                !values.any(|value| value == FORGED.as_bytes()),
                "round {round}: one arrived: {:?}",
                answer.fields
            );
            assert_eq!(answer.field("x-env"), "prod", "round {round}");
        }
    }
}

#[test]
fn trailers_that_follow_a_status_of_grpc_in_the_head_are_looked_at() {
    for scene in scenes(&policy("response.remove = [\"x-debug\"]")) {
        let mut reply = ok("").field("grpc-status", "0");
        reply.trailers = Ok(FieldList::of([("x-debug", "1"), ("x-sum", "1")]));
        scene
            .origin
            .always(reply.field("trailer", "x-debug, x-sum"));
        let answer = scene.send(Sent::get("/public/a").field("te", "trailers"));
        assert_eq!(answer.status, 200);
        let trailers = FieldList::of([("x-sum", "1")]);
        assert_eq!(answer.trailers, Ok(trailers));
    }
}

#[test]
fn a_large_answer_whose_trailers_are_looked_at_arrives_whole() {
    let body: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    for scene in scenes(&policy("response.remove = [\"x-debug\"]")) {
        let mut reply = ok("").body(body.clone());
        reply.trailers = Ok(FieldList::of([("x-debug", "1"), ("x-sum", "1")]));
        scene
            .origin
            .always(reply.field("trailer", "x-debug, x-sum"));
        let answer = scene.send(Sent::get("/public/a").field("te", "trailers"));
        assert_eq!(answer.status, 200);
        assert!(answer.body == body, "{} bytes came", answer.body.len());
        let trailers = FieldList::of([("x-sum", "1")]);
        assert_eq!(answer.trailers, Ok(trailers));
    }
}
