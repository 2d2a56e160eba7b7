#!/bin/bash
# Runs a script as root of a copy of this machine: it has a file system of its own, on which all that it writes is gone
# at its end, processes of its own, and a network of its own that leads nowhere.
# usage: machine.sh FOLDER SCRIPT: the folder is /media of the copy, and the script is in it.
set -euo pipefail
if [ "${1:-}" != inside ]; then
	exec unshare --mount --net --pid --fork --kill-child "$0" inside "$@"
fi
mount --make-rprivate /
over=/mnt
mount -t tmpfs -o mode=0755 tmpfs "$over"
mkdir "$over/written" "$over/work" "$over/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$over/written,workdir=$over/work" "$over/root"
root=$over/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/media"
cp -r "$2/." "$root/media/"
ip link set lo up
mv "$root/usr/bin/systemctl" "$root/usr/bin/systemctl.real" # apt looks for programs in no other folder
install -m 0755 "$root/media/systemctl" "$root/usr/bin/systemctl"
# The copy belongs to root, who needs no sudo; without -u that is who runs the command.
cat >"$root/usr/local/bin/sudo" <<'SUDO'
#!/bin/sh
if [ "$1" = -u ]; then user=$2; shift 2; exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"; fi
exec "$@"
SUDO
chmod 0755 "$root/usr/local/bin/sudo"
mkdir -p "$root/run/systemd/system"
exec chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/bash -euo pipefail -c "cd /media && . ./$3"
