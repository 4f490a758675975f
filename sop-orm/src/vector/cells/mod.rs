//! The cells of large partitions: codes of vectors that lie together stand together, so that a
//! search reads those of the nearest cells only.
//!
//! A cell has a centre and some hundred members. Cells are made, filled, divided and given up in the
//! background ([`settle`]), by transactions of their own; there is nothing to train, to build or to
//! optimise by hand, and no moment at which nothing can be written. The form is that of C-SPANN
//! (`CockroachDB` 25.2) with one level, cells of a few hundred as in `SPFresh` (Xu et al., SOSP 2023),
//! whose splits move members to neighbours as well.

pub(crate) mod keys;
mod means;
pub(crate) mod settle;
