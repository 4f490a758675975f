//! What a session is at.

use crate::simulation::transactions::{Reader, Work};

/// Somebody who uses a node, for one thing after another.
#[derive(Debug)]
pub(super) struct Session {
    /// The number of the node it belongs to.
    pub(super) node: usize,
    pub(super) activity: Activity,
}

/// What a session is at.
#[derive(Debug)]
pub(super) enum Activity {
    Idle,
    Writing(Box<Work>),
    Reading(Box<Reader>),
}
