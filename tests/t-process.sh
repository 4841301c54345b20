# the process inside: directory, environment, user, limits, descriptors; events; rootlet spec
# shellcheck shell=sh disable=SC2016,SC2317 # quotes are for the inner shell; helpers are called by test_ok
. "${srcdir:-.}/tests/lib.sh"
make_base
cp "$testbin/payload" "$base/bin/payload"
need userns overlay || skip_all "no overlay in user namespaces here"

run() { timeout 30 "$ROOTLET" run "$@"; }
export ROOTLET base

# repeat N CHARACTER
repeat() { head -c "$1" /dev/zero | tr '\0' "$2"; }

# valid_json FILE: every line of it is JSON.
valid_json() {
	[ -s "$1" ] && while IFS= read -r line; do
		printf '%s\n' "$line" | python3 -m json.tool >/dev/null || return
	done <"$1"
}

# --- the directory ---

test_ok "-w starts there" prints /etc run -w /etc "$base" probe cwd
test_ok "-w makes what is missing" prints /a/b/c run -w /a/b/c "$base" probe cwd
test_ok "with the usual mode" prints '/a/b 40755 0 0 40' run -w /a/b --tmpfs /a "$base" probe stat /a/b
test_ok "also in a --read-only base" prints /a/b run --read-only -w /a/b "$base" probe cwd
test_ok "the base does not get it" [ ! -e "$base/a" ]
test_ok "dots in -w are resolved as text" prints /a/c run -w /a/b/.././/c/ "$base" probe cwd
test_ok "-w may have any bytes" prints '/a b
c:,\"' run -w '/a b
c:,\"' "$base" probe cwd
test_ok "-w /" prints / run -w / "$base" probe cwd
test_ok "-w / over the machine itself" prints / run -w / host pwd
test_ok "the last -w counts" prints /tmp run -w /etc --workdir=/tmp "$base" probe cwd
test_ok "a relative -w is refused" fails_with "'etc'" run -w etc "$base" true
test_ok "an empty -w is refused" fails_with "--workdir" run -w '' "$base" true
test_ok "-w on a file is an error that names it" fails_with "/etc/passwd" run -w /etc/passwd "$base" true
ln -s /etc "$base/link"
test_ok "a link inside the base is followed" prints /etc run -w /link "$base" probe cwd

# A directory of the host behind a descriptor must not become the current one (CVE-2024-21626).
mkdir -p host/dir && echo secret >host/canary
# cwd_inside DIR [OPTION...]: refused, or inside.
cwd_inside() {
	dir=$1
	shift
	out=$("$testbin/payload" hold host/dir 3 20 timeout 30 "$ROOTLET" run "$@" -w "$dir" "$base" payload climb 2>"$tmp/stderr")
	status=$?
	cat "$tmp/stderr"
	echo "$out"
	[ "$status:$out" = 125: ] || [ "$status:$out" = 0:inside ]
}
test_ok "the test itself sees a canary" prints canary sh -c 'cd host/dir && "$1" climb' sh "$testbin/payload"
for n in $(seq 3 20); do
	test_ok "-w /proc/self/fd/$n is refused or inside" cwd_inside "/proc/self/fd/$n"
done
for dir in /proc/self/cwd /proc/self/root /proc/1/cwd /proc/1/root /proc/1/root/host /proc/thread-self/cwd \
	/dev/fd/7 /proc/self/fd/7/../.. /fd /fd/..; do
	ln -sf /proc/self/fd/7 "$base/fd"
	test_ok "-w $dir is refused or inside" cwd_inside $dir
	test_ok "-w $dir with --init=no is refused or inside" cwd_inside $dir --init=no
done
rm "$base/fd" "$base/link"

# --- the environment ---

# env_of OPTION...: what the base's defaults do not have.
env_of() { run "$@" "$base" probe env | grep -Ev '^(PATH|HOME|HOSTNAME)='; }
names_of() { run "$@" "$base" probe env | cut -d= -f1; }
test_ok "-e K=V" prints 'A=1' env_of -e A=1
test_ok "-e K passes the caller's" prints 'FROM_CALLER=x y' env FROM_CALLER='x y' sh -c \
	'"$ROOTLET" run -e FROM_CALLER "$base" probe env | grep -v ^[HP]'
