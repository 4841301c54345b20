#!/bin/sh
# The suite on another kernel, booted in qemu; needs no root.
#
#   kernel.sh BUILD
#
# Environment:
#   KERNEL   a package file linux-image-*.deb, or a kernel image (its modules are looked for in
#            $MODULES, which is its lib/modules/VERSION); otherwise the kernel package of this Debian
#            is downloaded, not installed
#   TESTS    names as t-run, or "all"; otherwise what depends on the kernel
#   KINDS    "user single root" or some of these: with subordinate ids, without, root
#   LIMIT    seconds until the machine is turned off; a minute before, the tests are ended
#
# What is downloaded or made is kept in BUILD/kernel, the logs of the tests in BUILD/kernel/logs.
# Emulation is by software but where the processor's own virtualization works.  The last line is
# "N passed, N failed, N skipped".
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:?directory of the build}" && pwd)
cache=$build/kernel
limit=${LIMIT:-2400}
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null)

# What the suite needs of a system, and rootlet's helpers of libraries; no compilers and linters.
packages=acl,attr,bash,bubblewrap,iproute2,kmod,libcap2-bin,libcap-ng0,libjansson4,libseccomp2
packages=$packages,login,mount,passwd,procps,python3,strace,tmux,uidmap,util-linux,xz-utils
# In the order in which they are loaded; one that is built in, or unknown, is passed over.
modules='virtio_pci virtio_blk crc32c_generic ext4 overlay fuse tun veth unix_diag inet_diag binfmt_misc'

say() {
	printf '==> %s\n' "$*" >&2
}

die() {
	printf 'kernel.sh: %s\n' "$*" >&2
	exit 1
}

stage=$(mktemp -d /var/tmp/rootlet-kernel.XXXXXX) || exit 1
machine=
cleanup() {
	[ -z "$machine" ] || kill -KILL "$machine" 2>/dev/null
	rm -rf "$stage"
}
trap 'cleanup' EXIT
trap 'exit 1' HUP INT TERM

# need_tools TOOL:PACKAGE...
need_tools() {
	missing=
	for t in "$@"; do
		command -v "${t%:*}" >/dev/null && continue
		echo "kernel.sh: ${t%:*} is missing here; it is in package ${t#*:}" >&2
		missing=yes
	done
	[ -z "$missing" ] || exit 1
}

# --- the kernel: $image, $version and, below $tree/lib/modules, what can be loaded ---

# download PACKAGE: its file in the cache becomes $deb.
download() {
	deb=$(find "$cache" -maxdepth 1 -name "$1_*.deb" | head -n 1)
	[ -z "$deb" ] || return 0
	say "downloading $1"
	(cd "$cache" && apt-get -q download "$1" >download.log 2>&1) || {
		cat "$cache/download.log" >&2
		die "no package $1 to be had; apt-get update may help, or KERNEL=FILE"
	}
	deb=$(find "$cache" -maxdepth 1 -name "$1_*.deb" | head -n 1)
}

debian_kernel() {
	name=$(apt-cache depends "linux-image-amd64" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	[ -n "$name" ] || die "apt knows no linux-image-amd64; name a kernel by KERNEL=FILE"
	download "$name"
}

# Of the package only what may be loaded here: a twentieth of it.
unpack_kernel() {
	tree=$cache/${1##*/}
	tree=${tree%.deb}
	if [ ! -e "$tree/whole" ]; then
		say "unpacking ${1##*/}"
		rm -rf "$tree"
		mkdir "$tree"
		dpkg-deb --fsys-tarfile "$1" | tar -x -C "$tree" --wildcards --no-anchored '*/boot/vmlinuz-*' \
			'lib/modules/*/modules.*' 'lib/modules/*/kernel/arch' 'lib/modules/*/kernel/crypto' \
			'lib/modules/*/kernel/lib' 'lib/modules/*/kernel/fs' 'lib/modules/*/kernel/net' \
			'lib/modules/*/kernel/drivers/virtio' 'lib/modules/*/kernel/drivers/block' \
			'lib/modules/*/kernel/drivers/net' || [ -e "$tree/boot" ] || die "cannot unpack $1"
		[ ! -d "$tree/usr/lib/modules" ] || mv "$tree/usr/lib" "$tree/lib"
		: >"$tree/whole"
	fi
	image=$(find "$tree/boot" -name 'vmlinuz-*' | head -n 1)
	version=${image##*/vmlinuz-}
}

find_kernel() {
	case ${KERNEL-} in
	'')
		debian_kernel
		unpack_kernel "$deb"
		;;
	*.deb)
		unpack_kernel "$KERNEL"
		;;
	*)
		image=$KERNEL
		version=${image##*/vmlinuz-}
		[ -z "${MODULES-}" ] || version=${MODULES##*/}
		tree=$stage/modules
		mkdir -p "$tree/lib/modules"
		: "${MODULES:=$(dirname "$image")/../lib/modules/$version}"
		[ ! -d "$MODULES" ] || cp -RL "$MODULES" "$tree/lib/modules/$version"
		;;
	esac
	[ -r "$image" ] || die "cannot read $image"
	[ ! -d "$tree/lib/modules/$version" ] || depmod -b "$tree" "$version"
}

# --- the first file system: loads what the disk needs, and goes on there ---

# Numbered, in the order of loading.
copy_modules() {
	[ -d "$tree/lib/modules/$version" ] || return 0
	for m in $modules; do
		/sbin/modprobe -d "$tree" -S "$version" --show-depends "$m" 2>/dev/null
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$stage/load"
	n=100
	while read -r file; do
		n=$((n + 1))
		base=${file##*/}
		case $base in
		*.xz) xz -dc "$file" >"$1/$n-${base%.xz}" ;;
		*.zst) zstd -qdc "$file" >"$1/$n-${base%.zst}" ;;
		*) cp "$file" "$1/$n-$base" ;;
		esac || die "cannot unpack $file"
	done <"$stage/load"
}

