//! The seam itself: a launch goes through every door, and bytes arrive as they were sent.

use vestibule_http_tests::Adapter;
use vestibule_http_tests::app::az;
use vestibule_http_tests::world::{World, config};

#[tokio::test]
async fn a_launch_goes_through_every_door() {
    for adapter in [Adapter::Direct, Adapter::Tower, Adapter::Actix] {
        let world = World::behind(adapter, config());
        let tokens = world.tokens_for("pub", &az("pub")).await;
        assert_eq!(tokens["patient"], vestibule_http_tests::world::P1, "{adapter:?}");
    }
}

#[tokio::test]
async fn bytes_arrive_as_they_were_sent() {
    let world = World::behind(Adapter::Tower, config());
    let twice = "POST /auth/token HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
        authorization: Basic eDp5\r\nauthorization: Basic eDp6\r\ncontent-length: 29\r\n\r\ngrant_type=authorization_code";
    let answer = String::from_utf8(world.door.raw(twice).await.unwrap()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
    assert!(World::new().door.raw(twice).await.is_none());
}
