# many sandboxes at once, and rootlet killed at every moment: nothing is lost, nothing is left
# shellcheck shell=sh disable=SC2016,SC2030,SC2031
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
export base

# A program of our own name: PID 1 of a sandbox shows nothing else of its command line.
cp "$ROOTLET" "$tmp/rootlet"
ROOTLET=$tmp/rootlet
scratch=$XDG_DATA_HOME/rootlet/scratch
run() { "$ROOTLET" run "$@"; }
removed() {
	wait_empty "$scratch" || {
		find "$scratch" | head -n 30
		return 1
	}
}
# Processes of ours that are running: what rootlet is and what it starts has our names in its words.
seconds=30.0$$
printf '%s\n' "$base" "$seconds" "$ROOTLET" >"$tmp/names"
none_left() { none_named 400; }

# parallel N AT-ONCE OPTION...: N starts, each prints its number.
parallel() {
	seq "$1" >"$tmp/wanted"
	at_once=$2
	shift 2
	xargs -P "$at_once" -I '{}' "$ROOTLET" run "$@" "$base" /bin/probe args '{}' \
		<"$tmp/wanted" >"$tmp/printed" 2>"$tmp/stderr"
	status=$?
	head "$tmp/stderr"
	tr -d '<>' <"$tmp/printed" | sort -n | diff "$tmp/wanted" - &&
		[ "$status" = 0 ] && [ ! -s "$tmp/stderr" ]
}
test_ok "100 starts, 8 at a time, all do their work" parallel 100 8
test_ok "their layers are removed" removed
test_ram "with the layer in memory" parallel 100 8 --layer=ram
test_ok "with one id" parallel 100 8 --idmap=single
test_ok "40 at once" parallel 40 40
first_starts() (
	XDG_DATA_HOME=$tmp/fresh
	export XDG_DATA_HOME
	parallel 16 16 && wait_empty "$tmp/fresh/rootlet/scratch"
)
test_ok "16 at once where there is no data directory yet" first_starts
compile_at_once() {
	cp "$srcdir/src/seccomp/default.json" "$tmp/profile.json" &&
		parallel 16 16 --seccomp "$tmp/profile.json" &&
		ls -A "$XDG_DATA_HOME/rootlet/cache" >"$tmp/cache" && cat "$tmp/cache" &&
		[ "$(wc -l <"$tmp/cache")" = 1 ]
}
test_ok "16 at once that compile the same profile keep one" compile_at_once
test_ok "no process is left" none_left

# All three processes of a sandbox are seen, or the tests below would show nothing.
ours_are_seen() {
	"$ROOTLET" run "$base" /bin/probe sleep "$seconds" >/dev/null 2>&1 &
	launcher=$!
	for _ in $(seq 60); do
		seen=$(ours | wc -l)
		[ "$seen" -ge 3 ] && break
		sleep 0.05
	done
	{ kill -9 "$launcher" && wait "$launcher"; } 2>/dev/null
	[ "$seen" -ge 3 ] && none_left
}
test_if plain_start "it is started by a script here" "a sandbox is seen from outside, and gone when rootlet is killed" ours_are_seen

# killed_at COUNT STEP [OPTION...]: so many at once; the Nth is killed N * STEP tenths of a
# millisecond later.
killed_at() {
	count=$1 step=$2
	shift 2
	for n in $(seq "$count"); do
		(
			"$ROOTLET" run "$@" "$base" /bin/probe sleep "$seconds" >/dev/null 2>&1 &
			victim=$!
			sleep "$(awk -v n=$((n * step)) 'BEGIN { printf "%.4f", n / 10000 }')"
			kill -9 "$victim"
			wait "$victim"
		) 2>/dev/null &
	done
	wait
}
many_killed() {
	killed_at 40 15 "$@"
	none_left
}
test_ok "40 at once, killed within 60 ms: no process is left" many_killed
swept() { run "$base" /bin/true && removed; }
test_ok "the next command removes their layers" swept
test_ok "the same without init" many_killed --init=no
sweep_at_once() { parallel 16 16 && removed; }
test_ok "16 next commands at once do not get in each other's way" sweep_at_once
# Alone a start takes some milliseconds: each of its steps is met.
one_by_one() {
	for n in $(seq 40); do
		killed_at 1 $((n * 2)) "$@"
	done
	none_left
}
test_ok "one by one, killed within 8 ms" one_by_one
test_ram "the same with the layer in memory" one_by_one --layer=ram
# On a busy machine the first one may be some time in coming.
kill_children() {
	for _ in $(seq 100); do
		# The line has no end.
		read -r child _ 2>/dev/null <"/proc/$1/task/$1/children"
		[ -n "$child" ] && kill -9 "$child" 2>/dev/null && return
		sleep 0.05
	done
	return 1
}
init_killed() {
	for n in $(seq 20); do
		"$ROOTLET" run "$base" /bin/probe sleep "$seconds" >/dev/null 2>&1 &
		launcher=$!
		sleep "$(awk -v n="$n" 'BEGIN { printf "%.4f", n / 2000 }')"
		kill_children "$launcher"
		wait "$launcher" && return 1
	done
	none_left
}
test_ok "what rootlet started is killed: it ends, with an error" init_killed
test_ok "the layers of all these are removed" swept
test_ok "no mount is left" no_mount
test_done
