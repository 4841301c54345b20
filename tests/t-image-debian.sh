# an image of a minimal Debian: apt-get install in it, in each id map, becomes an image with true owners
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"
. "$srcdir/tests/debian.sh"
need debian_network || skip_all "no packages to be had here"
need debian_tree || skip_all "no minimal tree: neither $cache/debian.tar nor mmdebstrap with its ids"

rootlet() { "$ROOTLET" "$@"; }
imports() { rootlet import -q "$cache/debian.tar" debian:minimal >/dev/null; }
test_ok "a minimal Debian is imported" imports

install() {
	timeout 140 "$ROOTLET" run -q --net=host --idmap="$kind" -e DEBIAN_FRONTEND=noninteractive \
		-e http_proxy -e https_proxy --commit "debian:$kind" debian:minimal sh -c '
			apt-get -q update && apt-get -q install -y --no-install-recommends at' >"$tmp/log" 2>&1 || {
		tail -n 30 "$tmp/log"
		return 1
	}
}
works() { rootlet run -q --idmap="$kind" "debian:$kind" at -V 2>&1 | grep '^at version'; }
audit_is_clean() { prints "" rootlet run -q --idmap="$kind" "debian:$kind" dpkg --audit; }
owners() {
	rootlet run -q --idmap="$kind" "debian:$kind" stat -c '%U:%G:%a %n' /etc/at.deny /usr/bin/at \
		/var/spool/cron/atjobs
}
other_user() {
	rootlet run -q --idmap="$kind" "debian:$kind" su daemon -s /bin/sh -c 'id -un; id -gn' | tr '\n' ' '
}
# What the new layer has, without what is other at each time or place.
cat >"$tmp/list.py" <<'X'
import gzip, json, sys, tarfile
store, name = sys.argv[1:]
def blob(d):
    return f"{store}/blobs/sha256/{d['digest'][7:]}"
key = "org.opencontainers.image.ref.name"
index = json.load(open(store + "/index.json"))["manifests"]
manifest = json.load(open(blob(next(d for d in index if d["annotations"][key] == name))))
for e in sorted(tarfile.open(fileobj=gzip.open(blob(manifest["layers"][-1]))), key=lambda e: e.name):
    if "/lists/" not in e.name and "/log/" not in e.name and not e.name.startswith("tmp/"):
        print(e.name, e.type.decode(), oct(e.mode), e.uid, e.gid, e.linkname)
X
list() { python3 "$tmp/list.py" "$XDG_DATA_HOME/rootlet" "debian:$kind" >"$tmp/$kind.list"; }
has_true_owners() {
	list && grep ' /*etc/at.deny\|usr/bin/at \|atjobs' "$tmp/$kind.list" &&
		grep -q '^usr/bin/at 0 0o6755 1 1 $' "$tmp/$kind.list" &&
		grep -q '^var/spool/cron/atjobs/* 5 0o1770 1 1 $' "$tmp/$kind.list"
}
same_list() { diff "$tmp/$first.list" "$tmp/$kind.list"; }

first=
kinds="single range"
! need root || kinds="single root"
for kind in $kinds; do
	if [ "$kind" = range ] && ! need subids; then
		test_skip "range: apt-get install at" "no subordinate ids"
		continue
	fi
	test_ok "$kind: apt-get install at, which becomes an image" install
	test_ok "$kind: the new image has the program" works
	test_ok "$kind: dpkg finds nothing half done" audit_is_clean
	# With one id alone, what a program sees are files of root's; what is recorded is in the layer.
	[ "$kind" = single ] || test_ok "$kind: files have their owners" prints "root:daemon:640 /etc/at.deny
daemon:daemon:6755 /usr/bin/at
daemon:daemon:1770 /var/spool/cron/atjobs" owners
	test_ok "$kind: so has the layer" has_true_owners
	test_ok "$kind: su gives another user" prints "daemon daemon " other_user
	if [ "$first" ]; then
		test_ok "$kind: the layer has what it has with $first" same_list
	fi
	first=${first:-$kind}
done
test_done
