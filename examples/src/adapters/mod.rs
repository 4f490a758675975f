//! Others that take part in transactions of ours: each a small module to be copied into a program.
//!
//! - [`postgres`], with the feature of that name: a [`Participant`](sop_core::Participant).
//! - [`sqlite`], with the feature of that name: a [`LastResource`](sop_core::LastResource).
//! - [`redis`], with the feature of that name: a [`Receiver`](sop_core::Receiver) of an outbox.

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;
