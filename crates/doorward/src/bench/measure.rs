//! Measuring: rounds in which all cases take turns.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::application::{self, Places, Surroundings};
use super::arguments::{Arguments, Rate};
use super::cases::{Ask, CASES, Case};
use super::figures::{CLOSED, Figure, Key, Outcome, Round};
use super::load::{self, Load, Measured, Pace};
use super::machine::{Machine, Others};
use super::origin::Origin;
use super::report::{Report, Settings, Skipped};
use super::schedule::Schedule;
use super::server::{Server, Start};
use super::tokens::Tokens;
use super::usage::{self, Usage};
use crate::say::say;

/// How long a new server is used before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);
/// Tokens that stand for some that were never seen have to be so many times what an instance serves.
const TOKENS_AN_INSTANCE: usize = 2;

/// A case that is ready to be measured.
struct Ready {
    case: Case,
    folder: TempDir,
    requests: Vec<Vec<u8>>,
}

/// What all cases have in common.
struct Common<'c> {
    arguments: &'c Arguments,
    state_dir: &'c Path,
    origin: Option<Origin>,
}

/// Measures the cases that are asked for.
pub(super) fn cases(arguments: &Arguments, places: &Places, state_dir: &Path) -> Result<Report> {
    let most = arguments.reuse.iter().copied().max().unwrap_or(1);
    if arguments.tokens < most.saturating_mul(TOKENS_AN_INSTANCE) {
        bail!(
            "{} tokens are too few: an instance of {most} requests would see one twice\n  help: `--tokens {}`, or more",
            arguments.tokens,
            most.saturating_mul(TOKENS_AN_INSTANCE)
        );
    }
    let mut machine = Machine::now()?;
    let tokens = Tokens::of(state_dir, arguments.tokens)?;
    let origin = match arguments.origin {
        Some(_) => None,
        None => Some(Origin::start()?),
    };
    let common = Common {
        arguments,
        state_dir,
        origin,
    };
    let (mut ready, mut skipped) = (Vec::new(), Vec::new());
    for case in CASES.into_iter().filter(|case| is_chosen(case, arguments)) {
        let prepared = match places.missing(&case).as_slice() {
            [] => common.prepare(case, places, &tokens),
            missing => Err(not_there(missing)),
        };
        match prepared {
            Ok(prepared) => ready.push(prepared),
            Err(error) => {
                let (case, reason) = (case.name.to_owned(), format!("{error:#}"));
                say(format_args!("Not measured: {case}: {reason}"));
                skipped.push(Skipped { case, reason });
            }
        }
    }
    if ready.is_empty() {
        bail!(
            "nothing can be measured: what is said above is in the way\n  help: `doorward bench --build` builds what is missing"
        );
    }
    let mut all = Outcomes::default();
    let mut others = Others::default();
    for round in 1..=arguments.rounds {
        say(format_args!("Round {round} of {}", arguments.rounds));
        for &reuse in &arguments.reuse {
            for one in &ready {
                let name = one.case.name;
                common
                    .round(one, reuse, &mut all, &mut others)
                    .with_context(|| format!("{name} with {reuse} requests an instance"))?;
            }
        }
    }
    machine.end();
    Ok(Report {
        machine,
        settings: Settings::of(arguments),
        others,
        outcomes: all.0,
        skipped,
    })
}

/// Measures what serves a URL.
pub(super) fn url(arguments: &Arguments, url: &http::Uri, tokens: &[String]) -> Result<Report> {
    let mut machine = Machine::now()?;
    let address = super::url::address(url)?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = |token| application::plain_request(address, path, token);
    let requests: Vec<_> = match tokens {
        [] => vec![request(None)],
        tokens => tokens.iter().map(|token| request(Some(token))).collect(),
    };
    let (mut all, mut others) = (Outcomes::default(), Others::default());
    let subject = Subject {
        case: "url",
        reuse: None,
        address,
        requests: &requests,
    };
    for _ in 0..arguments.rounds {
        let usage = || Some((Usage::of_all(&arguments.process)?, Duration::ZERO));
        loads(arguments, &subject, &usage, None, &mut all, &mut others)?;
    }
    machine.end();
    Ok(Report {
        machine,
        settings: Settings::of(arguments),
        others,
        outcomes: all.0,
        skipped: Vec::new(),
    })
}

