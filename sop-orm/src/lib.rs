//! Typed objects, kept.
