//! Runs every case in a world of its own, on hosts of both manners.

use super::host::{Host, Simulated, Simulated47};
use crate::sim::world::World;
use libtest_mimic::{Arguments, Trial};
use std::cell::RefCell;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;

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
    /// It is run on hosts of both manners.
    EveryHost(fn(&'static dyn Host) -> Pending),
    /// It makes no difference which manner the host has.
    InProcess(fn() -> Pending),
}

/// A case under way.
pub type Pending = Pin<Box<dyn Future<Output = ()>>>;

/// Makes a [`Case`] of each function, named after it. Those after `in_process:` take no host.
#[macro_export]
macro_rules! served_cases {
    ($($name:ident),* $(,)? $(; in_process: $($alone:ident),* $(,)?)?) => {
        &[$($crate::served::run::Case {
            name: stringify!($name),
            run: $crate::served::run::Run::EveryHost(|host| Box::pin($name(host))),
        },)* $($($crate::served::run::Case {
            name: stringify!($alone),
            run: $crate::served::run::Run::InProcess(|| Box::pin($alone())),
        },)*)?]
    };
}

pub use served_cases as cases;

thread_local! {
    /// The world of the case that runs on this thread.
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// The world of this case.
///
/// # Panics
/// Outside of a case.
#[must_use]
pub fn world() -> Rc<World> {
    let world = WORLD.with(|world| world.borrow().clone());
    world.expect("only in a case")
}

/// When the clocks of cases begin, in seconds since 1970: 2027-01-15T08:00:00Z.
pub(super) const START_S: u64 = 1_800_000_000;

/// Runs the cases.
pub fn main(cases: &[Case]) -> ExitCode {
    let mut trials = Vec::new();
    for &Case { name, run } in cases {
        match run {
            Run::InProcess(case) => trials.push(trial(name, "simulated", case)),
            Run::EveryHost(case) => {
                trials.push(trial(name, "simulated", move || case(&Simulated)));
                trials.push(trial(name, "simulated-47", move || case(&Simulated47)));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &str, host: &str, case: impl FnOnce() -> Pending + Send + 'static) -> Trial {
    Trial::test(format!("{host}::{name}"), move || {
        let world = World::beginning_at(START_S);
        WORLD.with(|there| *there.borrow_mut() = Some(Rc::clone(&world)));
        world.executor.run(case());
        WORLD.with(|there| *there.borrow_mut() = None);
        Ok(())
    })
}
