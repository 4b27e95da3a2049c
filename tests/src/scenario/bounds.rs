//! Bounds: how often origins and issuers are asked.

use super::origins::{Arrival, Health};
use super::story::{Asked, Story};
use std::collections::BTreeMap;
use std::time::Duration;

/// Repetitions that an upstream may be asked for by an instance that is young.
const REPETITIONS_MIN: usize = 10;
/// For how many requests there is one, later.
const REQUESTS_PER_REPETITION: usize = 5;
/// Copies that an instance has under way.
const MIRRORED_MAX: usize = 64;
/// For how long an instance does something after a request at most.
const AFTER: Duration = Duration::from_secs(30);
/// Fetches of unknown keys at once.
const FETCHES_AT_ONCE: usize = 3;

/// What is wrong, in sentences.
pub fn faults(story: &Story) -> Vec<String> {
    let mut faults = Vec::new();
    if story.setting.is_gateway {
        retries(story, &mut faults);
        mirrors(story, &mut faults);
    }
    fetches(story, &mut faults);
    faults
}

/// Which upstream a host is of.
fn upstream(host: &str) -> &'static str {
    match host {
        "a.example" | "b.example" => "main",
        "c.example" => "other",
        _ => "copy",
    }
}

fn retries(story: &Story, faults: &mut Vec<String>) {
    let asked = story.asked.borrow();
    let arrivals = story.origins.arrivals.borrow();
    let mut by_mark: BTreeMap<String, Vec<&Arrival>> = BTreeMap::new();
    for arrival in arrivals
        .iter()
        .filter(|arrival| upstream(&arrival.host) != "copy")
    {
        by_mark.entry(arrival.mark()).or_default().push(arrival);
    }
    let mut repeated: BTreeMap<(u64, &str), usize> = BTreeMap::new();
    for asked in asked.iter() {
        let Some(attempts) = by_mark.get(&asked.mark) else {
            continue;
        };
        let mut told = |what: &str| faults.push(format!("{what}: {} {}", asked.mark, asked.target));
        let sent = attempts
            .iter()
            .filter(|attempt| attempt.as_if != Health::Refuses);
        if !matches!(&*asked.method, "GET" | "HEAD" | "PUT") && sent.count() > 1 {
            told("sent twice, and may not be done twice");
        }
        for name in ["main", "other"] {
            let of = |attempt: &&&Arrival| upstream(&attempt.host) == name;
            let attempts: Vec<_> = attempts.iter().filter(of).collect();
            if attempts.len() > story.setting.attempts_max {
                told("asked more often than it may be");
            }
            if let Some(why) = mistimed(story, asked, &attempts) {
                told(why);
            }
            let costs = |pair: &&[&&Arrival]| pair[0].as_if != Health::Refuses;
            *repeated.entry((asked.instance, name)).or_default() +=
                attempts.windows(2).filter(costs).count();
        }
    }
    for ((instance, name), count) in repeated {
        let served = asked
            .iter()
            .filter(|asked| asked.instance == instance)
            .count();
        let most = REPETITIONS_MIN.max(served / REQUESTS_PER_REPETITION);
        if count > most {
            faults.push(format!(
                "instance {instance} asked {name} {count} times again for {served} requests"
            ));
        }
    }
}

fn mistimed(story: &Story, asked: &Asked, attempts: &[&&Arrival]) -> Option<&'static str> {
    let first = attempts.first()?;
    // With a body the time counts from its last piece.
    let late = |attempt: &&&Arrival| attempt.at >= first.at + story.setting.deadline;
    if !asked.has_body && attempts.iter().skip(1).any(late) {
        return Some("asked again when its time was up");
    }
    let too_soon = |pair: &[&&Arrival]| match &pair[0].as_if {
        Health::Status(502..=504 | 429, Some(after_s)) => {
            pair[1].at < pair[0].at + Duration::from_secs(*after_s)
        }
        _ => false,
    };
    attempts
        .windows(2)
        .any(too_soon)
        .then_some("asked again sooner than it was told to")
}

/// How many requests an instance mirrors at the same time.
fn mirrors(story: &Story, faults: &mut Vec<String>) {
    let asked = story.asked.borrow();
    let arrivals = story.origins.arrivals.borrow();
    let copies = arrivals
        .iter()
        .filter(|arrival| upstream(&arrival.host) == "copy");
    let mut changes: BTreeMap<u64, Vec<(Duration, bool)>> = BTreeMap::new();
    for copy in copies {
        let mark = copy.mark();
        let Some(asked) = asked.iter().find(|asked| asked.mark == mark) else {
            continue;
        };
        let changes = changes.entry(asked.instance).or_default();
        changes.push((copy.at, true));
        changes.extend(copy.ended.map(|at| (at, false)));
    }
    for (instance, mut changes) in changes {
        changes.sort();
        let (mut under_way, mut most) = (0_usize, 0);
        for (_, begins) in changes {
            under_way = if begins {
                under_way + 1
            } else {
                under_way.saturating_sub(1)
            };
            most = most.max(under_way);
        }
        if most > MIRRORED_MAX {
            faults.push(format!(
                "instance {instance} mirrored {most} requests at once"
            ));
        }
    }
}

/// How often an issuer is asked for its keys.
fn fetches(story: &Story, faults: &mut Vec<String>) {
    for (setting, issuer) in story.setting.issuers.iter().zip(&story.issuers) {
        let served = issuer.served.borrow();
        let asked = story.asked.borrow();
        let pause = Duration::from_secs(setting.cooldown_s.clamp(1, 10));
        for (place, from) in served.iter().enumerate() {
            for (count, to) in served.iter().skip(place).enumerate() {
                let time = to.at - from.at;
                let within = |asked: &&Asked| {
                    let goes_on = |over: Duration| over + AFTER >= from.at;
                    asked.sent <= to.at && asked.over.is_none_or(goes_on)
                };
                // Each instance by itself, as if there were no store to tell it of the others.
                let mut instances: Vec<_> = asked
                    .iter()
                    .filter(within)
                    .map(|asked| asked.instance)
                    .collect();
                instances.sort_unstable();
                instances.dedup();
                let by_age = 1 + time.as_secs() / 2;
                let by_unknown = time.as_secs() / pause.as_secs();
                let each = FETCHES_AT_ONCE + 1 + usize::try_from(by_age + by_unknown).unwrap_or(0);
                let too_many = count + 1 > each * instances.len().max(1);
                // Whoever sets the clock forth gives all that comes with time.
                if too_many && story.clock_is_right(from.at, to.at) {
                    faults.push(format!(
                        "{} was asked {} times within {time:?} by {} instances",
                        issuer.host,
                        count + 1,
                        instances.len()
                    ));
                    return;
                }
            }
        }
    }
}
