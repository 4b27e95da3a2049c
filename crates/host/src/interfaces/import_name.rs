//! The names and versions under which components import and export.

/// What every component of a trigger exports, and what a middleware imports as the next one.
pub const HANDLER: &str = "wasi:http/handler@0.3.0";

/// Namespace of the interfaces that refuse.
const DENIED_NAMESPACE: &str = "doorward-denied";

/// Drafts of WASI whose interfaces are those of the release, function for function and type for type,
/// each with the version that it is linked as. A component may import a draft beside the release, so it
/// is a version that nobody else imports; the linker takes it for one of the release's line, and checks
/// the types.
const DRAFTS: &[(&str, &str)] = &[("0.3.0-rc-2026-03-15", "0.3.20260315")];

/// The name of the refusing twin of an interface: `wasi:cli/environment@0.2.6` becomes
/// `doorward-denied:wasi-cli/environment@0.2.6`.
#[must_use]
pub fn denied_name(import: &str) -> String {
    format!("{DENIED_NAMESPACE}:{}", import.replacen(':', "-", 1))
}

/// Whether a name without its version is that of a refusing twin.
#[must_use]
pub fn is_denied(name: &str) -> bool {
    name.strip_prefix(DENIED_NAMESPACE)
        .is_some_and(|rest| rest.starts_with(':'))
}

/// The version that a draft is linked as; none where a version is not one of those drafts.
#[must_use]
pub fn linked_version(version: &str) -> Option<&'static str> {
    let (_, linked) = DRAFTS.iter().find(|(draft, _)| *draft == version)?;
    Some(linked)
}

/// Whether an export is the handler of a draft that is served as the release's.
#[must_use]
pub fn is_draft_handler(export: &str) -> bool {
    let (name, version) = split_version(export);
    HANDLER.starts_with(&format!("{name}@")) && linked_version(version).is_some()
}

/// The name and the version of an import.
#[must_use]
pub fn split_version(import: &str) -> (&str, &str) {
    import.split_once('@').unwrap_or((import, ""))
}

/// Whether a version belongs to a line of compatible ones: `0.2.6` to `0.2`, `3.0.0` to `3`. A
/// pre-release belongs to none, unless it is the one that is named, or a draft that is linked as a
/// version of the line.
#[must_use]
pub fn is_of_line(version: &str, line: &str) -> bool {
    let version = linked_version(version).unwrap_or(version);
    version == line
        || version
            .strip_prefix(line)
            .is_some_and(|rest| rest.starts_with('.') && !rest.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusing_twin_keeps_interface_and_version() {
        assert_eq!(
            denied_name("wasi:cli/environment@0.2.6"),
            "doorward-denied:wasi-cli/environment@0.2.6"
        );
    }
}
