//! The examples of SOP.
