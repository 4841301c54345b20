# containers that are kept: run --keep, start, ps, rm, snapshots
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

store=$XDG_DATA_HOME/rootlet
containers=$store/containers
rootlet() { "$ROOTLET" "$@"; }
run() { "$ROOTLET" run "$@"; }
keep() { run --keep "$@"; }
start() { "$ROOTLET" start "$@"; }

# The layer of the changes in "commit" below, whoever makes it.
wanted_layer=sha256:c925ad88e0b871c3a5787cd118055a72ee23f85f145fa91a5a23bde4570f3568

# --- an image with a shell ---

tree=$tmp/tree
mkdir -p "$tree/etc" "$tree/dir/sub"
for name in sh cat cp ln ls mkdir mkfifo mknod mv rm rmdir sleep stat touch chmod chown find getfattr setfattr sort \
	cksum truncate true; do
	path=/usr/bin/$name
	[ -e "$path" ] || continue
	cp -L --parents "$path" "$tree"
	ldd "$path" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
		[ -e "$tree$library" ] || cp -L --parents "$library" "$tree"
	done
done
printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$tree/etc/passwd"
echo first >"$tree/dir/file"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -cf "$tmp/tree.tar" .
rootlet import "$tmp/tree.tar" base:1 >/dev/null || exit 99

# --- it stays ---

test_ok "a run that is kept" keep --name one base:1 sh -c 'echo kept >/dir/new'
test_ok "has what it wrote when it starts again" prints kept start one cat /dir/new
also_removed() { start one rm /dir/file && prints new start one ls /dir && prints "file
sub" run base:1 ls /dir; }
rmdir_sub() { start one rmdir /dir/sub && also_removed; }
test_ok "and lacks what it removed" rmdir_sub
test_ok "the exit status is the command's" status 7 keep --name seven base:1 sh -c 'echo x >/seven; exit 7'
test_ok "and the layer stays all the same" prints x start seven cat /seven
same_command() { status 7 start seven; }
test_ok "start without a command is the same command" same_command
killed() { status 137 keep --name killed base:1 sh -c 'echo y >/y; kill -9 $$' && prints y start killed cat /y; }
test_ok "also after a signal" killed
random() {
	keep base:1 true 2>"$tmp/said" && name=$(sed -n 's/^rootlet: kept as //p' "$tmp/said") && [ "$name" ] &&
		start "$name" true && rootlet rm "$name"
}
test_ok "without a name one is made up, and told" random
quiet() { keep --name quiet base:1 true 2>"$tmp/said" && [ ! -s "$tmp/said" ] && rootlet rm quiet; }
test_ok "with one nothing is" quiet
points() {
	mkdir -p "$tmp/points" && keep --name points -v "$tmp/points:/data/of/mine" --tmpfs /new base:1 sh -c 'echo x >/data/of/mine/x' &&
		[ -e "$tmp/points/x" ] && prints "" rootlet diff points && start points true && prints "" rootlet diff points
}
test_ok "mount points that were missing are no change" points
points_used() {
	start points sh -c 'echo x >/data/of/file && mkdir /data/empty' && prints 'A d 0 /data
A d 0 /data/empty
A d 0 /data/of
A f 2 /data/of/file' sh -c '"$ROOTLET" diff points | sed "s/  */ /g"' && rootlet commit points used:1 >/dev/null &&
		prints "file" run used:1 ls /data/of && rootlet rm points
}
test_ok "but what the program made beside them is" points_used
on_the_host() (
	mkdir -p "$tmp/here/dir" && cd "$tmp/here" &&
		unshare -Urm sh -c 'mount -t tmpfs t dir && cd . && "$ROOTLET" run --keep --name machine host sh -c \
			"echo x >made; mkdir /rootlet-test" && "$ROOTLET" diff machine' >"$tmp/out" && rootlet rm machine &&
		grep -qx "A f *2 $tmp/here/made" "$tmp/out" && grep -qx "A d *0 /rootlet-test" "$tmp/out" &&
		! grep -q " /etc/$" "$tmp/out"
)
have_mounts() { unshare -Urm mount -t tmpfs t "$tmp/points" 2>/dev/null; }
test_if mounts "no mounts here" "of the machine, what is made in directories with mounts below is seen" on_the_host
streams() { [ "$(echo in | start one sh -c 'cat; echo err >&2' 2>"$tmp/err")" = in ] && grep -qx err "$tmp/err"; }
test_ok "streams are those of start" streams
environment() {
	(A=1 && export A && keep --name env -e A -e B=2 -w /dir base:1 sh -c 'echo $A $B $PWD') >"$tmp/out" &&
		prints "1 2 /dir" cat "$tmp/out" && prints "1 2 /dir" start env
}
test_ok "environment and directory are those it was made with" environment
env_file() {
	echo F=file >"$tmp/f.env" && keep --name envfile --env-file "$tmp/f.env" base:1 sh -c 'echo $F' && rm "$tmp/f.env" &&
		prints file start envfile
}
test_ok "also those of a file that is gone" env_file
pinned() {
	rootlet tag base:1 other:1 && keep --name pinned other:1 true && rootlet rmi other:1 &&
		prints first start pinned cat /dir/file
}
test_ok "an image that lost its name still starts" pinned
tmp_stays() { keep --name tmp base:1 sh -c 'echo t >/tmp/t' && prints t start tmp cat /tmp/t; }
test_ok "/tmp stays" tmp_stays
not_found() { status 127 keep --name nothing base:1 nosuch && ! rootlet ps -a --format names | grep nothing; }
test_ok "what could not be started is not kept" not_found
for map in range single root; do
	case $map in
	range) have_subids || continue ;;
	root) have_root || continue ;;
	esac
	# The owner of a map of one id is in a record only.
	seen=5:6
	[ $map = single ] && seen=0:0
	in_map() {
		keep "--idmap=$map" --name "in-$map" base:1 sh -c 'echo a >/a && chown 5:6 /a && mkdir /d && chmod 0 /d' &&
			owner=$(start "in-$map" stat -c %u:%g /a) && [ "$owner" = "$1" ] && rootlet rm "in-$map"
	}
	test_ok "owners stay ($map)" in_map $seen
