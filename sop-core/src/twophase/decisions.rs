//! The decisions of one database: entries of a store of its own.
//!
//! - `D` and the transaction: what was decided. It is added once, by whoever is first: that is the
//!   moment at which a global transaction is committed, or cannot be any more.
//! - `P` and the transaction: somebody has to be told yet.
//! - `F` and the transaction: somebody has forced an outcome on a branch here.
//! - `H`: up to which age decisions may have been forgotten. About what is that old nothing can be
//!   decided any more, and that there is no decision means nothing.

use std::time::Duration;

use super::{
    Doubt, InDoubt, Outcome,
    decision::{Branch, Decision, Forced, Verdict},
};
use crate::{
    codec::Malformed,
    database::{Database, Ended, Snapshot, Transaction},
    error::{Error, Result},
    guard::{self, Guard},
    id::{Gtid, StoreId},
    transaction::{Durability, Freshness, Store, StoreView, TransactionOptions},
};

const DECIDED: u8 = b'D';
const PENDING: u8 = b'P';
const FORCED: u8 = b'F';
const HORIZON: &[u8] = b"H";

/// Decisions that are looked at, to be forgotten, at a time.
const FORGOTTEN_MAX: usize = 1_000;

/// What is known about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Decided(Decision),
    Open,
    /// So old that a decision may have been forgotten.
    Late,
}

fn key(kind: u8, gtid: &Gtid) -> [u8; Gtid::LEN + 1] {
    let mut key = [kind; Gtid::LEN + 1];
    key[1..].copy_from_slice(&gtid.to_bytes());
    key
}

fn gtid_of(key: &[u8]) -> Result<Gtid> {
    let bytes = key.get(1..).and_then(|bytes| bytes.try_into().ok());
    bytes.map(Gtid::from_bytes).ok_or_else(|| corrupt(Malformed("a key of another length")))
}

fn corrupt(error: Malformed) -> Error {
    let path = "what was decided about global transactions".into();
    Error::Corrupt { path, offset: 0, reason: error.to_string() }
}

/// What is known, as a snapshot or a transaction has it.
fn look_up(store: &StoreView<'_>, gtid: &Gtid) -> Result<Standing> {
    if let Some(bytes) = store.find(key(DECIDED, gtid))? {
        return Decision::decode(&bytes).map(Standing::Decided).map_err(corrupt);
    }
    let horizon = store.find(HORIZON)?;
    let horizon = horizon.and_then(|bytes| Some(u64::from_be_bytes(bytes[..].try_into().ok()?)));
    let is_late = horizon.is_some_and(|horizon| gtid.position <= horizon);
    Ok(if is_late { Standing::Late } else { Standing::Open })
}

/// Adds a decision to what a transaction does; whether nobody has decided before, as far as it sees.
/// If somebody does so before it commits, it conflicts.
pub(super) fn decide(home: &Transaction, gtid: &Gtid, decision: &Decision) -> Result<bool> {
    let store = home.own_store(StoreId::DECISIONS);
    store.require_unchanged(HORIZON..=HORIZON)?;
    if !guard::stands(Guard::DecidedOnce) {
        store.blind_upsert(key(DECIDED, gtid), decision.encode())?;
    } else if look_up(&store, gtid)? == Standing::Open {
        store.add(key(DECIDED, gtid), decision.encode())?;
    } else {
        return Ok(false);
    }
    if !decision.branches.is_empty() {
        store.upsert(key(PENDING, gtid), [])?;
    }
    Ok(true)
}

/// Adds to what a transaction does that everybody was told of these.
pub(super) fn end(home: &Transaction, ended: &[Ended]) -> Result<()> {
    let store = home.own_store(StoreId::DECISIONS);
    for Ended { gtid, is_kept } in ended {
        store.blind_remove(key(PENDING, gtid))?;
        if !is_kept {
            store.blind_remove(key(DECIDED, gtid))?;
        }
    }
    Ok(())
}

