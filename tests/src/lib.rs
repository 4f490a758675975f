//! The tests of SOP.
