#!/usr/bin/env bash
# Takes the guards of the database away, one at a time, and fails unless tests notice each.
# May be called from any folder. Prints a table: which guard, which tests noticed, how soon.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/need.sh

# The switch is in the whole program, so that its libraries are built anew, in a place of their own.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg mutants"
export CARGO_TARGET_DIR=target/mutants
cargo test --quiet --package sop-tests --test mutants
