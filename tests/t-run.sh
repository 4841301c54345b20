# rootlet run DIRECTORY: the base, what is in the sandbox, the exit status
# shellcheck shell=sh
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"

run() { "$ROOTLET" run "$@"; }
inside() { "$ROOTLET" run "$base" /bin/probe "$@"; }

test_ok "a program runs" run "$base" /bin/true
test_ok "its words arrive as they are" prints '<--bind>
<-->
<>
<$(id)>
<a b>' inside args --bind -- '' '$(id)' 'a b'
test_ok "the base by way of .." run "/usr/..$base" /bin/true
from_above() { (cd / && run "./..$base" /bin/true); }
test_ok "the base by a relative path" from_above
ln -s "../../../../../../../../../..$base" "$tmp/up"
test_ok "the base by a link up to the root" run "$tmp/up" /bin/true
test_ok "-- ends the options of rootlet" prints '<-v>' run "$base" -- /bin/probe args -v
test_ok "the exit status is the program's" status 7 inside exit 7
test_ok "exit status 255" status 255 inside exit 255
test_ok "a program ended by SIGKILL gives 137" status 137 inside raise 9
test_ok "a program ended by SIGTERM gives 143" status 143 inside raise 15
test_ok "a program ended by SIGABRT gives 134" status 134 inside raise 6
test_ok "a program that is not there gives 127" status 127 run "$base" /bin/nothing
test_ok "a name that is not in PATH gives 127" status 127 run "$base" nothing
test_ok "a file that is no program gives 126" status 126 run "$base" /etc/passwd
test_ok "a directory is no program: 126" status 126 run "$base" /etc
test_ok "PATH is searched inside" run "$base" probe args

base_untouched() {
	inside write /new /etc/passwd && inside mkdir /newdir && inside rm /etc/group
	[ ! -e "$base/new" ] && [ ! -e "$base/newdir" ] && [ -e "$base/etc/group" ] &&
		grep -q '^root:' "$base/etc/passwd"
}
test_ok "the base is never written" base_untouched
test_ok "the layer is removed" wait_empty "$XDG_DATA_HOME/rootlet/scratch"

takes_writes() { prints '/new ok' run "--layer=$1" "$base" /bin/probe write /new; }
test_ok "--layer=disk takes writes" takes_writes disk
test_ram "--layer=ram takes writes" takes_writes ram
test_ram "--layer=ram:8m takes writes" takes_writes ram:8m
if ! have_ram_layer; then
	test_ok "--layer=ram is refused and says which Linux has it" fails_with "needs Linux 6.6" \
		run --layer=ram "$base" /bin/true
fi
test_ok "--read-only refuses writes to the base" prints '/new EROFS
/tmp/x ok
/dev/shm/x ok' run --read-only "$base" /bin/probe write /new /tmp/x /dev/shm/x

test_ok "it is root in its own id map" prints '0 0 0 0:' inside ids
test_ok "only descriptors 0, 1, 2 are open" prints '0 1 2 ' inside fds
test_ok "the directory is /" prints / inside cwd
test_ok "the process ids are its own" sh -c '"$ROOTLET" run "$1" /bin/probe ls /proc | grep -c "^[0-9]*$" | grep -qx 2' sh "$base"
hidden_cmdline() {
	out=$("$ROOTLET" run -e SECRET=canary "$base" /bin/probe cat /proc/1/cmdline | tr '\0' ' ')
	echo "$out"
	case $out in *canary* | *"$base"*) return 1 ;; *rootlet*) ;; *) return 1 ;; esac
}
test_ok "PID 1 does not show the command line of rootlet" hidden_cmdline
devices='console
fd
full
mqueue
null
ptmx
pts
random
shm
stderr
stdin
stdout
tty
urandom
zero'
dev_is_minimal() {
	out=$(inside ls /dev | sort)
	[ "$out" = "$(printf '%s\n' "$devices" | grep -vx console)" ] || {
		echo "$out"
		return 1
	}
}
test_ok "/dev is minimal" dev_is_minimal
test_ok "/sys is read-only" prints '/sys/kernel/x EROFS' inside write /sys/kernel/x
sys_is_read_only() {
	out=$(inside write /proc/sys/kernel/hostname /proc/sys/kernel/core_pattern)
	echo "$out"
	! echo "$out" | grep -q ok
}
test_ok "/proc/sys is read-only" sys_is_read_only
test_ok "the host name" prints rootlet inside cat /proc/sys/kernel/hostname
test_ok "--hostname" prints box run --hostname box "$base" /bin/probe cat /proc/sys/kernel/hostname
test_ok "no network but loopback" prints 'lo' inside ls /sys/class/net
test_ok "no environment but PATH, HOME, HOSTNAME" prints 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
HOSTNAME=rootlet' inside env
test_done
