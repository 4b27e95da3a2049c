//! The builds that add to a number of the store in one step, on every host that has that.

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, apart};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![many_requests_at_once_are_counted_together];

const POLICY: &str = r#"
[rate_limit.few]
requests = 10
per_s = 3600
shared = true

[[route]]
path = "/a"
public = true
rate_limit = "few"
"#;

async fn many_requests_at_once_are_counted_together(host: &dyn Host) {
    let mut spec = AppSpec::gated("echo", POLICY);
    spec.middleware = vec!["gate-atomics"];
    let app = spec.write();
    let running = host.start(&app).await;
    let asked: Vec<_> = (0..64)
        .map(|_| {
            let address = running.address;
            apart(async move { Ask::get("/a").send(address).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for asked in asked {
        statuses.push(asked.await);
    }
    let admitted = statuses.iter().filter(|&&status| status == 200).count();
    let refused = statuses.iter().filter(|&&status| status == 429).count();
    assert_eq!((admitted, refused), (10, 54), "{statuses:?}");
}
