//! Timers: what a component is asked again and again.

use super::*;

const TIMER: &str = "[[component.main.tool.doorward.timer]]\n";

#[test]
fn a_component_has_the_timers_of_its_tool_in_their_order() {
    let application = accepted(&with(&format!(
        "tool.other = {{ timer = 7 }}\n\
         {TIMER}cron_expression = \"0 */5 * * * *\"\npath = \"/tasks/clean?all=1\"\n\
         {TIMER}path = \"/\"\ncron_expression = \"@daily\"\n\
         [component.worker]\nsource = \"worker.wasm\"\n\
         tool.doorward.timer = [{{ cron_expression = \"* * * * *\", path = \"/a\" }}]"
    )));
    let timers = |id: &str| -> Vec<(String, String, usize)> {
        let timers = &application.components.get(id).unwrap().timers;
        let said = timers.iter().map(|timer| {
            let text = timer.schedule.text().to_owned();
            (text, timer.path.clone(), timer.line)
        });
        said.collect()
    };
    let line = |text: &str, path: &str, line| (text.to_owned(), path.to_owned(), line);
    let main = [
        line("0 */5 * * * *", "/tasks/clean?all=1", 10),
        line("@daily", "/", 13),
    ];
    assert_eq!(timers("main"), main);
    assert_eq!(timers("worker"), [line("* * * * *", "/a", 18)]);
    let used: Vec<&str> = crate::build::used_components(&application)
        .map(|component| component.id.as_str())
        .collect();
    assert!(
        used.contains(&"worker"),
        "it is built and fetched: {used:?}"
    );
}

/// Each case: what is wrong with a timer, and what the error has to say.
#[test]
fn a_timer_that_is_wrong_is_refused_where_it_is() {
    for (tail, expected) in [
        (
            "cron_expression = \"0 61 * * * *\"\npath = \"/\"",
            &[
                "spin.toml:10:19",
                "\"0 61 * * * *\"",
                "`61` is no minute",
                "every five minutes",
            ][..],
        ),
        (
            "path = \"/\"\ncron_expression = \"often\"",
            &["11:19", "\"often\"", "1 fields"],
        ),
        (
            "cron_expression = \"0 0 0 1 * 1\"\npath = \"/\"",
            &["10:19", "leave one of them `*`"],
        ),
        ("path = \"/\"", &["9:1", "has no `cron_expression`"]),
        ("cron_expression = \"* * * * *\"", &["9:1", "has no `path`"]),
        (
            "cron_expression = \"* * * * *\"\npath = \"tasks\"",
            &["11:8", "\"tasks\", which is no path"],
        ),
        (
            "cron_expression = \"* * * * *\"\npath = \"/a b\"",
            &["11:8", "no path"],
        ),
        (
            "cron_expression = \"* * * * *\"\npath = \"/a#b\"",
            &["11:8", "no path"],
        ),
        (
            "cron_expression = 5\npath = \"/\"",
            &["10:19", "has to be a string"],
        ),
        (
            "cron = \"* * * * *\"\npath = \"/\"",
            &["10:1", "unknown key `cron`"],
        ),
        (
            "cron_expresion = \"* * * * *\"\npath = \"/\"",
            &["did you mean `cron_expression`?"],
        ),
    ] {
        let error = refused(&with(&format!("{TIMER}{tail}")));
        says(&error, expected, tail);
    }
    for (tail, expected) in [
        (
            "[[component.main.tool.doorward.timers]]\npath = \"/\"",
            &["unknown key `timers`", "did you mean `timer`?"][..],
        ),
        (
            "tool.doorward = 1",
            &["9:17", "tool`.doorward has to be a table"],
        ),
        (
            "tool.doorward.timer = 1",
            &["9:23", "timer has to be a list"],
        ),
    ] {
        says(&refused(&with(tail)), expected, tail);
    }
}

#[test]
fn what_the_component_of_a_timer_needs_and_the_host_does_not_have_is_refused() {
    let worker = format!(
        "[component.worker]\nsource = \"w.wasm\"\nai_models = [\"llama2-chat\"]\n{}{}",
        TIMER.replace("main", "worker"),
        "cron_expression = \"* * * * *\"\npath = \"/\""
    );
    says(&refused(&with(&worker)), &["ai_models"], &worker);
}

#[test]
fn an_application_has_no_more_timers_than_it_may() {
    let timer = format!("{TIMER}cron_expression = \"* * * * *\"\npath = \"/\"\n");
    accepted(&with(&timer.repeat(TIMERS_MAX)));
    let error = refused(&with(&timer.repeat(TIMERS_MAX + 1)));
    says(&error, &["more than 64 timers"], "65 timers");
}

#[test]
fn who_has_a_cron_trigger_is_told_of_timers() {
    let application = accepted(&with(
        "[[trigger.cron]]\ncomponent = \"main\"\ncron_expression = \"* * * * * *\"",
    ));
    let [notice] = application.notices.as_slice() else {
        panic!("one line is expected: {:?}", application.notices);
    };
    assert!(
        notice.contains("[[component.ID.tool.doorward.timer]]"),
        "{notice}"
    );
}
