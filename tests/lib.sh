# lib - for test scripts: TAP, prerequisites, places to work in
#
# A script is `. "$srcdir/tests/lib.sh"`, tests, `test_done`.  It reads $ROOTLET (the program), $srcdir
# and $testbin (the directory with probe and the other helpers), and works in $tmp, which is empty,
# the caller's and removed at the end.
# shellcheck shell=sh disable=SC2034

: "${ROOTLET:?path of the program}" "${srcdir:=.}" "${testbin:?directory of the test programs}"
srcdir=$(cd "$srcdir" && pwd)
test_n=0 test_failed=0

# Nothing of the caller's session decides a test.
unset TMPDIR CDPATH ENV BASH_ENV
export LC_ALL=C.UTF-8

# A layer on disk must be possible in the data directory, whatever $HOME is.
tmp=$(mktemp -d "${ROOTLET_TEST_TMP:-/var/tmp}/rootlet-test.XXXXXX") || exit 99
XDG_DATA_HOME=$tmp/data
export XDG_DATA_HOME
mkdir "$tmp/work" && cd "$tmp/work" || exit 99
trap 'cleanup' EXIT
trap 'exit 99' HUP INT TERM

# A layer is removed in the background: wait for that, or the removal here races with it.
cleanup() {
	cd / || return
	wait_empty "$XDG_DATA_HOME/rootlet/scratch"
	chmod -R u+rwx "$tmp" 2>/dev/null
	# With another data directory: this one is masked inside of what it is that of.
	rm -rf "$tmp" 2>/dev/null || XDG_DATA_HOME=/proc/none "$ROOTLET" run --idmap=range --read-only \
		-v "$tmp:/t" host sh -c 'chmod -R u+rwx /t/data; rm -rf /t/work /t/data'
	rm -rf "$tmp"
}

# wait_empty DIR: until DIR has no entry, at most 20 seconds.
wait_empty() {
	for _ in $(seq 400); do
		[ -z "$(ls -A "$1" 2>/dev/null)" ] && return 0
		sleep 0.05
	done
	return 1
}

# none_named TRIES: no process is left that has a line of $tmp/names in its words; else it is shown, ended.
ours() {
	grep -laF -f "$tmp/names" /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3
}
none_named() {
	for _ in $(seq "$1"); do
		left=$(ours)
		[ -z "$left" ] && break
		sleep 0.05
	done
	for p in $left; do
		tr '\0' ' ' <"/proc/$p/cmdline"
		echo
		kill -9 "$p" 2>/dev/null
	done
	[ -z "$left" ]
}

# no_mount: none is left that has to do with $tmp; others come and go while other tests run.
no_mount() { ! grep -F "$tmp" /proc/self/mountinfo; }

# test_ok NAME COMMAND...: one behaviour, which is there when COMMAND succeeds.
test_ok() {
	test_name=$1
	shift
	test_n=$((test_n + 1))
	if test_out=$("$@" 2>&1); then
		echo "ok $test_n - $test_name"
	else
		echo "not ok $test_n - $test_name"
		test_failed=$((test_failed + 1))
		printf '%s\n' "$test_out" | head -n 40 | sed 's/^/# /'
	fi
}

# test_skip NAME WHY
test_skip() {
	test_n=$((test_n + 1))
	echo "ok $test_n - $1 # SKIP $2"
}

# test_if PROBE WHY NAME COMMAND...: a behaviour that is seen only where the probe succeeds.
test_if() {
	if_probe=$1 if_why=$2 if_name=$3
	shift 3
	if need "$if_probe"; then
		test_ok "$if_name" "$@"
	else
		test_skip "$if_name" "$if_why"
	fi
}

# test_ram NAME COMMAND...: test_ok, of a layer in memory.
test_ram() {
	if need ram_layer; then
		test_ok "$@"
	else
		test_skip "$1" "tmpfs has no user attributes here, Linux 6.6 has"
	fi
}

