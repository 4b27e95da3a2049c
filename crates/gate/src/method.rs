//! Methods of HTTP, as what is told of them has them.

/// What is said of a method that nobody knows, as the semantic conventions have it.
pub(crate) const OTHER_METHOD: &str = "_OTHER";

/// A method of HTTP as the label has it.
pub(crate) fn known_method(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "CONNECT" => "CONNECT",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        "PATCH" => "PATCH",
        "QUERY" => "QUERY",
        _ => OTHER_METHOD,
    }
}
