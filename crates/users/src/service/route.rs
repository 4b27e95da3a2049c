//! Which request is for what.

use doorward_service::problem::Problem;
use http::Method;

use crate::operations::Which;

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Whether the service runs.
    Health,
    /// Whether it can do what it is for.
    Ready,
    /// All users.
    Users(Version),
    /// One of them.
    User(Version, Which),
}

/// A version of the interface. Both are over the same users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Lists are pages with numbers.
    V1,
    /// Lists go on after a cursor, have an order and filters.
    V2,
}

/// What is to be done with users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A page of all users.
    List,
    /// Users in some order.
    Search,
    /// A new user.
    Create,
    /// A user as it is.
    Get(Which),
    /// A change of a user.
    Change(Which),
    /// A user less.
    Delete(Which),
}

impl Route {
    /// What a path stands for, if anything. A name that is no UUID is that of nobody.
    pub fn of(path: &str) -> Option<Self> {
        match path {
            "/api/health" => return Some(Self::Health),
            "/api/ready" => return Some(Self::Ready),
            _ => {}
        }
        let mut versions = [Version::V1, Version::V2].into_iter();
        let (version, rest) = versions.find_map(|it| Some((it, path.strip_prefix(it.users())?)))?;
        match rest.strip_prefix('/') {
            None if rest.is_empty() => Some(Self::Users(version)),
            None => None,
            Some(name) => Some(Self::User(version, Which::of(name)?)),
        }
    }

    /// Its version. None: it is of no version.
    pub fn version(self) -> Option<Version> {
        match self {
            Self::Health | Self::Ready => None,
            Self::Users(version) | Self::User(version, _) => Some(version),
        }
    }

    /// What a method does with users here.
    ///
    /// # Errors
    /// 405 where it does nothing.
    pub fn action(self, method: &Method) -> Result<Action, Problem> {
        let action = match (self, method) {
            (Self::Users(Version::V1), &Method::GET | &Method::HEAD) => Action::List,
            (Self::Users(Version::V2), &Method::GET | &Method::HEAD) => Action::Search,
            (Self::Users(_), &Method::POST) => Action::Create,
            (Self::User(_, which), &Method::GET | &Method::HEAD) => Action::Get(which),
            (Self::User(_, which), &Method::PATCH) => Action::Change(which),
            (Self::User(_, which), &Method::DELETE) => Action::Delete(which),
            (Self::Users(_), _) => return Err(Problem::method_not_allowed("GET, HEAD, POST")),
            (Self::User(..), _) => {
                return Err(Problem::method_not_allowed("GET, HEAD, PATCH, DELETE"));
            }
            (Self::Health | Self::Ready, _) => {
                return Err(Problem::method_not_allowed("GET, HEAD"));
            }
        };
        Ok(action)
    }
}

impl Version {
    /// Where its users are.
    pub fn users(self) -> &'static str {
        match self {
            Self::V1 => "/api/v1/users",
            Self::V2 => "/api/v2/users",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Route, Version};
    use crate::operations::Which;

    #[test]
    fn a_path_is_that_of_all_of_one_or_of_nobody() {
        let id = "0197f6a0-0000-7000-8000-000000000001";
        assert_eq!(Route::of("/api/v1/users"), Some(Route::Users(Version::V1)));
        assert_eq!(Route::of("/api/v2/users"), Some(Route::Users(Version::V2)));
        let me = Route::User(Version::V1, Which::Me);
        assert_eq!(Route::of("/api/v1/users/me"), Some(me));
        let one = id
            .parse()
            .ok()
            .map(|id| Route::User(Version::V1, Which::Id(id)));
        assert!(one.is_some());
        assert_eq!(Route::of(&format!("/api/v1/users/{id}")), one);
        let upper = id.to_ascii_uppercase();
        assert_eq!(Route::of(&format!("/api/v1/users/{upper}")), one);
        for path in [
            "/",
            "/api/v3/users",
            "/api/v1/user",
            "/api/v1/usersx",
            "/api/v1/users/",
            "/api/v1/users/you",
            "/api/v1/users/1",
            "/api/v1/users/0197f6a0000070008000000000000001",
            "/api/v1/users/{0197f6a0-0000-7000-8000-000000000001}",
            "/api/v1/users/urn:uuid:0197f6a0-0000-7000-8000-000000000001",
            "/api/v1/users/0197f6a0-0000-7000-8000-000000000001/name",
            "/api/v1/users/' OR 1=1 --",
        ] {
            assert_eq!(Route::of(path), None, "{path}");
        }
    }
}
