# try, apply and run --apply: what a run changes of the machine's files, applied afterwards, or not
# shellcheck shell=sh disable=SC1003,SC2015,SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"

HOME=$tmp/home
export HOME
mkdir "$HOME" "$tmp/sync"
rootlet() { "$ROOTLET" "$@"; }
try() { "$ROOTLET" try "$@"; }
run() { "$ROOTLET" run "$@"; }
apply() { "$ROOTLET" apply "$@"; }
have_user_xattr() { : >"$tmp/xattr-probe" && setfattr -n user.probe -v 1 "$tmp/xattr-probe" 2>/dev/null; }
have_acl() { : >"$tmp/acl-probe" && setfacl -m u:0:r "$tmp/acl-probe" 2>/dev/null; }
# Faults can be put into the calls of rootlet-image.
have_faults() { have_strace && ! have_sanitizer && strace -f -o /dev/null "$ROOTLET" --help >/dev/null 2>&1; }
have_tmpfs() { unshare -Urm mount -t tmpfs t "$tmp/sync" 2>/dev/null; }

# tree DIR: a directory to be changed.
tree() {
	chmod -R u+rwx "$1" 2>/dev/null
	rm -rf "$1"
	mkdir -p "$1/dir/sub" "$1/gone/deep" "$1/swap" "$1/opaque" "$1/plain" && (
		cd "$1" || exit
		echo one >changed
		echo two >removed
		echo three >dir/sub/file
		echo four >gone/deep/file
		echo five >swap/inside
		echo six >file-to-dir
		echo seven >opaque/old
		echo eight >plain/mode
		ln -s changed link
		ln -s changed relinked
		ln changed hard
		echo nine >single
		find . -type f -exec touch -d @1000000000 {} +
	)
}

# All kinds of changes, as a script for here and inside.
cat >"$tmp/changes.sh" <<'X'
set -e
echo more >>changed
rm removed
rm -r gone
rm -r swap && echo file >swap
rm file-to-dir && mkdir file-to-dir && echo in >file-to-dir/in
rm -r opaque && mkdir opaque && echo new >opaque/new
chmod 640 plain/mode
chmod 711 plain
rm link && mkdir link && echo in >link/in
ln -sfn dir relinked
mkdir -p new/a/b
echo hello >new/a/b/file
ln new/a/b/file new/other
ln -s ../changed new/link
ln -s /nonexistent/x dangling
chmod 500 new/a/b
mkfifo pipe
: >empty
mkdir empty-dir
touch -d @1234567890.5 dir/sub/file
X

# listing [DIR]: every entry, with all that is to be the same; times of what no command has just made.
listing() (
	cd "${1:-.}" || exit
	find . -printf '%P|%y|%m|%l|' \( -type d -printf '\n' -o -printf '%n|%s\n' \) | sort
	find . -type f -exec cksum {} + | sort
	stat -c '%n %y' dir/sub/file 2>/dev/null
	find . \( -type f -o -type d \) -exec getfattr -h -d -m '^user\.' -e hex {} + 2>/dev/null |
		grep -v '^$' | sort
)
same_listing() {
	listing "$1" >"$tmp/listing-1"
	listing "$2" >"$tmp/listing-2"
	[ -s "$tmp/listing-1" ] && diff "$tmp/listing-1" "$tmp/listing-2"
}
no_leftovers() {
	left=$(find . -name '.rootlet-*')
	if [ "$left" ] || [ "$(ls -A "$XDG_DATA_HOME/rootlet/apply" 2>/dev/null)" ]; then
		echo "left: $left $(ls -A "$XDG_DATA_HOME/rootlet/apply")"
		return 1
	fi
}

# in_tree COMMAND...: in a fresh tree, the current directory.
in_tree() {
	tree "$tmp/work/t" && (cd "$tmp/work/t" && "$@")
}
# unchanged COMMAND...: the tree is afterwards what it was.
unchanged() {
	listing . >"$tmp/before"
	"$@" || return
	listing . >"$tmp/after"
	diff "$tmp/before" "$tmp/after" && no_leftovers
}

# What the same script does to a tree outside: what applying it must come to.
tree "$tmp/want" && (cd "$tmp/want" && sh "$tmp/changes.sh") || exit 99
tree "$tmp/orig"
# A changed file is a new one for its other names.
rm "$tmp/want/hard" && cp "$tmp/orig/hard" "$tmp/want/hard"
changes() { try "$@" sh -s <"$tmp/changes.sh"; }

# --- what a try leaves ---

