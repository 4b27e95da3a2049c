//! Rows of a result, taken many at a time: each time costs as much as a small statement.

use spin_sdk::wit_bindgen::{StreamReader, StreamResult};

/// So many there is room for, each time that rows are taken. A page has 100, and one more tells of the next.
const ROWS_AT_ONCE: usize = 104;

/// All rows of a stream.
pub async fn all<T>(mut stream: StreamReader<T>) -> Vec<T> {
    let mut rows = Vec::new();
    loop {
        rows.reserve(ROWS_AT_ONCE);
        let (result, read) = stream.read(rows).await;
        rows = read;
        if !matches!(result, StreamResult::Complete(_)) {
            return rows;
        }
    }
}
