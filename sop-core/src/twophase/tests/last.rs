//! A last resource, which decides.

use super::*;

/// One that keeps everything in memory.
#[derive(Debug, Default)]
struct Ledger {
    open: Mutex<Vec<Gtid>>,
    markers: Mutex<BTreeMap<Gtid, Outcome>>,
    till: Till,
}

impl Ledger {
    fn begin(&self, gtid: &Gtid) {
        self.open.lock().push(*gtid);
    }
}

#[async_trait]
impl LastResource for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn commit(&self, gtid: &Gtid) -> std::result::Result<(), ParticipantError> {
        if self.markers.lock().contains_key(gtid) {
            return Err(ParticipantError::refused("somebody has rolled it back"));
        }
        self.till
            .call("commit", (), || {
                self.open.lock().retain(|open| open != gtid);
                self.markers.lock().insert(*gtid, Outcome::Committed);
            })
            .await
    }

    async fn rollback(&self, gtid: &Gtid) -> std::result::Result<(), ParticipantError> {
        self.till.call("rollback", (), || self.open.lock().retain(|open| open != gtid)).await
    }

    async fn settle(&self, gtid: &Gtid) -> std::result::Result<Outcome, ParticipantError> {
        let settle = || *self.markers.lock().entry(*gtid).or_insert(Outcome::RolledBack);
        self.till.call("settle", Outcome::RolledBack, settle).await
    }

    async fn forget(&self, gtid: &Gtid) -> std::result::Result<(), ParticipantError> {
        self.till
            .call("forget", (), || {
                self.markers.lock().remove(gtid);
            })
            .await
    }
}

fn enlisted(manager: &TransactionManager, dbs: &[Database], ledger: &Ledger) -> GlobalTransaction {
    let mut global = writing(manager, dbs, "k");
    ledger.begin(global.gtid());
    global.enlist_last_resource("ledger").unwrap();
    global
}

fn with(dbs: &[Database], ledger: &Arc<Ledger>) -> TransactionManager {
    let builder = managing(dbs).last_resource(ledger.clone()).unwrap();
    builder.patience(Duration::from_millis(20)).build()
}

#[test]
fn it_decides() {
    for mood in [Mood::Well, Mood::Refuses, Mood::Conflicts, Mood::Panics, Mood::Hangs, Mood::Lies]
    {
        let (dbs, ledger) = (databases(2), Arc::<Ledger>::default());
        let manager = with(&dbs, &ledger);
        ledger.till.set("commit", mood);
        let outcome = block_on(enlisted(&manager, &dbs, &ledger).commit());
        let is_committed = matches!(mood, Mood::Well | Mood::Lies);
        assert_eq!(outcome.is_ok(), is_committed, "{mood:?}: {outcome:?}");
        block_on(manager.recover(NOW));
        assert_eq!(holders(&dbs, "k"), [is_committed; 2]);
        assert!(ledger.open.lock().is_empty());
    }
}

#[test]
fn interrupted_anywhere_it_still_decides() {
    let mut outcomes = Vec::new();
    for polls in 0..14 {
        let disk = Arc::new(MemoryDisk::default());
        let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
        let ledger = Arc::<Ledger>::default();
        let manager = with(&dbs, &ledger);
        let early = run_for(pin!(enlisted(&manager, &dbs, &ledger).commit()), &dbs, polls);
        drop(manager);
        let manager = with(&dbs, &ledger);
        let recovered = run(manager.recover(NOW), &dbs);
        assert_eq!(recovered.in_doubt, []);
        let is_committed = ledger.markers.lock().values().any(|one| *one == Outcome::Committed)
            || value(&dbs[0], "k").is_some();
        assert_eq!(holders(&dbs, "k"), [is_committed; 2], "{polls} polls");
        assert!(is_committed || early.is_none_or(|outcome| outcome.is_err()));
        outcomes.push(is_committed);
    }
    assert!(outcomes.is_sorted() && !outcomes[0] && outcomes[13], "{outcomes:?}");
}

#[test]
fn without_it_nobody_decides() {
    let disk = Arc::new(MemoryDisk::default());
    let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
    let ledger = Arc::<Ledger>::default();
    let manager = with(&dbs, &ledger);
    ledger.till.set("commit", Mood::Lies);
    ledger.till.set("settle", Mood::Refuses);
    let outcome = run(enlisted(&manager, &dbs, &ledger).commit(), &dbs);
    let Err(Error::GlobalUnknown { gtid, .. }) = outcome else { panic!("{outcome:?}") };

    let alone = managing(&dbs).build();
    let recovered = run(alone.recover(NOW), &dbs);
    let unknown = |doubt: &InDoubt| doubt.doubt == Doubt::ParticipantUnknown;
    assert!(recovered.in_doubt.iter().any(unknown), "{recovered:?}");
    assert_eq!(value(&dbs[0], "k"), None);
    let recovered = run(manager.recover(NOW), &dbs);
    assert!(recovered.in_doubt.iter().any(|doubt| doubt.place == "ledger"), "{recovered:?}");

    ledger.till.set("settle", Mood::Well);
    assert_eq!(run(manager.recover(NOW), &dbs).committed, [gtid]);
    assert_eq!(holders(&dbs, "k"), [true, true]);
}

#[test]
fn there_is_one() {
    let dbs = databases(1);
    let ledger = Arc::<Ledger>::default();
    let manager = with(&dbs, &ledger);
    let mut global = manager.begin(&dbs[0]).unwrap();
    global.enlist_last_resource("ledger").unwrap();
    global.enlist_last_resource("ledger").unwrap();
    ledger.begin(global.gtid());
    // The only one that does anything.
    let gtid = block_on(global.commit()).unwrap().gtid;
    assert_eq!(ledger.markers.lock().get(&gtid), Some(&Outcome::Committed));
}