done

# --- of the machine, and of a directory ---

of_host() {
	mkdir -p host && (cd host && echo old >old && keep --name host host sh -c 'echo h >here; rm old; echo t >/tmp/t') &&
		[ "$(ls host)" = old ] && prints "h
t
here" start host sh -c 'cat here /tmp/t; ls'
}
test_ok "of the machine, in the directory where it was made" of_host
of_dir() {
	(cd "$tmp" && keep --name dir ./tree sh -c 'echo d >/d') && prints d start dir cat /d && [ ! -e "$tree/d" ]
}
test_ok "of a directory" of_dir
of_volume() {
	mkdir -p vol && keep --name vol -v ./vol:/vol:layer base:1 sh -c 'echo v >/vol/v' && [ ! -e vol/v ] &&
		(cd / && prints v start vol cat /vol/v)
}
test_ok "of a folder under a layer" of_volume

# --- what is refused ---

for name in '' . .. ../x a/b -x .x 'a b' "$(printf 'x%.0s' $(seq 129))" "$(printf 'a\nb')"; do
	test_ok "the name '$name' is refused" fails_with "" run --keep --name "$name" base:1 true
	test_ok "and is none to start" fails_with "" start -- "$name"
	test_ok "nor to remove" fails_with "" rootlet rm -- "$name"
done
test_ok "the longest one is not" keep --name "$(printf 'x%.0s' $(seq 128))" base:1 true
test_ok "a name is given once" fails_with "container 'one' exists" keep --name one base:1 true
test_ok "a name needs --keep" fails_with "--keep" run --name x base:1 true
test_ok "--keep needs a disk" fails_with "--keep" keep --layer=ram base:1 true
test_ok "and is not --rm" fails_with "--keep" keep --rm base:1 true
test_ok "and is not --read-only" fails_with "--keep" keep --read-only base:1 true
test_ok "what is not there does not start" fails_with "no container 'nowhere'" start nowhere
test_ok "and is not removed" fails_with "no container 'nowhere'" rootlet rm nowhere

# --- ps ---

lists() { rootlet ps -a | grep -q '^seven  *base:1  *20.* exited (7)$'; }
test_ok "ps -a tells name, image and status" lists
runs_none() { [ -z "$(rootlet ps --format names)" ]; }
test_ok "ps lists what runs" runs_none
lists_json() {
	rootlet ps -a --format json | python3 -c 'import json, sys
c = {c["name"]: c for c in json.load(sys.stdin)}["seven"]
assert c["status"] == 7 and c["state"] == "exited" and c["command"][0] == "sh" and c["digest"][:7] == "sha256:", c'
}
test_ok "ps -a --format json is that" lists_json

