//! Whose request it is: what the host says, and for whom a trusted proxy asks; never what a client says.

use crate::front::{BOTH, Kind, prepared};
use crate::rates::answered;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::clock;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![nothing_that_a_client_sends_changes_who_is_counted,];

const POLICY: &str = r#"
[rate_limit.address]
requests = 1
per_s = 60

[[route]]
path = "/a"
public = true
rate_limit = "address"

[[route]]
path = "/free"
public = true
"#;

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
        let front = prepared(kind, POLICY).await.by(&clock).await;
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
