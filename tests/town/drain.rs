//! A broker that is ending: whoever asks where to send work is told not here.

use crate::town::{Town, ground::BROKER, patience::patiently};
use tonic_health::pb::health_check_response::ServingStatus;

#[tokio::test]
async fn a_broker_that_drains_says_that_it_does_not_serve() {
    let mut town = Town::with([]).await;
    let mut health = town.operator().health().await;
    let first = patiently("health", health.message()).await.unwrap();
    assert_eq!(first.unwrap().status(), ServingStatus::Serving);

    // The watch keeps its connection open, and the broker draining, until it has heard.
    let hears = async {
        let next = patiently("health to change", health.message()).await;
        assert_eq!(
            next.unwrap().unwrap().status(),
            ServingStatus::NotServing,
            "while it drains"
        );
        drop(health);
    };
    tokio::join!(town.stop(BROKER), hears);
}
