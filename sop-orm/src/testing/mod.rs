//! A kit for the tests of programs that use this crate; behind the feature `testing`.
//!
//! A database for a test is in memory: [`DbBuilder::ephemeral`](crate::DbBuilder::ephemeral), filled
//! by [`fixture!`]. What rarely happens is made to happen there, and always in the same way:
//!
//! | what | how |
//! |---|---|
//! | sessions overtake each other, in every order of their steps | [`race`] |
//! | a commit conflicts although nobody was in the way | [`conflict_at`] |
//! | the power fails at any moment | [`open_on`] a [`SimulatedDisk`], then [`power_cuts`] |
//! | the disk fails or is full | the same, with [`SimulatedDisk::faults`] |
//!
//! ```
//! # use {sop_examples::shop::*, sop_orm::prelude::*};
//! # example(async |_, _| {
//! use sop_orm::testing::{conflict_at, fixture};
//!
//! let db = Db::builder().store::<Order>().ephemeral().await?;
//! fixture!(db, { Order: [NewOrder { total: 10 }, NewOrder { total: 20 }] })?;
//! conflict_at(&db, 1);
//! let attempts = db
//!     .run(async |s| {
//!         s.of::<Order>().delete(1).await?;
//!         Ok(s.attempt())
//!     })
//!     .await?;
//! assert_eq!(attempts, 2);
//! # Ok(())
//! # });
//! ```
//!
//! ```toml
//! [dev-dependencies]
//! sop-orm = { version = "0.1", features = ["testing"] }
//! ```

mod conflicts;
mod fixture;
mod power;
mod race;
mod schedule;

pub(crate) use conflicts::Planned;
pub use conflicts::conflict_at;
pub use power::{PowerCut, open_on, power_cuts};
pub use race::{Outcome, Race, Sessions, Step, race};
pub use schedule::Orders;
pub use sop_core::{Call, Fault, Faults, SimulatedDisk, Survival};

pub use crate::fixture;