/// The components of the cases that are asked for, each once.
pub(super) fn components(arguments: &Arguments) -> Vec<&'static str> {
    let chosen = CASES.iter().filter(|case| is_chosen(case, arguments));
    let mut components: Vec<_> = chosen.flat_map(Case::components).collect();
    components.sort_unstable();
    components.dedup();
    components
}

fn is_chosen(case: &Case, arguments: &Arguments) -> bool {
    let names = &arguments.case;
    names.is_empty() || names.iter().any(|name| case.is_named(name))
}

fn not_there(missing: &[PathBuf]) -> anyhow::Error {
    let missing: Vec<_> = missing
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    anyhow::anyhow!("there is no {}", missing.join(", no "))
}

impl Common<'_> {
    /// Writes the application, and has it answer once, so that it is compiled when it is measured.
    fn prepare(&self, case: Case, places: &Places, tokens: &Tokens) -> Result<Ready> {
        let own = self.origin.as_ref().map(|origin| origin.url.as_str());
        let origin = self.arguments.origin.as_deref().or(own);
        let around = Surroundings {
            origin: origin.context("there is no origin")?,
            has_log: self.arguments.log,
        };
        let folder = tempfile::tempdir().context("no folder can be made")?;
        application::write(folder.path(), &case, places, tokens, around)?;
        let tokens = tokens.made(case.credential)?;
        let first = tokens.first().map_or("", String::as_str);
        let server = self.start(&folder, 1)?;
        let user = match case.ask {
            Ask::User => Some(new_user(&server, first)?),
            _ => None,
        };
        let requests = application::requests(&case, &tokens, user.as_deref())?;
        server.first_answer(requests.first().context("there are no requests")?)?;
        Ok(Ready {
            case,
            folder,
            requests,
        })
    }

    fn start(&self, folder: &TempDir, reuse: usize) -> Result<Server> {
        Server::start(Start {
            folder: folder.path(),
            state_dir: self.state_dir,
            reuse,
            has_metrics: self.arguments.metrics,
        })
    }

    fn round(
        &self,
        ready: &Ready,
        reuse: usize,
        all: &mut Outcomes,
        others: &mut Others,
    ) -> Result<()> {
        let Ready {
            case,
            folder,
            requests,
        } = ready;
        let server = self.start(folder, reuse)?;
        let first = requests.first().context("there are no requests")?;
        let first_answer = server.first_answer(first)?;
        let subject = Subject {
            case: case.name,
            reuse: Some(reuse),
            address: server.address,
            requests,
        };
        let usage = || {
            let server = server.usage()?;
            let origin = match &self.origin {
                Some(origin) => Usage::of(origin.process_id())?.processor,
                None => Duration::ZERO,
            };
            Some((server, origin))
        };
        let arguments = self.arguments;
        loads(arguments, &subject, &usage, Some(first_answer), all, others)
    }
}

/// Makes a user and gives its path.
fn new_user(server: &Server, token: &str) -> Result<String> {
    let number = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?
        .as_nanos();
    let asked = load::ask(server.address, &application::new_user(token, number))?;
    let path = asked.field("location").map(str::to_owned);
    path.with_context(|| format!("no user was made:\n{}\n{}", asked.text(), server.said()))
}

/// Who is measured.
struct Subject<'s> {
    case: &'s str,
    reuse: Option<usize>,
    address: std::net::SocketAddr,
    requests: &'s [Vec<u8>],
}

