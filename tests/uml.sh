# For scripts to source: a machine whose power can be cut.
#
# It is a Linux kernel that runs as a process (User-Mode Linux, no privileges needed), with ext4 on a
# disk that is a file here. Killing the process loses exactly what the guest's kernel had not
# written to its disk. Its root is the file system of this machine, read-only. Sets `folder`, which
# is for whatever the run needs and removed at its end, and `console`, what the guest says.

# A guest that says nothing for so long hangs.
readonly SILENCE_SECONDS_MAX=120

need linux.uml user-mode-linux
need mkfs.ext4 e2fsprogs

folder=$(mktemp -d)
console=$folder/console
guest=
trap '[[ -z $guest ]] || cut; rm -rf "$folder"' EXIT

fail() {
    printf '%s\n' "$*" "--- what the guest said last:" >&2
    tail -n 30 "$console" >&2
    exit 1
}

# Gives the machine a new disk.
new_disk() {
    rm -f "$folder/image"
    truncate --size 1G "$folder/image"
    mkfs.ext4 -q -F "$folder/image"
}

# Starts the guest with a program as its first process. What the kernel is given by name and does not
# know becomes a variable of this process: NAME=VALUE, as many as needed.
boot() {
    local init=$1
    shift
    : >"$console"
    # The guest's memory is a file, which must be neither on a slow disk nor mounted noexec.
    TMPDIR=/dev/shm setsid linux.uml mem=256M ubd0="$folder/image" root=/dev/root \
        rootfstype=hostfs rootflags=/ ro con=null con0=null,fd:1 quiet panic=-1 init="$init" "$@" \
        </dev/null >"$console" 2>&1 &
    guest=$!
}

# Cuts the power: the guest's kernel, its processes and its disk's thread are one process group.
cut() {
    kill -KILL -- "-$guest"
    wait "$guest" 2>/dev/null || true
    guest=
}

# Waits until the guest has said so many lines that match. One that says "wrong" is not waited for.
wait_for() {
    local pattern=$1 count=$2 waited=0
    until (($(grep -c -- "$pattern" "$console") >= count)); do
        ! grep -q '^wrong' "$console" || fail "something is not what it must be"
        kill -0 "$guest" 2>/dev/null || fail "the guest ended by itself"
        ((waited++ < SILENCE_SECONDS_MAX * 10)) || fail "the guest hangs"
        sleep 0.1
    done
}
