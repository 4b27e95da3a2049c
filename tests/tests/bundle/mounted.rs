//! The file that says where a policy is fetched.

use super::common::bootstrap;
use doorward_policy::{Code, Mounted, Policy};
use doorward_tests::findings::{Case, cases, check};

#[test]
fn what_is_wrong_with_it_is_named_with_its_place() {
    for Case { policy, code, says } in cases("bundle") {
        let found = Mounted::parse(&policy.replace('▸', "")).unwrap_err();
        let [finding] = found.as_slice() else {
            panic!("expected {code} and nothing else in:\n{policy}\nfound:\n{found}");
        };
        check(&policy, finding, &code, &says);
    }
}

#[test]
fn it_says_where_the_policy_is_and_is_none_itself() {
    let text = bootstrap(&["one", "two"], "refresh_s = 10\nminimum = 7");
    let Ok(Mounted::Fetched(read)) = Mounted::parse(&text) else {
        panic!("{:?}", Mounted::parse(&text));
    };
    let said = (&*read.url, &*read.application, read.refresh_s, read.minimum);
    assert_eq!(said, ("https://policies.example/shop.jws", "shop", 10, 7));
    assert_eq!((read.keys_count, &*read.store), (2, "default"));
    let found = Policy::parse(&text).unwrap_err();
    let codes: Vec<_> = found.as_slice().iter().map(|one| one.code).collect();
    assert_eq!(codes, [Code::Conflict], "{found}");
    let policy = "[[route]]\npath = \"/\"\npublic = true\n";
    assert!(matches!(Mounted::parse(policy), Ok(Mounted::Policy(_))));
}
