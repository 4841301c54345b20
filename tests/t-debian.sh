# apt-get install of a package with users, set-id files and capabilities, in a minimal Debian
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"

. "$srcdir/tests/debian.sh"
need debian_network || skip_all "no packages to be had here"
need debian_tree || skip_all "no minimal tree: neither $cache/debian.tar nor mmdebstrap with its ids"

tree=$tmp/work/tree
out=$tmp/out
chmod 711 "$tmp"
mkdir -m 777 "$out"
chmod 777 "$out"

# What a package manager needs of the caller's environment: how to reach the network.
install() {
	timeout 140 "$ROOTLET" run --net=host --idmap="$kind" -e DEBIAN_FRONTEND=noninteractive \
		-e http_proxy -e https_proxy -v "$out:/out" "$tree" sh -c '
			apt-get -q update && touch /out/updated &&
				apt-get -q install -y openssh-server iputils-ping libcap2-bin attr &&
				touch /out/installed
			cp /etc/passwd /etc/group /out
			dpkg --audit >/out/audit 2>&1
			stat -c "%u:%g:%a" /usr/bin/ssh-agent >/out/agent-stat
			getfattr --absolute-names --only-values -n user.containers.override_stat \
				/usr/bin/ssh-agent >/out/agent-record
			getcap /bin/ping /usr/bin/ping >/out/capabilities
			ssh-keygen -A && mkdir -p /run/sshd && /usr/sbin/sshd -t && touch /out/sshd-works
			ls -l /etc/shadow >/out/shadow
			chmod 666 /out/*' >"$out/log" 2>&1
	[ -e "$out/installed" ] || {
		tail -n 30 "$out/log"
		return 1
	}
}
audit_is_clean() {
	cat "$out/audit"
	[ -e "$out/audit" ] && [ ! -s "$out/audit" ]
}
ssh_gid() { awk -F: '$1 == "_ssh" { print $3 }' "$out/group"; }
tree_is_untouched() {
	changed=$(find "$tree" -cnewer "$tmp/stamp" 2>/dev/null | head -n 5)
	echo "$changed"
	[ -e "$tree/etc/passwd" ] && [ -z "$changed" ]
}

test_kind() {
	test_ok "$kind: apt-get install openssh-server" install
	test_ok "$kind: dpkg finds nothing half done" audit_is_clean
	test_ok "$kind: the package's user is there" grep '^sshd:' "$out/passwd"
	test_ok "$kind: its group, too" grep '^_ssh:' "$out/group"
	if [ "$kind" = single ]; then
		test_ok "$kind: the owner of a set-group-id file is recorded" \
			prints "0:$(ssh_gid):2755:file" cat "$out/agent-record"
		test_ok "$kind: the file is root's" prints 0:0:2755 cat "$out/agent-stat"
	else
		test_ok "$kind: a set-group-id file has its group" \
			prints "0:$(ssh_gid):2755" cat "$out/agent-stat"
		test_ok "$kind: nothing is recorded" [ ! -s "$out/agent-record" ]
	fi
	test_ok "$kind: a file has its capability" grep 'ping cap_net_raw=ep' "$out/capabilities"
	test_ok "$kind: sshd accepts its configuration" [ -e "$out/sshd-works" ]
	test_ok "$kind: the base is untouched" tree_is_untouched
	if [ "$kind" = range ]; then
		remove_tree
	fi
	rm -rf "$tree" "${out:?}"/*
}
# Files of subordinate ids can be made and removed only with those ids.
unpack() {
	mkdir "$tree" || return
	case $kind in
	single) tar -x -C "$tree" --no-same-owner --exclude './dev/*' -f "$cache/debian.tar" ;;
	root) tar -x -C "$tree" --same-owner -p --exclude './dev/*' -f "$cache/debian.tar" ;;
	range) "$ROOTLET" run --idmap=range -v "$tree:/mnt" host \
		tar -x -C /mnt --same-owner -p --exclude './dev/*' <"$cache/debian.tar" ;;
	esac
}
remove_tree() { "$ROOTLET" run --idmap=range -v "$tmp/work:/mnt" host rm -rf /mnt/tree; }

other=range
! need root || other=root
for kind in single $other; do
	if [ "$kind" = range ] && ! need subids; then
		test_skip "range: apt-get install openssh-server" "no subordinate ids"
		continue
	fi
	test_ok "$kind: a minimal Debian is unpacked" unpack
	sleep 0.05
	touch "$tmp/stamp"
	test_kind
done
test_done
