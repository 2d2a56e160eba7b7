# The life of the package: installed, upgraded, removed, purged. Run by machine.sh.

fail() {
	echo "FAILED, line ${BASH_LINENO[0]}: $*" >&2
	tail -n 20 /run/dpkg.log /run/systemctl.log /run/legate.log >&2 2>/dev/null || true
	exit 1
}
is() { # is WANT COMMAND...
	local want=$1 got
	shift
	got=$("$@" 2>&1) || true
	[ "$got" = "$want" ] || fail "$* says \"$got\", want \"$want\""
}
serving() {
	for _ in $(seq 300); do
		if [ "$(curl -s http://127.0.0.1:18001/healthz)" = ok ]; then return; fi
		sleep 0.2
	done
	fail "Legate does not run"
}
stopped() { if systemctl is-active legate.service; then fail "Legate runs"; fi; }
state() { stat --format '%F %A %U:%G' "$1"; }
trap 'fail "$BASH_COMMAND"' ERR
# install installs a package. What was changed in a file of settings stays without a question.
install() { dpkg --force-confdef --force-confold --install "$1" >/run/dpkg.log 2>&1 </dev/null; }
rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update # the pages are not indexed again each time

echo "a machine without systemd, such as a container that is built: nothing is started, nothing fails"
mv /run/systemd /run/no-systemd
install old.deb
stopped
dpkg --purge legate >/dev/null
mv /run/no-systemd /run/systemd

echo "a machine whose policy lets nothing start"
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
install old.deb
stopped
systemctl is-enabled legate.service || fail "it is not enabled"
dpkg --purge legate >/dev/null
rm /usr/sbin/policy-rc.d

echo "install: it is enabled and runs, with the default settings, as its own user"
install old.deb
systemctl is-enabled legate.service || fail "it is not enabled"
serving
is legate stat --format %U "/proc/$(cat /run/legate.pid)"
is "legate $(cat old.version)" sh -c 'legate version | head -n 1'
is "legate:x" sh -c 'getent passwd legate | cut -d: -f1,2'
is /usr/sbin/nologin sh -c 'getent passwd legate | cut -d: -f7'
is "directory drwxr-x--- root:legate" state /etc/legate
is "regular file -rw-r----- root:legate" state /etc/legate/legate.yaml
is "directory drwx------ legate:legate" state /var/lib/legate
is ok sudo -u legate legate check config --config /etc/legate/legate.yaml
is "released: 0 holds" sudo -u legate legate holds release --all --admin-socket /run/legate/admin.sock
grep -q -- "--no-block restart legate.service" /run/systemctl.log || fail "dpkg waited until Legate is ready"

echo "systemd accepts the unit, and rates it as protected"
is "" systemd-analyze verify /usr/lib/systemd/system/legate.service
systemd-analyze security --offline=true --no-pager --threshold=20 /usr/lib/systemd/system/legate.service >/tmp/security || fail "$(cat /tmp/security)"

echo "the shell completes, and man finds the pages"
bash -c 'source /usr/share/bash-completion/completions/legate && complete -p legate >/dev/null' || fail "bash does not know it"
[ -s /usr/share/man/man1/legate-serve.1.gz ] || fail "there is no page of legate serve"

echo "upgrade: the settings that were changed stay, and the new program runs"
sed -i 's|^  # level: info$|  level: debug|' /etc/legate/legate.yaml
cp /etc/legate/legate.yaml /tmp/changed
touch /var/lib/legate/kept
before=$(cat /run/legate.pid)
install new.deb
serving
[ "$(cat /run/legate.pid)" != "$before" ] || fail "the old program still runs"
is "legate $(cat new.version)" sh -c 'legate version | head -n 1'
is "" diff /tmp/changed /etc/legate/legate.yaml
[ -e /var/lib/legate/kept ] || fail "the state is gone"

echo "upgrade to a package whose settings differ, too: what was changed stays, the new ones are beside it"
dpkg-deb --raw-extract new.deb /tmp/newer
sed -i 's/^Version: .*/&+1/' /tmp/newer/DEBIAN/control
echo "# one line more" >>/tmp/newer/etc/legate/legate.yaml
dpkg-deb -Znone --build /tmp/newer /tmp/newer.deb >/dev/null
install /tmp/newer.deb
is "" diff /tmp/changed /etc/legate/legate.yaml
grep -q "one line more" /etc/legate/legate.yaml.dpkg-dist || fail "the new settings are not there"
is "regular file -rw-r----- root:legate" state /etc/legate/legate.yaml

echo "what the administrator switched off stays off"
systemctl disable --now legate.service
install new.deb
stopped
if systemctl is-enabled legate.service; then fail "it is enabled again"; fi
systemctl enable --now legate.service
serving

echo "remove: the service is stopped, settings and state stay"
dpkg --remove legate >/dev/null
stopped
[ ! -e /usr/bin/legate ] || fail "the program is still there"
[ ! -e /usr/lib/systemd/system/legate.service ] || fail "the unit is still there"
is "" diff /tmp/changed /etc/legate/legate.yaml
[ -e /var/lib/legate/kept ] || fail "the state is gone"

echo "install again: it runs, with the settings that were kept"
install new.deb
serving
is "" diff /tmp/changed /etc/legate/legate.yaml

echo "purge: settings and state are gone, the user stays"
dpkg --purge legate >/dev/null
stopped
[ ! -e /var/lib/legate ] || fail "the state is still there"
[ ! -e /etc/legate/legate.yaml ] || fail "the settings are still there"
is "legate:x" sh -c 'getent passwd legate | cut -d: -f1,2'
is "" find /etc/systemd -name 'legate*'
echo "all is as it should be"
