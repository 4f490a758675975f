//! The typed layer through its public interface.

mod combined;
mod concurrency;
mod crud;
mod disk;
mod edits;
mod evolution;
mod identity;
mod index_building;
mod index_kinds;
mod kit;
mod merging;
mod model;
mod opening;
mod paging;
mod projections;
mod queries;
mod query_events;
mod query_model;
mod retries;
mod schemas;
mod sensitive;
mod unique;
mod unknown;
