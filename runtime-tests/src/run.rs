//! Runs every case on every host. Where a host is absent its cases count as ignored, and say so.

use crate::host::{Host, InProcess, InProcess47, SPIN_VARIABLE, Spin};
use doorward_host::{build, manifest};
use doorward_toolchain::ensure_wasm_target;
use libtest_mimic::{Arguments, Failed, Trial};
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Threads of the in-process host, unless a suite says otherwise.
const THREADS: usize = 2;
/// Cases at the same time, however many cores there are: the pools of instances of a case's hosts take up to
/// 13,000 of the 65,530 mappings that Linux allows a process.
const CASES_AT_A_TIME_MAX: usize = 4;

/// A case that takes so long says so.
const SLOW: Duration = Duration::from_secs(2);

/// A case: a sentence that holds, and what shows it.
#[derive(Clone, Copy)]
pub struct Case {
    /// The sentence that the case shows.
    pub name: &'static str,
    /// The case.
    pub run: Run,
}

/// A case as a function. It panics where its sentence does not hold.
#[derive(Clone, Copy)]
pub enum Run {
    /// It is run on every host.
    EveryHost(for<'a> fn(&'a dyn Host) -> Pending<'a>),
    /// It needs what only the in-process host has, a clock of its own above all, and starts that
    /// host itself.
    InProcess(fn() -> Pending<'static>),
    /// It needs what only the in-process host has, and is run on that host in both of its manners.
    BothManners(for<'a> fn(&'a dyn Host) -> Pending<'a>),
}

/// A case under way.
pub type Pending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Makes a [`Case`] of each function, named after it. Those after `in_process:` take no host; those after
/// `both_manners:` take the in-process host, in each of its manners.
///
/// ```text
/// cases![on_every_host, on_every_host_too]
/// cases![on_every_host; in_process: with_a_clock_of_its_own]
/// cases![; both_manners: on_the_in_process_host; in_process: once]
/// ```
#[macro_export]
macro_rules! cases {
    (
        $($name:ident),* $(,)?
        $(; both_manners: $($both:ident),* $(,)?)?
        $(; in_process: $($alone:ident),* $(,)?)?
    ) => {
        &[$($crate::run::Case {
            name: stringify!($name),
            run: $crate::run::Run::EveryHost(|host| Box::pin($name(host))),
        },)* $($($crate::run::Case {
            name: stringify!($both),
            run: $crate::run::Run::BothManners(|host| Box::pin($both(host))),
        },)*)? $($($crate::run::Case {
            name: stringify!($alone),
            run: $crate::run::Run::InProcess(|| Box::pin($alone())),
        },)*)?]
    };
}

pub use crate::cases;

/// Those cases that have these names.
///
/// # Panics
/// When there is none of one of the names.
pub fn named(cases: &[Case], names: &[&str]) -> Vec<Case> {
    let case = |name: &&str| {
        let found = cases.iter().find(|case| case.name == *name);
        *found.unwrap_or_else(|| panic!("there is no case {name}"))
    };
    names.iter().map(case).collect()
}

/// Builds what is stale, then runs the cases on the hosts that there are.
pub fn main(cases: &[Case]) -> ExitCode {
    run(cases, Arguments::from_args(), THREADS)
}

/// Like [`main`], with all of the in-process host on one thread. A host answers a moment before the
/// instance is ready for the next request, which otherwise may begin another one; here that moment is
/// over before anything else happens, so requests one after the other meet the same instance.
pub fn main_on_one_thread(cases: &[Case]) -> ExitCode {
    run(cases, Arguments::from_args(), 1)
}

/// Like [`main`], where what the cases need besides is present. `prepare` says what is absent; then
/// all of them count as ignored.
pub fn main_with(prepare: fn() -> Result<(), String>, cases: &[Case]) -> ExitCode {
    main_of(&[Group { prepare, cases }])
}

/// Cases that need the same things besides.
#[derive(Clone, Copy)]
pub struct Group<'c> {
    /// Makes these ready. The error says what is absent; then the cases count as ignored.
    pub prepare: fn() -> Result<(), String>,
    /// The cases.
    pub cases: &'c [Case],
}