# --- while it runs ---

mkfifo hold
start one sh -c 'echo up >/up; cat' <hold >held &
running=$!
exec 9>hold
for _ in $(seq 100); do
	rootlet ps --format names | grep -qx one && break
	sleep 0.02
done
test_ok "ps shows one that runs" prints one rootlet ps --format names
test_ok "it does not start twice" fails_with "container 'one' is running" start one true
test_ok "is not removed" fails_with "rootlet rm -f one" rootlet rm one
test_ok "and has no snapshot taken" fails_with "is running" rootlet snapshot one now
echo end >&9
exec 9>&-
wait "$running"
test_ok "and ends as it would" prints end cat held
twice() {
	for i in 1 2 3 4; do
		start one sh -c "echo $i >>/twice; sleep 0.3" 2>/dev/null &
	done
	wait
	[ "$(start one cat /twice | wc -l)" = 1 ]
}
test_ok "of four starts at once one runs" twice
forced() {
	keep --name forced base:1 sleep 1000 &
	for _ in $(seq 100); do
		rootlet ps --format names | grep -qx forced && break
		sleep 0.02
	done
	rootlet rm -f forced && ! wait $! && ! rootlet ps -a --format names | grep forced
}
test_ok "rm -f ends it first" forced

# --- snapshots ---

