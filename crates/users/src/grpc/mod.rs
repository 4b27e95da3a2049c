//! What gRPC has for requests, as far as it is no library's (`components/users-grpc` says why): how messages stand in a
//! body, and what is said in place of an answer.

pub mod code;
pub mod frames;
pub mod head;
pub mod refusal;