test_ok "-e K of what is not set sets nothing" prints 'PATH
HOME
HOSTNAME' names_of -e NOT_SET_HERE
test_ok "nothing else of the caller's comes in" prints '0 1' env SECRET=hunter2 sh -c \
	'"$ROOTLET" run "$base" probe env >out; echo $(grep -c SECRET out) $(grep -c ^PATH= out)'
test_ok "not even over the machine itself" prints '0 1' env SECRET=hunter2 sh -c \
	'"$ROOTLET" run host env >out; echo $(grep -c SECRET out) $(grep -c ^PATH= out)'
test_ok "the last of two counts" prints 'A=2' env_of -e A=1 -e A=2
test_ok "-e K= is an empty value" prints 'A=' env_of -e A=
test_ok "a value may have anything" prints 'A=a=b $HOME "\
x' env_of -e 'A=a=b $HOME "\
x'
test_ok "-e replaces a default" prints 'HOME=/elsewhere' sh -c '"$ROOTLET" run -e HOME=/elsewhere "$base" probe env | grep HOME='
test_ok "-e PATH decides where the command is looked for" status 127 run -e PATH=/etc "$base" probe env
test_ok "-e =V is refused" fails_with "'=V'" run -e =V "$base" true
test_ok "-e '' is refused" fails_with "--env" run -e '' "$base" true

printf '# comment\nA=1\n\n  # another\nFROM_CALLER\n \tB=two words # not a comment\nNOT_SET_HERE\nC=\nQ="quoted"\nD=a=b' >vars
test_ok "--env-file" prints 'A=1
FROM_CALLER=c
B=two words # not a comment
C=
Q="quoted"
D=a=b' env FROM_CALLER=c sh -c '"$ROOTLET" run --env-file vars "$base" probe env | tail -n +4'
test_ok "-e wins over --env-file, wherever it stands" prints 'A=3' sh -c '"$ROOTLET" run -e A=3 --env-file vars "$base" probe env | grep ^A='
printf 'A=2\nA=9\n' >vars2
test_ok "the last of two files counts" prints 'A=9' sh -c '"$ROOTLET" run --env-file vars --env-file vars2 "$base" probe env | grep ^A='
printf 'A=1\r\nB=2\r\n' >crlf
test_ok "a carriage return is part of the value" prints "$(printf 'A=1\r\nB=2\r')" env_of --env-file crlf
printf 'A=1\n# c\n\n=bad\nB=2\n' >bad
test_ok "a bad line is an error with its number" fails_with "bad: line 4" run --env-file bad "$base" true
printf 'A=1\000\n' >nul
test_ok "a NUL byte is an error" fails_with "nul" run --env-file nul "$base" true
: >empty
test_ok "an empty file is one" prints 'PATH
HOME
HOSTNAME' names_of --env-file empty
test_ok "a missing file is an error" fails_with "missing: No such file" run --env-file missing "$base" true
test_ok "a directory is an error" fails_with "--env-file ." run --env-file . "$base" true
mkfifo pipe
test_ok "a fifo is an error, and not waited for" fails_with "--env-file pipe" run --env-file pipe "$base" true
rm pipe
truncate -s 5M large
test_ok "a file of 5 MiB is an error" fails_with "--env-file large" run --env-file large "$base" true
rm large
if need user; then
	: >closed && chmod 0 closed
	test_ok "a file that may not be read is an error" fails_with "closed: Permission denied" run --env-file closed "$base" true
else
	test_skip "a file that may not be read is an error" "root reads everything"
fi

big=$(repeat 100000 a)
test_ok "an argument of 100 KB arrives" prints "100000 $((100000 + $(run "$base" payload size | cut -d' ' -f2) + 2))" \
	run -e "E=$big" "$base" payload size "$big"
kilo=$(repeat 1000 e)
many_words() {
	set --
	for i in $(seq 100); do set -- -e "E$i=$kilo" "$@" "$kilo"; done
	# The options end where the words of the command begin.
	for i in $(seq 200); do
		set -- "$@" "$1"
		shift
	done
	set -- "$@" "$base" payload size
	for i in $(seq 100); do
		set -- "$@" "$1"
		shift
	done
	out=$(run "$@")
	echo "$out"
	[ "${out%% *}" = 100000 ] && [ "${out#* }" -gt 100000 ]
}
test_ok "so do a hundred of 1 KB, and as many variables" many_words
long_file() {
	for i in $(seq 100); do echo "E$i=$kilo"; done >longenv
	out=$(run --env-file longenv "$base" payload size)
	echo "$out"
	[ "${out#* }" -gt 100000 ]
}
test_ok "100 KB from --env-file arrive" long_file

