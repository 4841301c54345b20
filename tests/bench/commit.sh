#!/bin/sh
# How long a commit takes, beside buildah; `make bench-images` calls this.
#
#   commit.sh BUILD-DIRECTORY [ROUNDS]
#
# Both begin with the same image in their own store and a container of it that has 20000 files more,
# and end with a new image in that store that can be run.  As an ordinary user with subordinate ids,
# or as root.
set -eu

build=$(cd "$1" && pwd)
rounds=${2-5}
bench=$build/tests/bench/bench
rootlet=$build/rootlet
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/rootlet-bench.XXXXXX")
XDG_DATA_HOME=$tmp/data
export XDG_DATA_HOME rootlet tmp
have() { command -v "$1" >/dev/null; }
heading() { printf '\n%s\n' "$*"; }

cleanup() {
	"$rootlet" unshare chmod -R u+rwx "$tmp" 2>/dev/null || chmod -R u+rwx "$tmp" 2>/dev/null || true
	"$rootlet" unshare rm -rf "$tmp/data" 2>/dev/null || true
	[ ! -e "$tmp/buildah" ] || b unshare rm -rf "$tmp/buildah" 2>/dev/null || true
	# As root it mounts its own directory there.
	umount "$tmp/buildah/overlay" 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# An image of a shell and cp, with what they load.
mkdir -p "$tmp/base/bin" "$tmp/base/tmp"
for p in sh cp; do
	p=$(command -v "$p")
	cp -L "$p" "$tmp/base/bin/"
	for f in $(ldd "$p" | grep -o '/[^ ]*'); do
		mkdir -p "$tmp/base${f%/*}"
		cp -L "$f" "$tmp/base$f"
	done
done
tar -C "$tmp/base" --owner=0 --group=0 -cf "$tmp/base.tar" .
"$rootlet" import -q "$tmp/base.tar" base >/dev/null

# 100 directories of 200 files of 1 KiB.
for d in $(seq 100); do
	mkdir -p "$tmp/files/$d"
	head -c 153600 /dev/urandom | base64 -w 0 | split -a 3 -b 1024 - "$tmp/files/$d/f"
done
"$rootlet" run --keep --name many -v "$tmp/files:/in:ro" base cp -r /in /out
"$rootlet" run --keep --name one base sh -c 'echo x >/new'
"$rootlet" run --keep --name none base true 2>/dev/null || "$rootlet" run --keep --name none base sh -c :

heading "Commit of a change of one file, and of no change, to a small image"
"$bench" -n $((rounds * 4)) -u 1 -b "\"\$rootlet\" rmi new >/dev/null 2>&1; \"\$rootlet\" prune >/dev/null" \
	"no change" "$rootlet" commit -q none new , \
	"one file" "$rootlet" commit -q one new || true

# The first of these that works here.
b() { buildah --root "$tmp/buildah" --runroot "$tmp/run" --storage-driver "$driver" "$@"; }
prepare() {
	for driver in overlay vfs; do
		rm -rf "$tmp/buildah" 2>/dev/null || true
		{ b from -q --name empty scratch && b add -q empty "$tmp/base.tar" / && b commit -q empty base &&
			b from -q --name many base && b copy -q many "$tmp/files" /out; } >/dev/null 2>"$tmp/why" && return
	done
	return 1
}
heading "Commit of 20000 small files (the first is the reference)"
if ! have buildah; then
	echo "skipped: buildah is not installed"
elif ! prepare; then
	echo "skipped: buildah does not work here: $(tail -n 1 "$tmp/why")"
else
	export driver
	"$bench" -n "$rounds" -u 1 -b '"$rootlet" rmi new >/dev/null 2>&1; "$rootlet" prune >/dev/null
			buildah --root "$tmp/buildah" --runroot "$tmp/run" --storage-driver "$driver" rmi new >/dev/null 2>&1; :' \
		"buildah commit ($driver)" "$(command -v buildah)" --root "$tmp/buildah" --runroot "$tmp/run" \
			--storage-driver "$driver" commit -q many new , \
		"rootlet commit" "$rootlet" commit -q many new || true
fi
