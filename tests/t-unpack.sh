# unpacking a layer: hostile archives (tests/hostile-tars.py), and what must survive the way
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"

unpack=$testbin/unpack
have_range() { have_userns && have_subids && unshare --map-root-user --map-auto true 2>/dev/null; }
need python3 || skip_all "no python3 to make archives with"

W=$tmp/witness
A=$tmp/archives
mkdir -p "$W/dir" "$W/wh" "$A"
echo secret >"$W/canary"
touch "$W/wh/keep1" "$W/wh/keep2"
python3 "$srcdir/tests/hostile-tars.py" "$A" "$W" || exit 99

# --- helpers ---

# as COMMAND...: with the ids that the way of unpacking takes: real needs root, of a map at least.
as() {
	if [ "$how" = real ] && ! have_root; then
		unshare --map-root-user --map-auto "$@"
	else
		"$@"
	fi
}

# clear: $d is a new empty directory.
d=$tmp/work/d
clear() {
	[ ! -e "$d" ] || remove "$d"
	mkdir "$d"
}
# remove DIR: whoever owns what is in it, and whatever its modes forbid.
remove() {
	as find "$1" -type d ! -perm -700 -exec chmod u+rwx {} \;
	as rm -rf "$1"
}

# un ARCHIVE [LIMIT...]: unpack it into $d.  Bounded in time: no archive keeps us longer.  rootlet unpacks
# with a umask of 0; there are shorter ways then.
un_mask=0
un() (
	un_file=$1
	shift
	clear
	umask "$un_mask"
	as timeout 60 "$unpack" "$un_file" "$d" "$how" "$@"
)

witness() { find "$W" -printf '%P %y %m %U:%G %s %T@ %n\n' | sort && cat "$W/canary"; }
witness >"$tmp/witness.was"
untouched() {
	witness | diff "$tmp/witness.was" -
}

# refused TEXT ARCHIVE [LIMIT...]: one clear error, and nothing of the host has changed.
refused() {
	refused_text=$1
	refused_file=$A/$2
	shift 2
	fails_with "$refused_text" un "$refused_file" "$@" && untouched
}

# holds ARCHIVE COMMAND...: it is unpacked, nothing of the host has changed, and COMMAND succeeds in it.
holds() {
	holds_file=$1
	shift
	un "$A/$holds_file" >"$tmp/out" || return
	untouched && as sh -c 'cd "$1" && shift && "$@"' sh "$d" "$@"
}

# has SCRIPT: a condition of the tree, as a script.
tree() {
	tree_file=$1
	holds "$tree_file" sh -ec "$2"
}

# says KEY VALUE: the result of the last one has that line.
says() {
	grep -qxF -e "$1 $2" "$tmp/out" || {
		cat "$tmp/out"
		return 1
	}
}

result() {
	result_file=$1
	shift
	un "$result_file" >"$tmp/out" && says "$@"
}

# xattr NAME FILE: its value, or nothing.
xattr_of='xattr() { getfattr -h --only-values -n "$1" "$2" 2>/dev/null; }
	is() { [ "$1" = "$2" ] || { echo "is: $1"; echo "want: $2"; exit 1; }; }'

# --- the same lines for each way that can be had here ---

names() {
	test_ok "$how: '..' is refused" refused '".."' dotdot.tar
	test_ok "$how: '..' inside of a name is refused" refused '".."' dotdot-inside.tar
	test_ok "$how: '..' as a directory is refused" refused '".."' dotdot-dir.tar
	test_ok "$how: an absolute name is one below the root" tree absolute.tar "test -f ./$W/abs"
	test_ok "$how: a name longer than the kernel takes is refused" too_long
	test_ok "$how: a part longer than the kernel takes is refused" refused "too long a name" long-part.tar
	test_ok "$how: directories in one another have a limit" refused "more than 1000 directories deep" \
		deep.tar depth=1000
	test_ok "$how: without one they are as deep as a path is long" tree deepest.tar \
		'test "$(find . -name x -printf %d)" = 2048'
	test_ok "$how: no deeper" refused "too long a name" too-deep.tar
	test_ok "$how: a whiteout hides a name of any length" tree wh-long.tar \
		'test "$(find . -type c -printf x)" = xx'
	test_ok "$how: that can be" refused "too long a name" wh-too-long.tar
	for name in in-pax in-linkpath in-global far second after-long after-binary-size; do
		test_ok "$how: a NUL in an extended header is refused ($name)" refused \
			'a NUL in the extended header "' nul-$name.tar
	done
	test_ok "$how: so is one in its name" refused "a NUL in the name" nul-in-key.tar
	for name in L L-first K K-first; do
		test_ok "$how: and one inside of a long name of GNU tar ($name)" refused "a NUL in a long name" nul-in-gnu-$name.tar
	done
	test_ok "$how: at its end there may be some, or none" tree gnu-ends.tar 'cat n*n m*m | grep -qx 12'
	test_ok "$how: so is a record that is not whole" refused "that is damaged" record-damaged.tar
	test_ok "$how: so is a record without a name" refused "not a tar archive" record-no-key.tar
	test_ok "$how: control characters of a name do not reach the terminal" refused '\x1b]0;title' control.tar
	test_ok "$how: names are bytes" tree names.tar 'test "$(find . -mindepth 1 -maxdepth 1 -printf x)" = xxxxxxxx
		grep -q 2 "$(printf "raw-\377\376")"
		grep -q 7 "$(printf "cesu-\355\240\275\355\270\200%0120d" 0 | tr 0 c)"
		test "$(readlink sl | head -c 2)" = "$(printf "t\377")"'
}