make_initramfs() {
	download busybox-static
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$stage" --strip-components=2 ./bin/busybox 2>/dev/null ||
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$stage" --strip-components=3 ./usr/bin/busybox
	mkdir -p "$stage/first/bin" "$stage/first/dev" "$stage/first/proc" "$stage/first/root" "$stage/first/modules"
	mv "$stage/busybox" "$stage/first/bin/busybox"
	copy_modules "$stage/first/modules"
	cat >"$stage/first/init" <<-'END'
		#!/bin/busybox sh
		bb=/bin/busybox
		$bb mount -t devtmpfs dev /dev
		exec </dev/console >/dev/console 2>&1
		for m in /modules/*.ko; do
			[ ! -e "$m" ] || $bb insmod "$m" || echo "cannot load $m"
		done
		for i in 1 2 3 4 5 6 7 8 9 10; do
			[ -b /dev/vdc ] && break
			$bb sleep 1
		done
		$bb mount -t ext4 /dev/vda /root
		$bb tar -x -f /dev/vdb -C /root/srv
		$bb mount -t devtmpfs dev /root/dev
		exec $bb switch_root -c /dev/console /root /bin/sh /srv/check/src/tests/kernel-init.sh
	END
	chmod +x "$stage/first/init"
	(cd "$stage/first" && find . | cpio --quiet -o -H newc -R 0:0) >"$stage/initramfs"
}

# --- the disks: the system, which is kept and never written, what is tested, and the logs ---

# as_owner COMMAND...: with ids to give files to.
as_owner() {
	if [ "$(id -u)" = 0 ]; then "$@"; else unshare --map-root-user --map-auto "$@"; fi
}

# The programs are linked with the C library of this machine: the system is the same Debian.
make_system() {
	system=$cache/$suite.img
	[ -s "$system" ] && [ "$(cat "$system.packages" 2>/dev/null)" = "$packages" ] && return
	say "making a $suite to boot"
	mmdebstrap --quiet --variant=apt --include="$packages" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		"$suite" "$stage/system.tar" >"$cache/mmdebstrap.log" 2>&1 || {
		cat "$cache/mmdebstrap.log" >&2
		die "mmdebstrap could not make the system"
	}
	rm -f "$system"
	truncate -s 3G "$stage/system.img"
	mkdir "$stage/system"
	as_owner sh -c '
		tar -x -C "$1/system" --same-owner -p --exclude="./dev/*" -f "$1/system.tar" &&
			/sbin/mke2fs -q -t ext4 -d "$1/system" "$1/system.img"
		status=$?
		rm -rf "$1/system" "$1/system.tar"
		exit $status' sh "$stage" || die "mke2fs could not make the disk"
	cp --sparse=always "$stage/system.img" "$system"
	rm -f "$stage/system.img"
	echo "$packages" >"$system.packages"
}

names() {
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$build" --no-print-directory "$1"
}

# The names as the makefile has them, of what is chosen.
choose() {
	case ${TESTS-} in
	all)
		unit_names=$(names print-unit-tests)
		script_names=$(names print-test-scripts)
		;;
	'')
		unit_names=
		script_names=
		for t in $(names print-test-scripts); do
			case $t in
			*/t-completions.sh | */t-docs-in-sync.sh | */t-layers.sh | */t-scripts.sh) ;;
			*) script_names="$script_names $t" ;;
			esac
		done
		;;
	*)
		unit_names=
		script_names=
		for t in $TESTS; do
			t=tests/${t##*/}
			if [ -e "$top/${t%.sh}.sh" ]; then
				script_names="$script_names ${t%.sh}.sh"
			elif [ -x "$build/$t" ]; then
				unit_names="$unit_names $t"
			else
				die "no test ${t##*/}"
			fi
		done
		;;
	esac
}