test_ok "nothing is changed with --apply=no" in_tree unchanged changes --apply=no
test_ok "nor without a terminal to ask at" in_tree unchanged changes
says_no_terminal() { changes 2>&1 >/dev/null | grep -q "no terminal to ask at"; }
test_ok "which is said" in_tree says_no_terminal
applies_all() { changes --apply=yes && same_listing . "$tmp/want" && no_leftovers; }
test_ok "all is applied with --apply=yes, as if it had run here" in_tree applies_all
status_stays() { status 7 try --apply=yes sh -c 'echo x >new; exit 7' && [ -e new ]; }
test_ok "the exit status is the program's" in_tree status_stays
stdout_is_pure() { prints "out" try --apply=yes sh -c 'echo out; echo x >new'; }
test_ok "standard output is the program's" in_tree stdout_is_pure
input_is_there() { echo typed | try --apply=yes sh -c 'cat >new' && [ "$(cat new)" = typed ]; }
test_ok "standard input, too" in_tree input_is_there
killed_there() {
	status 143 try --apply=yes sh -c 'echo x >new; kill -TERM $$' 2>"$tmp/err"
	grep -q "a signal ended" "$tmp/err" && [ ! -e new ]
}
test_ok "a command that a signal ended changes nothing" in_tree unchanged killed_there
test_ok "a command that is not found is 127" in_tree status 127 try --apply=yes no-such-command
nothing_changed() { try --apply=yes true 2>&1 | grep -qx "rootlet: nothing has changed"; }
test_ok "no change is said" in_tree nothing_changed
without_effect() {
	try --apply=no sh -c 'echo x >new; rm new; chmod 700 dir; chmod 755 dir; touch -d @5 dir; cat changed' 2>&1 |
		grep -qx "rootlet: nothing has changed"
}
test_ok "what is undone inside is no change" in_tree without_effect
lists() {
	changes --apply=no 2>"$tmp/list"
	sed -n 's/^  \([ACD]\) \([^ ]*\).*/\1 \2/p' "$tmp/list" | sort >"$tmp/got"
	diff - "$tmp/got" <<'X'
A dangling
A empty
A empty-dir/
A file-to-dir/in
A link/in
A new/
A new/a/
A new/a/b/
A new/a/b/file
A new/link
A new/other
A opaque/new
A pipe
C changed
C dir/sub/file
C file-to-dir/
C link/
C plain/
C plain/mode
C relinked
C swap
D gone/
D opaque/old
D removed
X
}
test_ok "the changes are listed" in_tree lists
columns() { awk 'length > 80 { print; bad = 1 } END { exit bad }' "$tmp/list" && ! grep -q "$(printf '\033')" "$tmp/list"; }
test_ok "in 80 columns, without colours" columns
escapes() {
	try --apply=no sh -c ': >"$(printf "a\033[31mb\nc")"' 2>"$tmp/list"
	grep -qF 'a\x1b[31mb\x0ac' "$tmp/list"
}
test_ok "names are shown without control bytes" in_tree escapes
test_ok "--apply takes three words" fails_with "--apply" try --apply=maybe true
test_ok "a command is needed" fails_with "no command" try

# --- elsewhere, and what is not the caller's ---

elsewhere() {
	rm -f "$HOME/new" "$HOME/old"
	echo old >"$HOME/old"
	try --apply="$1" sh -c 'echo x >~/new; echo y >>~/old; echo here >new' 2>"$tmp/list"
	grep -qx "Elsewhere on this machine:" "$tmp/list" && grep -q "^  A $HOME/new " "$tmp/list" &&
		grep -q "^  C $HOME/old " "$tmp/list"
}
elsewhere_applied() {
	elsewhere yes && [ "$(cat "$HOME/new" new | tr '\n' ' ')" = "x here " ] && [ "$(tail -n 1 "$HOME/old")" = y ]
}
test_ok "changes in the home directory are listed apart, and applied" in_tree elsewhere_applied
elsewhere_kept() { elsewhere no && [ ! -e "$HOME/new" ] && [ "$(cat "$HOME/old")" = old ]; }
test_ok "or not" in_tree elsewhere_kept
not_mine() {
	status 125 try --apply=yes sh -c ': >/etc/rootlet-test; echo x >new' 2>"$tmp/list" &&
		grep -q "A /etc/rootlet-test: its directory is not yours to write" "$tmp/list"
}
test_if user "root may write anywhere" "what the caller may not write is refused, with all the rest" \
	in_tree unchanged not_mine
own_tmp() { try --apply=yes sh -c 'echo x >/tmp/rootlet-try-test' 2>&1 | grep -q "nothing has changed"; }
test_ok "/tmp is the command's own" in_tree own_tmp

# --- where something is mounted below ---

