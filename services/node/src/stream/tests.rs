//! Two sides of a stream and the faults between them, with no network and no waiting.

use super::*;
use contract::v1::{
    Hello, Item, Recorded, Report, Unknown, Verdict, envelope::Content, item::Kind,
    verdict::Outcome,
};
use futures_util::{FutureExt as _, StreamExt as _};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

type Line = Outgoing;

fn nobody() -> Guard {
    Arc::new(|| Ok(()))
}

fn hello(store: &str) -> Hello {
    Hello {
        store_id: store.into(),
        ..Default::default()
    }
}

fn item(id: impl Into<String>) -> Item {
    Item {
        item_id: id.into(),
        kind: Some(Kind::Report(Report::default())),
        ..Default::default()
    }
}

fn small(items: u32) -> StreamLimits {
    StreamLimits {
        window_items_max: items,
        ..Default::default()
    }
}

fn envelope(content: Content) -> Result<Envelope, Status> {
    Ok(Envelope {
        content: Some(content),
    })
}

/// The department sends and the broker receives, each with its own limits.
async fn town(
    department: StreamLimits,
    broker: StreamLimits,
) -> (Offers, Settlements<Line>, Receiving<Line>) {
    let (opening, requests) = open(hello("department"), department);
    let asked = accept(requests, broker).await.unwrap();
    assert_eq!(asked.hello().store_id, "department");
    let (session, responses) = asked.answer(hello("broker"));
    let receiving = session.receiving(nobody());
    let session = opening.meet(responses).await.unwrap();
    assert_eq!(session.hello().store_id, "broker");
    let (offers, settlements) = session.sending(nobody());
    (offers, settlements, receiving)
}

/// One side of the engine against a hand that writes whatever it likes.
struct Hand {
    says: mpsc::Sender<Result<Envelope, Status>>,
    hears: Outgoing,
}

impl Hand {
    async fn meets(
        limits: StreamLimits,
        own: Hello,
    ) -> (Self, Session<ReceiverStream<Result<Envelope, Status>>>) {
        let (says, inbound) = mpsc::channel(1000);
        says.try_send(envelope(Content::Hello(own))).unwrap();
        let asked = accept(ReceiverStream::new(inbound), limits).await.unwrap();
        let (session, mut hears) = asked.answer(hello("engine"));
        let Some(Ok(Envelope {
            content: Some(Content::Hello(theirs)),
        })) = hears.next().await
        else {
            panic!("the engine answers a hello with a hello");
        };
        assert_eq!(theirs.window_items_max, limits.window_items_max);
        assert_eq!(theirs.window_bytes_max, limits.window_bytes_max);
        (Self { says, hears }, session)
    }

    async fn receiving(
        limits: StreamLimits,
    ) -> (Self, Receiving<ReceiverStream<Result<Envelope, Status>>>) {
        let (hand, session) = Self::meets(limits, hello("hand")).await;
        (hand, session.receiving(nobody()))
    }

    async fn says(&self, content: Content) {
        self.says.send(envelope(content)).await.unwrap();
    }

    async fn hears(&mut self) -> Option<Content> {
        self.hears
            .next()
            .await
            .map(|heard| heard.unwrap().content.unwrap())
    }

    /// What the engine's side ends with, after everything else that it says.
    async fn end(mut self) -> Option<Status> {
        while let Some(heard) = self.hears.next().await {
            if let Err(fault) = heard {
                assert!(self.hears.next().await.is_none());
                return Some(fault);
            }
        }
        None
    }
}

impl Receiving<Line> {
    /// What a broken connection does to the other side.
    fn cut(self, fault: Status) {
        self.mouth.farewell.say(Some(fault));
    }
}

fn reason(status: &Status) -> String {
    Fault::reason_of(status).unwrap_or_else(|| status.to_string())
}

