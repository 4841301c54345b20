# debian - for test scripts: a minimal Debian as a tar file, $cache/debian.tar, made once for everybody
# shellcheck shell=sh disable=SC2034,SC2154
mirror=http://deb.debian.org/debian
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null)
cache=${ROOTLET_TEST_CACHE:-/var/tmp/rootlet-test-cache}

have_debian_network() {
	[ -n "$suite" ] && timeout 20 /usr/lib/apt/apt-helper -o Acquire::Retries=0 download-file \
		"$mirror/dists/$suite/Release" "$tmp/Release" >/dev/null 2>&1
}
# The tree is made once, by the first who can: a tar file with owners, for everybody.
make_debian() {
	need mmdebstrap || return
	mode=unshare
	! have_root || mode=root
	# In a directory that a user of the range can reach.
	(cd / && TMPDIR=$cache timeout 120 mmdebstrap --quiet --variant=apt --mode="$mode" "$suite" - \
		"deb $mirror $suite main" >"$cache/debian.tar.$$" 2>"$tmp/mmdebstrap.log") &&
		chmod 644 "$cache/debian.tar.$$" && mv "$cache/debian.tar.$$" "$cache/debian.tar" &&
		return
	rm -f "$cache/debian.tar.$$"
	sed 's/^/# /' "$tmp/mmdebstrap.log"
	return 1
}
# Whoever comes meanwhile waits for it: two would take the processor from each other.
have_debian_tree() {
	[ -s "$cache/debian.tar" ] && return
	[ -d "$cache" ] || { mkdir -p "$cache" && chmod 1777 "$cache"; } || return
	exec 9<"$cache" || return
	flock -w 200 9
	[ -s "$cache/debian.tar" ] || make_debian 9>&-
	made=$?
	exec 9>&-
	return $made
}