# mounted COMMAND...: with a mount in the current directory, which so is no overlay, and on a file of it.
mounted() {
	mkdir -p dir/on && touch -d @1000000000 removed &&
		unshare -Urm sh -c 'mount -t tmpfs t dir/on && mount --bind single changed && "$@"' sh "$@" 2>"$tmp/list"
}
mounted_says() {
	grep "^  [ACD] " "$tmp/list" | sed 's/   *[0-9.]*B$//' | LC_ALL=C sort >"$tmp/said"
	printf '  %s\n' "A dir/new" "A dir/on/inside" "A made/" "A made/file" "A new" "C dir/" "C relinked" \
		"D removed" | diff - "$tmp/said"
}
mounted_lists() {
	rm link && cp single link && mounted "$ROOTLET" try --apply=no sh -c "echo more >>link && rm removed &&
		echo new >new && echo sub >dir/new && echo x >dir/on/inside && mkdir made && echo y >made/file && chmod 700 dir &&
		ln -sfn dir relinked" && grep -q "^  C link " "$tmp/list" && sed -i '/C link/d' "$tmp/list" && mounted_says
}
test_if tmpfs "no mounts here" "files directly in a directory with a mount below are listed" in_tree mounted_lists
mounted_none() { mounted "$ROOTLET" try --apply=yes true && grep -qx "rootlet: nothing has changed" "$tmp/list"; }
test_if tmpfs "no mounts here" "and without a change nothing is" in_tree mounted_none
mounted_applies() {
	mounted "$ROOTLET" try --apply=yes sh -c 'echo more >>empty && rm removed && echo new >new && mkdir dir/made' &&
		[ ! -e removed ] && [ "$(cat new)" = new ] && [ -d dir/made ]
}
test_if tmpfs "no mounts here" "and applied" in_tree mounted_applies
mounted_attributes() {
	echo a >attributes && setfattr -n user.kept -v one attributes && setfattr -n user.gone -v two attributes &&
		setfacl -m "u:$(id -u):r,g::-" attributes && chmod 640 attributes || return
	mounted "$ROOTLET" try --apply=yes sh -c 'echo more >>attributes && setfattr -x user.gone attributes' &&
		[ "$(tail -n 1 attributes)" = more ] || return
	getfattr -d attributes | grep '^user' >"$tmp/got" && getfacl -nc attributes >>"$tmp/got"
	printf '%s\n' 'user.kept="one"' user::rw- "user:$(id -u):r--" group::--- mask::r-- other::--- "" | diff - "$tmp/got"
}
have_attributes() { have_tmpfs && have_acl && have_user_xattr; }
test_if attributes "no mounts here, or no attributes" "with the attributes that they have" in_tree mounted_attributes
# A directory of a group that the id map does not have.
foreign_group() {
	chgrp 12345 . && chmod 2755 . && unshare -Urm "$ROOTLET" try --apply=yes -v "$PWD:$PWD:layer" true 2>"$tmp/list" &&
		grep -qx "rootlet: nothing has changed" "$tmp/list" && [ "$(stat -c %a .)" = 2755 ]
}
test_if root "only root gives away" "a directory of an unknown group keeps its setgid bit" in_tree foreign_group
point() {
	mkdir -p "$tmp/points" && try --apply=yes -v "$tmp/points:$PWD/dir/missing/point" sh -c 'echo x >dir/missing/point/x' \
		2>"$tmp/list" && grep -qx "rootlet: nothing has changed" "$tmp/list" && [ ! -e dir/missing ] && [ -e "$tmp/points/x" ]
}
test_ok "a mount point that was missing is no change" in_tree point

# --- attributes ---

attributes() {
	setfattr -n user.old -v 1 changed
	setfattr -n user.dir -v 1 dir
	try --apply=yes sh -c 'setfattr -n user.new -v two changed; setfattr -x user.old changed
		setfattr -n user.new -v three dir; setfattr -x user.dir dir; mkdir d; setfattr -n user.x -v y d' || return
	getfattr -d -m . changed dir d 2>/dev/null | grep '^user' | sort >"$tmp/got"
	printf 'user.new="three"\nuser.new="two"\nuser.x="y"\n' | diff - "$tmp/got"
}
test_if user_xattr "no user attributes here" "user attributes are applied" in_tree attributes
lists_of_access() {
	try --apply=yes setfacl -m u:0:rw changed && getfacl -n changed 2>/dev/null | grep -q '^user:[0-9]*:rw-'
}
test_if acl "no access control lists here" "access control lists of files" in_tree lists_of_access
no_setuid() {
	try --apply=yes sh -c 'cp /bin/true su; chmod 4755 su' && [ "$(stat -c %a su)" = 755 ]
}
test_ok "a file does not become setuid" in_tree no_setuid
foreign() {
	try --apply=yes sh -c 'echo x >new; chown 12:34 new' 2>"$tmp/list" && grep -q "^Owners" "$tmp/list" &&
		[ "$(stat -c %u new)" = "$(id -u)" ]
}
test_if user "root gives files to anybody" "other owners are not applied, which is said" in_tree foreign
owners() { try --apply=yes sh -c 'echo x >new; chown 12:34 new' && [ "$(stat -c %u:%g new)" = 12:34 ]; }
test_if root "only root can" "root's owners are applied" in_tree owners
odd_modes() {
	try --apply=yes sh -c 'echo x >secret; chmod 0 secret; mkdir d; echo y >d/f; chmod 555 d' &&
		[ "$(stat -c %a secret d | tr '\n' ' ')" = "0 555 " ]
}
test_ok "modes that keep the caller out" in_tree odd_modes
many_bytes() {
	try --apply=yes sh -c 'head -c 5000000 /dev/urandom >big; truncate -s 100M sparse; cksum <big' >"$tmp/sum"
	[ "$(cksum <big)" = "$(cat "$tmp/sum")" ] && [ "$(stat -c %s sparse)" = 104857600 ]
}
test_ok "large and sparse files" in_tree many_bytes
odd_names() {
	try --apply=yes sh -c 'echo x >"$(printf "a\nb \377\\")"; mkdir -- "-d"; echo y >"-d/ z"' &&
		[ "$(cat "$(printf 'a\nb \377\\')")" = x ] && [ "$(cat -- "-d/ z")" = y ]
}
test_ok "names of any bytes" in_tree odd_names

