use super::*;

fn left(lines: &[&str], who_says: SharedCache) -> Vec<String> {
    let mut fields = FieldList::of([("etag", "1")]);
    for line in lines {
        fields.push("Cache-Control", *line);
    }
    keep_private(&mut fields, who_says);
    let text = |value| String::from_utf8_lossy(value).into_owned();
    fields.named("cache-control").map(text).collect()
}

#[test]
fn an_answer_is_made_private_and_nothing_else_of_it_changes() {
    for (lines, expected) in [
        (&[][..], "private"),
        (&["max-age=60"], "private, max-age=60"),
        (&["public, max-age=60"], "private, max-age=60"),
        (&["PUBLIC,S-MaxAge=600,max-age=60"], "private, max-age=60"),
        (&["s-maxage = 600"], "private"),
        (&["max-age=60", "public"], "private, max-age=60"),
        (&["private"], "private"),
        (&["private, no-cache"], "private, no-cache"),
        (
            &["private=\"set-cookie, x-a\", max-age=1"],
            "private, max-age=1",
        ),
        (
            &["no-cache=\"a, public\", public"],
            "private, no-cache=\"a, public\"",
        ),
        (
            &["must-revalidate, proxy-revalidate"],
            "private, must-revalidate, proxy-revalidate",
        ),
        (
            &["immutable, stale-while-revalidate=5"],
            "private, immutable, stale-while-revalidate=5",
        ),
        (&["", ",, ,"], "private"),
        (&["publicity, x-public=1"], "private, publicity, x-public=1"),
        // What is kept nowhere.
        (&["no-store"], "no-store"),
        (
            &["no-cache, No-Store, public"],
            "no-cache, No-Store, public",
        ),
        (
            &["no-store, must-understand, public"],
            "private, no-store, must-understand",
        ),
    ] {
        assert_eq!(left(lines, SharedCache::Never), [expected], "{lines:?}");
    }
}

#[test]
fn who_answers_can_be_the_one_that_says_so_and_has_to_say_it() {
    for (line, expected) in [
        ("public, max-age=60", "public, max-age=60"),
        ("S-MAXAGE=600", "S-MAXAGE=600"),
        ("max-age=60", "private, max-age=60"),
        (
            "must-revalidate, max-age=60",
            "private, must-revalidate, max-age=60",
        ),
        ("no-cache=\"public\"", "private, no-cache=\"public\""),
    ] {
        assert_eq!(left(&[line], SharedCache::Origin), [expected], "{line}");
    }
}

#[test]
fn fields_that_shared_caches_heed_instead_go_where_it_is_private() {
    let sent = FieldList::of([
        ("CDN-Cache-Control", "max-age=600"),
        ("Cloudflare-CDN-Cache-Control", "max-age=600"),
        ("Surrogate-Control", "max-age=600"),
        ("Edge-Control", "max-age=600"),
        ("X-Accel-Expires", "600"),
        ("Expires", "0"),
        ("Surrogate-Key", "a"),
        ("Control", "a"),
    ]);
    let names = |line, who_says| {
        let mut fields = sent.clone();
        fields.push("cache-control", line);
        keep_private(&mut fields, who_says);
        fields.names().map(str::to_owned).collect::<Vec<_>>()
    };
    let left = ["Expires", "Surrogate-Key", "Control", "cache-control"];
    assert_eq!(names("public", SharedCache::Never), left);
    assert_eq!(names("no-store", SharedCache::Never), left);
    assert_eq!(names("max-age=1", SharedCache::Origin), left);
    assert_eq!(names("public", SharedCache::Origin).len(), 9, "as it was");
}