#[tokio::test]
async fn every_item_gets_its_own_verdict_in_any_order() {
    let (offers, mut settlements, mut receiving) = town(small(8), small(8)).await;
    for id in ["a", "b", "c", "d"] {
        offers.offer(item(id)).await.unwrap();
    }
    let mut tickets = Vec::new();
    for _ in 0..4 {
        let received = receiving.next().await.unwrap().unwrap();
        assert_eq!(received.item.item_id, received.ticket.item_id());
        tickets.push(received.ticket);
    }
    assert_eq!((offers.unanswered(), receiving.unanswered()), (4, 4));

    let refused = || Fault::new(Code::InvalidArgument, "UNKNOWN_KIND", "no", "không");
    tickets.pop().unwrap().unknown("a crash");
    tickets.pop().unwrap().refused(refused());
    tickets.remove(0).recorded(Recorded {
        position: 7,
        ..Default::default()
    });
    tickets
        .remove(0)
        .later(refused().retry_after(Duration::from_secs(3)));

    let settled = settlements.next().await.unwrap();
    assert_eq!(settled.item_id, "d");
    assert_eq!(
        settled.outcome,
        Outcome::Unknown(Unknown {
            reason: "a crash".into()
        })
    );
    let Settled {
        item_id,
        outcome: Outcome::Refused(why),
    } = settlements.next().await.unwrap()
    else {
        panic!("c was refused");
    };
    assert_eq!(
        (item_id.as_str(), Fault::reason_of(&why).as_deref()),
        ("c", Some("UNKNOWN_KIND"))
    );
    let settled = settlements.next().await.unwrap();
    assert_eq!(settled.item_id, "a");
    assert!(matches!(settled.outcome, Outcome::Recorded(recorded) if recorded.position == 7));
    let Settled {
        outcome: Outcome::Later(why),
        ..
    } = settlements.next().await.unwrap()
    else {
        panic!("b was put off");
    };
    assert_eq!(Fault::retry_after_of(&why), Some(Duration::from_secs(3)));
    assert_eq!((offers.unanswered(), receiving.unanswered()), (0, 0));
}

#[tokio::test]
async fn the_window_of_items_is_kept_and_a_verdict_opens_it() {
    let (offers, mut settlements, mut receiving) = town(small(100), small(2)).await;
    offers.try_offer(item("a")).unwrap();
    offers.try_offer(item("b")).unwrap();
    let back = offers.try_offer(item("c")).unwrap_err();
    assert_eq!(
        (back.item.item_id.as_str(), back.why),
        ("c", Refusal::WindowFull)
    );

    let waiting = offers.clone();
    let waiting = tokio::spawn(async move { waiting.offer(item("c")).await });
    let first = receiving.next().await.unwrap().unwrap();
    assert!(!waiting.is_finished());
    first.ticket.recorded(Recorded::default());
    assert_eq!(settlements.next().await.unwrap().item_id, "a");
    waiting.await.unwrap().unwrap();
    assert_eq!(offers.unanswered(), 2);
}

#[tokio::test]
async fn the_window_of_bytes_is_kept_but_one_item_always_goes() {
    let limits = StreamLimits {
        window_bytes_max: 100,
        ..small(8)
    };
    let (offers, mut settlements, mut receiving) = town(StreamLimits::default(), limits).await;
    offers.try_offer(item("x".repeat(120))).unwrap();
    assert_eq!(
        offers.try_offer(item("y")).unwrap_err().why,
        Refusal::WindowFull
    );
    receiving
        .next()
        .await
        .unwrap()
        .unwrap()
        .ticket
        .recorded(Recorded::default());
    settlements.next().await.unwrap();
    offers.try_offer(item("x".repeat(60))).unwrap();
    assert_eq!(
        offers.try_offer(item("y".repeat(60))).unwrap_err().why,
        Refusal::WindowFull
    );
    offers.try_offer(item("y")).unwrap();
    for _ in 0..2 {
        receiving
            .next()
            .await
            .unwrap()
            .unwrap()
            .ticket
            .recorded(Recorded::default());
    }
}