# --- the user ---

# ids_of USER: uid, effective uid, gid, effective gid.
ids_of() {
	out=$(run -u "$@" "$base" probe ids) && echo "${out%%:*}"
}
test_ok "-u by name" prints '1000 1000 1000 1000' ids_of user
test_ok "-u by number" prints '1000 1000 1000 1000' ids_of 1000
test_ok "-u by a number that the base does not know" prints '4711 4711 0 0' ids_of 4711
test_ok "-u with a group by name" prints '1000 1000 1001 1001' ids_of user:extra
test_ok "-u with a group by number" prints '1000 1000 5 5' ids_of user:5
test_ok "-u 1:1" prints '1 1 1 1' ids_of 1:1
test_ok "-u 1 is user 1" prints '1 1 0 0' ids_of 1
test_ok "-u 01 is user 1" prints '1 1 0 0' ids_of 01
test_ok "-u 0 is root" prints '0 0 0 0' ids_of 0
test_ok "-u with --init=no" prints '5 5 6 6' ids_of 5:6 --init=no
groups_of() {
	out=$(run --idmap="$idmap" -u "$@" "$base" probe ids) && echo "${out#*:}"
}
if have_root; then idmap=root; else idmap=range; fi
if have_root || need subids; then
	test_ok "-u by name has the user's supplementary groups" prints ' 1001' groups_of user
	test_ok "-u by number as well" prints ' 1001' groups_of 1000
	test_ok "-u with a group has none" prints '' groups_of user:user
	test_ok "without -u there are none" prints '0 0 0 0:' run --idmap=$idmap "$base" probe ids
else
	for name in "-u by name has the user's supplementary groups" "-u by number as well" \
		"-u with a group has none" "without -u there are none"; do
		test_skip "$name" "a single id"
	done
fi
cp "$base/etc/passwd" passwd.good
cp "$base/etc/group" group.good
for user in '+1' '1 ' ' 1' 0x1 -1 4294967296 4294967296:4294967296 4294967295 18446744073709551616 \
	user: :5 : '' nobody-of-this-name user:nogroup user:4294967296 1:-1 1:1:1 ROOT 1,0 'root
'; do
	printable=$(printf %s "$user" | tr '\n' '?')
	test_ok "-u '$printable' is refused" fails_with "--user '" run -u "$user" "$base" probe ids
	# The same where the base calls its root so.
	cp passwd.good "$base/etc/passwd"
	cp group.good "$base/etc/group"
	printf '%s:x:0:0:::\n' "$user" >>"$base/etc/passwd"
	printf '%s:x:0:\n%s:x:0:\n' "${user#*:}" "$user" >>"$base/etc/group"
	case $user in
	+1 | '1 ' | ' 1' | 0x1 | -1 | 42949* | 1844* | user: | :* | '')
		test_ok "-u '$printable' is refused where the base calls its root so" fails_with "--user '" run -u "$user" "$base" probe ids
		;;
	esac
done
echo '1000:x:0:0:::' >"$base/etc/passwd"
echo '1000:x:0:' >"$base/etc/group"
test_ok "a number is never looked up as a name" prints '1000 1000 1000 1000' ids_of 1000:1000
cp group.good "$base/etc/group"
rm "$base/etc/passwd"
test_ok "a base without passwd: a number works" prints '5 5 6 6' ids_of 5:6
test_ok "a base without passwd: a name does not" fails_with "'user'" run -u user "$base" true
mkfifo "$base/etc/passwd"
test_ok "a fifo as passwd is not waited for" fails_with "'user'" run -u user "$base" true
rm "$base/etc/passwd"
mkdir "$base/etc/passwd"
test_ok "a directory as passwd is none" fails_with "'user'" run -u user "$base" true
rmdir "$base/etc/passwd"
echo 'outside:x:7:7:::' >host/passwd
for link in "$PWD/host/passwd" "../../../../../../..$PWD/host/passwd" /proc/self/fd/0 /dev/stdin; do
	ln -sf "$link" "$base/etc/passwd"
	test_ok "a passwd that leads out of the base is not read: ${link##*work/}" fails_with "'outside'" \
		sh -c 'timeout 30 "$ROOTLET" run -u outside "$base" true <host/passwd'
