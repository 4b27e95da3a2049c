//! What happened in a world, counted: a check that has nothing to look at shows nothing.

use super::origins::Health;
use super::reference::Judge;
use super::story::Story;
use std::collections::BTreeMap;

/// How often what happened.
#[must_use]
pub fn census(story: &Story) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut count = |what: &str| *counts.entry(what.to_owned()).or_default() += 1;
    for asked in &*story.asked.borrow() {
        let let_in = story.let_in_at(&asked.mark);
        count(if let_in.is_some() {
            "let in"
        } else {
            "not let in"
        });
        let Some(over) = asked.over else {
            count("never answered");
            continue;
        };
        let judge = Judge::of(story, asked, let_in.unwrap_or(over));
        if let Some(why) = judge.must_be_refused() {
            count(why);
        }
        if asked.answer.is_none() {
            count("left");
        } else if asked.is_lost {
            count("the instance ended");
        } else if Judge::of(story, asked, over).must_be_let_in() {
            count("has to be let in");
        }
    }
    let mut seen = BTreeMap::new();
    for arrival in &*story.origins.arrivals.borrow() {
        if arrival.host == "d.example" {
            count("mirrored");
        } else {
            let again = seen.insert(arrival.mark(), ()).is_some();
            count(if again { "asked again" } else { "asked" });
        }
        if arrival.as_if != Health::Works {
            count("an origin failed");
        }
    }
    for line in &*story.log.borrow() {
        count(&format!("told {}", line.field("event")));
    }
    counts
}

/// Everything that can be seen of a world, as text.
#[must_use]
pub fn transcript(story: &Story) -> String {
    let mut text = String::new();
    for line in &*story.log.borrow() {
        text += &format!("{:?} {} {}\n", line.at, line.instance, line.text);
    }
    for asked in &*story.asked.borrow() {
        text += &format!("{asked:?}\n");
    }
    for arrival in &*story.origins.arrivals.borrow() {
        text += &format!("{arrival:?}\n");
    }
    text
}
