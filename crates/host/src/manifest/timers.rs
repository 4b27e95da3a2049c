//! `[[component.ID.tool.doorward.timer]]`: what this host asks of a component again and again. Spin ignores whatever is
//! under `tool`.

use http::uri::PathAndQuery;

use super::reader::{Document, Table, Value};
use crate::schedule::Schedule;

/// What a component is asked at some times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The times.
    pub schedule: Schedule,
    /// The path, with a query where there is one.
    pub path: String,
    /// Whether it is asked once more when the host stops, after the last request.
    pub at_stop: bool,
    /// The line of the timer, counted from 1.
    pub line: usize,
}

/// Reads those in the `tool` of a component.
pub(super) fn read(document: &Document<'_>, tool: &Value<'_>, place: &str) -> Vec<Timer> {
    let Some(tools) = document.table(tool, place) else {
        return Vec::new();
    };
    // What belongs to other tools is theirs.
    let Some(own) = tools.get("doorward") else {
        return Vec::new();
    };
    let Some(table) = document.table(own, &format!("{place}.doorward")) else {
        return Vec::new();
    };
    let items = table.get("timer").and_then(|value| {
        let items = document.array(value, &format!("{place}.doorward.timer"))?;
        Some(items.collect::<Vec<_>>())
    });
    table.finish();
    let read = items.into_iter().flatten().filter_map(|item| {
        let table = document.table(item, &format!("{place}.doorward.timer"))?;
        read_one(document, table)
    });
    read.collect()
}

fn read_one(document: &Document<'_>, table: Table<'_, '_, '_, '_>) -> Option<Timer> {
    let line = document.line(table.span());
    let schedule = read_schedule(document, &table);
    let path = read_path(document, &table);
    let at_stop = table.boolean("at_stop");
    table.finish();
    Some(Timer {
        schedule: schedule?,
        path: path?,
        at_stop: at_stop.unwrap_or_default(),
        line,
    })
}

fn read_schedule(document: &Document<'_>, table: &Table<'_, '_, '_, '_>) -> Option<Schedule> {
    let text = table.required_string("cron_expression")?;
    let span = table.get("cron_expression")?.span();
    match Schedule::parse(&text) {
        Ok(schedule) => Some(schedule),
        Err(why) => {
            document.problem_with_help(
                &span,
                format!("{} is {text:?}: {why}", table.place_of("cron_expression")),
                "seconds, minutes, hours, day of the month, month, day of the week: \"0 */5 * * * *\" is every five \
                 minutes, in UTC",
            );
            None
        }
    }
}

fn read_path(document: &Document<'_>, table: &Table<'_, '_, '_, '_>) -> Option<String> {
    let path = table.required_string("path")?;
    let span = table.get("path")?.span();
    let is_path =
        path.starts_with('/') && path.parse::<PathAndQuery>().is_ok() && !path.contains('#');
    if !is_path {
        document.problem_with_help(
            &span,
            format!("{} is {path:?}, which is no path", table.place_of("path")),
            "write it as in a URL, from the first slash on: \"/tasks/clean?all=1\"",
        );
    }
    is_path.then_some(path)
}
