# rootlet doctor: what works here, what is lost and what to do; `run` fails for the same reasons
# shellcheck shell=sh disable=SC2016,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns || skip_all "no user namespaces here"
need python3 || skip_all "python3 is not installed"
make_base "$tmp/base"
mkdir "$tmp/out"
chmod 1777 "$tmp/out"

# field ROW FIELD: of the last report.
field() {
	python3 -c 'import json, sys
rows = {c["name"]: c for c in json.load(open(sys.argv[1]))["checks"]}
print(rows[sys.argv[2]][sys.argv[3]])' "$tmp/out/report" "$1" "$2"
}

# report COMMAND...: run doctor by COMMAND, and keep what it says and its status.
report() {
	"$@" "$ROOTLET" doctor --format json >"$tmp/out/report"
	report_status=$?
}

# says ROW STATE [DETAIL [REMEDY]]: patterns of grep.
says() {
	said="$(field "$1" state) | $(field "$1" detail) | $(field "$1" lost) | $(field "$1" remedy)"
	echo "$1: $said"
	[ "$(field "$1" state)" = "$2" ] && field "$1" detail | grep -q -e "${3-}" &&
		field "$1" remedy | grep -q -e "${4-}" || return 1
	# Who is told of a loss is told which.
	[ "$2" = works ] || [ -n "$(field "$1" lost)" ]
}

# agrees ROW COMMAND...: the row works just when COMMAND does.
agrees() {
	if [ "$(field "$1" state)" = works ]; then truth=0; else truth=1; fi
	agrees_row=$1
	shift
	"$@" >/dev/null 2>&1
	got=$?
	[ "$got" != 0 ] && got=1
	[ "$got" = "$truth" ] || { field "$agrees_row" detail; return 1; }
}

# --- here, beside what other programs find ---

report env
test_ok "there is a status for a machine that can run" [ "$report_status" = 0 ]
test_ok "user namespaces are there as for unshare(1)" agrees user-namespaces unshare -U true
test_ok "a map of one id" agrees id-map unshare -Ur true
test_ok "mounts" agrees mounts unshare -Urm true
test_ok "a fresh /proc" agrees fresh-proc unshare -Urmpf --mount-proc true
test_ok "a network" agrees network-namespace unshare -Urn true
test_ok "a fresh /sys" agrees fresh-sysfs unshare -Urmn \
	mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys
test_ok "subordinate ids" agrees subordinate-ids "$ROOTLET" run --idmap="$(have_root && have_host_root &&
	echo root || echo range)" "$tmp/base" /bin/true
test_ok "an overlay on disk" agrees overlay-disk "$ROOTLET" run --layer=disk "$tmp/base" /bin/true
test_ok "an overlay in memory" agrees overlay-ram "$ROOTLET" run --layer=ram "$tmp/base" /bin/true
landlock_agrees() { says landlock "$(have_landlock_scope && echo works || echo degraded)" "$("$testbin/probe" landlock-abi)"; }
test_ok "the ABI of Landlock" landlock_agrees
uplink_agrees() { agrees uplink sh -c 'command -v pasta || command -v slirp4netns'; }
test_ok "pasta or slirp4netns" uplink_agrees
choice_agrees() {
	want=$("$ROOTLET" spec run "$tmp/base" /bin/true | sed -n 's/.*"idmap": "\(.*\)",/\1/p')
	says id-map-choice works "^$want: "
}
test_ok "the map that run chooses" choice_agrees
nothing_left() {
	echo "$1"/.rootlet-doctor*
	[ -z "$(find "$1" -name '.rootlet-doctor*')" ]
}
test_ok "nothing is left on the disk" nothing_left "$tmp"

# --- what a machine can lack ---

# without CALL...: report with these system calls answered by ENOSYS.
without() {
	report "$testbin/no-syscall" "$@"
}
without openat2
test_ok "a missing call is named with its version" says system-calls missing 'openat2(2)' 'Linux 5.6'
test_ok "and then rootlet cannot run" [ "$report_status" = 1 ]
cites() {
	"$@" 2>"$tmp/out/err"
	cat "$tmp/out/err"
	grep -q '^hint: .*rootlet doctor' "$tmp/out/err"
}
test_ok "run says so too" cites "$testbin/no-syscall" openat2 "$ROOTLET" run -v "$tmp/out:/x" "$tmp/base" /bin/true
without mount_setattr
test_ok "mount_setattr" says system-calls missing 'mount_setattr(2)' 'Linux 5.12'
without landlock_create_ruleset
test_ok "Landlock" says landlock degraded 'Landlock: ' 'lsm='
test_ok "is no condition" [ "$report_status" = 0 ]

