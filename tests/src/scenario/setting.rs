//! What stays as it is in a world: the policy, the host, and how fast everything is.

use super::draw::Draw;
use crate::sim::component::Component;
use crate::sim::message::Manner;
use doorward_token::api_key::{GeneratedKey, generate};
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

/// What stays as it is in a world.
pub struct Setting {
    /// What the component sees of fields that belong to connections.
    pub manner: Manner,
    /// Whether the component is the gateway.
    pub is_gateway: bool,
    /// Who issues tokens.
    pub issuers: Vec<IssuerSetting>,
    /// Whether tokens can be revoked.
    pub revocation: bool,
    /// How soon what is in the store is seen.
    pub refresh_s: u64,
    /// For how long the store is done without.
    pub store_stale_s: u64,
    /// How late a reader sees what was written.
    pub lag: Duration,
    /// How long a call to the store takes.
    pub latency: Duration,
    /// Requests that an instance serves at most.
    pub requests_max: usize,
    /// Requests that an instance serves at the same time.
    pub at_once_max: usize,
    /// Whether the host keeps times.
    pub keeps_time: bool,
    /// Attempts for one request.
    pub attempts_max: usize,
    /// The time for all of them.
    pub deadline: Duration,
    /// The time for one.
    pub first_byte: Duration,
    /// Whether there is a breaker.
    pub has_breaker: bool,
    /// Whether somebody sets the clock.
    pub is_clock_set: bool,
    /// Requests that come together.
    pub burst_max: usize,
    /// API keys, whether anybody knows them or not.
    pub api_keys: Vec<Rc<ApiKey>>,
}

/// An issuer of signed tokens.
pub struct IssuerSetting {
    /// Its name in the policy.
    pub name: String,
    /// Its host.
    pub host: String,
    /// Whether its keys are looked for.
    pub is_discovered: bool,
    /// What it says of the age of its keys.
    pub max_age_s: Option<u64>,
    /// Whether it knows entity tags.
    pub has_tags: bool,
    /// For how long its keys serve while it fails.
    pub stale_if_error_s: u64,
    /// How old keys may be for an unknown one to be refused for good.
    pub cooldown_s: u64,
    /// By how much clocks may differ.
    pub leeway_s: u64,
}

impl IssuerSetting {
    /// `iss` of its tokens.
    pub fn url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// For how long its keys are fresh: at least a minute, by default ten.
    pub fn fresh_s(&self) -> u64 {
        self.max_age_s.unwrap_or(600).max(60)
    }
}

/// A key of a machine.
pub struct ApiKey {
    /// Whose.
    pub name: String,
    /// The key.
    pub text: String,
    /// What the record of it is called by.
    pub id: String,
    /// The hash of it.
    pub digest: String,
    /// What it may.
    pub scope: Vec<&'static str>,
    /// From when on it is refused, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// Where it is known.
    pub known: Known,
}

/// Where a key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// In the policy.
    Policy,
    /// In the store, as long as nobody takes it out.
    Store,
    /// Nowhere.
    Nowhere,
}

/// A rule, as people read it.
pub struct Route {
    /// How its paths begin.
    pub prefix: &'static str,
    /// The rest of its pattern.
    pub rest: &'static str,
    /// What it lists.
    pub methods: &'static [&'static str],
    /// Who is let in.
    pub lets_in: LetsIn,
    /// The scope that is needed.
    pub scope: &'static [&'static str],
    /// Whether only the first issuer counts.
    pub only_first: bool,
    /// Whether the path names its owner.
    pub is_owned: bool,
}

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetsIn {
    /// Everybody.
    Everybody,
    /// Who has a token, and who has nothing at all.
    AlsoNobody,
    /// Who has a token.
    Tokens,
    /// Who has a token or a key.
    Keys,
}

