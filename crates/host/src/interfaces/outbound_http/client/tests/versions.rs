//! HTTP/2 where the host is told so, or the server wants it, and what gRPC needs of it.

use http::{HeaderMap, HeaderValue};

use super::secure::{Origin, TESTDATA, acceptor};
use super::*;

/// A gRPC request: trailers are announced by `TE`, and here there are some in the request as well.
fn grpc(url: &str) -> Request<WasiBody> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    let body = Full::new(Bytes::from_static(b"ask")).with_trailers(async { Some(Ok(trailers)) });
    Request::post(url)
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .header("host", "of.the.component")
        .body(body.map_err(Error::from).boxed_unsync())
        .unwrap()
}

/// What the origin saw, and the trailers of its answer.
async fn seen(client: &OutboundClient, url: &str) -> (Vec<String>, Option<HeaderMap>) {
    let request = grpc(url);
    let pool = client.pool("main", request.uri()).clone();
    let response = pool.send(request, PATIENCE).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    let seen = ["x-version", "x-te", "x-host", "x-authority", "x-trailer"]
        .map(|name| {
            let value = parts.headers.get(name);
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        })
        .to_vec();
    let trailers = body.trailers().cloned();
    assert_eq!(body.to_bytes(), "hi");
    (seen, trailers)
}

#[tokio::test]
async fn who_is_listed_is_asked_by_http_2_without_tls_and_trailers_pass() {
    let origin = Origin::start(None).await;
    let port = origin.address.port();
    let url = format!("http://localhost:{port}/");
    let authority = format!("localhost:{port}");
    let listed = |listed: &str| client(|options| options.h2c = vec![listed.parse().unwrap()]);
    for (listed, version) in [
        (listed(&authority), "HTTP/2.0"),
        (listed(&authority.to_uppercase()), "HTTP/2.0"),
        (listed(&format!("127.0.0.1:{port}")), "HTTP/1.1"),
        (listed("localhost"), "HTTP/1.1"),
    ] {
        let (seen, trailers) = seen(&listed, &url).await;
        if version == "HTTP/1.1" {
            assert_eq!(
                seen.get(..3).unwrap(),
                [version, "trailers", "of.the.component"]
            );
            continue;
        }
        assert_eq!(seen, [version, "trailers", "", &authority, "7"]);
        let trailers = trailers.expect("the answer has trailers");
        assert_eq!(trailers.get("grpc-status").unwrap(), "0");
    }
}

#[test]
fn the_port_of_http_need_not_be_named() {
    for (one, other, same) in [
        ("a.example", "a.example:80", true),
        ("A.example:80", "a.example", true),
        ("a.example:81", "a.example", false),
        ("a.example", "b.example", false),
        ("[::1]:8080", "[::1]:8080", true),
    ] {
        let parse = |text: &str| text.parse::<Authority>().unwrap();
        assert_eq!(is_same(&parse(one), &parse(other)), same, "{one} {other}");
    }
}

#[tokio::test]
async fn over_tls_the_server_chooses_the_version() {
    for (offered, version) in [
        (&["h2", "http/1.1"][..], "HTTP/2.0"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ] {
        let origin = Origin::start(Some(acceptor(offered, false))).await;
        let url = format!("https://localhost:{}/", origin.address.port());
        let client = client(|options| {
            options.roots.added = vec![format!("{TESTDATA}/authority.pem").into()];
        });
        let (seen, _) = seen(&client, &url).await;
        assert_eq!(seen.first().unwrap(), version, "where it has {offered:?}");
        let authority = format!("localhost:{}", origin.address.port());
        let named = seen.get(if version == "HTTP/2.0" { 3 } else { 2 });
        assert_eq!(named, Some(&authority), "for whom it is");
    }
}

#[tokio::test]
async fn a_connection_of_http_2_is_used_again_until_it_is_too_old() {
    for (age_max, connections) in [(Duration::from_secs(600), 1), (Duration::ZERO, 3)] {
        let origin = Origin::start(None).await;
        let url = format!("http://{}/", origin.address);
        let authority = origin.address.to_string().parse().unwrap();
        let client = client(|options| {
            options.h2c = vec![authority];
            options.connection_age_max = age_max;
        });
        for _ in 0..3 {
            assert_eq!(ask(&client, Method::POST, &url).await.unwrap(), 200);
        }
        assert_eq!(origin.connections(), connections, "{age_max:?}");
    }
}
