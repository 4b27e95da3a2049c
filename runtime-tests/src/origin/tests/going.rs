//! Answers that take their time: bodies while they come, gates, interim answers.

use super::*;

/// More than the buffers of a connection hold.
const MUCH_BYTES: u64 = 64 << 20;

#[tokio::test]
async fn a_body_in_chunks_has_trailers() {
    let reply = Reply::chunked()
        .body("one")
        .body("two")
        .trailer("X-Sum", "6");
    let origin = Origin::start(reply).await;
    let response = get(&origin).await;
    assert_eq!(response.text(), "onetwo");
    assert_eq!(response.trailers, [("X-Sum".to_owned(), "6".to_owned())]);
}

#[tokio::test]
async fn a_body_can_end_with_the_connection() {
    let origin = Origin::start(Reply::until_closed().body("all of it")).await;
    let response = get(&origin).await;
    assert_eq!(response.text(), "all of it");
    assert_eq!(response.field("content-length"), None);
    assert_eq!(response.field("transfer-encoding"), None);
}

#[tokio::test]
async fn a_body_comes_back_while_it_is_sent() {
    let origin = Origin::start(Reply::echo_body()).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(post("Transfer-Encoding: chunked")).await;
    connection.read_until("\r\n\r\n").await;
    for piece in ["one", "two!"] {
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        connection.send(&chunk).await;
        assert_eq!(connection.read(chunk.len()).await, chunk.as_bytes());
    }
    connection.send("0\r\nX-Sum: 7\r\n\r\n").await;
    assert_eq!(
        connection.read_until("\r\n\r\n").await,
        "0\r\nX-Sum: 7\r\n\r\n"
    );
    assert_eq!(origin.request().body, b"onetwo!");
}

#[tokio::test]
async fn an_answer_waits_until_the_gate_lets_it_through() {
    let gate = Gate::closed();
    let origin = Origin::start(Reply::ok("now").after(&gate)).await;
    let mut connections = Vec::new();
    for _ in 0..2 {
        let mut connection = Raw::connect(origin.address()).await;
        connection.send(GET).await;
        connections.push(connection);
    }
    gate.until_waiting(2).await;
    for connection in &mut connections {
        assert_eq!(
            connection.came().await,
            b"",
            "nothing before the gate opens"
        );
    }
    gate.let_through(1);
    origin
        .until("one is answered", |origin| answered(origin) == 1)
        .await;
    assert_eq!(gate.waiting(), 1, "the other one waits on");
    gate.open();
    for connection in &mut connections {
        assert_eq!(connection.response().await.unwrap().text(), "now");
    }
    assert_eq!(get(&origin).await.text(), "now", "an open gate stays open");
    assert_eq!(gate.waiting(), 0);
}

fn answered(origin: &Origin) -> usize {
    let requests = origin.requests();
    requests.iter().filter(|seen| seen.answered).count()
}

#[tokio::test]
async fn a_body_trickles_as_the_gate_lets_it() {
    let gate = Gate::closed();
    let reply = Reply::ok("").trickle(&gate, &["one", "two"]);
    let origin = Origin::start(reply).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(GET).await;
    let head = connection.read_until("\r\n\r\n").await;
    assert!(
        head.contains("Content-Length: 6"),
        "the length of all pieces: {head}"
    );
    for piece in ["one", "two"] {
        gate.until_waiting(1).await;
        assert_eq!(connection.came().await, b"");
        gate.let_through(1);
        assert_eq!(connection.read(3).await, piece.as_bytes());
    }
}

#[tokio::test]
async fn who_gives_up_is_noticed_whatever_the_answer_waits_for() {
    let gate = Gate::closed();
    for reply in [
        Reply::ok("now").after(&gate),
        Reply::ok("").trickle(&gate, &["now"]),
        Reply::stall(),
        Reply::stall().early(),
        Reply::ok("").announcing(10).then_stall(),
        Reply::ok("").zeros(1 << 40),
    ] {
        let origin = Origin::start(reply.clone()).await;
        let mut connection = Raw::connect(origin.address()).await;
        connection.send(post("Content-Length: 2")).await;
        connection.send("hi").await;
        origin
            .until("the request is there", |origin| origin.count() == 1)
            .await;
        assert!(!origin.request().abandoned, "{reply:?}");
        drop(connection);
        origin
            .until("it is abandoned", |origin| origin.request().abandoned)
            .await;
        assert!(!origin.request().answered, "{reply:?}");
        assert_eq!(gate.waiting(), 0, "{reply:?}");
    }
}

