//! A log that takes nothing: a service that cannot say what happens goes on all the same.

use super::province::Province;
use crate::town::{
    ground::BROKER,
    patience::{patiently, until},
};
use tokio::net::TcpListener;

const OFFICE: &str = "tax";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_department_that_cannot_even_log_reports_again_when_the_broker_is_back() {
    let mut province = Province::found("").await;
    for name in [BROKER, OFFICE] {
        province.member(name).start(false);
    }
    a_report_stream_opens(&mut province, OFFICE, 1).await;

    province.member(OFFICE).refuse_writes(true);
    province.member(BROKER).kill();
    // It dials anew once it has tried to say that the line is gone.
    let stranger = TcpListener::bind(province.broker_address()).await.unwrap();
    for _ in 0..2 {
        drop(patiently("the department to dial", stranger.accept()).await);
    }
    drop(stranger);
    province.member(OFFICE).refuse_writes(false);

    province.member(BROKER).start(false);
    a_report_stream_opens(&mut province, OFFICE, 2).await;
    assert!(province.member(OFFICE).fallen().is_none());
}

/// Waits until the department has opened so many of them in all its lives.
pub(super) async fn a_report_stream_opens(province: &mut Province, name: &str, number: usize) {
    let office = province.member(name);
    until("a report stream", async || {
        (office.times_said("the report stream is open") >= number).then_some(())
    })
    .await;
}
