#!/bin/sh
# The whole suite, as every kind of user that can be had here.
#
#   run-all.sh BUILD
#
# As root: makes two users, one with subordinate ids and one without, and runs the suite as each of
# them and as root, then once more with sanitizers.  As somebody else: as that user, and says what is
# left out.  The last line is "N passed, N failed, N skipped".
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
with_ids=rootlet-test
without_ids=rootlet-test-single
jobs=$(nproc 2>/dev/null || echo 2)

say() {
	printf '==> %s\n' "$*" >&2
}

# A place that every user can read: a clone may be in somebody's home directory.
stage=$(mktemp -d /var/tmp/rootlet-check.XXXXXX) || exit 1
chmod 755 "$stage"
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
logs=$stage/logs
mkdir -m 1777 "$logs" "$stage/tmp"
: >"$logs/counts"
chmod 666 "$logs/counts"

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

ensure_user() {
	id "$1" >/dev/null 2>&1 && return
	say "making user $1"
	if [ "$1" = "$with_ids" ]; then
		useradd --create-home "$1"
		grep -q "^$1:" /etc/subuid || usermod --add-subuids 1000000-1065535 \
			--add-subgids 1000000-1065535 "$1"
	else
		useradd --create-home -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "$1"
	fi
}

# run_as USER LABEL BUILD TEST...
run_as() {
	user=$1 label=$2 bin=$stage/$3
	shift 3
	set -- env -i PATH="$PATH" HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" \
		LC_ALL=C.UTF-8 SHELL=/bin/bash ROOTLET="$bin/rootlet" ROOTLET_LIBEXEC="$bin/libexec" \
		testbin="$bin/tests" srcdir="$stage/src" logs="$logs" ROOTLET_TEST_TMP="$stage/tmp" \
		ROOTLET_TEST_CACHE="$stage/tmp" ROOTLET_MUST_HAVE="${ROOTLET_MUST_HAVE-}" \
		ASAN_OPTIONS="${ASAN_OPTIONS-}" sh "$stage/src/tests/run.sh" "$label" "$@"
	cd "$stage" || exit 1
	if [ "$user" = "$(id -un)" ]; then
		"$@"
	else
		setpriv --reuid "$user" --regid "$user" --init-groups "$@"
	fi
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

if [ "$(id -u)" != 0 ]; then
	say "running as $(id -un); the parts that need root and other users are left out"
	# shellcheck disable=SC2046
	run_as "$(id -un)" user plain $(units plain) $(scripts)
else
	ensure_user $with_ids
	ensure_user $without_ids
	# shellcheck disable=SC2046
	{
		say "as an ordinary user with subordinate ids"
		run_as $with_ids user plain $(units plain) $(scripts)
		say "as an ordinary user without"
		run_as $without_ids single plain $(units plain) $(scripts)
		say "as root"
		run_as root root plain $(units plain) $(scripts)
		if [ -z "${ROOTLET_NO_SANITIZERS-}" ]; then
			build_sanitized
			take_build sanitized "$top/.build-sanitizers"
			say "with sanitizers"
			run_as $without_ids sanitized sanitized $(units sanitized) $(scripts)
		fi
	}
fi

awk '{ p += $1; f += $2; s += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit !(p > 0 && f == 0) }' "$logs/counts"
