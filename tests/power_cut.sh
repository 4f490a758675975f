#!/usr/bin/env bash
# Cuts the power of a machine in the middle of commits, on a real file system, again and again.
#
#     tests/power_cut.sh [CUTS] [SEED]        10 cuts unless told otherwise
#
# The machine is a Linux kernel that runs as a process (User-Mode Linux, no privileges needed), with
# ext4 on a disk that is a file here. Killing the process loses exactly what the guest's kernel had
# not written to its disk. Each boot checks the database that the cut before left, by the ledger of
# the tests: all that was acknowledged as durable must be there, nothing by half, and the database
# sound. Then it commits until the next cut. Some cuts come already while the database is checked,
# and so in the middle of recovery. Ends with an error if anything is wrong.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CUTS=${1:-10}
readonly SEED=${2:-$(($(date +%s) % 32768))}
RANDOM=$SEED
readonly THREADS=4
# A guest that says nothing for so long hangs.
readonly SILENCE_SECONDS_MAX=120

# Installs a Debian package unless the command it brings is there already.
need() {
    local command=$1 package=$2
    command -v "$command" >/dev/null && return
    apt-get update
    apt-get install -y --no-install-recommends "$package"
}

fail() {
    printf '%s\n' "$*" "--- what the guest said last:" >&2
    tail -n 30 "$console" >&2
    exit 1
}

# Cuts the power: the guest's kernel, its processes and its disk's thread are one process group.
cut() {
    kill -KILL -- "-$guest"
    wait "$guest" 2>/dev/null || true
    guest=
}

# Waits until the guest has said so many lines that match.
wait_for() {
    local pattern=$1 count=$2 waited=0
    until (($(grep -c -- "$pattern" "$console") >= count)); do
        kill -0 "$guest" 2>/dev/null || fail "the guest ended by itself"
        ((waited++ < SILENCE_SECONDS_MAX * 10)) || fail "the guest hangs"
        sleep 0.1
    done
}

# The last transaction of a thread that the guest said to be durable, in this boot or before.
durable() {
    local thread=$1 before=$2
    # A line that the cut broke off does not end with the word.
    tr -d '\r' <"$console" |
        awk -v thread="$thread" -v last="$before" \
            'NF == 3 && $1 == thread && $3 == "durable" && $2 > last { last = $2 } END { print last + 0 }'
}

PATH=$PATH:/usr/sbin:/sbin
command -v cargo >/dev/null || PATH="$HOME/.cargo/bin:$PATH"
need linux.uml user-mode-linux
need mkfs.ext4 e2fsprogs
cargo build --quiet --package sop-tests --bins
readonly programs=${CARGO_TARGET_DIR:-$PWD/target}/debug

folder=$(mktemp -d)
console=$folder/console
guest=
trap '[[ -z $guest ]] || cut; rm -rf "$folder"' EXIT
mkdir "$folder/disk"
truncate --size 1G "$folder/image"
mkfs.ext4 -q -F "$folder/image"

# The first process of the guest, whose root is the file system of the host, read-only. What the
# kernel is given by name and does not know becomes a variable of this process.
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
boot() {
    : >"$console"
    # The guest's memory is a file, which must be neither on a slow disk nor mounted noexec.
    TMPDIR=/dev/shm setsid linux.uml mem=256M ubd0="$folder/image" root=/dev/root \
        rootfstype=hostfs rootflags=/ ro con=null con0=null,fd:1 quiet panic=-1 init="$folder/init" \
        T0="${came[0]}" T1="${came[1]}" T2="${came[2]}" T3="${came[3]}" SEED="$RANDOM" \
        </dev/null >"$console" 2>&1 &
    guest=$!
    wait_for '^checking' 1
}

# Waits until the guest has found the database to be as it must be.
check() {
    wait_for '^came to \|^wrong' 1
    grep -q '^came to ' "$console" || fail "the database is not what it must be"
    printf 'durable was %s, the threads %s\n' "${came[*]}" "$(grep '^came to ' "$console")"
}

printf 'to repeat this run: %s %d %d\n' "${BASH_SOURCE[0]}" "$CUTS" "$SEED"
came=(0 0 0 0)
for ((number = 0; number < CUTS; number++)); do
    boot
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
boot
check
printf '%d cuts of power, nothing durable was lost\n' "$CUTS"
