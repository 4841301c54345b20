#!/bin/sh
# How long a start takes, beside others; `make bench` calls this.
#
#   run.sh BUILD-DIRECTORY [ROUNDS]
#
# Run it as an ordinary user: as root the peers do other things.  All programs of a table are started
# in turn, so a ratio is that of starts next to each other; what counts are medians and ratios, not
# milliseconds.
set -eu

build=$(cd "$1" && pwd)
rounds=${2-200}
rootlet=$build/rootlet
bench=$build/tests/bench/bench
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/rootlet-bench.XXXXXX")
XDG_DATA_HOME=$tmp/data
export XDG_DATA_HOME
sleeper=
trap '[ -z "$sleeper" ] || kill "$sleeper" 2>/dev/null; wait; rm -rf "$tmp"' EXIT

base=$tmp/base
for d in bin dev etc proc sys tmp; do mkdir -p "$base/$d"; done
cp "$build/tests/probe" "$base/bin/probe"
ln "$base/bin/probe" "$base/bin/true"
cd "$tmp"

have() { command -v "$1" >/dev/null; }
heading() { printf '\n%s\n' "$*"; }

# A runtime bundle for crun, with the same namespaces.
bundle() {
	mkdir -p "$tmp/bundle"
	(cd "$tmp/bundle" && crun spec --rootless) || return 1
	sed -e 's|"path": "rootfs"|"path": "'"$base"'"|' -e 's|"terminal": true|"terminal": false|' \
		-e 's|"sh"|"/bin/true"|' "$tmp/bundle/config.json" >"$tmp/bundle/new"
	mv "$tmp/bundle/new" "$tmp/bundle/config.json"
	crun --root "$tmp/crun" run --bundle "$tmp/bundle" bench >/dev/null 2>&1
}

heading "Start of /bin/true over a directory, one user id, no network (the first is the reference)"
bwrap="$(command -v bwrap || true)"
if [ -n "$bwrap" ]; then
	"$bench" -n "$rounds" \
		"bwrap, read-only" "$bwrap" --ro-bind "$base" / --proc /proc --dev /dev --tmpfs /tmp \
			--unshare-all /bin/true , \
		"bare system calls" "$build/tests/bench/limit" "$base" /bin/true , \
		"rootlet --layer=ram" "$rootlet" run --idmap=single --layer=ram "$base" /bin/true , \
		"rootlet (layer on disk)" "$rootlet" run --idmap=single "$base" /bin/true , \
		"rootlet --read-only" "$rootlet" run --idmap=single --read-only "$base" /bin/true || true
else
	echo "bwrap is not installed"
fi

heading "Against the bare system calls"
"$bench" -n "$rounds" \
	"bare system calls" "$build/tests/bench/limit" "$base" /bin/true , \
	"rootlet --layer=ram" "$rootlet" run --idmap=single --layer=ram "$base" /bin/true

if [ -n "$bwrap" ]; then
	ln -s "$rootlet" "$tmp/bwrap"
	# beside LABEL ARG...: the same command line for both.
	beside() {
		heading "rootlet as bwrap: $1"
		shift
		"$bench" -n "$rounds" bwrap "$bwrap" "$@" /bin/true , rootlet "$tmp/bwrap" "$@" /bin/true
	}
	beside "a bind alone" --ro-bind "$base" /
	beside "with /dev and /proc" --ro-bind "$base" / --dev /dev --proc /proc --unshare-pid
	beside "everything unshared" --ro-bind "$base" / --proc /proc --dev /dev --tmpfs /tmp --unshare-all
	beside "the whole machine" --dev-bind / / --unshare-pid --proc /proc --dev /dev --tmpfs /tmp \
		--die-with-parent --new-session
fi

heading "The same with what --idmap=auto chooses here, and over the whole machine"
"$bench" -n $((rounds / 4 + 1)) \
	"rootlet run DIR" "$rootlet" run "$base" /bin/true , \
	"rootlet run --idmap=single DIR" "$rootlet" run --idmap=single "$base" /bin/true , \
	"rootlet run host" "$rootlet" run host /bin/true

# An image of 20 layers, each with something in the same directories.
layers() {
	"$rootlet" import -q "$base" layers:1 >/dev/null || return
	for i in $(seq 2 20); do
		"$rootlet" run -q --idmap=single --commit="layers:$i" "layers:$((i - 1))" \
			/bin/probe write "/bin/$i" "/etc/$i" >/dev/null || return
	done
}
# Their directories, topmost first, relative to where they are.
layer_names() {
	digest=$(tr '\0' '\n' <"$tmp/data/rootlet/cache/names" | sed -n 's/^layers:20=sha256://p')
	tr '\0' '\n' <"$tmp/data/rootlet/cache/image-$digest" | sed -n 's/^layer=//p' | tac | paste -sd :
}
heading "An image of 20 layers, beside a directory (make bench-images: with a large one)"
if layers; then
	"$bench" -n "$rounds" \
		"rootlet run DIRECTORY" "$rootlet" run --idmap=single --layer=ram "$base" /bin/true , \
		"rootlet run IMAGE" "$rootlet" run --idmap=single --layer=ram layers:20 /bin/true
	heading "The same by bare system calls: what the kernel takes for 20 layers"
	(cd "$tmp/data/rootlet/layers/single" && "$bench" -n "$rounds" \
		"directory" "$build/tests/bench/limit" "$base" /bin/true , \
		"20 layers" "$build/tests/bench/limit" "$(layer_names)" /bin/true)
else
	echo "no image can be made here"
fi

heading "Slower peers"
set -- "rootlet (layer on disk)" "$rootlet" run --idmap=single "$base" /bin/true
if have proot; then
	set -- "$@" , proot "$(command -v proot)" -r "$base" /bin/true
fi
if have crun && bundle; then
	set -- "$@" , crun "$(command -v crun)" --root "$tmp/crun" run --bundle "$tmp/bundle" bench
fi
if have podman && podman run --rm --rootfs --network=none "$base" /bin/true >/dev/null 2>&1; then
	set -- "$@" , podman "$(command -v podman)" run --rm --network=none --rootfs "$base" /bin/true
fi
"$bench" -n $((rounds / 20 + 1)) "$@" || true

heading "Memory while the program sleeps (PSS, without the program)"
"$rootlet" run --idmap=single --layer=ram "$base" /bin/probe sleep 30 &
sleeper=$!
sleep 0.5
total=0
for p in $sleeper $(cat "/proc/$sleeper/task/$sleeper/children"); do
	# PID 1 of a sandbox does not show its memory to its own user; root can see it.
	kb=$(awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup" 2>/dev/null || true)
	echo "$(cat "/proc/$p/comm") ($p): ${kb:-not readable; run this part as root} KiB"
	total=$((total + ${kb:-0}))
done
echo "total: $total KiB"

if have strace; then
	heading "System calls from our execve to the program's"
	strace -f -qq -o "$tmp/trace" "$rootlet" run --idmap=single --layer=ram "$base" /bin/true
	# A call that another process's line interrupts is printed twice: count its first half.
	awk '/ resumed>/ { next } { n++ } / execve\(/ { if (++seen == 2) { print n - 2; exit } }' "$tmp/trace"
fi