make_check_disk() {
	mkdir -p "$stage/check/src" "$stage/check/build"
	(cd "$top" && tar -c --exclude=./.git --exclude='./.build*' --exclude=./autom4te.cache .) |
		tar -x -C "$stage/check/src"
	(cd "$build" && tar -c --exclude='*.o' rootlet libexec tests) | tar -x -C "$stage/check/build"
	chmod -R a+rX "$stage/check"
	{
		echo "seconds=$((limit - 60))"
		echo "kinds='${KINDS:-user single root}'"
		echo "unit_names='$unit_names'"
		echo "script_names='$script_names'"
		echo "ROOTLET_MUST_HAVE='${ROOTLET_MUST_HAVE-userns overlay bwrap tmux python3 strace}'"
	} >"$stage/check/request"
	tar -c -C "$stage" --owner=0 --group=0 check >"$stage/check.img"
	truncate -s 64M "$stage/logs.img"
}

# --- the machine ---

# A /dev/kvm that is there may still not work: that of a processor without the feature does not.
accelerator() {
	if [ -w /dev/kvm ] && grep -Eqw 'vmx|svm' /proc/cpuinfo; then
		echo "-accel kvm -cpu host"
	else
		echo "-accel tcg,thread=multi -cpu max"
	fi
}

boot() {
	: >"$stage/serial"
	# shellcheck disable=SC2046 # words
	setpriv --pdeathsig KILL nice -n 10 qemu-system-x86_64 $(accelerator) -smp 2 -m 2048 \
		-nodefaults -no-user-config -display none -no-reboot -serial "file:$stage/serial" \
		-kernel "$image" -initrd "$stage/initramfs" \
		-append "console=ttyS0 panic=-1 quiet loglevel=4" \
		-drive "file=$system,if=virtio,format=raw,snapshot=on" \
		-drive "file=$stage/check.img,if=virtio,format=raw,readonly=on" \
		-drive "file=$stage/logs.img,if=virtio,format=raw,cache=unsafe" \
		</dev/null >"$stage/qemu.log" 2>&1 &
	machine=$!
	tail -n +1 -f --pid="$machine" "$stage/serial" | sed -u "s/\r$//" &
	viewer=$!
	end=$(($(date +%s) + limit))
	while kill -0 "$machine" 2>/dev/null && [ "$(date +%s)" -lt "$end" ]; do
		sleep 1
	done
	kill -KILL "$machine" 2>/dev/null && echo "turned off after $limit s" >>"$stage/qemu.log"
	wait "$machine" 2>/dev/null
	machine=
	wait "$viewer"
}

report() {
	rm -rf "$cache/logs"
	tar -x -C "$cache" -f "$stage/logs.img" 2>/dev/null
	tr -d '\r' <"$stage/serial" >"$cache/serial"
	cat "$stage/qemu.log" >&2
	counts=$(sed -n 's/^==> end: \([0-9]* passed, [0-9]* failed, [0-9]* skipped\)$/\1/p' "$cache/serial")
	[ -n "$counts" ] || die "the machine did not come to its end; what it said is in $cache/serial and logs"
	if grep -E 'BUG:|WARNING:|Oops' "$cache/serial" "$cache/logs/dmesg"; then
		say "the kernel complained"
	fi
	echo "$counts"
	case $counts in
	"0 passed"*) exit 1 ;;
	*" passed, 0 failed"*) ;;
	*) exit 1 ;;
	esac
}

[ "$(uname -m)" = x86_64 ] || die "only for x86_64 so far"
[ -n "$suite" ] || die "no VERSION_CODENAME in /etc/os-release: which Debian to make?"
need_tools qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mke2fs:e2fsprogs cpio:cpio \
	depmod:kmod dpkg-deb:dpkg apt-get:apt xz:xz-utils setpriv:util-linux
mkdir -p "$cache"
started=$(date +%s)
choose
find_kernel
make_initramfs
make_system
make_check_disk
say "booting $version"
boot
say "$(($(date +%s) - started)) s in all"
report
