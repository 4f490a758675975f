#!/usr/bin/env bash
# Runs the engine's tests of concurrency with a sanitizer in it: `tests/sanitize.sh thread`, for
# races, or `tests/sanitize.sh address`, for memory used after it was freed, and for leaks.
# Further arguments are those of cargo and the test runner.
#
# The standard library is used as it is installed, without the sanitizer. What the thread sanitizer
# then does not understand of it is named in tests/tsan.supp. Sanitizers are no part of stable Rust,
# so the compiler is asked to behave as one that has them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/need.sh

sanitizer=${1:-}
case $sanitizer in
thread | address) shift ;;
*)
    echo "usage: tests/sanitize.sh thread|address [arguments of cargo test]" >&2
    exit 2
    ;;
esac
(($#)) || set -- --test concurrency --test model

target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=$sanitizer -Cunsafe-allow-abi-mismatch=sanitizer"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$sanitizer"
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp ${TSAN_OPTIONS:-}"
exec cargo test --package sop-core --target "$target" "$@"
