//! A coordinator takes its transaction through both databases, and may stop anywhere.

use super::{Branch, Choice, Decision, Event, Guard, Packer, State, Steps, TwoPhaseModel, other};

const WHO: &str = "coordinator";

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Coordinator {
    pub(super) phase: Phase,
    /// The versions that it read, and those that it made, in its home and in the other database.
    pub(super) read_home: u8,
    pub(super) read_abroad: u8,
    pub(super) wrote_home: u8,
    pub(super) wrote_abroad: u8,
    /// Whether a request to prepare is still on its way.
    is_late: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    ReadsHome,
    ReadsAbroad,
    Prepares,
    /// Its request to prepare was not answered.
    AsksForBranch,
    Decides,
    /// Its decision was not answered.
    AsksForDecision,
    /// It knows the decision, and resolves the branch.
    Commits,
    Aborts,
    /// Ended.
    Acknowledged,
    Refused,
}

impl Choice for Phase {
    const ALL: &'static [Self] = &[
        Self::ReadsHome,
        Self::ReadsAbroad,
        Self::Prepares,
        Self::AsksForBranch,
        Self::Decides,
        Self::AsksForDecision,
        Self::Commits,
        Self::Aborts,
        Self::Acknowledged,
        Self::Refused,
    ];
}

impl Coordinator {
    pub(super) fn fields(&mut self, packer: &mut Packer) {
        packer.choice(&mut self.phase);
        packer.number(&mut self.read_home, 3);
        packer.number(&mut self.read_abroad, 3);
        packer.number(&mut self.wrote_home, 3);
        packer.number(&mut self.wrote_abroad, 3);
        packer.flag(&mut self.is_late);
    }

    /// Whether its caller was told something.
    pub(super) fn has_ended(self) -> bool {
        matches!(self.phase, Phase::Acknowledged | Phase::Refused)
    }
}

/// One coordinator, and where its steps lead.
struct Turn<'a> {
    model: TwoPhaseModel,
    state: &'a State,
    home: usize,
    steps: &'a mut Steps<State>,
}

impl TwoPhaseModel {
    pub(super) fn coordinator_steps(self, state: &State, home: usize, steps: &mut Steps<State>) {
        let mut turn = Turn { model: self, state, home, steps };
        let mine = state.coordinators[home];
        let abroad = state.databases[other(home)];
        if mine.is_late {
            turn.request_arrives();
        }
        match mine.phase {
            Phase::ReadsHome => {
                let read_home = state.databases[home].version;
                let next = Coordinator { phase: Phase::ReadsAbroad, read_home, ..mine };
                turn.becomes("reads at home", next);
            }
            Phase::ReadsAbroad => {
                let needs_branch = self.writes_both || self.rules.has(Guard::ReadersPrepare);
                let phase = if needs_branch { Phase::Prepares } else { Phase::Decides };
                let next = Coordinator { phase, read_abroad: abroad.version, ..mine };
                turn.becomes("reads abroad", next);
            }
            Phase::Prepares => turn.prepare(),
            Phase::AsksForBranch if abroad.branch == Branch::Prepared => {
                turn.enters("finds its branch prepared", Phase::Decides);
            }
            Phase::AsksForBranch => turn.enters("finds no prepared branch", Phase::Aborts),
            Phase::Decides => turn.decide(),
            Phase::AsksForDecision => turn.ask(),
            Phase::Commits => turn.resolve(true),
            Phase::Aborts => turn.resolve(false),
            Phase::Acknowledged | Phase::Refused => {}
        }
    }
}

impl Turn<'_> {
    fn mine(&self) -> Coordinator {
        self.state.coordinators[self.home]
    }

    fn becomes(&mut self, does: &'static str, mine: Coordinator) {
        self.leads_to(does, *self.state, mine);
    }

    fn enters(&mut self, does: &'static str, phase: Phase) {
        self.becomes(does, Coordinator { phase, ..self.mine() });
    }

    fn leads_to(&mut self, does: &'static str, mut state: State, mine: Coordinator) {
        state.coordinators[self.home] = mine;
        self.steps.to(Event::new(WHO, self.home, does), state);
    }

    /// A request to prepare that was given up is executed after all, if nothing was written since.
    fn request_arrives(&mut self) {
        let mine = Coordinator { is_late: false, ..self.mine() };
        let mut next = *self.state;
        let abroad = &mut next.databases[other(self.home)];
        if abroad.version == mine.read_abroad && abroad.branch == Branch::None {
            abroad.branch = Branch::Prepared;
        }
        self.leads_to("has its late request prepare", next, mine);
    }

    fn prepare(&mut self) {
        let mine = self.mine();
        let abroad = self.state.databases[other(self.home)];
        if abroad.version == mine.read_abroad {
            let mut next = *self.state;
            next.databases[other(self.home)].branch = Branch::Prepared;
            self.leads_to("prepares", next, Coordinator { phase: Phase::Decides, ..mine });
            let asks = Coordinator { phase: Phase::AsksForBranch, ..mine };
            self.leads_to("prepares, and hears nothing", next, asks);
        } else {
            self.enters("cannot prepare, as others have written", Phase::Aborts);
        }
        let phase = if self.model.rules.has(Guard::PreparedBeforeDecision) {
            Phase::AsksForBranch
        } else {
            Phase::Decides
        };
        let late = Coordinator { phase, is_late: true, ..mine };
        self.becomes("has its request to prepare delayed", late);
    }

    fn decide(&mut self) {
        let mine = self.mine();
        let rules = self.model.rules;
        let mut next = *self.state;
        let home = &mut next.databases[self.home];
        // Here its home may be where the other transaction has a branch.
        let holds = home.version == mine.read_home && !home.is_locked(rules);
        if holds && home.decide(Decision::Commit, rules) {
            home.version += 1;
            let wrote_home = home.version;
            let commits = Coordinator { phase: Phase::Commits, wrote_home, ..mine };
            self.leads_to("decides to commit", next, commits);
            let asks = Coordinator { phase: Phase::AsksForDecision, ..commits };
            self.leads_to("decides to commit, and hears nothing", next, asks);
        } else {
            self.enters("cannot decide to commit", Phase::Aborts);
        }
        self.enters("decides in vain, and hears nothing", Phase::AsksForDecision);
    }

    /// Finds out about its own decision, which nobody but itself can have made to commit.
    fn ask(&mut self) {
        let has_committed = self.state.databases[self.home].has_committed;
        if !self.model.rules.has(Guard::DecisionIsLookedUp) {
            self.enters("takes silence for an abort", Phase::Aborts);
        } else if has_committed {
            self.enters("finds its decision", Phase::Commits);
        } else {
            self.enters("finds no decision of its own", Phase::Decides);
        }
    }

    fn resolve(&mut self, commits: bool) {
        let (does, phase) = if commits {
            ("resolves its branch, which commits", Phase::Acknowledged)
        } else {
            ("resolves its branch, which aborts", Phase::Refused)
        };
        let mine = self.mine();
        match self.model.resolve(self.state, other(self.home), commits) {
            Ok(next) => {
                let wrote_abroad = next.coordinators[self.home].wrote_abroad;
                self.leads_to(does, next, Coordinator { phase, wrote_abroad, ..mine });
            }
            Err(reason) => self.steps.wrong(Event::new(WHO, self.home, does), reason),
        }
    }
}
