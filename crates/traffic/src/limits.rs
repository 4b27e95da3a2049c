//! How large a request may be, and what may be in it.
//!
//! What the head says is checked before anything is done for the request; what the body turns out to be is
//! counted while it streams. A declared length is never taken for the real one.

use core::fmt;

use doorward_syntax::media_type::MediaType;

use crate::field_list::FieldList;

/// For how long a client may be waited for while its body comes, where the policy says nothing, in seconds.
pub const BODY_TIME_S_DEFAULT: u32 = 600;
/// How many bytes a second a body has to have, where the policy says nothing.
pub const BODY_RATE_DEFAULT: u32 = 500;
/// By how much a body may be behind its rate, in seconds. Whoever was ahead of it has no more than that either: one
/// byte now and then keeps nothing alive, however fast it began.
pub const BODY_GRACE_S: u32 = 30;

/// Methods of which a body means nothing or little, so that clients have a `Content-Type` in every request and
/// nevertheless no body.
const SELDOM_WITH_BODY: [&str; 4] = ["GET", "HEAD", "DELETE", "OPTIONS"];

/// The limits of `[limits.NAME]`. `None`: no limit but the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLimits {
    /// Most header fields. Those that the host adds (seven of Spin's) are among them.
    pub header_count_max: Option<usize>,
    /// Most bytes of all header fields, names and values, those of the host's included.
    pub header_bytes_max: Option<usize>,
    /// Most bytes of path and query.
    pub target_bytes_max: Option<usize>,
    /// Most bytes of the body, whether its length is declared or not.
    pub body_bytes_max: Option<u64>,
    /// How soon the body has to come.
    pub body_pace: BodyPace,
    /// The media types that a body may have, in lower case and without parameters: `type/subtype` or
    /// `type/*`; empty: any.
    pub content_types: Vec<String>,
}

/// How soon a body has to come. What counts is the time in which the client is waited for, not that in which nobody
/// reads: a slow upstream makes no client slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyPace {
    /// For how long the client may be waited for in all, in seconds; 0: for as long as it takes.
    pub time_max_s: u32,
    /// How many bytes a second have to come while it is waited for, but for [`BODY_GRACE_S`]; 0: none.
    pub rate_min: u32,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self {
            time_max_s: BODY_TIME_S_DEFAULT,
            rate_min: BODY_RATE_DEFAULT,
        }
    }
}

/// Which limit a request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitExceeded {
    /// More header fields than [`RequestLimits::header_count_max`].
    HeaderCount {
        /// How many there are.
        count: usize,
    },
    /// More bytes in the header than [`RequestLimits::header_bytes_max`].
    HeaderBytes {
        /// How many there are.
        bytes: usize,
    },
    /// More bytes in path and query than [`RequestLimits::target_bytes_max`].
    TargetBytes {
        /// How many there are.
        bytes: usize,
    },
    /// More bytes in the body than [`RequestLimits::body_bytes_max`], declared or received.
    BodyBytes,
    /// A body of another media type than [`RequestLimits::content_types`], or of none.
    ContentType,
}

/// What of a request is known before its body comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadSize<'r> {
    /// Header fields, every line of its own.
    pub count: usize,
    /// Bytes of all header fields, names and values.
    pub bytes: usize,
    /// Bytes of path and query.
    pub target_bytes: usize,
    /// The length that `Content-Length` declares.
    pub content_length: Option<u64>,
    /// Whether a body comes, or may come.
    pub has_body: bool,
    /// The values of `Content-Type`, one for each line.
    pub content_type: &'r [Vec<u8>],
}

impl RequestLimits {
    /// Accepts a request by its method, its target and its fields, or says which limit it is over. Whether there is
    /// a body that declares no length, is not known yet.
    ///
    /// # Errors
    ///
    /// The first limit that it is over.
    pub fn check_head(
        &self,
        method: &str,
        target: &str,
        fields: &FieldList,
    ) -> Result<(), LimitExceeded> {
        let declared = fields.values("content-length").pop();
        let content_type = fields.values("content-type");
        let content_length = declared.and_then(|value| String::from_utf8(value).ok()?.parse().ok());
        self.check(&HeadSize {
            count: fields.len(),
            bytes: fields.bytes(),
            target_bytes: target.len(),
            content_length,
            has_body: !content_type.is_empty()
                && content_length != Some(0)
                && !SELDOM_WITH_BODY.contains(&method),
            content_type: &content_type,
        })
    }