#[tokio::test]
async fn who_gives_up_within_the_request_is_noticed() {
    let origin = Origin::start(Reply::ok("")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(post("Content-Length: 3")).await;
    connection.send("hi").await;
    origin
        .until("some has come", |origin| {
            origin.count() == 1 && origin.request().body_bytes == 2
        })
        .await;
    drop(connection);
    origin
        .until("it is abandoned", |origin| origin.request().abandoned)
        .await;
    assert!(!origin.request().is_whole(), "{:?}", origin.request());
}

#[tokio::test]
async fn interim_answers_come_before_the_body_is_read() {
    let reply = Reply::ok("done")
        .interim(100, &[])
        .interim(103, &[("Link", "</x>")]);
    let origin = Origin::start(reply).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection
        .send(post("Expect: 100-continue\r\nContent-Length: 2"))
        .await;
    connection.read_until("100 Scripted\r\n\r\n").await;
    connection.send("hi").await;
    let response = connection.response().await.unwrap();
    let link = ("Link".to_owned(), "</x>".to_owned());
    assert_eq!(response.interim, [(103, vec![link])]);
    assert_eq!(response.text(), "done");
}

#[tokio::test]
async fn an_early_answer_comes_before_the_body_which_is_then_read() {
    let origin = Origin::start(Reply::status(413).early()).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(post("Content-Length: 2")).await;
    assert_eq!(connection.response().await.unwrap().status, 413);
    connection.send("hi").await;
    connection.send(GET).await;
    assert_eq!(
        connection.response().await.unwrap().status,
        413,
        "the next request"
    );
    assert_eq!(origin.requests()[0].body, b"hi");
    assert!(origin.requests().iter().all(Seen::is_whole));
}

#[tokio::test]
async fn an_early_answer_can_be_the_end() {
    let origin = Origin::start(Reply::status(413).early().then_close()).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(post("Content-Length: 2")).await;
    assert_eq!(connection.response().await.unwrap().status, 413);
    assert_eq!(connection.read_to_end().await, (vec![], Trouble::Closed));
    assert!(!origin.request().is_whole());
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_written_on() {
    let origin = Origin::start(Reply::ok("").zeros(MUCH_BYTES)).await;
    let mut connection = Raw::connect_with_buffers(origin.address(), 16 << 10).await;
    connection.send(GET).await;
    let head = connection.read_until("\r\n\r\n").await;
    assert!(
        head.contains(&format!("Content-Length: {MUCH_BYTES}")),
        "{head}"
    );
    assert_eq!(connection.read(1000).await, vec![0; 1000]);
    let held = origin.request();
    assert!(held.answer_bytes < MUCH_BYTES && !held.answered, "{held:?}");
    let rest = usize::try_from(MUCH_BYTES).unwrap() - 1000;
    assert_eq!(connection.read(rest).await.len(), rest);
    origin
        .until("all is written", |origin| origin.request().answered)
        .await;
}

#[tokio::test]
async fn a_body_that_the_origin_does_not_read_is_not_taken() {
    let origin = Origin::start(Reply::stall().early()).await;
    let mut connection = Raw::connect_with_buffers(origin.address(), 16 << 10).await;
    connection
        .send(post(&format!("Content-Length: {MUCH_BYTES}")))
        .await;
    let taken = connection.send_while_taken(&[0; 1 << 16], MUCH_BYTES).await;
    assert!(
        taken < MUCH_BYTES,
        "{taken} bytes were taken of {MUCH_BYTES}"
    );
    assert_eq!(origin.request().body_bytes, 0);
}

#[tokio::test]
async fn a_body_that_the_origin_reads_is_taken_to_its_end() {
    let origin = Origin::start(Reply::ok("thanks")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection
        .send(post(&format!("Content-Length: {MUCH_BYTES}")))
        .await;
    let taken = connection.send_while_taken(&[0; 1 << 16], MUCH_BYTES).await;
    assert_eq!(taken, MUCH_BYTES);
    assert_eq!(connection.response().await.unwrap().text(), "thanks");
    let seen = origin.request();
    assert_eq!(
        (seen.body_bytes, seen.body.len()),
        (MUCH_BYTES, BODY_KEPT_BYTES_MAX)
    );
}
