//! Triggers: other kinds beside HTTP, routes that are equal, answers without a component.

use super::*;
use crate::router::Router;

#[test]
fn triggers_of_other_kinds_are_left_out_and_one_line_says_so() {
    let application = accepted(&with(
        "[[trigger.redis]]\nid = \"orders\"\nchannel = \"orders\"\ncomponent = \"worker\"\n\
         [[trigger.redis]]\nchannel = \"more\"\ncomponent = { source = \"inline.wasm\" }\n\
         [[trigger.cron]]\ncron_expression = \"0 * * * *\"\ncomponents = { x = \"worker\" }\n\
         [component.worker]\nsource = { package = \"a:b\", version = \"1.0.0\" }\n\
         sqlite_databases = [\"default\"]\nai_models = [\"llama2-chat\"]\n",
    ));
    assert_eq!(application.triggers.len(), 1);
    let [notice] = application.notices.as_slice() else {
        panic!("one line is expected: {:?}", application.notices);
    };
    for part in [
        "not served here",
        "trigger.redis (lines 9, 13)",
        "trigger.cron (line 16)",
        "`spin up`",
    ] {
        assert!(notice.contains(part), "expected {part:?} of {notice}");
    }
}

/// Each case: the triggers beside the HTTP one, and what the error has to say.
#[test]
fn triggers_of_other_kinds_still_have_to_make_sense() {
    for (tail, expected) in [
        (
            "[[trigger.redis]]\nchannel = \"c\"\ncomponent = \"wroker\"\n[component.worker]\nsource = \"w.wasm\"",
            &["11:13", "`wroker`", "did you mean `worker`"][..],
        ),
        (
            "[[trigger.https]]\nroute = \"/\"\ncomponent = \"main\"",
            &["9:11", "no kind of trigger `https`", "did you mean `http`"],
        ),
        (
            "[trigger]\ncron = 1",
            &["10:8", "[[trigger.cron]] has to be a list"],
        ),
        (
            "[[trigger.http]]\nid = \"x\"\nroute = \"/x\"\ncomponent = \"main\"\n\
             [[trigger.http]]\nid = \"x\"\nroute = \"/y\"\ncomponent = \"main\"",
            &["14:6", "two triggers have the id `x`", "its own"],
        ),
    ] {
        let error = refused(&with(tail));
        says(&error, expected, tail);
    }
}

#[test]
fn an_application_without_an_http_trigger_is_not_served() {
    for triggers in [
        "[[trigger.redis]]\nchannel = \"c\"\ncomponent = \"main\"\n",
        "[trigger]\nhttp = []\n",
        "[trigger]\n",
    ] {
        let error = refused(&format!("{HEAD}{triggers}{COMPONENT}"));
        for part in ["no HTTP trigger", "`spin up`", "`[[trigger.http]]`"] {
            assert!(error.contains(part), "expected {part:?} of\n{error}");
        }
    }
}

/// As Spin gives ids: over all kinds of triggers, and a given one is never repeated.
#[test]
fn an_id_of_another_kind_of_trigger_is_not_given_again() {
    let application = accepted(&with(
        "[[trigger.cron]]\nid = \"main-http-trigger\"\ncomponent = \"main\"\n",
    ));
    assert_eq!(application.triggers[0].id, "http-trigger1");
}

/// Each case: routes with the component that answers each; a path, and the component that Spin 4.1 asks.
#[test]
fn of_equal_routes_the_one_counts_that_counts_in_spin() {
    for (routes, path, winner, silent) in [
        (
            &[("/a", "one"), ("/a", "two")][..],
            "/a",
            "two",
            &["one"][..],
        ),
        (
            &[("/...", "one"), ("/...", "two"), ("/...", "three")],
            "/x",
            "three",
            &["one", "two"],
        ),
        // Spelt otherwise, the first one counts.
        (&[("/a", "one"), ("/a/", "two")], "/a", "one", &["two"]),
        (&[("/:x", "one"), ("/:y", "two")], "/z", "one", &["two"]),
        (
            &[("/a/...", "one"), ("/a/*", "two")],
            "/a/b",
            "one",
            &["two"],
        ),
        // The first spelling, of it the last trigger.
        (
            &[("/a", "one"), ("/a/", "two"), ("/a", "three")],
            "/a/",
            "three",
            &["one", "two"],
        ),
        (&[("/a", "one"), ("/b", "two")], "/a", "one", &[]),
        // Both can match, and neither is dead.
        (&[("/:x", "one"), ("/a", "two")], "/a", "two", &[]),
    ] {
        let mut text = HEAD.to_owned();
        for (route, component) in routes {
            text.push_str(&format!(
                "[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{component}\"\n"
            ));
        }
        for id in ["one", "two", "three"] {
            text.push_str(&format!("[component.{id}]\nsource = \"x.wasm\"\n"));
        }
        let application = accepted(&text);
        let router = Router::new(&application);
        let found = router.route(path).unwrap();
        assert_eq!(found.component, winner, "{routes:?}");
        assert_eq!(
            application.triggers[found.trigger].component, winner,
            "{routes:?}"
        );
        assert_eq!(application.notices.len(), silent.len(), "{routes:?}");
        for (notice, component) in application.notices.iter().zip(silent) {
            for part in [
                &format!("of `{component}` on line"),
                "is never reached",
                &format!("of `{winner}` on line"),
            ] {
                assert!(notice.contains(part), "expected {part:?} of {notice}");
            }
        }
    }
}

