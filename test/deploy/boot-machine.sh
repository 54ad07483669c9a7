#!/bin/sh
# Boots systemd on a copy of this host's root that keeps nothing: called in namespaces of its own for mounts, processes, cgroups, network
# and names. $1 is an empty folder to mount it on, $2 the name of the machine; whatever is written goes to memory, and is gone when systemd ends.
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
# Nothing of what this host starts: only what the test installs.
rm -rf etc/systemd/system/* etc/fstab root/.local/state/locum root/.config/locum var/lib/locum*
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
make_device() { mknod -m 666 "dev/$1" c "$2" "$3"; }
make_device null 1 3
make_device zero 1 5
make_device full 1 7
make_device random 1 8
make_device urandom 1 9
make_device tty 5 0
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mkdir dev/pts dev/shm
ip link set lo up
echo "$2" >etc/hostname
printf '%s\n' '127.0.0.1 localhost' '10.216.0.1 controller.example' >etc/hosts
# systemd then leaves alone what is not a container's to set.
export container=locum-test
exec chroot . /lib/systemd/systemd --unit=basic.target --log-target=console --log-level=warning --show-status=no
