//! The keywords that there are.

/// What a keyword has within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// No schemas.
    Nothing,
    /// A schema.
    Schema,
    /// A list of schemas.
    List,
    /// An object whose members are schemas.
    Map,
}

/// What a keyword does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Says what a schema is called, or where another one is.
    Core,
    /// Is checked.
    Checked,
    /// Tells something to whoever reads the schema. It checks nothing, as draft 2020-12 has it: `format` and the
    /// `content…` keywords are among these.
    Annotation,
}

/// Every keyword that is supported (JSON Schema draft 2020-12, core and validation).
pub const KEYWORDS: &[(&str, Role, Within)] = &[
    ("$schema", Role::Core, Within::Nothing),
    ("$id", Role::Core, Within::Nothing),
    ("$anchor", Role::Core, Within::Nothing),
    ("$ref", Role::Core, Within::Nothing),
    ("$defs", Role::Core, Within::Map),
    ("$comment", Role::Annotation, Within::Nothing),
    ("title", Role::Annotation, Within::Nothing),
    ("description", Role::Annotation, Within::Nothing),
    ("default", Role::Annotation, Within::Nothing),
    ("examples", Role::Annotation, Within::Nothing),
    ("deprecated", Role::Annotation, Within::Nothing),
    ("readOnly", Role::Annotation, Within::Nothing),
    ("writeOnly", Role::Annotation, Within::Nothing),
    ("format", Role::Annotation, Within::Nothing),
    ("contentEncoding", Role::Annotation, Within::Nothing),
    ("contentMediaType", Role::Annotation, Within::Nothing),
    ("contentSchema", Role::Annotation, Within::Schema),
    ("type", Role::Checked, Within::Nothing),
    ("enum", Role::Checked, Within::Nothing),
    ("const", Role::Checked, Within::Nothing),
    ("multipleOf", Role::Checked, Within::Nothing),
    ("maximum", Role::Checked, Within::Nothing),
    ("exclusiveMaximum", Role::Checked, Within::Nothing),
    ("minimum", Role::Checked, Within::Nothing),
    ("exclusiveMinimum", Role::Checked, Within::Nothing),
    ("maxLength", Role::Checked, Within::Nothing),
    ("minLength", Role::Checked, Within::Nothing),
    ("pattern", Role::Checked, Within::Nothing),
    ("maxItems", Role::Checked, Within::Nothing),
    ("minItems", Role::Checked, Within::Nothing),
    ("uniqueItems", Role::Checked, Within::Nothing),
    ("maxContains", Role::Checked, Within::Nothing),
    ("minContains", Role::Checked, Within::Nothing),
    ("contains", Role::Checked, Within::Schema),
    ("prefixItems", Role::Checked, Within::List),
    ("items", Role::Checked, Within::Schema),
    ("maxProperties", Role::Checked, Within::Nothing),
    ("minProperties", Role::Checked, Within::Nothing),
    ("required", Role::Checked, Within::Nothing),
    ("dependentRequired", Role::Checked, Within::Nothing),
    ("dependentSchemas", Role::Checked, Within::Map),
    ("propertyNames", Role::Checked, Within::Schema),
    ("properties", Role::Checked, Within::Map),
    ("patternProperties", Role::Checked, Within::Map),
    ("additionalProperties", Role::Checked, Within::Schema),
    ("allOf", Role::Checked, Within::List),
    ("anyOf", Role::Checked, Within::List),
    ("oneOf", Role::Checked, Within::List),
    ("not", Role::Checked, Within::Schema),
    ("if", Role::Checked, Within::Schema),
    ("then", Role::Checked, Within::Schema),
    ("else", Role::Checked, Within::Schema),
];

/// Keywords of this draft and of earlier ones that are not supported, and what to do.
pub const REFUSED: &[(&str, &str)] = &[
    ("$dynamicRef", "write what it refers to with `$ref`"),
    ("$dynamicAnchor", "use `$anchor`"),
    ("$vocabulary", "it is for schemas of schemas"),
    ("unevaluatedItems", "use `items`"),
    ("unevaluatedProperties", "use `additionalProperties`"),
    ("$recursiveRef", "of draft 2019-09: use `$ref`"),
    ("$recursiveAnchor", "of draft 2019-09: use `$anchor`"),
    (
        "additionalItems",
        "of earlier drafts: use `items` after `prefixItems`",
    ),
    ("definitions", "of earlier drafts: use `$defs`"),
    (
        "dependencies",
        "of earlier drafts: use `dependentRequired` or `dependentSchemas`",
    ),
    ("id", "of draft 4: use `$id`"),
];

/// What is wrong with a keyword that is not in [`KEYWORDS`].
pub(super) fn unknown(keyword: &str) -> String {
    if let Some((_, instead)) = REFUSED.iter().find(|(name, _)| *name == keyword) {
        return format!("the keyword `{keyword}` is not supported: {instead}");
    }
    let names = KEYWORDS.iter().map(|(name, ..)| *name);
    let nearest = names
        .map(|name| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &keyword.to_lowercase()),
                name,
            )
        })
        .min();
    match nearest {
        Some((distance, name)) if distance <= 2 || distance <= keyword.len() / 3 => {
            format!("the keyword `{keyword}` is unknown: is it `{name}`?")
        }
        _ => format!("the keyword `{keyword}` is unknown"),
    }
}
