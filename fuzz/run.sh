#!/usr/bin/env bash
# Fuzzes the targets given, or all of them, one after another, with the stable compiler.
#
#   fuzz/run.sh [--seconds N] [TARGET ..]   makes up inputs, N seconds for each target (60)
#   fuzz/run.sh --replay [TARGET ..]        runs the stored inputs only, without instrumentation
#   fuzz/run.sh --input FILE TARGET         runs one input, as it was run when it was found
#   fuzz/run.sh --minimise [TARGET ..]      leaves of the stored inputs what it takes to get as far
#   fuzz/run.sh --list                      names the targets
#
# What is found is kept in fuzz/artifacts/TARGET, and the command that repeats it is printed. Ends
# with an error if anything was found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../tests/need.sh

seconds=60
mode=fuzz
input=
targets=()
while (($# > 0)); do
    case $1 in
        --seconds) seconds=$2 && shift ;;
        --input) mode=input && input=$(realpath "$OLDPWD/$2" 2>/dev/null || realpath "$2") && shift ;;
        --replay | --minimise | --list) mode=${1#--} ;;
        -*) echo "unknown option $1" >&2 && exit 2 ;;
        *) targets+=("$1") ;;
    esac
    shift
done

host=$(rustc -vV | sed -n 's/^host: //p')

# Without instrumentation: the doors of the decoders are all that is added.
replay() {
    RUSTFLAGS="--cfg fuzzing" cargo run --quiet --release --target-dir target/replay \
        --bin replay -- "$@"
}

case $mode in
    replay)
        replay "${targets[@]}"
        exit
        ;;
    list)
        replay --list
        exit
        ;;
esac
((${#targets[@]} > 0)) || mapfile -t targets < <(replay --list)

# libFuzzer is C++.
need c++ g++
# The counters of libFuzzer and the checks of the sanitizer are features of the compiler that have
# no stable name yet. With a target named, build scripts and macros go without.
flags=(--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=1 -Zsanitizer=address)
RUSTC_BOOTSTRAP=1 RUSTFLAGS="${flags[*]}" cargo build --quiet --release --target-dir target/fuzz \
    --target "$host" --features libfuzzer --bin fuzz
readonly fuzz=target/fuzz/$host/release/fuzz

# Freed memory is given back soon, so that the limit is on what is in use.
export RUST_BACKTRACE=0
export ASAN_OPTIONS=quarantine_size_mb=8:detect_leaks=${SOP_FUZZ_LEAKS:-0}
limits=(-rss_limit_mb=512 -malloc_limit_mb=256 -timeout=10)

found=0
for target in "${targets[@]}"; do
    export SOP_FUZZ_TARGET=$target
    artifacts=artifacts/$target/
    grown=target/grown/$target
    mkdir -p "$artifacts" "$grown" "corpus/$target"
    case $mode in
        input)
            "$fuzz" "${limits[@]}" "$input" || found=1
            ;;
        minimise)
            # Inputs with names were put there by people, or are seeds; what libFuzzer named may go.
            mkdir -p "target/former/$target"
            find "corpus/$target" -regextype egrep -regex '.*/[0-9a-f]{40}' \
                -exec mv -t "target/former/$target" {} +
            # The fewest that reach as much, which a plain merge does not look for.
            "$fuzz" "${limits[@]}" -set_cover_merge=1 \
                "corpus/$target" "target/former/$target" "$grown" 2>&1 | tail -n 1
            ;;
        fuzz)
            echo "== $target, $seconds s"
            log=target/$target.log
            if "$fuzz" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 \
                -artifact_prefix="$artifacts" "$grown" "corpus/$target" >"$log" 2>&1; then
                grep -E '^stat::number_of_executed|^stat::peak_rss|cov:.*DONE|^Done' "$log" || true
            else
                found=1
                grep -vE '^#|^INFO' "$log" | head -n 60
                for artifact in "$artifacts"*; do
                    echo "repeat it with: bash fuzz/run.sh --input fuzz/$artifact $target"
                done
            fi
            ;;
    esac
done
exit "$found"