too_long() {
	clear
	fails_with "too long a name" as "$unpack" "$A/long-name.tar" "$d" "$how" depth=10000 && untouched
}

links_on_the_way() {
	test_ok "$how: a file replaces a link, not its target" tree link-file.tar 'test ! -h l'
	test_ok "$how: a link to a directory of the host leads nowhere" refused "leads nowhere" link-dir.tar
	test_ok "$how: one by '..' too" refused "leads nowhere" link-dir-up.tar
	test_ok "$how: a link to / leads to the root of the layer" tree link-root.tar 'test -f in && test -h l'
	test_ok "$how: '..' of a link ends at the root of the layer" tree link-up.tar 'test -f in'
	test_ok "$how: links of /proc are not followed" refused "leads nowhere" link-proc.tar
	test_ok "$how: a directory replaces a link, and its target keeps its mode" tree link-chmod.tar \
		'test ! -h l && test -d l'
	test_ok "$how: a directory below a link is not that of the host" refused "leads nowhere" \
		link-then-dir-in.tar
	test_ok "$how: a loop of links is refused" refused "circles" link-loop.tar
	test_ok "$how: a link to nothing has nothing below it" refused "leads nowhere" link-dangling.tar
	test_ok "$how: an attribute of a link is not its target's" tree link-xattr.tar 'test -h l'
	test_ok "$how: a link that replaces a directory is seen at once" refused "leads nowhere" link-swap.tar
	test_ok "$how: the same one step further up" tree link-swap-in.tar \
		'test -h d && test -f e/x && test -f e/y/x && test "$(stat -c %a e/y)" = 755'
	test_ok "$how: nor does a directory stay that is replaced from below" tree link-swap-up.tar \
		'test -h a && test -f e/x'
	test_ok "$how: what waits for the end does not follow a link" tree link-late-dir.tar \
		'test -h d && test "$(stat -c %a longer)" = 755'
	test_ok "$how: nothing lies below a file" refused "not a directory" under-file.tar
	test_ok "$how: a maze of links longer than PATH_MAX leads nowhere" refused "leads nowhere" maze.tar
	test_ok "$how: the root cannot be a link" refused "root of a layer" root-link.tar
	test_ok "$how: nor by the name of /" refused "root of a layer" root-link-slash.tar
}

hard_links() {
	test_ok "$how: an absolute hard link is inside" tree hard-host.tar 'grep -qx overwritten h'
	test_ok "$how: a hard link by '..' is refused" refused '".."' hard-up.tar
	test_ok "$how: a hard link through a link is inside" refused "not in this layer" hard-through-link.tar
	test_ok "$how: a hard link to a link is the link itself" tree hard-to-link.tar 'test -h l && test ! -h h'
	test_ok "$how: no hard link to a directory" refused "hard link to a directory" hard-dir.tar
	test_ok "$how: nor to the root" refused "hard link to a directory" hard-root.tar
	test_ok "$how: nor to itself" refused "not in this layer" hard-self.tar
	test_ok "$how: nor to a whiteout" refused "whiteout" hard-whiteout.tar
	test_ok "$how: the error of a missing target names both" refused "sub/h: a hard link to what is not in this layer: not/there" hard-missing.tar
	test_ok "$how: data of a hard link is not written" tree hard-data.tar 'test -h h && test -f after'
	test_ok "$how: hard links may come before their targets, in chains" tree links.tar '
		test late -ef z/target && test c1 -ef c4 && test c2 -ef c4 && test abs -ef c4
		test -h hs && test "$(stat -c %h s)" = 2 && grep -qx s same
		test "$(stat -c %h c4)" = 5'
	test_ok "$how: a name that is used again after a link is not the link" tree links.tar \
		'grep -qx own w1 && grep -qx other w2'
}

