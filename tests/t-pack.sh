# pack: trees and upper directories as tar streams, and what an upper changes
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"

pack=$testbin/pack
have_umoci() { command -v umoci >/dev/null; }
have_bsdtar() { command -v bsdtar >/dev/null; }
have_zstd() { command -v zstd >/dev/null; }
have_user_xattr() { : >"$tmp/xattr-probe" && setfattr -n user.probe -v 1 "$tmp/xattr-probe" 2>/dev/null; }
have_acl() { : >"$tmp/acl-probe" && setfacl -m u:0:r "$tmp/acl-probe" 2>/dev/null; }
have_setcap() { have_root && : >"$tmp/cap-probe" && setcap cap_chown+ep "$tmp/cap-probe" 2>/dev/null; }
have_mknod() { have_root && mknod "$tmp/mknod-probe" c 1 3 2>/dev/null && : <"$tmp/mknod-probe"; }
need user_xattr || skip_all "no user attributes on this file system"

# listing DIR: every entry with all that a tar can keep of it, in order.
listing() (
	cd "$1" || exit
	find . -printf '%P|%y|%m|%U:%G|%T@|%l' \( -type d -printf '\n' -o -printf '|%n|%s\n' \) | sort
	find . -type f -exec cksum {} + | sort
	find . \( -type f -o -type d \) -exec getfattr -h -d -m '^user\.[^o]|^system\.' -e hex {} + 2>/dev/null |
		grep -v '^$' | sort
)

same_listing() {
	listing "$1" >"$tmp/listing-1"
	listing "$2" >"$tmp/listing-2"
	[ -s "$tmp/listing-1" ] && diff "$tmp/listing-1" "$tmp/listing-2"
}

# fresh DIR: an empty directory.
fresh() {
	rm -rf "$1"
	mkdir -p "$1"
}

# field N COMMAND...
field() {
	field_n=$1
	shift
	"$@" | cut -d' ' -f"$field_n"
}

diff_id() { field 1 "$pack" "$@"; }

# packs TEXT-OF-TAR-TVF ARGS...: a line of the list of the tar has TEXT.
packs() {
	packs_text=$1
	shift
	"$pack" "$@" >/dev/null && tar --numeric-owner -tvf "$3" >list && {
		grep -qF -e "$packs_text" list || {
			cat list
			return 1
		}
	}
}

lacks() { ! grep -F -e "$1" "$2"; }

# fails NAME-AND-REASON ARGS...: an error, one line, that has the text.
fails() {
	fails_text=$1
	shift
	if "$pack" "$@" >out 2>err; then
		echo "no error"
		return 1
	fi
	cat err
	[ "$(wc -l <err)" = 1 ] && grep -qF -e "$fails_text" err
}

# --- a tree ---

bytes=$(printf 'by\377te\201s')
utf8=$(printf 'na\303\257ve')
long=$(printf 'l%.0s' $(seq 200))

make_tree() {
	fresh "$1"
	(
		cd "$1" || exit
		mkdir -p dir/sub "$long/$long/$long" empty "$utf8"
		echo one >dir/one
		echo two >"$bytes"
		echo three >"$utf8/$utf8"
		head -c 700000 /dev/zero | tr '\0' x >big
		: >nothing
		ln dir/one dir/sub/again
		ln dir/one a-first
		ln -s dir/one link
		ln -s "$(printf 'x%.0s' $(seq 150))" long-link
		ln -s "$bytes" byte-link
		echo deep >"$long/$long/$long/file"
		echo new | tee "line
feed" >/dev/null
		mkfifo fifo
		truncate -s 300000 sparse
		printf end >>sparse
		chmod 4755 dir/one
		chmod 1777 empty
		chmod 444 nothing
		setfattr -n user.name -v value dir/one
		setfattr -n user.empty big
		setfattr -n user.bytes -v 0x000aff3d00 dir
		touch -h -d '2001-02-03 04:05:06.789012345 UTC' link big
		touch -h -d '1960-01-02 03:04:05 UTC' dir/one
		touch -d '2030-01-01 00:00:00.5 UTC' sparse
		find . -depth -type d -exec touch -d '2002-02-02 02:02:02.020202 UTC' {} +
	)
}
make_tree tree

