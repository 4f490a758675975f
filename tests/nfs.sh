#!/usr/bin/env bash
# Has processes on two machines share a folder by way of a real NFS server, and disturbs all of them.
#
#     tests/nfs.sh [CUTS] [SEED]      so many cuts of power for each way of mounting, 3 unless told
#     tests/nfs.sh --smoke            one way of mounting and one cut, where such machines can run
#
# A guest (tests/uml.sh) has the server, which exports its ext4 with `sync`, and two clients of it with
# networks, names and caches of their own (tests/nfs_guest.sh). Two processes on each of them, with
# three threads each, do the work of the crew of the tests. Processes are killed and started again,
# the server is stopped and started again, and all of them lose their power at once. After each cut
# both machines look whether all is there that was acknowledged. In the end all processes must agree
# on everything, all rows be there once, and the history of the lists be strictly serializable.
#
# Beside that it is measured how late one machine sees what the other has committed. Where that is
# promised to be at once, it must be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MOUNTS=(
    vers=4.2
    vers=4.1
    vers=4.0,lookupcache=pos
    vers=3,nolock,lookupcache=pos
)
# What promises nothing, and is only looked at.
readonly LATE_MOUNTS=(vers=3,nolock vers=4.0)

PATH=$PATH:/usr/sbin:/sbin
source tests/need.sh

# What the guest finds on this machine, for its root is the file system of this one.
tools() {
    need modprobe kmod && need ip iproute2 && need nsenter util-linux && need rpcbind rpcbind &&
        need mount.nfs nfs-common && need rpc.nfsd nfs-kernel-server
}

# Whether a guest says anything at all here.
can_run() {
    local said
    (tools && need linux.uml user-mode-linux) >/dev/null 2>&1 || return
    # It ends in a panic, since its first process does.
    said=$(TMPDIR=/dev/shm timeout 60 linux.uml mem=64M root=/dev/root rootfstype=hostfs rootflags=/ \
        ro con=null con0=null,fd:1 quiet panic=-1 init=/usr/bin/env </dev/null 2>&1) || true
    [[ $said == *HOME=* ]]
}

# How many processes are killed until all is judged, and how many commits are looked at.
if [[ ${1:-} == --smoke ]]; then
    if ! can_run; then
        printf 'skipped: NFS between two machines, as User-Mode Linux or its packages are not to be had\n'
        exit
    fi
    mounts=("${MOUNTS[0]}") late_mounts=() kills_max=3 looks=50
    smoke=$1
    set -- 1 1
else
    tools
    mounts=("${MOUNTS[@]}") late_mounts=("${LATE_MOUNTS[@]}") kills_max=12 looks=200
fi
readonly CUTS=${1:-3}
readonly SEED=${2:-$(($(date +%s) % 32768))}
RANDOM=$SEED

source tests/uml.sh
cargo build --quiet --package sop-tests --bins
readonly programs=${CARGO_TARGET_DIR:-$PWD/target}/debug

# Starts the guest, which runs a program with arguments behind those that name the folder.
start() {
    local options=$1 work=$2 arguments=$3
    boot "$PWD/tests/nfs_guest.sh" PROGRAMS="$programs" OPTIONS="$options" WORK="$work" \
        ARGUMENTS="$arguments" REDIS="$redis"
}

# What the guest said last behind a word, up to a semicolon: a line that a cut broke off has none.
last() {
    local word=$1
    tr -d '\r' <"$console" | sed -n "s/^$word \(.*\);\$/\1/p" | tail -n 1
}

# Notes how often the guest has done something, in this boot.
count() {
    local killed
    killed=$(grep -c '^killed' "$console" || true)
    ((kills += killed, deaths += killed)) || true
    ((restarts += $(grep -c '^server is back' "$console" || true))) || true
}

# Works with one way of mounting, cutting the power now and then; judges it in the end.
work() {
    local options=$1 number rows= transactions
    new_disk
    deaths=0
    for ((number = 0; number < CUTS; number++)); do
        start "$options" two_machines "$redis,$RANDOM,0,$deaths,$rows"
        if ((number > 0 && RANDOM % 4 == 0)); then
            printf '%s: the cut comes while the folder is checked\n' "$options"
            wait_for '^mounted' 1
            sleep "$((RANDOM % 4)).$((RANDOM % 10))"
        else
            wait_for '^acknowledged' $((2 + RANDOM % 30))
        fi
        sleep "0.0$((RANDOM % 100))"
        cut
        count
        # Four workers die, and whoever looked after them.
        ((cuts += 1, deaths += 5))
        rows=$(last acknowledged | grep . || printf '%s' "$rows")
        printf '%s: power cut, acknowledged were %s\n' "$options" "$rows"
    done
    start "$options" two_machines "$redis,$RANDOM,$kills_max,$deaths,$rows"
    for ((number = 1; number <= kills_max; number++)); do
        wait_for '^killed' "$number"
    done
    wait_for '^judged' 1
    cut
    count
    printf '%s: judged %s\n' "$options" "$(last judged)"
    read -r rows _ transactions _ <<<"$(last judged)"
    ((commits += rows + transactions, runs += 1))
}

# Measures how late one machine sees what the other has committed.
look() {
    local options=$1
    new_disk
    start "$options" lateness "$looks"
    wait_for '^looked at.* late;\|^together' 1
    cut
    printf '%s: looked at %s; together %s\n' "$options" "$(last 'looked at')" "$(last together)"
}

printf 'to repeat this run: %s %s\n' "${BASH_SOURCE[0]}" "${smoke:-$CUTS $SEED}"
commits=0 kills=0 restarts=0 cuts=0 runs=0 redis=
for options in "${mounts[@]}"; do
    look "$options"
    grep -q '^looked at.* at once;' "$console" || fail "what was committed was seen late"
    work "$options"
done
# Turns and news by way of Redis change nothing about what must hold.
if ((${#late_mounts[@]} > 0)); then
    need redis-server redis-server
    redis=redis://127.0.0.1:6379
    printf 'now with Redis\n'
    work "${mounts[0]}"
    redis=
fi
for options in "${late_mounts[@]}"; do
    look "$options"
done
printf '%d runs, %d commits, %d killed processes, %d restarts of the server, %d cuts of power: %s\n' \
    "$runs" "$commits" "$kills" "$restarts" "$cuts" 'nothing was lost'
