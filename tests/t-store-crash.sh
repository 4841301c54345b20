# the store under kill -9 at any moment, thirty processes at once, and things planted in it
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

# How often something is killed.
kills=${ROOTLET_TEST_KILLS:-60}
store=$XDG_DATA_HOME/rootlet
rootlet() { "$ROOTLET" "$@"; }
have_skopeo() { command -v skopeo >/dev/null; }
have_umoci() { command -v umoci >/dev/null; }

tree=$tmp/tree
mkdir -p "$tree/bin" "$tree/dir"
cp "$testbin/probe" "$testbin/payload" "$tree/bin/"
ln -s probe "$tree/bin/true"
echo first >"$tree/dir/file"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -czf "$tmp/tree.tar.gz" .
import() { rootlet import -m "$1" "$tmp/tree.tar.gz" "$1" >/dev/null; }

# Every name has all its blobs, every blob is what its name says.
is_whole() {
	python3 - "$store" <<'END'
import hashlib, json, os, sys
store = sys.argv[1]
blobs = store + "/blobs/sha256/"
for name in os.listdir(blobs):
    if not name.startswith(".tmp-"):
        assert hashlib.sha256(open(blobs + name, "rb").read()).hexdigest() == name, name
for d in json.load(open(store + "/index.json"))["manifests"]:
    manifest = json.load(open(blobs + d["digest"][7:]))
    for part in [manifest["config"]] + manifest["layers"]:
        assert os.path.getsize(blobs + part["digest"][7:]) == part["size"]
END
}
all_run() {
	for name in $(rootlet images --format names); do
		[ "$(rootlet run "$name" probe cat /dir/file | head -n 1)" = first ] || { echo "$name does not run" && return 1; }
	done
}
emptied() {
	wait_empty "$store/scratch" && rootlet prune --all --force && rm -rf "$store"/cache/names &&
		[ -z "$(find "$store/blobs/sha256" "$store/cache" "$store/layers" -mindepth 1 ! -name range ! -name root ! -name single)" ] &&
		[ -z "$(find "$store" -name '.tmp-*' -o -name '.new-*' -o -name '.gone-*')" ]
}

import base && rootlet save -q -o "$tmp/base.oci" base && rootlet run --keep --name kept base true || exit 99
# Each for some time: from a moment to about as long as it takes.
killed() {
	i=0
	while [ "$i" -lt "$kills" ]; do
		i=$((i + 1))
		case $((i % 12)) in
		0) set -- import -m "$i" "$tmp/tree.tar.gz" "killed:$i" ;;
		1) set -- tag base "tag:$i" ;;
		2) set -- run --commit "commit:$i" base payload append /dir/file more ;;
		3) set -- rmi "tag:$((i - 2))" ;;
		4 | 9) set -- prune ;;
		5) set -- load -q -i "$tmp/base.oci" ;;
		6) set -- save -q -o "$tmp/saved-$i" base ;;
		7) set -- run --keep --name "kept-$i" base payload append /dir/file more ;;
		8) set -- commit -q kept "kept:$i" ;;
		10) set -- snapshot kept "s$i" ;;
		11) set -- images ;;
		esac
		"$ROOTLET" "$@" >/dev/null 2>&1 &
		sleep "0.0$(printf %02d $((i * 7 % 60)))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
	done
	is_whole
}
test_ok "what is killed at any moment leaves a store that is whole" killed
test_ok "every image runs" all_run
skopeo_reads() {
	for name in $(rootlet images --format names); do
		skopeo inspect "oci:$store:$name" >/dev/null || return
	done
}
test_if skopeo "no skopeo here" "skopeo reads every one" skopeo_reads
containers_start() {
	for name in $(rootlet ps -a --format names); do
		[ "$(rootlet start "$name" probe cat /dir/file | head -n 1)" = first ] || { echo "$name does not start" && return 1; }
	done
}
test_ok "every container starts" containers_start
# What was saved has its name when it is whole, and nothing else does.
saved() {
	left=$(find "$tmp" -maxdepth 1 -name '.*' -type f) && echo "$left" && [ -z "$left" ] || return
	for f in "$tmp"/saved-*; do [ ! -e "$f" ] || cmp "$f" "$tmp/base.oci" || return; done
}
test_ok "an archive is whole or not there" saved
umoci_reads() { umoci ls --layout "$store" >"$tmp/tags" && [ "$(sort "$tmp/tags")" = "$(rootlet images --format names | sort)" ]; }
test_if umoci "no umoci here" "umoci lists them all" umoci_reads
# Beside what a store has that nothing has happened to, at most a few directories.
no_larger() {
	for name in $(rootlet images --format names); do [ "$name" = base:latest ] || rootlet rmi "$name" || return; done
	# shellcheck disable=SC2046
	rootlet rm $(rootlet ps -a --format names) &&
		wait_empty "$store/scratch" && rootlet prune && rootlet --store "$tmp/clean" import -q -m base "$tmp/tree.tar.gz" base &&
		rootlet --store "$tmp/clean" run --keep --name kept base true && rootlet --store "$tmp/clean" rm kept &&
		used=$(du -sk "$store" | cut -f 1) clean=$(du -sk "$tmp/clean" | cut -f 1) && echo "$used KiB, $clean when clean" && [ "$used" -le $((clean + 64)) ]
}
test_ok "then it is as large as a clean one" no_larger
test_ok "all space comes back" emptied

at_once() {
	import base && : >"$tmp/errors" && pids=
	for i in $(seq 30); do
		case $((i % 6)) in
		0 | 1) import "many:$((i / 2))" ;;
		2) rootlet import -m same "$tmp/tree.tar.gz" same >/dev/null ;;
		3) rootlet tag base "tagged:$i" && rootlet rmi "tagged:$i" ;;
		4) [ "$(rootlet run base probe cat /dir/file)" = first ] ;;
		5) rootlet prune >/dev/null ;;
		esac 2>>"$tmp/errors" &
		pids="$pids $!"
	done
	for pid in $pids; do wait "$pid" || echo "one failed" >>"$tmp/errors"; done
	grep -v -e ': waiting for' -e '^unpacked, ' "$tmp/errors" && return 1
	is_whole
}
test_ok "thirty at once: no error, and the store is whole" at_once
test_ok "every image runs then, too" all_run

planted() {
	mv "$store/index.json" "$tmp/index.json" && "$@" "$store/index.json" && status 125 timeout 10 "$ROOTLET" images &&
		status 125 timeout 10 "$ROOTLET" prune && status 125 timeout 10 "$ROOTLET" tag base other
	planted_status=$?
	mv "$tmp/index.json" "$store/index.json" && return "$planted_status"
}
test_ok "a FIFO instead of index.json is refused" planted mkfifo
test_ok "so is a link" planted ln -s "$tmp/index.json"
planted_blob() {
	blob=$store/blobs/sha256/$(rootlet inspect base | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"][7:])')
	mv "$blob" "$tmp/blob" && "$@" "$blob" && status 125 timeout 10 "$ROOTLET" inspect base && status 125 timeout 10 "$ROOTLET" prune
	planted_status=$?
	mv -f "$tmp/blob" "$blob" && return "$planted_status"
}
test_ok "a FIFO instead of a blob is refused" planted_blob mkfifo
test_ok "so is a link to what it was" planted_blob ln -s "$tmp/blob"
test_ok "all space comes back again" emptied
test_done
