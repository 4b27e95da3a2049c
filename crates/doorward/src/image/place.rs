//! Where things are in an image, and whose.

/// The folder of the application.
pub(super) const APPLICATION: &str = "app";
/// The user that runs it, and its group: nobody of the machine's. Distroless images have the same number.
pub(super) const USER: u64 = 65_532;
/// Where it listens unless `SPIN_HTTP_LISTEN_ADDR` says otherwise.
pub(super) const PORT: u16 = 3000;