done
rm "$base/etc/passwd"
{ seq 500000 | sed 's/.*/u&:x:&:&:::/' && echo 'last:x:7:8::/l:'; } >"$base/etc/passwd"
test_ok "a passwd of 500000 lines is too large, or read" sh -c '
	out=$(timeout 10 "$ROOTLET" run -u last "$base" probe ids); status=$?
	echo "$status $out"; [ $status = 125 ] || [ "${out%%:*}" = "7 7 8 8" ]'
{ cat passwd.good && printf 'fd:x:5:5::/proc/self/fd/9:\nrel:x:6:6::-x:\n'; } >"$base/etc/passwd"
home_of() { run -u "$1" "$base" probe env | grep ^HOME=; }
test_ok "HOME is that of passwd" prints 'HOME=/home/user' home_of user
test_ok "HOME is / where none is known" prints 'HOME=/' home_of 4711
test_ok "HOME is a text, whatever it names" prints 'HOME=/proc/self/fd/9' home_of fd
test_ok "a relative HOME is none" prints 'HOME=/' home_of rel
cp passwd.good "$base/etc/passwd"
if need subids; then
	test_ok "an id outside of the map is an error" fails_with "70000" run --idmap=range -u 70000 "$base" true
	test_ok "so is a group" fails_with "70000" run --idmap=range -u 1:70000 "$base" true
else
	test_skip "an id outside of the map is an error" "no subordinate ids"
	test_skip "so is a group" "no subordinate ids"
fi
test_ok "with a single id it is the one that is asked for" prints '70000 70000 80000 80000' ids_of 70000:80000 --idmap=single

# --- name, entry point ---

test_ok "--hostname sets the variable, too" prints 'HOSTNAME=box' sh -c '"$ROOTLET" run --hostname box "$base" probe env | grep HOSTNAME'
test_ok "-h is --hostname" prints box run -h box "$base" probe cat /proc/sys/kernel/hostname
name=$(repeat 64 n)
test_ok "a host name of 64 bytes" prints "$name" run -h "$name" "$base" probe cat /proc/sys/kernel/hostname
test_ok "one of 65 bytes is an error" fails_with "64 bytes" run -h "n$name" "$base" true
test_ok "over the machine itself the name stays" prints "$(cat /proc/sys/kernel/hostname)" run host cat /proc/sys/kernel/hostname
test_ok "--entrypoint stands before the command" prints '<a>
<b>' run --entrypoint probe "$base" args a b
test_ok "--entrypoint without a command" run --entrypoint /bin/true "$base"
test_ok "an empty --entrypoint is none" prints '<a>' run --entrypoint '' "$base" probe args a
test_ok "a missing --entrypoint gives 127" status 127 run --entrypoint /nothing "$base" true
test_ok "an empty command is an error" fails_with "empty" run "$base" ''

# --- limits ---

# The numbers of RLIMIT_FSIZE, _STACK, _CORE, _NOFILE.
fsize=1 stack=3 core=4 nofile=7
test_if descriptors "the limit is lower here" "--ulimit" prints '100 100' run --ulimit nofile=100 "$base" probe limit $nofile
test_if descriptors "the limit is lower here" "--ulimit with soft and hard limit" prints '64 100' run --ulimit nofile=64:100 "$base" probe limit $nofile
test_ok "--ulimit of zero" prints '0 0' run --ulimit fsize=0 "$base" probe limit $fsize
test_ok "the last of two counts" prints '50 50' run --ulimit nofile=60 --ulimit nofile=50 "$base" probe limit $nofile
test_ok "there are no core dumps" prints '0 0' run "$base" probe limit $core
if "$testbin/probe" limit $stack | grep -q ' -1$'; then
	test_ok "unlimited" prints '-1 -1' run --ulimit stack=unlimited "$base" probe limit $stack
	test_ok "-1 is unlimited" prints '65536 -1' run --ulimit stack=65536:-1 "$base" probe limit $stack
