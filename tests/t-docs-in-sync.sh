#!/bin/sh
# Documentation does not drift: the generated parts are those of this program, every listed command
# has its man page or its lines in rootlet(1), and the pages are good roff.
# Reads $ROOTLET and $srcdir; prints TAP.

: "${ROOTLET:?path of the program}"
srcdir=${srcdir:-.}
export ROOTLET srcdir
n=0

report() { # status, name, output
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
	[ -z "${3-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
}

skip() { # name, why
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

out=$(sh "$srcdir/tests/update-docs.sh" --check 2>&1)
report $? "man pages and completions are those of the option tables" "$out"

# The pages have no date: it would change with every build or never.
quiet='missing date'
for page in "$srcdir"/man/*.1; do
	name=${page##*/}
	if command -v mandoc >/dev/null; then
		out=$(mandoc -T lint -W style "$page" 2>&1 | grep -Ev "$quiet")
		[ -z "$out" ]
		report $? "mandoc has nothing to say about $name" "$out"
	else
		skip "mandoc has nothing to say about $name" "no mandoc here"
	fi
	# man-db has --warnings, other implementations do not.
	if man --help 2>/dev/null | grep -q -e --warnings && command -v groff >/dev/null; then
		out=$(MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)
		[ -z "$out" ]
		report $? "man has no warning about $name" "$out"
	else
		skip "man has no warning about $name" "no man-db here"
	fi
done

bad=
for page in "$srcdir"/man/rootlet-*.1; do
	name=${page##*/rootlet-}
	"$ROOTLET" "${name%.1}" --help >/dev/null 2>&1 || bad="$bad ${name%.1}"
done
[ -z "$bad" ]
report $? "every page is one of a command" "$bad"

commands=$("$ROOTLET" docs man-commands | sed -n 's/^\\fBrootlet \([a-z]*\)\\fR.*/\1/p')
bad=
for command in $commands; do
	[ -e "$srcdir/man/rootlet-$command.1" ] ||
		grep -q "BEGIN GENERATED OPTIONS OF $command " "$srcdir"/man/*.1 || bad="$bad $command"
done
[ "$(echo "$commands" | wc -l)" -gt 10 ] && [ -z "$bad" ]
report $? "a page is about every command" "$bad"

wide=$(for command in $commands; do
	"$ROOTLET" "$command" --help
done | awk 'length($0) > 80')
[ -z "$wide" ]
report $? "help is at most 80 columns wide" "$wide"
echo "1..$n"
