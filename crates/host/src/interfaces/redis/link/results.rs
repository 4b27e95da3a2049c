//! What `execute` gives: the elements of an answer one after the other, however they were nested.

use ::redis::Value;

use super::bindings::spin::redis::redis::{Error, RedisResult};
use crate::redis_client::connect::words;

/// The elements of an answer.
///
/// # Errors
///
/// When there is something in it that the interface has no word for.
pub fn flat(answer: Value) -> Result<Vec<RedisResult>, Error> {
    let mut results = Vec::new();
    append(&mut results, answer)?;
    Ok(results)
}

// No deeper than the crate reads.
fn append(results: &mut Vec<RedisResult>, value: Value) -> Result<(), Error> {
    let unknown = |what: &str| Err(Error::Other(format!("the answer has {what} in it")));
    let result = match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::Boolean(is_true) => RedisResult::Int64(is_true.into()),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::BigNumber(digits) => RedisResult::Binary(digits),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Array(values) | Value::Set(values) => {
            return values
                .into_iter()
                .try_for_each(|value| append(results, value));
        }
        Value::ServerError(error) => {
            return Err(Error::Other(words(error.code(), error.details())));
        }
        Value::Map(_) => return unknown("a map"),
        Value::Attribute { .. } => return unknown("an attribute"),
        Value::VerbatimString { .. } => return unknown("a text with a format"),
        Value::Push { .. } => return unknown("a message"),
        _ => return unknown("something unknown"),
    };
    results.push(result);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As words, for the generated types cannot be compared.
    fn said(answer: Value) -> String {
        match flat(answer) {
            Ok(results) => {
                let word = |result: &RedisResult| match result {
                    RedisResult::Nil => "nil".to_owned(),
                    RedisResult::Status(text) => format!("status {text}"),
                    RedisResult::Int64(number) => format!("int64 {number}"),
                    RedisResult::Binary(bytes) => format!("binary {}", bytes.escape_ascii()),
                };
                let words: Vec<String> = results.iter().map(word).collect();
                words.join(", ")
            }
            Err(Error::Other(reason)) => format!("error: {reason}"),
            Err(_) => "another error".to_owned(),
        }
    }

    #[test]
    fn the_elements_of_an_answer_are_given_one_after_the_other() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        for (answer, expected) in [
            (Value::Nil, "nil"),
            (Value::Okay, "status OK"),
            (Value::SimpleString("PONG".to_owned()), "status PONG"),
            (Value::Int(-3), "int64 -3"),
            (Value::Boolean(true), "int64 1"),
            (Value::BulkString(vec![0, 255]), "binary \\x00\\xff"),
            (Value::Double(1.5), "binary 1.5"),
            (Value::BigNumber(b"123".to_vec()), "binary 123"),
            (Value::Array(vec![]), ""),
            (
                Value::Array(vec![
                    Value::Int(1),
                    Value::Array(vec![text("a"), Value::Nil, Value::Set(vec![text("b")])]),
                    Value::Okay,
                ]),
                "int64 1, binary a, nil, binary b, status OK",
            ),
            (Value::Map(vec![]), "error: the answer has a map in it"),
        ] {
            let about = format!("{answer:?}");
            assert_eq!(said(answer), expected, "{about}");
        }
    }
}