whiteouts() {
	for name in nothing dot dotdot wh; do
		test_ok "$how: a whiteout of nothing is refused ($name)" refused "whiteout of nothing" wh-$name.tar
	done
	for name in dir link opaque-dir; do
		test_ok "$how: a whiteout is a file ($name)" refused "whiteout that is not a file" wh-$name.tar
	done
	test_ok "$how: '..' in a whiteout is refused" refused '".."' wh-up.tar
	test_ok "$how: a whiteout has nothing below it" refused "whiteout with something" wh-below.tar
	test_ok "$how: whiteouts below a link do not reach the host" refused "leads nowhere" wh-below-link.tar
	test_ok "$how: whiteouts below a link to / are inside" tree wh-below-root-link.tar 'test -c in'
	test_ok "$how: a whiteout is what overlayfs takes for one" tree wh-good.tar \
		'test "$(stat -c %F:%t:%T gone linked | sort -u)" = "character special file:0:0"'
	test_ok "$how: an earlier entry goes with its whiteout" tree wh-good.tar 'test -c was'
	test_ok "$how: a later entry takes the place of a whiteout" tree wh-good.tar 'grep -qx new file'
	test_ok "$how: the bookkeeping of AUFS is left out" tree wh-good.tar 'test "$(ls -A | wc -l)" = 6'
	if need getfattr; then
		test_ok "$how: a directory in the place of a whiteout is opaque" tree wh-good.tar \
			"$xattr_of"'; is "$(xattr user.overlay.opaque again)" y'
		test_ok "$how: an opaque directory is what overlayfs takes for one" tree wh-good.tar \
			"$xattr_of"'; is "$(xattr user.overlay.opaque d)" y; test -f d/x && test ! -e d/.wh..wh..opq'
		test_ok "$how: what directs overlayfs and records owners is not taken from an archive" \
			tree overlay-xattrs.tar "$xattr_of"'
			for f in d f; do for a in user.overlay.opaque trusted.overlay.opaque user.overlay.redirect \
				user.containers.override_stat user.overlay.metacopy user.overlay.whiteout \
				security.selinux; do
				is "$(getfattr -h -n $a $f 2>/dev/null)" ""
			done; done
			is "$(xattr user.kept d)" yes'
	else
		test_skip "$how: attributes of overlayfs" "no getfattr"
	fi
	test_ok "$how: a device 0:0 is left out, and reported" left_out
	test_ok "$how: a root that hides what is below is reported" result "$A/opaque-root.tar" opaque-root 1
}
have_getfattr() { command -v getfattr >/dev/null; }
left_out() {
	tree char-zero.tar 'test ! -e c && test -f after' &&
		says "dropped" "1 c: device 0:0: overlayfs would take it for a whiteout"
}

numbers() {
	for name in uid-minus-one uid-wraps gid-wraps uid-negative; do
		test_ok "$how: no owner from a number that is none ($name)" refused "x: owner" $name.tar
	done
	test_ok "$how: a negative size is refused" refused "negative size" size-negative.tar
	test_ok "$how: a huge size is refused" refused "damaged" size-huge.tar
	test_ok "$how: an entry hidden by two sizes does not exist" tree size-two.tar \
		'test "$(ls)" = "$(printf "after\nouter")"'
	test_ok "$how: a device number out of range is refused" refused "device number" device-huge.tar
	test_ok "$how: a sparse file of a tebibyte is refused" refused "larger than" sparse-tebi.tar
	test_ok "$how: a sparse file of 8 exbibytes too" refused "larger than" sparse-exbi.tar
	test_ok "$how: data beyond the size of its file is refused" refused "holes: data beyond" sparse-beyond.tar
	test_ok "$how: holes that take memory have a limit" refused "after first: more than 8 MiB" sparse-map.tar.gz
	test_ok "$how: data that is passed over is no header" tree large-link.tar.gz 'test h -ef f && test -f after'
	test_ok "$how: bytes have a limit" refused "larger than 100000 bytes" plain.tar bytes=100000
	test_ok "$how: up to that all is well" result "$A/plain.tar" bytes 101000
	test_ok "$how: entries have a limit" refused "f100: more than 100 entries" many.tar entries=100
	test_ok "$how: so have directories that have no entry" refused "more than 100 entries" \
		many-implied.tar entries=100
	test_ok "$how: attributes have a limit" refused "more than 256" many-xattrs.tar
	test_ok "$how: an extended header of megabytes is refused" refused "Special header" pax-bomb.tar
	test_ok "$how: headers without end are refused" refused "" pax-endless.tar
	test_ok "$how: an extended header that lies of its size is refused" refused "Special header" pax-liar.tar
	test_ok "$how: a long name that lies of its size is refused" refused "Special header" long-liar.tar
}

