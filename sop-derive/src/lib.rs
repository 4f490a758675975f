//! The derive macros of SOP.
