//! What is held: each of a few things to do, beside each of them while it is prepared.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Write,
    Remove,
    WriteElsewhere,
    Read,
    Range,
    Count,
    Require,
    List,
    Create,
    Drop,
    Rename,
}

use Deed::{
    Count, Create, Drop, List, Range, Read, Remove, Rename, Require, Write, WriteElsewhere,
};

const ALL: [Deed; 11] =
    [Write, Remove, WriteElsewhere, Read, Range, Count, Require, List, Create, Drop, Rename];

impl Deed {
    fn perform(self, tx: &Transaction) -> Result<()> {
        let store = || tx.store("s");
        match self {
            Write => store()?.upsert("k5", "new"),
            Remove => store()?.remove("k5").map(drop),
            WriteElsewhere => store()?.upsert("k9", "new"),
            Read => store()?.find("k5").map(drop),
            Range => {
                assert_eq!(store()?.range("k4".."k7")?.count(), 3);
                Ok(())
            }
            Count => store()?.count("k4".."k7").map(drop),
            Require => store()?.require_unchanged(b"k4".to_vec()..b"k7".to_vec()),
            List => tx.stores().map(drop),
            Create => tx.create_store("new", &StoreOptions::default()).map(drop),
            Drop => tx.drop_store("s"),
            Rename => tx.rename_store("s", "t"),
        }
    }

    fn writes(self) -> bool {
        matches!(self, Write | Remove)
    }

    /// Whether it rests on what is there under k5.
    fn rests(self, isolation: Isolation) -> bool {
        let reads = matches!(self, Read | Range | Count) && isolation == Isolation::Serializable;
        reads || self == Require
    }

    fn clashes(self, other: Self, [own, others]: [Isolation; 2]) -> bool {
        let whole = |deed| matches!(deed, Drop | Rename);
        let lists = |isolation, other| {
            isolation == Isolation::Serializable && (other == Create || whole(other))
        };
        match (self, other) {
            (List, _) => lists(own, other),
            (_, List) => lists(others, self),
            (Create, _) | (_, Create) => self == other,
            _ if whole(self) || whole(other) => true,
            _ => {
                self.writes() && (other.writes() || other.rests(others))
                    || self.rests(own) && other.writes()
                    || self == WriteElsewhere && other == WriteElsewhere
            }
        }
    }
}

const ISOLATIONS: [Isolation; 2] = [Isolation::Serializable, Isolation::Snapshot];

fn begin(db: &Database, isolation: Isolation, deed: Deed) -> Transaction {
    let tx = db.begin_with(TransactionOptions::default().isolation(isolation)).unwrap();
    deed.perform(&tx).unwrap();
    tx
}

/// Lets one be prepared, and another one commit or be prepared, begun before or after.
fn meet(deeds: [Deed; 2], isolations: [Isolation; 2], how: u8) {
    let db = ten();
    let early = begin(&db, isolations[1], deeds[1]);
    let prepared = begin(&db, isolations[0], deeds[0]).prepare("first").unwrap();
    let other = if how & 1 == 0 { early } else { begin(&db, isolations[1], deeds[1]) };
    let mark = |tx: &Transaction| tx.store("o").unwrap().upsert("mark", "there").unwrap();
    mark(&other);
    let clashes = deeds[0].clashes(deeds[1], isolations);
    let context = format!("{deeds:?}, {isolations:?}, {how}");
    let outcome = if how & 2 == 0 {
        other.commit().map(drop)
    } else {
        other.prepare("second").and_then(|second| second.commit()).map(drop)
    };
    assert_eq!(outcome.is_err(), clashes, "{context}: {outcome:?}");
    assert_eq!(value(&db, "o", "mark").is_some(), !clashes, "{context}");
    if clashes {
        assert_eq!(held_by(outcome), "first");
    }
    if how & 4 == 0 {
        prepared.rollback().unwrap();
        if clashes {
            let again = begin(&db, isolations[1], deeds[1]);
            mark(&again);
            again.commit().unwrap();
        }
    } else {
        prepared.commit().unwrap();
    }
    assert!(db.prepared().unwrap().is_empty(), "{context}");
    audit(&db).unwrap();
}

#[test]
fn a_prepared_transaction_keeps_off_whoever_it_clashes_with_and_nobody_else() {
    for one in ALL {
        for other in ALL {
            for isolations in ISOLATIONS.map(|own| ISOLATIONS.map(|others| [own, others])).concat()
            {
                (0..8).for_each(|how| meet([one, other], isolations, how));
            }
        }
    }
}

#[test]
fn what_is_loaded_into_a_store_clashes_with_whoever_holds_something_of_it() {
    let db = ten();
    let tx = db.begin().unwrap();
    assert_eq!(tx.store("o").unwrap().find("a").unwrap(), None);
    let prepared = tx.prepare("reader").unwrap();
    let load = || {
        let tx = db.begin().unwrap();
        tx.bulk_load("o", &StoreOptions::default(), [("a", "1"), ("b", "2")]).unwrap();
        tx.commit()
    };
    assert_eq!(held_by(load()), "reader");
    prepared.rollback().unwrap();
    load().unwrap();
}

#[test]
fn a_store_that_somebody_creates_meanwhile_is_not_taken_for_the_prepared_one() {
    let db = ten();
    let [one, other] = [1, 2].map(|_| {
        let tx = db.begin().unwrap();
        tx.open_store("new", &StoreOptions::default()).unwrap().upsert("k", "v").unwrap();
        tx
    });
    one.commit().unwrap();
    assert!(matches!(other.prepare("late"), Err(Error::Conflict(_))));
    assert!(db.prepared().unwrap().is_empty());
}

/// Adds to values, and says how often that took effect.
fn count_up(db: &Database, random: &mut Random, thread: u64) -> u64 {
    let mut done = 0;
    for round in 0..20 {
        let tx = db.begin().unwrap();
        let (store, key) = (tx.store("s").unwrap(), format!("k{}", random.below(3)));
        let len = store.find(&key).unwrap().map_or(0, |value| value.len());
        store.upsert(&key, vec![b'x'; len + 1]).unwrap();
        if random.once_in(3) {
            done += u64::from(tx.commit().is_ok());
            continue;
        }
        let Ok(prepared) = tx.prepare(&format!("{thread}/{round}")) else { continue };
        if random.once_in(2) {
            prepared.commit().unwrap();
            done += 1;
        } else {
            prepared.rollback().unwrap();
        }
    }
    done
}

/// Others who come after it in the same batch are kept off too.
#[test]
fn what_is_prepared_and_what_clashes_with_it_never_go_together() {
    for_seeds(1..=20, |seed| {
        let db = ten();
        let done: u64 = std::thread::scope(|scope| {
            let work = |thread| {
                let db = &db;
                scope.spawn(move || count_up(db, &mut Random::new(seed * 10 + thread), thread))
            };
            let threads: Vec<_> = (0..4).map(work).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let len = |key: &str| value(&db, "s", key).unwrap().len() as u64;
        let grown = ["k0", "k1", "k2"].map(|key| len(key) - 3).iter().sum::<u64>();
        assert_eq!(grown, done, "each that took effect counts once");
        assert!(db.prepared()?.is_empty());
        audit(&db)
    });
}
