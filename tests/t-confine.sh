# what a program in a sandbox may do: privileges, system calls, devices, limits, read-only shares
# shellcheck shell=sh disable=SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
cp "$testbin/attack" "$base/bin/attack"

run() { timeout -s KILL 10 "$ROOTLET" run "$@"; }
probe() { run "$base" /bin/probe "$@"; }
attack() { run "$base" /bin/attack "$@"; }

# One id in the map, so that init answers for the kernel; root of the machine, not of a namespace.
is_single() { probe cat /proc/self/uid_map | awk '{ n += $3 } END { exit n != 1 }'; }
single='' host_root=''
is_single && single=yes
have_host_root && host_root=yes

says_nothing() {
	out=$("$@") || return 1
	echo "$out"
	[ -z "$out" ]
}
has_line() {
	want=$1
	shift
	out=$("$@")
	echo "$out"
	printf '%s\n' "$out" | grep -qxF -e "$want"
}
tab=$(printf '\t')

# --- privileges ---

default_caps=00000000a80425fb none=0000000000000000
test_ok "the capabilities are the usual set of containers" \
	has_line "CapEff:$tab$default_caps" probe status Cap
test_ok "none is inheritable" has_line "CapInh:$tab$none" probe status Cap
test_ok "none is ambient" has_line "CapAmb:$tab$none" probe status Cap
no_caps() {
	out=$(run "$@" "$base" /bin/probe status CapInh CapPrm CapEff CapAmb)
	echo "$out"
	[ "$(echo "$out" | grep -c "$none")" = 4 ]
}
test_ok "--cap-drop ALL leaves none" no_caps --cap-drop ALL
test_ok "a user other than root has none" no_caps -u 1000
test_ok "a user other than root has none with --privileged" no_caps -u 1000 --privileged
test_ok "a user other than root has none with --new-privs=yes" no_caps -u 1000 --new-privs=yes
test_ok "--cap-drop ALL --cap-add leaves the one" has_line "CapEff:${tab}0000000000001000" \
	run --cap-drop ALL --cap-add NET_ADMIN "$base" /bin/probe status Cap
test_ok "--cap-drop takes a single one away" has_line "CapEff:${tab}00000000a80405fb" \
	run --cap-drop NET_RAW "$base" /bin/probe status Cap
test_ok "a name that is no capability is refused" fails_with "NET_ADMINN" \
	run --cap-add NET_ADMINN "$base" /bin/true
test_ok "with --new-privs=yes the bounding set is as small" has_line "CapBnd:$tab$default_caps" \
	run --new-privs=yes "$base" /bin/probe status Cap
test_ok "capabilities cannot be got back" all_are EPERM attack caps-raise
test_ok "no_new_privs is set" has_line "NoNewPrivs:${tab}1" probe status NoNewPrivs
test_if new_privs "it is set outside" "--new-privs=yes does not set it" has_line "NoNewPrivs:${tab}0" \
	run --new-privs=yes "$base" /bin/probe status NoNewPrivs
test_ok "a system call filter is active" has_line "Seccomp:${tab}2" probe status Seccomp:
test_if no_filter "there is one around this" "--privileged has no filter" has_line "Seccomp:${tab}0" \
	run --privileged --init=no "$base" /bin/probe status Seccomp:
test_ok "--privileged can make namespaces" prints "userns ok" \
	run --privileged "$base" /bin/attack userns

own_namespaces() {
	for ns in user mnt pid ipc uts cgroup net; do
		readlink "/proc/self/ns/$ns"
	done >"$tmp/outside"
	run "$@" "$base" /bin/attack ns >"$tmp/inside"
	cat "$tmp/inside"
	[ "$(wc -l <"$tmp/inside")" = 7 ] && ! grep -qxF -f "$tmp/outside" "$tmp/inside"
}
test_ok "all namespaces are new" own_namespaces
test_ok "all namespaces are new with --privileged" own_namespaces --privileged

