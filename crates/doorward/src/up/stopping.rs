//! The flags that say how the host stops.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use doorward_host::{Ending, HostOptions, options};

use crate::say::say;
use crate::values;

#[derive(Args)]
#[command(next_help_heading = "How it stops")]
pub(super) struct Arguments {
    /// For how long to accept on when told to stop [default: 5s; 0 where standard error is a terminal].
    ///
    /// Meanwhile /ready is a 503, that of --health and that of the policy, and answers of HTTP/1 say
    /// `Connection: close`: a load balancer that has seen it sends its requests elsewhere, and none is lost. It has to
    /// be longer than the load balancer needs for that.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    drain_delay: Option<Duration>,
    /// When it has ended, counted from when it was told to stop.
    ///
    /// Requests under way come to their end before, what is done after answers, and a last run of timers with `at_stop`.
    /// What is not done by then is cut off. It is what a supervisor waits until it ends the process by force
    /// (terminationGracePeriodSeconds of Kubernetes, TimeoutStopSec of systemd), or less.
    #[arg(long, value_name = "DURATION", value_parser = values::some_time, default_value = "30s")]
    grace: Duration,
}

impl Arguments {
    /// Whether one goes with the other.
    ///
    /// # Errors
    ///
    /// The delay is as long as the grace, or longer.
    pub(super) fn check(&self) -> Result<()> {
        let (delay, grace) = (self.drain_delay(), self.grace);
        if delay >= grace {
            bail!(
                "--grace {grace:?} is not longer than --drain-delay {delay:?}: requests under way would have no time\n  \
                 help: with `--grace {:?}` they have {:?}, and with `--drain-delay 0s` the host does not wait for load \
                 balancers",
                delay + options::GRACE,
                options::GRACE
            );
        }
        Ok(())
    }

    /// Tells the host. `ready_paths` are those of the policies.
    pub(super) fn set(&self, ready_paths: BTreeSet<String>, host: &mut HostOptions) {
        host.drain_delay = self.drain_delay();
        host.grace = self.grace;
        host.ready_paths = ready_paths;
    }

    /// Says that it begins.
    pub(super) fn print_begin(&self) {
        match self.drain_delay() {
            Duration::ZERO => {
                say("Stopping: no new connections, waiting for the requests under way");
            }
            delay => say(format_args!(
                "Stopping: not ready any more; accepting for {delay:?}, then waiting for the requests under way"
            )),
        }
    }

    /// Says how it ended, where that is not as it should.
    pub(super) fn print_end(&self, ending: Ending) {
        if ending == Ending::CutOff {
            say(format_args!(
                "Stopped: what was still under way after {:?} (--grace) is cut off",
                self.grace
            ));
        }
    }

    /// Who looks on at a terminal waits for no load balancer.
    fn drain_delay(&self) -> Duration {
        let default = || match std::io::stderr().is_terminal() {
            true => Duration::ZERO,
            false => options::DRAIN_DELAY,
        };
        self.drain_delay.unwrap_or_else(default)
    }
}
