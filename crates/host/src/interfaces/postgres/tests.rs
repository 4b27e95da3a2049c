//! How long is waited for what may never come, against a server that is scripted. What PostgreSQL does is in the runtime
//! tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, pause, resume, sleep, timeout};

use self::server::{COPIES, GIVES_ONE, GIVES_ROWS, HANGS, HANGS_READING, Manner, Server};
use super::address::Address;
use super::connection::{BATCHES_AHEAD, Connection, ROW_TIME_MAX};
use super::error::{PostgresError, PostgresResult, QueryError};
use super::pool::Pools;
use super::session::{CANCEL_TIME_MAX, RESET_TIME_MAX, Session, Silence};
use super::statement::{
    STATEMENT_TIME_MAX, Statement, UNWATCHED_READING_TIME_MAX, UNWATCHED_TIME_MAX,
};
use super::trust::Trust;
use super::values::Value;
use crate::trust::RootSources;

/// Far longer than what is not waited for takes.
const MOMENT: Duration = Duration::from_secs(1);

/// How long something is waited for that does not come in time, by a real clock.
const LATE_TIME_MAX: Duration = Duration::from_secs(20);

/// The connections of a component.
fn pools() -> Pools {
    let trust = Arc::new(Trust::new(RootSources::default()));
    Pools::new(trust, Duration::from_secs(30))
}

fn address(server: &Server) -> Address {
    Address::parse(&server.url()).unwrap()
}

async fn open(pools: &Pools, server: &Server) -> Connection {
    Connection::new(pools.get(address(server), None).await.unwrap())
}

fn statement(text: &str) -> Statement {
    Statement::new(text.to_owned(), Vec::new()).unwrap()
}

/// Why a statement was not carried out, in words of the host.
fn reason<T>(result: PostgresResult<T>) -> String {
    match result {
        Err(PostgresError::QueryFailed(QueryError::Text(reason))) => reason,
        Err(error) => format!("{error:?}"),
        Ok(_) => "nothing".to_owned(),
    }
}

async fn gives_one(connection: &Connection) -> PostgresResult<Vec<Vec<Value>>> {
    let given = connection.clone().query(statement(GIVES_ONE)).await;
    given.map(|given| given.rows)
}

/// What comes of `waiting`, and when, while the clock goes on to the next time for which somebody waits, whenever there
/// is nothing to do: for `time` and a moment, and then as fast as clocks do. Fails where nothing comes of it.
async fn soon<T>(time: Duration, waiting: impl Future<Output = T>) -> (T, Instant) {
    pause();
    let is_over = Cell::new(false);
    let timed = async { (waiting.await, Instant::now()) };
    let late = async {
        sleep(time + MOMENT).await;
        resume();
        is_over.set(true);
        sleep(LATE_TIME_MAX).await;
    };
    let had = tokio::select! {
        biased;
        had = timed => Some(had),
        () = late => None,
    };
    if !is_over.get() {
        resume();
    }
    had.unwrap()
}

