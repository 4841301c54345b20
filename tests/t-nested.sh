# rootlet inside other sandboxes and inside itself: it works, or says in one line why not
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
chmod 711 "$tmp"

ids='0 0 0 0:'
# Inside, as $HOME may not be ours to write.
mkdir "$tmp/home"
HOME=$tmp/home
# A build in /tmp would not be seen inside.
cp "$ROOTLET" "$tmp/rootlet"
ROOTLET=$tmp/rootlet
export HOME ROOTLET

# Each takes a prefix: the command that makes the place where rootlet is started.
# A new place has 15 seconds: a hang is a failure, too.
start_in() { timeout 15 "$@" "$ROOTLET" run "$base" /bin/probe ids 3>&-; }
works_in() { prints "$ids" start_in "$@"; }
# refused_in TEXT PREFIX...: with one line that has TEXT, and a hint.
refused_in() {
	refused_text=$1
	shift
	fails_with "$refused_text" start_in "$@" && grep '^hint: ' "$tmp/stderr"
}
# It works, or it is refused in one line, with a hint or without.
honest_in() {
	out=$(start_in "$@" 2>"$tmp/honest")
	got=$?
	cat "$tmp/honest"
	[ "$got" = 0 ] && [ "$out" = "$ids" ] && return
	[ "$got" = 125 ] && [ "$(grep -c '^rootlet: ' "$tmp/honest")" = 1 ] &&
		[ "$(grep -vc '^hint: ' "$tmp/honest")" = 1 ] && [ "$(wc -l <"$tmp/honest")" -le 2 ]
}
# The same, and the line alone would not say why.
hinted_in() {
	honest_in "$@" && { [ ! -s "$tmp/honest" ] || grep -q '^hint: ' "$tmp/honest"; }
}
# Root's /proc has covers that the kernel takes as a reason to refuse another one.
user_works_in() {
	if [ "$(id -u)" = 0 ]; then
		honest_in "$@"
	else
		works_in "$@"
	fi
}

# --- inside itself ---

test_ok "inside --privileged" user_works_in "$ROOTLET" run --privileged host
test_ok "inside --privileged with one id" user_works_in "$ROOTLET" run --privileged --idmap=single host
test_ok "inside --privileged without init" user_works_in "$ROOTLET" run --privileged --init=no host
test_ram "inside --privileged, with the data directory that is hidden there" \
	user_works_in "$ROOTLET" run --privileged -e XDG_DATA_HOME host
test_ram "inside --privileged --read-only" user_works_in "$ROOTLET" run --privileged --read-only host
# The kernel stacks two overlays, not three.
test_ok "three deep" hinted_in "$ROOTLET" run --privileged --idmap=single host \
	"$ROOTLET" run --privileged host
host_in_host() {
	if have_root; then
		honest_in "$ROOTLET" run --privileged --idmap=single "$@" host
		return
	fi
	prints 0 "$ROOTLET" run --privileged --idmap=single "$@" host \
		"$ROOTLET" run host id -u
}
test_ok "the machine inside the machine" host_in_host
test_ok "also with the data directory that is hidden there" host_in_host -e XDG_DATA_HOME
# Whom the emulation outside has not changed, it leaves to the namespace inside.
user_inside() {
	"$ROOTLET" run --privileged --idmap=single host "$ROOTLET" run -u 1000:5 host sh -c 'echo $(id -u) $(id -g)'
}
if have_root; then
	test_skip "the user of the inner sandbox" "no second /proc for root"
else
	test_ok "the user of the inner sandbox" prints "1000 5" user_inside
fi
have_getfattr() { command -v getfattr >/dev/null; }
inner_emulation() {
	"$ROOTLET" run --privileged --idmap=single host "$ROOTLET" run --idmap=single host sh -c \
		'touch f && chown 5:6 f && getfattr --only-values -n user.containers.override_stat f'
}
if have_root; then
	test_skip "ownership is emulated inside as outside" "no second /proc for root"
elif need getfattr; then
	test_ram "ownership is emulated inside as outside" prints 5:6:0644:file inner_emulation
else
	test_skip "ownership is emulated inside as outside" "no getfattr here"
fi
inner_layer_is_gone() { wait_empty "$XDG_DATA_HOME/rootlet/scratch"; }
test_ok "no layer is left" inner_layer_is_gone
test_ok "inside the default sandbox: refused" refused_in "make namespaces" "$ROOTLET" run host
test_ok "inside one with the machine's network: refused" \
	refused_in "make namespaces" "$ROOTLET" run --net=host host