else
	test_skip "unlimited" "the stack is limited here"
	test_skip "-1 is unlimited" "the stack is limited here"
fi
test_ok "a limit of three descriptors is enough for a start" prints '3 3' run --ulimit nofile=3 "$base" probe limit $nofile
test_ok "also with --init=no" prints '3 3' run --init=no --ulimit nofile=3 "$base" probe limit $nofile
test_ok "a limit that cannot be set is an error that names it" fails_with "nofile" run --ulimit nofile=9000000000 "$base" true
for limit in nofile nofile= nofile=a =5 nonsense=1 nofile=2:1 nofile=1:2:3 nofile=-2 nofile=1:x nofile=18446744073709551615 'nofile=1 ' '' =; do
	test_ok "--ulimit '$limit' is refused" fails_with "ulimit '$limit'" run --ulimit "$limit" "$base" true
done

# --- umask ---

test_ok "the umask is 022" prints 0022 run "$base" probe umask
test_ok "whatever the caller's is" prints 0022 sh -c 'umask 077; "$ROOTLET" run "$base" probe umask'
test_ok "--umask" prints 0077 run --umask 077 "$base" probe umask
test_ok "--umask of zero" prints 0000 run --umask 0 "$base" probe umask
for mask in 8 1000 -1 0x7 '' 0o77 99999999999999999999; do
	test_ok "--umask '$mask' is refused" fails_with "--umask" run --umask "$mask" "$base" true
done

# --- init ---

pid_of() { run "$@" "$base" probe status Pid: | tr -d '\t'; }
test_ok "the program is not PID 1" prints 'Pid:2' pid_of
test_ok "--init=yes is the default" prints 'Pid:2' pid_of --init=yes
test_ok "with --init=no it is" prints 'Pid:1' pid_of --init=no
test_ok "--init=no: the exit status is the program's" status 7 run --init=no "$base" probe exit 7
test_ok "--init=no: 127 for a program that is not there" status 127 run --init=no "$base" nothing
test_ok "--init=no: only descriptors 0, 1, 2 are open" prints '0 1 2 ' run --init=no "$base" probe fds
test_ok "--init=maybe is refused" fails_with "'maybe'" run --init=maybe "$base" true

# The limit of an --env-file is 4 MiB.
repeat 4194304 '#' >long.env
test_ok "a long --env-file" run --env-file long.env "$base" true
repeat 4194305 '#' >long.env
test_ok "one that is longer than its limit is refused" fails_with "larger than" run --env-file long.env "$base" true
repeat 6000000 '#' >long.env
test_ok "also one that is much longer" fails_with "larger than" run --env-file long.env "$base" true

# --- descriptors ---

echo text >text
test_ok "--pass-fd lets one through, and no other" prints '0 1 2 7 ' "$testbin/payload" hold text 3 20 "$ROOTLET" run --pass-fd 7 "$base" probe fds
test_ok "more than one" prints '0 1 2 3 4 5 20 ' "$testbin/payload" hold text 3 20 \
	"$ROOTLET" run --pass-fd 20 --pass-fd 4 --pass-fd 3 --pass-fd 5 --pass-fd 4 "$base" probe fds
test_ok "a large number" prints '0 1 2 900 ' "$testbin/payload" hold text 890 910 "$ROOTLET" run --pass-fd 900 "$base" probe fds
test_ok "with --init=no" prints '0 1 2 7 ' "$testbin/payload" hold text 3 20 "$ROOTLET" run --init=no --pass-fd 7 "$base" probe fds
test_ok "what is behind it can be read" prints text "$testbin/payload" hold text 3 9 "$ROOTLET" run --pass-fd 5 "$base" payload hear 5
written() {
	run --pass-fd 7 "$base" payload say 7 "through" 7>out && [ "$(cat out)" = through ]
}
test_ok "and written" written
test_if descriptors "the limit is lower here" "none of the caller's come in by themselves" prints '0 1 2 ' "$testbin/payload" hold host/dir 3 400 "$ROOTLET" run "$base" probe fds
test_ok "one that is not open is an error" fails_with "descriptor 9 is not open" run --pass-fd 9 "$base" true
for n in -1 x '' 65536 4294967299 3.5; do
	test_ok "--pass-fd '$n' is refused" fails_with "--pass-fd" run --pass-fd "$n" "$base" true
