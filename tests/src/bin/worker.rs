//! One of several processes that share a folder; see [`sop_tests::crew`].

use std::env;

use sop_tests::{
    Outcome,
    crew::{Orders, work},
};

fn main() -> Outcome {
    work(&Orders::read(env::args().skip(1))?)
}