#[tokio::test]
async fn a_thousand_items_from_many_hands_pass_through_a_narrow_window() {
    let (offers, mut settlements, mut receiving) = town(small(4), small(3)).await;
    let hands: Vec<_> = (0..10)
        .map(|hand| {
            let offers = offers.clone();
            tokio::spawn(async move {
                for number in 0..100 {
                    offers
                        .offer(item(format!("{hand}-{number}")))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    drop(offers);
    let broker = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Some(received) = receiving.next().await.unwrap() {
            held.push(received.ticket);
            assert!(receiving.unanswered() <= 3);
            if held.len() == 3 {
                held.drain(..)
                    .rev()
                    .for_each(|ticket| ticket.recorded(Recorded::default()));
            }
        }
        held.drain(..)
            .for_each(|ticket| ticket.recorded(Recorded::default()));
    });
    let mut settled = std::collections::HashSet::new();
    let end = loop {
        match settlements.next().await {
            Ok(one) => assert!(settled.insert(one.item_id)),
            Err(end) => break end,
        }
        // The last ones are fewer than the broker waits for, until our end is closed.
    };
    assert!(end.fault.is_none() && end.unanswered.is_empty(), "{end:?}");
    assert_eq!(settled.len(), 1000);
    broker.await.unwrap();
    for hand in hands {
        hand.await.unwrap();
    }
}

#[tokio::test]
async fn on_a_live_stream_nothing_is_sent_twice() {
    let (offers, mut settlements, mut receiving) = town(small(8), small(8)).await;
    offers.try_offer(item("a")).unwrap();
    assert_eq!(
        offers.try_offer(item("a")).unwrap_err().why,
        Refusal::UnderWay
    );
    let received = receiving.next().await.unwrap().unwrap();
    assert_eq!(
        offers.offer(item("a")).await.unwrap_err().why,
        Refusal::UnderWay
    );
    received
        .ticket
        .later(Fault::new(Code::Unavailable, "DISK_FULL", "full", "đầy"));
    settlements.next().await.unwrap();
    offers.try_offer(item("a")).unwrap();
    assert_eq!(receiving.next().await.unwrap().unwrap().item.item_id, "a");
}

#[tokio::test]
async fn when_the_stream_breaks_what_was_offered_and_not_answered_is_told_in_order() {
    let (offers, mut settlements, mut receiving) = town(small(8), small(8)).await;
    for id in ["d", "a", "c", "b"] {
        offers.try_offer(item(id)).unwrap();
    }
    let _first = receiving.next().await.unwrap().unwrap();
    let second = receiving.next().await.unwrap().unwrap();
    second.ticket.recorded(Recorded::default());
    assert_eq!(settlements.next().await.unwrap().item_id, "a");
    // The broker is killed: neither tickets nor heartbeats say anything any more.
    std::mem::forget(_first);
    receiving.cut(Status::unavailable("connection reset"));
    let end = settlements.next().await.unwrap_err();
    assert_eq!(end.unanswered, ["d", "c", "b"]);
    assert_eq!(end.fault.unwrap().message(), "connection reset");
    let again = settlements.next().await.unwrap_err();
    assert!(again.unanswered.is_empty());
    assert_eq!(offers.try_offer(item("e")).unwrap_err().why, Refusal::Ended);
    assert!(offers.is_ended());
}

#[tokio::test]
async fn a_ticket_dropped_unused_answers_unknown() {
    let (offers, mut settlements, mut receiving) = town(small(8), small(8)).await;
    offers.try_offer(item("a")).unwrap();
    drop(receiving.next().await.unwrap().unwrap());
    assert!(matches!(
        settlements.next().await.unwrap().outcome,
        Outcome::Unknown(_)
    ));
    assert_eq!(receiving.unanswered(), 0);
}

#[tokio::test]
async fn a_receiver_that_stops_still_answers_what_it_holds() {
    let (offers, mut settlements, mut receiving) = town(small(8), small(8)).await;
    offers.try_offer(item("a")).unwrap();
    let held = receiving.next().await.unwrap().unwrap().ticket;
    drop(receiving);
    held.recorded(Recorded::default());
    assert!(matches!(
        settlements.next().await.unwrap().outcome,
        Outcome::Recorded(_)
    ));
    assert!(settlements.next().await.unwrap_err().fault.is_none());
}

#[tokio::test]
async fn an_item_of_an_unknown_kind_is_the_callers_to_refuse_and_the_stream_goes_on() {
    let (hand, mut receiving) = Hand::receiving(small(8)).await;
    hand.says(Content::Item(Item {
        item_id: "new".into(),
        kind: None,
        ..Default::default()
    }))
    .await;
    hand.says(Content::Item(item("old"))).await;
    assert_eq!(receiving.next().await.unwrap().unwrap().item.kind, None);
    assert_eq!(receiving.next().await.unwrap().unwrap().item.item_id, "old");
}

#[tokio::test]
async fn a_peer_that_overruns_the_window_loses_the_stream() {
    let (hand, mut receiving) = Hand::receiving(small(2)).await;
    for id in ["a", "b", "c"] {
        hand.says(Content::Item(item(id))).await;
    }
    let _held = [
        receiving.next().await.unwrap(),
        receiving.next().await.unwrap(),
    ];
    let fault = receiving.next().await.unwrap_err();
    assert_eq!(
        (fault.code(), reason(&fault)),
        (Code::ResourceExhausted, "WINDOW_OVERRUN".into())
    );
    assert!(Fault::retry_after_of(&fault).is_some());
    assert_eq!(reason(&hand.end().await.unwrap()), "WINDOW_OVERRUN");

    let limits = StreamLimits {
        window_bytes_max: 100,
        ..small(8)
    };
    let (hand, mut receiving) = Hand::receiving(limits).await;
    for id in ["a", "b"] {
        hand.says(Content::Item(item(id.repeat(80)))).await;
    }
    let _held = receiving.next().await.unwrap();
    assert_eq!(
        reason(&receiving.next().await.unwrap_err()),
        "WINDOW_OVERRUN"
    );
}

#[tokio::test]
async fn a_peer_that_never_reads_its_verdicts_waits_alone() {
    let (mut hand, mut receiving) = Hand::receiving(small(2)).await;
    // Two places and four to spare: then nobody reads, and the seventh item waits.
    let mut taken = 0;
    for number in 0..7 {
        hand.says(Content::Item(item(number.to_string()))).await;
        if let Some(received) = receiving.next().now_or_never() {
            received
                .unwrap()
                .unwrap()
                .ticket
                .recorded(Recorded::default());
            taken += 1;
        }
    }
    assert_eq!(taken, 6);
    for _ in 0..6 {
        assert!(matches!(hand.hears().await, Some(Content::Verdict(_))));
    }
    assert_eq!(receiving.next().await.unwrap().unwrap().item.item_id, "6");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_its_verdicts_loses_the_stream() {
    let limits = StreamLimits {
        heartbeat: Duration::from_secs(1000),
        ..small(2)
    };
    let (hand, mut receiving) = Hand::receiving(limits).await;
    for number in 0..7 {
        hand.says(Content::Item(item(number.to_string()))).await;
    }
    for _ in 0..6 {
        receiving
            .next()
            .await
            .unwrap()
            .unwrap()
            .ticket
            .recorded(Recorded::default());
    }
    // However often the caller looks elsewhere meanwhile.
    let fault = loop {
        match time_out(Duration::from_secs(7), receiving.next()).await {
            None => {}
            Some(next) => break next.unwrap_err(),
        }
    };
    assert_eq!(reason(&fault), "VERDICTS_UNREAD");
}

async fn time_out<F: Future>(after: Duration, work: F) -> Option<F::Output> {
    tokio::time::timeout(after, work).await.ok()
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_closed_and_heartbeats_keep_a_quiet_one_open() {
    let began = tokio::time::Instant::now();
    let (offers, mut settlements, mut receiving) = town(small(8), small(8)).await;
    offers.try_offer(item("a")).unwrap();
    let held = receiving.next().await.unwrap().unwrap();
    let hour = Duration::from_secs(3600);
    // Both listen for an hour; nothing comes but heartbeats.
    let (broker, department) = tokio::join!(
        time_out(hour, receiving.next()),
        time_out(hour, settlements.next())
    );
    assert!(broker.is_none() && department.is_none());
    held.ticket.recorded(Recorded::default());
    settlements.next().await.unwrap();

    let quiet = StreamLimits {
        heartbeat: 10 * hour,
        ..small(8)
    };
    let (offers, mut settlements, receiving) = town(small(8), quiet).await;
    offers.try_offer(item("b")).unwrap();
    let since = tokio::time::Instant::now();
    let end = loop {
        if let Some(next) = time_out(Duration::from_secs(7), settlements.next()).await {
            break next.unwrap_err();
        }
    };
    assert_eq!(reason(&end.fault.unwrap()), "STREAM_SILENT");
    assert_eq!(end.unanswered, ["b"]);
    assert!(
        since.elapsed() >= Duration::from_secs(60) && since.elapsed() < Duration::from_secs(80)
    );
    assert!(began.elapsed() > hour);
    drop(receiving);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_hello_is_refused() {
    let (_says, inbound) = mpsc::channel::<Result<Envelope, Status>>(1);
    let late = accept(ReceiverStream::new(inbound), small(8))
        .await
        .unwrap_err();
    assert_eq!(
        (late.code(), reason(&late)),
        (Code::DeadlineExceeded, "HELLO_LATE".into())
    );

    for first in [
        Content::Item(item("a")),
        Content::Verdict(Verdict::default()),
    ] {
        let (says, inbound) = mpsc::channel(1);
        says.try_send(envelope(first)).unwrap();
        let refused = accept(ReceiverStream::new(inbound), small(8))
            .await
            .unwrap_err();
        assert_eq!(reason(&refused), "HELLO_MISSING");
    }
    let (opening, _requests) = open(hello("department"), small(8));
    let broken = futures_util::stream::iter([Err(Status::permission_denied("not you"))]);
    assert_eq!(
        opening.meet(broken).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

#[tokio::test]
async fn a_message_out_of_place_ends_the_stream() {
    for wrong in [
        Content::Hello(hello("again")),
        Content::Verdict(Verdict::default()),
    ] {
        let (hand, mut receiving) = Hand::receiving(small(8)).await;
        hand.says(wrong).await;
        assert_eq!(
            reason(&receiving.next().await.unwrap_err()),
            "MESSAGE_OUT_OF_PLACE"
        );
        assert_eq!(reason(&hand.end().await.unwrap()), "MESSAGE_OUT_OF_PLACE");
    }
    let (hand, session) = Hand::meets(small(8), hello("hand")).await;
    let (offers, mut settlements) = session.sending(nobody());
    hand.says(Content::Item(item("a"))).await;
    let end = settlements.next().await.unwrap_err();
    assert_eq!(reason(&end.fault.unwrap()), "MESSAGE_OUT_OF_PLACE");
    assert!(offers.is_ended());
    assert_eq!(reason(&hand.end().await.unwrap()), "MESSAGE_OUT_OF_PLACE");
}

#[tokio::test]
async fn what_a_later_contract_adds_to_the_envelope_does_no_harm() {
    let (hand, mut receiving) = Hand::receiving(small(8)).await;
    hand.says
        .send(Ok(Envelope { content: None }))
        .await
        .unwrap();
    hand.says(Content::Item(item("a"))).await;
    assert_eq!(receiving.next().await.unwrap().unwrap().item.item_id, "a");

    let theirs = Hello {
        window_items_max: 8,
        window_bytes_max: 1000,
        ..hello("hand")
    };
    let (mut hand, session) = Hand::meets(small(8), theirs).await;
    let (offers, mut settlements) = session.sending(nobody());
    offers.try_offer(item("a")).unwrap();
    assert!(matches!(hand.hears().await, Some(Content::Item(_))));
    let odd = |id: &str| {
        Content::Verdict(Verdict {
            item_id: id.into(),
            outcome: None,
        })
    };
    hand.says(odd("never offered")).await;
    hand.says(odd("a")).await;
    let settled = settlements.next().await.unwrap();
    assert_eq!(settled.item_id, "a");
    assert!(matches!(settled.outcome, Outcome::Unknown(_)));
}

#[tokio::test]
async fn a_hello_without_a_window_gets_one_item_at_a_time() {
    let (_hand, session) = Hand::meets(small(8), hello("hand")).await;
    let (offers, _settlements) = session.sending(nobody());
    offers.try_offer(item("a")).unwrap();
    assert_eq!(
        offers.try_offer(item("b")).unwrap_err().why,
        Refusal::WindowFull
    );
}

#[tokio::test]
async fn a_system_that_may_speak_no_longer_loses_its_open_streams() {
    let denied = Arc::new(AtomicBool::new(false));
    let watching = denied.clone();
    let guard: Guard = Arc::new(move || match watching.load(Ordering::Relaxed) {
        false => Ok(()),
        true => Err(Fault::new(
            Code::Unauthenticated,
            "CERTIFICATE_DENIED",
            "no",
            "không",
        )),
    });

    let (hand, session) = Hand::meets(small(8), hello("hand")).await;
    let mut receiving = session.receiving(guard.clone());
    hand.says(Content::Item(item("a"))).await;
    assert!(receiving.next().await.unwrap().is_some());
    denied.store(true, Ordering::Relaxed);
    hand.says(Content::Item(item("b"))).await;
    assert_eq!(
        reason(&receiving.next().await.unwrap_err()),
        "CERTIFICATE_DENIED"
    );
    assert_eq!(reason(&hand.end().await.unwrap()), "CERTIFICATE_DENIED");

    denied.store(false, Ordering::Relaxed);
    let (hand, session) = Hand::meets(small(8), hello("hand")).await;
    let (offers, mut settlements) = session.sending(guard);
    offers.try_offer(item("a")).unwrap();
    let waiting = tokio::spawn(async move { settlements.next().await });
    denied.store(true, Ordering::Relaxed);
    assert_eq!(offers.try_offer(item("b")).unwrap_err().why, Refusal::Ended);
    let end = waiting.await.unwrap().unwrap_err();
    assert_eq!(reason(&end.fault.unwrap()), "CERTIFICATE_DENIED");
    assert_eq!(end.unanswered, ["a"]);
    assert_eq!(reason(&hand.end().await.unwrap()), "CERTIFICATE_DENIED");
}

#[tokio::test]
async fn whoever_waits_for_room_hears_that_the_stream_has_ended() {
    let (offers, settlements, _receiving) = town(small(1), small(1)).await;
    offers.try_offer(item("a")).unwrap();
    let waiting = offers.clone();
    let waiting = tokio::spawn(async move { waiting.offer(item("b")).await.unwrap_err() });
    tokio::task::yield_now().await;
    drop(settlements);
    let back = waiting.await.unwrap();
    assert_eq!(
        (back.item.item_id.as_str(), back.why),
        ("b", Refusal::Ended)
    );
}