done
# hangup OPTION...: the reader of a passed pipe sees its end when the program closes it, and not later.
hangup() {
	rm -f pipe stdin log
	mkfifo pipe stdin
	"$testbin/payload" ends 0 <pipe >ended &
	reader=$!
	# Not below timeout, which would hold the pipe itself.
	"$ROOTLET" run --pass-fd 7 "$@" "$base" payload hangup 7 7>pipe <stdin >log &
	pid=$!
	exec 8>stdin
	wait_line log closed
	wait "$reader"
	exec 8>&-
	wait "$pid" && prints end cat ended
}
test_ok "a passed pipe is at its end when the program closes it" hangup
test_ok "with --init=no as well" hangup --init=no

# --- events ---

events() {
	run --events-fd 3 "$@" 3>events
	status=$?
	cat events
}
events_ok() {
	events "$base" probe exit 7
	[ "$status" = 7 ] && [ "$(wc -l <events)" = 2 ] && [ "$(sed -n 2p events)" = '{"event":"exited","status":7}' ] &&
		sed -n 1p events | grep -q '^{"event":"started","pid":[1-9][0-9]*}$'
}
events_signal() {
	events "$base" probe raise 9
	[ "$status" = 137 ] && [ "$(sed -n 2p events)" = '{"event":"exited","status":137,"signal":9}' ]
}
events_pid() {
	rm -f stdin
	mkfifo stdin
	timeout 30 "$ROOTLET" run --events-fd 3 "$@" "$base" payload hear 0 3>events <stdin &
	launcher=$!
	exec 8>stdin
	for _ in $(seq 100); do
		[ -s events ] && break
		sleep 0.05
	done
	inside=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' events)
	grep -q '^NSpid:.*[[:blank:]][12]$' "/proc/$inside/status"
	found=$?
	exec 8>&-
	wait "$launcher" && return "$found"
}
events_missing() {
	events "$base" nothing
	[ "$status" = 127 ] && grep -q '"event":"exited","status":127' events
}
events_timeout() {
	events --timeout 200ms "$base" probe sleep 5
	[ "$status" = 124 ] && grep -q '"event":"exited","status":124' events
}
test_ok "--events-fd tells of start and end" events_ok
test_ok "of a signal" events_signal
test_ok "of a program that is not there" events_missing
test_ok "of a time that is over" events_timeout
test_ok "the pid is that of the program, as seen from outside" events_pid
# A group of our own with little memory, cgroup v1; the kernel's answer to a program that wants more.
memory_group=/sys/fs/cgroup/memory/rootlet-test.$$
have_memory_group() {
	have_root && mkdir "$memory_group" 2>/dev/null &&
		echo 67108864 2>/dev/null >"$memory_group/memory.limit_in_bytes"
}
killed_for_memory() {
	sh -c 'echo $$ >"$1/cgroup.procs" && exec "$ROOTLET" run --timeout 30 --events-fd 3 host tail /dev/zero' \
		sh "$memory_group" 3>events
	got=$?
	cat events
	[ "$got" = 137 ] && grep -q '"signal":9,"oom":true' events
}
if have_memory_group; then
	test_ok "a program that is killed for want of memory is told apart" killed_for_memory
	for _ in $(seq 50); do
		rmdir "$memory_group" 2>/dev/null && break
		sleep 0.1
	done
else
	rmdir "$memory_group" 2>/dev/null
	test_skip "a program that is killed for want of memory is told apart" "no memory group to be had"
fi
test_ok "with --init=no as well" events_pid --init=no
if need python3; then
	for command in "probe exit 7" "probe raise 9" "nothing"; do
		# shellcheck disable=SC2086
		events_json() {
			events "$base" $command
			valid_json events
		}
		test_ok "each line is JSON: $command" events_json
	done
else
	test_skip "each line is JSON" "no python3"
