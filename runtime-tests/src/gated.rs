//! What the tests of the gate share: one policy that has a route of each kind, and how to look at an
//! answer.

use crate::client::Answer;
use crate::issuer::Issuer;
use crate::raw::Raw;
use doorward_tests::served::gated::policy_of;
use std::net::SocketAddr;

/// A policy with a public route, one for reading, one for writing, and one that keeps the credential.
pub fn policy(issuer: &Issuer) -> String {
    policy_of(&issuer.url())
}

/// Fails unless the answer has this status.
pub fn status(answer: &Answer, expected: u16, what: &str) {
    assert_eq!(answer.status, expected, "{what}: {:?}", answer.text());
}

/// The values that the service `echo` saw for a header field.
pub fn seen(answer: &Answer, name: &str) -> Vec<String> {
    answer.json()["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name))
        .map(|pair| pair[1].as_str().unwrap().to_owned())
        .collect()
}

/// Sends a body to something that sends it back, and fails unless each piece comes before the next is sent.
pub async fn pieces_come_back(address: SocketAddr, target: &str, token: Option<&str>) {
    let mut client = Raw::connect(address).await;
    let credential = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\n{}Transfer-Encoding: chunked\r\n\r\n",
        credential.unwrap_or_default()
    );
    client.send(head).await;
    client.send("3\r\none\r\n").await;
    client.read_until("\r\n\r\n").await;
    client.read_until("one\r\n").await;
    // What comes next depends on what came before.
    client.send("3\r\ntwo\r\n").await;
    client.read_until("two\r\n").await;
    client.send("0\r\n\r\n").await;
    client.read_until("0\r\n\r\n").await;
}
