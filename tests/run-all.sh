#!/bin/sh
# The whole suite, as every kind of user that can be had here.
#
#   run-all.sh BUILD [--grounds]
#
# As root: makes two users, one with subordinate ids and one without, and runs the suite as each of
# them and as root, then once more with sanitizers.  As somebody else: as that user, and says what is
# left out.  Then on other grounds: inside of sandboxes, and started in odd ways.  There, by default,
# run just those scripts whose outcome depends on what is around them, since a whole suite takes two
# minutes on each of eight grounds; with --grounds (make check-grounds) it is the whole suite, there
# and nowhere else.  The last line is "N passed, N failed, N skipped".
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
jobs=$(nproc 2>/dev/null || echo 2)

say() {
	printf '==> %s\n' "$*" >&2
}

# A place that every user can read: a clone may be in somebody's home directory.
stage=$(mktemp -d /var/tmp/rootlet-check.XXXXXX) || exit 1
chmod 755 "$stage"
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
. "$top/tests/users.sh"
logs=$stage/logs
mkdir -m 1777 "$logs" "$stage/tmp"
: >"$logs/counts"
: >"$logs/failures"
chmod 666 "$logs/counts" "$logs/failures"

copy_sources() {
	mkdir "$stage/src"
	(cd "$top" && tar -c --exclude=./.git --exclude='./.build*' --exclude=./autom4te.cache .) |
		tar -x -C "$stage/src" --no-same-owner
	chmod -R a+rX "$stage/src"
}

# take_build NAME DIR: what the tests need of a build.
take_build() {
	make -C "$2" -j"$jobs" --no-print-directory check TESTS= >"$logs/build-$1.log" 2>&1 || {
		cat "$logs/build-$1.log"
		exit 1
	}
	mkdir "$stage/$1"
	(cd "$2" && tar -c rootlet libexec tests) | tar -x -C "$stage/$1" --no-same-owner
	chmod -R a+rX "$stage/$1"
}

names() {
	make -s -C "$build" --no-print-directory "$1"
}

# ground LABEL WRAP MODE: MODE is for tests/ground, which starts rootlet in an odd way.
ground() (
	wrap=$2
	if [ "$3" ]; then
		program=$stage/rootlet-$1
		# By the name of bwrap it is that.
		printf '#!/bin/sh\n[ "${0##*/}" = bwrap ] && set -- bwrap "$@"\nexec %s %s %s "$@"\n' \
			"$stage/plain/tests/ground" "$3" "$stage/plain/rootlet" >"$program"
		chmod 755 "$program"
	fi
	# What cannot be had there is missing for a reason that the tests say.
	say "on other ground: $1"
	# shellcheck disable=SC2046,SC2086
	ROOTLET_MUST_HAVE='' run_as "$ground_user" "$1" plain ${ground_units-} $ground_scripts
)

# Two at a time: little of what runs there looks at the clock.
grounds() {
	ground unshare "unshare -r" "" &
	ground unshare-pid "unshare -r --pid --fork --mount --mount-proc" ""
	wait
	command -v bwrap >/dev/null && {
		ground bwrap "bwrap --bind / / --dev-bind /dev /dev" "" &
		ground bwrap-pid "bwrap --dev-bind / / --unshare-pid --proc /proc" ""
		wait
	}
	ground nested "$stage/plain/rootlet run --privileged -v $stage:$stage host" "" &
	ground nofile "" "nofile 64"
	wait
	ground sigchld "" sigchld &
	ground leak "" leak
	wait
}

# The sanitizers' own runtime needs gcc's shared objects: a dynamic program, a build of its own.
build_sanitized() {
	say "building with sanitizers in .build-sanitizers"
	mkdir -p "$top/.build-sanitizers"
	(cd "$top/.build-sanitizers" && {
		[ -e config.status ] || "$top/configure" --quiet --enable-sanitizers CFLAGS='-g -O1'
	} && make -j"$jobs" >make.log 2>&1) || {
		cat "$top/.build-sanitizers/make.log"
		exit 1
	}
}

units() { for t in $unit_names; do printf '%s ' "$stage/$1/$t"; done; }
scripts() { for t in $script_names; do printf '%s ' "$stage/src/$t"; done; }

copy_sources
take_build plain "$build"
unit_names=$(names print-unit-tests)
script_names=$(names print-test-scripts)
if [ "${2-}" = --grounds ]; then
	ground_units=$(units plain)
	ground_scripts=$(scripts)
else
	ground_scripts=
	for t in run confine ids doctor nested process volumes; do
		ground_scripts="$ground_scripts $stage/src/tests/t-$t.sh"
	done
fi

# With sanitizers these are left out: what they do costs a lot there, and is other programs' work, or
# waiting, or done by the same code of ours in other scripts.  ROOTLET_SANITIZE_ALL runs them, too.
sanitized_scripts() {
	for t in $script_names; do
		case ${ROOTLET_SANITIZE_ALL:-$t} in
		tests/t-bwrap.sh | tests/t-debian.sh | tests/t-image-debian.sh | tests/t-fallback.sh | \
			tests/t-copy.sh | tests/t-flatpak.sh | tests/t-host.sh | tests/t-push.sh | \
			tests/t-registry-login.sh | tests/t-scripts.sh | tests/t-signals.sh | \
			tests/t-store-crash.sh | tests/t-terminal.sh) ;;
		*) printf '%s ' "$stage/src/$t" ;;
		esac
	done
}

# Two at a time, since many tests wait; first those who can make what the others take from the cache.
# shellcheck disable=SC2046
as_users() {
	[ "${ROOTLET_NO_SANITIZERS-}" ] || {
		build_sanitized
		take_build sanitized "$top/.build-sanitizers"
	}
	say "as an ordinary user with subordinate ids (user), and as root (root)"
	(run_as $with_ids user plain $(units plain) $(scripts)) &
	(run_as root root plain $(units plain) $(scripts))
	wait
	say "as an ordinary user without (single), and most of it with sanitizers (sanitized)"
	(run_as $without_ids single plain $(units plain) $(scripts)) &
	[ "${ROOTLET_NO_SANITIZERS-}" ] ||
		(run_as $without_ids sanitized sanitized $(units sanitized) $(sanitized_scripts))
	wait
}

if [ "$(id -u)" != 0 ]; then
	say "running as $(id -un); the parts that need root and other users are left out"
	ground_user=$(id -un)
	# shellcheck disable=SC2046
	[ "${2-}" = --grounds ] || run_as "$ground_user" user plain $(units plain) $(scripts)
else
	ensure_user $with_ids
	ensure_user $without_ids
	ground_user=$without_ids
	[ "${2-}" = --grounds ] || as_users
fi
grounds

[ ! -s "$logs/failures" ] || {
	say "what failed"
	cat "$logs/failures"
}
awk '{ p += $1; f += $2; s += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit !(p > 0 && f == 0) }' "$logs/counts"