/// All rules. The path of a request to none of them is not allowed to anybody.
pub const ROUTES: [Route; 7] = [
    Route {
        prefix: "/open/",
        rest: "**",
        methods: &["GET", "HEAD", "POST"],
        lets_in: LetsIn::Everybody,
        scope: &[],
        only_first: false,
        is_owned: false,
    },
    Route {
        prefix: "/read/",
        rest: "**",
        methods: &["GET", "HEAD"],
        lets_in: LetsIn::Tokens,
        scope: &["read"],
        only_first: false,
        is_owned: false,
    },
    Route {
        prefix: "/write/",
        rest: "**",
        methods: &["POST", "PUT"],
        lets_in: LetsIn::Tokens,
        scope: &["read", "write"],
        only_first: false,
        is_owned: false,
    },
    Route {
        prefix: "/only/",
        rest: "**",
        methods: &["GET", "POST"],
        lets_in: LetsIn::Tokens,
        scope: &[],
        only_first: true,
        is_owned: false,
    },
    Route {
        prefix: "/keys/",
        rest: "**",
        methods: &["GET", "PUT"],
        lets_in: LetsIn::Keys,
        scope: &["read"],
        only_first: false,
        is_owned: false,
    },
    Route {
        prefix: "/maybe/",
        rest: "**",
        methods: &["GET", "PUT"],
        lets_in: LetsIn::AlsoNobody,
        scope: &[],
        only_first: false,
        is_owned: false,
    },
    Route {
        prefix: "/own/",
        rest: "{owner}/{mark}",
        methods: &["GET", "POST"],
        lets_in: LetsIn::Tokens,
        scope: &[],
        only_first: false,
        is_owned: true,
    },
];

/// What the token of everybody has to be for.
pub const AUDIENCE: &str = "api";

impl Setting {
    /// One that is drawn. Times of keys are seconds since 1970.
    pub fn drawn(draw: &mut Draw, begin_s: u64) -> Self {
        let issuers = (0..draw.between(1, 3)).map(|place| IssuerSetting {
            name: format!("i{place}"),
            host: format!("i{place}.example"),
            is_discovered: draw.one_in(3),
            max_age_s: draw.of(&[None, Some(10), Some(60), Some(90), Some(600), Some(7200)]),
            has_tags: draw.one_in(2),
            stale_if_error_s: draw.of(&[0, 30, 600, 86_400]),
            cooldown_s: draw.of(&[5, 30, 30, 120]),
            leeway_s: draw.of(&[0, 60]),
        });
        let issuers = issuers.collect();
        Self {
            manner: draw.of(&Manner::ALL),
            is_gateway: draw.one_in(2),
            issuers,
            revocation: draw.one_in(2),
            refresh_s: draw.of(&[1, 2, 5, 10]),
            store_stale_s: draw.of(&[0, 10, 60]),
            lag: Duration::from_millis(draw.of(&[0, 0, 20, 500, 4000])),
            latency: Duration::from_millis(draw.of(&[0, 1, 30, 400])),
            requests_max: draw.of(&[1, 4, 30, 128, 128]),
            at_once_max: draw.of(&[1, 4, 16, 16]),
            keeps_time: draw.one_in(2),
            attempts_max: draw.of(&[1, 2, 3, 3]),
            deadline: Duration::from_millis(draw.of(&[1500, 6000, 30_000])),
            first_byte: Duration::from_millis(draw.of(&[400, 3000])),
            has_breaker: draw.one_in(2),
            is_clock_set: draw.one_in(3),
            burst_max: draw.of(&[3, 10, 10, 60]),
            api_keys: (0..6)
                .map(|place| Rc::new(ApiKey::drawn(draw, place, begin_s)))
                .collect(),
        }
    }

