//! SIGHUP: something changed, or nobody looks on any more.

#[cfg(unix)]
use crate::shutdown::comes;

/// What a SIGHUP says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// Everything is to be read again.
    Reload,
    /// The terminal is gone that the process was started from, and the process is to end with it.
    TerminalGone,
}

/// The SIGHUPs of this process, each of which is seen however late somebody waits for it.
pub(crate) struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    had_terminal: bool,
}

#[cfg(unix)]
impl Hangups {
    /// Those from now on. Before, and where they cannot be had, one ends the process.
    pub(crate) fn begin() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            signal: signal(SignalKind::hangup()).ok(),
            had_terminal: has_terminal(),
        }
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Hangup {
        comes(&mut self.signal).await;
        // It comes from the system when the terminal is closed, and from people when it is not.
        match self.had_terminal && !has_terminal() {
            true => Hangup::TerminalGone,
            false => Hangup::Reload,
        }
    }
}

#[cfg(unix)]
fn has_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

#[cfg(not(unix))]
impl Hangups {
    /// There are none here.
    pub(crate) fn begin() -> Self {
        Self {}
    }

    /// Never.
    pub(crate) async fn next(&mut self) -> Hangup {
        std::future::pending().await
    }
}
