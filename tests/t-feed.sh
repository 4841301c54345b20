# feed: what rootlet-registry hands on is believed by nobody; whatever it is, the store is right afterwards
# shellcheck shell=sh disable=SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

# The helpers as they are, and feed.py in place of the one that has the network.
libexec=$tmp/libexec
mkdir "$libexec"
for helper in "${ROOTLET_LIBEXEC:-$(dirname "$ROOTLET")/libexec}"/*; do
	ln -s "$helper" "$libexec/"
done
rm -f "$libexec/rootlet-registry"
cp "$srcdir/tests/feed.py" "$libexec/rootlet-registry"
chmod 755 "$libexec/rootlet-registry"
store=$XDG_DATA_HOME/rootlet
FEED_PROGRAM=$testbin/probe
export FEED_PROGRAM
rootlet() { ROOTLET_LIBEXEC=$libexec "$ROOTLET" "$@"; }
# pull CASE [OPTIONS]
pull() {
	FEED_CASE=$1
	export FEED_CASE
	shift
	rootlet pull "$@" fed:1
}
fresh() { rm -rf "$store" 2>/dev/null || "$ROOTLET" unshare rm -rf "$store"; }
word() { rootlet run --pull=never "$@" fed:1 probe cat /word; }

# --- what is well ---

good() {
	fresh
	pull "$1" && prints ours word && rootlet verify && prints fed:1 rootlet images --format names && [ -z "$(ls "$store/partial")" ]
}
test_ok "an image in pieces" good pieces
test_ok "slowly" good slow
test_ok "in whole files" good whole
test_ok "in files without a name" good unnamed
test_ok "in more descriptors than are wanted" good answer-many
test_ok "of an index, what is for this machine" good index
others_missing() { ! rootlet run --pull=never --platform linux/s390x fed:1 true 2>"$tmp/err" && rootlet df >/dev/null && rootlet prune; }
test_ok "and nothing else" others_missing
test_ok "of an index, all" good all
others_there() { word --platform linux/s390x | grep -qx theirs; }
test_ok "which is there then" others_there
unnamed() {
	fresh
	FEED_NAME='' pull pieces && prints - rootlet images --format names && rootlet images -q | grep -q . && rootlet verify
}
test_ok "an image without a name" unnamed
test_ok "nothing is done when there is nothing to do" pull same
known() { good pieces && rm -rf "$store/blobs" 2>/dev/null && mkdir -p "$store/blobs/sha256" && pull pieces && rootlet verify && prints ours word; }
test_ok "blobs of layers that are unpacked already are fetched" known
kept() { fresh; pull pieces && chmod -R u+w "$store/cache" && rm -rf "$store/cache"/* && pull pieces && prints ours word; }
test_ok "blobs that are there are not" kept

# --- what is not ---

nothing() {
	[ -z "$(find "$store/blobs" "$store/layers" -mindepth 2 2>/dev/null)" ] && [ -z "$(rootlet images -q)" ] && return
	find "$store"
	return 1
}
refused() {
	fresh
	fails_with "$2" timeout 60 env FEED_CASE="$1" ROOTLET_LIBEXEC="$libexec" "$ROOTLET" pull fed:1 && nothing
}
# bad CASE TEXT
bad() { test_ok "$1: '$2'" refused "$1" "$2"; }
bad layer-digest "layer 5"
bad layer-content "layer 5"
bad layer-size "bytes, not"
bad layer-type "its compression is gzip, not zstd"
bad layer-no-type "media type 'text/plain'"
bad layer-longer "layer"
bad diff-id "its content is sha256:"
bad config-digest "has other content"
bad config-size "bytes, not"
bad config-endless "bytes"
bad all-lies "it is sha256:"
bad first-digest "is not a digest"
bad first-type "neither an image nor an index"
bad first-size "size of an image"
bad first-platform "a/b/c/d"
bad first-words "no image came"
bad first-unknown "no image came"
bad first-none "nothing is said"
bad first-size-lie "bytes, not"
bad first-type-lie "is not of media type"
bad first-other-digest "has other content"
for case in unknown empty unfinished long words; do
	bad answer-$case "is not understood"
done
for case in alone directory device foreign no-pipe; do
	bad answer-$case "came as no file of the store"
done
bad cut "it was cut"
bad cut-silent "it was cut"
bad cut-lie "layer"
for n in 0 1 2 3 5; do
	bad gone-$n "gone"
done
for n in 1 2 3 5; do
	bad refuse-$n "refused"
done
foreign_unchanged() { [ "$(stat -c %a "$FEED_PROGRAM")" = "$mode" ]; }
mode=$(stat -c %a "$FEED_PROGRAM")
test_ok "a file that is no part of a download is left as it is" foreign_unchanged
for name in host:latest UPPER "a b" ../../x; do
	bad_name() { FEED_NAME=$name refused pieces "$name"; }
	export FEED_NAME
	test_ok "an image named '$name'" bad_name
done
unset FEED_NAME
stays() {
	good pieces && digest=$(rootlet images -q) &&
		for case in layer-digest diff-id cut gone-4; do
			FEED_VERSION=2 pull "$case" 2>/dev/null && return 1
			[ "$(rootlet images -q)" = "$digest" ] && prints 1 rootlet run --pull=never fed:1 probe cat /version || return
		done
	FEED_VERSION=2 pull pieces && prints 2 rootlet run --pull=never fed:1 probe cat /version
}
test_ok "a name that is there stays until all is well" stays

# --- killed ---

# killed NAME: one of the helpers, at any moment.
killed() {
	for n in $(seq 6); do
		fresh
		FEED_CASE=slow
		export FEED_CASE
		rootlet pull fed:1 >/dev/null 2>"$tmp/err" &
		pid=$!
		sleep "$(awk -v n="$n" 'BEGIN { printf "%.3f", n / 15 }')"
		find_pid "$1" && kill -9 "$found" 2>/dev/null
		wait "$pid"
		got=$?
		# What it has unpacked by then the next prune removes.
		rootlet prune >/dev/null 2>&1
		if [ "$got" = 0 ]; then
			prints ours word || return
		elif [ "$got" != 125 ]; then
			echo "exit status $got"
			return 1
		elif ! nothing >"$tmp/left"; then
			# It was all there by then.
			prints ours word || {
				cat "$tmp/left"
				return 1
			}
		fi
		pull pieces >/dev/null && prints ours word && rootlet verify || return
	done
}
# Its command line begins with the verb, or it is feed.py.
find_pid() {
	found=$(for p in /proc/[0-9]*; do
		[ -r "$p/environ" ] && tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -qxF "XDG_DATA_HOME=$XDG_DATA_HOME" &&
			tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q "$1" && echo "${p#/proc/}"
	done | head -n 1)
	[ "$found" ]
}
test_ok "who fetches is killed at any moment" killed '^[^ ]*python3 .*rootlet-registry'
test_ok "who unpacks is killed at any moment" killed '^receive '
nobody_left() { echo "$libexec" >"$tmp/names" && none_named 200; }
test_ok "nobody is left" nobody_left
test_done
