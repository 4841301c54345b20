# -v, --tmpfs, --here, --device, --add-host: what of the host is inside, and what reaches it
# shellcheck shell=sh disable=SC2016,SC2317 # quotes are for the inner shell; helpers are called by test_ok
. "${srcdir:-.}/tests/lib.sh"
make_base
cp "$testbin/payload" "$base/bin/payload"
need userns overlay || skip_all "no overlay in user namespaces here"

run() { timeout 30 "$ROOTLET" run "$@"; }
mkdir src other
echo hello >src/file
echo other >other/file

# escape TEXT: as -v wants it, in $escaped; a newline at the end would not survive "$(...)".
escape() {
	escaped=$(printf '%s.' "$1" | sed 's/[\\:,]/\\&/g')
	escaped=${escaped%.}
}

# listing DIR: everything in it, with owners, modes and contents.
listing() {
	(cd "$1" && find . -printf '%p %y %m %U:%G %s %l\n' | sort && find . -type f -exec sha1sum {} + | sort)
}

# unchanged DIR... -- COMMAND...: COMMAND leaves the directories as they were, whatever its status.
unchanged() {
	dirs=
	while [ "$1" != -- ]; do
		dirs="$dirs $1"
		shift
	done
	shift
	for dir in $dirs; do listing "$dir"; done >"$tmp/before"
	"$@"
	status=$?
	for dir in $dirs; do listing "$dir"; done >"$tmp/after"
	diff "$tmp/before" "$tmp/after" || return 1
	return "$status"
}

# --- sharing ---

