//! Whose request it is: what the host says, and for whom a trusted proxy asks; never what a client says.

use crate::{Front, Kind, fronts, fronts_where, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;

fn policy(proxy: &str) -> String {
    format!(
        "{proxy}\n[rate_limit.address]\nrequests = 1\nper_s = 60\n\n\
         [[route]]\npath = \"/a\"\npublic = true\nrate_limit = \"address\"\n\n\
         [[route]]\npath = \"/free\"\npublic = true\n"
    )
}

/// Where the proxy is.
const PROXY: &str = "127.0.0.1:40000";

/// Fails unless this is answered with this status.
fn answered(front: &Front, what: &str, sent: Sent, expected: u16) {
    let answer = front.send(sent.from(Some(PROXY)));
    status(&answer, expected, &format!("{}: {what}", front.what));
}

/// Asks with each of these values of `X-Forwarded-For`, one after the other, each value a list of fields.
fn check_who_is_counted(proxy: &str, rounds: &[(&[&str], u16)]) {
    for front in fronts(&policy(proxy)) {
        for (fields, expected) in rounds {
            let sent = fields.iter().fold(Sent::get("/a"), |sent, value| {
                sent.field("X-Forwarded-For", value)
            });
            answered(&front, &format!("{fields:?}"), sent, *expected);
        }
    }
}

#[test]
fn nothing_that_a_client_sends_changes_who_is_counted() {
    let lies = [
        ("spin-client-addr", "192.0.2.1:80"),
        ("Spin-Client-Addr", "192.0.2.2"),
        ("spin_client_addr", "192.0.2.3:80"),
        ("X-Forwarded-For", "192.0.2.4"),
        ("x_forwarded_for", "192.0.2.5"),
        ("Forwarded", "for=192.0.2.6"),
        ("X-Real-IP", "192.0.2.7"),
        ("True-Client-IP", "192.0.2.8"),
        ("CF-Connecting-IP", "192.0.2.9"),
        ("Fastly-Client-IP", "192.0.2.10"),
        ("X-Client-IP", "192.0.2.11"),
    ];
    for front in fronts(&policy("")) {
        let what = &front.what;
        answered(&front, "the first request", Sent::get("/a"), 200);
        for (name, value) in lies {
            let sent = Sent::get("/a").field(name, value);
            answered(&front, name, sent, 429);
        }
        // A host strips what `Connection` names; what it adds itself must not go with it.
        let sent = Sent::get("/a").field("Connection", "spin-client-addr");
        answered(&front, "Connection", sent, 429);
        assert_eq!(front.reached(), 1, "{what}: what reached the service");
        if front.kind != Kind::Gateway {
            continue;
        }
        let sent = Sent::get("/free").field("X-Forwarded-For", "192.0.2.4");
        answered(&front, "the upstream", sent, 200);
        let told = front.behind.seen()[1].values("x-forwarded-for");
        assert_eq!(told, ["127.0.0.1"], "{what}: the upstream is told the same");
    }
}

#[test]
fn behind_a_trusted_proxy_its_own_element_is_counted() {
    let rounds: [(&[&str], u16); 13] = [
        (&["192.0.2.1"], 200),
        (&["192.0.2.1"], 429),
        (&["192.0.2.2"], 200),
        // What stands before it is the client's.
        (&["192.0.2.3, 192.0.2.1"], 429),
        (&["192.0.2.3", "192.0.2.1"], 429),
        (&["192.0.2.1, 192.0.2.3"], 200),
        // Who has none, or one that is no address, is counted as the proxy.
        (&[], 200),
        (&[], 429),
        (&["192.0.2.4, unknown"], 429),
        (&["192.0.2.4,"], 429),
        (&[""], 429),
        (&["192.0.2.4 192.0.2.5"], 429),
        (&["192.0.2.4"], 200),
    ];
    check_who_is_counted("[proxy]\ntrusted_hops = 1\n", &rounds);
    let networks = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"127.0.0.0/8\"]\n";
    check_who_is_counted(networks, &rounds);
}

#[test]
fn behind_two_trusted_proxies_the_second_element_is_counted() {
    let rounds: [(&[&str], u16); 6] = [
        (&["192.0.2.1, 192.0.2.9"], 200),
        (&["192.0.2.7, 192.0.2.1, 192.0.2.8"], 429),
        (&["192.0.2.1", "192.0.2.7"], 429),
        (&["192.0.2.2, 192.0.2.9"], 200),
        // One element is fewer than there are proxies.
        (&["192.0.2.3"], 200),
        (&["192.0.2.4"], 429),
    ];
    check_who_is_counted("[proxy]\ntrusted_hops = 2\n", &rounds);
}

#[test]
fn a_proxy_outside_the_trusted_networks_is_not_believed() {
    let elsewhere = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"10.0.0.0/8\", \"::1\"]\n";
    let rounds: [(&[&str], u16); 4] = [
        (&["192.0.2.1"], 200),
        (&["192.0.2.2"], 429),
        (&["10.0.0.1"], 429),
        (&[], 429),
    ];
    check_who_is_counted(elsewhere, &rounds);
}

#[test]
fn an_address_is_one_however_it_is_written() {
    let rounds: [(&[&str], u16); 4] = [
        (&["192.0.2.1"], 200),
        (&["192.0.2.1:4711"], 429),
        (&["::ffff:192.0.2.1"], 429),
        (&["[::ffff:c000:201]:80"], 429),
    ];
    check_who_is_counted("[proxy]\ntrusted_hops = 1\n", &rounds);
}

#[test]
fn who_has_an_ipv6_network_is_counted_as_one() {
    let rounds: [(&[&str], u16); 6] = [
        (&["2001:db8:1:2::a"], 200),
        (&["2001:db8:1:2::b"], 429),
        (&["[2001:db8:1:2:ffff:ffff:ffff:ffff]:443"], 429),
        (&["2001:DB8:0001:2:3::"], 429),
        (&["2001:db8:1:3::a"], 200),
        (&["2001:db8:1:3:8000::"], 429),
    ];
    check_who_is_counted("[proxy]\ntrusted_hops = 1\n", &rounds);
}

#[test]
fn where_the_host_does_not_say_who_is_connected_nobody_else_does() {
    let lies = [
        ("spin-client-addr", "192.0.2.1:80"),
        ("Spin-Client-Addr", "192.0.2.2:80"),
        ("spin_client_addr", "192.0.2.3:80"),
        ("X-Forwarded-For", "192.0.2.4"),
    ];
    let networks = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"192.0.2.0/24\"]\n";
    for proxy in ["", networks] {
        for front in fronts_where(&policy(proxy), Component::untold) {
            let what = &front.what;
            let ask = |target: &str, name: &str, value: &str| {
                front.send(Sent::get(target).from(None).field(name, value))
            };
            status(&ask("/a", "x-other", "1"), 200, what);
            for (name, value) in lies {
                let what = format!("{what}, {name}");
                status(&ask("/a", name, value), 429, &what);
                status(&ask("/free", name, value), 200, &what);
            }
            // Nobody behind reads what such a host would have said.
            for seen in front.behind.seen() {
                let names = seen
                    .fields
                    .iter()
                    .map(|(name, _)| name.to_ascii_lowercase());
                let of_host: Vec<_> = names.filter(|name| name.starts_with("spin")).collect();
                assert!(of_host.is_empty(), "{what}: {of_host:?}");
            }
        }
    }
}
