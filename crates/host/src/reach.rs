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
}

/// Every way past a middleware that the grants of an application leave open. An entry of `allowed_outbound_hosts` with a
/// variable in it is taken for what it is without: its value is not known here.
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
        let hosts = component.allowed_outbound_hosts.iter();
        let plain = hosts.filter(|host| !host.contains("{{"));
        // What cannot be read is an error of its own.
        let Ok(allowed) = AllowList::parse(plain) else {
            continue;
        };
        let reached = guarded.iter().filter(|id| allowed.names(&host_of(id)));
        found.extend(reached.map(|id| Bypass {
            from: component.id.clone(),
            to: (*id).to_owned(),
        }));
    }
    found
}