snapshots() {
	keep --name snap base:1 sh -c 'echo 1 >/n; mkdir /d; echo 1 >/d/x' && rootlet snapshot snap s1 &&
		start snap sh -c 'echo 2 >/n; rm -r /d /dir; mkdir /d; echo 2 >/d/y; echo t >/tmp/t2' && rootlet snapshot snap s2 &&
		start snap sh -c 'rm /n /tmp/t2; echo 3 >/d/z'
}
test_ok "snapshots are taken" snapshots
test_ok "and listed" prints "s1
s2" rootlet snapshot --list snap
now() { prints "y
z" start snap sh -c 'ls /d; ls -d /n /dir /tmp/t2 2>/dev/null; true'; }
test_ok "what was done since is there" now
back() { rootlet rollback snap s2 && prints "2
y
t" start snap sh -c 'cat /n; ls /d; ls -d /dir 2>/dev/null; cat /tmp/t2'; }
test_ok "rollback takes it away" back
further() { rootlet rollback snap s1 && prints "1
x
file
sub" start snap sh -c 'cat /n; ls /d; ls /dir'; }
test_ok "and what was done before" further
test_ok "later snapshots are gone" prints s1 rootlet snapshot --list snap
left_over() { prints 2 sh -c 'ls "$1" | wc -l' sh "$containers/snap/layer"; }
test_ok "nothing of them is left" left_over
not_copied() {
	keep --name big base:1 sh -c 'cat /lib64/* >/big' && before=$(stat -c %i "$containers/big/layer/1/u0/big") &&
		rootlet snapshot big s && [ "$before" = "$(stat -c %i "$containers/big/layer/1/u0/big")" ] &&
		[ ! -e "$containers/big/layer/2/u0" ]
}
test_ok "nothing is copied" not_copied
unnamed() { rootlet snapshot --rm big s && [ -z "$(rootlet snapshot --list big)" ] && start big ls /big; }
test_ok "a name can be taken away" unnamed
test_ok "a name is given once" fails_with "has a snapshot 's1'" rootlet snapshot snap s1
test_ok "no rollback to what is not there" fails_with "no snapshot 'x'" rootlet rollback snap x
for name in '' .. a/b .x; do
	test_ok "no snapshot is named '$name'" fails_with "no name" rootlet snapshot snap "$name"
done

# --- commit ---

# Everything that can be done to a file, and what can be seen of all of them.
base_tree='cd / && mkdir -p w/a/b w/gone/x w/opaque/x w/again/x w/old w/mode w/links && cd w &&
	for f in a/f a/b/f gone/f opaque/f again/f again/x/f old/f file dir-to-be link-to-be copied chmodded same; do
		echo "$f" >$f; done && ln a/f links/1 && ln a/f links/2 && ln -s a link && mkdir to-file && echo x >to-file/x &&
	setfattr -n user.a -v 1 a && find . -exec touch -h -d @1000000000.5 {} +'
changes='cd /w && rm -r gone opaque again && mkdir opaque again again/x && echo new >opaque/new && echo n >again/x/g &&
	echo more >>copied && chmod 0 chmodded && chmod 4755 same && rm file dir-to-be link-to-be && mkdir dir-to-be &&
	echo in >dir-to-be/in && ln -s copied link-to-be && rm -r to-file && echo f >to-file && rm link && mkdir link &&
	ln links/1 links/3 && echo l >links/new && ln links/new links/new-2 && ln links/new a/b/hard && mkfifo pipe &&
	setfattr -n user.b -v 2 a && setfattr -x user.a a && setfattr -n user.c -v 3 a/f && mv old moved && chown 5:6 moved &&
	chown 0:7 a/b/f && mkdir mode/secret && echo s >mode/secret/s && chmod 0 mode/secret && touch -d @5 a/b &&
	mkdir -p d/e/e/p && chmod 1777 d/e && echo u >d/e/u && chown 1000:1000 d/e/u && chmod 600 d/e/u && rm a/b/f &&
	echo back >a/b/f && chown 1:2 a/b/f && find . ! -name b -exec touch -h -d @1100000000.25 {} +'
listing='cd /w && find . -printf "%P|%y|%m|%U:%G|%T@|%l" \( -type d -printf "\n" -o -printf "|%n|%s\n" \) | sort
	find . -type f -exec cksum {} + | sort
	find . \( -type f -o -type d \) -exec getfattr -h -d -m "^user.[^o]" {} + | sort'
keep --name tree base:1 sh -c "$base_tree" && rootlet commit -q tree tree:1 >"$tmp/digest" || exit 99
prints_digest() { grep -Eqx 'sha256:[0-9a-f]{64}' "$tmp/digest" && rootlet inspect tree:1 | grep -q "$(cat "$tmp/digest")"; }
test_ok "commit prints the digest of the image" prints_digest
diff_id_of() {
	rootlet inspect "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["rootfs"]["diff_ids"][-1])'
}
layers_of() {
	rootlet inspect "$1" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["config"]["rootfs"]["diff_ids"]))'
}
# round_trip MAP: what has been done is there in the image as it was.
round_trip() {
	keep "--idmap=$1" --name "rt-$1" tree:1 sh -c "$changes" && start "rt-$1" sh -c "$listing" >"$tmp/before" &&
		rootlet commit -q "rt-$1" "rt-$1" >/dev/null && run "--idmap=$1" "rt-$1" sh -c "$listing" >"$tmp/after" &&
		[ "$(wc -l <"$tmp/before")" -gt 50 ] && diff "$tmp/before" "$tmp/after"
}
# What cannot be a device is a file that is recorded to be one.  A real one is not copied up.
devices_kept() {
	touched='chmod 604 /nodes/null && mv /nodes/sda /nodes/sdb' null='crw----r--' sda=sdb
	[ "$1" != root ] || touched=true null='crw-rw-rw-' sda=sda
	keep "--idmap=$1" --name "dev-$1" dev:1 sh -c "$touched" &&
		rootlet commit -q "dev-$1" "dev-$1" >/dev/null && rootlet export "dev-$1:latest" >"$tmp/dev.tar" &&
		tar --numeric-owner -tvf "$tmp/dev.tar" | grep nodes/. | tr -s ' ' | cut -d ' ' -f 1-3,6 >"$tmp/nodes" &&
		printf '%s\n' "$null 0/5 1,3 nodes/null" "brw-rw---- 0/6 8,0 nodes/$sda" 'crw-rw---- 0/0 1,5 nodes/zero' |
		diff - "$tmp/nodes"
}
deep_kept() {
	keep "--idmap=$1" --name "deep-$1" base:1 sh -c "mkdir -p /$deep && echo down >/${deep}f" &&
		rootlet commit -q "deep-$1" "deep-$1" >/dev/null && prints down run "--idmap=$1" "deep-$1" cat "/${deep}f"
}
# shellcheck disable=SC2046
deep=$(printf 'd/%.0s' $(seq 1500))
python3 - "$tmp" <<'X'
import shutil, sys, tarfile
shutil.copy(sys.argv[1] + "/tree.tar", sys.argv[1] + "/nodes.tar")
with tarfile.open(sys.argv[1] + "/nodes.tar", "a") as t:
    for name, kind, major, minor, gid, mode in (("null", tarfile.CHRTYPE, 1, 3, 5, 0o666),
                                          ("sda", tarfile.BLKTYPE, 8, 0, 6, 0o660),
                                          ("zero", tarfile.CHRTYPE, 1, 5, 0, 0o660)):
        i = tarfile.TarInfo("nodes/" + name)
        i.type, i.devmajor, i.devminor, i.gid, i.mode = kind, major, minor, gid, mode
        t.addfile(i)
X
rootlet import "$tmp/nodes.tar" dev:1 >/dev/null || exit 99
# The same, and then bit by bit with a snapshot between each two steps.
step_by_step() {
	keep "--idmap=$1" --name "st-$1" tree:1 true && echo "$changes" | tr -d '\n\t' | sed 's/ *&& */\n/g' >"$tmp/steps" || return
	n=0 part='cd /w'
	while read -r line; do
		part="$part && $line"
		n=$((n + 1))
		[ $((n % 4)) = 0 ] || continue
		start "st-$1" sh -c "$part" </dev/null && rootlet snapshot "st-$1" "s$n" || return
		part='cd /w'
	done <"$tmp/steps"
	start "st-$1" sh -c "$part" </dev/null && start "st-$1" sh -c "$listing" >"$tmp/before" &&
		rootlet commit -q "st-$1" "st-$1" >/dev/null && run "--idmap=$1" "st-$1" sh -c "$listing" >"$tmp/after" &&
		diff "$tmp/before" "$tmp/after" && [ "$(layers_of "st-$1")" = "$(layers_of "rt-$1")" ]
}
# The digest of the layer, of fixed contents at a fixed time: everywhere the same.
fixed() {
	(SOURCE_DATE_EPOCH=1200000000 && export SOURCE_DATE_EPOCH && rootlet commit -q "$1" "fixed-$1" >/dev/null &&
		diff_id_of "fixed-$1")
}
for map in range single root; do
	case $map in
	range) have_subids || continue ;;
	root) have_root || continue ;;
	esac
	test_ok "a commit has the tree as it was ($map)" round_trip $map
	test_ok "also what snapshots have of it ($map)" step_by_step $map
	test_ok "devices are in it, real or recorded ($map)" devices_kept $map
	test_ok "what is 1500 directories deep can be had again ($map)" deep_kept $map
	test_ok "its digest is that of anywhere ($map)" prints "$wanted_layer" fixed "rt-$map"