cp "$testbin/attack" "$base/bin/setuid" && chmod 4755 "$base/bin/setuid"
mkdir "$tmp/volume" && cp "$testbin/attack" "$tmp/volume/setuid" && chmod 4755 "$tmp/volume/setuid"
test_ok "a setuid program of the base gains nothing" prints "1000 1000" \
	run -u 1000 "$base" /bin/setuid euid
test_ok "a setuid program in a volume gains nothing" prints "1000 1000" \
	run -u 1000 -v "$tmp/volume:/v" "$base" /v/setuid euid
if [ "$single" ]; then
	test_skip "with --new-privs=yes that of the base works" "there is one user id"
else
	test_ok "with --new-privs=yes that of the base works" prints "1000 0" \
		run -u 1000 --new-privs=yes "$base" /bin/setuid euid
fi
test_ok "with --new-privs=yes that in a volume gains nothing" prints "1000 1000" \
	run -u 1000 --new-privs=yes -v "$tmp/volume:/v" "$base" /v/setuid euid
rm "$base/bin/setuid" "$tmp/volume/setuid"

no_groups() {
	groups=$("$@" "$ROOTLET" run --read-only "$base" /bin/probe ids)
	echo "$groups"
	[ "$groups" = "0 0 0 0:" ]
}
if need plain_ids && "$testbin/attack" ids 0 0 4 24 1000 -- true 2>/dev/null; then
	test_ok "the caller's supplementary groups are dropped" \
		no_groups "$testbin/attack" ids 0 0 4 24 1000 --
else
	test_skip "the caller's supplementary groups are dropped" "only root can take some"
fi
if [ "$single" ]; then
	test_if plain_ids "a sandbox around this answers for ids" \
		"groups cannot be dropped in a map of one id" all_are EPERM run --init=no "$base" /bin/attack setgroups
else
	test_ok "groups cannot be dropped in a map of one id" all_are EPERM \
		run --idmap=single --init=no "$base" /bin/attack setgroups
fi
umask_is_ours() {
	umask 000
	prints 0022 probe umask
}
test_ok "the caller's umask does not matter" umask_is_ours

# --- system calls ---

test_ok "no new namespaces" all_are 'EPERM|ENOSYS' attack namespaces
test_ok "clone3 answers ENOSYS, so that the C library takes clone" has_line "clone3 ENOSYS" \
	attack namespaces
test_ok "a user other than root gets no new namespaces" all_are 'EPERM|ENOSYS' \
	run -u 1000 "$base" /bin/attack namespaces
test_ok "the calls of administrators and debuggers are refused" all_are 'EPERM|ENOSYS' \
	attack refused
test_ok "they are refused without init" all_are 'EPERM|ENOSYS' \
	run --init=no "$base" /bin/attack refused
cap_opens() {
	out=$(run --cap-add SYS_ADMIN "$base" /bin/attack refused | grep -c -e '^fsopen EFAULT' -e '^keyctl EPERM')
	[ "$out" = 2 ]
}
test_ok "--cap-add opens the calls that take it, and no keyrings" cap_opens
test_ok "numbers that nobody knows answer ENOSYS" all_are ENOSYS attack numbers 470 480
test_ok "numbers far beyond answer ENOSYS" all_are ENOSYS attack numbers 1000 1003
test_ok "AF_VSOCK does not exist" all_are 'EAFNOSUPPORT|EFAULT' attack vsock
if [ "$(uname -m)" = x86_64 ]; then
	test_ok "32-bit calls are filtered alike" all_are 'EPERM|ENOSYS|EAFNOSUPPORT' attack int80
	test_ok "x32 calls do not exist" all_are ENOSYS attack x32
else
	test_skip "32-bit calls are filtered alike" "not on this architecture"
	test_skip "x32 calls do not exist" "not on this architecture"
