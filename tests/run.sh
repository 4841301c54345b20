#!/bin/sh
# Run test programs that print TAP, and sum up.
#
#   run.sh LABEL TEST...
#
# Reads $ROOTLET, $testbin and $srcdir, and keeps the logs in $logs.  Shown are the failures and a
# line a test.  Counts are appended to $logs/counts as "PASSED FAILED SKIPPED", failures once more to
# $logs/failures: the end of a long output is what is read, and all that some keep.
set -u

: "${ROOTLET:?}" "${testbin:?}" "${srcdir:?}" "${logs:?}"
label=$1
shift
mkdir -p "$logs/$label"
dir=$(mktemp -d "${ROOTLET_TEST_TMP:-/var/tmp}/rootlet-run.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

run_one() {
	case $1 in
	*.sh) sh "$1" ;;
	*) "$1" ;;
	esac
}

for test; do
	name=${test##*/}
	log=$logs/$label/$name.log
	start=$(date +%s)
	run_one "$test" >"$log" 2>&1
	status=$?
	# A plan that does not match, a crash or no test at all is a failure of its own.
	awk -v status=$status -v name="$name" -v label="$label" -v seconds=$(($(date +%s) - start)) '
		function fail(text) { print text; print text >>"'"$logs"'/failures" }
		               { last[NR % 60] = $0 }
		/^ok .*# SKIP/ { skipped++; n++; next }
		/^ok /         { passed++; n++; next }
		/^not ok /     { failed++; n++; show = 1; fail(label ": " name ": " $0); next }
		/^#/ && show   { fail("    " $0); next }
		/^1\.\.0 # SKIP/ { planned = 1; whole = 1; why = $0; next }
		/^1\.\.[0-9]+/ { planned = substr($1, 4) + 0 }
		/^Bail out!/   { bail = $0 }
		               { show = 0 }
		END {
			odd = !whole && (bail || planned != n || (status != 0) != (failed > 0))
			if (whole)
				skipped++
			else if (odd) {
				failed++
				fail(sprintf("%s: %s: ended early or oddly: status %d, %d of %d %s",
					label, name, status, n, planned, bail))
			}
			printf "%-12s %-22s %3d passed, %d failed, %d skipped, %d s%s\n",
				label, name, passed, failed, skipped, seconds,
				whole ? substr(why, 5) : ""
			if (odd)
				for (i = NR - 59; i <= NR; i++)
					if (i > 0)
						fail("    " last[i % 60])
			printf "%d %d %d\n", passed, failed, skipped >>"'"$logs"'/counts"
		}' "$log"
done