done

# --- owners of links and pipes, which with one id have no record of their own ---

# owners_in: of the archive on standard input, of links and pipes in /dir.
owners_in() { tar --numeric-owner -tvf - | awk '/^[lph]/ && $6 ~ "^(./)?dir/" { sub("^./", "", $6); print $6, $2 }' | LC_ALL=C sort; }
mkdir -p "$tmp/owned/dir"
ln -s target "$tmp/owned/dir/link"
ln -s target "$tmp/owned/dir/twice"
mkfifo "$tmp/owned/dir/pipe"
cp "$tmp/tree.tar" "$tmp/owned.tar"
tar -C "$tmp/owned" --owner=5 --group=7 -rf "$tmp/owned.tar" ./dir/link ./dir/pipe ./dir/twice
tar -C "$tmp/owned" --owner=0 --group=0 -rf "$tmp/owned.tar" ./dir/twice
rootlet import "$tmp/owned.tar" owned:1 >/dev/null || exit 99
owners_exported() {
	rootlet export owned:1 | owners_in >"$tmp/is" && printf '%s\n' "dir/link 5/7" "dir/pipe 5/7" "dir/twice 0/0" | diff - "$tmp/is"
}
test_ok "owners of links and pipes of an image are exported" owners_exported
owners_kept() {
	keep --idmap=single --name owned owned:1 sh -c 'ln -s a /dir/mine && chown -h 8:9 /dir/mine && ln /dir/file /dir/other &&
		cd /dir && mkfifo queue && chown 8:9 queue && chown -h 3 link && ln -s b back && chown -h 4:4 back && chown -h 0:0 back' &&
		rootlet export owned | owners_in | grep -v other >"$tmp/is" &&
		printf '%s\n' "dir/back 0/0" "dir/link 3/7" "dir/mine 8/9" "dir/pipe 5/7" "dir/queue 8/9" "dir/twice 0/0" |
		diff - "$tmp/is"
}
test_ok "with one id, those that are given away inside are kept" owners_kept
# The topmost layer of an image.
layer_of() {
	layer=$(rootlet inspect "$1" | python3 -c 'import json, sys
print(json.load(sys.stdin)["manifest"]["layers"][-1]["digest"].split(":")[1])')
	gzip -dc "$store/blobs/sha256/$layer"
}
owners_committed() {
	rootlet commit -q owned owned:2 >/dev/null && rootlet verify owned:2 >/dev/null && rootlet export owned:2 | owners_in |
		grep -v other | diff "$tmp/is" - && layer_of owned:2 | owners_in | grep -v other >"$tmp/layer" &&
		grep -v "pipe\|twice" "$tmp/is" | diff - "$tmp/layer"
}
test_ok "and committed" owners_committed
owners_touched() {
	keep --idmap=single --name touched owned:1 sh -c 'touch -h /dir/link; mv /dir/pipe /dir/elsewhere' &&
		rootlet export touched | owners_in >"$tmp/is" &&
		printf '%s\n' "dir/elsewhere 0/0" "dir/link 5/7" "dir/twice 0/0" | diff - "$tmp/is"
}
test_ok "one that is changed is still its owner's, one with another name is root's" owners_touched
owners_odd() {
	keep --idmap=single --name odd owned:1 sh -c 'setfattr -n user.rootlet.owners -v "$0" /dir && touch -h /dir/link' "$1" &&
		rootlet export odd >"$tmp/odd.tar" && owners_in <"$tmp/odd.tar" | grep "^dir/link $2" &&
		! grep -q "user.rootlet" "$tmp/odd.tar" && start odd chown -h 6:6 /dir/link &&
		rootlet export odd | owners_in | grep "^dir/link 6/6" && rootlet rm odd
}
odd_records() {
	owners_odd 5:7:link 5/7 && owners_odd 5:7: 0/0 && owners_odd : 0/0 && owners_odd link 0/0 && owners_odd 5:7:linkx 0/0 &&
		owners_odd "$(printf '%2000s' x)" 0/0
}
test_ok "a record that makes no sense is none, and no attribute of an image" odd_records
owners_many() {
	mkdir -p "$tmp/many/dir" && (cd "$tmp/many/dir" && seq 1 300 | xargs -I '{}' ln -s target '{}') &&
		tar -C "$tmp/many" --owner=5 --group=7 -cf "$tmp/many.tar" . && rootlet import "$tmp/many.tar" many:1 >/dev/null &&
		rootlet verify many:1 >/dev/null && rootlet export many:1 | owners_in >"$tmp/is" &&
		[ "$(wc -l <"$tmp/is")" = 300 ] && [ "$(grep -c " 5/7" "$tmp/is")" -ge 100 ] && ! grep -v " 5/7\| 0/0" "$tmp/is"
}
test_ok "those that have no room in their directory are root's" owners_many
again() {
	(SOURCE_DATE_EPOCH=1200000000 && export SOURCE_DATE_EPOCH &&
		[ "$(rootlet commit -q tree x:1)" = "$(rootlet commit -q tree x:2)" ])
}
test_ok "the same at the same SOURCE_DATE_EPOCH is the same image" again
config() {
	rootlet commit -q -m note -a me -c 'ENV Q=r' -c 'CMD ["sh", "-c", "echo $Q"]' tree x:3 >/dev/null && prints r run x:3 &&
		rootlet inspect x:3 | python3 -c 'import json, sys
c = json.load(sys.stdin)["config"]; h = c["history"][-1]
assert h["comment"] == "note" and h["author"] == c["author"] == "me", h'
}
test_ok "--change, --message and --author" config
nothing() {
	keep --name nothing base:1 true && rootlet commit -q nothing x:4 >/dev/null && rootlet commit -q nothing x:5 >/dev/null &&
		run x:5 true
}
test_ok "nothing at all is an image, too" nothing
run_commit_closed() {
	run --idmap=single --commit closed base:1 sh -c 'echo c >/closed && chmod 0 /closed' && run --idmap=single closed cat /closed
}
test_ok "what its owner may not read is in it (run --commit)" prints c run_commit_closed
# But for the top, whose time in a layer is when that began.
list_tar() { tar -tvvf "$1" --numeric-owner --full-time | tr -s ' ' | grep -v ' \./$'; }
exported() {
	rootlet commit -q tree x:9 >/dev/null &&
		rootlet export tree >"$tmp/container.tar" && rootlet export x:9 >"$tmp/image.tar" &&
		rootlet export -o "$tmp/file.tar" tree && cmp "$tmp/container.tar" "$tmp/file.tar" &&
		list_tar "$tmp/container.tar" >"$tmp/container.list" && list_tar "$tmp/image.tar" >"$tmp/image.list" &&
		[ "$(wc -l <"$tmp/image.list")" -gt 30 ] && diff "$tmp/container.list" "$tmp/image.list"
}
test_ok "export of a container is that of what it commits" exported
changes_exported() {
	keep --name over base:1 sh -c 'rm /dir/file; echo other >/etc/passwd; echo new >/dir/new' &&
		rootlet export over >"$tmp/over.tar" && prints other tar -xOf "$tmp/over.tar" --wildcards '*etc/passwd' &&
		tar -tf "$tmp/over.tar" | grep -q 'dir/new$' && ! tar -tf "$tmp/over.tar" | grep -q 'dir/file$'
}
test_ok "what it has changed and removed is so there" changes_exported
test_ok "that of one over the machine is an error" fails_with "export host: it is over the machine itself" rootlet export host
test_ok "--platform is for images" fails_with "--platform is for images" rootlet export --platform arm64 over
test_ok "neither image nor container" fails_with "no image 'nobody'" rootlet export nobody
test_ok "a bad change is an error" fails_with "NONSENSE" rootlet commit -q -c 'NONSENSE x' tree x:6
test_ok "so is a name that is none" fails_with "Capital" rootlet commit tree Capital
test_ok "a container over the machine has no image" fails_with "not over an image" rootlet commit host x:6
test_ok "two names are needed" fails_with "expected" rootlet commit tree
test_ok "no image was made of that" fails_with "no image" rootlet inspect x:6
start tree sh -c 'echo up; sleep 1000' >"$tmp/up" 2>&1 </dev/null &
wait_line "$tmp/up" up
test_ok "one that runs is not committed" fails_with "container 'tree' is running" rootlet commit tree x:7
rootlet rm -f tree

hole() { keep --name hole base:1 truncate -s 4T /hole && fails_with "hole: with its 4398046511104 bytes" timeout 10 "$ROOTLET" commit hole x:8; }
test_ok "nor is a file with a hole that no disk could hold" hole

# --- diff ---

differ() {
	keep --name diff tree:1 sh -c 'cd /w && echo b >>file && rm -r gone && mkdir new && echo n >new/n && ln -s x new/l' &&
		prints "C f          7 /w/file
D d          0 /w/gone
A d          0 /w/new
A l          0 /w/new/l
A f          2 /w/new/n" sh -c '"$1" diff diff | grep /w/' sh "$ROOTLET"
}
test_ok "diff tells what was added, changed and deleted" differ
merged_diff() {
	rootlet snapshot diff s && start diff sh -c 'rm /w/new/n; mkdir /w/gone; echo z >/w/gone/z' && prints "D /w/gone/f
D /w/gone/x
A /w/gone/z
A /w/new
A /w/new/l" sh -c '"$1" diff --last | grep -e /w/gone/ -e /w/new | cut -c 1,15-' sh "$ROOTLET"
}
test_ok "of all that snapshots have, together" merged_diff
diff_json() {
	rootlet diff --format json diff | python3 -c 'import json, sys
c = {c["path"]: c for c in json.load(sys.stdin)}
assert c["/w/file"] == {"change": "C", "type": "f", "size": 7, "path": "/w/file"}, c'
}
test_ok "diff --format json is that" diff_json
patch_text() {
	rootlet diff --patch diff >"$tmp/patch" && grep -A 4 '^--- a/w/file$' "$tmp/patch" | tail -n 4 | {
		read -r a && read -r b && read -r c && read -r d && [ "$a$b$c$d" = "+++ b/w/file@@ -1,1 +1,2 @@file+b" ]
	}
}
test_ok "diff --patch is a unified diff" patch_text
patch_hostile() {
	keep --name hostile tree:1 sh -c 'cd /w && rm file && ln -s /etc/passwd file && rm copied && mkfifo copied && cat /usr/bin/sh >same' &&
		timeout 10 "$ROOTLET" diff --patch hostile >"$tmp/patch" && ! grep -q root: "$tmp/patch" &&
		grep -q 'Binary files a/w/same and b/w/same differ' "$tmp/patch"
}
test_ok "no link is followed for it, no FIFO waited for" patch_hostile
patch_escapes() {
	keep --name escapes base:1 sh -c 'printf "\033]0;title\007\n" >/escapes' && rootlet diff --patch escapes | grep -q "^+$(printf '\033]0;title')" &&
		"$testbin/pty" drive "$ROOTLET" diff --patch escapes <<'X'
expect +\\x1b]0;title\\x07
exit 0
X
}
if "$testbin/pty" drive true </dev/null >/dev/null 2>&1; then
	test_ok "on a terminal a patch says which bytes it has, elsewhere it has them" patch_escapes