#[test]
fn private_triggers_are_never_equal() {
    let private = "[[trigger.http]]\nroute = { private = true }\ncomponent = \"main\"\n";
    assert_eq!(accepted(&with(&private.repeat(2))).notices, [""; 0]);
}

#[test]
fn a_route_that_the_host_answers_itself_is_said_never_to_be_reached() {
    let application = accepted(&with(
        "[[trigger.http]]\nroute = \"/.well-known/spin/x\"\ncomponent = \"main\"\n",
    ));
    let [notice] = application.notices.as_slice() else {
        panic!("one line is expected: {:?}", application.notices);
    };
    assert!(notice.contains("the host itself answers"), "{notice}");
}

#[test]
fn a_static_response_is_read_with_spins_defaults() {
    for (table, status, headers, body) in [
        ("{}", 200, &[][..], ""),
        ("{ status_code = 404 }", 404, &[], ""),
        (
            "{ status_code = 302, headers = { location = \"/new\" } }",
            302,
            &[("location", "/new")],
            "",
        ),
        (
            "{ headers = { Content-Type = \"text/plain\" }, body = \"gone\" }",
            200,
            &[("content-type", "text/plain")],
            "gone",
        ),
    ] {
        let application = accepted(&with(&format!(
            "[[trigger.http]]\nroute = \"/s\"\nstatic_response = {table}\n"
        )));
        let trigger = &application.triggers[1];
        let response = trigger.static_response.as_ref().unwrap();
        assert_eq!(trigger.component, "");
        assert_eq!(trigger.id, "http-trigger1");
        assert_eq!(response.status.as_u16(), status, "{table}");
        assert_eq!(response.body, body, "{table}");
        let found: Vec<_> = response
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(found, headers, "{table}");
    }
}

/// Each case: the keys of a trigger beside its route, and what the error has to say.
#[test]
fn a_static_response_that_cannot_be_sent_is_refused() {
    for (keys, expected) in [
        (
            "static_response = {}\ncomponent = \"main\"",
            &["12:13", "not both"][..],
        ),
        ("", &["9:1", "has no `component`"]),
        ("static_response = 1", &["11:19", "has to be a table"]),
        (
            "static_response = { status = 404 }",
            &["11:21", "unknown key `status`", "status_code"],
        ),
        (
            "static_response = { status_code = \"404\" }",
            &["11:35", "a number from 200 to 999"],
        ),
        (
            "static_response = { status_code = 100 }",
            &["11:35", "a number from 200 to 999"],
        ),
        (
            "static_response = { status_code = 1000 }",
            &["11:35", "a number from 200 to 999"],
        ),
        (
            "static_response = { headers = { \"a b\" = \"x\" } }",
            &["11:33", "not a header's name"],
        ),
        (
            "static_response = { headers = { a = \"x\\ny\" } }",
            &["11:37", "cannot be sent"],
        ),
        (
            "static_response = { headers = { a = 1 } }",
            &["11:37", "has to be a string"],
        ),
        (
            "static_response = { headers = { Content-Length = \"5\" } }",
            &["11:33", "the host decides", "take it out"],
        ),
        (
            "static_response = {}\ndependencies.middleware = [{ path = \"gate.wasm\" }]",
            &["9:1", "would check nothing", "answer from a component"],
        ),
    ] {
        let error = refused(&with(&format!("[[trigger.http]]\nroute = \"/s\"\n{keys}")));
        says(&error, expected, keys);
    }
}

#[test]
fn an_executor_other_than_http_is_refused_with_what_to_do() {
    for kind in ["http", "spin"] {
        accepted(&with(&format!(
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"main\"\nexecutor = {{ type = \"{kind}\" }}"
        )));
    }
    for executor in [
        "{ type = \"wagi\" }",
        "{ type = \"wagi\", argv = \"a\", entrypoint = \"_start\" }",
        "{ type = \"other\" }",
    ] {
        let error = refused(&with(&format!(
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"main\"\nexecutor = {executor}"
        )));
        for part in ["12:12", "is not served", "wasi:http"] {
            assert!(error.contains(part), "expected {part:?} of\n{error}");
        }
    }
}

/// Spin drops `components` of an HTTP trigger without a word.
#[test]
fn components_of_an_http_trigger_mean_nothing_and_are_refused() {
    let error = refused(&with(
        "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"main\"\ncomponents = { gate = \"main\" }",
    ));
    for part in ["12:1", "means nothing", "`dependencies.middleware`"] {
        assert!(error.contains(part), "expected {part:?} of\n{error}");
    }
}