round_trip() {
	"$pack" tree tree t.tar none >/dev/null || return
	fresh x
	"$@" || return
	same_listing tree x
}
gnu_extract() { tar --xattrs --xattrs-include='*' -xpf t.tar -C x; }
# It does not set the time of the top.
bsd_extract() { bsdtar -xpf t.tar -C x && touch -r tree x; }
test_ok "GNU tar makes the same tree again" round_trip gnu_extract
test_if bsdtar "no bsdtar" "bsdtar makes the same tree again" round_trip bsd_extract

lists_silently() {
	"$pack" tree tree t.tar none "exclude=$bytes" exclude=byte-link >/dev/null && tar -tf t.tar >list 2>err &&
		[ ! -s err ] && grep -q '^na' list
}
test_ok "and has nothing to complain of where names are UTF-8" lists_silently

in_order() {
	"$pack" tree tree t.tar none >/dev/null
	tar --quoting-style=literal -tf t.tar --exclude='line*' 2>/dev/null | grep -a '^[^/]*$' >list
	grep -qx nothing list && LC_ALL=C sort -c list
}
test_ok "entries are in the order of their bytes" in_order

test_ok "a hard link leads to the name that came first" \
	packs 'dir/one link to a-first' tree tree t.tar none
once() {
	[ "$(tar -tvf t.tar | grep -c 'link to a-first')" = 2 ] && [ "$(grep -ac 'user\.name=' t.tar)" = 1 ]
}
test_ok "and its contents and attributes are there once" once

bytes_in_locales() {
	for l in C C.UTF-8 POSIX; do
		LC_ALL=$l "$pack" tree tree "t-$l.tar" none || return
	done >ids
	[ "$(sort -u ids | wc -l)" = 1 ]
}
test_ok "the locale makes no difference" bytes_in_locales

# --- numbers and names ---

sha() { sha256sum | cut -d' ' -f1; }

compressed() {
	"$pack" tree tree out."$1" "$1" >ids || return
	read -r id bytes_in _ _ digest size <ids
	[ "$size" = "$(stat -c %s out."$1")" ] && [ "$digest" = "$(sha <out."$1")" ] || return
	shift
	"$@" >plain && [ "$id" = "$(sha <plain)" ] && [ "$bytes_in" = "$(stat -c %s plain)" ]
}
test_ok "uncompressed: digests and sizes are those of the bytes" compressed none cat out.none
test_ok "gzip: digests and sizes are those of the bytes" compressed gzip gzip -dc out.gzip
test_if zstd "no zstd" "zstd: digests and sizes are those of the bytes" compressed zstd zstd -dqc out.zstd
no_time_in_gzip() { [ "$(head -c 8 out.gzip | od -An -tx1 | tr -d ' ')" = 1f8b080000000000 ]; }
test_ok "gzip: the header has no name and no time" no_time_in_gzip

mixed_sizes() {
	fresh mixed
	for n in 0 1 511 512 513 261632 262143 262144 262145 1048576; do
		head -c "$n" /dev/urandom >"mixed/$n"
	done
	for c in none gzip zstd; do
		diff_id tree mixed "out.$c" "$c" || return
	done | sort -u >ids
	[ "$(wc -l <ids)" = 1 ] && tar -xf out.none -C x && for n in mixed/*; do
		cmp "$n" "x/${n#*/}" || return
	done
}
test_ok "files of sizes about those of blocks" mixed_sizes

slow_reader() {
	rm -f pipe && mkfifo pipe || return
	timeout 20 "$pack" tree mixed pipe "$1" >ids &
	{
		head -c 1 >first
		sleep 0.3
		cat first - >slow
	} <pipe
	wait $! && [ "$(sha <slow)" = "$(cut -d' ' -f5 ids)" ] &&
		[ "$(cut -d' ' -f1 ids)" = "$(diff_id tree mixed out none)" ] && gzip -dc slow | cmp - out
}
fresh mixed
for n in 1 2 3 4 5 6; do
	head -c 1000000 /dev/urandom >mixed/r$n
done
test_ok "what is read is not overwritten before it is out" slow_reader gzip

atime_stays() {
	fresh atime && echo f >atime/f && touch -a -d @1000000000 atime/f atime &&
		"$pack" tree atime t.tar none >/dev/null && prints '1000000000 1000000000' \
		sh -c 'echo $(stat -c %X atime/f atime)'
}
test_ok "reading leaves no trace in the owner's files" atime_stays

