#!/usr/bin/env bash
# Tests the engine under a schedule explorer: the same work in thousands of orders of its steps.
# Arguments are those of the test runner, such as a part of a test's name.
#
#   SOP_TEST_EFFORT=10        ten times as many schedules
#   SOP_TEST_SEED=7           other schedules
#   SOP_SHUTTLE_SCHEDULE=..   only the schedule that a failure printed; name the test too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/need.sh

# The switch changes everything that is built, so it is built elsewhere.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg shuttle"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/shuttle"
exec cargo test --package sop-core --test schedules "$@"
