//! The typed layer through its public interface.

mod crud;
mod model;
