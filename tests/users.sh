# users - the kinds of user that the suite runs as
#
# Sourced by what runs the suite as root.  Reads $stage, a directory that every user can read: in it
# are src (the sources) and builds (rootlet, libexec, tests), logs and tmp, the latter for everybody.
# shellcheck shell=sh disable=SC2034,SC2154

with_ids=rootlet-test
without_ids=rootlet-test-single

ensure_user() {
	id "$1" >/dev/null 2>&1 && return
	echo "==> making user $1" >&2
	if [ "$1" = "$with_ids" ]; then
		useradd --create-home "$1"
		grep -q "^$1:" /etc/subuid || usermod --add-subuids 1000000-1065535 \
			--add-subgids 1000000-1065535 "$1"
	else
		useradd --create-home -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "$1"
	fi
}

# run_as USER LABEL BUILD TEST...
#
# $wrap: words in front of the whole; $program: what is started instead of the build's own rootlet
wrap='' program=''
run_as() {
	user=$1 label=$2 bin=$stage/$3
	shift 3
	set -- env -i PATH="$PATH" HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" \
		LC_ALL=C.UTF-8 SHELL=/bin/bash ROOTLET="${program:-$bin/rootlet}" ROOTLET_LIBEXEC="$bin/libexec" \
		testbin="$bin/tests" srcdir="$stage/src" logs="$stage/logs" ROOTLET_TEST_TMP="$stage/tmp" \
		ROOTLET_TEST_CACHE="$stage/tmp" ROOTLET_MUST_HAVE="${ROOTLET_MUST_HAVE-}" \
		ASAN_OPTIONS="${ASAN_OPTIONS-}" sh "$stage/src/tests/run.sh" "$label" "$@"
	cd "$stage" || exit 1
	# shellcheck disable=SC2086 # words
	if [ "$user" = "$(id -un)" ]; then
		$wrap "$@"
	else
		setpriv --reuid "$user" --regid "$user" --init-groups $wrap "$@"
	fi
}
