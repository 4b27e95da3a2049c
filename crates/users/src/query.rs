//! What a request asks for in its query.

use doorward_service::parameters::Parameters;
use doorward_service::problem::Problem;
use doorward_syntax::form::push;

use crate::email::Email;

/// How many users a page has, unless the client says.
pub const LIMIT_DEFAULT: u64 = 20;
/// Most users of a page.
pub const LIMIT_MAX: u64 = 100;
/// The last page that can be asked for: a database counts through all that are before it.
pub const PAGE_MAX: u64 = 10_000;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// The page, from 1 on.
    pub page: u64,
    /// How many users a page has.
    pub limit: u64,
}

impl PageQuery {
    /// Reads `page` and `limit`.
    ///
    /// # Errors
    /// 400 with every parameter that is wrong, unknown, or there twice.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(query);
        let page = parameters.number("page", 1, PAGE_MAX);
        let limit = parameters.number("limit", LIMIT_DEFAULT, LIMIT_MAX);
        parameters.end(Self { page, limit })
    }

    /// How many users are before the page.
    pub fn offset(&self) -> u64 {
        self.page.saturating_sub(1).saturating_mul(self.limit)
    }
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// When users were created, which is the order of their ids.
    Created,
    /// Their names, letter by letter as Unicode numbers them.
    Name,
    /// Their e-mail addresses, the same way.
    Email,
}

/// Which users are asked for, in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// How many users a page has.
    pub limit: u64,
    /// What they are sorted by.
    pub sort: SortKey,
    /// Whether the last one comes first.
    pub is_descending: bool,
    /// Only who has this name.
    pub name: Option<String>,
    /// Only who has this e-mail address.
    pub email: Option<Email>,
    /// Only who has this issuer.
    pub issuer: Option<String>,
    /// Only who has this subject.
    pub subject: Option<String>,
}

/// The values that users have to have to be in a list, as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The issuer.
    pub issuer: Option<String>,
    /// The subject.
    pub subject: Option<String>,
}

impl ListQuery {
    /// Reads `limit`, `sort`, the filters, and the cursor, which is looked at later.
    ///
    /// # Errors
    /// 400 with every parameter that is wrong, unknown, or there twice.
    pub fn parse(query: &str) -> Result<(Self, Option<String>), Problem> {
        let mut parameters = Parameters::of(query);
        let limit = parameters.number("limit", LIMIT_DEFAULT, LIMIT_MAX);
        let cursor = parameters.text("cursor");
        let sort = parameters
            .text("sort")
            .unwrap_or_else(|| "created_at".to_owned());
        let (name, is_descending) = match sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (sort.as_str(), false),
        };
        let sort = match name {
            "created_at" => SortKey::Created,
            "name" => SortKey::Name,
            "email" => SortKey::Email,
            _ => {
                let detail =
                    "has to be created_at, name or email, with - before it for the last one first";
                parameters.wrong("sort", detail);
                SortKey::Created
            }
        };
        let filters = Filters {
            name: parameters.text("name"),
            email: parameters.text("email"),
            issuer: parameters.text("issuer"),
            subject: parameters.text("subject"),
        };
        let read = Self::of(limit, (sort, is_descending), filters, |name, detail| {
            parameters.wrong(name, detail);
        });
        parameters.end((read, cursor))
    }

    /// The users with these values, in this order or the other way round. What is wrong is told by parameter.
    pub fn of(
        limit: u64,
        (sort, is_descending): (SortKey, bool),
        filters: Filters,
        mut wrong: impl FnMut(&str, String),
    ) -> Self {
        let email = filters.email.and_then(|text| match Email::parse(&text) {
            Ok(email) => Some(email),
            Err(problem) => {
                wrong("email", problem.to_string());
                None
            }
        });
        let mut filter = |name: &str, text: Option<String>| {
            // It is nobody's, and no database takes U+0000.
            if text
                .as_ref()
                .is_some_and(|text| text.chars().any(char::is_control))
            {
                wrong(name, "has a control character".to_owned());
            }
            text
        };
        Self {
            limit,
            sort,
            is_descending,
            name: filter("name", filters.name),
            issuer: filter("issuer", filters.issuer),
            subject: filter("subject", filters.subject),
            email,
        }
    }

    /// What a cursor belongs to: all but how long pages are.
    pub(crate) fn question(&self) -> [String; 6] {
        let filter =
            |value: Option<&str>| value.map_or_else(String::new, |value| format!("={value}"));
        [
            self.sort.name().to_owned(),
            self.is_descending.to_string(),
            filter(self.name.as_deref()),
            filter(self.email.as_ref().map(Email::as_str)),
            filter(self.issuer.as_deref()),
            filter(self.subject.as_deref()),
        ]
    }

    /// The query for the page after this cursor, or for the first page.
    pub fn link(&self, cursor: Option<&str>) -> String {
        let mut link = Vec::new();
        let sign = if self.is_descending { "-" } else { "" };
        let sort = format!("{sign}{}", self.sort.name());
        let limit = self.limit.to_string();
        for (name, value) in [
            ("limit", Some(limit.as_str())),
            ("sort", Some(sort.as_str())),
            ("name", self.name.as_deref()),
            ("email", self.email.as_ref().map(Email::as_str)),
            ("issuer", self.issuer.as_deref()),
            ("subject", self.subject.as_deref()),
            ("cursor", cursor),
        ] {
            if let Some(value) = value {
                push(&mut link, name, value);
            }
        }
        String::from_utf8_lossy(&link).into_owned()
    }
}

impl SortKey {
    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Name => "name",
            Self::Email => "email",
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{ListQuery, PageQuery, SortKey};

    #[test]
    fn a_list_is_asked_for_by_order_and_filters() {
        let query = "sort=-name&email=Ada@Example.com&subject=a%26b&limit=7&cursor=c";
        let (read, cursor) = ListQuery::parse(query).expect("it is right");
        assert_eq!(
            (read.sort, read.is_descending, read.limit),
            (SortKey::Name, true, 7)
        );
        assert_eq!(read.subject.as_deref(), Some("a&b"));
        assert_eq!(cursor.as_deref(), Some("c"));
        let link = "limit=7&sort=-name&email=ada%40example.com&subject=a%26b&cursor=next";
        assert_eq!(read.link(Some("next")), link);
        assert_eq!(ListQuery::parse(&read.link(None)), Ok((read, None)));
        for query in [
            "sort=id",
            "sort=--name",
            "sort=",
            "email=x",
            "name=%00",
            "page=1",
            "limit=0",
        ] {
            assert!(ListQuery::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_page_is_asked_for_by_number_and_length() {
        for (query, page, limit, offset) in [
            ("", 1, 20, 0),
            ("page=3", 3, 20, 40),
            ("limit=100&page=2", 2, 100, 100),
            ("p%61ge=2", 2, 20, 20),
        ] {
            let read = PageQuery::parse(query).expect(query);
            assert_eq!(
                (read.page, read.limit, read.offset()),
                (page, limit, offset)
            );
        }
    }

    #[test]
    fn what_is_wrong_in_a_query_is_refused() {
        for query in [
            "page=0",
            "page=-1",
            "page=1.5",
            "page=10001",
            "page=99999999999999999999",
            "page=1&page=1",
            "limit=101",
            "limit=",
            "limit=%zz",
            "order=name",
            "page=1;drop",
        ] {
            assert!(PageQuery::parse(query).is_err(), "{query}");
        }
    }
}
