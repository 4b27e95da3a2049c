//! What a client learns when traffic rules or an upstream stop its request.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_policy::refusal::RETRY_AFTER_S_MAX;
use doorward_policy::{Class, Refusal};
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::upstream::UpstreamFailure;

/// What the request is called.
const REQUEST_ID: &str = "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a";

#[test]
fn a_failure_of_an_upstream_is_told_by_its_class_alone() {
    for (failure, class) in [
        (UpstreamFailure::Unreachable, Class::BadGateway),
        (UpstreamFailure::Reset, Class::BadGateway),
        (UpstreamFailure::Malformed, Class::BadGateway),
        (UpstreamFailure::Tls, Class::BadGateway),
        (UpstreamFailure::ConnectTimeout, Class::GatewayTimeout),
        (UpstreamFailure::Timeout, Class::GatewayTimeout),
        (UpstreamFailure::Deadline, Class::GatewayTimeout),
        (
            UpstreamFailure::BreakerOpen { retry_after_s: 7 },
            Class::UpstreamUnavailable,
        ),
        (UpstreamFailure::Denied, Class::Misconfigured),
    ] {
        let refusal = Refusal::upstream("orders-internal", failure);
        assert_eq!(refusal.class(), class, "{failure:?}");
        let document = String::from_utf8(refusal.problem_json(REQUEST_ID)).unwrap();
        assert!(!document.contains("orders"), "{document}");
        let reason = refusal.reason().to_string();
        assert!(reason.contains("orders-internal"), "the log: {reason}");
        assert!(reason.contains(&failure.to_string()), "the log: {reason}");
        let due = (class == Class::UpstreamUnavailable).then_some(7);
        assert_eq!(refusal.retry_after_s(), due, "{failure:?}");
        assert_eq!(refusal.www_authenticate(), None, "{failure:?}");
    }
}

#[test]
fn a_request_over_a_limit_is_told_which_kind_it_is() {
    for (exceeded, status) in [
        (LimitExceeded::HeaderCount { count: 101 }, 431),
        (LimitExceeded::HeaderBytes { bytes: 9999 }, 431),
        (LimitExceeded::TargetBytes { bytes: 9999 }, 414),
        (LimitExceeded::BodyBytes, 413),
        (LimitExceeded::ContentType, 415),
    ] {
        let refusal = Refusal::limit(exceeded);
        assert_eq!(refusal.status(), status, "{exceeded:?}");
        assert_eq!(refusal.reason().to_string(), exceeded.to_string());
        assert_eq!(refusal.retry_after_s(), None, "{exceeded:?}");
    }
    assert_eq!(Refusal::looped().status(), 508);
    assert_eq!(Refusal::websocket().status(), 501);
}

#[test]
fn whoever_asks_too_often_is_told_when_to_come_back() {
    for (asked, told) in [(0, 1), (1, 1), (30, 30), (u64::MAX, RETRY_AFTER_S_MAX)] {
        let limited = Refusal::rate_limited("per_client", asked);
        assert_eq!(limited.status(), 429);
        assert!(limited.reason().to_string().contains("per_client"));
        let failure = UpstreamFailure::BreakerOpen {
            retry_after_s: asked,
        };
        for refusal in [limited, Refusal::upstream("orders", failure)] {
            let class = refusal.class();
            assert_eq!(refusal.retry_after_s(), Some(told), "{class}: {asked} s");
        }
    }
}

#[test]
fn a_body_that_ends_early_is_malformed_and_one_that_does_not_go_on_is_late() {
    for (refusal, class, status) in [
        (Refusal::incomplete_body(), Class::MalformedRequest, 400),
        (Refusal::slow_body(), Class::RequestTimeout, 408),
    ] {
        assert_eq!((refusal.class(), refusal.status()), (class, status));
        assert!(refusal.reason().to_string().contains("the body"));
    }
}
