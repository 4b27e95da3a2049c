//! The percentage is kept to, over 10,000 subjects.

use crate::split::Two;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::load::{Until, tally};
use doorward_runtime_tests::run::Case;
use std::sync::Arc;

pub const CASES: &[Case] = cases![of_10_000_subjects_as_many_move_as_the_policy_promises,];

const SUBJECTS: usize = 10_000;
const CONNECTIONS: usize = 16;

async fn of_10_000_subjects_as_many_move_as_the_policy_promises(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let two = Two::start().await;
    two.old.only_counts();
    two.new.only_counts();
    let tokens: Vec<String> = (0..SUBJECTS)
        .map(|number| issuer.token(&format!("user-{number}"), "read"))
        .collect();
    let requests: Arc<[Vec<u8>]> = tokens
        .iter()
        .map(|token| {
            format!("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
                .into_bytes()
        })
        .collect();
    for percent in [1, 10, 50, 99] {
        two.old.forget();
        two.new.forget();
        let split = format!("percent = {percent}");
        let app = AppSpec::gateway(two.policy(&issuer, &split)).write();
        let running = host.start(&app).await;
        let tally = tally(
            running.address,
            &requests,
            CONNECTIONS,
            Until::Sent(SUBJECTS),
        )
        .await;
        assert_eq!(tally.all_but(200), 0, "{percent} %: {tally:?}");
        let (old, new) = (two.old.count(), two.new.count());
        assert_eq!(old + new, SUBJECTS, "{percent} %: each is asked once");
        // Subjects are spread like chance would do it: five standard deviations.
        let share = f64::from(percent) / 100.0;
        let due = SUBJECTS as f64 * share;
        let tolerance = 5.0 * (due * (1.0 - share)).sqrt();
        assert!(
            (new as f64 - due).abs() <= tolerance,
            "{percent} %: {new} of {SUBJECTS} move, not {due} and at most {tolerance} more or less"
        );
    }
}
