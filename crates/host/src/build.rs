//! The components' build commands.
