//! The letters of a bearer token: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 section 2.1).
//!
//! Tokens are the longest thing in a request that is looked at byte by byte. A component does it with vectors of sixteen
//! bytes, which takes half of the instructions. Elsewhere each byte is looked up in a table.

#[cfg(all(not(target_arch = "wasm32"), test))]
mod lanes;
mod letter;
#[cfg(not(target_arch = "wasm32"))]
mod table;
#[cfg(any(target_arch = "wasm32", test))]
mod vectors;

/// How many dots are in a token, if it is one.
pub(crate) fn dots_of_token(token: &[u8]) -> Option<u64> {
    let padding = token.iter().rev().take_while(|&&byte| byte == b'=').count();
    let (body, _) = token.split_at_checked(token.len() - padding)?;
    match body {
        [] => None,
        #[cfg(target_arch = "wasm32")]
        _ => vectors::dots(body),
        #[cfg(not(target_arch = "wasm32"))]
        _ => table::dots(body),
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests;
