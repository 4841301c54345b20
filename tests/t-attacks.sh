# known attacks on tools of this kind: each must leave the machine as it was
# shellcheck shell=sh disable=SC2016,SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
cp "$testbin/attack" "$base/bin/attack"
bait=$testbin/attack

run() { timeout -s KILL 10 "$ROOTLET" run "$@"; }
probe() { run "$base" /bin/probe "$@"; }
attack() { run "$base" /bin/attack "$@"; }
# A base of its own, to be spoilt.
copy_base() {
	rm -rf "$tmp/spoilt"
	cp -al "$base" "$tmp/spoilt"
	spoilt=$tmp/spoilt
}

host_root=''
have_host_root && host_root=yes

says_nothing() {
	out=$("$@")
	got=$?
	echo "$got $out"
	[ "$got" = 0 ] && [ -z "$out" ]
}

# --- the canary: a directory of this machine that no sandbox was given ---

w=$tmp/w
mkdir -p "$w/dir"
echo canary >"$w/canary"
setfattr -n user.canary -v x "$w/canary" 2>/dev/null
picture() {
	find "$w" -printf '%p %y %m %U %G %s %T@ %C@ %n %l\n' | sort
	getfattr -Rdhm - "$w" 2>/dev/null
	cat "$w/canary"
}
# spares COMMAND...: whatever it does, the canary is as it was.
spares() {
	picture >"$tmp/before"
	"$@"
	picture | diff "$tmp/before" -
}
# either COMMAND...: works or is refused by rootlet, within the time, and spares the canary
either() {
	spares either_ "$@"
	result=$?
	[ "$result" = 0 ] && [ -e "$tmp/fine" ]
}
either_() {
	rm -f "$tmp/fine"
	"$@" </dev/null
	got=$?
	case $got in
	0 | 125 | 126 | 127) : >"$tmp/fine" ;;
	*) echo "status $got" ;;
	esac
}

# --- what the caller has open ---

held() {
	timeout -s KILL 10 "$bait" hold "$w" 3 9 200 1000 -- "$ROOTLET" run "$@"
}
test_ok "open directories of the caller are not inherited" prints "0 1 2 " \
	held "$base" /bin/probe fds
test_ok "nor over the machine's root" prints "0 1 2 " \
	held -v "$base/bin:/mnt" -w / host /mnt/probe fds
test_ok "nor without init" prints "0 1 2 " held --init=no "$base" /bin/probe fds
test_ok "nor with --privileged" prints "0 1 2 " held --privileged "$base" /bin/probe fds
test_ok "--pass-fd passes just that one" prints "0 1 2 9 " held --pass-fd 9 "$base" /bin/probe fds
test_ok "no descriptor leads out" says_nothing held "$base" /bin/attack climb "$w/canary"
unopened() {
	out=$("$bait" without 3 4 5 6 -- "$ROOTLET" run "$@" "$base" /bin/probe fds 2>/dev/null)
	[ $? = 125 ] && [ -z "$out" ]
}
test_if plain_start "it is started by a script here" "a descriptor that is not open cannot be passed" unopened --pass-fd 3
test_if plain_start "it is started by a script here" "not even with one of rootlet's own on that number" unopened --pass-fd 3 --events-fd 2
stdin_directory() {
	out=$(attack climb "$w/canary" <"$w")
	got=$?
	echo "$got $out"
	[ -z "$out" ]
}
test_ok "a directory as standard input is no way out" stdin_directory
stdin_file() {
	echo text >"$tmp/input"
	out=$(attack open w /proc/self/fd/0 /dev/stdin <"$tmp/input")
	echo "$out"
	! echo "$out" | grep -q ok
}
test_ok "a file given for reading cannot be opened for writing" stdin_file
stdin_again() {
	echo text >"$tmp/input"
	prints text probe cat /dev/stdin <"$tmp/input"
}
test_ok "a file given for reading can be opened again for that" stdin_again

# --- rootlet's own program and processes ---

# A copy that belongs to the caller: permissions do not protect it.
mkdir "$tmp/own" && cp "$ROOTLET" "$tmp/own/rootlet"
own() { timeout -s KILL 10 "$tmp/own/rootlet" run "$@"; }
copy_base
printf '#!/proc/self/exe --version\n' >"$spoilt/bin/self"
printf '#!/proc/1/exe --version\n' >"$spoilt/bin/one"
chmod 755 "$spoilt/bin/self" "$spoilt/bin/one"
# Executed, it would print its version.
not_executed() {
	out=$(own "$@" 2>"$tmp/stderr" 3</dev/null)
	got=$?
	cat "$tmp/stderr"
	echo "$got $out"
	[ -z "$out" ] && [ "$got" = 126 ]
}
for how in --init=yes --init=no --new-privs=yes --pass-fd=3; do
	test_ok "#!/proc/self/exe does not run rootlet inside ($how)" \
		not_executed $how "$spoilt" /bin/self
	test_ok "nor does /proc/self/exe as the command ($how)" \
		not_executed $how "$spoilt" /proc/self/exe --version
done
test_ok "#!/proc/1/exe does not run rootlet inside" not_executed "$spoilt" /bin/one
test_ok "nor with all capabilities" not_executed --cap-add ALL "$spoilt" /bin/one
no_exe() {
	sum=$(cksum <"$tmp/own/rootlet")
	prints none own "$@" "$base" /bin/attack write-exe 60 &&
		all_are 'EACCES|EPERM' own "$@" "$base" /bin/attack all exec /proc/1/exe + open r /proc/1/exe &&
		[ "$sum" = "$(cksum <"$tmp/own/rootlet")" ]
}
test_ok "rootlet's program cannot be opened from inside" no_exe
test_ok "nor with --privileged" no_exe --privileged
test_ok "nor by a single id" no_exe --idmap=single

