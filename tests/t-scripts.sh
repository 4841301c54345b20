# shell scripts of the project: they parse, and shellcheck has nothing to say
# shellcheck shell=sh
. "${srcdir:-.}/tests/lib.sh"
cd "$srcdir" || exit 99

# Every script that is written by hand: by its name or by its first line.
find . \( -name .git -o -name '.build*' -o -name autom4te.cache -o -name build-aux \) -prune -o \
	-type f ! -name 'configure*' -size -200k -print | sort | while read -r f; do
	case $f in
	*.bash) echo "bash $f" ;;
	*.sh) echo "sh $f" ;;
	*)
		case $(head -c 40 "$f" | tr -d '\0' | head -n 1) in
		'#!/bin/sh'* | '#! /bin/sh'*) echo "sh $f" ;;
		'#!/bin/bash'* | '#!/usr/bin/env bash'*) echo "bash $f" ;;
		esac
		;;
	esac
done >"$tmp/scripts"

scripts_found() {
	cat "$tmp/scripts"
	grep -qx 'sh ./tests/lib.sh' "$tmp/scripts" && grep -qx 'sh ./bootstrap' "$tmp/scripts" &&
		grep -q '^bash .*completions/' "$tmp/scripts"
}
test_ok "the scripts are found" scripts_found

# One that is not in the list of Makefile.am is never run.
all_are_run() {
	left=0
	for f in tests/t-*.sh; do
		grep -q "^[^#]*$f\\( \\|$\\)" Makefile.am || {
			echo "$f is not in test_scripts"
			left=1
		}
	done
	[ "$left" = 0 ]
}
test_ok "the Makefile runs every script of tests" all_are_run

# SC2016: single quotes around words for another shell; SC2317, SC2329: a function that is passed to
# test_ok by its name.
check() { shellcheck -x -s "$1" -e SC2016,SC2317,SC2329 "$2"; }
have_shellcheck() { command -v shellcheck >/dev/null; }
have_bash() { command -v bash >/dev/null; }
need shellcheck && can_check=yes || can_check=no
while read -r shell f; do
	if [ "$shell" = bash ] && ! need bash; then
		test_skip "$f parses" "no bash here"
	else
		test_ok "$f parses" "$shell" -n "$f"
	fi
	if [ "$can_check" = yes ]; then
		test_ok "shellcheck has nothing to say about $f" check "$shell" "$f"
	else
		test_skip "shellcheck has nothing to say about $f" "no shellcheck here"
	fi
done <"$tmp/scripts"
test_done
