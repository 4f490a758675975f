#!/bin/sh
# The first process of the guest of tests/nfs.sh: an NFS server, and two clients of it that know
# nothing of each other, as those of two machines.
#
# Gets as variables: PROGRAMS, a folder; OPTIONS, how the clients mount; WORK, the program to be run,
# and ARGUMENTS, with commas between them, which it gets behind the shared folder as each of the two
# machines sees it; REDIS, not empty if there is to be a Redis server.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt
mkdir -p /run/modules/lib /run/rpc_pipefs /run/netns /mnt/disk /mnt/a /mnt/b
ln -s /usr/lib/uml/modules /run/modules/lib/modules
modprobe --dirname /run/modules --all nfsd nfs nfsv3 nfsv4 veth

# What the server has to remember when its power was cut is on its disk, as everything else.
mount -t ext4 /dev/ubda /mnt/disk
mkdir -p /mnt/disk/export /mnt/disk/state/nfsdcld
touch /mnt/disk/state/etab /mnt/disk/state/rmtab
mount --bind /mnt/disk/state /var/lib/nfs
mount -t nfsd nfsd /proc/fs/nfsd
mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
# As short as they can be: how long a server that was started waits for clients from before, and
# gives no locks.
echo 10 >/proc/fs/nfsd/nfsv4gracetime
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 1 >/proc/sys/fs/nfs/nlm_grace_period
ip link set lo up
nfsdcld --pipefsdir /run/rpc_pipefs --storagedir /var/lib/nfs/nfsdcld
rpcbind -w
exportfs -o rw,sync,no_root_squash,no_subtree_check,fsid=0 '*:/mnt/disk/export'
# There is no IPv6 here, of which it complains.
rpc.mountd 2>/dev/null
rpc.nfsd 4

# Mounts as a machine with its own network and name would, and so with caches of its own.
machine() {
    name=$1 network=$2
    ip netns add "$name"
    ip link add "to-$name" type veth peer name net netns "$name"
    ip address add "$network.1/24" dev "to-$name"
    ip link set "to-$name" up
    ip -n "$name" address add "$network.2/24" dev net
    ip -n "$name" link set net up
    case $OPTIONS in
        vers=3*) exported=/mnt/disk/export ;;
        *) exported=/ ;;
    esac
    nsenter --net="/run/netns/$name" unshare --uts sh -euc "
        hostname $name
        mount -t nfs -o hard,proto=tcp,$OPTIONS $network.1:$exported /mnt/$name"
}
machine a 10.0.1
machine b 10.0.2
sed -n 's|^.* /mnt/a nfs4* |mounted |p' /proc/mounts

# It remembers nothing from before.
[ -z "${REDIS:-}" ] || redis-server --save '' --bind 127.0.0.1 --daemonize yes >/dev/null

IFS=,
# shellcheck disable=SC2086 # They are to be split.
"$PROGRAMS/$WORK" /mnt/a/db /mnt/b/db $ARGUMENTS 2>&1 || echo wrong
# Without its first process the guest would end, and what it said last be lost among other things.
sleep 1000
