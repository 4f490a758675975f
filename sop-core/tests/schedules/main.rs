//! The whole engine under a schedule explorer: thousands of orders in which its threads may go on.
//!
//! Built with `--cfg shuttle`, as `tests/shuttle.sh` does, every lock, condition, atomic and thread
//! of the engine is the explorer's (`sop-core/src/sync/`), and what tests do here runs on one real
//! thread that changes between tasks at each of these operations, as a scheduler decides. A lost
//! wake-up or a deadlock ends a schedule with all tasks blocked, which is noticed; a block that is
//! used after it was freed is noticed by the block. Everything else is for the tests to notice.
//!
//! Not explored are orders that only weak orderings of memory allow; the explorer takes every
//! atomic for sequentially consistent. Waits with a time limit always end by the limit.
#![cfg(shuttle)]

mod commits;
mod durability;
mod endings;
mod explore;
mod futures;
mod setting;
mod states;
