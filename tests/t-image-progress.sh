# how far long work on images is: a bar on a terminal, lines elsewhere, nothing when asked or quick
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"

store=$XDG_DATA_HOME/rootlet
export ROOTLET store
mkdir -p "$tmp/tree/bin"
cp "$testbin/probe" "$tmp/tree/bin/"
tar -C "$tmp/tree" --owner=0 --group=0 -czf "$tmp/quick.tar.gz" .

# What follows the end of the archive is read, for its digest: a second or so of work, on no disk.
head -c 33554432 /dev/zero | gzip -1n >"$tmp/zeros"
cp "$tmp/quick.tar.gz" "$tmp/long.tar.gz"
for _ in $(seq 24); do cat "$tmp/zeros"; done >>"$tmp/long.tar.gz"

# A pipe that takes its time.
cat >"$tmp/slowly" <<'X'
cat "$1"
sleep 0.4
head -c 100000 /dev/zero
X
slowly() { sh "$tmp/slowly" "$tmp/quick.tar.gz"; }

# says OUT ERR COMMAND...: standard output and standard error match these patterns, whole lines.
says() {
	want_out=$1 want_err=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" || return
	cat "$tmp/out" "$tmp/err"
	[ "$(wc -l <"$tmp/out")" -le 1 ] && grep -qvEx -e "$want_out" "$tmp/out" && return 1
	[ -s "$tmp/err" ] && ! grep -vEx -e "$want_err" "$tmp/err"
}
digest='sha256:[0-9a-f]{64}'
forget_layers() { chmod -R u+rwx "$store"/layers/* && rm -rf "$store"/layers/*/*; }

slow_import() { slowly | "$ROOTLET" import "$@" - slow; }
test_ok "a line on what is no terminal" says "$digest" 'unpacked, [0-9.]+K' slow_import
quiet_import() { slow_import --quiet 2>"$tmp/err" && ! [ -s "$tmp/err" ]; }
test_ok "nothing with --quiet" quiet_import
quick() { "$ROOTLET" import "$tmp/quick.tar.gz" quick 2>"$tmp/err" && ! [ -s "$tmp/err" ]; }
test_ok "nothing when it is quick" quick
"$ROOTLET" import -q "$tmp/long.tar.gz" long >/dev/null
run_again() { forget_layers && "$ROOTLET" run "$@" long probe ids; }
test_ok "run tells of each layer that it unpacks" says '0 0 0 0: ?.*' 'unpacked layer 1/1, [0-9.]+M' run_again
test_ok "once" sh -c '"$ROOTLET" run long probe ids 2>&1 >/dev/null | cmp - /dev/null'
run_quietly() { run_again --quiet 2>"$tmp/err" && ! [ -s "$tmp/err" ]; }
test_ok "not with --quiet" run_quietly

terminal() { TERM=$1 && shift && export TERM && "$testbin/pty" drive "$@"; }
test_ok "a bar on a terminal, gone before the result is printed" \
	terminal xterm "$ROOTLET" import "$tmp/long.tar.gz" long <<'X'
expect unpacking [
expect /s\e[K
expect \r\e[K
expect sha256:
absent \n\n
exit 0
X
test_ok "a smaller one in a narrow window" terminal xterm sh -c 'stty cols 30; exec "$ROOTLET" import "$0" long' \
	"$tmp/long.tar.gz" <<'X'
expect unpacking
expect sha256:
absent [#
absent [.
exit 0
X
test_ok "lines where the terminal is dumb" terminal dumb "$ROOTLET" import "$tmp/long.tar.gz" long <<'X'
expect unpacked, 
expect sha256:
absent unpacking
absent \e
exit 0
X
test_ok "nothing with --quiet" terminal xterm "$ROOTLET" import --quiet "$tmp/long.tar.gz" long <<'X'
expect sha256:
absent unpack
absent \e
exit 0
X
forget_layers
test_ok "run has a bar too, and none in the way of the program" terminal xterm "$ROOTLET" run long probe ids <<'X'
expect unpacking layer 1/1
expect \r\e[K
expect 0 0 0 0:
exit 0
X
{
	seq 1000 >"$tmp/none"
	tar -C "$tmp" -cf - none | head -c 512
	printf '\0%s\n' "$(seq 1000)"
} >"$tmp/broken.tar"
test_ok "none in the way of an error" \
	terminal xterm sh -c '{ cat "$0"; sleep 0.5; cat "$0"; sleep 0.2; cat "$0"; } | "$ROOTLET" import - x' "$tmp/broken.tar" <<'X'
expect reading
expect \r\e[Krootlet: 
exit 125
X
test_done
