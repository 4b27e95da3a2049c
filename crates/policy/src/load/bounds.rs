//! How much a policy file can hold.

/// Longest policy file, in bytes.
pub const POLICY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most issuers, those of one pattern counted as one.
pub const ISSUERS_MAX: usize = 64;
/// Most issuers when each tenant is counted.
pub const ISSUERS_IN_ALL_MAX: usize = 1024;
/// Longest name of a tenant, in bytes.
pub const TENANT_BYTES_MAX: usize = doorward_token::TENANT_BYTES_MAX;
/// Most names that `issuer` of an issuer can list.
pub const ISSUER_SPELLINGS_MAX: usize = 16;
/// Most claims that `scope_claim` can list.
pub const SCOPE_CLAIMS_MAX: usize = 8;
/// Least that `token_bytes_max` can be.
pub const TOKEN_BYTES_MAX_MIN: u64 = 1024;
/// Most routes.
pub const ROUTES_MAX: usize = 16_384;
/// Most methods of all rules for one path pattern together.
pub const METHODS_PER_PATTERN_MAX: usize = 64;
/// Most scopes that one rule can ask for.
pub const SCOPE_ENTRIES_MAX: usize = 64;
/// Most alternatives of one route.
pub const ALTERNATIVES_MAX: usize = 16;
/// Longest scope, in bytes.
pub const SCOPE_BYTES_MAX: usize = 256;
/// Most audiences of one issuer.
pub const AUDIENCE_ENTRIES_MAX: usize = 64;
/// Longest name of an issuer, in bytes.
pub const ISSUER_NAME_BYTES_MAX: usize = 64;
/// Most that `stale_if_error_s` of an issuer can be: a week.
pub const STALE_IF_ERROR_S_MAX: u64 = 7 * 24 * 60 * 60;
/// Least that `unknown_key_cooldown_s` can be.
pub const UNKNOWN_KEY_COOLDOWN_S_MIN: u64 = 5;
/// Most that `unknown_key_cooldown_s` can be.
pub const UNKNOWN_KEY_COOLDOWN_S_MAX: u64 = 60 * 60;
/// Most that `cache_s` can be.
pub const CACHE_S_MAX: u64 = 60 * 60;
/// Most that `negative_cache_s` can be.
pub const NEGATIVE_CACHE_S_MAX: u64 = 60;
/// Longest `client_id`, in bytes.
pub const CLIENT_ID_BYTES_MAX: usize = 256;
/// Most clients of which a logout token may name one.
pub const CLIENT_IDS_MAX: usize = 64;
/// Longest label of a store, in bytes.
pub const STORE_NAME_BYTES_MAX: usize = 64;
/// Least that `refresh_s` can be.
pub const STORE_REFRESH_S_MIN: u64 = 1;
/// Most that `refresh_s` can be.
pub const STORE_REFRESH_S_MAX: u64 = 60;
/// Most that `stale_if_error_s` of the store can be.
pub const STORE_STALE_IF_ERROR_S_MAX: u64 = 60 * 60;
/// Least that `token_lifetime_max_s` can be.
pub const TOKEN_LIFETIME_MAX_S_MIN: u64 = 60;
/// Most that `token_lifetime_max_s` can be: thirty days.
pub const TOKEN_LIFETIME_MAX_S_MAX: u64 = 30 * 24 * 60 * 60;
/// Least that `refresh_s` of `[bundle]` can be.
#[cfg(feature = "bundle")]
pub const BUNDLE_REFRESH_S_MIN: u64 = 5;
/// Most that `refresh_s` of `[bundle]` can be: an hour.
#[cfg(feature = "bundle")]
pub const BUNDLE_REFRESH_S_MAX: u64 = 60 * 60;
/// Most entries of `require` of `[health]`, and most issuers that they can stand for.
#[cfg(feature = "health")]
pub const HEALTH_REQUIRE_MAX: usize = 64;
/// Most header fields that are sent to a collector.
#[cfg(feature = "telemetry")]
pub const TELEMETRY_HEADERS_MAX: usize = 8;
/// Longest `service_name`, in bytes.
#[cfg(feature = "telemetry")]
pub const SERVICE_NAME_BYTES_MAX: usize = 128;
/// Most that `trace_one_in` can be.
#[cfg(feature = "telemetry")]
pub const TRACE_ONE_IN_MAX: u64 = 1_000_000;
/// Most API keys that a policy can list.
pub const API_KEYS_MAX: usize = 256;
/// Longest name of the parameter that holds the API key, in bytes.
pub const QUERY_NAME_BYTES_MAX: usize = 64;