test_done() {
	echo "1..$test_n"
	[ "$test_failed" = 0 ]
	exit
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# have_NAME functions probe once what the machine really allows us to do.
# Root that has ids to give, not that of a map of one id, which can do no more than a user.
have_root() { [ "$(id -u)" = 0 ] && awk '{ n += $3 } END { exit n < 2 }' /proc/self/uid_map; }
# Root of the machine, not of a namespace: procfs belongs to it.
have_host_root() { have_root && [ "$(stat -c %u /proc/cmdline)" = 0 ]; }
have_user() { [ "$(id -u)" != 0 ]; }
# What a sandbox around us has decided cannot be undone.
have_new_privs() { grep -q 'NoNewPrivs:.0' /proc/self/status; }
have_no_filter() { grep -q 'Seccomp:.0' /proc/self/status; }
# Nobody answers our system calls about ids with what he likes.
have_plain_ids() { have_root || { : >"$tmp/id-probe" && ! chown 54321 "$tmp/id-probe" 2>/dev/null; }; }
have_userns() { unshare -Ur true 2>/dev/null; }
have_subids() {
	have_user && command -v newuidmap >/dev/null &&
		grep -q "^\($(id -un)\|$(id -u)\):" /etc/subuid /etc/subgid
}
have_overlay() {
	mkdir -p "$tmp/ov/l" "$tmp/ov/u" "$tmp/ov/w" &&
		unshare -Urm mount -t overlay -o "userxattr,lowerdir=$tmp/ov/l,upperdir=$tmp/ov/u,workdir=$tmp/ov/w" \
			o "$tmp/ov/l" 2>/dev/null
}
# Before Linux 6.6 a tmpfs has no user attributes, and --layer=ram is refused.
have_ram_layer() {
	[ "${ram_layer-}" ] || ram_layer=$(unshare -Urm sh -c 'mount -t tmpfs t "$1" && "$2" xattr "$1"' sh \
		"$tmp/work" "$testbin/probe" >/dev/null && echo yes || echo no)
	[ "$ram_layer" = yes ]
}
have_landlock_scope() { "$testbin/probe" landlock-abi | awk '{ exit !($1 >= 6) }'; }
# A sanitizer needs descriptors, memory, processes and /proc for itself.
have_sanitizer() { grep -q __asan_init "$ROOTLET"; }
# run-all.sh may start rootlet in an odd way, by a script: with a low limit, with descriptors left open.
have_descriptors() { ! grep -q 'ground nofile' "$ROOTLET"; }
have_plain_start() { ! grep -q '^exec .*/ground ' "$ROOTLET"; }
have_bwrap() { command -v bwrap >/dev/null; }
have_tmux() { command -v tmux >/dev/null; }
have_python3() { python3 -c "import json" 2>/dev/null; }
have_mmdebstrap() { command -v mmdebstrap >/dev/null; }
have_strace() { command -v strace >/dev/null; }

# need NAME...: false when something is missing (then test_skip), unless ROOTLET_MUST_HAVE names it.
need() {
	for need_name; do
		"have_$need_name" && continue
		case " ${ROOTLET_MUST_HAVE-} " in
		*" $need_name "*)
			echo "Bail out! prerequisite $need_name is missing here"
			exit 99
			;;
		esac
		return 1
	done
}

# --- helpers of conditions ---

# status WANT COMMAND...: COMMAND exits with WANT; its output is shown when not.
status() {
	want=$1
	shift
	"$@"
	got=$?
	[ $got = "$want" ] || {
		echo "exit status $got instead of $want"
		return 1
	}
}

# fails_with TEXT COMMAND...: rootlet itself fails (125), with one line, and a hint at most, on
# standard error that has TEXT, and nothing on standard output.
fails_with() {
	text=$1
	shift
	out=$("$@" 2>"$tmp/stderr")
	got=$?
	cat "$tmp/stderr"
	[ $got = 125 ] || {
		echo "exit status $got instead of 125"
		return 1
	}
	[ -z "$out" ] || {
		echo "standard output: $out"
		return 1
	}
	grep -qF -e "$text" "$tmp/stderr" || {
		echo "no '$text' on standard error"
		return 1
	}
	if [ "$(grep -cv '^hint: ' "$tmp/stderr")" != 1 ] || [ "$(wc -l <"$tmp/stderr")" -gt 2 ] ||
		! grep -q '^rootlet: ' "$tmp/stderr"; then
		echo "not one line and a hint"
		return 1
	fi
}

# prints TEXT COMMAND...: COMMAND exits with 0 and its standard output is TEXT.
prints() {
	text=$1
	shift
	out=$("$@") || {
		echo "exit status $?"
		return 1
	}
	[ "$out" = "$text" ] || {
		printf 'printed: %s\nwanted:  %s\n' "$out" "$text"
		return 1
	}
}

# all_are RESULTS COMMAND...: it prints lines, and each of them ends with one of RESULTS (a pattern).
all_are() {
	want=$1
	shift
	out=$("$@")
	echo "$out"
	[ -n "$out" ] && ! echo "$out" | grep -Eqv " ($want)$"
}

# wait_line FILE TEXT: until FILE has the line TEXT, at most 20 seconds.
wait_line() {
	for _ in $(seq 400); do
		grep -qxF -e "$2" "$1" 2>/dev/null && return 0
		sleep 0.05
	done
	echo "no '$2' in time"
	return 1
}

# make_base: $base becomes a small root file system with the probe and a busybox-less shell: static
# programs only.
make_base() {
	base=$tmp/base
	mkdir -p "$base/bin" "$base/etc" "$base/dev" "$base/proc" "$base/sys" "$base/tmp"
	cp "$testbin/probe" "$base/bin/probe"
	ln "$base/bin/probe" "$base/bin/true"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$base/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:1001:user\n' >"$base/etc/group"
	echo "127.0.0.1 localhost" >"$base/etc/hosts"
}