guarded() {
	out=$(run "$@" "$base" /bin/attack all proc 1 + pid 1)
	echo "$out"
	printf '%s\n' "$out" | grep -E '^(environ|mem|maps|exe|cwd|root|fd/0|fd/3|ns/user|auxv|seize|attach|memory|getfd|setns) ' \
		>"$tmp/out"
	[ "$(wc -l <"$tmp/out")" = 15 ] && ! grep -Evq ' (EPERM|EACCES|ENOENT|ENOSYS)$' "$tmp/out"
}
test_ok "PID 1 cannot be looked into or traced" guarded
test_ok "nor with --privileged" guarded --privileged
test_ok "nor by a single id" guarded --idmap=single
secret_in() {
	SECRET=rootlet-test-secret run "$@" environments rootlet-test -secret
}
test_ok "the caller's environment is nowhere inside" says_nothing secret_in "$base" /bin/attack
test_ok "nor over the machine's root" says_nothing secret_in -v "$base/bin:/mnt" -w / host /mnt/attack
test_ok "nor with --privileged" says_nothing secret_in --privileged "$base" /bin/attack
test_ok "the search finds it when it is given" prints "/proc/2/environ" \
	secret_in -e SECRET "$base" /bin/attack

# A starving PID 1 must end, or go on; it must not spin.  The kernel kills whom it sees running
# without processor time (resource 0).
starved() {
	began=$(date +%s)
	timeout -s KILL 10 "$ROOTLET" run "$@" >/dev/null 2>&1
	got=$? took=$(($(date +%s) - began))
	echo "status $got after $took s"
	[ "$got" = 7 ] || [ "$got" = 125 ] || { [ "$got" = 137 ] && [ "$took" -lt 9 ]; }
}
for resource in 7 9 0 3; do
	test_ok "PID 1 survives or ends when resource $resource is taken from it" \
		starved "$base" /bin/attack starve $resource
	test_ok "and with one id, resource $resource" \
		starved --idmap=single "$base" /bin/attack starve $resource
done
stopped() {
	timeout -s KILL 4 "$ROOTLET" run --timeout 300ms "$base" /bin/probe raise 19
	got=$?
	echo "status $got"
	[ "$got" = 124 ]
}
test_ok "a program that stops itself cannot outlive --timeout" stopped

# Killed is killed, also for a program that asks not to be.
outlives() {
	rm -f "$tmp/events" "$tmp/alive/ready"
	"$ROOTLET" run --events-fd 3 -v "$tmp/alive:/v" "$@" "$base" /bin/attack outlive /v/ready \
		3>"$tmp/events" &
	pid=$!
	for _ in $(seq 100); do
		[ -e "$tmp/alive/ready" ] && break
		sleep 0.02
	done
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	inside=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$tmp/events")
	for _ in $(seq 400); do
		grep -q '^State:.[^ZX]' "/proc/${inside:-self}/status" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -KILL "$inside"
	return 1
}
mkdir "$tmp/alive"
test_ok "a program cannot outlive rootlet" outlives
test_ok "nor without init" outlives --init=no

# --- what the base may contain ---

# links PATH TARGET...: the base with a link instead of PATH
links() {
	copy_base
	rm -rf "${spoilt:?}$1"
	ln -s "$2" "$spoilt$1"
}
up=../../../../../../../../../..
for target in "$w/dir" "$up$w/dir" /proc /bin /; do
	for path in /dev /proc /sys /tmp /etc; do
		links $path "$target"
		test_ok "$path -> $target in the base changes nothing here" either run "$spoilt" /bin/true
	done
done
for file in null zero ptmx console pts shm fd tty stdin mqueue; do
	links "/dev/$file" "$w/dir/new"
	ln -s "$w/canary" "$spoilt/dev/random"
	test_ok "/dev/$file -> new file in the base changes nothing here" \
		either run "$spoilt" /bin/attack put "/dev/$file" x
done
links /dev/null "$w/canary"
null_in_base() {
	out=$(run "$spoilt" /bin/probe stat /dev/null /proc/keys)
	echo "$out"
	[ "$(echo "$out" | grep -c ' 20666 ')" = 2 ]
}
test_ok "/dev/null and what is hidden are the device, whatever the base has" null_in_base
stdio_stays() {
	echo in | spares run "$spoilt" /bin/probe cat >"$tmp/out"
	[ "$(cat "$tmp/out")" = in ]
}
test_ok "and pipes stay the standard input and output" stdio_stays
with_terminal() {
	links /dev/console "$w/dir/new"
	ln -s "$w/dir/new2" "$spoilt/dev/ptmx"
	spares script -qec "timeout -s KILL 10 $ROOTLET run $spoilt /bin/probe stat /dev/console" \
		"$tmp/typescript" >/dev/null </dev/null && grep -q ' 20[0-7]* ' "$tmp/typescript"
}
if command -v script >/dev/null; then
	test_ok "/dev/console and /dev/ptmx as links, with a terminal" with_terminal
else
	test_skip "/dev/console and /dev/ptmx as links, with a terminal" "script is not installed"
fi

copy_base
ln -s "$w/dir" "$spoilt/mnt"
ln -s "$up$w/dir" "$spoilt/up"
ln -s "$w/dir/new" "$spoilt/dangling"
ln -s /proc "$spoilt/p"
ln -s /proc/self "$spoilt/self"
ln -s /proc/self/fd "$spoilt/fds"
mkdir "$tmp/volume" && : >"$tmp/volume/file"
for place in /mnt/new /mnt /up/new/deep /dangling /dangling/x /fds/0 /self/cwd/x /self/root/x; do
	test_ok "a volume on $place changes nothing here" \
		either run -v "$tmp/volume:$place" "$spoilt" /bin/true
	test_ok "a file on $place changes nothing here" \
		either run -v "$tmp/volume/file:$place" "$spoilt" /bin/true
	test_ok "a layer on $place changes nothing here" \
		either run -v "$tmp/volume:$place:layer" "$spoilt" /bin/true
	test_ok "a tmpfs on $place changes nothing here" either run --tmpfs "$place" "$spoilt" /bin/true
	test_ok "a device on $place changes nothing here" \
		either run --device "/dev/null:$place" "$spoilt" /bin/true
	test_ok "the working directory $place changes nothing here" \
		either run -w "$place" "$spoilt" /bin/true
