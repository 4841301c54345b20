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
# Each with a digest of its own.
import() { rootlet import -m "$1" "$tmp/tree.tar.gz" "$1"; }

# --- what is in use ---

# in_use COMMAND...: while a run of image "used" waits.
in_use() {
	rm -f "$tmp/said"
	mkfifo "$tmp/gate" && run used probe cat <"$tmp/gate" >"$tmp/said" &
	in_use_pid=$!
	while [ ! -p "$tmp/gate" ]; do sleep 0.01; done
	exec 9<>"$tmp/gate"
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
test_ok "its record is nobody's then" flock -w 20 "$record" true
test_ok "a run keeps it locked" in_use locked
test_ok "until it ends" flock -w 20 "$record" true
locked_after_prepare() { rootlet tag used again && rm "$store/cache/names" && run again true && locked; }
test_ok "also when the name is looked up anew meanwhile" in_use locked_after_prepare
locked_aside() {
	printf 'another\0' >"$tmp/odd" && cat "$tmp/odd" >>"$record" && rm "$store/cache/names" &&
		run used true && flock -w 20 "$record" true && for r in "$record"-*; do ! flock -n "$r" true || return; done
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
after_try() {
	mkdir "$tmp/try" && (cd "$tmp/try" && rootlet --store "$tmp/fourth" try --apply=yes sh -c 'echo x >new') >/dev/null 2>&1 &&
		rootlet --store "$tmp/fourth" import -q "$tmp/tree.tar.gz" x:1
}
test_ok "what other commands have made there is no hindrance" after_try
# --- prune and df ---

rm -rf "$tmp/other" "$tmp/third" "$tmp/taken" "$tmp/link"
json() { python3 -c 'import json, sys
doc = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"; }
pruned() { rootlet prune "$@" --format json | json 'sorted(set(i["kind"] for i in doc["removed"]))'; }
# What is not of an image: an empty store.
small() {
	[ "$(find "$store/blobs/sha256" "$store/layers" -mindepth 1 ! -name range ! -name root ! -name single)" = "" ] &&
		[ "$(ls -A "$store/scratch")" = "" ] && [ "$(find "$store/cache" -name 'image-*')" = "" ]
}
test_ok "prune removes a record that was set aside" prints "['cache file']" pruned
test_ok "then there is nothing to remove" prints "freed 0B" rootlet prune
test_ok "a used image stays" prints first run used probe cat /dir/file
changed() { run --commit changed used payload append /dir/file more && run --commit more changed payload append /dir/file "$1" && run more true; }
test_ok "images have layers in common" changed more
df_says() { rootlet df --format json | json "$1"; }
test_ok "which df tells" prints "[False, True]" df_says '[i["layers"]["exclusive"] > 0
 for i in doc["images"] if i["name"] in ("used:latest", "more:latest") and i["layers"]["shared"] > 0]'
test_ok "df is for people, too" rootlet df
nothing_reclaimable() { df_says 'sum(t["reclaimable"] for t in doc["total"].values())'; }
test_ok "nothing could be freed" prints 0 nothing_reclaimable
test_ok "rmi takes the name" rootlet rmi more
test_ok "then something could" prints True df_says 'doc["total"]["blobs"]["reclaimable"] > 0 and doc["total"]["layers"]["reclaimable"] > 0'
dry() {
	find "$store" | sort >"$tmp/before" && rootlet prune --dry-run >"$tmp/said" && cat "$tmp/said" &&
		find "$store" | sort | diff "$tmp/before" - && grep -q ' blob blobs/sha256/' "$tmp/said" &&
		grep -q '^would free .*: 3 blobs, 1 layer, 1 cache file$' "$tmp/said"
}
test_ok "prune --dry-run lists it, and removes nothing" dry
would=$(rootlet prune --dry-run --format json | json 'doc["freed"]')
test_ok "prune removes it" prints "['blob', 'cache file', 'layer']" pruned
test_ok "that was all" prints "freed 0B" rootlet prune
freed_what_it_said() { [ "$would" -gt 8192 ]; }
test_ok "it had told the size" freed_what_it_said
others_run() { prints first run used probe cat /dir/file && [ "$(run changed probe cat /dir/file | tr -d '\n')" = firstmore ]; }
test_ok "other images are whole" others_run
prune_under() {
	rootlet rmi used again changed && rootlet prune && grep -qx first "$store"/layers/*/*/dir/file &&
		[ -f "$store/blobs/sha256/${record##*image-}" ] && [ "$(find "$store/blobs/sha256" -type f | wc -l)" = 3 ]
}
test_ok "a running image stays without its name" in_use prune_under
runs_by_name() { fails_with "no image 'used'" run --pull=never used true; }
test_ok "it cannot be started again" runs_by_name
test_ok "after the end it goes" rootlet prune
test_ok "and nothing is left" small
rebuilt() { import changed >/dev/null && run changed true && rm -rf "$store"/layers/* "$store"/cache/* && run changed true; }
test_ok "unpacked layers are made again when they are gone" rebuilt
left_overs() {
	mkdir -p "$store/scratch/0123456789abcdef/u0/dir" "$store/trash/x" "$store/layers/single/.tmp-1/dir" &&
		: >"$store/.tmp-2" && : >"$store/blobs/sha256/.tmp-3" && : >"$store/cache/.tmp-4" &&
		: >"$store/cache/seccomp-0.0-1-2-3.bpf" && : >"$store/layers/single/.tmp-1/dir/file" &&
		rootlet prune >"$tmp/said" && cat "$tmp/said" && ! find "$store" | grep tmp- &&
		[ ! -e "$store/scratch/0123456789abcdef" ] && [ ! -e "$store/trash/x" ] &&
		! find "$store/cache" | grep seccomp-0.0
}
test_ok "left-overs of the dead go" left_overs
# Who pulls has the files locked that are his.
partial_files() {
	mkdir -p "$store/partial" && printf 12345 >"$store/partial/dead" && printf 12345 >"$store/partial/alive" &&
		rootlet df --format json | json 'doc["total"]["downloads"]["count"]' | grep -qx 2 &&
		flock "$store/partial/alive" "$ROOTLET" prune >"$tmp/said" && cat "$tmp/said" &&
		grep -q '1 partial download$' "$tmp/said" && [ "$(ls "$store/partial")" = alive ] &&
		rootlet prune >"$tmp/said" && [ -z "$(ls "$store/partial")" ] && rmdir "$store/partial"
}
test_ok "what was pulled of an image goes, but not from whoever pulls it" partial_files
container() {
	mkdir -p "$store/containers/c/u0" && layer=$(rootlet inspect changed | json 'doc["config"]["rootfs"]["diff_ids"][-1][7:]') &&
		printf '%s\0' "rootlet container 1" "digest=sha256:$(digest_of changed)" "layer=$layer" >"$store/containers/c/record" &&
		rootlet rmi changed && prints "freed 0B" rootlet prune && [ -d "$(ls -d "$store"/layers/*/"$layer")" ]
}
test_ok "what a container needs stays" container
odd_container() {
	mv "$store/containers/c/record" "$tmp/record" && echo odd >"$store/containers/c/record" &&
		fails_with "container c" rootlet prune && mv "$tmp/record" "$store/containers/c/record" && prints "freed 0B" rootlet prune
}
test_ok "nothing goes when it is not known what a container needs" odd_container
test_ok "without the container all goes" rm -r "$store/containers/c"
test_ok "all of it" rootlet prune
test_ok "the store is as small as an empty one" small
unnamed() {
	import named >/dev/null && sed -i '/annotations/,/}/d; s/"size": \([0-9]*\),/"size": \1/' "$store/index.json" &&
		prints "['blob', 'layer', 'name']" pruned && small
}
test_ok "an image without a name goes" unnamed
every() {
	import one >/dev/null && import two >/dev/null && fails_with --force rootlet prune --all &&
		prints "one:latest two:latest " names && rootlet prune --all --force >"$tmp/said" && cat "$tmp/said" &&
		grep -q one:latest "$tmp/said" && prints "" rootlet images --format names && small
}
names() { rootlet images --format names | sort | tr '\n' ' '; }
test_ok "--all takes names, too, with --force" every
every_unused() { import three >/dev/null && rootlet prune -a -f && prints "used:latest " names; }
import used >/dev/null
run used true
test_ok "but not that of a running image" in_use every_unused
damaged() {
	import broken >/dev/null && blob=$store/blobs/sha256/$(digest_of broken) && chmod u+w "$blob" && echo >>"$blob" &&
		fails_with "image broken:latest: blob sha256:${blob##*/}" rootlet prune && rootlet rmi broken && rootlet prune
}
test_ok "nothing goes when an image is damaged" damaged
waits() {
	flock -s "$store/lock" sh -c 'touch "$1" && sleep 1.3' sh "$tmp/locked" &
	while [ ! -e "$tmp/locked" ]; do sleep 0.01; done
	rootlet prune 2>"$tmp/said" && cat "$tmp/said" && grep -q waiting "$tmp/said" && wait $!
}
test_ok "prune waits for others, and says so" waits
test_ok "no store is nothing to remove" prints "freed 0B" rootlet --store "$tmp/none" prune
not_made() { [ ! -e "$tmp/none" ]; }
test_ok "and is not made" not_made
# --- unshare ---

if need subids; then
	test_ok "unshare makes you root" prints 0 rootlet unshare id -u
	test_ok "with its exit status" status 7 rootlet unshare sh -c 'exit 7'
	test_ok "or signal" status 143 rootlet unshare sh -c 'kill $$'
	test_ok "or failure" status 127 rootlet unshare /no/such/program
	same_place() { (cd "$tmp/tree" && umask 027 && prints "$tmp/tree 0027 $XDG_DATA_HOME" rootlet unshare sh -c 'echo "$(pwd) $(umask) $XDG_DATA_HOME"'); }
	test_ok "in the same directory, with the same umask and environment" same_place
	shell() { echo 'echo "$0 $(id -u)"' | SHELL=/bin/sh rootlet unshare; }
	test_ok "a shell, when no command is given" prints "/bin/sh 0" shell
	range_files() {
		rootlet unshare sh -c 'mkdir "$1" && : >"$1/file" && chown -R 33:33 "$1"' sh "$tmp/foreign" &&
			[ "$(stat -c %u "$tmp/foreign")" -gt 65535 ] && prints 33 rootlet unshare stat -c %u "$tmp/foreign" &&
			rootlet unshare rm -r "$tmp/foreign"
	}
	test_ok "where files of a range are made, seen and removed" range_files
	forwards() {
		"$ROOTLET" unshare sh -c 'trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.05; done' >"$tmp/said" &
		unshared=$!
		wait_line "$tmp/said" ready && kill -TERM "$unshared" && status 3 wait "$unshared" && grep -qx got "$tmp/said"
	}
	test_ok "signals reach the command" forwards
else
	test_ok "unshare says when there is no range of ids" fails_with "no range of ids" rootlet unshare true
fi
test_done
