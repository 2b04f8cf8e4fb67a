//! To come.

/// Futures are moved onto stacks of two megabytes, often through several layers of a framework.
#[tokio::test]
async fn a_request_needs_little_stack() {
    let world = crate::world::World::new();
    let request = http::Request::get("/auth/authorize").body(bytes::Bytes::new()).unwrap();
    let size = std::mem::size_of_val(&world.server.handle(request));
    assert!(size <= 32 * 1024, "{size}");
}
