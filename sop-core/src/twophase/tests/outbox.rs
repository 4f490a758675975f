//! Messages that are delivered after their transaction, at least once.

use super::*;

/// Keeps what it gets; every message of some length fails.
#[derive(Debug, Default)]
struct Inbox {
    got: Mutex<Vec<Message>>,
    till: Till,
}

#[async_trait]
impl Receiver for Inbox {
    async fn deliver(&self, message: &Message) -> std::result::Result<(), ParticipantError> {
        self.till.call("deliver", (), || self.got.lock().push(message.clone())).await
    }
}

fn payloads(inbox: &Inbox) -> Vec<String> {
    let got = inbox.got.lock();
    got.iter().map(|message| String::from_utf8(message.payload.clone()).unwrap()).collect()
}

fn outbox() -> Outbox {
    Outbox::new("test").unwrap().patience(Duration::from_millis(20))
}

#[test]
fn what_was_committed_is_delivered_and_nothing_else() {
    let (db, outbox, inbox) = (databases(1).remove(0), outbox(), Inbox::default());
    assert_eq!(block_on(outbox.relay(&db, &inbox)).unwrap(), Relayed::default());
    for number in 0..600 {
        let tx = db.begin().unwrap();
        let id = outbox.send(&tx, format!("{number}")).unwrap();
        assert_eq!(id.to_string().parse::<MessageId>().unwrap(), id);
        if number % 2 == 0 {
            tx.commit().unwrap();
        }
    }
    assert_eq!(outbox.waiting(&db).unwrap(), 300);
    let relayed = block_on(outbox.relay(&db, &inbox)).unwrap();
    assert_eq!((relayed.delivered, outbox.waiting(&db).unwrap()), (300, 0));
    let expected: Vec<_> = (0..600).step_by(2).map(|number| number.to_string()).collect();
    assert_eq!(payloads(&inbox), expected);
    assert_eq!(block_on(outbox.relay(&db, &inbox)).unwrap(), Relayed::default());
}

#[test]
fn what_could_not_be_delivered_comes_again_with_the_same_id() {
    for mood in [Mood::Refuses, Mood::Panics, Mood::Hangs, Mood::Lies] {
        let (db, outbox, inbox) = (databases(1).remove(0), outbox(), Inbox::default());
        let tx = db.begin().unwrap();
        let ids = ["one", "two"].map(|text| outbox.send(&tx, text).unwrap());
        tx.commit().unwrap();
        inbox.till.set("deliver", mood);
        let relayed = block_on(outbox.relay(&db, &inbox)).unwrap();
        let failed: Vec<_> = relayed.reasons.iter().map(|(id, _)| *id).collect();
        assert!(relayed.delivered == 0 && ids.iter().all(|id| failed.contains(id)), "{mood:?}");
        inbox.till.set("deliver", Mood::Well);
        assert_eq!(block_on(outbox.relay(&db, &inbox)).unwrap().delivered, 2);
        let got = inbox.got.lock();
        let times = if mood == Mood::Lies { 2 } else { 1 };
        assert!(ids.iter().all(|id| got.iter().filter(|one| one.id == *id).count() == times));
    }
}

#[test]
fn failures_without_number_are_counted_and_a_thousand_of_them_told() {
    let (db, outbox, inbox) = (databases(1).remove(0), outbox(), Inbox::default());
    let tx = db.begin().unwrap();
    for number in 0..1_100 {
        outbox.send(&tx, format!("{number}")).unwrap();
    }
    tx.commit().unwrap();
    inbox.till.set("deliver", Mood::Refuses);
    let relayed = block_on(outbox.relay(&db, &inbox)).unwrap();
    assert_eq!((relayed.delivered, relayed.failed, relayed.reasons.len()), (0, 1_100, 1_000));
    assert_eq!(outbox.waiting(&db).unwrap(), 1_100);
}

#[test]
fn a_message_of_a_global_transaction_comes_if_that_commits() {
    for conflicts in [false, true] {
        let (dbs, outbox, inbox) = (databases(2), outbox(), Inbox::default());
        let manager = managing(&dbs).build();
        let mut global = writing(&manager, &dbs, "k");
        outbox.send(global.home(), "home").unwrap();
        outbox.send(global.enlist(&dbs[1]).unwrap(), "other").unwrap();
        if conflicts {
            let tx = dbs[1].begin().unwrap();
            write(&tx, "k", "other");
            tx.commit().unwrap();
        }
        assert_eq!(block_on(global.commit()).is_ok(), !conflicts);
        for db in &dbs {
            block_on(outbox.relay(db, &inbox)).unwrap();
        }
        let expected: &[&str] = if conflicts { &[] } else { &["home", "other"] };
        assert_eq!(payloads(&inbox), expected);
    }
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    assert!(matches!(Outbox::new(&"x".repeat(249)), Err(Error::Invalid(_))));
    assert!(Outbox::new(&"x".repeat(248)).is_ok());
    assert!("zz".parse::<MessageId>().is_err());
}
