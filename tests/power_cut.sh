#!/usr/bin/env bash
# Cuts the power of a machine in the middle of commits, on a real file system, again and again.
#
#     tests/power_cut.sh [CUTS] [SEED]        10 cuts unless told otherwise
#
# The machine is that of tests/uml.sh. Each boot checks the database that the cut before left, by the
# ledger of the tests: all that was acknowledged as durable must be there, nothing by half, and the
# database sound. Then it commits until the next cut. Some cuts come already while the database is
# checked, and so in the middle of recovery. Ends with an error if anything is wrong.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CUTS=${1:-10}
readonly SEED=${2:-$(($(date +%s) % 32768))}
RANDOM=$SEED
readonly THREADS=4

# The last transaction of a thread that the guest said to be durable, in this boot or before.
durable() {
    local thread=$1 before=$2
    # A line that the cut broke off does not end with the word.
    tr -d '\r' <"$console" |
        awk -v thread="$thread" -v last="$before" \
            'NF == 3 && $1 == thread && $3 == "durable" && $2 > last { last = $2 } END { print last + 0 }'
}

PATH=$PATH:/usr/sbin:/sbin
source tests/need.sh
source tests/uml.sh
cargo build --quiet --package sop-tests --bins
readonly programs=${CARGO_TARGET_DIR:-$PWD/target}/debug

new_disk
mkdir "$folder/disk"

# The first process of the guest.
cat >"$folder/init" <<INIT
#!/bin/sh
mount -t proc proc /proc
mount -t ext4 /dev/ubda $folder/disk || exit
echo checking
"$programs/ledger_check" $folder/disk/db \$T0 \$T1 \$T2 \$T3 2>&1 || { echo wrong; sleep 1000; }
exec "$programs/kill_writer" $folder/disk/db \$SEED never 2>&1
INIT
chmod +x "$folder/init"

# Starts the guest, with how far each thread must have come.
start() {
    boot "$folder/init" T0="${came[0]}" T1="${came[1]}" T2="${came[2]}" T3="${came[3]}" SEED="$RANDOM"
    wait_for '^checking' 1
}

# Waits until the guest has found the database to be as it must be.
check() {
    wait_for '^came to ' 1
    printf 'durable was %s, the threads %s\n' "${came[*]}" "$(grep '^came to ' "$console")"
}

printf 'to repeat this run: %s %d %d\n' "${BASH_SOURCE[0]}" "$CUTS" "$SEED"
came=(0 0 0 0)
for ((number = 0; number < CUTS; number++)); do
    start
    if ((number > 0 && RANDOM % 4 == 0)); then
        printf 'the cut comes while the database is checked\n'
    else
        check
        wait_for ' durable' $((1 + RANDOM % 400))
    fi
    sleep "0.0$((RANDOM % 100))"
    cut
    for ((thread = 0; thread < THREADS; thread++)); do
        came[thread]=$(durable "$thread" "${came[thread]}")
    done
done
start
check
printf '%d cuts of power, nothing durable was lost\n' "$CUTS"
