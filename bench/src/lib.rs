//! The bench of SOP.
