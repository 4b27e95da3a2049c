//! The load generator `wrk`, for figures that are not its own cost: it takes far less processor time for
//! a request than [`crate::load`] does.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The percentiles of wrk's own are rounded, so this script tells them, and all counts, a line each.
const SCRIPT: &str = include_str!("wrk.lua");
/// An answer that takes longer counts as a timeout.
const ANSWER_TIME_MAX_S: u64 = 30;

/// What wrk is to do.
#[derive(Debug, Clone)]
pub struct Wrk {
    /// Where, with the path.
    pub url: String,
    /// Connections, each of which asks again when it has its answer.
    pub connections: usize,
    /// Threads that these are divided among.
    pub threads: usize,
    /// For so long.
    pub time: Duration,
    /// The header fields of each request.
    pub headers: Vec<(String, String)>,
    /// The function in Lua that makes each request, where they differ.
    pub request: String,
}

/// What wrk says.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Answers per second.
    pub per_second: f64,
    /// All answers.
    pub answers: u64,
    /// Half of the answers came within so many microseconds.
    pub p50_us: u64,
    /// 99 of 100 did.
    pub p99_us: u64,
    /// 999 of 1,000 did.
    pub p999_us: u64,
    /// The slowest answer, in microseconds.
    pub max_us: u64,
    /// Answers with a status of 400 or more.
    pub failed: u64,
    /// Connections that could not be made, and those that broke while they were read or written.
    pub socket_errors: u64,
    /// Answers that took too long.
    pub timeouts: u64,
}

impl Wrk {
    /// Whether there is a wrk. The error says what is missing.
    pub fn available() -> Result<(), String> {
        // It says its version with a status that is not success.
        let version = Command::new("wrk").arg("-v").output();
        version.map_or(Err("there is no wrk".to_owned()), |_| Ok(()))
    }

    /// `GET path` at `address`, by one thread.
    pub fn get(address: SocketAddr, path: &str, connections: usize, time: Duration) -> Self {
        Self {
            url: format!("http://{address}{path}"),
            connections,
            threads: 1,
            time,
            headers: Vec::new(),
            request: String::new(),
        }
    }

    /// Adds a header field to each request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes each request by this function in Lua.
    #[must_use]
    pub fn by(mut self, request: impl Into<String>) -> Self {
        self.request = request.into();
        self
    }

    /// Runs it to its end. Panics where wrk cannot be run, or not with this.
    pub async fn run(&self) -> Figures {
        let settings = self.clone();
        let run = tokio::task::spawn_blocking(move || settings.run_blocking());
        run.await.expect("wrk runs")
    }

    /// Like [`Wrk::run`], outside of a runtime.
    pub fn run_blocking(&self) -> Figures {
        let mut script = tempfile::NamedTempFile::new().unwrap();
        script.write_all(SCRIPT.as_bytes()).unwrap();
        script.write_all(self.request.as_bytes()).unwrap();
        let seconds = self.time.as_secs().max(1);
        let mut command = Command::new("wrk");
        command
            .arg(format!("-t{}", self.threads))
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{seconds}s"))
            .arg(format!("--timeout={ANSWER_TIME_MAX_S}s"))
            .arg("-s")
            .arg(script.path());
        for (name, value) in &self.headers {
            command.arg("-H").arg(format!("{name}: {value}"));
        }
        let output = command
            .arg(&self.url)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("wrk cannot be run: {error}"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "wrk fails with {}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Figures::parse(&said)
    }
}

impl Figures {
    /// Each request was answered, and well.
    ///
    /// # Panics
    /// One was not.
    pub fn assert_all_answered(&self) {
        assert!(
            self.failed == 0 && self.socket_errors == 0 && self.timeouts == 0,
            "every request is answered: {self:?}"
        );
    }

    fn parse(said: &str) -> Self {
        let number = |name: &str| -> u64 {
            let lines = said.lines().filter_map(|line| line.strip_prefix("told "));
            let mut pairs = lines.filter_map(|line| line.split_once(' '));
            let found = pairs.find(|(known, _)| *known == name);
            let number = found.and_then(|(_, number)| number.parse().ok());
            number.unwrap_or_else(|| panic!("wrk does not tell {name}: {said}"))
        };
        let answers = number("answers");
        Self {
            per_second: answers as f64 * 1e6 / number("duration_us").max(1) as f64,
            answers,
            p50_us: number("p50_us"),
            p99_us: number("p99_us"),
            p999_us: number("p999_us"),
            max_us: number("max_us"),
            failed: number("failed"),
            socket_errors: number("connect") + number("read") + number("write"),
            timeouts: number("timeout"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::{Origin, Reply, Script};

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn wrk_tells_what_was_answered_and_what_was_not() {
        if let Err(absent) = Wrk::available() {
            eprintln!("{absent}: skipped");
            return;
        }
        let script = Script::by(|seen, number| match (seen.field("x-load"), number % 4) {
            (None, _) | (_, 1) => Reply::status(500),
            (_, 2) => Reply::close(),
            _ => Reply::ok("hello"),
        });
        let origin = Origin::start(script).await;
        origin.only_counts();
        let wrk = Wrk::get(origin.address(), "/a", 2, Duration::from_secs(1));
        let figures = wrk.header("X-Load", "1").run().await;
        let Figures {
            answers, failed, ..
        } = figures;
        assert!(
            answers > 10 && failed > answers / 4 && failed < answers / 2,
            "{figures:?}"
        );
        assert!(figures.socket_errors > answers / 4, "{figures:?}");
        assert!(
            figures.p50_us > 0 && figures.p50_us <= figures.p99_us,
            "{figures:?}"
        );
        assert!(
            figures.p99_us <= figures.p999_us && figures.p999_us <= figures.max_us,
            "{figures:?}"
        );
        let rate = figures.per_second / answers as f64;
        assert!(
            (0.5..1.5).contains(&rate),
            "for about a second: {figures:?}"
        );
        assert_eq!(figures.timeouts, 0, "{figures:?}");
    }
}
