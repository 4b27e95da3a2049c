//! A gate and a gateway that are set up wrongly.

use crate::act::Act;
use crate::book::Book;
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::Reply;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![; both_manners: what_is_set_up_wrongly_is_answered_and_logged_as_it_is_written];

const PUBLIC: &str = "[[route]]\npath = \"/**\"\npublic = true\n";

async fn what_is_set_up_wrongly_is_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("set-up", host);
    let mut scene = Scene::set(host).await;
    policies(&mut book, &scene).await;
    upstreams(&mut book, &mut scene).await;
    book.close();
}

/// Asks twice, as an instance reads its policy once.
async fn twice(book: &mut Book<'_>, scene: &Scene<'_>, title: &str, spec: &AppSpec) {
    let mut act = Act::begin(book, title, spec, scene).await;
    act.ask("a request", &Ask::get("/a?b=c")).await;
    act.ask("another one", &Ask::new("POST", "/a").body(b"x"))
        .await;
    act.end().await;
}

async fn policies(book: &mut Book<'_>, scene: &Scene<'_>) {
    for (what, spec) in [
        ("the gate", AppSpec::gated("echo", "")),
        ("the gateway", AppSpec::gateway("")),
    ] {
        let with = |policy: &str| AppSpec {
            policy: Some(policy.to_owned()),
            ..spec.clone()
        };
        let without = AppSpec {
            policy: None,
            ..spec.clone()
        };
        let mut not_inherited = with(PUBLIC);
        not_inherited.inherit.retain(|set| *set != "files");
        for (how, spec) in [
            ("no policy", without),
            ("a policy that is not inherited", not_inherited),
            ("an empty policy", with("")),
            ("a policy that is no TOML", with("[[route]\n")),
            (
                "a policy with an unknown key",
                with("[[route]]\npath = \"/**\"\npublik = true\n"),
            ),
            (
                "a policy with many mistakes",
                with(&"[[route]]\npath = \"x\"\n".repeat(30)),
            ),
        ] {
            twice(book, scene, &format!("{what}: {how}"), &spec).await;
        }
    }
}

async fn upstreams(book: &mut Book<'_>, scene: &mut Scene<'_>) {
    let origin = scene.origin("origin", Reply::ok("hello")).await;
    let upstream = |lines: &str| {
        format!(
            "[upstream.origin]\nurl = \"{}\"\n{lines}\n[defaults]\nupstream = \"origin\"\n",
            origin.url()
        )
    };
    let credential = upstream("[upstream.origin.credential]\nsecret = \"origin_token\"");
    let mut not_granted = AppSpec::gateway(format!("{}{PUBLIC}", upstream("")));
    not_granted.outbound = vec!["http://127.0.0.1:1".to_owned()];
    for (title, spec) in [
        ("no upstream", AppSpec::gateway(PUBLIC)),
        (
            "a credential without its variable",
            AppSpec::gateway(format!("{credential}{PUBLIC}")),
        ),
        ("an upstream that is not granted", not_granted),
    ] {
        twice(book, scene, title, &spec).await;
    }
    assert_eq!(origin.count(), 0, "nobody was asked");
}
