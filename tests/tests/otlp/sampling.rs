//! Of which requests there are spans.

use super::scene::{Scene, hex};
use doorward_tests::sim::client::Sent;
use std::collections::BTreeSet;

const TOLD: &str = "00-12345678901234567890123456789012-1234567890123456-";

#[test]
fn one_in_so_many_is_sampled() {
    let scene = Scene::new("trace_one_in = 10");
    for number in 0..2_000 {
        scene.stage.send(Sent::get("/public/1").of_client(number));
    }
    scene.soon();
    let spans = scene.spans();
    let traces: BTreeSet<_> = spans.iter().map(|span| hex(&span.trace_id)).collect();
    // The numbers are drawn: 5 standard deviations of 13.4.
    assert!(
        (133..=267).contains(&traces.len()),
        "{} of 2,000",
        traces.len()
    );
    // Who is behind learns it, of each of them and of no other one.
    let seen = scene.origin.seen();
    let told = seen.iter().map(|seen| seen.field("traceparent"));
    let sampled: BTreeSet<_> = told
        .filter(|told| told.ends_with("-01"))
        .map(|told| told[3..35].to_owned())
        .collect();
    assert_eq!(sampled, traces);
}

#[test]
fn none_is_sampled_where_the_policy_says_so_whoever_asks() {
    let scene = Scene::new("trace_one_in = 0");
    let sent = Sent::get("/public/1").from(Some("203.0.113.7:50000"));
    scene
        .stage
        .send(sent.field("traceparent", format!("{TOLD}01")));
    scene.soon();
    assert_eq!(scene.spans(), []);
}

#[test]
fn a_trusted_peer_decides_and_its_span_is_the_parent() {
    for (flag, is_sampled) in [("01", true), ("00", false)] {
        let scene = Scene::new("trace_one_in = 1000000");
        let sent = Sent::get("/public/1").from(Some("203.0.113.7:50000"));
        scene
            .stage
            .send(sent.field("traceparent", format!("{TOLD}{flag}")));
        scene.soon();
        let spans = scene.spans();
        assert_eq!(!spans.is_empty(), is_sampled);
        if let Some(root) = spans.iter().find(|span| span.name.starts_with("GET /")) {
            assert_eq!(hex(&root.trace_id), "12345678901234567890123456789012");
            assert_eq!(hex(&root.parent_span_id), "1234567890123456");
            assert_eq!(root.flags & 0x300, 0x300, "the parent is somebody else's");
            assert!(root.links.is_empty());
        }
    }
}

#[test]
fn anybody_else_decides_nothing_and_is_linked() {
    for (one_in, is_sampled) in [(1, true), (1_000_000, false)] {
        let scene = Scene::new(&format!("trace_one_in = {one_in}"));
        let sent = Sent::get("/public/1").field("traceparent", format!("{TOLD}01"));
        scene.stage.send(sent);
        scene.soon();
        let spans = scene.spans();
        assert_eq!(!spans.is_empty(), is_sampled);
        if let Some(root) = spans.iter().find(|span| span.name.starts_with("GET /")) {
            assert_ne!(hex(&root.trace_id), "12345678901234567890123456789012");
            assert!(root.parent_span_id.is_empty());
            let [link] = &root.links[..] else {
                panic!("{root:?}")
            };
            assert_eq!(hex(&link.trace_id), "12345678901234567890123456789012");
            assert_eq!(hex(&link.span_id), "1234567890123456");
        }
    }
}