done
rm -r "${spoilt:?}/etc" && ln -s "$w/dir" "$spoilt/etc"
test_ok "/etc as a link, with --add-host, changes nothing here" \
	either run --add-host a:1.2.3.4 "$spoilt" /bin/true
test_ok "and with the machine's network" either run --net=host "$spoilt" /bin/true
for place in /proc /proc/self /proc/sys /proc/self/attr /proc/new /p/../proc; do
	test_ok "a volume on $place is refused" fails_with "/proc" \
		run -v "$tmp/volume:$place" "$spoilt" /bin/true
done
# By a link of the base it is refused, or ends up somewhere else.
proc_stays() {
	run "$@" "$spoilt" /bin/attack open r /proc/self/status /proc/1/status /proc/sys/kernel/ostype >"$tmp/out"
	got=$?
	cat "$tmp/out"
	[ "$got" = 125 ] || { [ "$got" = 0 ] && ! grep -qv ' ok$' "$tmp/out"; }
}
for place in /p /self /p/sys /p/self /p/1; do
	test_ok "a volume on $place, by a link to /proc, leaves /proc alone" \
		proc_stays -v "$tmp/volume:$place"
	test_ok "a tmpfs on $place, by a link to /proc, leaves /proc alone" proc_stays --tmpfs "$place"
done
for dir in /proc/self/fd/0 /proc/self/root /proc/self/cwd /proc/1/root /proc/1/cwd /proc/thread-self/root \
	/fds/0 /self/root; do
	cwd_inside() {
		out=$(run -w "$dir" "$spoilt" /bin/probe cwd <"$tmp/volume/file")
		got=$?
		echo "$got $out"
		[ "$got" = 125 ] || [ "$out" = / ]
	}
	test_ok "the working directory $dir is none" cwd_inside
done
nothing_in_volume() {
	find "$tmp/volume" -mindepth 1 ! -name file
}
test_ok "nothing was made in the volume" says_nothing nothing_in_volume

# Programs of the base with the names of those that rootlet calls.
copy_base
mkdir -p "$spoilt/usr/bin" "$spoilt/lib" "$spoilt/sbin"
for name in newuidmap newgidmap nsenter tar ip sh; do
	for dir in bin usr/bin sbin; do
		printf '#!/bin/sh\n: >%s/marker\n' "$w" >"$spoilt/$dir/$name"
		chmod 755 "$spoilt/$dir/$name"
	done
done
printf 'passwd: evil files\nhosts: evil\n' >"$spoilt/etc/nsswitch.conf"
cp "$base/bin/probe" "$spoilt/lib/libnss_evil.so.2"
test_ok "programs of the base do not run outside" spares run -u user "$spoilt" /bin/true
hostile_path() {
	PATH=$spoilt/bin:$PATH LD_PRELOAD='' TMPDIR=$w run -u user "$spoilt" /bin/true
}
test_ok "nor when they are in the caller's PATH" spares hostile_path
env_stays_inside() {
	spares run -e LD_PRELOAD=/x -e PATH=/nowhere -e HOME="$w" -e TMPDIR="$w" -e XDG_RUNTIME_DIR="$w" \
		-e XDG_DATA_HOME="$w" -e 'BASH_FUNC_ls%%=() { : >marker; }' "$base" /bin/probe env >"$tmp/out"
	grep -qx "XDG_DATA_HOME=$w" "$tmp/out" && grep -qx 'LD_PRELOAD=/x' "$tmp/out"
}
test_ok "variables for the program do nothing outside" env_stays_inside

copy_base
rm "$spoilt/etc/passwd" "$spoilt/etc/group"
cat >"$spoilt/etc/passwd" <<'END'
1000:x:0:0::/:/bin/sh
magic:x:1000:1000::/proc/self/fd/9:/bin/sh
option:x:1000:1000::-x:/bin/sh
minus:x:-1:0::/:/bin/sh
large:x:4294967296:4294967296::/:/bin/sh
none:x:4294967295:0::/:/bin/sh
huge:x:99999999999999999999:0::/:/bin/sh
plus:x:+0:+0::/:/bin/sh
empty:x:::/:/bin/sh
blank:x: 0:0::/:/bin/sh
END
echo 'root:x:0:' >"$spoilt/etc/group"
# user NAME: the uid that the program got, or nothing
user() {
	run -u "$1" "$spoilt" /bin/probe ids 2>/dev/null | awk '{ print $1 }'
}
for pair in 1=1 1:1=1 01=1 +1= '1 =' ' 1=' 0x1= 4294967296= 4294967295= 4294967296:4294967296= -1= \
	magic:= :5= 1e0= minus= large= none= huge= plus= empty= blank= = := 18446744073709551617= \
	1:4294967296= 1:-1= 1:+1= 1000=1000; do
	test_ok "--user '${pair%=*}' is ${pair##*=}${pair##*=*[0-9]}" \
		prints "${pair##*=}" user "${pair%=*}"
done
test_ok "a home directory in /proc is just a text" prints "HOME=/proc/self/fd/9" \
	sh -c '"$ROOTLET" run -u magic "$1" /bin/probe env | grep HOME=' sh "$spoilt"