else
	test_skip "a patch on a terminal" "no terminal here"
fi
host_diff() { rootlet diff host | grep -q '^A f  *2 .*/host/here$' && rootlet diff host | grep -q '^D f .*/host/old$'; }
test_ok "diff of the machine" host_diff
volume_diff() { rootlet diff vol | grep -qx 'A f          2 /vol/v'; }
test_ok "and of a folder under a layer" volume_diff
test_ok "diff of what is not there is an error" fails_with "no container" rootlet diff nowhere
test_ok "and without a name" fails_with "expected" rootlet diff

# --- what others planted, and what is broken ---

planted() {
	mkdir -p "$containers/planted" && rm -f "$containers/planted/record" && "$@" "$containers/planted/record" &&
		fails_with "record of container 'planted'" timeout 5 "$ROOTLET" start planted &&
		rootlet ps -a 2>/dev/null >"$tmp/out" && grep -q '^one ' "$tmp/out" &&
		timeout 5 "$ROOTLET" rm planted
}
test_ok "a FIFO as record is not waited for" planted mkfifo
test_ok "a link as record is not followed" planted ln -s "$containers/one/record"
test_ok "nor is a directory read" planted mkdir
truncated() {
	for n in 0 5 20 100 -1; do
		mkdir -p "$containers/cut" && head -c "$n" "$containers/one/record" >"$containers/cut/record" &&
			fails_with "record of container 'cut'" start cut || return
	done
	rootlet rm cut
}
test_ok "a cut record is an error" truncated
changed() {
	mkdir -p "$containers/changed" && sed "s|$1|$2|" "$containers/one/record" >"$containers/changed/record" &&
		fails_with "record of container 'changed'" start changed && rm -r "$containers/changed"
}
test_ok "so is one with a path for a layer" changed 'stack=1=' 'stack=../../x='
test_ok "one with a path for an image's layer" changed 'layer=[0-9a-f]*' 'layer=../../../../etc'
test_ok "one with a path for a digest" changed 'digest=sha256:[0-9a-f]*' 'digest=sha256:../../x'
test_ok "one with a path for an overlay" changed 'place=u0=' 'place=u/../../x=/'
test_ok "and one with words that nobody knows" changed 'run-kind=' 'run-knd='
link_for_container() {
	ln -s one "$containers/link" && fails_with "container 'link'" start link && fails_with "container 'link'" \
		rootlet rm link && start one true && rm "$containers/link"
}
test_ok "a link is no container" link_for_container

