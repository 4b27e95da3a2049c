//! Where the memory of the process comes from.

/// A request takes some 240 allocations of the host, wasmtime's and hyper's most of them. With the system's
/// allocator (glibc's) they take a tenth more of all its processor time. Huge pages would save another twentieth,
/// and take half as much memory again.
///
/// It is set here, and not by the command, so that what stands between the two is compiled as the rest of the host is.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
