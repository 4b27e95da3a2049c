//! Whatever fails, and whenever: what is acknowledged is in the sink, and from where the answer says every event gets there.

use doorward_retry::Random;

use super::simulated::{Act, Memory, Pieces, Time, sent};
use crate::intake::answer::{Answer, End};

/// Bodies that are sent, each with what fails drawn from its seed.
const SEEDS: u64 = 300;
/// How often a client goes on where the answer says so.
const REQUESTS_MAX: usize = 400;

/// A line, and whether it is a good event.
struct Line {
    text: String,
    id: Option<String>,
    offset: usize,
}

fn lines(random: &mut Random) -> Vec<Line> {
    let mut offset = 0;
    let count = random.below(4_000);
    let mut lines = Vec::new();
    for id in 0..count {
        let ends = ["\n", "\r\n", "\n\n", "\n \r\n"][random.below(4) as usize];
        let (text, id) = match random.below(10) {
            0 => ("{\"id\":1}".to_owned(), None),
            1 => ("{\"id\":\"\n".to_owned(), None),
            _ => {
                let pad = "x".repeat(random.below(600) as usize);
                let text = format!(
                    "{{\"id\":\"{id}\",\"source\":\"/a\",\"type\":\"t\",\"data\":\"{pad}\"}}"
                );
                (text, Some(id.to_string()))
            }
        };
        let text = text + ends;
        let length = text.len();
        lines.push(Line { text, id, offset });
        offset += length;
    }
    lines
}

/// A body that comes in pieces of drawn lengths, and breaks off or not.
fn pieces(time: &Time, body: &[u8], random: &mut Random) -> Pieces {
    let length = [1 + random.below(50), 1 + random.below(5_000), 65_536][random.below(3) as usize];
    let breaks = random.below(4) == 0;
    let body = match breaks {
        true => &body[..random.below(body.len() as u64 + 1) as usize],
        false => body,
    };
    let mut pieces = Pieces::of(time, body, length as usize);
    pieces.breaks = breaks;
    pieces.piece_ms = [0, 0, 3][random.below(3) as usize];
    pieces
}

fn check(answer: &Answer, lines: &[Line], from: usize, sink: &Memory, before: usize, seed: u64) {
    let report = &answer.report;
    let added = sink.ids().len() - before;
    // What is said to be new is there; what was written and not acknowledged may be besides.
    assert!(
        (report.accepted - report.duplicates) as usize <= added,
        "seed {seed}"
    );
    let until = answer.resume_from.map(|place| from + place.offset as usize);
    for line in lines {
        let is_behind = until.is_some_and(|until| line.offset >= until);
        if line.offset >= from
            && !is_behind
            && let Some(id) = &line.id
        {
            assert!(sink.has(id), "seed {seed}: {id} was acknowledged");
        }
    }
}

#[test]
fn nothing_that_was_acknowledged_is_missing_and_every_event_gets_there() {
    let (mut failed, mut broken) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = Random::seeded(seed);
        let lines = lines(&mut random);
        let body: String = lines.iter().map(|line| line.text.as_str()).collect();
        let time = Time::new();
        let mut sink = Memory::new(&time);
        sink.write_ms = random.below(40);
        let odds = random.below(5);
        let drawn = std::cell::RefCell::new(random.clone());
        sink.act = Box::new(move || match drawn.borrow_mut().below(20) {
            nth if nth >= 2 * odds => Act::Write,
            nth => [
                Act::Fail,
                Act::Fail,
                Act::WriteAndFail,
                Act::Hang,
                Act::Never,
            ][nth as usize % 5],
        });
        let mut from = 0;
        let mut requests = 0;
        loop {
            let before = sink.ids().len();
            let pieces = pieces(&time, &body.as_bytes()[from..], &mut random);
            let answer = sent(
                &[("content-type", "application/x-ndjson")],
                "",
                pieces,
                &sink,
            );
            check(&answer, &lines, from, &sink, before, seed);
            match answer.end {
                End::Unwritten(_) => failed += 1,
                End::Broken => broken += 1,
                _ => {
                    assert!(
                        answer.status() == 200 || answer.status() == 422,
                        "seed {seed}"
                    );
                    break;
                }
            }
            from += answer.resume_from.unwrap().offset as usize;
            requests += 1;
            assert!(requests < REQUESTS_MAX, "seed {seed} gets nowhere");
        }
        for id in lines.iter().filter_map(|line| line.id.as_ref()) {
            assert!(sink.has(id), "seed {seed}: {id} is missing");
        }
    }
    assert!(
        failed > 50 && broken > 50,
        "{failed} failed, {broken} broke off"
    );
}
