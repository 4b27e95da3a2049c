//! What a caller may do.
//!
//! The policy of the gate says who may reach which route at all; here is what depends on whose data it is.
//!
//! | | `read:users` | `write:users` | the user itself |
//! |---|---|---|---|
//! | read a user | yes | no | yes |
//! | list users | yes | no | no |
//! | create and delete | no | yes | no |
//! | change the name | no | yes | yes |
//! | change e-mail address and identity | no | yes | no |
//!
//! Whoever could set the identity of a user could be that user, so without `write:users` nobody sets any, their own
//! neither. A change by somebody who may not read the user is answered without it.

use doorward_service::caller::Caller;

use crate::user::{Details, User};

/// The scope that lets read all users.
pub const READ_SCOPE: &str = "read:users";
/// The scope that lets write all users.
pub const WRITE_SCOPE: &str = "write:users";

/// The scope that lets deliver what waits in the outbox.
pub const DRAIN_SCOPE: &str = "drain:outbox";

/// Whether the caller may have the outbox delivered.
pub fn may_drain(caller: &Caller) -> bool {
    caller.has_scope(DRAIN_SCOPE)
}

/// Whether the caller may read this user. None: there is no such user, which is not for everybody to know either.
pub fn may_read(caller: &Caller, user: Option<&User>) -> bool {
    caller.has_scope(READ_SCOPE) || user.is_some_and(|user| is_own(caller, user))
}

/// Whether the caller may list users.
pub fn may_list(caller: &Caller) -> bool {
    caller.has_scope(READ_SCOPE)
}

/// Whether the caller may create users, and delete any.
pub fn may_write(caller: &Caller) -> bool {
    caller.has_scope(WRITE_SCOPE)
}

/// Whether the caller may change anything of this user.
pub fn may_begin_change(caller: &Caller, user: Option<&User>) -> bool {
    may_write(caller) || user.is_some_and(|user| is_own(caller, user))
}

/// Whether the caller may change this user so.
pub fn may_change(caller: &Caller, user: &User, to: &Details) -> bool {
    let is_name_only = user.details.email == to.email && user.details.identity == to.identity;
    may_write(caller) || is_own(caller, user) && is_name_only
}

fn is_own(caller: &Caller, user: &User) -> bool {
    user.details.identity.as_ref() == Some(&caller.identity)
}
