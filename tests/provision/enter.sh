#!/bin/bash
# Becomes a process inside a bare machine's root, in namespaces of its own: whatever is mounted is gone with it.
# Usage: enter.sh ROOT HOSTNAME BINDS COMMAND...   BINDS: a file with `source target` on each line.
set -euo pipefail
root=$1 name=$2 binds=$3
shift 3
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -m 1777 run/lock
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=0755 tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
while read -r source target; do
    mkdir -p "./$target"
    mount --bind "$source" "./$target"
done <"$binds"
pivot_root . mnt
umount -l /mnt
hostname "$name"
cd /
exec "$@"
