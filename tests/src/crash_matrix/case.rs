//! One interrupted commit.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use sop_core::{
    Error, Freshness, GlobalCommit, GlobalTransaction, Mode, Result, StoreOptions, Survival,
    TransactionManager,
};

use super::site::Site;
use crate::Outcome;

const STORE: &str = "accounts";
const KEY: &str = "of both";

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The process with the home crashes, and with it who coordinates.
    Coordinator,
    /// Another one does: that of the step, if the step is not one of the home.
    Participant,
    /// All of them do.
    Both,
    /// The coordinator is away while somebody else recovers, and comes back.
    Away,
    /// The coordinator's process ends, in folders that it shares with others, who recover.
    Killed,
    /// The same as `Away`, in folders that processes share.
    AwayFromOthers,
}

/// More moments than there are.
const ENOUGH: usize = 1_000;

/// Recoveries until nothing may be left.
const PASSES: usize = 2;

/// When it happens, to whom, and what is left.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How many databases there are.
    pub databases: usize,
    /// How many things have happened before: a step that is sent, and its becoming durable, are
    /// two.
    pub moment: usize,
    /// So many calls to the disk later, but before the step is over.
    pub calls: Option<u64>,
    /// What happens.
    pub event: Event,
    /// What is left of what was not synced, by whoever crashes.
    pub survival: Survival,
}

/// What is sent to a database. The home is the first one; the others follow in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Prepare(usize),
    Decide,
    Commit(usize),
    End,
}

const SURVIVALS: [Survival; 4] =
    [Survival::Nothing, Survival::Everything, Survival::Random(1), Survival::Random(2)];

/// Calls to a disk in the middle of a step that are tried; steps have fewer.
const CALLS_MAX: u64 = 12;

fn steps(databases: usize) -> Vec<Step> {
    let others = databases - 1;
    let prepares = (0..others).map(Step::Prepare);
    let commits = (0..others).map(Step::Commit);
    prepares.chain([Step::Decide]).chain(commits).chain([Step::End]).collect()
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let moments = [2, 3].into_iter().flat_map(|databases| {
        (0..=2 * steps(databases).len()).map(move |moment| (databases, moment))
    });
    moments.flat_map(|(databases, moment)| at(databases, moment)).collect()
}

/// Those of a moment.
fn at(databases: usize, moment: usize) -> Vec<Case> {
    let case = |event, survival| Case { databases, moment, calls: None, event, survival };
    let mut all = Vec::new();
    for event in [Event::Coordinator, Event::Participant, Event::Both] {
        all.extend(SURVIVALS.map(|survival| case(event, survival)));
        // A step is on its way.
        for calls in (1..CALLS_MAX).filter(|_| moment % 2 == 1) {
            let calls = Some(calls);
            all.extend(SURVIVALS.map(|survival| Case { calls, ..case(event, survival) }));
        }
    }
    let others = [Event::Away, Event::Killed, Event::AwayFromOthers];
    all.extend(others.map(|event| case(event, Survival::Everything)));
    all
}

impl Case {
    /// The moment, for people.
    pub fn name(&self) -> String {
        let Some(at) = self.moment.checked_sub(1) else { return "not begun".to_owned() };
        let what = match steps(self.databases)[at / 2] {
            Step::Prepare(number) => format!("prepare {}", number + 1),
            Step::Decide => "decision".to_owned(),
            Step::Commit(number) => format!("commit {}", number + 1),
            Step::End => "end".to_owned(),
        };
        let how = match (self.calls, at % 2) {
            (Some(_), _) => "on its way",
            (None, 0) => "sent",
            (None, _) => "durable",
        };
        format!("{what} {how}")
    }
}

type Told = Rc<RefCell<Option<Result<GlobalCommit>>>>;

/// A coordinator at work.
struct Commit {
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    told: Told,
    /// The database that has the step, or had the last one.
    owner: usize,
}

fn manager(sites: &[Site]) -> Result<TransactionManager> {
    let mut builder = TransactionManager::builder();
    for site in sites {
        builder = builder.database(&site.db)?;
    }
    Ok(builder.build())
}

/// A transaction that writes to all of them.
fn writing(manager: &TransactionManager, sites: &[Site], value: &str) -> Result<GlobalTransaction> {
    let mut global = manager.begin(&sites[0].db)?;
    for site in sites {
        global.enlist(&site.db)?.store(STORE)?.upsert(KEY, value)?;
    }
    Ok(global)
}

impl Commit {
    /// A commit over all of them, and what is to be done after it.
    fn new(sites: &[Site]) -> Result<Self> {
        let manager = manager(sites)?;
        let global = writing(&manager, sites, "written")?;
        let told = Told::default();
        let tells = Rc::clone(&told);
        let future = async move {
            let outcome = global.commit().await;
            *tells.borrow_mut() = Some(outcome);
            manager.recover(Duration::ZERO).await;
        };
        Ok(Self { future: Some(Box::pin(future)), told, owner: 0 })
    }

