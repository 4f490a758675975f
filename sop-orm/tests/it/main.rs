//! The typed layer through its public interface.

mod concurrency;
mod crud;
mod disk;
mod edits;
mod identity;
mod index_building;
mod index_kinds;
mod merging;
mod model;
mod opening;
mod paging;
mod queries;
mod retries;
mod schemas;
mod sensitive;
mod unique;
mod unknown;
