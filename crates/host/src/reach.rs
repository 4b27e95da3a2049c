//! Which components reach which others past the middlewares in front of them.

use crate::chaining::host_of;
use crate::interfaces::outbound_http::allow_list::AllowList;
use crate::manifest::Application;

/// A component that may ask another one by service chaining, which passes no middleware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bypass {
    /// Who may ask.
    pub from: String,
    /// Whom: a component with a middleware in front of it.
    pub to: String,
    /// Whether it depends on the value of a variable.
    pub may_be: bool,
}

/// Every way past a middleware that the grants of an application leave open. What a variable in an entry of
/// `allowed_outbound_hosts` stands for is not known here: it may be anything.
#[must_use]
pub fn past_middlewares(application: &Application) -> Vec<Bypass> {
    let mut guarded: Vec<&str> = Vec::new();
    for trigger in &application.triggers {
        let id = trigger.component.as_str();
        if !trigger.middleware.is_empty() && !guarded.contains(&id) {
            guarded.push(id);
        }
    }
    let mut found = Vec::new();
    for component in application.components.values() {
        let hosts = &component.allowed_outbound_hosts;
        let (templates, plain): (Vec<_>, Vec<_>) = hosts
            .iter()
            .partition(|host| host.contains(VARIABLE_BEGINS));
        // What cannot be read is an error of its own.
        let Ok(allowed) = AllowList::parse(plain) else {
            continue;
        };
        for id in &guarded {
            let host = host_of(id);
            let may_be = !allowed.names(&host);
            if may_be && !templates.iter().any(|entry| may_name(entry, &host)) {
                continue;
            }
            found.push(Bypass {
                from: component.id.clone(),
                to: (*id).to_owned(),
                may_be,
            });
        }
    }
    found
}

/// With what a variable begins and ends.
const VARIABLE_BEGINS: &str = "{{";
const VARIABLE_ENDS: &str = "}}";

/// Whether an entry with variables may come to name this host of a component, to be asked by HTTP.
fn may_name(entry: &str, host: &str) -> bool {
    let url = format!("http://{host}");
    let starts = [url.as_str(), &format!("*://{host}")].map(str::to_owned);
    let (before, rest) = entry.split_once(VARIABLE_BEGINS).unwrap_or((entry, ""));
    let after = rest
        .rsplit_once(VARIABLE_ENDS)
        .map_or("", |(_, after)| after);
    // A port may follow, and `*` stands for a part of a name.
    let after = after.split([':', '/']).next().unwrap_or_default();
    starts
        .iter()
        .any(|start| start.starts_with(before) || is_wild(before, start))
        && (host.ends_with(after) || after.contains('*'))
}

/// Whether what is before a variable has a `*` for a part of a host.
fn is_wild(before: &str, start: &str) -> bool {
    before
        .split_once("://*")
        .is_some_and(|(scheme, _)| start.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::may_name;

    #[test]
    fn a_variable_may_be_the_host_of_a_component_where_the_rest_is_as_it_is_there() {
        let host = "users.spin.internal";
        for (entry, may) in [
            ("{{ api }}", true),
            ("http://{{ api }}", true),
            ("http://{{ api }}:80", true),
            ("http://users.{{ domain }}", true),
            ("http://{{ name }}.spin.internal", true),
            ("*://{{ api }}:*", true),
            ("{{ scheme }}://users.spin.internal", true),
            ("redis://{{ cache }}:6379", false),
            ("https://{{ api }}", false),
            ("http://api.{{ domain }}", false),
            ("http://{{ api }}.example.com", false),
            ("http://{{ a }}:{{ port }}", true),
        ] {
            assert_eq!(may_name(entry, host), may, "{entry}");
        }
    }
}
