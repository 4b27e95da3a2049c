#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::trust::RootSources;

#[test]
fn a_component_that_is_not_there_is_told_with_the_name_that_was_meant() {
    let roots = RootSources::default().load().unwrap().usual().unwrap();
    let entry = ClientTls {
        components: vec!["gateway".to_owned(), "gatewya".to_owned()],
        hosts: vec!["orders.example".to_owned()],
        config: client_config(roots, None).unwrap(),
    };
    let notices = notices(
        std::slice::from_ref(&entry),
        ["gateway", "whoami"].into_iter(),
    );
    assert_eq!(notices.len(), 1, "{notices:?}");
    let notice = notices.first().unwrap();
    for part in ["`gatewya`", "did you mean `gateway`?"] {
        assert!(notice.contains(part), "expected {part:?} of {notice}");
    }
    assert!(!format!("{entry:?}").contains("config"));
}
