//! Runs every case on every host. Where a host is absent its cases count as ignored, and say so.

use crate::host::{Host, InProcess, SPIN_VARIABLE, Spin};
use doorward_host::{build, manifest, toolchain};
use libtest_mimic::{Arguments, Trial};
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

/// A case that holds on every host.
#[derive(Clone, Copy)]
pub struct Case {
    /// The sentence that the case shows.
    pub name: &'static str,
    /// The case.
    pub run: Run,
}

/// A case as a function of the host. It panics where its sentence does not hold.
pub type Run = for<'a> fn(&'a dyn Host) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Makes a [`Case`] of each function, named after it.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        &[$($crate::run::Case {
            name: stringify!($name),
            run: |host| Box::pin($name(host)),
        }),*]
    };
}

/// Builds what is stale, then runs the cases on the hosts that there are.
pub fn main(cases: &[Case]) -> ExitCode {
    run(cases, Arguments::from_args())
}

/// Like [`main`], but never two cases at the same time.
pub fn main_one_at_a_time(cases: &[Case]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    run(cases, arguments)
}

fn run(cases: &[Case], arguments: Arguments) -> ExitCode {
    if !arguments.list {
        build_components();
    }
    let spin = Spin::from_environment().map(Arc::new);
    if spin.is_none() {
        eprintln!(
            "{SPIN_VARIABLE} names no spin binary: the cases on a real Spin are skipped (ignored)"
        );
    }
    let mut trials = Vec::new();
    for &case in cases {
        trials.push(trial(case, Arc::new(InProcess)));
        match &spin {
            Some(spin) => trials.push(trial(case, Arc::clone(spin) as Arc<dyn Host>)),
            None => trials.push(
                Trial::test(format!("spin::{}", case.name), || Ok(())).with_ignored_flag(true),
            ),
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(case: Case, host: Arc<dyn Host>) -> Trial {
    Trial::test(format!("{}::{}", host.name(), case.name), move || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on((case.run)(&*host));
        Ok(())
    })
}

/// Builds the components of the application and of the tests, where they are stale.
pub fn build_components() {
    let workspace = crate::app::workspace();
    let progress = |line: &str| eprintln!("{line}");
    toolchain::ensure_wasm_target(&progress)
        .unwrap_or_else(|error| panic!("the components cannot be built: {error:#}"));
    for folder in [workspace.clone(), workspace.join("runtime-tests")] {
        let application = manifest::load(&folder.join("spin.toml"))
            .unwrap_or_else(|error| panic!("spin.toml: {error}"));
        build::ensure_built(&application, &progress)
            .unwrap_or_else(|error| panic!("the components cannot be built: {error:#}"));
    }
}