# --- death ---

# killed_at_random COMMAND...: ended at odd moments, until it is through.
killed_at_random() {
	for i in $(seq 25); do
		"$@" >/dev/null 2>&1 &
		sleep "0.00$((i % 9 + 1))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
	done
}
settle() { for _ in $(seq 400); do [ -z "$(rootlet ps --format names)" ] && break; sleep 0.02; done; }
killed_run() {
	killed_at_random "$ROOTLET" run --keep base:1 sh -c 'echo z >/z'
	settle
	for name in $(rootlet ps -a --format names); do
		start "$name" true || return
	done
}
test_ok "what is killed at any moment starts again" killed_run
killed_snapshots() {
	keep --name ks base:1 sh -c 'echo k >/k' || return
	for i in $(seq 20); do
		"$ROOTLET" snapshot ks "s$i" 2>/dev/null &
		sleep "0.00$((i % 3))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
		prints k start ks cat /k || return
	done
	first=$(rootlet snapshot --list ks | head -n 1)
	[ -z "$first" ] || killed_at_random "$ROOTLET" rollback ks "$first"
	prints k start ks cat /k
}
test_ok "so does one whose snapshots were" killed_snapshots
killed_rm() {
	for name in $(rootlet ps -a --format names); do
		"$ROOTLET" rm "$name" 2>/dev/null &
		sleep "0.00$((test_n % 7))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
	done
	for name in $(rootlet ps -a --format names); do
		start "$name" true || [ $? -lt 125 ] || return
		rootlet rm "$name" || return
	done
	keep --name last base:1 true && rootlet rm last && wait_empty "$containers"
}
test_ok "and rm, which the next one finishes" killed_rm
test_done