    /// Goes on for so many moments.
    fn go_on(&mut self, sites: &[Site], moments: usize) {
        let mut context = Context::from_waker(Waker::noop());
        for moment in 0..moments {
            let Some(future) = &mut self.future else { return };
            if moment % 2 == 0 {
                if future.as_mut().poll(&mut context) == Poll::Ready(()) {
                    self.future = None;
                }
                self.owner = sites.iter().position(Site::is_due).unwrap_or(self.owner);
            } else {
                // Steps that are sent at once become durable one after the other.
                sites[self.owner].work();
            }
        }
    }
}

fn run_to_end<T>(future: impl Future<Output = T>, sites: &[Site]) -> Outcome<T> {
    let (mut future, mut context) = (Box::pin(future), Context::from_waker(Waker::noop()));
    for _ in 0..ENOUGH {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
            return Ok(outcome);
        }
        sites.iter().for_each(Site::work);
    }
    Err("it does not end".into())
}

/// Runs a case; whether it was committed in the end. `None` if there is no such moment: the step was
/// over after fewer calls, or is not one of those who crash.
///
/// # Errors
/// If the databases disagree, somebody was told something else, or anything is left over.
pub fn run(case: &Case) -> Outcome<Option<bool>> {
    let is_shared = matches!(case.event, Event::Killed | Event::AwayFromOthers);
    let mode = if is_shared { Mode::Shared } else { Mode::default() };
    let sites = (0..case.databases).map(|_| Site::new(mode)).collect::<Result<Vec<_>>>()?;
    for site in &sites {
        let tx = site.db.begin()?;
        tx.create_store(STORE, &StoreOptions::default())?;
        tx.commit()?;
    }
    let mut commit = Commit::new(&sites)?;
    commit.go_on(&sites, case.moment);
    let Some(left) = happen(case, &mut commit, sites)? else { return Ok(None) };
    for _ in 0..PASSES {
        // What was on its way when its sender was gone arrives too.
        left.iter().for_each(Site::work);
        run_to_end(manager(&left)?.recover(Duration::ZERO), &left)?;
    }
    judge(case, &commit, &left).map(Some)
}

/// Lets the event happen, and everybody go on who is left; the databases as they are found then.
fn happen(case: &Case, commit: &mut Commit, sites: Vec<Site>) -> Outcome<Option<Vec<Site>>> {
    let beside = || sites.iter().map(Site::beside).collect::<Result<Vec<_>>>();
    match case.event {
        Event::Coordinator | Event::Participant | Event::Both => crash(case, commit, sites),
        Event::Away => {
            run_to_end(manager(&sites)?.recover(Duration::ZERO), &sites)?;
            commit.go_on(&sites, ENOUGH);
            Ok(Some(sites))
        }
        Event::AwayFromOthers => {
            let others = beside()?;
            run_to_end(manager(&others)?.recover(Duration::ZERO), &others)?;
            commit.go_on(&sites, ENOUGH);
            Ok(Some(others))
        }
        Event::Killed => {
            commit.future = None;
            sites.iter().for_each(Site::end);
            Ok(Some(beside()?))
        }
    }
}

fn crash(case: &Case, commit: &mut Commit, sites: Vec<Site>) -> Outcome<Option<Vec<Site>>> {
    let crashes: Vec<_> = match case.event {
        Event::Coordinator => vec![0],
        Event::Participant => vec![commit.owner.max(1)],
        _ => (0..sites.len()).collect(),
    };
    let owner = commit.owner;
    if let Some(calls) = case.calls
        && !(crashes.contains(&owner) && sites[owner].work_until(calls))
    {
        return Ok(None);
    }
    let mut left = Vec::new();
    for (number, site) in sites.iter().enumerate() {
        let crashes = crashes.contains(&number);
        left.push(if crashes { Some(site.crash(case.survival)?) } else { None });
    }
    if crashes.contains(&0) {
        commit.future = None;
    }
    commit.go_on(&sites, ENOUGH);
    let left = left.into_iter().zip(sites).map(|(left, site)| left.unwrap_or(site));
    Ok(Some(left.collect()))
}

fn judge(case: &Case, commit: &Commit, sites: &[Site]) -> Outcome<bool> {
    let mut found = Vec::new();
    for site in sites {
        let (doubts, prepared) = (site.db.in_doubt()?, site.db.prepared()?);
        if !doubts.is_empty() || !prepared.is_empty() {
            return Err(format!("left over: {doubts:?} {prepared:?}").into());
        }
        let now = site.db.snapshot_with(Freshness::Fresh)?;
        found.push(now.store(STORE)?.contains(KEY)?);
    }
    let is_committed = found[0];
    if found.iter().any(|found| *found != is_committed) {
        return Err(format!("it is committed in some of them: {found:?}").into());
    }
    match &*commit.told.borrow() {
        Some(Ok(_)) if !is_committed => return Err("somebody was told that it is".into()),
        Some(Err(Error::GlobalUnknown { .. })) | None => {}
        Some(Err(error)) if is_committed => return Err(format!("told {error}").into()),
        _ => {}
    }
    let decision = 2 * case.databases;
    if case.moment >= decision && !is_committed {
        return Err("it was decided".into());
    }
    let never = case.event == Event::Coordinator || case.event == Event::Both;
    if never && case.moment < decision - 1 && is_committed {
        return Err("nobody had decided it".into());
    }
    let manager = manager(sites)?;
    run_to_end(writing(&manager, sites, "written later")?.commit(), sites)??;
    Ok(is_committed)
}