    /// The policy.
    pub fn policy(&self) -> String {
        let mut text = String::new();
        for issuer in &self.issuers {
            let IssuerSetting {
                name,
                stale_if_error_s,
                cooldown_s,
                leeway_s,
                ..
            } = issuer;
            let url = issuer.url();
            let keys = match issuer.is_discovered {
                true => String::new(),
                false => format!("jwks_url = \"{url}/keys\"\n"),
            };
            let _ = write!(
                text,
                "[issuer.{name}]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\n{keys}\
                 stale_if_error_s = {stale_if_error_s}\nunknown_key_cooldown_s = {cooldown_s}\n\
                 leeway_s = {leeway_s}\n"
            );
        }
        if self.revocation {
            text.push_str("[revocation]\ntoken_lifetime_max_s = 90000\n");
        }
        let _ = write!(
            text,
            "[store]\nrefresh_s = {}\nstale_if_error_s = {}\n[api_keys]\nheader = \"x-api-key\"\n",
            self.refresh_s, self.store_stale_s
        );
        for key in self
            .api_keys
            .iter()
            .filter(|key| key.known == Known::Policy)
        {
            let (name, id, digest, scope) = (&key.name, &key.id, &key.digest, &key.scope);
            let _ = write!(
                text,
                "[[api_keys.key]]\nname = \"{name}\"\nid = \"{id}\"\nhash = \"{digest}\"\n"
            );
            if !scope.is_empty() {
                let _ = writeln!(text, "scope = {scope:?}");
            }
        }
        text.push_str(
            "[identity]\nx-auth-subject = \"sub\"\nx-auth-issuer = \"iss\"\nx-auth-scope = \"scope\"\n",
        );
        self.write_upstreams(&mut text);
        self.write_routes(&mut text);
        text
    }

    fn write_upstreams(&self, text: &mut String) {
        let upstreams = [
            ("main", "[\"https://a.example\", \"https://b.example\"]"),
            ("other", "[\"https://c.example\"]"),
            ("copy", "[\"https://d.example\"]"),
        ];
        for (name, urls) in upstreams {
            let _ = write!(
                text,
                "[upstream.{name}]\nurl = {urls}\nattempts_max = {}\ndeadline_ms = {}\n\
                 first_byte_timeout_ms = {}\nconnect_timeout_ms = 300\nbreaker = {}\n",
                self.attempts_max,
                self.deadline.as_millis(),
                self.first_byte.as_millis(),
                self.has_breaker
            );
        }
    }

    fn write_routes(&self, text: &mut String) {
        for route in &ROUTES {
            let _ = write!(
                text,
                "[[route]]\npath = \"{}{}\"\nmethods = {:?}\n",
                route.prefix, route.rest, route.methods
            );
            text.push_str(match route.lets_in {
                LetsIn::Everybody => "public = true\n",
                LetsIn::AlsoNobody => "auth = \"optional\"\n",
                LetsIn::Tokens => "",
                LetsIn::Keys => "accept = [\"jwt\", \"api-key\", \"basic\"]\n",
            });
            if route.lets_in != LetsIn::Everybody {
                let issuers = self.issuers.iter().map(|issuer| &issuer.name);
                let many = if route.only_first { 1 } else { usize::MAX };
                let issuers: Vec<_> = issuers.take(many).collect();
                let _ = writeln!(text, "issuer = {issuers:?}");
            }
            if !route.scope.is_empty() {
                let _ = writeln!(text, "scope = {:?}", route.scope);
            }
            text.push_str("upstream = \"main\"\n");
            if route.prefix == "/read/" {
                text.push_str("mirror = \"copy\"\n");
            }
            if route.only_first {
                text.push_str("[route.split]\nto = \"other\"\npercent = 50\nfallback = true\n");
            }
            if route.is_owned {
                text.push_str("[route.claims]\nsub = { equals = \"{owner}\" }\n");
            }
        }
    }

    /// The component.
    pub fn component(&self) -> Component {
        let mut component = Component::new(&self.policy()).on(self.manner);
        component.requests_max = self.requests_max;
        component.at_once_max = self.at_once_max;
        component.keeps_time = self.keeps_time;
        component
    }
}

impl ApiKey {
    fn drawn(draw: &mut Draw, place: u64, begin_s: u64) -> Self {
        let GeneratedKey { text, id, digest } = generate(&draw.array());
        let known = draw.of(&[Known::Policy, Known::Store, Known::Store, Known::Nowhere]);
        let expires = (known == Known::Store).then(|| draw.of(&[None, Some(120), Some(3600)]));
        Self {
            name: format!("machine{place}"),
            text,
            id,
            digest: digest.text(),
            scope: draw.of(&[vec!["read"], vec!["read", "write"], vec![]]),
            expires_at: expires.flatten().map(|in_s: u64| begin_s + in_s),
            known,
        }
    }
}
