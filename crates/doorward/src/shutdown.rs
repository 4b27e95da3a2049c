//! When to stop.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ready when the process is asked to stop: SIGINT or SIGTERM. A second SIGINT ends it at once. What comes after this
/// was called is not missed, however late somebody waits for it; so who says that it serves has called it before.
#[cfg(unix)]
pub(crate) fn shutdown_signal() -> impl Future<Output = ()> {
    // Without a handler the signal ends the process, which is what was asked for.
    let mut interrupted = signal(SignalKind::interrupt()).ok();
    let mut terminated = signal(SignalKind::terminate()).ok();
    async move {
        tokio::select! {
            () = comes(&mut interrupted) => {}
            () = comes(&mut terminated) => {}
        }
        tokio::spawn(async move {
            comes(&mut interrupted).await;
            std::process::exit(130);
        });
    }
}

/// Ready when the signal has come, which is never where it cannot be had.
#[cfg(unix)]
pub(crate) async fn comes(signal: &mut Option<Signal>) {
    let is_told = match signal {
        Some(signal) => signal.recv().await.is_some(),
        None => false,
    };
    if !is_told {
        std::future::pending::<()>().await;
    }
}

/// Ready when the process is asked to stop. A second time ends it at once.
#[cfg(not(unix))]
pub(crate) async fn shutdown_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}
