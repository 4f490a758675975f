#!/usr/bin/env bash
# Passes all tests of the project on a machine that has Rust, and apt for what else is needed.
# May be called from any folder. Ends with an error if anything fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Whatever takes longer hangs. All of it needs a few minutes.
readonly MINUTES_MAX=30

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

source tests/need.sh
need cc gcc
# Services that tests talk to are installed here; tests start them, on ports that are free.
need openssl openssl
need redis-server redis-server
need pg_lsclusters postgresql

# The development profile optimises enough for the long tests, and checks arithmetic and
# invariants; the benchmarks are left out, as they test nothing.
log=$(mktemp)
tally=$(mktemp)
trap 'rm -f "$log" "$tally"' EXIT
export SOP_TEST_TALLY=$tally
status=0
run timeout "${MINUTES_MAX}m" cargo test --workspace --exclude sop-bench --no-fail-fast |
    tee "$log" || status=$?
# The order service, which `cargo test` has built, is killed a few times; by itself a hundred times.
run timeout "${MINUTES_MAX}m" "${CARGO_TARGET_DIR:-target}/debug/examples/order_service" --kills 20 ||
    status=$?
run timeout "${MINUTES_MAX}m" bash tests/shuttle.sh --quiet | tee -a "$log" || status=$?
run timeout "${MINUTES_MAX}m" bash tests/mutants.sh || status=$?
# What fuzzers once found must stay mended; making up new inputs is left to `fuzz/run.sh`.
run timeout "${MINUTES_MAX}m" bash fuzz/run.sh --replay || status=$?
# Two machines with a file system between them; says so where they cannot be had.
run timeout "${MINUTES_MAX}m" bash tests/nfs.sh --smoke || status=$?
awk '/^test result: / { passed += $4; failed += $6; skipped += $8 }
    END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
awk '{ count = $1; $1 = ""; counts[$0] += count }
    END { for (name in counts) printf "%9d%s\n", counts[name], name }' "$tally" | sort -k 2
exit "$status"