fi
test_ok "a program in a memfd can be executed" prints "<from memory>" attack memfd /bin/probe
test_ok "with --seccomp=unconfined nothing masked is uncovered from a namespace below" \
	prints tried run --seccomp=unconfined "$base" /bin/attack peel

session_key() {
	"$testbin/attack" key rootlet-test secret -- "$@"
}
if [ "$(session_key "$testbin/attack" key-read rootlet-test)" = "key is secret" ]; then
	test_ok "keyrings are refused" all_are EPERM session_key "$ROOTLET" run "$base" /bin/attack \
		key-read rootlet-test
	test_ok "without a filter the caller's session keyring is another's" \
		all_are 'ENOKEY|EACCES' session_key \
		"$ROOTLET" run --seccomp=unconfined "$base" /bin/attack key-read rootlet-test
else
	test_skip "keyrings are refused" "no keyrings here"
	test_skip "without a filter the caller's session keyring is another's" "no keyrings here"
fi

# --- profiles ---

profile() {
	printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["%s"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}\n' \
		"$1" >"$tmp/profile.json"
}
with_profile() { run --seccomp "$tmp/profile.json" "$base" /bin/probe "$@"; }
mkdir_fails() {
	out=$(with_profile mkdir /tmp/x)
	echo "$out"
	[ "$out" = "/tmp/x: Operation not permitted" ]
}
profile mkdir
test_ok "--seccomp FILE refuses what the profile refuses" mkdir_fails
test_ok "--seccomp FILE lets the rest pass" prints "<x>" with_profile args x
cached() {
	ROOTLET_LIBEXEC=$tmp/nowhere mkdir_fails
}
test_ok "the second time needs no compiler" cached
profile rmdir
test_ok "a changed profile is compiled again" prints "" with_profile mkdir /tmp/x
profile mkdir
test_ok "and again" mkdir_fails
test_ok "other capabilities make another program" has_line "Seccomp:${tab}2" \
	run --seccomp "$tmp/profile.json" --cap-add SYS_ADMIN "$base" /bin/probe status Seccomp:
