//! What `proto/` says, as Rust. It is generated: `tests/tests/protos.rs` makes it anew.

/// `doorward.users.v1`
pub mod users {
    include!("generated/doorward.users.v1.rs");
}

/// `grpc.health.v1`
pub mod health {
    include!("generated/grpc.health.v1.rs");
}

/// `grpc.reflection.v1`
#[expect(clippy::enum_variant_names, reason = "generated")]
pub mod reflection {
    include!("generated/grpc.reflection.v1.rs");
}