test_ok "a home directory that is no path is /" prints "HOME=/" \
	sh -c '"$ROOTLET" run -u option "$1" /bin/probe env | grep HOME=' sh "$spoilt"
for kind in fifo link directory; do
	rm -rf "$spoilt/etc/passwd"
	case $kind in
	fifo) mkfifo "$spoilt/etc/passwd" ;;
	link) ln -s "$up/etc/passwd" "$spoilt/etc/passwd" ;;
	directory) mkdir "$spoilt/etc/passwd" ;;
	esac
	test_ok "a $kind as /etc/passwd has no users" fails_with "daemon" \
		run -u daemon "$spoilt" /bin/true
done

# --- words and numbers ---

export ROOTLET
test_ok "words arrive byte for byte" prints "$(printf '<--bind>\n</>\n<-v>\n<$(id)>\n<`id`>\n<a\nb>\n<>\n<;>\n<\033[2J>')" \
	probe args --bind / -v '$(id)' '`id`' 'a
b' '' ';' "$(printf '\033[2J')"
test_ok "a long word arrives" sh -c '[ "$("$ROOTLET" run "$1" /bin/probe args "$2" | wc -c)" = 65539 ]' \
	sh "$base" "$(printf '%65536s' '')"
many_volumes() {
	set --
	for n in $(seq "$many"); do
		set -- "$@" -v "$tmp/volume:/v/$n"
	done
	out=$(timeout -s KILL 20 "$ROOTLET" run "$@" "$base" /bin/attack ns)
	got=$?
	echo "$got"
	[ "$got" = 0 ] && ! printf '%s\n' "$out" | grep -qxF "$(readlink /proc/self/ns/mnt)"
}
many=1000
test_ok "1000 volumes give the same isolation" many_volumes
long_volume() {
	either run -v "$tmp/volume:/$(printf '%65536s' '' | tr ' ' x)" "$base" /bin/true
}
test_ok "a place of 64 KiB is refused" long_volume

mkdir -p "$tmp/names/a b" "$tmp/names/a,b" "$tmp/names/a:b" "$tmp/names/a
b"
for name in 'a b' 'a,b' 'a\:b' 'a
b'; do
	test_ok "a volume called $(printf '%s' "$name" | tr '\n' '?')" \
		either run -v "$tmp/names/$name:/v" "$base" /bin/true
done

# --- shared folders between two starts ---

shared=$tmp/shared
fresh_share() {
	rm -rf "$shared"
	mkdir -p "$shared/persist" "$shared/in"
	echo data >"$shared/persist/data"
}
swap_for_link() {
	run -v "$shared:/s" "$base" /bin/attack all rename /s/persist /s/old + symlink "$1" /s/persist
}
see() { run "$@" "$base" /bin/probe ls /p; }
for how in '' :ro :layer; do
	fresh_share
	swap_for_link "$w" >/dev/null
	test_ok "a volume that became a link is refused (${how:-rw})" fails_with "symbolic link" \
		see -v "$shared/persist:/p$how"
	test_ok "and below it (${how:-rw})" fails_with "symbolic link" see -v "$shared/persist/dir:/p$how"
	test_ok "and with a slash (${how:-rw})" fails_with "symbolic link" see -v "$shared/persist/:/p$how"
	test_ok "and a link to /proc/self/root (${how:-rw})" sh -c "
		ln -sfn /proc/self/root '$shared/persist'
		! '$ROOTLET' run -v '$shared/persist:/p$how' '$base' /bin/true 2>/dev/null"
done
if [ -L /lib ] && [ "$(stat -c %u /lib)" = 0 ] && [ "$(id -u)" != 0 ]; then
	test_ok "a link that belongs to root is followed" run -v /lib:/p:ro "$base" /bin/true
else
	test_skip "a link that belongs to root is followed" "/lib is none here, or the caller is root"
fi
# The source itself changes places with a link all the time: it, an error, but never the link.
source_race() {
	place=$1
	mkdir -p "$place/real" && echo mine >"$place/real/f" && ln -s "$w" "$place/link"
	timeout -s KILL 8 "$bait" swap "$place/real" "$place/link" 6000 &
	swapper=$!
	end=$(($(date +%s) + 4)) n=0
	while [ "$n" -lt 60 ] && [ "$(date +%s)" -lt "$end" ]; do
		n=$((n + 1))
		run --read-only -v "$place/real:/p$2" "$base" /bin/probe ls /p 2>/dev/null
	done >"$tmp/seen"
	kill "$swapper"
	wait "$swapper"
	rm -r "$place"
	sort "$tmp/seen" | uniq -c
	! grep -q canary "$tmp/seen"
}
test_ok "a source that changes places with a link is never that link" source_race "$tmp/raced" ''
test_ok "nor with a layer" source_race "$tmp/raced" :layer
if [ -L /var/lock ] && [ -w /var/lock ] && have_user; then
	test_ok "nor behind a link that belongs to root" source_race "/var/lock/rootlet-test.$$" ''
	test_ok "nor behind one with a layer" source_race "/var/lock/rootlet-test.$$" :layer
else
	for what in "nor behind a link that belongs to root" "nor behind one with a layer"; do
		test_skip "$what" "/var/lock is no such link, or the caller is root"
	done
fi
fresh_share
traps() {
	run -v "$shared:/s" "$base" /bin/attack all symlink "$w/canary" /s/persist/trap + \
		symlink "$w" /s/trap + symlink "$w/dir" /trap + symlink "$w/canary" /tmp/trap >/dev/null
	mkfifo "$shared/pipe"
	run -v "$shared:/s" "$base" /bin/true
	run -v "$shared:/s:layer" "$base" /bin/probe write /s/new >/dev/null
	run -v "$shared/persist:/s" --read-only "$base" /bin/true
	wait_empty "$XDG_DATA_HOME/rootlet/scratch"
}
test_ok "links and pipes left in a share lead nowhere" spares traps

# left_by COMMAND...: its layer stays, because rootlet is killed
left_by() {
	"$ROOTLET" run --layer=disk "$@" &
	pid=$!
	for _ in $(seq 100); do
		[ -e "$tmp/volume/ready" ] && break
		sleep 0.02
	done
	rm -f "$tmp/volume/ready"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	sleep 0.05
}
leftover() {
	left_by -v "$tmp/volume:/v" "$base" /bin/attack all symlink "$w/dir" /trap + symlink "$w/canary" /etc/trap + \
		chmod 000 /etc + put /v/ready x + sleep 5000 >/dev/null
	run "$base" /bin/true
	wait_empty "$XDG_DATA_HOME/rootlet/scratch"
}
test_ok "removing a crashed layer follows no link" spares leftover
foreign_leftover() {
	left_by -v "$tmp/volume:/v" "$base" /bin/attack all symlink "$w/dir" /trap + symlink "$w/canary" /trap2 + \
		chown 1000 / + put /v/ready x + sleep 5000 >/dev/null
	run --idmap=single "$base" /bin/true
	sleep 0.3
}
if have_subids; then
	chmod 604 "$w/canary"
	test_ok "nor when the layer has files of another id" spares foreign_leftover
	chmod 644 "$w/canary"
	run "$base" /bin/true
	test_ok "and the next start with all ids removes it" wait_empty "$XDG_DATA_HOME/rootlet/scratch"
else
	test_skip "nor when the layer has files of another id" "no subordinate ids"
	test_skip "and the next start with all ids removes it" "no subordinate ids"
fi

# Files of a layered volume must not land in the volume that covers them.
covered() {
	mkdir -p "$tmp/lower/y/z/m" "$tmp/cover"
	echo below >"$tmp/lower/y/z/f"
	echo mine >"$tmp/cover/f"
	in_mounts 'mount -t tmpfs t "$4/lower/y/z/m" || exit 3
		"$1" run -v "$4/cover:/x/y/z" -v "$4/lower:/x:layer" "$2" /bin/true' \
		sh "$ROOTLET" "$base" "$w" "$tmp"
	[ "$(cat "$tmp/cover/f")" = mine ] && [ ! -e "$tmp/cover/m" ]
}
in_mounts() {
	if [ "$host_root" ]; then
		unshare -m sh -c "$@"
	else
		unshare -Urm sh -c "$@"
	fi
}
if in_mounts "mount -t tmpfs t '$w' && '$ROOTLET' run '$base' /bin/true" 2>/dev/null; then
	test_ok "a volume over a layered one keeps its files" covered
else
	test_skip "a volume over a layered one keeps its files" "rootlet does not run in a namespace"
fi

# A shared folder in which a directory and a link to / change places all the time.
fresh_share
mkdir "$shared/x" "$tmp/given"
echo given >"$tmp/given/g"
ln -s / "$shared/y"
race() {
	timeout -s KILL 20 "$ROOTLET" run -v "$shared:/v" "$base" /bin/attack swap /v/x /v/y 6000 &
	swapper=$!
	end=$(($(date +%s) + 6)) n=0
	while [ "$n" -lt 60 ] && [ "$(date +%s)" -lt "$end" ]; do
		n=$((n + 1))
		run -v "$shared:/v" -v "$tmp/given:/v/x/in" "$base" /bin/probe ls /v/x/in >>"$tmp/race" 2>&1
		echo "status $?" >>"$tmp/race"
	done
	kill "$swapper"
	wait "$swapper"
	sort "$tmp/race" | uniq -c
	# Seen is what was given, or an error; made were directories in the share or the layer.
	[ ! -e /in ] && [ ! -e "$tmp/given/in" ] && [ "$(ls "$tmp/given")" = g ] &&
		! grep -E '^status ' "$tmp/race" | grep -Eqv ' (0|1|125)$' &&
		! grep -Eqv '^(status|rootlet|hint|g$|/v/x/in)' "$tmp/race"
}
test_ok "exchanging a mount point for a link, 60 starts" spares race

# --- rootlet's own files ---

private() {
	umask 000
	XDG_DATA_HOME=$tmp/open/data run "$base" /bin/true
	printf '{"defaultAction":"SCMP_ACT_ALLOW"}' >"$tmp/profile.json"
	XDG_DATA_HOME=$tmp/open/data run --seccomp "$tmp/profile.json" "$base" /bin/true
	wait_empty "$tmp/open/data/rootlet/scratch"
	[ -d "$tmp/open/data/rootlet/scratch" ] && says_nothing find "$tmp/open" -perm /077
}
test_ok "directories and files are private, whatever the umask" private
widened() {
	chmod 777 "$tmp/open/data/rootlet/scratch"
	XDG_DATA_HOME=$tmp/open/data run "$base" /bin/true
	says_nothing find "$tmp/open/data/rootlet/scratch" -prune -perm /077
}
test_ok "a scratch directory that others may enter is closed" widened
linked_scratch() {
	mkdir -p "$tmp/linked/rootlet" "$w/scratch/precious"
	ln -s "$w/scratch" "$tmp/linked/rootlet/scratch"
	XDG_DATA_HOME=$tmp/linked refused_by run "$base" /bin/true
}
refused_by() {
	spares "$@" >"$tmp/out" 2>&1
	result=$?
	cat "$tmp/out"
	[ "$result" = 0 ] && grep -q '^rootlet: ' "$tmp/out"
}
mkdir -p "$w/scratch/precious"
test_ok "a scratch directory that is a link is refused" linked_scratch
planted_scratch() {
	mkdir -p "$tmp/planted/rootlet/scratch"
	ln -s "$w/scratch" "$tmp/planted/rootlet/scratch/0123456789abcdef"
	mkfifo "$tmp/planted/rootlet/scratch/pipe"
	XDG_DATA_HOME=$tmp/planted run "$base" /bin/true
	XDG_DATA_HOME=$tmp/planted run "$base" /bin/true
	sleep 0.2
}
test_ok "links planted there are not followed" spares planted_scratch
if need plain_ids && "$bait" ids 65534 65534 -- true 2>/dev/null; then
	mkdir "$tmp/theirs" && mkdir -p "$tmp/theirs/rootlet/scratch" && chown -R 65534:65534 "$tmp/theirs"
	foreign_scratch() { XDG_DATA_HOME=$tmp/theirs run "$base" /bin/true; }
	test_ok "a scratch directory of another user is refused" fails_with "belongs to" foreign_scratch
	other_user() {
		chmod 755 "$tmp"
		run -v "$tmp/volume:/v" "$base" /bin/attack all put /suid x + chmod 4755 /suid + put /v/ready x + \
			sleep 700 >/dev/null &
		for _ in $(seq 100); do
			[ -e "$tmp/volume/ready" ] && break
			sleep 0.02
		done
		rm -f "$tmp/volume/ready"
		suid=$(find "$XDG_DATA_HOME/rootlet" -perm -4000 -name suid)
		out=$("$bait" ids 65534 65534 -- "$bait" open r "$XDG_DATA_HOME/rootlet" "$suid")
		wait $!
		chmod 700 "$tmp"
		echo "$suid: $out"
		[ "$suid" ] && [ "$out" = "$XDG_DATA_HOME/rootlet EACCES
$suid EACCES" ]
	}
	test_ok "another user reaches no setuid file of a layer" other_user
	suid_copy() {
		chmod 755 "$tmp"
		cp "$ROOTLET" "$tmp/suid" && chown 0:0 "$tmp/suid" && chmod "$1" "$tmp/suid"
		out=$("$bait" ids 65534 65534 -- timeout -s KILL 5 "$tmp/suid" run --read-only "$base" \
			/bin/probe cat /proc/self/uid_map 2>"$tmp/stderr")
		got=$?
		chmod 700 "$tmp"
		rm "$tmp/suid"
		cat "$tmp/stderr"
		echo "$got $out"
		[ "$got" = 125 ] && [ -z "$out" ]
	}
	chmod -R go+rX "$base"
	test_ok "made setuid, rootlet refuses to work" suid_copy 4755
	test_ok "made setgid, rootlet refuses to work" suid_copy 2755
else
	for what in "a scratch directory of another user is refused" \
		"another user reaches no setuid file of a layer" \
		"made setuid, rootlet refuses to work" "made setgid, rootlet refuses to work"; do
		test_skip "$what" "only root is two users"
	done
fi
no_privilege() {
	find "$ROOTLET" "${ROOTLET_LIBEXEC:-$ROOTLET}" -perm /6000
	getcap -r "$ROOTLET" "${ROOTLET_LIBEXEC:-$ROOTLET}" 2>/dev/null
	:
}
test_ok "no program of rootlet has a privilege" says_nothing no_privilege

# --- the store, seen from a sandbox that shares the home directory ---

home=$tmp/home
fresh_home() {
	wait_empty "$home/.local/share/rootlet/scratch"
	rm -rf "$home"
	mkdir -p "$home"
}
# at_home COMMAND...: with that home directory, and the store in it
at_home() {
	(
		unset XDG_DATA_HOME
		HOME=$home
		export HOME
		cd "$home" && "$@"
	)
}
store=$home/.local/share/rootlet
fresh_home
at_home run "$base" /bin/true
store_is_hidden() {
	out=$(at_home run "$@")
	echo "$out"
	at_home wait_empty "$store/scratch"
	[ ! -e "$store/planted" ] && [ ! -e "$store/scratch/planted" ] && ! echo "$out" | grep -q scratch
}
cp "$testbin/probe" "$testbin/attack" "$home"
test_ok "a shared home directory hides the store" \
	store_is_hidden -v "$home:$home" "$base" /bin/attack put "$store/planted" x
test_ok "--home=share hides the store" \
	store_is_hidden --home=share host "$home/attack" put "$store/planted" x
test_ok "the machine's root hides the store" store_is_hidden host "$home/probe" ls "$store"
test_ok "in another place it is hidden, too" \
	store_is_hidden -v "$home:/h" "$base" /bin/attack put /h/.local/share/rootlet/planted x
test_ok "and cannot be read there" \
	store_is_hidden -v "$home:/h:ro" "$base" /bin/probe ls /h/.local/share/rootlet
test_ok "nor in a layer" \
	store_is_hidden -v "$home:/h:layer" "$base" /bin/probe ls /h/.local/share/rootlet
test_ok "nor through a directory on the way" \
	store_is_hidden -v "$home/.local:/h" "$base" /bin/attack put /h/share/rootlet/planted x
test_ok "nor as itself" store_is_hidden -v "$store:/h" "$base" /bin/attack put /h/planted x
test_ok "nor with the home directory as base" store_is_hidden "$home" /probe ls /.local/share/rootlet
moved() {
	at_home run "$@" rename "$home/.local" "$home/moved" >/dev/null
	[ ! -e "$home/moved" ] && [ -d "$store" ]
}
test_ok "the directories on the way to it cannot be moved" moved -v "$home:$home" "$base" /bin/attack
test_ok "nor with --home=share" moved --home=share host "$home/attack"
planted_store() {
	fresh_home
	mkdir -p "$home/.local/share"
	at_home run --read-only -v "$home:$home" "$base" /bin/attack all mkdir "$store" + \
		mkdir "$store/cache" + put "$store/cache/x" x >/dev/null
	[ ! -e "$store/cache/x" ]
}
test_ok "a store that is not there yet cannot be planted" planted_store
# What a sandbox leaves in the cache must not be loaded as a filter.
believed() {
	fresh_home
	printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}' \
		>"$tmp/deny.json"
	denies() { [ "$(at_home run --seccomp "$tmp/deny.json" "$base" /bin/probe mkdir /tmp/x)" ]; }
	denies || return 1
	cached=$(ls "$store/cache")
	# One instruction: return SECCOMP_RET_ALLOW.
	printf '\006\000\000\000\000\000\377\177' >"$tmp/volume/allow"
	at_home run -v "$home:/h" -v "$tmp/volume:/v" "$base" /bin/attack copy /v/allow \
		"/h/.local/share/rootlet/cache/$cached"
	rm "$tmp/volume/allow"
	denies
}
test_ok "a filter that a sandbox planted is not believed" believed

# --- other programs of this machine ---

# serve WORD...: start the bait in the background; $served is the line that it prints
mkfifo "$tmp/control"
serve() {
	: >"$tmp/served"
	"$bait" "$@" <"$tmp/control" >"$tmp/served" &
	server=$!
	exec 8>"$tmp/control"
	for _ in $(seq 200); do
		[ -s "$tmp/served" ] && break
		sleep 0.02
	done
	served=$(cat "$tmp/served")
}
# At the end of its input it cleans up and ends.
stop_serving() {
	exec 8>&-
	wait "$server"
}

abstract=@rootlet-test.$$
serve listen "$abstract"
test_ok "there is an abstract socket here" prints "$abstract ok" "$bait" connect "$abstract"
test_ok "it does not exist in a sandbox" prints "$abstract ECONNREFUSED" attack connect "$abstract"
if need landlock_scope; then
	test_ok "with --net=host it is out of reach" prints "$abstract EPERM" \
		run --net=host "$base" /bin/attack connect "$abstract"
	test_ok "with --net=host --privileged, too" prints "$abstract EPERM" \
		run --net=host --privileged "$base" /bin/attack connect "$abstract"
	test_ok "no signal reaches PID 1" prints "signal EPERM" attack signal 1
else
	for what in "with --net=host it is out of reach" "with --net=host --privileged, too" \
		"no signal reaches PID 1"; do
		test_skip "$what" "Landlock has no scopes here"
	done
fi
stop_serving

serve listen "$w/socket"
test_ok "there is a socket in a directory here" prints "$w/socket ok" "$bait" connect "$w/socket"
ways_out="$w/socket /run/dbus/system_bus_socket /var/run/docker.sock /run/containerd/containerd.sock
/run/podman/podman.sock /run/user/$(id -u)/bus /run/user/$(id -u)/wayland-0 /run/systemd/private
/run/systemd/notify /tmp/.X11-unix/X0 /run/udev/control /dev/log"
unreachable() {
	# shellcheck disable=SC2086
	all_are 'ENOENT|ECONNREFUSED|EACCES|EPERM|ENOTDIR' run "$@" $ways_out
}
test_ok "no socket of the machine is reached over its root" \
	unreachable -v "$base/bin:/mnt" -w / host /mnt/attack connect
test_ok "nor with its network" unreachable --net=host -v "$base/bin:/mnt" -w / host /mnt/attack connect
test_ok "nor beside a shared directory" unreachable -v "$w/dir:$w/dir" "$base" /bin/attack connect
stop_serving
rm "$w/socket"
pipe_leads_nowhere() {
	mkfifo "$w/pipe"
	exec 7<>"$w/pipe"
	run -w / -v "$base/bin:/mnt" host /mnt/attack open w "$w/pipe" >"$tmp/out"
	exec 7>&-
	rm "$w/pipe"
	cat "$tmp/out"
	grep -qx "$w/pipe ENXIO" "$tmp/out"
}
test_ok "a pipe of the machine leads nowhere" pipe_leads_nowhere

serve listen-tcp
port=$served
test_ok "there is a server on the loopback device" prints "tcp ok" "$bait" tcp 127.0.0.1 "$port"
for address in 127.0.0.1 127.0.0.53 0.0.0.0; do
	test_ok "it is not on $address of a sandbox" prints "tcp ECONNREFUSED" attack tcp $address "$port"
done
for address in 10.0.2.2 169.254.1.1 8.8.8.8; do
	test_ok "there is no way to $address" prints "tcp ENETUNREACH" attack tcp $address "$port"
done
test_ok "with --net=host it is there" prints "tcp ok" \
	run --net=host "$base" /bin/attack tcp 127.0.0.1 "$port"
stop_serving

serve ipc
if [ "$served" = made ]; then
	test_ok "there are shared memory, semaphores and queues" all_are ok "$bait" ipc-find
	test_ok "they do not exist in a sandbox" all_are ENOENT attack ipc-find
	test_ok "nor with --net=host" all_are ENOENT run --net=host "$base" /bin/attack ipc-find
	test_ok "nor over the machine's root" all_are ENOENT \
		run -w / -v "$base/bin:/mnt" host /mnt/attack ipc-find
else
	for what in "there are shared memory, semaphores and queues" "they do not exist in a sandbox" \
		"nor with --net=host" "nor over the machine's root"; do
		test_skip "$what" "no System V IPC here"
	done
fi
stop_serving
shm_file() {
	echo x >"/dev/shm/rootlet-test.$$"
	run -w / -v "$base/bin:/mnt" host /mnt/attack open r "/dev/shm/rootlet-test.$$"
	rm "/dev/shm/rootlet-test.$$"
}
test_ok "nor what is in /dev/shm" all_are ENOENT shm_file

# Two sandboxes of one user, one of which knows the pid of the other.
other_sandbox() {
	rm -f "$tmp/events"
	"$ROOTLET" run --events-fd 3 "$base" /bin/probe sleep 0.4 3>"$tmp/events" &
	other=$!
	for _ in $(seq 100); do
		[ -s "$tmp/events" ] && break
		sleep 0.02
	done
	pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$tmp/events")
	all_are 'ESRCH|EPERM|ENOSYS' attack pid "${pid:-0}"
	result=$?
	wait "$other"
	return "$result"
}
test_ok "one sandbox cannot touch another's process" other_sandbox

# --- ways out of the root ---

test_ok "a directory kept open over chroot leads nowhere" prints "$w/canary ENOENT" attack chroot "$w/canary"
test_ok "nor with --privileged" prints "$w/canary ENOENT" \
	run --privileged "$base" /bin/attack chroot "$w/canary"
hidden_in_proc() {
	# shellcheck disable=SC2046
	all_are 'ENOENT|EACCES|EPERM|ENOTDIR' run "$@" "$base" /bin/attack open r \
		$(for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
			echo "/proc/1/fd/$n$w/canary /proc/1/fd/$n/$up$w/canary"
		done) "/proc/1/root$w/canary" "/proc/1/cwd/$up$w/canary"
}
test_ok "no descriptor of PID 1 leads out" hidden_in_proc
test_ok "nor with --privileged" hidden_in_proc --privileged

# Where there is one id, init acts for the program, with more power than it has.
emulated() { run --idmap=single "$@"; }
answers_itself() { [ "$(emulated "$base" /bin/attack mknod /tmp/n 1 5)" = "only a record ok" ]; }
test_ok "init answers for the program" answers_itself
for caps in CHOWN ALL; do
	test_ok "init cannot be sent out by its own links (--cap-drop $caps)" \
		spares emulated --cap-drop $caps "$base" /bin/attack reach "$w/canary"
done
test_ram "nor with a layer in memory" spares emulated --layer=ram "$base" /bin/attack reach "$w/canary"
test_ok "nor with --privileged" spares emulated --privileged "$base" /bin/attack reach "$w/canary"
test_ok "nor with a descriptor that was passed" spares \
	timeout -s KILL 10 "$bait" hold "$base/etc" 5 -- "$ROOTLET" run --idmap=single --pass-fd 5 \
	"$base" /bin/attack reach "$w/canary"
test_ok "a path that changes while init reads it leads nowhere" \
	spares emulated "$base" /bin/attack flip /tmp/x "/proc/1/root$w/canary" 250
test_ok "nor to a descriptor of init" \
	spares emulated "$base" /bin/attack flip "/proc/self/cwd/x" "/proc/1/fd/4/$up$w/canary" 250
another_root() {
	spares emulated "$base" /bin/attack new-root "$w/canary" >"$tmp/out"
	result=$?
	cat "$tmp/out"
	[ "$result" = 0 ] && [ "$(cat "$tmp/out")" = "inside ok
outside ENOENT" ]
}
test_ok "after chroot init acts in the program's root" another_root
odd_paths() {
	out=$(emulated "$base" /bin/attack odd-paths)
	echo "$out"
	[ "$out" = "null EFAULT
kernel EFAULT
unterminated EFAULT
too long ENAMETOOLONG
longest ok
empty ENOENT
bad descriptor EBADF
negative descriptor EBADF
descriptor as flag EBADF
bad flags EINVAL" ]
}
test_ok "init answers odd paths as the kernel does" odd_paths
test_ok "init survives a flood of questions by dying processes" prints "uid 0 ok" \
	emulated "$base" /bin/attack flood 3 400
volume_read_only() {
	find "$tmp/volume" -printf '%p %m %C@\n' >"$tmp/before2"
	emulated -v "$tmp/volume:/v:ro" "$base" /bin/attack all chown 12 /v/file + chown 12 /v + mknod /v/n 1 5
	find "$tmp/volume" -printf '%p %m %C@\n' | diff "$tmp/before2" -
}
test_ok "init writes nothing to a read-only volume" volume_read_only

# --- odd starts ---

# Refused, or as confined as ever; never a hang.
tab=$(printf '\t')
confined() {
	out=$(timeout -s KILL 5 "$@" 2>"$tmp/stderr")
	got=$?
	cat "$tmp/stderr"
	echo "$got $out"
	[ "$got:$out" = 125: ] || [ "$out" = "NoNewPrivs:${tab}1
Seccomp:${tab}2" ]
}
for fds in 0 1 2 '0 1 2' '0 2'; do
	# shellcheck disable=SC2086
	closed() {
		"$bait" without $fds -- timeout -s KILL 5 "$ROOTLET" run "$base" /bin/probe write /tmp/x /v/x
	}
	closed_stays() {
		closed >"$tmp/out" 2>&1
		got=$?
		cat "$tmp/out"
		[ "$got" = 0 ] || [ "$got" = 125 ] || [ "$got" = 1 ]
	}
	test_ok "closed descriptors: $fds" closed_stays
done
for limit in 7=4 7=6 7=16 9=67108864 1=0 6=1 8=0 3=262144; do
	if have_sanitizer; then
		test_skip "a caller with limit ${limit%=*} at ${limit#*=}" "rootlet is built with a sanitizer"
		continue
	fi
	test_if plain_start "it is started by a script here" "a caller with limit ${limit%=*} at ${limit#*=}" confined "$bait" limit ${limit%=*} ${limit#*=} -- \
		"$ROOTLET" run --read-only "$base" /bin/probe status NoNewPrivs Seccomp:
done
gone() {
	mkdir gone && cd gone && rmdir ../gone
	confined "$ROOTLET" run "$base" /bin/probe status NoNewPrivs Seccomp: || return
	fails_with "current directory is gone" run --here "$base" /bin/true
}
test_if plain_start "it is started by a script here" "a current directory that is gone" gone
test_ok "the machine is as it was" spares true

test_done