cache_is_private() {
	find "$XDG_DATA_HOME/rootlet/cache" ! -type l -perm /077
}
test_ok "compiled profiles are private" says_nothing cache_is_private
damaged_cache() {
	for f in "$XDG_DATA_HOME"/rootlet/cache/*; do
		printf '%s' "$1" >"$f"
	done
	out=$(mkdir_fails 2>&1) && return
	echo "$out"
	with_profile args ran | grep -q ran && return 1
	rm -f "$XDG_DATA_HOME"/rootlet/cache/*
}
test_ok "an empty compiled profile is no profile" damaged_cache ""
test_ok "a cut compiled profile is no profile" damaged_cache "xxxxx"
test_ok "a senseless compiled profile is no profile" damaged_cache "xxxxxxxxxxxxxxxx"

malformed() {
	printf '%b' "$1" >"$tmp/bad.json"
	fails_with "bad.json" run --seccomp "$tmp/bad.json" "$base" /bin/true
}
test_ok "an empty profile is refused" malformed ''
test_ok "a cut profile is refused" malformed '{"defaultAction":"SCMP_ACT_ALLOW"'
test_ok "a list is refused" malformed '[]'
test_ok "a profile without an action is refused" malformed '{}'
test_ok "an unknown action is refused" malformed '{"defaultAction":"SCMP_ACT_PERHAPS"}'
test_ok "syscalls that are no list are refused" malformed \
	'{"defaultAction":"SCMP_ACT_ALLOW","syscalls":7}'
test_ok "NUL bytes are refused" malformed '{"defaultAction":"SCMP_ACT_ALLOW\\0000"}'
deep=$(printf '%5000s' '' | tr ' ' '[')
test_ok "deep nesting is refused" malformed "{\"defaultAction\":$deep"
test_ok "a profile that is a directory is refused" fails_with "/" run --seccomp / "$base" /bin/true
test_ok "a profile that is not there is refused" fails_with "no.json" \
	run --seccomp "$tmp/no.json" "$base" /bin/true
mkfifo "$tmp/fifo.json"
test_ok "a profile that is a pipe is refused" fails_with "fifo.json" \
	run --seccomp "$tmp/fifo.json" "$base" /bin/true
head -c 9000000 /dev/zero | tr '\0' ' ' >"$tmp/big.json"
test_ok "a profile of 9 MB is refused" fails_with "big.json" \
	run --seccomp "$tmp/big.json" "$base" /bin/true
rm "$tmp/big.json"

# --- what this kernel lacks ---

# A start either has every protection or fails and says why.
lacking() {
	out=$(timeout -s KILL 10 "$testbin/no-syscall" "$1" "$ROOTLET" run "$base" \
		/bin/probe status NoNewPrivs Seccomp: 2>"$tmp/stderr")
	got=$?
	cat "$tmp/stderr"
	echo "$got $out"
	case $got in
	0) [ "$out" = "NoNewPrivs:${tab}1
Seccomp:${tab}2" ] ;;
	125) [ -z "$out" ] && grep -q '^rootlet: ' "$tmp/stderr" ;;
	*) false ;;
	esac
}
for call in clone3 openat2 open_tree move_mount mount_setattr close_range fsopen statx keyctl \
	landlock_create_ruleset memfd_create openat2,open_tree,move_mount; do
	test_ok "without $call: all of it or nothing" lacking "$call"
done
lacking_fds() {
	timeout -s KILL 10 "$testbin/attack" hold / 3 9 200 -- "$testbin/no-syscall" close_range \
		"$ROOTLET" run "$base" /bin/probe fds
}
test_ok "without close_range nothing is inherited either" prints "0 1 2 " lacking_fds

# --- /proc, /sys, /dev ---

hidden="/proc/keys /proc/key-users /proc/interrupts /proc/config.gz /proc/kcore /proc/kmsg
/proc/timer_list /proc/vmallocinfo /proc/latency_stats /proc/sched_debug /proc/acpi /proc/asound
/proc/scsi /sys/firmware /sys/devices/virtual/powercap
/sys/devices/system/cpu/cpu0/thermal_throttle /sys/fs/cgroup /sys/kernel/debug /sys/kernel/tracing
/sys/kernel/security"
hides() {
	# shellcheck disable=SC2086
	says_nothing run "$@" "$base" /bin/attack readable $hidden
}
changers="/proc/sys/kernel/core_pattern /proc/sys/kernel/sysrq /proc/sys/kernel/pid_max
/proc/sys/kernel/ns_last_pid /proc/sys/kernel/shmmax /proc/sys/kernel/hostname
/proc/sys/user/max_user_namespaces /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger
/proc/irq/default_smp_affinity /proc/mtrr /sys/power/state /sys/kernel/uevent_helper
/sys/kernel/profiling"
guards() {
	# shellcheck disable=SC2086
	all_are 'EROFS|EACCES|EPERM|ENOENT' run "$@" "$base" /bin/attack open w $changers
}
test_ok "what tells about the machine is hidden" hides
test_ok "what changes the machine is not writable" guards
test_ok "nothing below /proc/sys is writable" says_nothing attack writable /proc/sys 4
test_ok "nothing below /sys is writable" says_nothing attack writable /sys 3
test_ok "a group of processes cannot be made" says_nothing attack cgroups /sys/fs/cgroup \
	/sys/fs/cgroup/unified /sys/fs/cgroup/pids /sys/fs/cgroup/memory
if [ "$host_root" ]; then
	test_ok "with one id, root's view is hidden as well" hides --idmap=single
	test_ok "with one id, root's switches are guarded as well" guards --idmap=single
	hidden="$hidden /proc/kallsyms"
	test_ok "the kernel's addresses are hidden from root" hides
	test_ok "the kernel's addresses are hidden from root with one id" hides --idmap=single
else
	for what in "with one id, root's view is hidden as well" \
		"with one id, root's switches are guarded as well" \
		"the kernel's addresses are hidden from root" \
		"the kernel's addresses are hidden from root with one id"; do
		test_skip "$what" "only root has them"
	done
fi
test_ok "with --net=host nothing below /sys is writable" says_nothing \
	run --net=host "$base" /bin/attack writable /sys 3
# The shell of the machine, with mounts of its own.
in_mounts() {
	if [ "$host_root" ]; then
		unshare -m sh -c "$@"
	else
		unshare -Urm sh -c "$@"
	fi
}
debug_is_hidden() {
	# shellcheck disable=SC2016
	in_mounts 'mount -t debugfs d /sys/kernel/debug; mount -t tracefs t /sys/kernel/tracing
		mount -t securityfs s /sys/kernel/security
		"$1" run --net=host "$2" /bin/attack readable /sys/kernel/debug /sys/kernel/tracing \
			/sys/kernel/security' sh "$ROOTLET" "$base"
}
if [ "$host_root" ]; then
	test_ok "with --net=host the kernel's debugging files are hidden" says_nothing debug_is_hidden
else
	test_skip "with --net=host the kernel's debugging files are hidden" "only root can read them"
fi

nodes="/dev/fuse /dev/kvm /dev/net/tun /dev/vsock /dev/vhost-net /dev/autofs /dev/loop0
/dev/loop-control /dev/mem /dev/kmsg /dev/vda /dev/sda /dev/rtc0 /dev/hpet /dev/input /dev/dri
/dev/mapper /dev/snd /dev/tty0 /dev/tty1 /dev/ttyS0 /dev/userfaultfd /dev/cpu_dma_latency"
no_nodes() {
	# shellcheck disable=SC2086
	all_are 'ENOENT' run --cap-add ALL "$@" /bin/attack open r $nodes
}
cp "$testbin/attack" "$tmp/work/attack"
host_nodes() {
	# shellcheck disable=SC2086
	all_are 'ENOENT' run -w / -v "$tmp/work:/mnt" host /mnt/attack open r $nodes
}
test_ok "no other device is there" no_nodes "$base"
test_ok "no other device is there over the machine's root" host_nodes
made_device() {
	path=$1
	shift
	out=$(run "$@" "$base" /bin/attack mknod "$path" 1 5)
	echo "$out"
	[ "$out" = "mknod EPERM" ] || [ "$out" = "only a record ok" ]
}
test_ok "a device that is made cannot be used" made_device /tmp/n
test_ok "nor one in the layer" made_device /n
test_ok "nor one in /dev" made_device /dev/n
test_ok "nor with --privileged" made_device /tmp/n --privileged
device_in_volume() {
	out=$(run -v "$tmp/volume:/v" "$base" /bin/attack mknod /v/n 8 0)
	echo "$out"
	[ "$out" = "mknod EPERM" ] || [ "$out" = "only a record ok" ]
	[ ! -b "$tmp/volume/n" ] && [ ! -c "$tmp/volume/n" ]
}
test_ok "nor in a volume" device_in_volume
test_ok "the machine's device nodes keep their mode" all_are 'EPERM|EROFS' \
	attack all chmod 666 /dev/full + chmod 666 /dev/null + chmod 666 /proc/keys
test_ok "the node of --device keeps its mode" all_are 'EPERM|EROFS' \
	run --device /dev/full:/dev/again "$base" /bin/attack chmod 666 /dev/again
test_ok "--device gives the device" prints "/dev/again ok" \
	run --device /dev/full:/dev/again "$base" /bin/attack open w /dev/again
device_read_only() {
	out=$(run --device /dev/null:/dev/again:r "$base" /bin/attack open w /dev/again 2>&1)
	got=$?
	echo "$got $out"
	[ "$got" = 125 ] || [ "$out" = "/dev/again EACCES" ] || [ "$out" = "/dev/again EROFS" ]
}
test_ok "--device with r is refused, or read-only" device_read_only
test_ok "file systems in memory are bounded" all_are bounded attack sizes / /tmp /dev /dev/shm
test_ram "with --layer=ram, too" all_are bounded \
	run --layer=ram:8m "$base" /bin/attack sizes / /tmp /dev /dev/shm

# --- shares that are read-only ---

share=$tmp/share
mkdir -p "$share/dir/sub" "$share/sub"
for dir in "$share/dir" "$share/sub"; do
	echo content >"$dir/file"
	setfattr -n user.canary -v x "$dir/file" 2>/dev/null
done
unchanged_after() {
	find "$share" -printf '%p %m %U %G %s %T@ %n\n' | sort >"$tmp/before"
	says_nothing "$@"
	got=$?
	find "$share" -printf '%p %m %U %G %s %T@ %n\n' | sort | diff "$tmp/before" - && [ "$got" = 0 ]
}
for idmap in auto single; do
	test_ok "a read-only volume takes no change ($idmap)" unchanged_after \
		run --idmap=$idmap -v "$share:/s:ro" "$base" /bin/attack change /s/dir /s/dir/file
	test_ok "a read-only file takes no change ($idmap)" unchanged_after \
		run --idmap=$idmap -v "$share/dir/file:/f:ro" "$base" /bin/attack change /none /f
	test_ok "nor with all capabilities and no filter ($idmap)" unchanged_after \
		run --idmap=$idmap --seccomp=unconfined --cap-add ALL --cap-drop SYS_ADMIN \
		-v "$share:/s:ro" "$base" /bin/attack change /s/dir /s/dir/file
done
submounts() {
	# shellcheck disable=SC2016
	in_mounts 'mount -t tmpfs t "$3/sub" && echo content >"$3/sub/file" || exit 3
		"$1" run -v "$3:/s:ro" "$2" /bin/attack all open r /s/sub/file + change /s/sub /s/sub/file' \
		sh "$ROOTLET" "$base" "$share"
}
if in_mounts "mount -t tmpfs t '$share/sub' && '$ROOTLET' run '$base' /bin/true" 2>/dev/null; then
	test_ok "mounts below a read-only volume take no change" prints "/s/sub/file ok" submounts
else
	test_skip "mounts below a read-only volume take no change" "rootlet does not run in a namespace"
fi
changes() {
	out=$(run -v "$share:/s" "$base" /bin/attack change /s/dir /s/dir/file)
	echo "$out"
	[ "$(echo "$out" | wc -l)" -ge 15 ]
}
test_ok "a writable volume takes all these changes" changes

# --- limits ---

# The caller may want core dumps for himself.
no_core_limit() {
	# shellcheck disable=SC3045
	ulimit -c unlimited 2>/dev/null
	prints "0 0" probe limit 4
}
test_ok "no core dumps" no_core_limit
no_core() {
	# shellcheck disable=SC3045
	ulimit -c unlimited 2>/dev/null
	run -v "$tmp/volume:/v" "$base" /bin/attack crash /v
	[ "$(find "$tmp/volume" -name 'core*' | wc -l)" = 0 ]
}
test_ok "a crash leaves no file in a volume" no_core
processes() {
	run --ulimit nproc=20 -u 1000 "$base" /bin/attack fork 50 >"$tmp/out"
	cat "$tmp/out"
	awk '{ exit !($1 > 0 && $1 <= 20) }' "$tmp/out"
}
if [ "$host_root" ] && [ "$single" ]; then
	test_skip "--ulimit nproc bounds the processes of the sandbox" "the kernel spares root"
else
	test_ok "--ulimit nproc bounds the processes of the sandbox" processes
fi
test_ok "--ulimit holds" prints "64 64" run --ulimit nofile=64 "$base" /bin/probe limit 7
test_ok "an unknown limit is refused" fails_with "nofiles" run --ulimit nofiles=1 "$base" /bin/true

test_done