    /// Accepts a request by its head, or says which limit it is over.
    ///
    /// # Errors
    ///
    /// The first limit that it is over.
    pub fn check(&self, head: &HeadSize<'_>) -> Result<(), LimitExceeded> {
        if is_over(self.target_bytes_max, head.target_bytes) {
            return Err(LimitExceeded::TargetBytes {
                bytes: head.target_bytes,
            });
        }
        if is_over(self.header_count_max, head.count) {
            return Err(LimitExceeded::HeaderCount { count: head.count });
        }
        if is_over(self.header_bytes_max, head.bytes) {
            return Err(LimitExceeded::HeaderBytes { bytes: head.bytes });
        }
        let length = head.content_length.unwrap_or_default();
        if self.body_bytes_max.is_some_and(|max| length > max) {
            return Err(LimitExceeded::BodyBytes);
        }
        if (head.has_body || length > 0) && !self.takes_type(head.content_type) {
            return Err(LimitExceeded::ContentType);
        }
        Ok(())
    }

    /// Whether a body may have this media type. Of two values nobody knows which one the upstream heeds.
    #[must_use]
    pub fn takes_type(&self, content_type: &[Vec<u8>]) -> bool {
        if self.content_types.is_empty() {
            return true;
        }
        let [value] = content_type else { return false };
        MediaType::parse(value).is_some_and(|of_body| {
            let mut listed = self.content_types.iter();
            listed.any(|listed| of_body.is(listed))
        })
    }
}

fn is_over(max: Option<usize>, value: usize) -> bool {
    max.is_some_and(|max| value > max)
}

/// Counts the bytes of a body while it streams, however it is framed, and the time in which its client was waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyCount {
    bytes: u64,
    limit: Option<u64>,
    pace: BodyPace,
    waited_ms: u64,
    /// How far the body is behind its rate, in thousandths of a byte.
    behind: u64,
}

impl BodyCount {
    /// Nothing yet, under these limits.
    #[must_use]
    pub fn new(limits: Option<&RequestLimits>) -> Self {
        Self {
            limit: limits.and_then(|limits| limits.body_bytes_max),
            pace: limits.map(|limits| limits.body_pace).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The client was waited for so much longer, in milliseconds.
    pub const fn waited(&mut self, ms: u64) {
        self.waited_ms = self.waited_ms.saturating_add(ms);
        let due = ms.saturating_mul(self.pace.rate_min as u64);
        self.behind = self.behind.saturating_add(due);
    }

    /// For how many milliseconds more the client may be waited for until the next piece comes; 0: it is too slow.
    #[must_use]
    pub fn wait_ms(&self) -> u64 {
        let rate = u64::from(self.pace.rate_min);
        let behind_max = u64::from(BODY_GRACE_S) * 1000 * rate;
        let by_rate_ms = behind_max.saturating_sub(self.behind).checked_div(rate);
        let in_all_ms = match self.pace.time_max_s {
            0 => u64::MAX,
            time_max_s => (u64::from(time_max_s) * 1000).saturating_sub(self.waited_ms),
        };
        by_rate_ms.unwrap_or(u64::MAX).min(in_all_ms)
    }

    /// Counts `bytes` more, which may go on if this is no error.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::BodyBytes`], from the first byte on that is too many.
    pub fn add(&mut self, bytes: usize) -> Result<(), LimitExceeded> {
        let more = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(more);
        self.behind = self.behind.saturating_sub(more.saturating_mul(1000));
        if self.limit.is_some_and(|limit| self.bytes > limit) {
            return Err(LimitExceeded::BodyBytes);
        }
        Ok(())
    }

    /// How many there were, those that were too many included.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderCount { count } => write!(f, "{count} header fields are too many"),
            Self::HeaderBytes { bytes } => write!(f, "{bytes} bytes of header fields are too many"),
            Self::TargetBytes { bytes } => write!(f, "{bytes} bytes of target are too many"),
            Self::BodyBytes => f.write_str("the body has too many bytes"),
            Self::ContentType => {
                f.write_str("the body has no media type, or one that is not accepted")
            }
        }
    }
}

impl core::error::Error for LimitExceeded {}

#[cfg(test)]
mod tests;
