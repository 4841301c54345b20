# flatpak with rootlet as its bwrap: a runtime and an application, built, installed and run offline
#
# All of it is done twice, with the installed bubblewrap and with rootlet; what the application sees
# must be equal.
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
have_flatpak() { command -v flatpak >/dev/null && command -v dbus-run-session >/dev/null; }
need userns || skip_all "no user namespaces here"
need bwrap || skip_all "no bubblewrap here"
need flatpak || skip_all "no flatpak or no dbus-run-session here"
need user || skip_all "root has no need of flatpak --user"

# --- a runtime: a shell, a few programs and their libraries ---

arch=$(flatpak --default-arch)
runtime=$tmp/runtime
mkdir -p "$runtime/usr/bin" "$runtime/usr/sbin" "$runtime/usr/lib" "$runtime/usr/lib64" \
	"$runtime/usr/etc" "$runtime/files"
for program in sh cat env id ls mkdir chmod stat readlink sed sort sleep; do
	cp -L "$(command -v $program)" "$runtime/usr/bin/"
done
cp -L /sbin/ldconfig "$runtime/usr/sbin/"
cp "$testbin/probe" "$runtime/usr/bin/"
ldd "$runtime"/usr/bin/* 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p' |
	sort -u >"$tmp/libraries"
while read -r library; do
	case $library in
	/lib64/*) cp -L "$library" "$runtime/usr/lib64" ;;
	*) cp -L "$library" "$runtime/usr/lib" ;;
	esac
done <"$tmp/libraries"
cat >"$runtime/metadata" <<X
[Runtime]
name=org.example.Platform
runtime=org.example.Platform/$arch/1
sdk=org.example.Platform/$arch/1
X

# What the application tells of its surroundings: what differs from run to run is left out.
cat >"$tmp/tell" <<'X'
#!/bin/sh
echo "hello from $0: $*"
id
probe cwd
for d in / /app /dev /etc /run /run/host "$XDG_RUNTIME_DIR"; do
	echo "$d:"
	LC_ALL=C ls -1 "$d"
done
sed 's/^[0-9]* [0-9]* [0-9:]* [^ ]*//; s/ - [^ ]* [^ ]* / /' /proc/self/mountinfo
sed -n '/^Cap\|^NoNewPrivs\|^Seccomp:\|^NSpid/p' /proc/self/status
stat -c '%F %a %u' /.flatpak-info /etc/passwd /dev/null /tmp /var/tmp
sed -n 's/^name=//p' /.flatpak-info
env | sed -n 's/^\(FLATPAK_ID\|container\|PATH\|XDG_DATA_DIRS\)=/&/p' | sort
cat /proc/net/dev
echo kept >/var/data/kept && cat /var/data/kept
exit 7
X

# --- both ---

# flat COMMAND...: in the directory of one of the two, with flatpak's own files below it.
flat() {
	(cd "$dir" && env HOME="$dir/home" XDG_RUNTIME_DIR="$dir/run" XDG_DATA_HOME="$dir/home/data" \
		XDG_CACHE_HOME="$dir/home/cache" XDG_CONFIG_HOME="$dir/home/config" \
		FLATPAK_BWRAP="$dir/bin/bwrap" FLATPAK_SYSTEM_DIR="$dir/system" \
		FLATPAK_CONFIG_DIR="$dir/config" G_DEBUG= \
		dbus-run-session -- sh -c 'DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
			export DBUS_SYSTEM_BUS_ADDRESS; exec "$@"' sh timeout 60 "$@")
}
# An empty repository for what other users of a machine would have installed.
prepare() {
	dir=$tmp/$1
	mkdir -p "$dir/bin" "$dir/home" "$dir/system/repo/objects" "$dir/system/repo/tmp" \
		"$dir/system/repo/refs/heads"
	mkdir -m 700 "$dir/run"
	printf '[core]\nrepo_version=1\nmode=bare-user-only\n' >"$dir/system/repo/config"
	ln -s "$2" "$dir/bin/bwrap"
}
export_runtime() {
	flat flatpak build-export --disable-fsync --disable-sandbox --runtime repo "$runtime" 1 &&
		flat flatpak --user remote-add --no-gpg-verify test repo
}
install_runtime() { flat flatpak --user install -y --noninteractive test org.example.Platform//1; }
build_app() {
	flat flatpak build-init app org.example.App org.example.Platform org.example.Platform 1 &&
		flat flatpak build --filesystem="$tmp/tell" app sh -c 'mkdir -p /app/bin &&
			cat "$1" >/app/bin/tell && chmod 755 /app/bin/tell && echo built by $(id -u)' sh "$tmp/tell"
}
install_app() {
	flat flatpak build-finish app --command=tell &&
		flat flatpak build-export --disable-fsync repo app 1 &&
		flat flatpak --user install -y --noninteractive test org.example.App//1
}
# Equal for both but for their names.
comparable() { sed "s|$dir|DIR|g; s|/newroot|/root|; s|\(/run/flatpak/.flatpak/\)[0-9]*|\1N|g"; }
run_app() {
	flat flatpak run org.example.App "$@" >"$dir/out" 2>"$dir/err"
	echo "status $?" >>"$dir/out"
}
app_speaks() {
	run_app one 'two  three'
	cat "$dir/out" "$dir/err"
	grep -qx 'hello from /app/bin/tell: one two  three' "$dir/out" && grep -qx kept "$dir/out" &&
		grep -qx 'status 7' "$dir/out"
}
# Its first process is told to flatpak by --info-fd; those that have ended are listed for seconds.
cat >"$tmp/end" <<'X'
flatpak run --command=sleep org.example.App 40 &
app=$!
i=0 first=
while [ ! "$first" ] && [ $i -lt 40 ]; do
	i=$((i + 1))
	sleep .2
	for pid in $(flatpak ps --columns=child-pid); do
		[ ! -e "/proc/$pid" ] || first=$pid
	done
done
echo "first: $first"
for pid in $(flatpak ps --columns=pid); do
	readlink "/proc/$pid/exe"
done
flatpak kill org.example.App
wait $app
echo "status: $?"
# Who inherits it may be slow to look.
grep -qs '^State:.[^Z]' "/proc/$first/status" || echo gone
X
end_by_name() {
	flat sh "$tmp/end" >"$dir/end" 2>&1
	cat "$dir/end"
	grep -q '^first: [0-9]' "$dir/end" && grep -qx "/.*/$1" "$dir/end" &&
		grep -qx 'status: 137' "$dir/end" && grep -qx gone "$dir/end"
}
all_of() {
	test_ok "$1: a runtime is exported" export_runtime
	test_ok "$1: and installed" install_runtime
	test_ok "$1: an application is built" build_app
	test_ok "$1: exported and installed" install_app
	test_ok "$1: and runs" app_speaks
	comparable <"$dir/out" >"$tmp/$1.out"
	test_ok "$1: is listed, and ended by its name" end_by_name "$2"
}

prepare bubblewrap "$(command -v bwrap)"
all_of bubblewrap bwrap
prepare rootlet "$ROOTLET"
all_of rootlet rootlet
same_surroundings() { diff -u "$tmp/bubblewrap.out" "$tmp/rootlet.out"; }
test_ok "the application sees the same with both" same_surroundings
chmod -R u+rwx "$tmp"
test_done
