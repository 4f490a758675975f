//! Parts of a session that may be taken back: what is done between a savepoint and its end.

use fastrand::Rng;
use sop_orm::{Result, Session};

use super::{
    operation::{Answer, Op},
    plan::Plan,
    program::Program,
};

/// Things that a session does behind a savepoint.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) ops: Vec<Op>,
    /// Whether it is left as it is, if nothing in it was refused.
    pub(super) keeps: bool,
}

/// What came of an attempt. It ends with the first thing that is refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attempted {
    pub(super) answers: Vec<Answer>,
    pub(super) is_kept: bool,
}

impl Attempted {
    /// Takes down what came of the next thing; whether the attempt goes on.
    pub(super) fn takes(&mut self, answer: Answer) -> bool {
        let goes_on = answer != Answer::Duplicate;
        self.is_kept &= goes_on;
        self.answers.push(answer);
        goes_on
    }
}

impl Attempt {
    pub(super) fn draw(plan: &Plan, program: Program, random: &mut Rng) -> Self {
        let ops = (0..random.usize(1..4)).map(|_| Op::draw(plan, program, random)).collect();
        Self { ops, keeps: random.bool() }
    }

    pub(super) async fn perform(&self, program: Program, session: &Session) -> Result<Answer> {
        let savepoint = session.savepoint()?;
        let mut attempted = Attempted { answers: Vec::new(), is_kept: self.keeps };
        for op in &self.ops {
            if !attempted.takes(Box::pin(op.perform(program, session)).await?) {
                break;
            }
        }
        if !attempted.is_kept {
            savepoint.rollback()?;
        }
        Ok(Answer::Attempted(attempted))
    }
}
