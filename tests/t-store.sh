# the store of images: what is in use stays, what nobody refers to goes, and nothing is ever half made
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

store=$XDG_DATA_HOME/rootlet
rootlet() { "$ROOTLET" "$@"; }
run() { "$ROOTLET" run "$@"; }

tree=$tmp/tree
mkdir -p "$tree/bin" "$tree/etc" "$tree/dir"
cp "$testbin/probe" "$testbin/payload" "$tree/bin/"
ln -s probe "$tree/bin/true"
printf 'root:x:0:0::/root:/bin/sh\n' >"$tree/etc/passwd"
printf 'root:x:0:\n' >"$tree/etc/group"
echo first >"$tree/dir/file"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -czf "$tmp/tree.tar.gz" .
digest_of() { rootlet inspect "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"][7:])'; }
import() { rootlet import "$tmp/tree.tar.gz" "$1"; }

# --- what is in use ---

# in_use COMMAND...: while a run of image "used" waits.
in_use() {
	mkfifo "$tmp/gate" && run used probe cat <"$tmp/gate" >"$tmp/said" &
	in_use_pid=$!
	while [ ! -p "$tmp/gate" ]; do sleep 0.01; done
	exec 9>"$tmp/gate"
	echo started >&9
	wait_line "$tmp/said" started && "$@"
	in_use_status=$?
	exec 9>&-
	wait "$in_use_pid" && rm "$tmp/gate" && return "$in_use_status"
}
record=
locked() { ! flock -n "$record" true; }
test_ok "an image is imported" import used
test_ok "and runs" prints first run used probe cat /dir/file
record=$store/cache/image-$(digest_of used)
test_ok "its record is nobody's then" flock -n "$record" true
test_ok "a run keeps it locked" in_use locked
test_ok "until it ends" flock -n "$record" true
locked_after_prepare() { rootlet tag used again && rm "$store/cache/names" && run again true && locked; }
test_ok "also when the name is looked up anew meanwhile" in_use locked_after_prepare
locked_aside() {
	printf 'another\0' >"$tmp/odd" && cat "$tmp/odd" >>"$record" && rm "$store/cache/names" &&
		run used true && flock -n "$record" true && for r in "$record"-*; do ! flock -n "$r" true || return; done
}
test_ok "and when a record has to be made anew" in_use locked_aside
removed_under() {
	mv "$record" "$record.away" && run used true && [ -f "$record" ] && rm "$record.away"
}
test_ok "a record that is gone is made again" removed_under
test_ok "the program does not have it" prints "0 1 2 " run used probe fds
# --- where it is ---

other=$tmp/other/store
elsewhere() {
	rootlet --store "$other" import "$tmp/tree.tar.gz" here >/dev/null && [ -f "$other/oci-layout" ] &&
		prints here:latest rootlet --store="$other" images --format names &&
		! rootlet images --format names | grep here
}
test_ok "--store is another place" elsewhere
test_ok "so is ROOTLET_STORE" prints here:latest env ROOTLET_STORE="$other" "$ROOTLET" images --format names
test_ok "from which an image runs" prints first rootlet --store="$other" run here probe cat /dir/file
relative() { (cd "$tmp/other" && prints here:latest rootlet --store ./store images --format names); }
test_ok "--store may be relative" relative
test_ok "ROOTLET_STORE may not" fails_with "not an absolute path" env ROOTLET_STORE=other "$ROOTLET" images
test_ok "--store wins" prints here:latest env ROOTLET_STORE=/none "$ROOTLET" --store="$other" images --format names
for words in --store --store= "--store $other" "--storey=x images"; do
	# shellcheck disable=SC2086 # words
	test_ok "'$(echo "$words" | sed "s|$tmp|...|")' is no command line" status 125 rootlet $words
done
everything_there() {
	rootlet --store "$tmp/third" run host sh -c "ls -A '$store' '$other'" >"$tmp/said" 2>&1
	[ -d "$tmp/third/scratch" ] && [ "$(ls "$tmp/third")" = scratch ]
}
test_ok "layers of runs are there, too" everything_there
masked() { rootlet --store "$1" run -v "$tmp:/t" host sh -c 'ls -A "$1" 2>/dev/null | wc -l' sh "/t/${2:-other/store}"; }
test_ok "programs do not see into it" prints 0 masked "$other"
ln -s other/store "$tmp/link"
test_ok "nor when its name is a link" prints 0 masked "$tmp/link"
taken() {
	mkdir -p "$tmp/taken" && : >"$tmp/taken/file" && chmod 755 "$tmp/taken" &&
		fails_with "is no store" rootlet --store "$tmp/taken" images && [ "$(ls -A "$tmp/taken")" = file ] &&
		[ "$(stat -c %a "$tmp/taken")" = 755 ]
}
test_ok "a directory of something else is left alone" taken
test_done