test_ok "inside one without a system call filter" hinted_in "$ROOTLET" run --seccomp=unconfined host
test_ok "inside one without no_new_privs" \
	hinted_in "$ROOTLET" run --seccomp=unconfined --new-privs=yes host
test_ok "inside one with all capabilities" hinted_in "$ROOTLET" run --cap-add ALL host

# --- inside user namespaces ---

in_single() {
	works_in "$@" && timeout 15 "$@" "$ROOTLET" run "$base" /bin/probe cat /proc/self/uid_map |
		awk '{ exit !($3 == 1) }'
}
test_ok "inside unshare -r: with the one id that there is" in_single unshare -r
test_ok "inside unshare -rm" in_single unshare -rm
test_ok "inside unshare with new everything" in_single unshare -rmpfinuC --mount-proc
test_ok "inside a new process id namespace with the old /proc" in_single unshare -rpf
test_ok "inside unshare with the caller's own id" in_single unshare -c
network_there() {
	unshare -rn "$ROOTLET" run --net=host "$base" /bin/probe cat /proc/net/dev |
		awk -F: 'NR > 2 { print $1 }' | tr -d ' '
}
test_ok "the network of unshare -rn is the machine's there" prints lo network_there
test_ok "inside unshare without an id: refused" refused_in "make namespaces" unshare -U
eight_deep() {
	works_in unshare -r unshare -r unshare -r unshare -r unshare -r unshare -r unshare -r
}
test_ok "inside seven user namespaces" eight_deep
# As deep as it goes: 33 user namespaces below the machine's, fewer in a container.
deepest() {
	set --
	for n in $(seq 40); do
		set -- "$@" unshare -r
		[ "$n" -lt 20 ] || "$@" unshare -r true 2>/dev/null || break
	done
	"$@" true && refused_in "make namespaces" "$@"
}
test_ok "where no more fit into each other: refused" deepest

# --- inside bubblewrap ---

if need bwrap && bwrap --dev-bind / / --unshare-user true 2>/dev/null; then
	test_ok "inside bwrap with nothing new" works_in bwrap --dev-bind / /
	test_ok "inside bwrap --unshare-user --cap-add ALL" \
		works_in bwrap --dev-bind / / --unshare-user --cap-add ALL
	test_ok "inside bwrap --unshare-user" works_in bwrap --dev-bind / / --unshare-user
	test_ok "inside bwrap --unshare-all" \
		user_works_in bwrap --unshare-all --bind / / --proc /proc --dev /dev
	test_ram "inside bwrap where nothing can be written" \
		user_works_in bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev
	if have_sanitizer; then
		test_skip "inside bwrap without /proc" "rootlet is built with a sanitizer"
	else
		test_ok "inside bwrap without /proc" \
			honest_in bwrap --unshare-all --bind / / --tmpfs /proc --dev /dev
	fi
	test_ok "inside bwrap without /dev" \
		honest_in bwrap --unshare-all --bind / / --proc /proc --tmpfs /dev
	test_ok "inside bwrap without /sys" \
		honest_in bwrap --unshare-all --bind / / --proc /proc --dev /dev --tmpfs /sys
	test_ok "inside bwrap --disable-userns: refused" refused_in "make namespaces" \
		bwrap --unshare-all --unshare-user --disable-userns --bind / / --proc /proc --dev /dev
else
	test_skip "inside bwrap" "no bwrap here"
fi

# --- inside a chroot ---

chroot_place() { # MOUNTS: a copy of the tree at $tmp/root, and rootlet started in it
	refused_in "make namespaces" unshare -m sh -c "mkdir -p \"\$tmp/root\" && $1 || exit 77
		exec chroot \"\$tmp/root\" \"\$@\"" sh && grep '^hint: .*chroot' "$tmp/stderr"
}
export tmp
if need root; then
	test_ok "inside a chroot, where the kernel refuses: the hint says so" \
		chroot_place 'mount --rbind / "$tmp/root"'
	test_ok "also in one without /proc" chroot_place 'mount --bind / "$tmp/root"'
	test_ok "inside chroot /, which is none" works_in chroot /
else
	test_skip "inside a chroot" "only root can make one"
fi
test_done