/// One round of all loads. `usage` gives what the server has used, and the processor time of what serves it.
fn loads(
    arguments: &Arguments,
    subject: &Subject<'_>,
    usage: &dyn Fn() -> Option<(Usage, Duration)>,
    first_answer: Option<Duration>,
    all: &mut Outcomes,
    others: &mut Others,
) -> Result<()> {
    let connections = arguments.connections;
    let run = |pace, time| {
        let load = Load {
            pace,
            connections,
            time,
        };
        load::run(subject.address, subject.requests, load)
    };
    run(Pace::Closed, WARM_UP)?;
    let mut measure = |name: String, pace| {
        let before = (usage(), usage::busy(), Usage::own());
        let begun = Instant::now();
        let measured = run(pace, arguments.seconds)?;
        let time = begun.elapsed();
        let after = (usage(), usage::busy(), Usage::own());
        let server = difference(before.0, after.0, |(server, _)| server.processor);
        let origin = difference(before.0, after.0, |(_, origin)| origin);
        let busy = difference(before.1, after.1, |busy| busy);
        let own = difference(before.2, after.2, |own| own.processor);
        if let (Some(server), Some(origin), Some(busy), Some(own)) = (server, origin, busy, own) {
            others.add(time, busy, server + origin + own);
        }
        let mut round = figures(&measured);
        let answers = measured.answers as f64;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / answers;
        round.set(Figure::Processor, server.map(each));
        let system = difference(before.0, after.0, |(server, _)| server.system);
        round.set(Figure::System, system.map(each));
        let memory = after.0.map(|(server, _)| server.memory_bytes_max as f64);
        round.set(Figure::Memory, memory);
        let first_answer = first_answer.map(|time| time.as_secs_f64() * 1e3);
        round.set(Figure::FirstAnswer, first_answer);
        let per_second = round.get(Figure::PerSecond).unwrap_or(0.0);
        let key = Key {
            case: subject.case.to_owned(),
            reuse: subject.reuse,
            load: name,
        };
        all.add(key, round, measured)?;
        anyhow::Ok(per_second)
    };
    let closed = measure(CLOSED.to_owned(), Pace::Closed)?;
    for rate in &arguments.rate {
        let rate: Rate = *rate;
        let schedule = Schedule::new(rate.per_second(closed), arguments.burst as u64);
        measure(rate.name(arguments.burst), Pace::Open(schedule))?;
    }
    Ok(())
}

fn difference<T: Copy>(
    before: Option<T>,
    after: Option<T>,
    time: impl Fn(T) -> Duration,
) -> Option<Duration> {
    time(after?).checked_sub(time(before?))
}

fn figures(measured: &Measured) -> Round {
    let mut round = Round::default();
    let latencies = &measured.latencies;
    let known = (!latencies.is_empty()).then_some(latencies);
    let share = |share| known.map(|latencies| latencies.value_at_quantile(share) as f64);
    let per_second = measured.answers as f64 / measured.elapsed.as_secs_f64();
    round.set(Figure::PerSecond, Some(per_second));
    round.set(Figure::P50, share(0.5));
    round.set(Figure::P90, share(0.9));
    round.set(Figure::P99, share(0.99));
    round.set(Figure::P999, share(0.999));
    round
}

/// What was measured so far.
#[derive(Default)]
struct Outcomes(Vec<Outcome>);

impl Outcomes {
    fn add(&mut self, key: Key, round: Round, measured: Measured) -> Result<()> {
        let index = match self.0.iter().position(|outcome| outcome.key == key) {
            Some(index) => index,
            None => {
                self.0.push(Outcome {
                    key,
                    rounds: Vec::new(),
                    failed: 0,
                    failure: None,
                    latencies: load::histogram()?,
                    over_time: Vec::new(),
                });
                self.0.len() - 1
            }
        };
        let outcome = self.0.get_mut(index).context("it was just added")?;
        outcome.rounds.push(round);
        outcome.failed += measured.failed;
        outcome.failure = outcome.failure.take().or(measured.failure);
        outcome.over_time.push(measured.over_time);
        let added = outcome.latencies.add(&measured.latencies);
        added.context("latencies of two rounds cannot be added up")
    }
}