/// Like [`main`], for groups of cases that need different things besides.
pub fn main_of(groups: &[Group<'_>]) -> ExitCode {
    run_of(groups, Arguments::from_args())
}

fn run_of(groups: &[Group<'_>], arguments: Arguments) -> ExitCode {
    let mut present = Vec::new();
    let mut ignored = Vec::new();
    for Group { prepare, cases } in groups {
        let ready = if arguments.list { Ok(()) } else { prepare() };
        match ready {
            Ok(()) => present.extend_from_slice(cases),
            Err(absent) => {
                eprintln!("{absent}: {} cases are skipped (ignored)", cases.len());
                ignored.extend(
                    cases.iter().map(|case| {
                        trial(case.name, &InProcess, || Ok(())).with_ignored_flag(true)
                    }),
                );
            }
        }
    }
    run_beside(ignored, &present, arguments, THREADS)
}

/// Like [`main`], but never two cases at the same time.
pub fn main_one_at_a_time(cases: &[Case]) -> ExitCode {
    let prepare = || Ok(());
    main_of_one_at_a_time(&[Group { prepare, cases }])
}

/// Like [`main_of`], but never two cases at the same time.
pub fn main_of_one_at_a_time(groups: &[Group<'_>]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    run_of(groups, arguments)
}

fn run(cases: &[Case], arguments: Arguments, threads: usize) -> ExitCode {
    run_beside(Vec::new(), cases, arguments, threads)
}

fn run_beside(
    mut trials: Vec<Trial>,
    cases: &[Case],
    mut arguments: Arguments,
    threads: usize,
) -> ExitCode {
    // Where all that would run is absent, nothing is built for it.
    if !arguments.list && !cases.is_empty() {
        build_components();
    }
    let spin = Spin::from_environment().map(Arc::new);
    if spin.is_none() {
        eprintln!(
            "{SPIN_VARIABLE} names no spin binary: the cases on a real Spin are skipped (ignored)"
        );
    }
    for &Case { name, run } in cases {
        match run {
            Run::InProcess(run) => {
                trials.push(trial(name, &InProcess, move || block_on(run(), threads)))
            }
            Run::BothManners(run) => trials.extend(in_both_manners(name, run, threads)),
            Run::EveryHost(run) => {
                trials.extend(in_both_manners(name, run, threads));
                trials.push(match spin.clone() {
                    Some(spin) => {
                        trial(name, &*spin.clone(), move || block_on(run(&*spin), threads))
                    }
                    None => Trial::test(format!("spin::{name}"), || Ok(())).with_ignored_flag(true),
                });
            }
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let at_a_time = arguments.test_threads.unwrap_or(cores);
    arguments.test_threads = Some(at_a_time.min(CASES_AT_A_TIME_MAX));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn in_both_manners(
    name: &str,
    run: for<'a> fn(&'a dyn Host) -> Pending<'a>,
    threads: usize,
) -> [Trial; 2] {
    [
        trial(name, &InProcess, move || block_on(run(&InProcess), threads)),
        trial(name, &InProcess47, move || {
            block_on(run(&InProcess47), threads)
        }),
    ]
}

fn trial(
    name: &str,
    host: &dyn Host,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let name = format!("{}::{name}", host.name());
    Trial::test(name.clone(), move || {
        let began = Instant::now();
        let result = run();
        let took = began.elapsed();
        if took >= SLOW {
            eprintln!("{name} took {:.1} s", took.as_secs_f64());
        }
        result
    })
}

fn block_on(case: Pending<'_>, threads: usize) -> Result<(), Failed> {
    runtime(threads)?.block_on(case);
    Ok(())
}

/// A runtime with so many threads.
///
/// # Errors
/// The system does not give them.
pub fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
}

/// Builds the components of the application and of the tests, where they are stale.
pub fn build_components() {
    let workspace = crate::app::workspace();
    let progress = |line: &str| eprintln!("{line}");
    ensure_wasm_target(&progress)
        .unwrap_or_else(|error| panic!("the components cannot be built: {error:#}"));
    for folder in [workspace.clone(), workspace.join("runtime-tests")] {
        let application = manifest::load(&folder.join("spin.toml"))
            .unwrap_or_else(|error| panic!("spin.toml: {error}"));
        build::ensure_built(&application, &progress)
            .unwrap_or_else(|error| panic!("the components cannot be built: {error:#}"));
    }
}
