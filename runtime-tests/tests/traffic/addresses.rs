//! Whose request it is: what the host says, and for whom a trusted proxy asks; never what a client says.

use crate::front::{BOTH, Kind, prepared};
use crate::rates::answered;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::clock;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    nothing_that_a_client_sends_changes_who_is_counted,
    behind_a_trusted_proxy_its_own_element_is_counted,
    behind_two_trusted_proxies_the_second_element_is_counted,
    a_proxy_outside_the_trusted_networks_is_not_believed,
    an_address_is_one_however_it_is_written,
    who_has_an_ipv6_network_is_counted_as_one,
];

fn policy(proxy: &str) -> String {
    format!(
        "{proxy}\n[rate_limit.address]\nrequests = 1\nper_s = 60\n\n\
         [[route]]\npath = \"/a\"\npublic = true\nrate_limit = \"address\"\n\n\
         [[route]]\npath = \"/free\"\npublic = true\n"
    )
}

/// Asks with each of these values of `X-Forwarded-For`, one after the other, each value a list of fields.
async fn counted(host: &dyn Host, proxy: &str, rounds: &[(&[&str], u16)]) {
    let clock = clock(host);
    for kind in BOTH {
        let front = prepared(kind, &policy(proxy)).await.by(&clock).await;
        for (fields, expected) in rounds {
            let ask = fields.iter().fold(Ask::get("/a"), |ask, value| {
                ask.header("X-Forwarded-For", value)
            });
            answered(&front, &[(&format!("{fields:?}"), ask, *expected)]).await;
        }
    }
}

async fn nothing_that_a_client_sends_changes_who_is_counted(host: &dyn Host) {
    let clock = clock(host);
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
    for kind in BOTH {
        let front = prepared(kind, &policy("")).await.by(&clock).await;
        answered(&front, &[("the first request", Ask::get("/a"), 200)]).await;
        for (name, value) in lies {
            let ask = Ask::get("/a").header(name, value);
            answered(&front, &[(name, ask, 429)]).await;
        }
        // A host strips what `Connection` names; what it adds itself must not go with it.
        let ask = Ask::get("/a").header("Connection", "spin-client-addr");
        answered(&front, &[("Connection", ask, 429)]).await;
        assert_eq!(
            front.reached().await,
            1,
            "{kind:?}: what reached the service"
        );
        if kind == Kind::Gate {
            continue;
        }
        let ask = Ask::get("/free").header("X-Forwarded-For", "192.0.2.4");
        let told = front.send(ask).await;
        let fields = doorward_runtime_tests::gated::seen(&told, "x-forwarded-for");
        assert_eq!(fields, ["127.0.0.1"], "the upstream is told the same");
    }
}

async fn behind_a_trusted_proxy_its_own_element_is_counted(host: &dyn Host) {
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
    counted(host, "[proxy]\ntrusted_hops = 1\n", &rounds).await;
    let networks = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"127.0.0.0/8\"]\n";
    counted(host, networks, &rounds).await;
}

async fn behind_two_trusted_proxies_the_second_element_is_counted(host: &dyn Host) {
    let rounds: [(&[&str], u16); 6] = [
        (&["192.0.2.1, 192.0.2.9"], 200),
        (&["192.0.2.7, 192.0.2.1, 192.0.2.8"], 429),
        (&["192.0.2.1", "192.0.2.7"], 429),
        (&["192.0.2.2, 192.0.2.9"], 200),
        // One element is fewer than there are proxies.
        (&["192.0.2.3"], 200),
        (&["192.0.2.4"], 429),
    ];
    counted(host, "[proxy]\ntrusted_hops = 2\n", &rounds).await;
}

async fn a_proxy_outside_the_trusted_networks_is_not_believed(host: &dyn Host) {
    let elsewhere = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"10.0.0.0/8\", \"::1\"]\n";
    let rounds: [(&[&str], u16); 4] = [
        (&["192.0.2.1"], 200),
        (&["192.0.2.2"], 429),
        (&["10.0.0.1"], 429),
        (&[], 429),
    ];
    counted(host, elsewhere, &rounds).await;
}

async fn an_address_is_one_however_it_is_written(host: &dyn Host) {
    let rounds: [(&[&str], u16); 4] = [
        (&["192.0.2.1"], 200),
        (&["192.0.2.1:4711"], 429),
        (&["::ffff:192.0.2.1"], 429),
        (&["[::ffff:c000:201]:80"], 429),
    ];
    counted(host, "[proxy]\ntrusted_hops = 1\n", &rounds).await;
}

async fn who_has_an_ipv6_network_is_counted_as_one(host: &dyn Host) {
    let rounds: [(&[&str], u16); 6] = [
        (&["2001:db8:1:2::a"], 200),
        (&["2001:db8:1:2::b"], 429),
        (&["[2001:db8:1:2:ffff:ffff:ffff:ffff]:443"], 429),
        (&["2001:DB8:0001:2:3::"], 429),
        (&["2001:db8:1:3::a"], 200),
        (&["2001:db8:1:3:8000::"], 429),
    ];
    counted(host, "[proxy]\ntrusted_hops = 1\n", &rounds).await;
}