/// Most upstreams.
pub const UPSTREAMS_MAX: usize = 256;
/// Most tables of each other kind that routes use by name.
pub const TRAFFIC_TABLES_MAX: usize = 64;
/// Longest name of an upstream, of a table of those kinds, and of the proxy, in bytes.
pub const TRAFFIC_NAME_BYTES_MAX: usize = 64;
/// Most entries of `identity_headers` of the proxy.
pub const PROXY_IDENTITY_HEADERS_MAX: usize = 32;
/// Most targets of one upstream.
pub const TARGETS_MAX: usize = 32;
/// Most that `connect_timeout_ms` can be.
pub const CONNECT_TIMEOUT_MS_MAX: u64 = 60_000;
/// Most that the other times of an upstream can be.
pub const TIMEOUT_MS_MAX: u64 = 600_000;
/// Most that `attempts_max` can be.
pub const ATTEMPTS_MAX: u64 = 10;
/// Most that `backoff_ms` can be.
pub const BACKOFF_MS_MAX: u64 = 10_000;
/// Most that `backoff_ms_max` can be.
pub const BACKOFF_MS_MAX_MAX: u64 = 60_000;
/// Most header fields that one table can set, and that it can remove.
pub const FIELD_EDITS_MAX: usize = 32;
/// Longest name of a header field that the policy can set, in bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 64;
/// Longest value of one, in bytes.
pub const FIELD_VALUE_BYTES_MAX: usize = 4096;
/// Longest name of a cookie, in bytes.
pub const COOKIE_NAME_BYTES_MAX: usize = 64;
/// Most origins of one `[cors.NAME]`.
pub const CORS_ORIGINS_MAX: usize = 64;
/// Most names of each list of fields in one `[cors.NAME]`.
pub const CORS_FIELDS_MAX: usize = 64;
/// Most that `max_age_s` can be: a day.
pub const CORS_MAX_AGE_S_MAX: u64 = 24 * 60 * 60;
/// Most that `requests` and `burst` can be.
pub const RATE_REQUESTS_MAX: u64 = 1_000_000;
/// Most that `per_s` can be: a day.
pub const RATE_PER_S_MAX: u64 = 24 * 60 * 60;
/// Most rate limits of one route.
pub const RATE_LIMITS_PER_ROUTE_MAX: usize = 8;
/// Most that `header_count_max` can be.
pub const HEADER_COUNT_MAX_MAX: u64 = 1024;
/// Most that `header_bytes_max` can be.
pub const HEADER_BYTES_MAX_MAX: u64 = 1024 * 1024;
/// Most that `body_bytes_max` can be: what every reader of numbers reads exactly.
pub const BODY_BYTES_MAX_MAX: u64 = 1 << 53;
/// The largest `body_time_max_s`, in seconds: a week.
pub const BODY_TIME_MAX_S_MAX: u64 = 7 * 24 * 3600;
/// The largest `body_rate_min`, in bytes a second.
pub const BODY_RATE_MIN_MAX: u64 = 1024 * 1024;
/// Most entries of `content_types`.
pub const CONTENT_TYPES_MAX: usize = 64;
/// Longest entry of `content_types`, in bytes.
pub const CONTENT_TYPE_BYTES_MAX: usize = 127;