/// Fails unless it was this time, and no more than a moment besides.
fn assert_took(begun: Instant, ended: Instant, time: Duration) {
    let took = ended - begun;
    assert!(took >= time && took < time + MOMENT * 3, "{took:?}");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cancelled_and_the_connection_goes_on() {
    let server = Server::start(Manner::Obeys).await;
    let connection = open(&pools(), &server).await;
    let begun = Instant::now();
    let working = tokio::spawn(connection.clone().execute(statement(HANGS)));
    server.has_begun(1).await;
    let (ended, at) = soon(STATEMENT_TIME_MAX, working).await;
    let said = reason(ended.unwrap());
    assert_eq!(said, "the statement has taken more than 600 s");
    assert_took(begun, at, STATEMENT_TIME_MAX);
    assert_eq!(server.cancelled(), 1);
    assert_eq!(
        gives_one(&connection).await,
        Ok(vec![vec![Value::Int64(0)]])
    );
    assert_eq!(server.connections(), 1, "it is the same one");
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_cancelled_in_time() {
    let server = Server::start(Manner::Obeys).await;
    let connection = open(&pools(), &server).await;
    for (count, text, time) in [
        (1, HANGS, UNWATCHED_TIME_MAX),
        (2, HANGS_READING, UNWATCHED_READING_TIME_MAX),
    ] {
        let working = tokio::spawn(connection.clone().execute(statement(text)));
        server.has_begun(count).await;
        let begun = Instant::now();
        working.abort();
        let ((), at) = soon(time, server.is_told_to_end(count)).await;
        assert_took(begun, at, time);
        assert!(gives_one(&connection).await.is_ok(), "{text}");
    }
    assert_eq!(server.connections(), 1, "it is the same one");
}

#[tokio::test]
async fn rows_that_nobody_takes_end_their_statement_and_the_connection_goes_on() {
    let server = Server::start(Manner::Obeys).await;
    let connection = open(&pools(), &server).await;
    let begun = Instant::now();
    let streamed = connection.clone().stream(statement(GIVES_ROWS)).await;
    let mut streamed = streamed.unwrap();
    while streamed.rows.len() < BATCHES_AHEAD {
        tokio::task::yield_now().await;
    }
    let (ended, at) = soon(ROW_TIME_MAX, streamed.end).await;
    let said = reason(ended.unwrap());
    assert_eq!(said, "nobody took a row for 60 s");
    assert_took(begun, at, ROW_TIME_MAX);
    assert_eq!(server.cancelled(), 1);
    assert_eq!(
        gives_one(&connection).await,
        Ok(vec![vec![Value::Int64(0)]])
    );
    assert_eq!(server.connections(), 1, "it is the same one");
    let mut batches = 0;
    while streamed.rows.recv().await.is_some() {
        batches += 1;
    }
    assert_eq!(
        batches, BATCHES_AHEAD,
        "those that were ready are still there"
    );
}

#[tokio::test]
async fn a_server_that_does_not_end_a_statement_in_time_loses_its_connection() {
    let server = Server::start(Manner::GoesOn).await;
    let connection = open(&pools(), &server).await;
    let begun = Instant::now();
    let working = tokio::spawn(connection.clone().execute(statement(HANGS)));
    server.has_begun(1).await;
    let time = STATEMENT_TIME_MAX + CANCEL_TIME_MAX;
    let (ended, at) = soon(time, working).await;
    let said = reason(ended.unwrap());
    assert_eq!(said, "the statement has taken more than 600 s");
    assert_took(begun, at, time);
    server.has(0).await;
    let said = reason(gives_one(&connection).await);
    assert_eq!(said, "the connection is lost; open another one");
}

#[tokio::test]
async fn a_statement_says_what_it_met_also_where_that_has_ended_the_connection() {
    let server = Server::start(Manner::Obeys).await;
    let connection = open(&pools(), &server).await;
    let copied = connection.clone().execute(statement(COPIES)).await;
    let said = reason(copied);
    assert!(
        said.ends_with("is lost: unexpected message from server"),
        "{said}"
    );
    let said = reason(gives_one(&connection).await);
    assert_eq!(said, "the connection is lost; open another one");
}

#[tokio::test]
async fn a_connection_that_does_not_become_as_it_was_in_time_is_closed() {
    let server = Server::start(Manner::ResetsNothing).await;
    let pools = pools();
    let connection = open(&pools, &server).await;
    assert!(gives_one(&connection).await.is_ok());
    let begun = Instant::now();
    drop(connection);
    let ((), at) = soon(RESET_TIME_MAX, server.has(0)).await;
    assert_took(begun, at, RESET_TIME_MAX);
}

/// By the kernel's own clock, so with times that are shorter; those of the host are in the tests of a session.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_machine_that_is_gone_without_a_word_is_missed_in_time() {
    let silence = Silence {
        asks_after: Duration::from_secs(1),
        asks_every: Duration::from_secs(1),
        time_max: Duration::from_secs(1),
    };
    let server = Server::start(Manner::Obeys).await;
    for is_waiting in [true, false] {
        let session = Session::make(&address(&server), None, silence).await;
        let session = session.unwrap();
        let begun = Instant::now();
        let asking = async {
            match is_waiting {
                // It was asked, and has acknowledged that.
                true => {
                    let asking = session.client.query(HANGS, &[]);
                    let (asked, ()) = tokio::join!(asking, async {
                        server.has_begun(1).await;
                        server.vanish();
                    });
                    asked
                }
                false => {
                    server.vanish();
                    tokio::task::yield_now().await;
                    session.client.query(GIVES_ONE, &[]).await
                }
            }
        };
        let asked = timeout(LATE_TIME_MAX, asking).await.unwrap();
        let said = reason::<()>(Err(session.lost(&asked.unwrap_err())));
        assert!(said.contains("timed out"), "{said}");
        let took = begun.elapsed();
        assert!(took >= silence.time_max, "{took:?}");
        assert!(!session.is_good());
    }
}
