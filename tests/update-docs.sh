#!/bin/sh
# Rewrites what the option tables say in completions/ and man/; "make update-docs" calls it.
#
#   ROOTLET=PROGRAM srcdir=DIR update-docs.sh [--check]
#
# With --check nothing is written: stale files are listed, and the status is 1 when there are any.
set -eu

: "${ROOTLET:?path of the program}"
srcdir=${srcdir:-.}
check=${1-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
stale=0

# settle FILE: $tmp/new is what FILE of the source tree should be.
settle() {
	cmp -s "$tmp/new" "$srcdir/$1" && return
	if [ "$check" = --check ]; then
		echo "$1 is stale, run make update-docs"
		stale=1
	else
		echo "updated $1"
		mkdir -p "$srcdir/${1%/*}"
		cat "$tmp/new" >"$srcdir/$1"
	fi
}

script() { # KIND FILE
	"$ROOTLET" docs "$1" >"$tmp/new"
	settle "$2"
}

# region FILE TITLE KIND: replaces what is between the two marks of TITLE in man page FILE.
region() {
	"$ROOTLET" docs "$3" >"$tmp/part"
	awk -v title="$2" -v part="$tmp/part" '
		index($0, ".\\\" END GENERATED " title) == 1 { inside = 0; ends++ }
		!inside { print }
		index($0, ".\\\" BEGIN GENERATED " title " (make update-docs)") == 1 {
			inside = 1
			begins++
			while ((getline line <part) > 0)
				print line
		}
		END { exit !(begins == 1 && ends == 1 && !inside) }
	' "$srcdir/$1" >"$tmp/new" || {
		echo "$1 needs one pair of marks, BEGIN and END GENERATED $2" >&2
		exit 2
	}
	settle "$1"
}

script bash completions/rootlet.bash
script zsh completions/_rootlet
script fish completions/rootlet.fish
region man/rootlet.1 COMMANDS man-commands
# A page is about the command of its name, or has a section for each of several.
for page in "$srcdir"/man/rootlet-*.1; do
	name=${page##*/rootlet-}
	! grep -q 'BEGIN GENERATED OPTIONS (' "$page" ||
		region "man/rootlet-$name" OPTIONS "man-options:${name%.1}"
	sed -n 's/^.*BEGIN GENERATED OPTIONS OF \([a-z]*\) .*/\1/p' "$page" >"$tmp/commands"
	while read -r command; do
		region "man/rootlet-$name" "OPTIONS OF $command" "man-options:$command"
	done <"$tmp/commands"
done
exit $stale