# --- what changes here during the run ---

# meanwhile HERE INSIDE: INSIDE runs in a try; when it is done, HERE is done outside, then the try ends.
meanwhile() {
	rm -f "$tmp/sync"/*
	try --apply=yes -v "$tmp/sync:/sync" sh -c "$2"'
		: >/sync/ready; while [ ! -e /sync/go ]; do sleep 0.02; done' 2>"$tmp/err" &
	for _ in $(seq 500); do
		[ -e "$tmp/sync/ready" ] && break
		sleep 0.02
	done
	eval "$1"
	: >"$tmp/sync/go"
	wait $!
	meanwhile_status=$?
	cat "$tmp/err"
}
# refuses NAME HERE INSIDE: then nothing of it is applied, NAME is told.
refuses() {
	meanwhile "$2" "$3; echo x >new"
	[ "$meanwhile_status" = 125 ] && grep -q "nothing is applied: $1: it was .* here during the run" "$tmp/err" &&
		[ ! -e new ] && no_leftovers
}
test_ok "a file that was changed here as well is refused" in_tree refuses changed 'echo here >>changed' 'echo there >>changed'
test_ok "with the same contents, too" in_tree refuses changed 'echo there >>changed' 'echo there >>changed'
test_ok "one that was replaced" in_tree refuses changed 'mv removed changed' 'echo there >>changed'
test_ok "one that was removed" in_tree refuses single 'rm single' 'echo there >>single'
test_ok "one that is new on both sides" in_tree refuses two 'echo here >two' 'echo there >two'
test_ok "one that was changed here and removed there" in_tree refuses removed 'echo here >>removed' 'rm removed'
test_ok "a directory that is removed there, and another here" in_tree refuses gone/ 'echo here >gone/deep/other' 'rm -r gone'
test_ok "a mode" in_tree refuses changed 'chmod 600 changed' 'chmod 640 changed'
still_applies() {
	meanwhile 'echo here >other; echo here >>dir/sub/file; rm removed' 'echo there >>changed; rm removed; echo n >dir/sub/new'
	[ "$meanwhile_status" = 0 ] && [ "$(tail -n 1 changed)" = there ] && [ "$(cat other)" = here ] && [ -e dir/sub/new ] &&
		[ "$(tail -n 1 dir/sub/file)" = here ]
}
test_ok "changes of other files are no hindrance" in_tree still_applies
just_before() {
	for i in 1 2 3; do
		echo "$i" >>changed
		try --apply=yes sh -c 'echo there >>changed' || return
	done
}
test_ok "nor is a change just before" in_tree just_before

# --- saved ---

save() { changes --save "$tmp/saved" "$@"; }
test_ok "--save changes nothing" in_tree unchanged save
test_ok "the file is for the caller alone" prints 600 stat -c %a "$tmp/saved"
# A name that has no room for more: what is written until then has one that does not come from it.
longest() {
	name=$(printf '%0255d' 0) && try --save "$name" sh -c 'echo x >new' && [ "$(stat -c %a "$name")" = 600 ]
}
test_ok "it may have the longest name there is" in_tree longest
is_a_tar() { tar -tf "$tmp/saved" | grep -qx here/changed; }
test_ok "it is a tar" is_a_tar
applied_later() { apply "$tmp/saved" && same_listing . "$tmp/want" && no_leftovers; }
test_ok "apply applies it" in_tree applied_later
twice() { apply "$tmp/saved" && fails_with "nothing is applied" apply "$tmp/saved" && same_listing . "$tmp/want"; }
test_ok "not twice" in_tree twice
listed_later() { apply --list "$tmp/saved" >"$tmp/list" && grep -q '^  D gone/$' "$tmp/list" && ! grep -q Cannot "$tmp/list"; }
test_ok "apply --list lists it" in_tree listed_later
reasons() {
	echo here >changed
	apply --list "$tmp/saved" | grep -qx '  C changed: it was changed here meanwhile'
}
test_ok "and says what cannot be applied" in_tree reasons
some_paths() {
	apply "$tmp/saved" removed 'new/*' plain/ && [ ! -e removed ] && [ -e new/a/b/file ] &&
		[ "$(stat -c %a plain/mode)" = 640 ] && [ "$(cat changed)" = one ] && [ -e gone/deep/file ] && [ ! -e pipe ]
}
test_ok "paths and patterns choose" in_tree some_paths
second_name() { apply "$tmp/saved" new/other && [ "$(cat new/other)" = hello ] && [ ! -e new/a ]; }
test_ok "a further name of a file has its contents" in_tree second_name
no_such_path() { fails_with "'nothing-like-it' names none" apply "$tmp/saved" changed nothing-like-it; }
test_ok "a pattern that names nothing is an error" in_tree unchanged no_such_path
test_ok "so is a missing file" fails_with "No such file" apply "$tmp/no-such-file"
mkfifo "$tmp/fifo"
test_ok "a pipe" fails_with "not a regular file" apply "$tmp/fifo"
test_ok "another file" fails_with "not a file of saved changes" apply "$tmp/changes.sh"
saved_elsewhere() {
	rm -f "$HOME/new"
	try --save "$tmp/both" sh -c 'echo x >~/new; echo y >new' 2>/dev/null &&
		apply "$tmp/both" 2>"$tmp/err" && [ -e new ] && [ ! -e "$HOME/new" ] && grep -q -e --elsewhere "$tmp/err" &&
		fails_with "names none" apply "$tmp/both" "$HOME/new" &&
		apply --elsewhere "$tmp/both" "$HOME/new" && [ -e "$HOME/new" ]
}
test_ok "what is elsewhere needs --elsewhere" in_tree saved_elsewhere
test_ok "a place that takes no file is found before the command runs" \
	fails_with "--save" try --save "$tmp/no/such" sh -c 'echo ran; echo ran >&2'
hole() {
	timeout 10 "$ROOTLET" try --save "$tmp/hole" truncate -s 4T hole 2>"$tmp/err"
	[ $? = 125 ] && [ ! -e "$tmp/hole" ] &&
		grep -q 'hole: it has 4398046511104 bytes, and there is room for' "$tmp/err"
}
test_ok "a file with a hole that no disk could hold is not written out" in_tree unchanged hole
other_copy() { apply "$tmp/saved" changed removed swap file-to-dir; }
in_copy() { tree "$tmp/work/copy" && (cd "$tmp/work/copy" && touch -d @5 changed && other_copy); }
test_ok "it applies to a copy that is the same" in_copy

first_command() { (XDG_DATA_HOME=$tmp/new/data/home && export XDG_DATA_HOME && apply "$tmp/saved" pipe && [ -p pipe ]); }
test_ok "apply may be a user's first command" in_tree first_command

# refuses_later NAME HERE: after HERE the saved file is not applied.
refuses_later() {
	eval "$2"
	listing . >"$tmp/before"
	fails_with "nothing is applied: $1: " apply "$tmp/saved" && listing . >"$tmp/after" &&
		diff "$tmp/before" "$tmp/after" && no_leftovers
}
test_ok "a file that was changed meanwhile is refused" in_tree refuses_later changed 'echo x >>changed'
test_ok "one that was removed" in_tree refuses_later removed 'rm removed'
test_ok "one that was made" in_tree refuses_later empty 'echo x >empty'
test_ok "one in a directory that goes" in_tree refuses_later gone/ 'echo other >gone/deep/file'
test_ok "a link to elsewhere" in_tree refuses_later relinked 'ln -sfn removed relinked'
test_if user "root may write anywhere" "a directory without write permission" \
	in_tree refuses_later opaque/new 'chmod 555 opaque'
mkdir "$tmp/outside"
parent_is_link() {
	mv opaque "$tmp/outside/opaque" && ln -s "$tmp/outside/opaque" opaque
	fails_with "nothing is applied: opaque" apply "$tmp/saved" opaque &&
		[ "$(cat "$tmp/outside/opaque/old")" = seven ] && [ ! -e "$tmp/outside/opaque/new" ]
	r=$?
	rm -rf "$tmp/outside/opaque"
	return "$r"
}
test_ok "a directory that is a link now: nothing is written beyond it" in_tree parent_is_link

# --- all or nothing: failures ---

# Faults are put into rename calls: those of names in the tree, not that of the journal.
fault() {
	fault_how=$1
	shift
	strace -f -o "$tmp/strace" -e trace=renameat2 -e inject=renameat2:"$fault_how" "$ROOTLET" apply "$tmp/saved" "$@"
}
fails_halfway() {
	for n in 1 5 12; do
		fails_with "nothing is applied: rename " fault "error=EIO:when=$n" || return
		same_listing . "$tmp/orig" && no_leftovers || return
	done
}
test_if faults "no strace here" "when a rename fails in the middle, all is put back" in_tree fails_halfway
fails_staging() {
	fails_with "nothing is applied: new/other: link: " strace -f -o /dev/null -e trace=linkat \
		-e inject=linkat:error=EMLINK "$ROOTLET" apply "$tmp/saved" && same_listing . "$tmp/orig" && no_leftovers
}
test_if faults "no strace here" "when staging fails, nothing is left of it" in_tree fails_staging
cannot_put_back() {
	fails_with "could not be put back" fault "error=EIO:when=5+" || return
	grep -q "^hint: .*\.rootlet-" "$tmp/stderr" && apply "$tmp/saved" pipe && [ -p pipe ]
}
test_if faults "no strace here" "what cannot be put back is told, and hinders nobody later" in_tree cannot_put_back
full_disk() {
	unshare -Urm sh -c 'mount -t tmpfs -o size=256k t "$1" && cp -a . "$1" && cd "$1" || exit 99
		"$2" apply "$3" && exit 98; [ ! -e big ] && [ "$(cat changed)" = one ] && ! find . -name ".rootlet-*" | grep .' \
		sh "$tmp/sync" "$ROOTLET" "$tmp/big" 2>"$tmp/err"
	full=$?
	cat "$tmp/err"
	[ "$full" = 0 ] && grep -q "No space left" "$tmp/err"
}
full_disk_here() {
	try --save "$tmp/big" sh -c 'echo x >>changed; head -c 1000000 /dev/zero >big' 2>/dev/null && full_disk
}
test_if tmpfs "no tmpfs in user namespaces here" "a full disk" in_tree full_disk_here

# --- killed ---

fresh() { cd "$tmp/work" && tree t && cd t || exit; }

# all_or_nothing: after a kill the next command sees to it.
all_or_nothing() {
	apply --list "$tmp/saved" >/dev/null 2>"$tmp/err"
	no_leftovers || return
	if [ -e removed ]; then
		echo undone >>"$tmp/outcomes"
		same_listing . "$tmp/orig"
	else
		echo finished >>"$tmp/outcomes"
		same_listing . "$tmp/want"
	fi
}
killed_at_renames() {
	: >"$tmp/outcomes"
	for n in 1 2 7 15 99; do
		fresh
		(fault "signal=KILL:when=$n" >/dev/null 2>&1)
		all_or_nothing || return
		[ "$n" = 99 ] || grep -q "interrupted has been finished" "$tmp/err" || return
	done
}
test_if faults "no strace here" "killed between two renames: the next one finishes" in_tree killed_at_renames
killed_at() {
	: >"$tmp/outcomes"
	for call in "$@"; do
		fresh
		(strace -f -o /dev/null -e "trace=${call%%:*}" -e "inject=$call" "$ROOTLET" apply "$tmp/saved" >/dev/null 2>&1)
		all_or_nothing || return
	done
	cat "$tmp/outcomes"
	sort -u "$tmp/outcomes" | tr '\n' ' ' | grep -qx "$killed_want "
}
killed_want=undone
killed_staging() {
	killed_at mkdirat:signal=KILL:when=2 linkat:signal=KILL:when=1 symlinkat:signal=KILL:when=2 \
		syncfs:signal=KILL:when=1 fchmod:signal=KILL:when=4 && grep -q "interrupted has been undone" "$tmp/err"
}
test_if faults "no strace here" "killed before: the next one undoes" in_tree killed_staging
killed_cleaning() { (killed_want=finished && killed_at unlinkat:signal=KILL:when=3 unlinkat:signal=KILL:when=8); }
test_if faults "no strace here" "killed at the end: the next one cleans up" in_tree killed_cleaning
changed_after_kill() {
	(fault signal=KILL:when=4 >/dev/null 2>&1)
	[ -n "$(find . -name '.rootlet-*')" ] || return
	echo later >plain/mode
	try --apply=no true 2>&1 | grep -q "interrupted has been undone" && [ "$(cat plain/mode changed | tr '\n' ' ')" = "later one " ] &&
		no_leftovers
}
test_if faults "no strace here" "a file that was changed since: the next try undoes" in_tree changed_after_kill
killed_at_random() {
	: >"$tmp/outcomes"
	for i in $(seq 12); do
		fresh
		"$ROOTLET" apply "$tmp/saved" >/dev/null 2>&1 &
		sleep "0.0$((i % 4))$((i * 7 % 10))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
		all_or_nothing || return
	done
}
test_ok "killed at any moment" in_tree killed_at_random
at_once() {
	for i in 1 2 3 4 5 6; do
		"$ROOTLET" apply "$tmp/saved" >/dev/null 2>&1 && echo applied >>"$tmp/work/once" &
		once="${once-} $!"
	done
	# shellcheck disable=SC2086
	wait $once
	[ "$(wc -l <"$tmp/work/once")" = 1 ] && same_listing . "$tmp/want" && no_leftovers
}
test_ok "of six at once one applies" in_tree at_once

# --- files of somebody else ---

cat >"$tmp/forge.py" <<'X'
import hashlib, io, sys, tarfile
out, what = sys.argv[1:3]
BELOW = "SCHILY.xattr.user.rootlet.below"
def entry(tar, name, kind=tarfile.REGTYPE, data=b"", link="", below="-", **pax):
    i = tarfile.TarInfo(name)
    i.type, i.size, i.linkname, i.mode = kind, len(data), link, 0o644
    i.pax_headers = dict(pax)
    if below is not None:
        i.pax_headers[BELOW] = below
    tar.addfile(i, io.BytesIO(data))
def forge(add, directory="/x"):
    body = io.BytesIO()
    tar = tarfile.open(fileobj=body, mode="w", format=tarfile.PAX_FORMAT)
    i = tarfile.TarInfo("rootlet-directory")
    i.pax_headers = {"SCHILY.xattr.user.rootlet.directory": directory}
    tar.addfile(i)
    add(tar)
    tar.close()
    body = body.getvalue()
    text = b"rootlet changes 1\nsha256 " + hashlib.sha256(body).hexdigest().encode() + b"\nowners caller\n"
    head = tarfile.TarInfo("rootlet-changes")
    head.size = len(text)
    return head.tobuf(tarfile.USTAR_FORMAT) + text.ljust(512, b"\0") + body
F, D, L, H, C = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
adds = {
    "good": lambda t: entry(t, "here/good", data=b"x"),
    "dots": lambda t: entry(t, "here/../evil", data=b"x"),
    "dots-inside": lambda t: entry(t, "here/dir/../../evil", data=b"x"),
    "absolute": lambda t: entry(t, "/evil", data=b"x"),
    "no-root": lambda t: entry(t, "evil", data=b"x"),
    "double-slash": lambda t: entry(t, "here//evil", data=b"x"),
    "dot": lambda t: entry(t, "here/./evil", data=b"x"),
    "whiteout-dots": lambda t: entry(t, "here/.wh...", below="d 0755 0 "),
    "whiteout-nothing": lambda t: entry(t, "here/.wh.", below="f 0644 0 "),
    "whiteout-opaque": lambda t: entry(t, "here/.wh..wh..opq", below="f 0644 0 "),
    "whiteout-of-nothing": lambda t: entry(t, "here/.wh.x", below="-"),
    "whiteout-data": lambda t: entry(t, "here/.wh.x", data=b"x", below="f 0644 0 "),
    "root": lambda t: entry(t, "here/", L, link="/etc", below="-"),
    "device": lambda t: entry(t, "here/dev", C),
    "no-stamp": lambda t: entry(t, "here/x", data=b"x", below=None),
    "long-stamp": lambda t: entry(t, "here/x", data=b"x", below="-" * 500),
    "overlay": lambda t: entry(t, "here/x", D, **{"SCHILY.xattr.user.overlay.opaque": "y"}),
    "capability": lambda t: entry(t, "here/x", **{"SCHILY.xattr.security.capability": "abcd"}),
    "twice": lambda t: [entry(t, "here/x", data=b"x"), entry(t, "here/x", data=b"y")],
    "below-link": lambda t: [entry(t, "here/l", L, link="/tmp"), entry(t, "here/l/evil", data=b"x")],
    "below-file": lambda t: [entry(t, "here/f", data=b"x"), entry(t, "here/f/evil", data=b"x")],
    "child-first": lambda t: [entry(t, "here/n/evil", data=b"x"), entry(t, "here/n", D)],
    "hard-outside": lambda t: entry(t, "here/h", H, link="/etc/passwd"),
    "hard-dots": lambda t: entry(t, "here/h", H, link="here/../../etc/passwd"),
    "hard-missing": lambda t: entry(t, "here/h", H, link="here/changed"),
    "hard-later": lambda t: [entry(t, "here/h", H, link="here/x"), entry(t, "here/x", data=b"x")],
    "hard-to-link": lambda t: [entry(t, "here/l", L, link="/etc/passwd"), entry(t, "here/h", H, link="here/l")],
    "through-link": lambda t: entry(t, "here/away/evil", data=b"x"),
    "over-nothing": lambda t: entry(t, "here/changed", data=b"x"),
    "wrong-stamp": lambda t: entry(t, "here/changed", data=b"x", below="f 0644 4 " + "0" * 64),
    "elsewhere": lambda t: [entry(t, "here/good", data=b"x"), entry(t, "machine" + sys.argv[3], data=b"x")],
}
data = forge(adds[what if what in adds else "good"])
if what == "digest":
    data = data[:-1] + b"x"
elif what == "cut":
    data = data[:-600]
elif what == "head-only":
    data = data[:1024]
elif what == "empty":
    data = b""
elif what == "list":
    print(" ".join(k for k in adds if k not in ("good", "elsewhere")))
open(out, "wb").write(data)
X
forge() { python3 "$tmp/forge.py" "$tmp/forged" "$@"; }
is_refused() {
	ln -s "$tmp/outside" away
	listing . >"$tmp/before"
	forge "$1" && fails_with "" apply "$tmp/forged" && listing . >"$tmp/after" && diff "$tmp/before" "$tmp/after" &&
		no_leftovers && [ -z "$(ls -A "$tmp/outside")" ] && [ ! -e ../evil ] && [ ! -e /evil ]
}
if need python3; then
	good_is_applied() { forge good && apply "$tmp/forged" && [ "$(cat good)" = x ]; }
	test_ok "a forged file that is good is applied" in_tree good_is_applied
	for what in $(forge list) digest cut head-only empty; do
		test_ok "one that is not: $what" in_tree is_refused "$what"
	done
	only_here() {
		forge elsewhere "$HOME/planted" && apply "$tmp/forged" 2>&1 | grep -q "elsewhere" && [ -e good ] && [ ! -e "$HOME/planted" ]
	}
	test_ok "one does not reach elsewhere by itself" in_tree only_here
else
	test_skip "forged files" "no python3 here"
fi

# --- at a terminal ---

have_terminal() { "$testbin/pty" drive true </dev/null >/dev/null 2>&1; }
terminal() {
	in_tree env TERM=xterm "$testbin/pty" drive "$ROOTLET" try sh -c 'echo more >>changed; rm removed; echo x >new; mkdir d; echo y >d/f'
}
after() { (cd "$tmp/work/t" && eval "$1"); }
test_ok "the question is asked, and y applies" terminal <<'X'
expect Changes in
expect \e[33mC\e[0m changed
expect Apply all (y), choose (c), show differences (d), save (s), none (n)?
send y\n
expect applied 5 changes
exit 0
same
X
test_ok "which is so" after '[ -e new ] && [ ! -e removed ] && [ -e d/f ] && [ "$(tail -n 1 changed)" = more ]'
test_ok "n does not" terminal <<'X'
expect none (n)?
send n\n
exit 0
same
X
test_ok "which is so" after '[ ! -e new ] && [ -e removed ] && [ "$(cat changed)" = one ]'
test_ok "nor does the end of the input" terminal <<'X'
expect none (n)?
key D
exit 0
X
test_ok "an empty answer, or another, asks again" terminal <<'X'
expect none (n)?
send \n
expect none (n)?
send yes\n
expect none (n)?
send n\n
exit 0
X
test_ok "some can be chosen" terminal <<'X'
expect none (n)?
send c\n
expect Paths or patterns
send ne* d/f\n
expect Changes in
expect Apply these (y)
send y\n
expect applied 3 changes
exit 0
X
test_ok "which is so" after '[ -e new ] && [ -e d/f ] && [ -e removed ] && [ "$(cat changed)" = one ]'
test_ok "of a wrong choice all is left" terminal <<'X'
expect none (n)?
send c\n
expect Paths or patterns
send nothing-there\n
expect 'nothing-there' names none
expect Apply all (y)
send n\n
exit 0
X
test_ok "differences are shown" terminal <<'X'
expect none (n)?
send d\n
expect --- a/changed
expect +++ b/changed
expect +more
expect none (n)?
send n\n
exit 0
X
test_ok "they can be saved" terminal <<'X'
expect none (n)?
send s\n
expect File:
send ../from-terminal\n
expect saved 5 changes
exit 0
X
test_ok "and applied then" after 'apply ../from-terminal && [ -e new ] && [ ! -e removed ]'
test_ok "an interrupt applies nothing" terminal <<'X'
expect none (n)?
key C
exit 125
same
X
test_ok "which is so" after '[ ! -e new ] && [ -e removed ]'
without_colours() { NO_COLOR=1 terminal; }
test_ok "NO_COLOR is heard" without_colours <<'X'
expect   C changed
expect none (n)?
absent \e[
send n\n
exit 0
X
folded() {
	in_tree env TERM=xterm NO_COLOR=1 "$testbin/pty" drive "$ROOTLET" try sh -c 'mkdir d; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo x >d/$i; done'
}
test_ok "a new directory with much in it is one line" folded <<'X'
expect   A d/ and 12 in it
expect none (n)?
absent d/7
send y\n
expect applied 13 changes
exit 0
X

# --- run ---

volume() { run -v "$tmp/work/t:/vol:layer" "$@" host sh -c 'cd /vol && echo more >>changed && echo x >new'; }
discarded() { unchanged volume; }
test_ok "run -v DIR:DST:layer changes nothing by default" in_tree discarded
volume_applied() { volume --apply=yes && [ -e new ] && [ "$(tail -n 1 changed)" = more ]; }
test_ok "with --apply=yes it does" in_tree volume_applied
volume_saved() { unchanged volume --save "$tmp/volume" && apply "$tmp/volume" && [ -e new ]; }
test_ok "with --save it can later" in_tree volume_saved
make_base
base_applied() {
	run -v "$tmp/work/t:/vol:layer" --apply=yes "$base" /bin/probe true 2>/dev/null
	run --apply=yes -v "$tmp/work/t:/vol:layer" host sh -c 'echo x >/vol/../vol/new' && [ -e new ]
}
test_ok "over a directory, too" in_tree base_applied
test_ok "--apply and --keep exclude each other" fails_with "--keep" run --keep --name x --apply=yes host true
test_ok "--apply needs a layer" fails_with "layer on disk" run --apply=yes --read-only host true
test_ok "on disk" fails_with "layer on disk" run --apply=yes --layer=ram host true
test_if subids "no subordinate ids here" "of one id" fails_with "--idmap=single" run --idmap=range --apply=yes host true
no_layer_left() { wait_empty "$XDG_DATA_HOME/rootlet/scratch"; }
test_ok "no layer is left" no_layer_left
test_done