broken() {
	test_ok "$how: an archive that ends in a file is refused, with its name" refused "two: " cut-data.tar
	test_ok "$how: one that ends in a header too" refused "Truncated" cut-header.tar
	test_ok "$how: a wrong checksum is refused" refused "after one: " bad-checksum.tar
	for kind in gz bz2 xz; do
		test_ok "$how: $kind that ends too early is refused" refused "ends too early" cut.tar.$kind
		test_ok "$how: a changed byte in $kind is refused" refused "" flip.tar.$kind
		test_ok "$how: garbage after $kind is refused" refused "" tail.tar.$kind
		test_ok "$how: $kind in several parts is one" result "$A/members.tar.$kind" diff-id \
			"$(sha256sum <"$A/plain.tar" | cut -d' ' -f1)"
		test_ok "$how: $kind within $kind is no archive" refused "not a tar archive" twice.tar.$kind
	done
	for kind in text cpio mtree zip lrzip uu; do
		test_ok "$how: $kind is no archive" refused "not a tar archive" $kind.tar
	done
	test_ok "$how: an archive without its end is one" tree no-end.tar 'test -f one'
	test_ok "$how: an empty one is empty" tree empty.tar 'test -z "$(ls -A)"'
	test_ok "$how: so is one of zeros" tree zeros.tar 'test -z "$(ls -A)"'
	test_ok "$how: what follows the end counts for the digest" result "$A/trailing.tar" diff-id \
		"$(sha256sum <"$A/trailing.tar" | cut -d' ' -f1)"
	test_ok "$how: a name like the magic number of bzip2 is a name" tree bzip2-name.tar 'test -f BZh9-is-a-name'
	test_ok "$how: a decompression bomb is refused" refused "decompression bomb" bomb.tar.bz2
	test_ok "$how: one after the end of the archive too" refused "decompression bomb" bomb-after.tar.bz2
	test_ok "$how: who asks for it gets it" un "$A/bomb.tar.bz2" ratio=1000000
}

metadata() {
	test_ok "$how: a file replaces a directory, however deep" tree replace.tar \
		'grep -q "now a file" d && grep -q too g'
	test_ok "$how: a directory replaces a file, and stays when it comes again" tree replace.tar \
		'test -f f/in && test "$(stat -c %a f)" = 700'
	test_ok "$how: of two entries the second counts" tree replace.tar \
		'grep -qx second twice && test "$(readlink s)" = b && test -f p && test -p q'
	test_ok "$how: modes are as they are" tree modes.tar \
		'test "$(stat -c %a suid sgid none closed sticky setgid setgid/x udir | tr "\n" ,)" = \
			4755,2755,0,0,1777,2775,644,755,'
	test_ok "$how: directories without an entry have mode 755" tree times.tar \
		'test "$(stat -c %a:%Y . implied | tr "\n" ,)" = 755:0,755:0,'
	un_mask=077
	test_ok "$how: no umask takes anything from a mode" tree modes.tar \
		'test "$(stat -c %a suid user setgid setgid/x udir | tr "\n" ,)" = 4755,640,2775,644,755,'
	test_ok "$how: nor from that of a directory without an entry" tree times.tar \
		'test "$(stat -c %a:%Y implied)" = 755:0'
	un_mask=0
	test_ok "$how: a mode that comes later counts, of a directory without an entry too" tree mode-later.tar \
		'test "$(stat -c %a:%Y a a/b c | tr "\n" ,)" = 700:1000000000,755:0,711:5,'
	test_ok "$how: names that jump to and fro, up and down, each have their place" tree to-and-fro.tar '
		test "$(find . -type f | LC_ALL=C sort)" = "$(sed "s,^,./," list | LC_ALL=C sort)"'
	test_ok "$how: what lies in a directory whose mode forbids that has its own" tree closed-link.tar '
		chmod 700 directory && test "$(stat -c %a:%Y directory/x)" = 711:5'
	test_ok "$how: times have nanoseconds, those of directories too" tree times.tar '
		test "$(TZ=UTC stat -c %.9Y x d)" = "$(printf "1234567890.987654321\n1111111111.123456789")"
		test "$(stat -c %Y:%n d/e l | tr "\n" ,)" = 7:d/e,42:l,'
	test_ok "$how: times before 1970 too" tree times.tar 'test "$(stat -c %Y old)" -lt 0'
	test_ok "$how: a FIFO is made, and not opened" tree devices.tar 'test -p fifo'
}

