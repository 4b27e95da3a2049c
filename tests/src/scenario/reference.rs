//! Who may come in, and who has to be let in, by nothing but what is true in a world.
//!
//! It is naive: it looks at no text that a client sends, but at what is known of it, and shares no code with
//! what it judges. Where something may be noticed late, the documented time for that is added.

use super::credentials::{Credential, Token};
use super::issuers::Health;
use super::setting::{ApiKey, IssuerSetting, Known, LetsIn, ROUTES, Route};
use super::story::{Asked, RECORDS_FROM, RecordSeen, Revoked, Story, What};
use std::time::Duration;

/// For how long stale keys are used beyond their freshness while they are refreshed.
const STALE: Duration = Duration::from_secs(3600);
/// What a refresh takes at most: a look at the store and two requests to the issuer.
const REFRESH: Duration = Duration::from_secs(20);
/// For how long an issuer that failed is left alone, and a fetch after that.
const LEFT_ALONE: Duration = Duration::from_secs(75);
/// How long a listing of the store takes at most, from its opening on.
const LISTING: Duration = Duration::from_secs(8);
/// By how much times that are counted in whole seconds may be off, where several fetches of one second are told
/// apart.
const SLACK: Duration = Duration::from_secs(6);

/// Judges a request that was decided on between when it was sent and `until`.
pub struct Judge<'s> {
    story: &'s Story,
    asked: &'s Asked,
    until: Duration,
}

impl<'s> Judge<'s> {
    /// One for this request.
    pub fn of(story: &'s Story, asked: &'s Asked, until: Duration) -> Self {
        Self {
            story,
            asked,
            until,
        }
    }