/// The decisions that one database makes, and what was forced on its branches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decisions<'d>(pub(super) &'d Database);

impl Decisions<'_> {
    fn now(self) -> Result<Snapshot> {
        self.0.snapshot_with(Freshness::Fresh)
    }

    fn lazily(self) -> Result<Transaction> {
        self.0.begin_with(TransactionOptions::default().durability(Durability::Eventual))
    }

    pub(super) fn find(self, gtid: &Gtid) -> Result<Standing> {
        look_up(&self.now()?.own_store(StoreId::DECISIONS), gtid)
    }

    /// A decision that is made now.
    pub(super) fn new_decision(self, verdict: Verdict, branches: Vec<Branch>) -> Result<Decision> {
        let date = Duration::from_secs(self.0.clock()?.date().as_secs());
        let position = self.0.snapshot()?.position();
        Ok(Decision { verdict, branches, date, position })
    }

    /// Decides that a transaction is rolled back, unless somebody has decided, or decides now; gives
    /// what stands.
    pub(super) async fn abort(self, gtid: &Gtid) -> Result<Standing> {
        let verdict = Verdict::Ended(Outcome::RolledBack);
        let decision = self.new_decision(verdict, Vec::new())?;
        loop {
            let tx = self.0.begin()?;
            if !decide(&tx, gtid, &decision)? {
                return look_up(&tx.own_store(StoreId::DECISIONS), gtid);
            }
            match tx.commit_async().await {
                Ok(_) => return Ok(Standing::Decided(decision)),
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes down what the last resource has decided.
    pub(super) async fn conclude(self, gtid: &Gtid, outcome: Outcome) -> Result<()> {
        let conclude = |store: &Store<'_>| match look_up(store, gtid)? {
            Standing::Decided(decision) if decision.verdict != Verdict::Ended(outcome) => {
                let decision = Decision { verdict: Verdict::Ended(outcome), ..decision };
                store.upsert(key(DECIDED, gtid), decision.encode()).map(|()| true)
            }
            _ => Ok(false),
        };
        self.change(conclude).await
    }

    /// Transactions of which somebody has to be told yet.
    pub(super) fn pending(self) -> Result<Vec<Gtid>> {
        let mut pending = self.all(PENDING, |gtid, _| Ok(gtid))?;
        pending.retain(|gtid| !self.0.is_ended(gtid));
        Ok(pending)
    }

    /// Outcomes that somebody has forced on branches here.
    pub(super) fn forced(self) -> Result<Vec<(Gtid, Forced)>> {
        self.all(FORCED, |gtid, value| Ok((gtid, Forced::decode(value).map_err(corrupt)?)))
    }

    pub(super) fn find_forced(self, gtid: &Gtid) -> Result<Option<Forced>> {
        let now = self.now()?;
        let found = now.own_store(StoreId::DECISIONS).find(key(FORCED, gtid))?;
        found.map(|bytes| Forced::decode(&bytes).map_err(corrupt)).transpose()
    }

    /// The branches of a transaction that have yet to be told.
    pub(super) fn untold(self, gtid: &Gtid) -> Result<Vec<InDoubt>> {
        let Standing::Decided(decision) = self.find(gtid)? else { return Ok(Vec::new()) };
        let doubt = match decision.verdict {
            Verdict::Ended(outcome) => Doubt::Untold(outcome),
            Verdict::Delegated(_) => Doubt::Undecided,
        };
        let places = decision.branches.iter().map(Branch::place);
        Ok(places.map(|place| InDoubt { gtid: *gtid, place, doubt: doubt.clone() }).collect())
    }

    fn all<T>(self, kind: u8, one: impl Fn(Gtid, &[u8]) -> Result<T>) -> Result<Vec<T>> {
        let now = self.now()?;
        let store = now.own_store(StoreId::DECISIONS);
        let entries = store.prefix([kind])?;
        entries.map(|entry| entry.and_then(|(key, value)| one(gtid_of(&key)?, &value))).collect()
    }

    /// Ends an own branch as somebody forces it to, and writes that down.
    pub(super) async fn force(self, gtid: &Gtid, name: &str, outcome: Outcome) -> Result<()> {
        let forced = Forced { outcome, contradicts: false };
        let note = (&key(FORCED, gtid)[..], &forced.encode()[..]);
        let branch = self.0.find_branch(name)?;
        branch.force(outcome == Outcome::Committed, note).await
    }

    /// Notes how what was forced compares with what was decided: it is forgotten, or stays as a
    /// contradiction.
    pub(super) async fn compare(self, gtid: &Gtid, decided: Outcome) -> Result<Option<Forced>> {
        let Some(forced) = self.find_forced(gtid)? else { return Ok(None) };
        if forced.contradicts {
            return Ok(Some(forced));
        }
        let compared = Forced { contradicts: forced.outcome != decided, ..forced };
        let key = key(FORCED, gtid);
        let note = |store: &Store<'_>| {
            if compared.contradicts {
                store.upsert(key, compared.encode()).map(|()| true)
            } else {
                store.remove(key)
            }
        };
        self.change(note).await?;
        Ok(Some(compared))
    }

    /// Forgets whom to tell, and what was forced; whether there was anything.
    pub(super) async fn give_up(self, gtid: &Gtid) -> Result<bool> {
        let was_pending = self.pending()?.contains(gtid);
        let was_forced = self.find_forced(gtid)?.is_some();
        let remove = |store: &Store<'_>| {
            Ok(store.remove(key(PENDING, gtid))? | store.remove(key(FORCED, gtid))?)
        };
        self.change(remove).await?;
        Ok(was_pending || was_forced)
    }

    /// Makes a change, unless there is none to be made, however often others are first.
    async fn change(self, change: impl Fn(&Store<'_>) -> Result<bool>) -> Result<()> {
        loop {
            let tx = self.0.begin()?;
            if !change(&tx.own_store(StoreId::DECISIONS))? {
                return Ok(());
            }
            match tx.commit_async().await {
                Err(Error::Conflict(_)) => {}
                outcome => return outcome.map(drop),
            }
        }
    }

    /// Writes down of which transactions everybody was told.
    pub(super) async fn end(self) -> Result<()> {
        let ended = self.0.take_ended();
        if ended.is_empty() {
            return Ok(());
        }
        let written = async {
            let tx = self.lazily()?;
            end(&tx, &ended)?;
            tx.commit_async().await
        };
        let written = written.await;
        if written.is_err() {
            self.0.note_ended(ended);
        }
        written.map(drop)
    }

    /// Forgets some decisions that are old both by date and by so many positions.
    pub(super) async fn forget(self, keep: Duration, positions: u64) -> Result<()> {
        let tx = self.lazily()?;
        let store = tx.own_store(StoreId::DECISIONS);
        let (date, mut left, mut horizon) = (self.0.clock()?.date(), FORGOTTEN_MAX, None);
        for entry in store.prefix([DECIDED])? {
            let (name, value) = entry?;
            let (gtid, decision) = (gtid_of(&name)?, Decision::decode(&value).map_err(corrupt)?);
            if left == 0 || decision.position.saturating_add(positions) > tx.position() {
                break;
            }
            // However many somebody is not told of, they keep no others from being forgotten.
            if store.contains(key(PENDING, &gtid))? {
                continue;
            }
            left -= 1;
            if decision.date.saturating_add(keep) <= date {
                store.remove(&name)?;
                horizon = Some(gtid.position);
            }
        }
        let Some(horizon) = horizon else { return Ok(()) };
        let before = store.find(HORIZON)?.map(|bytes| bytes.to_vec());
        let horizon = horizon.to_be_bytes().to_vec();
        store.upsert(HORIZON, before.unwrap_or_default().max(horizon))?;
        match tx.commit_async().await {
            // Somebody else forgets too.
            Err(Error::Conflict(_)) => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}
