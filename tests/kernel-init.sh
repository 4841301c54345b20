# kernel-init - the suite inside the machine that tests/kernel.sh boots
#
# PID 1 there: makes of a bare root file system what a Debian has at the end of its boot, as far as a
# test can tell, runs the suite as each kind of user, writes the logs to the third disk and turns the
# machine off.  What it prints goes to the serial line; the last line says that it came to its end.
# shellcheck shell=sh
set -u

stage=/srv/check
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
kinds='' unit_names='' script_names='' seconds=''
# These, and $ROOTLET_MUST_HAVE, are what was asked for; $seconds is the time there is.
# shellcheck source=/dev/null
. "$stage/request"
# shellcheck source=tests/users.sh
. "$stage/src/tests/users.sh"

# Without one of the second kind a kernel is still worth testing.
mount_all() {
	mount -t proc -o nosuid,nodev,noexec proc /proc
	mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
	mkdir -p /dev/pts /dev/shm /dev/mqueue /dev/hugepages
	mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
	mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
	mkdir /run/lock
	mount -t tmpfs -o nosuid,nodev,noexec,size=5m,mode=1777 tmpfs /run/lock
	mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
	for other in "securityfs /sys/kernel/security" "debugfs /sys/kernel/debug" "mqueue /dev/mqueue" \
		"hugetlbfs /dev/hugepages" "binfmt_misc /proc/sys/fs/binfmt_misc"; do
		mount -t "${other% *}" -o nosuid,noexec "${other% *}" "${other#* }" 2>/dev/null
	done
	mount --make-rshared /
	ln -sfn /proc/self/fd /dev/fd
	for n in 0:stdin 1:stdout 2:stderr; do
		ln -sfn "/proc/self/fd/${n%:*}" "/dev/${n#*:}"
	done
}

settle() {
	echo rootlet-check >/proc/sys/kernel/hostname
	echo "127.0.0.1 localhost rootlet-check" >/etc/hosts
	echo "+memory +pids +cpu" >/sys/fs/cgroup/cgroup.subtree_control
	ip link set lo up
	ensure_user "$with_ids"
	ensure_user "$without_ids"
	mkdir -m 1777 "$stage/logs" "$stage/tmp"
	: >"$stage/logs/counts"
	chmod 666 "$stage/logs/counts"
}

run_suite() {
	set --
	for t in $unit_names; do set -- "$@" "$stage/build/$t"; done
	for t in $script_names; do set -- "$@" "$stage/src/$t"; done
	for kind in $kinds; do
		case $kind in
		user) user=$with_ids ;;
		single) user=$without_ids ;;
		*) user=root ;;
		esac
		echo "==> as $user"
		run_as "$user" "$kind" build "$@"
	done
}

# Once a minute, how far the test has come that writes now.
pulse() {
	while sleep 60; do
		log=$(find "$stage/logs" -name '*.log' -mmin -1 | tail -n 1)
		[ -z "$log" ] || echo "    at $(cut -d ' ' -f 1 /proc/uptime) s: ${log#"$stage/logs/"}: $(tail -n 1 "$log")"
	done
}

# The logs are wanted also of a run that takes too long.  All but process 1 and the caller go.
watch() {
	sleep "$seconds"
	: >"$stage/late"
	kill -KILL -1
}

# The word before the counts tells the driver how it went.
sum_up() {
	how=end
	[ ! -e "$stage/late" ] || how="out of time"
	awk -v how="$how" '{ p += $1; f += $2; s += $3 }
		END { printf "==> %s: %d passed, %d failed, %d skipped\n", how, p, f, s }' "$stage/logs/counts"
}

mount_all
settle
echo "==> $(uname -sr), $(sed 's/^\([^ .]*\).*/\1/' /proc/uptime) s after the start"
pulse </dev/null &
watch </dev/null &
run_suite </dev/null &
wait $!
dmesg >"$stage/logs/dmesg"
tar -c -C "$stage" logs >/dev/vdc
sum_up
sync
echo o >/proc/sysrq-trigger
sleep 60