    fn route(&self) -> Option<&'static Route> {
        let route = ROUTES.get(self.asked.route?)?;
        let listed = route.methods.contains(&self.asked.method.as_str());
        listed.then_some(route)
    }

    /// Whose name and issuer the service has to see; `None`: nobody's.
    pub fn identity(&self) -> Option<(String, String)> {
        if self.route()?.lets_in == LetsIn::Everybody {
            return None;
        }
        match &self.asked.credential {
            Credential::Token(token) => {
                let issuer = self.story.setting.issuers.get(token.issuer)?;
                Some((token.subject.clone(), issuer.url()))
            }
            Credential::Key(key, _) => Some((key.name.clone(), "urn:doorward:api-keys".to_owned())),
            _ => None,
        }
    }

    /// Why nobody could have been let in with that, if so.
    pub fn must_be_refused(&self) -> Option<&'static str> {
        let Some(route) = self.route() else {
            return Some("no rule lists it");
        };
        match (&self.asked.credential, route.lets_in) {
            (_, LetsIn::Everybody) | (Credential::None, LetsIn::AlsoNobody) => None,
            (Credential::Token(token), _) => self.token_must_be_refused(route, token),
            (Credential::Key(key, name), LetsIn::Keys) => {
                self.key_must_be_refused(route, key, name.as_deref())
            }
            _ => Some("it presents nothing that is accepted there"),
        }
    }

    /// Whether it has to be let in.
    pub fn must_be_let_in(&self) -> bool {
        let Some(route) = self.route() else {
            return false;
        };
        match (&self.asked.credential, route.lets_in) {
            // Two credentials are a mistake wherever they are sent.
            (Credential::Two(..), _) => false,
            (_, LetsIn::Everybody) | (Credential::None, LetsIn::AlsoNobody) => true,
            (Credential::Token(token), _) => {
                self.token_is_right(route, token).is_none()
                    && self.is_in_time(token, 2)
                    && !self.is_revoked_by(token, Duration::ZERO)
                    && (!self.story.setting.revocation || self.store_works(LISTING))
                    && (self.keys_can_be_had(token) || self.keys_are_in_the_store(token))
            }
            (Credential::Key(key, name), LetsIn::Keys) => {
                self.key_is_right(route, key, name.as_deref())
                    && key.expires_at.is_none_or(|at| self.wall_s().1 + 1 < at)
                    && (key.known == Known::Policy
                        || self.store_works(LISTING) && self.is_stored(key, true, self.listed()))
            }
            _ => false,
        }
    }

    fn wall_s(&self) -> (u64, u64) {
        self.story.wall_s(self.asked.sent, self.until)
    }

    fn issuer(&self, token: &Token) -> Option<&'s IssuerSetting> {
        self.story.setting.issuers.get(token.issuer)
    }

    fn store_works(&self, since: Duration) -> bool {
        let from = self.asked.sent.saturating_sub(since);
        let works = &self.story.store_works;
        works.always(from, self.until, |works| *works)
    }

    // What never changes of a token.

    fn token_is_right(&self, route: &Route, token: &Token) -> Option<&'static str> {
        let is_owner = self.asked.target.contains(&format!("/{}/", token.subject));
        match () {
            () if token.is_false => Some("the token is none"),
            () if route.only_first && token.issuer != 0 => Some("the token is of another issuer"),
            () if !token.audience.contains(&super::setting::AUDIENCE) => {
                Some("the token is for somebody else")
            }
            () if route.scope.iter().any(|scope| !token.scope.contains(scope)) => {
                Some("the token lacks a scope")
            }
            () if route.is_owned && !is_owner => Some("the path is not the caller's"),
            () => None,
        }
    }

    /// Whether it is valid at every time at which it may have been looked at, with so much to spare.
    fn is_in_time(&self, token: &Token, spare_s: u64) -> bool {
        let leeway_s = self.issuer(token).map_or(0, |issuer| issuer.leeway_s);
        let (least, most) = self.wall_s();
        let begins = token.not_before.unwrap_or(0).max(token.issued_at);
        most + spare_s < token.expires_at + leeway_s && begins + spare_s <= least + leeway_s
    }

    fn token_must_be_refused(&self, route: &Route, token: &Token) -> Option<&'static str> {
        let issuer = self.issuer(token)?;
        let (least, most) = self.wall_s();
        let wrong = self.token_is_right(route, token);
        let begins = token.not_before.unwrap_or(0).max(token.issued_at);
        match () {
            () if wrong.is_some() => wrong,
            () if least >= token.expires_at + issuer.leeway_s => Some("the token has expired"),
            () if most + issuer.leeway_s < begins => Some("the token is not valid yet"),
            () if self.is_revoked_by(token, self.seen_late()) => Some("the token was revoked"),
            () => self.key_is_gone(issuer, token),
        }
    }

    // What is taken back.

    /// How late something in the store is seen at most.
    fn seen_late(&self) -> Duration {
        let setting = &self.story.setting;
        // What goes on of an instance that has ended is as good as one whose store fails.
        let stale_s = match self.store_works(LISTING) && !self.asked.is_lost {
            true => 0,
            false => setting.store_stale_s,
        };
        setting.lag + Duration::from_secs(setting.refresh_s + stale_s)
    }

    /// When something that is seen now was written at the latest.
    fn listed(&self) -> Duration {
        let setting = &self.story.setting;
        setting.lag + Duration::from_secs(setting.refresh_s + 1)
    }

    fn is_revoked_by(&self, token: &Token, late: Duration) -> bool {
        let by = |revoked: &&Revoked| match late {
            Duration::ZERO => revoked.at <= self.until,
            late => {
                let back = self.story.set_back(revoked.at, self.until);
                revoked.at + late + back < self.asked.sent
            }
        };
        let revoked = self.story.revoked.borrow();
        let takes_back = |revoked: &Revoked| {
            revoked.issuer == token.issuer
                && match &revoked.what {
                    What::Token(id) => *id == token.id,
                    What::Session(session) => *session == token.session,
                    What::Subject(subject) => {
                        *subject == token.subject && token.issued_at <= revoked.at_s
                    }
                    What::Issuer => token.issued_at <= revoked.at_s,
                }
        };
        self.story.setting.revocation && revoked.iter().filter(by).any(takes_back)
    }

    // Keys of issuers.

    /// Why the key of a token is no longer used, if so.
    fn key_is_gone(&self, setting: &IssuerSetting, token: &Token) -> Option<&'static str> {
        let (story, sent) = (self.story, self.asked.sent);
        let issuer = story.issuers.get(token.issuer)?;
        let served = issuer.served.borrow();
        let with = served.iter().rfind(|served| {
            served.at <= self.until
                && served
                    .keys
                    .as_ref()
                    .is_some_and(|keys| keys.contains(&token.key))
        });
        let Some(last) = with.map(|served| served.at) else {
            return Some("nobody ever published the key");
        };
        let fresh_until = last + Duration::from_secs(setting.fresh_s()) + SLACK;
        let if_error = Duration::from_secs(setting.stale_if_error_s);
        let back = story.set_back(last, self.until);
        if sent > fresh_until + if_error.max(STALE) + back {
            return Some("the key was not seen for longer than any key is kept");
        }
        let is_told = !self.asked.is_lost && story.clock_is_right(last, self.until);
        if sent <= fresh_until || !is_told {
            return None;
        }
        let refreshed = |other: &Asked| {
            let Some(until) = story.let_in_at(&other.mark) else {
                return false;
            };
            let of_same = matches!(&other.credential, Credential::Token(its)
                if its.issuer == token.issuer && other.route.is_some_and(|route| route != 0));
            let can_tell = issuer.health.always(
                other.sent.saturating_sub(LEFT_ALONE),
                until + REFRESH,
                Health::is_good,
            );
            other.instance == self.asked.instance
                && of_same
                && other.sent > fresh_until
                && until + REFRESH < sent
                && (can_tell || sent > fresh_until + if_error)
        };
        let asked = story.asked.borrow();
        let works = self.store_works(LISTING + REFRESH);
        match () {
            () if asked.iter().any(refreshed) => {
                Some("the instance has refreshed its keys since the key was withdrawn")
            }
            () if works && self.record_lacks(&token.key, last) => {
                Some("the store says that the key was withdrawn")
            }
            () => None,
        }
    }

    /// Whether a reader of the store saw other keys than this one all the time.
    fn record_lacks(&self, key: &String, last: Duration) -> bool {
        let (_, last_s) = self.story.wall_s(last, last);
        let lacks = |record: &Option<RecordSeen>| {
            record.as_ref().is_some_and(|record| {
                !record.keys.contains(key) && record.fetched_at > last_s + SLACK.as_secs()
            })
        };
        let records = &self.asked.records;
        !records.is_empty() && records.iter().all(lacks)
    }

    /// Whether the issuer has given the key to whoever asked for a while.
    fn keys_can_be_had(&self, token: &Token) -> bool {
        let Some(issuer) = self.story.issuers.get(token.issuer) else {
            return false;
        };
        let from = self.asked.sent.saturating_sub(LEFT_ALONE);
        let published = |keys: &Vec<String>| keys.contains(&token.key);
        issuer.health.always(from, self.until, Health::is_good)
            && issuer.published.always(from, self.until, published)
            && self.story.clock_is_right(from, self.until)
    }

    /// Whether what the store says of the issuer's keys is enough.
    fn keys_are_in_the_store(&self, token: &Token) -> bool {
        let Some(setting) = self.issuer(token) else {
            return false;
        };
        let (_, most) = self.wall_s();
        let good = |record: &Option<RecordSeen>| {
            record.as_ref().is_some_and(|record| {
                let until = record.fetched_at + record.fresh_s + setting.stale_if_error_s;
                record.keys.contains(&token.key) && most + SLACK.as_secs() < until
            })
        };
        let records = &self.asked.records;
        let issuer = self.story.issuers.get(token.issuer);
        let lacking = |issuer: &std::rc::Rc<super::issuers::Issuer>| {
            let served = issuer.served.borrow();
            let oldest = records
                .iter()
                .flatten()
                .map(|record| record.fetched_at)
                .min();
            served.iter().any(|served| {
                self.story.wall_s(served.at, served.at).1 + 1 >= oldest.unwrap_or(0)
                    && served
                        .keys
                        .as_ref()
                        .is_some_and(|keys| !keys.contains(&token.key))
            })
        };
        !records.is_empty()
            && records.iter().all(good)
            && self.store_works(LISTING + RECORDS_FROM)
            && self.story.clock_is_right(Duration::ZERO, self.until)
            && !issuer.is_some_and(lacking)
    }

    // Keys of machines.

    fn key_is_right(&self, route: &Route, key: &ApiKey, name: Option<&str>) -> bool {
        key.known != Known::Nowhere
            && name.is_none_or(|name| name == key.name)
            && route.scope.iter().all(|scope| key.scope.contains(scope))
    }

    /// Whether the key was in the store, or was not, all the time since then.
    fn is_stored(&self, key: &ApiKey, expected: bool, since: Duration) -> bool {
        // What is there from the beginning on came into sight only then.
        let from = match self.asked.sent.checked_sub(since) {
            None if expected => return false,
            from => from.unwrap_or_default(),
        };
        let stored = self.story.api_keys.get(&key.id);
        stored.is_some_and(|stored| stored.always(from, self.until, |is| *is == expected))
    }

    fn key_must_be_refused(
        &self,
        route: &Route,
        key: &ApiKey,
        name: Option<&str>,
    ) -> Option<&'static str> {
        let (least, _) = self.wall_s();
        let back = self.story.set_back(Duration::ZERO, self.until);
        match () {
            () if !self.key_is_right(route, key, name) => Some("the key is not good for that"),
            () if key.expires_at.is_some_and(|at| least >= at) => Some("the key has expired"),
            () if self.is_stored(key, false, self.seen_late() + back) => {
                Some("the key was taken out of the store")
            }
            () => None,
        }
    }
}