test_ok "a folder is shared" prints hello run -v "$PWD/src:/dst" "$base" probe cat /dst/file
written_through() {
	run -v "$PWD/src:/dst" "$base" probe write /dst/new && [ "$(cat src/new)" = x ] && rm src/new
}
test_ok "what is written there is on the host" written_through
test_ok "a file is shared" prints hello run -v "$PWD/src/file:/etc/hosts" "$base" probe cat /etc/hosts
file_written() {
	cp src/file copy
	run -v "$PWD/copy:/deep/er/file" "$base" payload append /deep/er/file more &&
		[ "$(cat copy)" = 'hello
more' ]
}
test_ok "a file can be written where its mount point was missing" file_written
test_ok "a folder on two places" prints 'hello
hello' run -v ./src:/a -v ./src:/b "$base" probe cat /a/file /b/file
test_ok "the base gets no mount points" unchanged "$base" -- run -v ./src:/x/y/z -v ./src/file:/x/f "$base" true
test_ok "a mount point that is there is used" prints hello run -v ./src:/etc "$base" probe cat /etc/file
test_ok "options rw, z and Z mean nothing" prints hello run -v ./src:/dst:rw,z,Z "$base" probe cat /dst/file
test_ok "--volume=... is -v" prints hello run --volume=./src:/dst "$base" probe cat /dst/file

chown_ro() {
	run -v ./src:/dst:ro "$base" payload chown /dst/file 0 0
	true
}
test_ok ":ro cannot be written" prints '/dst/new EROFS
/dst/file EROFS' run -v "$PWD/src:/dst:ro" "$base" probe write /dst/new /dst/file
test_ok ":ro refuses a new owner" prints '/dst/file: Read-only file system' chown_ro
test_ok "a file with :ro cannot be written" prints '/f EROFS' run -v ./src/file:/f:ro "$base" probe write /f
test_ok "a volume can be written in a --read-only base" prints '/x/y/new ok
/new EROFS' run --read-only -v ./src:/x/y "$base" probe write /x/y/new /new
rm -f src/new
test_ok "a file is shared below a --read-only base that lacks it" prints hello \
	run --read-only -v ./src/file:/no/such/file "$base" probe cat /no/such/file

# --- :layer ---

test_ok ":layer shows the folder" prints hello run -v ./src:/dst:layer "$base" probe cat /dst/file
test_ok ":layer takes writes" prints '/dst/new ok
/dst/file ok' run -v ./src:/dst:layer "$base" probe write /dst/new /dst/file
test_ok ":layer leaves the folder as it was" unchanged src -- run -v ./src:/dst:layer "$base" probe write /dst/new /dst/file
test_ok ":layer lets files be removed" unchanged src -- run -v ./src:/dst:layer "$base" probe rm /dst/file
test_ok "what :layer took is gone" prints '/dst/new ENOENT' run -v ./src:/dst:layer "$base" probe stat /dst/new
test_ok ":layer of a file is an error" fails_with "src/file" run -v ./src/file:/dst:layer "$base" true
test_ok ":layer of what is missing is an error" fails_with "missing" run -v ./missing:/dst:layer "$base" true
layer_ro() {
	out=$(run -v ./src:/dst:layer,ro "$base" probe write /dst/new 2>&1)
	status=$?
	echo "$out"
	[ "$out" = '/dst/new EROFS' ] || [ "$status" = 125 ]
}
test_ok ":layer,ro is read-only or refused" layer_ro
two_layers() {
	[ "$(run -v ./src:/a:layer -v ./src:/b:layer "$base" payload append /a/file X)" = '' ] &&
		[ "$(run -v ./src:/a:layer -v ./src:/b:layer "$base" probe cat /a/file /b/file)" = 'hello
hello' ]
}
test_ok "two layers over one folder are two" two_layers
test_ram ":layer with --layer=ram" prints '/dst/new ok' run --layer=ram -v ./src:/dst:layer "$base" probe write /dst/new

# --- what is mounted below ---

# With a file system mounted on ./src/sub, in namespaces of its own: run COMMAND with "$@".
below() { unshare -rm sh -c 'mkdir -p src/sub && mount -t tmpfs none src/sub && echo inner >src/sub/inner && "$@"' sh "$@"; }
mkdir src/sub
test_ok "what is mounted below a folder is shared with it" prints inner \
	below "$ROOTLET" run -v ./src:/dst "$base" probe cat /dst/sub/inner
test_ok ":ro is read-only below as well" prints '/dst/sub/x EROFS
/dst/x EROFS' below "$ROOTLET" run -v ./src:/dst:ro "$base" probe write /dst/sub/x /dst/x
test_ok ":layer has what is mounted below" prints 'inner
hello' below "$ROOTLET" run -v ./src:/dst:layer "$base" probe cat /dst/sub/inner /dst/file
layer_below() {
	out=$(below sh -c '"$ROOTLET" run -v ./src:/dst:layer "$1" /bin/probe write /dst/sub/x /dst/x; ls src src/sub' sh "$base")
	echo "$out"
	[ "$out" = '/dst/sub/x ok
/dst/x ok
src:
file
sub

src/sub:
inner' ]
}
export ROOTLET
test_ok ":layer takes writes below, and they are gone" layer_below
rmdir src/sub

# --- events ---

inotify() {
	mkdir -p watched
	run -v ./watched:/w "$base" payload watch /w >log &
	pid=$!
	wait_line log ready || return
	echo 1 >watched/edited
	echo 2 >watched/temp
	mv watched/temp watched/replaced
	rm watched/edited
	: >watched/end
	wait "$pid"
	status=$?
	cat log
	[ "$status" = 0 ] && [ "$(cat log)" = 'ready
new edited
new temp
new replaced
gone edited
new end' ]
}
test_ok "edits on the host are events inside" inotify

# --- odd paths ---

newline='new
line'
odd_path() {
	mkdir -p "./odd/$1" && printf '%s\n' "$1" >"./odd/$1/file" || return
	escape "$PWD/odd/$1"
	from=$escaped
	escape "/odd/$1"
	prints "$1" run -v "$from:$escaped" "$base" probe cat "/odd/$1/file" &&
		prints "$1" run -v "$from/file:$escaped" "$base" probe cat "/odd/$1" &&
		prints "$1" run -v "$from:$escaped:layer" "$base" probe cat "/odd/$1/file"
}
# shellcheck disable=SC1003
for name in 'a blank' 'a,comma' 'a:colon' 'back\slash' 'back\\slashes' 'ends in\' '\,' '::' "$newline" \
	'-v' '--' '*' '$HOME' '%s%n' '"' "'" '~' '#' '=' 'größe' '...' '.hidden' \
	"$(printf 'bytes\377\001\033')" "$(printf 'n%.0s' $(seq 255))"; do
	printable=$(printf '%.20s' "$name" | tr -c '[:print:]' '?' | tr '#' '?')
	test_ok "a path with '$printable'" odd_path "$name"
done

# long_path PREFIX N: a path of N bytes, in $long.
long_path() {
	long=$1
	while [ $((${#long} + 201)) -lt "$2" ]; do
		long=$long/$(printf 'd%.0s' $(seq 199))
	done
	long=$long/$(printf 'e%.0s' $(seq $(($2 - ${#long} - 1))))
}
long_path "$tmp/long" 4088
long_src=$long
mkdir -p "$long_src" && echo deep >"$long_src/f"
long_path /long 4088
test_ok "a source of 4 KiB" prints deep run -v "$long_src:/dst" "$base" probe cat /dst/f
test_ok "a target of 4 KiB" prints hello run -v "./src:$long" "$base" probe cat "$long/file"
test_ok "both" prints deep run -v "$long_src:$long" "$base" probe cat "$long/f"
test_ok "both, with :layer" prints deep run -v "$long_src:$long:layer" "$base" probe cat "$long/f"
rm -rf "$tmp/long"
long_path /long 4096
test_ok "a target that is too long for the kernel is an error" fails_with "too long" run -v "./src:$long" "$base" true
test_ok "so is a source" fails_with "too long" run -v "$long:/dst" "$base" true

test_ok "a relative source with a slash" prints hello run -v ./src:/dst "$base" probe cat /dst/file
test_ok "one without a dot" prints hello run -v src/file:/dst "$base" probe cat /dst
test_ok "the current directory" prints hello run -v .:/dst "$base" probe cat /dst/src/file
test_ok "the directory above" prints hello run -v ..:/dst "$base" probe cat /dst/work/src/file
test_ok "a bare name is no path, and the hint says how it is meant" fails_with "write ./src" run -v src:/dst "$base" true
test_ok "dots in a target are resolved as text" prints hello run -v "./src:/a/./b//../c/" "$base" probe cat /a/c/file

missing_source() {
	fails_with "$1" run -v "$PWD/$1:/dst" "$base" true && [ ! -e "$1" ]
}
test_ok "a missing source is an error, and is not made" unchanged . -- missing_source missing
test_ok "so is one in a missing folder" unchanged . -- missing_source not/there
if need user && [ "$(stat -c %u /proc/1)" != "$(id -u)" ]; then
	test_ok "a source that the caller may not reach is an error" fails_with "Permission denied" run -v /proc/1/fd/0:/dst "$base" true
else
	test_skip "a source that the caller may not reach is an error" "process 1 is ours"
fi

# --- order ---

mkdir other/below
test_ok "a volume below another, given first" prints 'hello
other' run -v ./src:/x/below -v ./other:/x "$base" probe cat /x/below/file /x/file
test_ok "a tmpfs below a volume" prints '/x/below/new ok' run --tmpfs /x/below -v ./other:/x "$base" probe write /x/below/new
test_ok "and not a trace of it on the host" [ ! -e other/below/new ]
rmdir other/below
# A mount point that is missing in a volume would have to be made on the host.
no_ghost() {
	rm -rf other/ghost
	run "$@" "$base" true
	case $?:$(ls other) in
	0:*ghost*) return 1 ;;
	0:*) return 0 ;;
	*) fails_with "/x/ghost" run "$@" "$base" true ;;
	esac
}
test_ok "a volume below another makes no folder on the host" unchanged other src -- no_ghost -v ./other:/x -v ./src:/x/ghost
test_ok "a file below a volume makes no file on the host" unchanged other src -- no_ghost -v ./other:/x -v ./src/file:/x/ghost
test_ok "a tmpfs below a volume makes no folder on the host" unchanged other -- no_ghost -v ./other:/x --tmpfs /x/ghost
test_ok "a device below a volume makes no file on the host" unchanged other -- no_ghost -v ./other:/x --device /dev/null:/x/ghost
rm -rf other/ghost
test_ok "a volume below one with :ro is an error that names the place" fails_with "/x/y" run -v ./other:/x:ro -v ./src:/x/y "$base" true
test_ok "a volume below one with :layer" unchanged other src -- prints hello run -v ./other:/x:layer -v ./src:/x/y "$base" probe cat /x/y/file
test_ok "the later of two on one place is seen" prints other run -v ./src:/x -v ./other:/x "$base" probe cat /x/file

# --- symbolic links in the source ---

ln -s src link
ln -s "$PWD/src" absolute
ln -s src/file filelink
for link in link absolute filelink link/file; do
	test_ok "a link of the user's in a source, $link, is not followed, and the hint tells where it leads" \
		fails_with "name that: $PWD/src" run -v "./$link:/dst" "$base" true
done
test_ok "not with :layer either" fails_with "symbolic link" run -v ./link:/dst:layer "$base" true
test_ok "what a link leads to can be named" prints hello run -v ./src/../src/file:/dst "$base" probe cat /dst
test_ok "also up to the root and down again" prints hello run -v "/usr/..$PWD/src/file:/dst" "$base" probe cat /dst
from_above() {
	(start=$PWD && cd / && prints hello run -v "./..$start/src/file:/dst" \
		-v "/etc/../$start/src:/src:layer" "$base" probe cat /dst)
}
test_ok "and by a relative path" from_above
# /etc/mtab leads to a file of /proc, /var/run to a folder: both are root's.
# Inside of a map without root nobody can tell that.
if have_user && [ -L /var/run ] && [ "$(stat -c %u /var/run)" = 0 ]; then
	test_ok "a link of root's is followed" run -v /var/run:/dst:ro "$base" probe ls /dst
	test_ok "also with :layer" run -v /var/run:/dst:layer "$base" probe ls /dst
else
	test_skip "a link of root's is followed" "there is none, or root is not known here"
fi
if have_root && [ -L /var/run ]; then
	test_ok "root follows no link" fails_with "symbolic link" run -v /var/run:/dst "$base" true
else
	test_skip "root follows no link" "not root"
fi

# --- symbolic links in the base ---

canary=$tmp/canary
mkdir "$canary" && echo precious >"$canary/file" && mkdir "$canary/dir"
ln -s "$canary" "$base/abs"
ln -s "../../../../../../..$canary" "$base/rel"
ln -s "$canary/file" "$base/to-file"
ln -s /etc "$base/to-etc"
ln -s nowhere "$base/dangling"
ln -s loop "$base/loop"
# attempt COMMAND...: works, or fails as it should.
attempt() {
	"$@" >"$tmp/out" 2>&1
	status=$?
	cat "$tmp/out"
	[ "$status" = 0 ] || [ "$status" = 125 ]
}
for dst in /abs /abs/new /abs/dir /rel /rel/new/er /rel/dir /to-file /dangling /dangling/x /loop /loop/x; do
	test_ok "a folder on $dst does not leave the base" unchanged "$canary" "$base" -- attempt run -v "./src:$dst" "$base" probe write "$dst/x"
	rm -f src/x
	test_ok "a file on $dst does not leave the base" unchanged "$canary" "$base" -- attempt run -v "./src/file:$dst" "$base" probe cat "$dst"
done
test_ok "a tmpfs on a link does not leave the base" unchanged "$canary" "$base" -- attempt run --tmpfs /abs/new "$base" probe write /abs/new/x
test_ok "a working directory on a link does not leave the base" unchanged "$canary" "$base" -- attempt run -w /abs/new "$base" true
test_ok "--add-host through a link does not leave the base" unchanged "$canary" "$base" -- \
	sh -c 'rm "$1/etc/hosts"; ln -s "$2/file" "$1/etc/hosts"; "$ROOTLET" run --add-host h:1.2.3.4 "$1" /bin/true
	rm "$1/etc/hosts"; echo "127.0.0.1 localhost" >"$1/etc/hosts"; touch -r "$1/etc/passwd" "$1/etc/hosts"' sh "$base" "$canary"
test_ok "a link inside the base is followed" prints hello run -v ./src:/to-etc/sub "$base" probe cat /etc/sub/file
mkdir -p "$base$canary"
for dst in /abs/new /rel/new; do
	test_ok "a link to a place that the base has too, $dst" unchanged "$canary" -- prints hello run -v "./src:$dst" "$base" probe cat "$canary/new/file"
done
rm "$base/abs" "$base/rel" "$base/to-file" "$base/to-etc" "$base/dangling" "$base/loop"
rm -rf "${base:?}/${tmp#/}"

# --- what is rootlet's own ---

for dst in /proc /proc/self /proc/sys/kernel /x/../proc; do
	test_ok "a volume on $dst is refused" fails_with "/proc is rootlet's own" run -v "./src:$dst" "$base" true
done
test_ok "a volume on / is refused" fails_with "destination '/'" run -v ./src:/ "$base" true
test_ok "one that becomes / as well" fails_with "destination '/'" run -v ./src:/a/.. "$base" true

# --- tmpfs ---

test_ok "--tmpfs is empty and anybody's" prints '/t 41777 0 0 40' run --tmpfs /t "$base" probe stat /t
test_ok "--tmpfs covers what the base has" prints '' run --tmpfs /etc "$base" probe ls /etc
test_ok "the size of --tmpfs is enforced" prints 1048576 run --tmpfs /t:1m "$base" payload fill /t/x
test_ok "size= may stand before it" prints 65536 run --tmpfs /t:size=64k "$base" payload fill /t/x
test_ok "--tmpfs with an odd path" prints '/a:b,c /x ok' run --tmpfs '/a\:b,c :1m' "$base" probe write '/a:b,c /x'
test_ok "size 0 is refused" fails_with "size 0" run --tmpfs /t:0 "$base" true
test_ok "a size that is none is refused" fails_with "'1x'" run --tmpfs /t:1x "$base" true
test_ok "a relative --tmpfs is refused" fails_with "'t'" run --tmpfs t "$base" true

# --- here ---

mkdir "he:re, x"
here() (cd "he:re, x" && run --here "$@")
here_written() {
	here "$base" probe write new && [ -f "he:re, x/new" ] && rm "he:re, x/new"
}
test_ok "--here starts in the current directory" prints "$PWD/he:re, x" here "$base" probe cwd
test_ok "--here shares it" here_written
test_ok "--here over the machine itself" prints "$PWD/he:re, x" here host pwd
here_host() {
	here host sh -c 'echo x >new' && [ -f "he:re, x/new" ] && rm "he:re, x/new"
}
test_ok "and there it is shared as well" here_host
test_ok "--here with -w starts there" prints /etc here -w /etc "$base" probe cwd
test_ok "without it the current directory is not there" prints "$PWD ENOENT" run "$base" probe stat "$PWD"
here_in_root() (cd / && run --here "$base" true)
test_ok "--here in / is refused" fails_with "--here" here_in_root

# --- owners ---

own_uid=$(id -u) own_gid=$(id -g)
test_ok "single: what is the caller's is root's inside" prints '/dst/file 100644 0 0 6' \
	run --idmap=single -v ./src:/dst "$base" probe stat /dst/file
test_ok "single: or the user's that runs" prints '/dst/file 100644 1000 1000 6' \
	run --idmap=single -u user -v ./src:/dst "$base" probe stat /dst/file
single_root() {
	out=$(run --idmap=single -v /etc/passwd:/p "$base" probe stat /p)
	echo "$out"
	if have_root; then want='/p 100644 0 0 '; else want='/p 100644 65534 65534 '; fi
	case $out in "$want"*) ;; *) return 1 ;; esac
}
test_ok "single: what is root's is nobody's, but for root" single_root
# Files that other ids make lie in a folder that everybody may write.
mkdir shared && chmod 777 shared
owner_outside() {
	run "$@" -v ./shared:/s "$base" probe write /s/f >/dev/null && stat -c %u:%g shared/f
}
test_ok "single: what is made belongs to the caller" prints "$own_uid:$own_gid" owner_outside --idmap=single
rm -f shared/f
test_ok "single: whoever runs" prints "$own_uid:$own_gid" owner_outside --idmap=single -u user
rm -f shared/f
if need subids; then
	first_of() { awk -F: -v n="$(id -un)" -v u="$own_uid" '$1 == n || $1 == u { print $2; exit }' "$1"; }
	test_ok "range: what is the caller's is root's inside" prints '/dst/file 100644 0 0 6' \
		run --idmap=range -v ./src:/dst "$base" probe stat /dst/file
	test_ok "range: what is made belongs to the caller" prints "$own_uid:$own_gid" owner_outside --idmap=range
	rm -f shared/f
	test_ok "range: what user 5 makes belongs to the fifth subordinate id" \
		prints "$(($(first_of /etc/subuid) + 4)):$(($(first_of /etc/subgid) + 6))" owner_outside --idmap=range -u 5:7
	test_ok "range: and is his inside" prints '/s/f 100644 5 7 1' run --idmap=range -v ./shared:/s "$base" probe stat /s/f
	test_ok "range: root inside can remove it" run --idmap=range -v ./shared:/s "$base" probe rm /s/f
else
	for name in "what is the caller's is root's inside" "what is made belongs to the caller" \
		"what user 5 makes belongs to the fifth subordinate id" "and is his inside" "root inside can remove it"; do
		test_skip "range: $name" "no subordinate ids"
	done
fi
if need root; then
	cp src/file shared/f && chown 1000:7 shared/f
	test_ok "root: owners are those of the host" prints '/s/f 100644 1000 7 6' run --idmap=root -v ./shared:/s "$base" probe stat /s/f
	rm shared/f
	test_ok "root: what a user makes is that user's" prints 5:7 owner_outside --idmap=root -u 5:7
	rm -f shared/f
else
	test_skip "root: owners are those of the host" "not root"
	test_skip "root: what a user makes is that user's" "not root"
fi

# --- sockets, pipes, devices ---

socket() {
	"$testbin/payload" listen "$PWD/sock" >log &
	pid=$!
	wait_line log ready || return
	run -v "$PWD/sock:/run/sock" "$base" payload connect /run/sock "from inside"
	status=$?
	wait "$pid" && [ "$status" = 0 ] && [ "$(cat log)" = 'ready
from inside' ]
}
test_ok "a socket can be connected to" socket
fifo() {
	mkfifo fifo
	exec 6<>fifo
	run -v "$PWD/fifo:/f" "$base" payload append /f "through the pipe" 6>&-
	status=$?
	timeout 10 head -c 16 <&6 >log
	exec 6>&-
	[ "$status" = 0 ] && [ "$(cat log)" = "through the pipe" ]
}
test_ok "a fifo can be written to" fifo
test_ok "a folder that holds a fifo and a socket" run -v .:/dst:layer "$base" probe ls /dst

test_ok "--device gives a device" prints '/dev/zero2 ok' run --device /dev/zero:/dev/zero2 "$base" probe write /dev/zero2
test_ok "under its own name where no target is given" prints '/dev/null ok' run --device /dev/null "$base" probe write /dev/null
device_r() {
	out=$(run --device /dev/zero:/z:r "$base" probe write /z 2>&1)
	status=$?
	echo "$out"
	[ "$status" = 125 ] || { [ "$status" = 0 ] && [ "$out" != '/z ok' ]; }
}
test_ok "--device with r cannot be written, or is refused" device_r
test_ok "--device of what is no device is an error" fails_with "not a device" run --device "$PWD/src/file:/dev/x" "$base" true
test_ok "--device of what is missing is an error" fails_with "/dev/missing" run --device /dev/missing "$base" true
test_ok "a device given with -v does not work" prints '/null EACCES' run -v /dev/null:/null "$base" probe write /null

# --- many ---

mkdir many
for i in $(seq 300); do
	mkdir "many/$i"
	echo "$i" >"many/$i/n"
	set -- "$@" -v "./many/$i:/m/$i"
done
many() {
	[ "$(run "$@" "$base" probe ls /m | wc -l)" = 300 ] && prints '1
150
300' run "$@" "$base" probe cat /m/1/n /m/150/n /m/300/n
}
test_ok "300 volumes" many "$@"
set --
for i in $(seq 60); do set -- "$@" -v "./many/$i:/m/$i:layer"; done
test_ok "60 volumes with :layer" prints '60' run "$@" "$base" probe cat /m/60/n

# --- hosts ---

test_ok "--add-host adds a line" prints '127.0.0.1 localhost
10.0.0.1	a
::1	b' run --add-host a:10.0.0.1 --add-host b:::1 "$base" probe cat /etc/hosts
test_ok "the base's own file stays" grep -qx '127.0.0.1 localhost' "$base/etc/hosts"
add_host_without() {
	mv "$base/etc/hosts" "$base/etc/hosts.away"
	run --add-host a:10.0.0.1 "$base" probe cat /etc/hosts
	status=$?
	mv "$base/etc/hosts.away" "$base/etc/hosts"
	return "$status"
}
test_ok "a base without the file gets one with localhost" prints '127.0.0.1	localhost
::1	localhost
10.0.0.1	a' add_host_without
add_host_fifo() {
	mv "$base/etc/hosts" "$base/etc/hosts.away"
	mkfifo "$base/etc/hosts"
	attempt run --add-host a:10.0.0.1 "$base" probe cat /etc/hosts
	status=$?
	mv "$base/etc/hosts.away" "$base/etc/hosts"
	return "$status"
}
test_ok "a fifo in its place is not waited for" add_host_fifo
for entry in a : a: :1.2.3.4 'a b:1.2.3.4' "a:1.2.3.4
6.6.6.6 x" 'a:1.2.3.4#'; do
	test_ok "--add-host '$(printf %s "$entry" | tr '\n#' '??')' is refused" fails_with "--add-host" run --add-host "$entry" "$base" true
done

test_ok "no layer is left" wait_empty "$XDG_DATA_HOME/rootlet/scratch"
# --- with --read-only ---

mkdir shared
read_only_host() {
	rm -f shared/new
	"$ROOTLET" run --read-only -v ./shared:/srv host sh -c 'echo x >/srv/new' && [ -e shared/new ]
}
test_ok "--read-only leaves a volume over a directory of the machine writable" read_only_host
test_ok "and the machine's own directories not" status 2 "$ROOTLET" run --read-only -v ./shared:/srv host \
	sh -c 'echo x >/var/tmp/new'
test_ok "nor is one that the program starts in" status 2 "$ROOTLET" run --read-only -w /var/tmp host \
	sh -c 'echo x >/var/tmp/new'

test_done
