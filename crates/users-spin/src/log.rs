//! Lines in the log that are about users.

use doorward_users::store::StoreError;
use http::HeaderMap;

/// That the store has failed, for the request with these fields.
pub fn say_store_failed(request: &HeaderMap, failure: &StoreError) {
    doorward_service_spin::say_store_failed("users-store-failed", request, failure);
}