real_owners() {
	test_ok "$how: owners are as they are" tree modes.tar \
		'test "$(stat -c %u:%g suid sgid user udir setgid setgid/x | tr "\n" ,)" = \
			0:0,0:7,33:44,5:6,0:50,0:0,'
	if have_root; then
		test_ok "$how: any owner" tree uid-large.tar 'test "$(stat -c %u sub/x)" = 3000000000'
	else
		test_ok "$how: an owner outside of the id map is refused, with a hint" large_owner
	fi
	if need getfattr; then
		test_ok "$how: capabilities of files are kept" tree capability.tar \
			'test -n "$(getfattr -n security.capability ping)"'
		test_ok "$how: access lists are kept" tree acl.tar '
			getfacl -n f | grep -qx "user:12:r--" && getfacl -n d | grep -qx "default:user:34:r--"
			! getfacl -n d/x | grep -q 34'
		test_ok "$how: one without numbers is reported" says dropped \
			"1 named: system.posix_acl_access: cannot be understood"
	fi
	if need mknod; then
		test_ok "$how: devices are made" tree devices.tar \
			'test "$(stat -c %t:%T:%a:%g null sda | tr "\n" ,)" = 1:3:666:5,8:0:660:0,'
	elif need getfattr; then
		test_ok "$how: devices are recorded" tree devices.tar "$xattr_of"'
			is "$(xattr user.containers.override_stat null)" 0:5:0666:char-1-3
			is "$(stat -c %F:%a:%g null)" "regular empty file:666:5"'
	fi
}
have_mknod() { as mknod "$tmp/probe-node" c 1 3 && rm -f "$tmp/probe-node"; }
large_owner() {
	fails_with "sub/x: its owner 3000000000:3000000000" un "$A/uid-large.tar" &&
		grep -q 'hint: .*--idmap=single' "$tmp/stderr"
}

recorded_owners() {
	test_ok "$how: all is the caller's" tree modes.tar 'test -z "$(find . ! -user "$(id -u)")"'
	need getfattr || return
	test_ok "$how: owners are recorded, where it is not root" tree modes.tar "$xattr_of"'
		is "$(xattr user.containers.override_stat user)" 33:44:0640:file
		is "$(xattr user.containers.override_stat udir)" 5:6:0755:dir
		is "$(xattr user.containers.override_stat suid)" ""'
	test_ok "$how: so are devices" tree devices.tar "$xattr_of"'
		is "$(xattr user.containers.override_stat null)" 0:5:0666:char-1-3
		is "$(xattr user.containers.override_stat sda)" 0:0:0660:block-8-0
		is "$(stat -c %F:%a null)" "regular empty file:666"'
	test_ok "$how: any owner" tree uid-large.tar "$xattr_of"'
		is "$(xattr user.containers.override_stat sub/x)" 3000000000:3000000000:0644:file'
	test_ok "$how: access lists and capabilities, which name others of this machine, are left out" \
		tree acl.tar '! getfacl -n f | grep -q 12'
	test_ok "$how: user attributes are kept" tree capability.tar "$xattr_of"'
		is "$(xattr user.note u)" kept; is "$(getfattr -d -m security ping)" ""'
}

# --- the same as GNU tar ---