list_times() {
	fresh times
	touch -d @1000000000.25 times/before
	touch -d @1000000001 times/then
	touch -d @1000000001.000000001 times/after
	touch -d @1500000000 times
	"$pack" tree times t.tar none mtime=1000000001 >/dev/null && fresh x && tar -xpf t.tar -C x &&
		find x -printf '%f %T@\n' | sort
}
times_are_cut() {
	list_times >got
	cat got
	[ "$(cat got)" = 'after 1000000001.0000000000
before 1000000000.2500000000
then 1000000001.0000000000
x 1000000001.0000000000' ]
}
test_ok "later times than the highest become that, earlier ones stay" times_are_cut

leaves_out() {
	"$pack" tree tree t.tar none exclude=dir/sub "exclude=/$utf8/*" exclude='l*/file' "exclude=$bytes" \
		>/dev/null && tar -tf t.tar >list || return
	lacks dir/sub list && lacks 'by\377' list && [ "$(grep -c '^na' list)" = 1 ] && grep -qx dir/one list &&
		grep -q '^l.*/file$' list
}
test_ok "what is excluded is left out with what is in it" leaves_out

before_1970() {
	fresh old && touch -d '1960-01-02 03:04:05.25 UTC' old/f && touch -d '1969-12-31 23:59:59.999999999 UTC' old/g &&
		"$pack" tree old t.tar none mtime=5 >/dev/null && fresh x && tar -xpf t.tar -C x && touch -r old x &&
		same_listing old x
}
test_ok "times before 1970" before_1970

foreign_names() {
	fresh foreign/d && setfattr -n user.overlay.opaque -v y foreign/d &&
		setfattr -n user.containers.override_stat -v 0:0:0755:dir foreign/d &&
		setfattr -n user.kept foreign/d && "$pack" tree foreign t.tar none >/dev/null &&
		grep -aq user.kept t.tar && ! grep -a 'overlay\|override' t.tar
}
test_ok "attributes of overlays and records are left out" foreign_names

equals_in_name() {
	fresh eq && : >eq/f && setfattr -n 'user.a=b%3Dc%' -v v eq/f && "$pack" tree eq t.tar none >/dev/null &&
		fresh x && tar --xattrs --xattrs-include='*' -xf t.tar -C x &&
		getfattr --absolute-names -n 'user.a=b%3Dc%' x/f
}
test_ok "an attribute with = and % in its name" equals_in_name

acl_kept() {
	fresh acl/d && setfacl -m u:0:rwx acl/d && setfacl -d -m g:0:r acl/d &&
		"$pack" tree acl t.tar none >/dev/null && fresh x &&
		tar --xattrs --xattrs-include='*' -xpf t.tar -C x && same_listing acl x && getfacl x/d | grep -q user:root:rwx
}
test_if acl "no access lists on this file system" "access lists are kept" acl_kept

cap_kept() {
	fresh cap && : >cap/f && setcap cap_chown+ep cap/f && "$pack" tree cap t.tar none >/dev/null &&
		fresh x && tar --xattrs --xattrs-include='*' -xpf t.tar -C x && getcap x/f | grep -q cap_chown=ep
}
test_if setcap "no capabilities of files" "file capabilities are kept" cap_kept

sockets_counted() {
	fresh sock && : >sock/file &&
		python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock/s")' &&
		[ "$("$pack" tree sock t.tar none | cut -d' ' -f3,4)" = '2 1' ] &&
		[ "$(tar -tf t.tar)" = "./
file" ]
}
test_if python3 "no python3" "a socket is left out, and counted" sockets_counted

# --- owners and devices ---

# own UID:GID:MODE:TYPE FILE: what root does, or the record of that.
record() { setfattr -n user.containers.override_stat -v "$1" "$2"; }
make_owned() {
	fresh owned
	(
		cd owned || exit
		echo f >f
		echo mine >mine
		mkdir d
		: >null
		: >disk
		record 3000000:4000000:4711:file f
		record 5:6:0700:dir d
		record 0:6:0640:block-259-1048575 disk
		record 0:0:0666:char-1-3 null
		chmod 644 mine
		chmod 755 .
		touch -d @1234567890 f mine d null disk .
	)
}
make_owned
test_ok "a record tells owner and mode" packs '-rws--x--x 3000000/4000000' tree owned t.tar none recorded
test_ok "of directories too" packs 'drwx------ 5/6' tree owned t.tar none recorded
test_ok "a record tells a character device" packs 'crw-rw-rw- 0/0             1,3' tree owned t.tar none recorded
test_ok "and a block device" packs 'brw-r----- 0/6     259,1048575' tree owned t.tar none recorded
test_ok "what has no record and is the caller's is root's" packs '-rw-r--r-- 0/0               5' \
	tree owned t.tar none recorded
test_ok "records are not read unless that is asked for" packs "$(id -u)/$(id -g)" tree owned t.tar none

# The same tree, owned really.
make_real() {
	fresh real && (
		cd real &&
			echo f >f && echo mine >mine && mkdir d && mknod null c 1 3 && mknod disk b 259 1048575 &&
			chown 3000000:4000000 f && chown 5:6 d && chown 0:6 disk &&
			chmod 4711 f && chmod 700 d && chmod 640 disk && chmod 666 null && chmod 644 mine && chmod 755 . &&
			touch -d @1234567890 f mine d null disk .
	)
}
owned_id=4c4cd49d4b5ed2e925efa4c73e7e8a994a794f9ab208eaa7ad039da9b61bac3e
test_ok "a tree with records has the digest that it has everywhere" \
	prints "$owned_id" diff_id tree owned t.tar none recorded
real_id() { make_real && prints "$owned_id" diff_id tree real t.tar none; }
test_if mknod "no device nodes" "and one with real owners and devices the same" real_id
test_if userns "no user namespaces" "and in a map of one id" \
	prints "$owned_id" field 1 unshare -Ur "$pack" tree owned t.tar none recorded
# One file of another in the map, by a record or really; the caller is root of what he has.
make_few='cd few && echo f >f && chmod 6750 f && chmod 755 . && touch -d @1234567890 f .'
in_a_range() {
	fresh few && (eval "$make_few" && record 5:6:6750:file f) &&
		few_id=$(diff_id tree few 1.tar none recorded) && [ "$few_id" ] && fresh few && chmod 777 . &&
		"$ROOTLET" run --idmap=range -v "$PWD:$PWD" -w "$PWD" host sh -c "($make_few && chown 5:6 f && chmod 6750 f) &&
			'$pack' tree few t-range.tar none recorded" >ids && prints "$few_id" cut -d' ' -f1 ids
}
test_if subids "no subordinate ids" "and in a map of a range, where it is owned really" in_a_range
bad_records() {
	fresh bad && for r in nonsense 1:2 :::: '' 0:0:0644:char-1 0:0:0644:block--; do
		: >"bad/of-$r"
		record "$r" "bad/of-$r" || return
	done
	mkdir bad/dir && record 0:0:0700:char-1-3 bad/dir || return
	"$pack" tree bad t.tar none recorded >/dev/null && [ "$(tar -tvf t.tar | grep -c '^-rw')" = 6 ] &&
		tar -tvf t.tar | grep -q '^drwx------.* dir/$' && ! tar -tvf t.tar | grep '^c'
}
test_ok "a record that makes no sense makes no device" bad_records

# --- the same tree ---

copies() {
	fresh c1 && fresh c2 || return
	for f in $(seq 40); do
		echo "$f" >"c1/$f"
	done
	mkdir c1/d && ln c1/7 c1/d/7
	for f in $(seq 40 -1 1); do
		[ "$f" = 7 ] || echo "$f" >"c2/$f"
	done
	mkdir c2/d && echo 7 >c2/d/7 && ln c2/d/7 c2/7
	[ "$(diff_id tree c1 1.tar "$1" mtime=5)" = "$(diff_id tree c2 2.tar "$1" mtime=5)" ] && cmp 1.tar 2.tar
}
for c in none gzip zstd; do
	test_ok "copies made in another order are the same bytes ($c)" copies $c
done

sparse_same() {
	fresh c1 && fresh c2 && truncate -s 3000000 c1/f && head -c 3000000 /dev/zero >c2/f &&
		[ "$(diff_id tree c1 1.tar none mtime=5)" = "$(diff_id tree c2 2.tar none mtime=5)" ]
}
test_ok "holes make no difference" sparse_same

# --- large ---

deep() { fresh deep && "$pack" deep deep "$1" "$2" && prints "$(($1 + 1))" field 3 "$pack" tree deep t.tar none; }
too_deep() { fresh deep && "$pack" deep deep "$1" "$2" && fails "4095 bytes at most" tree deep t.tar none; }
test_ok "2048 directories in one another" deep 2048 d
test_ok "no more: it could not be unpacked" too_deep 2049 d
test_ok "so it is when names are longer" too_deep 4000 dddddddddd
deep_siblings() {
	fresh deep && (
		cd deep && for i in $(seq 100); do
			mkdir a z && echo "$i" >zz && cd a || exit
		done
	) && "$pack" tree deep t.tar none >/dev/null && fresh x && tar -xpf t.tar -C x && same_listing deep x
}
test_ok "and what comes after in each" deep_siblings
# shellcheck disable=SC3045
few_descriptors() { (ulimit -n 64 && "$pack" tree deep t.tar none); }
test_ok "with 64 descriptors" few_descriptors
# shellcheck disable=SC3045
memory() {
	head -c 200000000 /dev/zero >big.0 && fresh huge && mv big.0 huge &&
		(ulimit -v 200000 && "$pack" tree huge /dev/null zstd)
}
memory_test() {
	if have_sanitizer; then
		test_skip "$1" "a sanitizer needs memory for itself"
	else
		test_ok "$1" memory
	fi
}
memory_test "a file that is larger than memory"
rm -rf deep huge

# --- what cannot be packed ---

# meanwhile COMMAND...: it is run when half of file "f" has been read; the error is in err.
meanwhile() {
	fresh moving && head -c 3000000 /dev/zero >moving/f && rm -f pipe && mkfifo pipe || return
	timeout 20 "$pack" tree moving pipe none 2>err &
	{
		head -c 1 >/dev/null
		"$@"
		cat >/dev/null
	} <pipe
	if wait $!; then
		echo "no error"
		return 1
	fi
	cat err
}
shrinks() { meanwhile truncate -s 1000000 moving/f && grep -qx 'pack: f: became shorter while it was read' err; }
changes() { meanwhile touch moving/f && grep -qx 'pack: f: changed while it was read' err; }
grows() { meanwhile sh -c 'echo more >>moving/f' && grep -qx 'pack: f: changed while it was read' err; }
test_ok "a file that becomes shorter is an error with its name" shrinks
test_ok "one that is changed too" changes
test_ok "and one that becomes longer" grows

as_root_of_map() {
	fresh un/d && : >un/d/f && chmod 0 un/d/f && unshare -Ur "$pack" tree un t.tar none
}
test_if userns "no user namespaces" "the root of a map of one id reads what its owner cannot" as_root_of_map
whiteout_name() { fresh wh/d && : >wh/d/.wh.x && fails 'd/.wh.x: ' tree wh t.tar none; }
test_ok "a name that would be taken for a whiteout is an error" whiteout_name
unreadable() { fresh un/d && : >un/d/f && chmod 0 un/d/f && fails 'd/f: open: Permission denied' tree un t.tar none; }
if [ "$(id -u)" = 0 ]; then
	test_skip "a file that cannot be read is an error with its name" "root can"
else
	test_ok "a file that cannot be read is an error with its name" unreadable
fi
test_ok "a full disk is an error" fails 'No space left on device' tree tree /dev/full none
full_thread() { fails 'No space left on device' tree mixed /dev/full gzip; }
test_ok "also when another thread writes" full_thread
elsewhere() {
	fresh meta && echo f >meta/f && setfattr -n user.overlay.metacopy meta/f && fails 'f: it is in another layer' \
		upper meta t.tar none
}
test_ok "an upper that has not its contents itself is refused" elsewhere

# --- uppers ---

if ! need overlay; then
	test_skip "upper directories" "no overlay in a user namespace"
	test_done
fi

make_lower() {
	fresh "$1"
	(
		cd "$1" || exit
		mkdir -p dir/sub gonedir/in dir2file/in opq/od/odd quiet/quiet loud bin moved same.d
		for f in a gone gonedir/f dir/x dir/y dir/sub/z file2dir dir2file/f opq/o1 opq/o2 opq/od/o3 \
			opq/same opq/odd perm ren quiet/quiet/touched quiet/quiet/kept loud/f hl1 bin/prog moved/m \
			same.d/f attr other link2file; do
			echo "$f of the lower" >$f
		done
		ln hl1 hl2
		ln -s a link
		ln -sf a link2file
		ln -s a link2dir
		find . -exec touch -h -d @1600000000.5 {} +
	)
}

# What a program does; run in the merged view.
changes_1='
	rm gone
	rm -r gonedir
	rm file2dir && mkdir file2dir && echo new >file2dir/n
	rm -r dir2file && echo file >dir2file
	cp -p opq/same /tmp/same.$$ && rm -r opq && mkdir opq && echo o1 >opq/o1 && echo new >opq/new
	mkdir opq/od && cp -p /tmp/same.$$ opq/same && rm /tmp/same.$$
	chmod 600 perm
	mv ren ren2
	mv moved moved2
	: >>quiet/quiet/touched
	echo loud >>loud/f
	echo new >>hl1
	ln a a-again
	rm dir/x && echo again >dir/x
	echo more >>dir/sub/z
	mkdir -p fresh/deep/er && echo f >fresh/deep/er/f && ln fresh/deep/er/f fresh/l && ln -s f fresh/s
	mkfifo fresh/fifo
	setfattr -n user.new -v 1 attr
	rm link2file && echo f >link2file
	rm link2dir && mkdir link2dir
	rm other && mkfifo other
	echo made >made && rm made
	chmod 700 same.d && chmod 755 same.d
'
# The next run, over the first.
changes_2='
	rm -r dir && mkdir dir && echo y >dir/y
	echo back >gone
	mkdir gonedir && echo g >gonedir/g
	rm -r fresh/deep
	rm fresh/l
	rm -r opq
	rm dir2file && mkdir dir2file
	rm -r file2dir
	echo p >>perm
'

# run_over UPPER COMMANDS LOWER...: the merged view is listed in UPPER.list.
run_over() {
	over_upper=$PWD/$1 over_commands=$2 over_lower=
	shift 2
	for l; do
		over_lower=$over_lower${over_lower:+:}$PWD/$l
	done
	fresh "$over_upper" && fresh "$over_upper.work" && fresh merged || return
	touch -d @1600000000.5 "$over_upper"
	listing_of_merged=$(
		unshare -Urm sh -c '
			mount -t overlay -o "userxattr,lowerdir=$1,upperdir=$2,workdir=$2.work" o merged || exit
			(cd merged && eval "$3") || exit
			umount merged &&
			mount -t overlay -o "userxattr,lowerdir=$2:$1" o merged || exit
			rm -rf "$2.merged" && cp -a merged "$2.merged"' \
			sh "$over_lower" "$over_upper" "$over_commands" 2>&1
	) || {
		echo "$listing_of_merged"
		return 1
	}
}
make_lower lower
run_over upper "$changes_1" lower || echo "Bail out! the first overlay"
run_over upper2 "$changes_2" upper lower || echo "Bail out! the second overlay"

# apply TAR DIR: as a layer over what is in DIR; names without blanks.
apply() {
	tar -tf "$1" >names || return
	while read -r name; do
		base=${name##*/} parent=$2/${name%/*}
		case $name in
		*/*) ;;
		*) parent=$2 ;;
		esac
		case $base in
		.wh..wh..opq) find "$parent" -mindepth 1 -delete ;;
		.wh.*) rm -rf "${parent:?}/${base#.wh.}" ;;
		esac
	done <names
	while read -r name; do
		case $name in
		*/)
			if [ -L "$2/${name%/}" ] || [ ! -d "$2/$name" ]; then
				rm -f "$2/${name%/}"
			fi
			;;
		*) rm -rf "${2:?}/$name" ;;
		esac
	done <names
	tar --xattrs --xattrs-include='*' --exclude='.wh.*' -xpf "$1" -C "$2"
}
copy_of() { rm -rf "$2" && cp -a "$1" "$2"; }

by_hand() {
	"$pack" upper upper 1.tar none "$@" >/dev/null && copy_of lower x && apply 1.tar x && same_listing upper.merged x
}
test_ok "an upper, applied to the lower, is the merged view" by_hand
test_ok "and so is one without what it says of no change" by_hand lower
by_hand_again() {
	"$pack" upper upper 1.tar none lower >/dev/null && "$pack" upper upper2 2.tar gzip upper lower >/dev/null &&
		copy_of lower x && apply 1.tar x && apply 2.tar x && same_listing upper2.merged x
}
test_ok "a second upper over the first" by_hand_again

by_umoci() (
	"$pack" tree lower 0.tar none recorded && "$pack" upper upper 1.tar none recorded lower &&
		"$pack" upper upper2 2.tar none recorded upper lower || exit
	rm -rf oci um && umoci init --layout oci && umoci new --image oci:x || exit
	for n in 0 1 2; do
		umoci raw add-layer --image oci:x "$n.tar" || exit
	done
	umoci raw unpack --rootless --image oci:x um && same_listing upper2.merged um
)
test_if umoci "no umoci" "umoci unpacks lower and uppers to the merged view" by_umoci

list_of() { "$pack" upper "$@" >/dev/null && tar -tf "$2"; }
# again FROM DIR WORD...: what unpacking makes of the tar is packed as the same bytes.
again() {
	again_from=$1 again_dir=$2
	shift 2
	"$pack" "$again_from" "$again_dir" t.tar none recorded "$@" >ids && fresh x &&
		"$testbin/unpack" t.tar x recorded >/dev/null &&
		prints "$(cut -d' ' -f1 ids)" diff_id "$again_from" x 2.tar none recorded
}
test_ok "a tree, unpacked, is packed as the same bytes" again tree tree
test_ok "so are owners and devices" again tree owned
test_ok "and whiteouts and opaque directories" again upper upper lower
in_tar() { list_of upper t.tar none "$@" >list; }
test_in() { in_tar lower && { grep -qxF -e "$1" list || cat_false list; }; }
cat_false() { cat "$1" && false; }
test_not_in() { in_tar lower && ! grep -qxF -e "$1" list; }
test_ok "what is gone is a whiteout" test_in .wh.gone
test_ok "a directory that is gone is one whiteout" test_in .wh.gonedir
test_ok "a directory made again is opaque" test_in opq/.wh..wh..opq
test_ok "what was made and removed leaves nothing" test_not_in .wh.made
test_ok "a file that was only opened for writing is not written" test_not_in quiet/quiet/touched
test_ok "nor are the directories above it" test_not_in quiet/
test_ok "a directory whose mode was changed and changed back is not written" test_not_in same.d/
test_ok "the unchanged parents of a change are" test_in loud/
test_ok "a new directory over no other needs no mark" test_not_in fresh/.wh..wh..opq
test_ok "nor one over a file" test_not_in file2dir/.wh..wh..opq
opaque_first() { test_in opq/ && [ "$(grep -A1 -x opq/ list | tail -n 1)" = opq/.wh..wh..opq ]; }
test_ok "the mark comes first in its directory" opaque_first
links_kept() { tar -tvf t.tar | grep -q 'fresh/l link to fresh/deep/er/f' && tar -tvf t.tar | grep -q 'a-again link to a$'; }
test_ok "new hard links are links, also to what was there" links_kept
nothing_leaks() { ! grep -aq 'user\.overlay' t.tar; }
test_ok "no attribute of the overlay gets in" nothing_leaks
without_lowers() { in_tar && grep -qx quiet/quiet/touched list && grep -qx .wh.gone list; }
test_ok "without the lower all is written" without_lowers

diff_is() {
	"$pack" diff "$@" >got
	diff want got
}
cat >want <<-END
	C f 15 a
	A f 15 a-again
	C f 18 attr
	C d 0 dir
	C f 28 dir/sub/z
	C f 6 dir/x
	C f 5 dir2file
	C d 0 file2dir
	A f 4 file2dir/n
	A d 0 fresh
	A d 0 fresh/deep
	A d 0 fresh/deep/er
	A f 2 fresh/deep/er/f
	A p 0 fresh/fifo
	A f 2 fresh/l
	A l 0 fresh/s
	D f 18 gone
	D d 0 gonedir
	C f 21 hl1
	C d 0 link2dir
	C f 2 link2file
	C f 25 loud/f
	D d 0 moved
	A d 0 moved2
	A f 21 moved2/m
	C d 0 opq
	A f 4 opq/new
	C f 3 opq/o1
	D f 20 opq/o2
	C d 0 opq/od
	D f 23 opq/od/o3
	D d 0 opq/od/odd
	D f 21 opq/odd
	C p 0 other
	C f 18 perm
	D f 17 ren
	A f 17 ren2
END
test_ok "diff lists exactly what was changed" diff_is upper lower
cat >want <<-END
	C d 0 dir
	D d 0 dir/sub
	D f 6 dir/x
	C f 2 dir/y
	C d 0 dir2file
	D d 0 file2dir
	C d 0 fresh
	D d 0 fresh/deep
	D f 2 fresh/l
	A f 5 gone
	A d 0 gonedir
	A f 2 gonedir/g
	D d 0 opq
	C f 20 perm
END
test_ok "diff against several directories sees what shows through" diff_is upper2 upper lower
: >want
test_ok "diff of a layer that only opened files is empty" eval \
	'run_over quiet ": >>quiet/quiet/touched; : >>a" lower && diff_is quiet lower'
empty_commit() { [ -z "$(list_of quiet t.tar none lower)" ]; }
test_ok "and its commit is an empty tar" empty_commit
mode_of_top() { run_over top "chmod 700 ." lower && echo "C d 0 " >want && diff_is top lower; }
test_ok "the mode of the top is a change" mode_of_top
content_only() {
	run_over content "echo 'A OF THE LOWER' >a; touch -d @1600000000.5 a" lower && echo "C f 15 a" >want &&
		diff_is content lower
}
test_ok "other contents of the same size and time are a change" content_only
target_only() {
	run_over target 'ln -sf b link; touch -h -d @1600000000.5 link; touch -d @1600000000.5 .' lower &&
		echo "C l 0 link" >want && diff_is target lower
}
test_ok "another target of a link is a change" target_only

time_only() {
	run_over time 'touch -d @1600000000.500000001 a; touch -d @1600000000.5 .' lower && echo "C f 15 a" >want &&
		diff_is time lower
}
test_ok "a time that differs by a nanosecond is a change" time_only
changes_3='
	echo x >dir/x
	mkdir dir/sub && echo s >dir/sub/s
	echo r >ren
	mkdir moved && echo m >moved/m
'
cat >want <<-END
	C d 0 dir
	A d 0 dir/sub
	A f 2 dir/sub/s
	A f 2 dir/x
	A d 0 moved
	A f 2 moved/m
	A f 2 ren
END
third() { run_over upper3 "$changes_3" upper2 upper lower && diff_is upper3 upper2 upper lower; }
test_ok "what a layer between hides was not there" third
third_by_hand() {
	"$pack" upper upper3 3.tar none upper2 upper lower >/dev/null && copy_of upper2.merged x && apply 3.tar x &&
		same_listing upper3.merged x
}
test_ok "and the third upper makes the merged view of the second its own" third_by_hand
whiteout_in_opaque() {
	fresh inside/opq && setfattr -n user.overlay.opaque -v y inside/opq && unshare -Ur mknod inside/opq/o1 c 0 0 &&
		list_of inside t.tar none lower >list && grep -qx opq/.wh..wh..opq list && lacks .wh.o1 list
}
test_ok "a whiteout in an opaque directory says nothing" whiteout_in_opaque

marked() {
	fresh marked/d && : >marked/d/gone && : >marked/d/empty && setfattr -n user.overlay.opaque -v x marked/d &&
		setfattr -n user.overlay.whiteout marked/d/gone &&
		list_of marked t.tar none >list && grep -qx d/.wh.gone list && grep -qx d/empty list
}
test_ok "whiteouts by attribute, as of Linux 6.7" marked
unmarked() {
	setfattr -x user.overlay.opaque marked/d && list_of marked t.tar none >list && grep -qx d/gone list
}
test_ok "are none in a directory that has no mark" unmarked
orphans() {
	fresh orphans && unshare -Ur mknod orphans/x c 0 0 && [ -z "$(list_of orphans t.tar none lower)" ] &&
		[ "$(list_of orphans t.tar none)" = "./
.wh.x" ]
}
test_ok "a whiteout of nothing says nothing" orphans
node_in_tree() { packs 'c' tree orphans t.tar none && tar -tvf t.tar | grep -q '0,0.* x$'; }
test_ok "in a plain tree a device 0:0 is a device" node_in_tree

same_twice() {
	[ "$(diff_id upper upper 1.tar gzip mtime=0 lower)" = "$(diff_id upper upper-2 2.tar gzip mtime=0 lower)" ] &&
		cmp 1.tar 2.tar
}
run_over upper-2 "$changes_1" lower
test_ok "the same changes made again are the same bytes" same_twice
ids_same() {
	[ "$(diff_id upper upper 1.tar none recorded lower)" = \
		"$(field 1 unshare -Ur "$pack" upper upper 1.tar none recorded lower)" ]
}
test_ok "and in another id map, too" ids_same

# shellcheck disable=SC3045
many_lowers() {
	set --
	for i in $(seq 300); do
		mkdir -p "many/$i/dir/d$i"
		set -- "$@" "many/$i"
	done
	fresh many-up/dir/d7 && echo x >many-up/dir/d7/new && touch -r many/1/dir many-up/dir &&
		touch -r many/7/dir/d7 many-up/dir/d7 && echo "A f 2 dir/d7/new" >want &&
		chmod 700 many-up/dir/d7 many/7/dir/d7 && (ulimit -n 400 && diff_is many-up "$@")
}
test_ok "300 directories below" many_lowers
test_done
