# rootlet-image confines itself before it reads what is hostile
# shellcheck shell=sh disable=SC2013,SC2016,SC2317
. "${srcdir:-.}/tests/lib.sh"
have_sanitizer && skip_all "rootlet-image is built with a sanitizer, which needs more"

bait=$tmp/store
mkdir -p "$tmp/outside" "$tmp/read/d"
echo secret >"$tmp/outside/file"
echo below >"$tmp/read/d/file"

# tried free|confined keep|files|calls: in a fresh store, with bait outside of it.
tried() {
	rm -rf "$bait"
	"$testbin/confined" free none "$bait" "$tmp/read" "$tmp/outside" >"$tmp/made" || return
	ln -s "$tmp/outside/file" "$bait/scratch/to-outside"
	touch "$bait/scratch/victim" "$tmp/outside/victim"
	rm -rf "$tmp/outside/made"* "$tmp/outside/new" "$tmp/outside/linked" "$tmp/outside/renamed" "$tmp/read/d/new"
	"$testbin/confined" "$1" "$2" "$bait" "$tmp/read" "$tmp/outside"
}
# ABI 2 allows links and renames between directories.
have_landlock() { [ "$("$testbin/probe" landlock-abi)" -ge 2 ]; }
# Around us there may be a domain in which none of ours can allow that.
have_own_landlock() { have_landlock && tried confined files | grep -qx 'read EACCES'; }
none_is() {
	what=$1
	shift
	out=$("$@")
	echo "$out"
	[ -n "$out" ] && ! echo "$out" | grep -q " $what$"
}

# --- from inside, as if something had got hold of it ---

test_ok "what it needs works" all_are ok tried confined keep
test_ok "the network, programs, processes, mounts, namespaces are refused" all_are EPERM tried confined calls
without() { tried free calls | grep -v -e '^bpf ' -e '^io-uring '; }
test_if no_filter "a filter around us refuses them anyway" "without that they are not" none_is EPERM without
reach() { tried free files; }
if need own_landlock; then
	test_ok "files outside are out of reach" all_are 'EACCES|EXDEV' tried confined files
	test_ok "without that they are not" all_are ok reach
else
	test_skip "files outside are out of reach" "no Landlock here that allows renames between directories"
fi
# rootlet-registry, which has the internet, reads /etc, and writes into one directory.
but() { tried registry "$1" | grep -Ev "^($2) "; }
test_ok "rootlet-registry: programs, processes, mounts, namespaces are refused" all_are EPERM but calls 'socket|socket-unix'
its_sockets() { tried registry calls | grep '^socket'; }
test_ok "it has sockets of the internet alone" prints "socket ok
socket-unix EAFNOSUPPORT" its_sockets
if need own_landlock; then
	test_ok "all files but its own are out of its reach" all_are 'EACCES|EXDEV|ENOSYS' \
		but files 'passwd|write-where-read|make-where-read'
else
	test_skip "all files but its own are out of its reach" "no Landlock here"
fi
outside_is_as_it_was() {
	tried confined files >/dev/null
	prints "file victim" sh -c 'cd "$1" && echo *' sh "$tmp/outside" &&
		grep -qx secret "$tmp/outside/file" && [ -f "$bait/scratch/victim" ]
}
test_if own_landlock "no Landlock here" "nothing outside has changed" outside_is_as_it_was

# --- from outside, the program itself ---

need overlay || {
	test_skip "rootlet-image itself" "no overlay in user namespaces here"
	test_done
}
mkfifo "$tmp/fifo"
mkdir -p "$tmp/tree/d"
echo x >"$tmp/tree/d/file"
ln "$tmp/tree/d/file" "$tmp/tree/link"
tar -C "$tmp/tree" --owner=0 --group=0 -cf "$tmp/tree.tar" .

# waiting_helper: $helper is the process that waits for the first byte of the archive.
waiting_helper() {
	for _ in $(seq 100); do
		for helper in $(grep -laF -e "waits-for-$$" /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3); do
			[ "$(cat "/proc/$helper/comm" 2>/dev/null)" = rootlet-image ] &&
				grep -q 'State:.S' "/proc/$helper/status" && return 0
		done
		sleep 0.05
	done
	return 1
}
# while_waiting COMMAND...: with $helper.
while_waiting() {
	"$ROOTLET" import - "waits-for-$$" <"$tmp/fifo" >"$tmp/log" 2>&1 &
	importing=$!
	exec 9>"$tmp/fifo"
	waiting_helper && sleep 0.1 && "$@"
	waited=$?
	cat "$tmp/tree.tar" >&9
	exec 9>&-
	wait "$importing" || cat "$tmp/log"
	return "$waited"
}
is_confined() {
	cat "/proc/$helper/task/"*/status >"$tmp/status"
	for want in 'Seccomp:.2' 'NoNewPrivs:.1'; do
		grep -q "^$want$" "$tmp/status" || {
			grep -e Seccomp -e NoNewPrivs "$tmp/status"
			return 1
		}
	done
	! grep -q -e 'Seccomp:.[01]' -e 'NoNewPrivs:.0' "$tmp/status"
}
test_ok "it is confined before the first byte of an archive" while_waiting is_confined
few_capabilities() {
	awk '$1 == "CapEff:" || $1 == "CapPrm:" { print $2, $2 == "0000000000000000" || $2 == "000000008800001f" ? "ok" : "no" }' \
		"/proc/$helper/status"
}
test_ok "of the capabilities it has those over files" while_waiting all_are ok few_capabilities
limits() { awk '/^Max core file size/ { print $5, $6 } /^Max data size/ { print $4, $5 }' "/proc/$helper/limits"; }
limits_are() { while_waiting limits | tr '\n' ' '; }
test_ok "memory and core files are bounded" prints "1073741824 1073741824 0 0 " limits_are
test_ok "an archive with hard links between directories is no hindrance" "$ROOTLET" import "$tmp/tree.tar" linked

