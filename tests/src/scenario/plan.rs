//! What happens in a world, and when: drawn before anything does.

use super::draw::Draw;
use super::setting::Setting;
use std::time::Duration;

/// Something that happens.
pub enum Event {
    /// A client asks.
    Ask(Draw),
    /// An issuer publishes one more key.
    Rotate(usize),
    /// An issuer takes its oldest key out.
    Withdraw(usize),
    /// An issuer fails, or works again.
    Issuer(usize, Draw),
    /// An origin fails, or works again.
    Origin(Draw),
    /// The store fails, or works again.
    Store(Draw),
    /// Somebody takes something back.
    Revoke(Draw),
    /// A key is taken out of the store, or put there.
    ApiKey(Draw),
    /// Somebody sets the clock.
    SetClock(i64),
    /// All instances end.
    EndInstances,
}

/// All of it, in order.
pub fn plan(draw: &mut Draw, setting: &Setting) -> Vec<(Duration, Event)> {
    let mut plan = Plan {
        events: Vec::new(),
        at: Duration::ZERO,
    };
    for _ in 0..draw.between(3, 12) {
        plan.burst(draw, setting);
        let gap = gap(draw, setting);
        match draw.below(8) {
            0 => plan.withdraw(draw, setting),
            1 => plan.revoke(draw, setting),
            _ => plan.at += gap,
        }
    }
    plan.events.sort_by_key(|(at, _)| *at);
    plan.events
}

/// What was drawn so far, and up to when.
struct Plan {
    events: Vec<(Duration, Event)>,
    at: Duration,
}

impl Plan {
    /// Requests together, and what changes meanwhile.
    fn burst(&mut self, draw: &mut Draw, setting: &Setting) {
        let at = self.at;
        for _ in 0..draw.below(3) {
            let before = draw.up_to(Duration::from_secs(3));
            let before = at.saturating_sub(before);
            self.events.push((before, change(draw, setting)));
        }
        let spread = Duration::from_millis(draw.of(&[0, 200, 3000, 3000, 20_000]));
        let most = u64::try_from(setting.burst_max).unwrap_or(1);
        for _ in 0..draw.between(1, most) {
            let ask = Event::Ask(draw.apart());
            self.events.push((at + draw.up_to(spread), ask));
        }
        for _ in 0..draw.below(3) {
            let during = draw.up_to(spread + Duration::from_secs(1));
            self.events.push((at + during, change(draw, setting)));
        }
        self.at += spread;
    }

    /// A key is taken out, and nobody asks until it is fresh no more.
    fn withdraw(&mut self, draw: &mut Draw, setting: &Setting) {
        let issuer = draw.below(setting.issuers.len());
        let fresh_s = setting.issuers[issuer].fresh_s();
        self.events.push((self.at, Event::Withdraw(issuer)));
        self.at += Duration::from_secs(fresh_s + draw.of(&[0, 8, 30]));
        for _ in 0..5 {
            self.events.push((self.at, Event::Ask(draw.apart())));
            self.at += draw.up_to(Duration::from_secs(3));
        }
        self.at += Duration::from_secs(draw.of(&[5, 22, 25, 60]));
    }

    /// Something is taken back, and nobody asks until that has to be known.
    fn revoke(&mut self, draw: &mut Draw, setting: &Setting) {
        let (refresh_s, stale_s) = (setting.refresh_s, setting.store_stale_s);
        self.events.push((self.at, Event::Revoke(draw.apart())));
        if draw.one_in(3) {
            self.events.push((self.at, Event::Store(draw.apart())));
        }
        self.at += setting.lag + Duration::from_secs(draw.of(&[refresh_s, refresh_s + stale_s]));
    }
}

/// How long nothing is asked: about as long as something is promised to take, more often than not.
fn gap(draw: &mut Draw, setting: &Setting) -> Duration {
    let fresh_s = setting.issuers[draw.below(setting.issuers.len())].fresh_s();
    let seconds = match draw.below(9) {
        0 => 0,
        1 => setting.refresh_s,
        2 => setting.refresh_s + setting.store_stale_s,
        3 => 5,
        4 => draw.of(&[10, 31, 61]),
        5 => fresh_s,
        6 => fresh_s + 30,
        7 => draw.between(0, 1200),
        _ => draw.between(0, 7200),
    };
    Duration::from_secs(seconds) + draw.up_to(Duration::from_secs(2))
}

fn change(draw: &mut Draw, setting: &Setting) -> Event {
    let issuer = draw.below(setting.issuers.len());
    match draw.below(24) {
        0 | 1 => Event::Rotate(issuer),
        2 | 3 => Event::Withdraw(issuer),
        4..=7 => Event::Issuer(issuer, draw.apart()),
        8..=10 | 20..=22 => Event::Origin(draw.apart()),
        11 | 12 => Event::Store(draw.apart()),
        13 | 14 if setting.is_clock_set => {
            let by_s = draw.of(&[1, -1, 30, -30, 59, -59, -70, 300, -300, 3600, -3600]);
            Event::SetClock(by_s)
        }
        15 | 16 => Event::ApiKey(draw.apart()),
        17 => Event::EndInstances,
        _ => Event::Revoke(draw.apart()),
    }
}
