//! What is said in place of an answer: a code, a reason for programs, words for people, and which fields are wrong.

use doorward_service::problem::FieldError;

use super::code::Code;
use crate::operations::Denied;
use crate::store::{StoreError, Taken};

/// Whose reasons they are (`google.rpc.ErrorInfo`).
pub const DOMAIN: &str = "doorward";
/// When a client may try again what could not be done now, in seconds.
pub const RETRY_AFTER_S: i64 = 1;

/// Why a call gets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The gate tells nobody.
    Unauthenticated,
    /// The caller may not.
    Forbidden,
    /// There is no such user.
    NotFound,
    /// These fields of the message are wrong.
    Invalid(Vec<FieldError>),
    /// What is there as `idempotency-key` is none.
    NoKey,
    /// The key came before, with another message.
    OtherBody,
    /// The key came before, and the user was deleted since.
    Deleted,
    /// A call with the key is under way.
    Running,
    /// Another user has what only one may have.
    Taken(Taken),
    /// The store cannot say.
    Store(StoreError),
    /// There is no such method.
    NoMethod,
    /// There is no such service whose health could be told.
    NoService,
    /// Messages are compressed.
    Compressed,
    /// There is not one message.
    NotOne,
    /// A message is too long.
    TooLong,
    /// A message cannot be read.
    Unreadable,
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Forbidden => Self::Forbidden,
            Denied::NotFound => Self::NotFound,
            Denied::Store(error) => Self::Store(error),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a client is told of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// How the call has ended.
    pub code: Code,
    /// Why, for programs.
    pub reason: &'static str,
    /// Why, for people: printable ASCII without a percent sign, which `grpc-message` has as it is.
    pub message: &'static str,
}

impl Refusal {
    /// What a client is told of it. Nothing of the store is.
    pub fn told(&self) -> Told {
        let (code, reason, message) = match self {
            Self::Unauthenticated => (
                Code::Unauthenticated,
                "NO_CALLER",
                "Nobody is told to be the caller: the service has to stand behind the gate.",
            ),
            Self::Forbidden => (
                Code::PermissionDenied,
                "FORBIDDEN",
                "You may not do this: it takes another scope, or is not yours.",
            ),
            Self::NotFound => (Code::NotFound, "USER_NOT_FOUND", "There is no such user."),
            Self::Invalid(_) => (
                Code::InvalidArgument,
                "INVALID_FIELDS",
                "Each violation says where the message is wrong, and how.",
            ),
            Self::NoKey => (
                Code::InvalidArgument,
                "INVALID_IDEMPOTENCY_KEY",
                "idempotency-key is one key of 1 to 255 printable ASCII characters without quotes and backslashes.",
            ),
            Self::OtherBody => (
                Code::InvalidArgument,
                "IDEMPOTENCY_KEY_REUSED",
                "This idempotency-key came before, with another message.",
            ),
            Self::Deleted => (
                Code::NotFound,
                "USER_DELETED",
                "The user that this idempotency-key created was deleted.",
            ),
            Self::Running => (
                Code::Unavailable,
                "CALL_RUNNING",
                "A call with this idempotency-key is under way.",
            ),
            Self::Taken(taken) if taken.email || taken.identity => (
                Code::AlreadyExists,
                "ALREADY_TAKEN",
                "Another user has what only one may have: each violation says what.",
            ),
            // It was another user's, who is gone by now; or the database cannot be had.
            Self::Taken(_) | Self::Store(_) => (
                Code::Unavailable,
                "USERS_UNAVAILABLE",
                "The users cannot be had at the moment. Try again.",
            ),
            Self::NoMethod => (Code::Unimplemented, "NO_METHOD", "There is no such method."),
            Self::NoService => (Code::NotFound, "NO_SERVICE", "There is no such service."),
            Self::Compressed => (
                Code::Unimplemented,
                "COMPRESSED",
                "Messages are not compressed here.",
            ),
            Self::NotOne => (
                Code::Unimplemented,
                "NOT_ONE_MESSAGE",
                "The method takes one message.",
            ),
            Self::TooLong => (
                Code::ResourceExhausted,
                "MESSAGE_TOO_LONG",
                "The message has more than 65536 bytes.",
            ),
            Self::Unreadable => (
                Code::Internal,
                "UNREADABLE",
                "The message broke off, or is none.",
            ),
        };
        Told {
            code,
            reason,
            message,
        }
    }

    /// Which fields of the message are wrong.
    pub fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors.clone(),
            Self::Taken(taken) => taken.errors(),
            _ => Vec::new(),
        }
    }

    /// After how many seconds the same may be tried again, where that may help.
    pub fn retry_after_s(&self) -> Option<i64> {
        (self.told().code == Code::Unavailable).then_some(RETRY_AFTER_S)
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        match code {
            Code::ResourceExhausted => Self::TooLong,
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;
    use crate::grpc::code::Code;
    use crate::store::{StoreError, Taken};
    use doorward_service::database::{DatabaseError, ErrorKind};
    use doorward_service::problem::FieldError;

    fn all() -> Vec<Refusal> {
        let taken = |email, identity| Refusal::Taken(Taken { email, identity });
        vec![
            Refusal::Unauthenticated,
            Refusal::Forbidden,
            Refusal::NotFound,
            Refusal::Invalid(vec![FieldError::body("/identity/issuer", "is missing")]),
            Refusal::NoKey,
            Refusal::OtherBody,
            Refusal::Deleted,
            Refusal::Running,
            taken(true, false),
            taken(false, false),
            Refusal::Store(StoreError::Unreadable("a secret")),
            Refusal::NoMethod,
            Refusal::NoService,
            Refusal::Compressed,
            Refusal::NotOne,
            Refusal::TooLong,
            Refusal::Unreadable,
        ]
    }

    #[test]
    fn what_is_said_needs_no_escapes_and_has_a_reason_for_programs() {
        for refusal in all() {
            let told = refusal.told();
            let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
            assert!(told.message.bytes().all(is_plain), "{told:?}");
            let is_snake = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
            assert!(told.reason.bytes().all(is_snake), "{told:?}");
            assert_ne!(told.code, Code::Ok, "{told:?}");
        }
    }

    #[test]
    fn what_may_work_later_says_when_and_nothing_else_does() {
        for refusal in all() {
            let is_later = refusal.told().code == Code::Unavailable;
            assert_eq!(refusal.retry_after_s().is_some(), is_later, "{refusal:?}");
        }
    }

    #[test]
    fn nothing_of_the_store_is_told() {
        let error = DatabaseError {
            kind: ErrorKind::Failed,
            reason: "password".to_owned(),
        };
        let refusal = Refusal::Store(StoreError::Database(error));
        assert_eq!(refusal.told().reason, "USERS_UNAVAILABLE");
        assert!(!refusal.told().message.contains("password"));
        assert!(refusal.fields().is_empty());
    }

    #[test]
    fn fields_are_named_as_messages_name_them() {
        let refusal = Refusal::Invalid(vec![FieldError::body("/identity/issuer", "is missing")]);
        let fields: Vec<_> = refusal.fields().iter().map(FieldError::field).collect();
        assert_eq!(fields, ["identity.issuer"]);
        let taken = Refusal::Taken(Taken {
            email: true,
            identity: true,
        });
        let fields: Vec<_> = taken.fields().iter().map(FieldError::field).collect();
        assert_eq!(fields, ["email", "identity"]);
    }
}
