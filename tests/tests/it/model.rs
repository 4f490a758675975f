//! Stores behave like maps, whatever is done to them and in between.

use sop_tests::{Home, Outcome, Seed, model::Run};

#[test]
fn stores_in_memory_behave_like_maps() -> Outcome {
    Run::new(Home::in_memory(), Seed::new(1))?.steps(500_000)
}

#[test]
fn stores_in_memory_that_mostly_shrink_behave_like_maps() -> Outcome {
    Run::new(Home::in_memory(), Seed::new(2))?.shrinking().steps(250_000)
}

#[test]
fn stores_on_the_real_disk_behave_like_maps() -> Outcome {
    Run::new(Home::on_disk(), Seed::new(3))?.steps(250_000)
}

/// A cache of a few nodes: nearly everything that is met has left it before.
#[test]
fn stores_in_memory_that_are_read_unmapped_behave_like_maps() -> Outcome {
    Run::new(Home::in_memory().unmapped(64 << 10), Seed::new(4))?.steps(250_000)
}

#[test]
fn stores_on_the_real_disk_that_are_read_unmapped_behave_like_maps() -> Outcome {
    Run::new(Home::on_disk().unmapped(64 << 10), Seed::new(5))?.steps(250_000)
}
