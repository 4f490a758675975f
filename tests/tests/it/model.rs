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
