//! A disk for tests: it fails when it is told to, and any moment of its past can be the one at
//! which the power went.
//!
//! Disks, one over the other, so that each can be understood, and used, alone:
//!
//! - [`FaultyDisk`] passes calls on to another disk, except those that [`Faults`] let fail.
//! - [`SimulatedDisk`] has its files in memory, below a `FaultyDisk`, and keeps a [`journal`] of
//!   what was changed and what was synced. From it comes the disk as a power cut before any call
//!   leaves it.
//!
//! - [`ClientDisk`] is what one machine sees of a disk that others use as well: it remembers names
//!   for too long, and some of its requests to link are not answered, late, or answered wrongly.
//!
//! What a power cut does to a file's bytes is in [`content`], to names in [`names`]; both keep
//! their changes in a [`ledger`].

mod client;
mod content;
mod disk;
mod fault;
mod faulty;
mod journal;
mod ledger;
mod names;
mod survival;
#[cfg(test)]
mod tests;

pub use client::{ClientDisk, LinkFate};
pub use disk::SimulatedDisk;
pub use fault::{Call, Fault, Faults};
pub use faulty::FaultyDisk;
pub use survival::Survival;