# --- where it is started ---

# imports_in PREFIX...: links between directories and renames are made, under the prefix; in a store of its own.
imports_in() {
	mkdir -p "$tmp/ground"
	out=$(timeout 20 "$@" "$ROOTLET" --store="$tmp/ground/store" import "$tmp/tree.tar" linked) || return
	got=$(timeout 20 "$@" "$ROOTLET" --store="$tmp/ground/store" images --format digests)
	rm -rf "$tmp/ground"
	[ "$out" = "$got" ]
}
test_ok "without Landlock the filter is alone" imports_in "$testbin/no-syscall" landlock_create_ruleset
filter_alone() { "$testbin/no-syscall" landlock_create_ruleset "$testbin/confined" confined calls "$bait" "$tmp/read" "$tmp/outside"; }
test_ok "and is there" all_are EPERM filter_alone
test_ok "in a namespace of one id" imports_in unshare --user --map-root-user
test_if bwrap "no bwrap here" "in bwrap" imports_in bwrap --dev-bind / / --unshare-all
inside() { imports_in "$ROOTLET" run --layer=ram -v "$tmp:$tmp" "$@" host; }
if need ram_layer; then
	test_ok "in a sandbox" inside --idmap=single
	test_ok "in one with more privileges" inside --privileged
	test_ok "in one whose Landlock domain has no rules for files" inside --privileged --net=host
else
	test_skip "in a sandbox" "tmpfs has no user attributes here"
fi

# Each verb, by the order of its calls.

helper() {
	strace -f -o "$tmp/trace" -e trace=prctl,openat,landlock_restrict_self python3 -c 'import os, sys
os.execv(os.environ["ROOTLET_LIBEXEC"] + "/rootlet-image", sys.argv[1:])' "$@" >"$tmp/log" 2>&1
}
# in_order VERB...: the store's documents, by names that a tracer cannot read then, are opened after it.
in_order() {
	helper "$@" || {
		cat "$tmp/log"
		return 1
	}
	awk -v landlock="$landlock" -v opened="openat\\\\([0-9]+, .*$flags" '
		/PR_SET_SECCOMP/ { filter = NR }
		/landlock_restrict_self/ { domain = NR }
		$0 ~ opened && !/O_DIRECTORY/ && !first { first = NR }
		END { print filter, domain, first
			exit !(filter && first > filter && (!landlock || domain && first > domain)) }' "$tmp/trace"
}
flags="O_RDONLY.*O_NOFOLLOW"
landlock=
have_own_landlock && landlock=yes
have_helper() { have_strace && helper images; }
if need helper; then
	kind=single
	have_root && kind=root
	test_ok "images is confined first" in_order images
	test_ok "so is inspect" in_order inspect linked
	test_ok "so is tag" in_order tag linked other
	test_ok "so is rmi" in_order rmi other
	test_ok "so is import" in_order import "$kind" "$tmp/tree.tar" again
	test_ok "so is the way to a run" in_order prepare "$kind" again ""
	seen() { "$ROOTLET" run --keep --name seen host true && in_order ps -a && grep -q '^seen ' "$tmp/log"; }
	test_ok "so is ps" seen
	ended() {
		mkdir -p "$tmp/layer/u1" "$tmp/host" && echo new >"$tmp/layer/u1/made" &&
			flags=O_NOFOLLOW in_order end-changes real "$tmp/layer" 1 0 "$1" "$2" "$tmp/host" u1 "$tmp/host" &&
			grep -q 'A made' "$tmp/log"
	}
	test_ok "so is the end of a try" ended no ""
	saved() { ended no "$tmp/saved" && [ -s "$tmp/saved" ] && [ ! -e "$tmp/host/made" ]; }
	test_ok "also when it saves" saved
	applied() { ended yes "" && [ "$(cat "$tmp/host/made")" = new ]; }
	test_ok "or applies" applied
else
	test_skip "the order of calls" "no strace here"
fi
test_done
