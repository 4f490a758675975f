//! The typed layer through its public interface.

mod model;
mod crud;
