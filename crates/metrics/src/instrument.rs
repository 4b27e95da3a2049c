//! What is measured, with its names: one table, which the documentation, dashboards and alerts are compared with.
//!
//! Names are OpenTelemetry's way of writing them. In Prometheus `.` is `_`, a counter ends in `_total`, and what is
//! measured in seconds in `_seconds`: `doorward.request.duration` is `doorward_request_duration_seconds`.

/// Upper bounds of durations in seconds: those of a gate at the left, those of slow upstreams at the right.
pub const DURATION_BOUNDS_S: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5,
    10.0,
];

/// How an instrument adds up what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It counts, and only upwards.
    Counter,
    /// It has the last value that it was told.
    Gauge,
    /// It counts values by their size: seconds, by [`DURATION_BOUNDS_S`].
    Histogram,
}

/// Makes of the table an enumeration and what is known of each member.
macro_rules! instruments {
    ($($(#[doc = $doc:literal])+ $member:ident: $kind:ident $name:literal [$($label:literal),*] $unit:literal $description:literal,)+) => {
        /// One thing that is measured.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Instrument {
            $($(#[doc = $doc])+ $member,)+
        }

        impl Instrument {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$member,)+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $name,)+ }
            }

            /// How it adds up.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$member => Kind::$kind,)+ }
            }

            /// The names of its attributes, each of which every series of it has.
            #[must_use]
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$member => &[$($label),*],)+ }
            }

            /// In which unit (UCUM).
            #[must_use]
            pub const fn unit(self) -> &'static str {
                match self { $(Self::$member => $unit,)+ }
            }

            /// What it says.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$member => $description,)+ }
            }
        }
    };
}

instruments! {
    /// Requests that were answered.
    Requests: Counter "doorward.requests" ["route", "method", "status", "decision"] "{request}"
        "Requests, by the pattern of their route, method, status of the answer and what was decided.",
    /// How long an answer took.
    RequestDuration: Histogram "doorward.request.duration" ["route", "decision"] "s"
        "Time from the arrival of a request to the head of its answer.",
    /// How long it took to find a credential genuine, or not.
    AuthenticationDuration: Histogram "doorward.authentication.duration" ["credential", "proof"] "s"
        "Time for the credential of a request, by its kind and by how it was found genuine.",
    /// What was refused.
    Refusals: Counter "doorward.refusals" ["route", "class"] "{request}"
        "Requests that were refused, by the class in the problem document.",
    /// What would have been refused.
    WouldRefuse: Counter "doorward.would_refuse" ["route", "class"] "{request}"
        "Requests that passed in report mode, by the class that they would have been refused with.",
    /// What a second policy says otherwise.
    CandidateDiffers: Counter "doorward.candidate.differs" ["route", "candidate"] "{request}"
        "Requests of which the candidate policy says something else than the enforced one.",
    /// What a rate limit refused.
    RateLimitRefusals: Counter "doorward.rate_limit.refusals" ["limit"] "{request}"
        "Requests that were over a rate limit.",
    /// When the keys of an issuer were fetched. Their age grows without anybody who tells it.
    KeySetFetched: Gauge "doorward.key_set.fetch_time" ["issuer"] "s"
        "When the keys of an issuer that are in use were fetched, in seconds since 1970.",
    /// What became of key sets.
    KeySetChanges: Counter "doorward.key_set.changes" ["issuer", "outcome"] "{change}"
        "Key sets that were loaded, refreshed or could not be had.",
    /// Which policy is in force, where it is fetched.
    BundleSequence: Gauge "doorward.bundle.sequence" ["application"] "{sequence}"
        "The sequence number of the bundle that is in force.",
    /// When it was signed. Its age grows without anybody who tells it.
    BundleIssued: Gauge "doorward.bundle.issue_time" ["application"] "s"
        "When the bundle that is in force was signed, in seconds since 1970.",
    /// When it is over.
    BundleExpires: Gauge "doorward.bundle.expiry_time" ["application"] "s"
        "When the bundle that is in force expires, in seconds since 1970.",
    /// What came of asking for a newer one.
    BundleFetches: Counter "doorward.bundle.fetches" ["application", "outcome"] "{fetch}"
        "Fetches of a bundle: adopted, unchanged, unreachable, or why it was refused.",
    /// Attempts at an upstream.
    UpstreamAttempts: Counter "doorward.upstream.attempts" ["upstream", "outcome"] "{attempt}"
        "Attempts at an upstream: the class of the status, or the failure.",
    /// Requests that an open breaker kept from an upstream.
    UpstreamBreaker: Counter "doorward.upstream.breaker_refusals" ["upstream"] "{request}"
        "Requests that were not sent because the breaker of their upstream was open.",
    /// What was worth a line.
    Events: Counter "doorward.events" ["event", "level"] "{event}"
        "Events of the log, by their names, but for those that say what was decided of a request.",
    /// Instances that began.
    InstanceStarts: Counter "doorward.instance.starts" [] "{instance}"
        "Instances that read the policy and began to serve.",
    /// What an instance costs before its first request.
    InstanceStartDuration: Histogram "doorward.instance.start.duration" [] "s"
        "Time in which an instance read its policy.",
    /// What was measured and is not told.
    Lost: Counter "doorward.metrics.lost" ["reason"] "{measurement}"
        "Measurements and spans that were not kept, since an instance had too many, or that a collector did not take.",
}

#[cfg(test)]
mod tests {
    use super::{DURATION_BOUNDS_S, Instrument, Kind};
    use std::collections::BTreeSet;

    #[test]
    fn names_are_of_their_own_and_say_no_unit() {
        let names: BTreeSet<_> = Instrument::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Instrument::ALL.len(), "{names:?}");
        for instrument in Instrument::ALL {
            let name = instrument.name();
            assert!(name.starts_with("doorward."), "{name}");
            for unit in ["seconds", "total", "bytes"] {
                assert!(!name.contains(unit), "{name}: exporters add {unit}");
            }
            let is_seconds = instrument.unit() == "s";
            let is_time =
                instrument.kind() != Kind::Counter && *instrument != Instrument::BundleSequence;
            assert_eq!(is_seconds, is_time, "{name}: what is no number is a time");
        }
    }

    #[test]
    fn bounds_ascend() {
        assert!(DURATION_BOUNDS_S.is_sorted_by(|low, high| low < high));
    }
}