fi
test_ok "the program does not get the descriptor" prints '0 1 2 ' sh -c '"$ROOTLET" run --events-fd 3 "$base" probe fds 3>events'
reader_gone() {
	mkfifo gone
	true <gone &
	{ wait && run --events-fd 3 "$base" probe sleep 0.3; } 3>gone
}
test_ok "a reader that has gone changes nothing" reader_gone
events_full() { run --events-fd 3 "$base" probe exit 7 3>/dev/full; }
test_ok "nor does a full disk" status 7 events_full
test_ok "--events-fd on one that is not open is an error" fails_with "--events-fd 9" run --events-fd 9 "$base" true
for n in -1 x '' 65536 4294967299; do
	test_ok "--events-fd '$n' is refused" fails_with "--events-fd" run --events-fd "$n" "$base" true
done

# --- time ---

test_ok "--timeout ends a program that takes longer" status 124 run --timeout 200ms "$base" probe sleep 10
test_ok "it does nothing to one that does not" status 7 run --timeout 20s "$base" probe exit 7
for time in 10 10s 5m 1h 1000000h 5000ms; do
	test_ok "--timeout $time" status 7 run --timeout $time "$base" probe exit 7
done
for time in 0 0s '' -1 1.5s 1d '1 s' s x 99999999999999999999h 5124095576030432h; do
	test_ok "--timeout '$time' is refused" fails_with "--timeout" run --timeout "$time" "$base" true
done

# --- rootlet spec ---

if need python3; then
	spec() { "$ROOTLET" spec run "$@" >spec.json && python3 -m json.tool <spec.json >/dev/null; }
	# spec_says EXPRESSION OPTION...: EXPRESSION over the spec s is true.
	spec_says() {
		expression=$1
		shift
		spec "$@" || return
		python3 -c 'import json, sys; s = json.load(open("spec.json")); sys.exit(not eval(sys.argv[1]))' "$expression" && return
		cat spec.json
		return 1
	}
	test_ok "rootlet spec run prints JSON" spec "$base" probe
	test_ok "with the words of the command" spec_says 's["process"]["argv"] == ["a", "", "b\nc", "\"\\\x1b", "é"]' \
		"$base" -- a '' 'b
c' "$(printf '"\\\033')" é
	test_ok "with words that are no UTF-8" spec "$base" "$(printf 'a\377\300\200')" -- "$(printf '\355\240\200')"
	test_ok "with directory, user, umask" spec_says \
		'(s["process"]["cwd"], s["process"]["uid"], s["process"]["gid"], s["process"]["umask"]) == ("/a", 5, 6, 63)' \
		-w /a -u 5:6 --umask 077 "$base" x
	test_ok "with mounts in their order" spec_says \
		'[m["dst"] for m in s["root"]["mounts"] if m["dst"] in ["/", "/x", "/x/y"]] == ["/", "/x", "/x/y"]' \
		-v "$PWD:/x/y:ro" -v "$PWD:/x" "$base" x
	test_ok "with the network namespace, or without it" spec_says '"net" in s["identity"]["namespaces"]' "$base" x
	test_ok "--net=host has none" spec_says '"net" not in s["identity"]["namespaces"]' --net=host "$base" x
	test_ok "of the machine itself" spec host x
	test_ok "with limits" spec_says '{"resource": 7, "soft": 5, "hard": 6} in s["confinement"]["rlimits"]' --ulimit nofile=5:6 "$base" x
	starts_nothing() {
		rm -rf "$XDG_DATA_HOME/rootlet" made
		spec -v "$PWD:/x" --events-fd 3 "$base" probe write /x/made 3>events || return
		[ ! -e made ] && [ ! -s events ] && [ ! -e "$XDG_DATA_HOME/rootlet" ]
	}
	test_ok "it starts nothing and makes nothing" starts_nothing
else
	test_skip "rootlet spec run prints JSON" "no python3"
fi
test_ok "rootlet spec run fails as run does" fails_with "nowhere/" "$ROOTLET" spec run nowhere/ x
test_ok "rootlet spec run without a base" fails_with "no base" "$ROOTLET" spec run
test_ok "rootlet spec of something else" fails_with "'walk'" "$ROOTLET" spec walk host
test_ok "rootlet spec run needs room for its output" fails_with "JSON" sh -c '"$ROOTLET" spec run host true >/dev/full'

test_ok "no layer is left" wait_empty "$XDG_DATA_HOME/rootlet/scratch"
test_done
