//! Whether what everybody did, saw and was told can be true.

use sop_core::{CommitId, Resolution};

use super::{
    Happening,
    book::{Pages, Stint, Submitted, Told},
    history::{History, Place},
    lists,
};
use crate::{
    history::{self, Anomaly, Fate, Observed},
    oracle::{Checked, End, Isolation, Life, Model, Report, Step, check},
    simulation::{Summary, world::Outcome},
};

/// What came of a run, as far as those tell who took part.
#[derive(Debug)]
pub(super) struct Verdict {
    /// What must be there at the end.
    pub(super) model: Model,
    pub(super) summary: Summary,
    pub(super) observations: Observations,
    /// Commits that somebody could not be told about, and what is to be answered who asks for them.
    pub(super) questions: Vec<(CommitId, Resolution)>,
}

/// What sessions saw of lists, for the checker that knows nothing of the log.
#[derive(Debug)]
pub(super) struct Observations {
    observed: Vec<Observed>,
    last_list: u64,
    now: u64,
}

/// Judges all of it by what is in the log.
pub(super) fn judge(mut pages: Pages, log: &History) -> Outcome<Verdict> {
    let (last_list, now) = (pages.last_list(), pages.number());
    let mut observations = Observations { observed: Vec::new(), last_list, now };
    let Pages { idle, submitted, looks, summary, .. } = pages;
    let (mut places, mut others) = (log.places(), log.others());
    let (mut reports, mut questions) = (Vec::new(), Vec::new());
    for (report, stint, end) in idle {
        observations.note(&report, stint, (Fate::Aborted, end));
        reports.push(report);
    }
    for (order, submitted) in (0..).zip(submitted) {
        let all = submitted.mark.and_then(|mark| places.remove(&mark)).unwrap_or_default();
        let place = submitted.place(&all)?;
        others.extend(all.iter().map(|place| place.position));
        let (stint, fate) = (submitted.stint, submitted.fate());
        questions.extend(submitted.question(place));
        let end = submitted.end.unwrap_or(now);
        let report = submitted.report(order, place)?;
        observations.note(&report, stint, (fate, end));
        reports.push(report);
    }
    if let Some((mark, place)) = places.first_key_value() {
        return Err(format!("nobody has left the mark {mark} at {place:?}"));
    }
    // What is only prepared or rolled back may have a position with others, or alone.
    for report in &reports {
        if let End::Committed { position, .. } = report.end {
            others.remove(&position);
        }
    }
    let digests = looks.into_iter().map(|(position, (digest, _))| (position, digest)).collect();
    let life = Life { others, digests, reports, ..Life::default() };
    let (model, checked) = check(&Model::default(), &life, Some(log.end()))?;
    let Checked { commits, conflicts, others, states } = checked;
    let mut summary = Summary { commits, conflicts, readers: others, ..summary };
    summary.counts.add(Happening::States, states);
    Ok(Verdict { model, summary, observations, questions })
}

impl Submitted {
    /// What its session knows about how it ended.
    fn fate(&self) -> Fate {
        match self.told {
            Told::Acknowledged { .. } => Fate::Committed,
            Told::Refused { .. } | Told::Failed { .. } | Told::KeptOff => Fate::Aborted,
            Told::Nothing | Told::Unknown { .. } | Told::Prepared => Fate::Unknown,
        }
    }

    /// Where it took effect. One that is prepared has a mark where it was, and another one where it
    /// was ended.
    fn place(&self, all: &[Place]) -> Outcome<Option<(u64, u32)>> {
        let at = |place: &Place| Some((place.position, place.index));
        match (all, self.is_prepared) {
            ([], _) => Ok(None),
            ([place], false) if place.times == 1 => Ok(at(place)),
            ([prepared], true) if prepared.times == 2 => Ok(None),
            ([prepared, ended], true) if prepared.times == 2 => {
                Ok(if ended.times == 2 { at(ended) } else { None })
            }
            _ => Err(format!("{:?} is in the log at {all:?}", self.mark)),
        }
    }

    /// What is to be answered who asks for it, if there is a reason to.
    fn question(&self, place: Option<(u64, u32)>) -> Option<(CommitId, Resolution)> {
        let (Some(_), Told::Unknown { commit, .. }) = (self.mark, &self.told) else { return None };
        let answer = match place {
            Some((position, _)) => Resolution::Committed { position },
            None => Resolution::NotCommitted,
        };
        commit.map(|commit| (commit, answer))
    }

    /// The report, if the log holds it at that place; `order` is its number among all.
    fn report(self, order: u64, place: Option<(u64, u32)>) -> Outcome<Report> {
        let Self { submission, mark, told, .. } = self;
        let told_at_place = match &told {
            Told::Nothing | Told::Prepared => true,
            Told::Acknowledged { position, index } => {
                mark.is_none() || place == Some((*position, *index))
            }
            Told::Unknown { position, .. } => place.is_none_or(|place| place.0 == *position),
            Told::Refused { .. } | Told::Failed { .. } | Told::KeptOff => place.is_none(),
        };
        if !told_at_place {
            return Err(format!("{mark:?} is at {place:?} of the log, and {told:?}"));
        }
        let submitted_after = submission.submitted_after;
        let end = match (place, told) {
            (Some((position, index)), _) => {
                let (order, index) = (u64::from(index), Some(index));
                End::Committed { position, order, index, submitted_after }
            }
            (None, Told::Refused { conflict, told_at }) => End::Refused { conflict, told_at },
            (None, Told::Unknown { position, .. } | Told::Failed { position }) => {
                End::Lost { position, order }
            }
            (None, _) => End::NoEffect,
        };
        Ok(submission.report(end))
    }
}

impl Observations {
    /// Notes what somebody did with lists, if anything.
    fn note(&mut self, report: &Report, stint: Stint, (fate, end): (Fate, u64)) {
        let operations = lists::operations(&report.steps, self.last_list);
        if operations.is_empty() {
            return;
        }
        let Stint { session, begin, is_fresh } = stint;
        let process = usize::try_from(session).unwrap_or(usize::MAX);
        let isolation = report.isolation;
        self.observed.push(Observed { process, begin, end, isolation, is_fresh, fate, operations });
    }

    /// Judges all of it, with what was read when everybody was gone; how many took part.
    pub(super) fn judge(mut self, left: &[Step]) -> Outcome<u64> {
        self.observed.push(Observed {
            process: usize::MAX,
            begin: self.now + 1,
            end: self.now + 2,
            isolation: Isolation::Serializable,
            is_fresh: true,
            fate: Fate::Committed,
            operations: lists::operations(left, self.last_list),
        });
        let history = history::History { transactions: self.observed };
        let anomalies = history::forbidden(&history);
        if anomalies.is_empty() {
            return Ok(history.transactions.len() as u64);
        }
        let words: Vec<_> = anomalies.iter().map(Anomaly::to_string).collect();
        Err(words.join("; "))
    }
}
