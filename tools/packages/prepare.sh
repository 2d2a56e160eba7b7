#!/bin/sh
# Makes what archives and packages hold beside the program: texts, completion, manual pages, the unit, scripts. GoReleaser
# runs it before it builds. The unit is the one of examples/sidecar, with the path that packages have.
set -eu
umask 022
cd "$(dirname "$0")/../.."
made=tools/packages/made
rm -rf "$made"
mkdir -p "$made/completions" "$made/man" "$made/doc" "$made/apk"

# Copies have the modes of this script's umask, whatever that of the checkout was.
git ls-files --cached --others --exclude-standard README.md CHANGELOG.md 'docs/*.md' examples | grep -v '\.go$' | while read -r file; do
	mkdir -p "$made/doc/$(dirname "$file")"
	cat "$file" >"$made/doc/$file"
done

CGO_ENABLED=0 go build -trimpath -buildvcs=true -ldflags "-s -w -buildid=" -o "$made/legate" .
if [ "$("$made/legate" version | head -n 1)" = "legate (devel)" ]; then
	echo "Go finds no commit here, so the program has no version: use a clone of the repository, not a worktree or a copy" >&2
	exit 1
fi
"$made/legate" completion bash >"$made/completions/legate"
"$made/legate" completion zsh >"$made/completions/_legate"
"$made/legate" completion fish >"$made/completions/legate.fish"
"$made/legate" man --folder "$made/man" >/dev/null
gzip -9n "$made"/man/*.1
rm "$made/legate"

sed -e 's|^# /etc/systemd/system/legate.service$|# Change it with "systemctl edit legate": an upgrade replaces this file.|' \
	-e 's|/usr/local/bin/legate|/usr/bin/legate|' \
	examples/sidecar/legate.service >"$made/legate.service"

# An apk keeps the times of its scripts, and nfpm takes those of the files. They are the commit's, as all others.
time=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M.%S)
for script in pre-install pre-deinstall post-upgrade; do
	cat "tools/packages/apk/$script" >"$made/apk/$script"
	chmod 0755 "$made/apk/$script"
	TZ=UTC touch -t "$time" "$made/apk/$script"
done