# limited NAMESPACE: report where the number of these is zero.
limited() {
	report unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_'"$1"'_namespaces && exec "$@"' sh
}
limited user
test_ok "no user namespaces, by the limit" says user-namespaces missing 'No space' 'sysctl -w user.max_user_namespaces'
test_ok "without them rootlet cannot run" [ "$report_status" = 1 ]
test_ok "and refers to the doctor" cites unshare -Ur sh -c \
	'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$ROOTLET" run "$tmp/base" /bin/true
limited net
test_ok "no network namespaces" says network-namespace missing 'No space' 'net=host'

# covered COMMAND...: where something is mounted below /proc.
covered() {
	unshare -Ur --pid --mount --fork sh -c 'mount --bind /dev/null /proc/kallsyms && exec "$@"' sh "$@"
}
if covered true 2>/dev/null; then
	report covered
	test_ok "a /proc that is partly covered" says fresh-proc missing 'not permitted' 'proc=host'
	test_ok "is no end of it" [ "$report_status" = 0 ]
	names_proc_host() { cites covered "$ROOTLET" run "$tmp/base" /bin/true && grep -q -e '--proc=host' "$tmp/out/err"; }
	test_ok "run refuses there, and names --proc=host" names_proc_host
	test_ok "with --proc=host it runs" covered "$ROOTLET" run --proc=host "$tmp/base" /bin/true
	host_proc() { covered "$ROOTLET" run --proc=host host sh -c "$1"; }
	sh_words() { host_proc "$1" 2>&1 | grep -o 'Read-only'; }
	test_ok "and then /proc is that of outside" prints "covered" host_proc \
		'[ $(ls /proc | grep -c "^[0-9]") -gt 3 ] && echo covered'
	test_ok "which cannot be written" prints "Read-only" sh_words \
		'echo 0 >/proc/self/oom_score_adj'
	test_ok "and has the usual masks" prints "0" host_proc 'wc -c </proc/interrupts'
	# Process 1 outside is rootlet itself.
	outside_closed() {
		host_proc 'cat /proc/1/status >/dev/null || exit 2
			for f in environ maps; do cat /proc/1/$f && exit 1; done 2>/dev/null
			for l in root exe fd/1; do readlink /proc/1/$l && exit 1; done 2>/dev/null
			for d in root/ cwd/; do ls /proc/1/$d && exit 1; done 2>/dev/null; exit 0'
	}
	test_ok "processes outside stay closed" outside_closed
else
	test_skip "a /proc that is partly covered" "nothing can be mounted below /proc here"
fi
test_ok "--proc=host is a fresh one's equal in what it refuses" status 125 "$ROOTLET" run --proc=other "$tmp/base" /bin/true

report env PATH=/nowhere
test_ok "neither pasta nor slirp4netns" says uplink degraded 'neither' 'passt'
if have_host_root; then
	test_skip "no subordinate ids" "the machine's root needs none"
else
	report unshare -Ur
	test_ok "no subordinate ids for root of a namespace" says subordinate-ids degraded 'none' 'usermod'
fi
report env XDG_DATA_HOME=/proc/nowhere
test_ok "a data directory that cannot be made" says overlay-disk degraded '/proc: ' XDG_DATA_HOME
report "$ROOTLET" run host
test_ok "inside a sandbox there are no namespaces" says user-namespaces missing 'unshare: ' 'allow\|unconfined'
test_ok "and there it says so" [ "$report_status" = 1 ]
report "$ROOTLET" run --privileged host
test_ok "but in a privileged one" says id-map works
if need bwrap; then
	report bwrap --dev-bind / / --unshare-pid --proc /proc
	test_ok "inside bwrap" says mounts works
else
	test_skip "inside bwrap" "bwrap is not installed"
fi

# --- how it looks ---

narrow() {
	"$ROOTLET" doctor | awk 'length > 80 { print; bad = 1 } END { exit bad }'
}
test_ok "in a pipe no line is longer than 80 columns" narrow
plain() { ! "$ROOTLET" doctor | grep -q "$(printf '\033')"; }
test_ok "and none is coloured" plain
same_rows() {
	report env
	[ "$("$ROOTLET" doctor | grep -c '^\(works\|degraded\|missing\) ')" = \
		"$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["checks"]))' "$tmp/out/report")" ]
}
test_ok "both formats have the same rows" same_rows
test_ok "an unknown format is refused" fails_with "neither table nor json" "$ROOTLET" doctor --format xml
test_ok "an argument is refused" fails_with "no argument" "$ROOTLET" doctor me
test_done