make_source() {
	mkdir -p "$tmp/source/dir/sub" "$tmp/source/$(printf '%0200d' 0)" && (
		cd "$tmp/source" || return
		head -c 300000 /dev/urandom >dir/random
		seq 200000 >dir/numbers
		ln dir/numbers dir/sub/hard
		ln -s ../random dir/sub/soft
		ln -s "$(printf '%0150d' 7)" dir/long
		touch "$(printf '%0150d' 8)" empty
		truncate -s 10M sparse
		echo middle | dd of=sparse bs=1M seek=5 conv=notrunc 2>/dev/null
		truncate -s 5M hole
		mkfifo fifo
		chmod 4711 dir/random
		chmod 555 dir/sub
		touch -d @1234567890.123456789 dir/numbers dir
		! have_root || chown -h 123:456 dir/random dir/long dir/sub
	)
}
make_source

look() {
	as sh -c 'cd "$1" && find . -printf "%P %y %m %U:%G %s %T@ %l %n\n" | sort &&
		find . -type f -exec cksum {} + | sort' sh "$1"
}
# same_as_tar OPTION...: the archive that GNU tar makes with these is unpacked as GNU tar does.
same_as_tar() {
	tar -C "$tmp/source" -cf "$tmp/same.tar" "$@" . && un "$tmp/same.tar" >"$tmp/out" || return
	mkdir "$tmp/theirs"
	owner=--numeric-owner
	[ "$how" = real ] || owner=--no-same-owner
	as tar -C "$tmp/theirs" -xpf "$tmp/same.tar" "$owner" || return
	look "$tmp/theirs" >"$tmp/want"
	[ -s "$tmp/want" ] && look "$d" | diff "$tmp/want" -
	same=$?
	remove "$tmp/theirs"
	return "$same"
}
packed_like() {
	tar -C "$tmp/source" -cf "$tmp/plain.tar" . && "$@" <"$tmp/plain.tar" >"$tmp/packed" &&
		un "$tmp/packed" >"$tmp/out" && says digest "$(sha256sum <"$tmp/packed" | cut -d' ' -f1)" &&
		says diff-id "$(sha256sum <"$tmp/plain.tar" | cut -d' ' -f1)" &&
		as diff -r --no-dereference "$tmp/source/dir" "$d/dir"
}
holes() {
	[ "$(du -k "$d/sparse" | cut -f1)" -lt 2000 ] && [ "$(du -k "$d/hole" | cut -f1)" -lt 100 ]
}
from_a_pipe() {
	clear
	tail -c +1 "$A/members.tar.gz" | as "$unpack" - "$d" "$how" >"$tmp/out" && grep -q 1111 "$d/one"
}
endless_pipe() {
	clear
	mkfifo "$tmp/pipe"
	{
		cat "$A/bad-checksum.tar"
		head -c 2M /dev/zero
		exec sleep 30
	} >"$tmp/pipe" &
	endless=$!
	fails_with "after one" as timeout 20 "$unpack" - "$d" "$how" <"$tmp/pipe"
	failed=$?
	status 0 kill "$endless"
	rm "$tmp/pipe"
	return "$failed"
}

round_trips() {
	for format in gnu oldgnu posix; do
		test_ok "$how: as GNU tar does: $format" same_as_tar --format=$format
	done
	test_ok "$how: as GNU tar does: sparse, gnu" same_as_tar --format=gnu --sparse
	test_ok "$how: holes are holes" holes
	for v in 0.0 0.1 1.0; do
		test_ok "$how: as GNU tar does: sparse, posix $v" same_as_tar --format=posix --sparse --sparse-version=$v
		test_ok "$how: holes are holes, posix $v" holes
	done
	test_ok "$how: in no compression" packed_like cat
	for z in gzip bzip2 xz zstd; do
		if command -v $z >/dev/null; then
			test_ok "$how: in $z, with both digests" packed_like $z
		else
			test_skip "$how: in $z" "no $z"
		fi
	done
	test_ok "$how: from a pipe" from_a_pipe
	test_ok "$how: a pipe that stays open does not hold up an error" endless_pipe
}

digests_alone() {
	prints "$(sha256sum <"$A/plain.tar" | cut -d' ' -f1)" \
		sh -c '"$1" "$2" - real | sed -n "s/^diff-id //p"' sh "$unpack" "$A/members.tar.gz"
}
test_ok "the digests alone need no directory" digests_alone

ways=recorded
if need range || have_root; then
	ways="$ways real"
else
	test_skip "real owners" "no subordinate ids"
fi
for how in $ways; do
	names
	links_on_the_way
	hard_links
	whiteouts
	numbers
	broken
	metadata
	"${how}_owners"
	round_trips
	clear
done
test_done
