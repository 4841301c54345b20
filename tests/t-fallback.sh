# Older kernels and closed doors: full protection, or one line that says what is missing
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
chmod 711 "$tmp"
mkdir "$tmp/vol"
: >"$base/etc/resolv.conf"

# The missing call answers ENOSYS, in rootlet and in everything that it starts.
without() { "$testbin/no-syscall" "$@"; }
# What is compared with: under no_new_privs like the other, where that is needed for a filter.
if have_root; then
	with_all() { "$@"; }
else
	with_all() { setpriv --no-new-privs "$@"; }
fi

# Place, what of it, options and type of each mount; not the numbers, nor the name of the layer.
cat >"$tmp/mounts.awk" <<-'END'
	{
		for (i = 7; $i != "-"; i++) ;
		sub(/.*\/scratch\/[0-9a-f]*/, "layer", $4)
		print $5, $4, $6, $(i + 1)
	}
END
# Of the filters one is that of no-syscall.
cat >"$tmp/status.awk" <<-'END'
	/^Seccomp_filters:/ { print $1, $2 - extra; next }
	{ print }
END
chmod 644 "$tmp"/*.awk

# posture EXTRA-FILTERS PREFIX OPTION...: what a program sees of its protection, as lines that can be
# compared.
posture() {
	extra=$1 prefix=$2
	shift 2
	# shellcheck disable=SC2086
	{
		$prefix "$ROOTLET" run "$@" "$base" /bin/probe status Uid Gid Groups Cap NoNewPrivs \
			Seccomp_filters >"$tmp/status" &&
			awk -v extra="$extra" -f "$tmp/status.awk" "$tmp/status" &&
			$prefix "$ROOTLET" run "$@" "$base" /bin/probe fds &&
			$prefix "$ROOTLET" run "$@" "$base" /bin/probe write /new /etc/passwd \
				/proc/sys/kernel/hostname /sys/x /vol/x &&
			$prefix "$ROOTLET" run "$@" "$base" /bin/probe ls /dev &&
			$prefix "$ROOTLET" run "$@" "$base" /bin/probe cat /proc/self/mountinfo >"$tmp/mounts" &&
			awk -f "$tmp/mounts.awk" "$tmp/mounts"
	} 9>"$tmp/held"
}

# is_named CALL VERSION-PATTERN: there is one line, and a hint at most, and they name what is missing.
is_named() {
	cat "$tmp/stderr"
	[ "$(grep -vc '^hint: ' "$tmp/stderr")" = 1 ] && [ "$(wc -l <"$tmp/stderr")" -le 2 ] &&
		grep -q '^rootlet: ' "$tmp/stderr" && grep -q "$1" "$tmp/stderr" &&
		grep -qE "Linux ($2)([^0-9]|\$)" "$tmp/stderr"
}

# full_or_named CALL VERSION-PATTERN OPTION...: the same protection as with the call, or a line that names it.
full_or_named() {
	call=$1 version=$2
	shift 2
	with=$tmp/with.$(echo "$*" | cksum | cut -d ' ' -f 1)
	if [ ! -e "$with" ]; then
		posture 0 with_all "$@" >"$tmp/with" 2>&1 || {
			cat "$tmp/with"
			return 1
		}
		mv "$tmp/with" "$with"
	fi
	# A profile is compiled again.
	rm -rf "$XDG_DATA_HOME/rootlet/cache"
	if posture 1 "without $call" "$@" >"$tmp/without" 2>"$tmp/stderr"; then
		diff "$with" "$tmp/without"
	else
		[ ! -s "$tmp/without" ] && is_named "$call" "$version"
	fi
}

# Landlock and keys are taken where the kernel has them: the manual page says so.
profile=$srcdir/src/seccomp/default.json
while read -r call version; do
	full() {
		# shellcheck disable=SC2086
		test_ok "without $call: $1" full_or_named "$call" "$version" $2
	}
	full "the default" ""
	full "a volume" "-v $tmp/vol:/vol"
	full "a read-only volume" "-v $tmp/vol:/vol:ro"
	full "a volume with a layer" "-v $tmp/vol:/vol:layer"
	full "--read-only" "--read-only"
	if need ram_layer; then
		full "the layer in memory" "--layer=ram"
	else
		test_skip "without $call: the layer in memory" "tmpfs has no user attributes here"
	fi
	full "the machine's network" "--net=host"
	full "one id" "--idmap=single"
	full "another user" "--user user"
	full "another directory, a file in memory, a device, a tmpfs" \
		"--workdir /etc --add-host a:127.0.0.2 --device /dev/null:/null --tmpfs /vol"
	full "without init" "--init=no"
	full "a profile" "--seccomp $profile"
	full "no capabilities" "--cap-drop ALL"
	full "--privileged" "--privileged"
done <<-'END'
	clone3 5\.3
	openat2 5\.6
	open_tree 5\.2
	fsopen 5\.2
	mount_setattr 5\.12
	move_mount 5\.2
	close_range 5\.9
	landlock_create_ruleset 5\.13
	memfd_create 3\.17
	keyctl 2\.6
	statx 4\.11|5\.8
END

# The copy of the machine: many mounts, so just a glance for each.
host_posture() {
	host_extra=$1
	shift
	"$@" "$ROOTLET" run host sh -c 'cat /proc/self/mountinfo && echo end && ls /proc/self/fd /dev &&
		pwd && grep -E "^(Uid|Gid|Cap|NoNewPrivs|Seccomp_filters)" /proc/self/status' \
		>"$tmp/mounts" || return
	sed '/^end$/,$d' "$tmp/mounts" | awk -f "$tmp/mounts.awk"
	sed '1,/^end$/d' "$tmp/mounts" | awk -v extra="$host_extra" -f "$tmp/status.awk"
}
host_full_or_named() {
	host_posture 0 with_all >"$tmp/with" || return
	if host_posture 1 without "$1" >"$tmp/without" 2>"$tmp/stderr"; then
		diff "$tmp/with" "$tmp/without"
	else
		is_named "$1" "$2"
	fi
}
while read -r call version; do
	test_ok "without $call: the copy of the machine" host_full_or_named "$call" "$version"
done <<-'END'
	clone3 5\.3
	openat2 5\.6
	open_tree 5\.2
	mount_setattr 5\.12
	move_mount 5\.2
	close_range 5\.9
	statx 4\.11|5\.8
END
test_ok "without all that can be done without" full_or_named \
	clone3,landlock_create_ruleset,keyctl,fsopen 5.3

# A descriptor above the limit of open files is found, too.
high_descriptor() {
	python3 -c '
import os, resource, sys
os.dup2(os.open(sys.argv[1], os.O_RDONLY), 500)
os.set_inheritable(500, True)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
os.execv(sys.argv[2], sys.argv[2:])' "$tmp" "$@" "$ROOTLET" run "$base" /bin/probe ls /proc/self/fd \
		>"$tmp/fds" 2>"$tmp/stderr"
	got=$?
	cat "$tmp/fds" "$tmp/stderr"
	! grep -qx 500 "$tmp/fds" && { [ "$got" = 0 ] || grep -q close_range "$tmp/stderr"; }
}
have_env() { [ -x /usr/bin/env ]; }
if need python3 env; then
	test_if plain_start "it is started by a script here" "an inherited descriptor above the limit is closed" high_descriptor /usr/bin/env
	test_if plain_start "it is started by a script here" "also without close_range" high_descriptor "$testbin/no-syscall" close_range
else
	test_skip "an inherited descriptor above the limit is closed" "no python3 here"
fi

# --- namespaces that are used up ---

# limited KIND: in a user namespace where no more of that kind may be made.
limited() {
	fails_with "make namespaces" unshare -r sh -c 'echo 0 >"/proc/sys/user/max_$1_namespaces" || exit 77
		exec "$ROOTLET" run "$2" /bin/true' sh "$1" "$base" &&
		grep "^hint: .*user\.max_$2_namespaces" "$tmp/stderr"
}
have_limits() {
	unshare -r sh -c 'echo 0 >/proc/sys/user/max_user_namespaces' 2>/dev/null
}
if need limits; then
	test_ok "where no user namespace may be made, the hint names the limit" limited user user
	for kind in mnt pid net ipc uts cgroup; do
		test_ok "where no $kind namespace may be made, the hint names the limit" \
			limited $kind "[a-z]*"
	done
else
	test_skip "where no namespace may be made, the hint names the limit" "no such limits here"
fi
nothing_is_left() { wait_empty "$XDG_DATA_HOME/rootlet/scratch"; }
test_ok "nothing of all these is left" nothing_is_left
test_done
