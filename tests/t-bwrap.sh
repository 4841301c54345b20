# rootlet bwrap beside the installed bubblewrap: the same command lines, the same outcome
#
# A table (tests/bwrap/*.table) is a list of lines, each a name and, indented by a tab, a script that
# runs bwrap.  Both programs run it, as `bwrap`, in equal fresh surroundings.  What must be equal:
# what the script prints, its exit status, whether there is something on standard error, and what is
# in the directory afterwards.  Among the lines of the script may stand
#	if CONDITION     only where it holds: user, root, subids, host_root, ...
#	option --NAME    the installed bwrap may be too old: then the outcome is the one promised below
#	better WHY       bwrap does worse and is not asked: the outcome is the one promised below
#	= TEXT           a line that it prints
#	? STATUS         its exit status, if it is not 0
#
# BWRAP_UNDER_TEST is compared instead of rootlet; BWRAP_ONLY selects lines by a pattern of grep;
# BWRAP_SHOW shows what bubblewrap did.
# shellcheck shell=sh
. "${srcdir:-.}/tests/lib.sh"
need userns || skip_all "no user namespaces here"
need bwrap || skip_all "no bubblewrap here"

theirs=$(command -v bwrap)
ours=${BWRAP_UNDER_TEST:-$ROOTLET}
"$theirs" --help >"$tmp/their-help"

# --- surroundings ---

mkdir "$tmp/bin" "$tmp/new" "$tmp/new/d" "$tmp/new/d/sub" "$tmp/new/empty" "$tmp/new/lower" \
	"$tmp/new/upper" "$tmp/new/scratch"
echo data >"$tmp/new/d/f"
echo deep >"$tmp/new/d/sub/s"
echo file >"$tmp/new/file"
echo other >"$tmp/new/other"
echo low >"$tmp/new/lower/low"
echo lower >"$tmp/new/lower/f"
echo script >"$tmp/new/plain"
chmod 600 "$tmp/new/other"
ln -s file "$tmp/new/link"
ln -s d "$tmp/new/dirlink"
ln -s nowhere "$tmp/new/dangling"

# $usr: the options that show this machine's programs inside.
usr="--ro-bind /usr /usr"
for dir in bin sbin lib lib64; do
	if [ -L "/$dir" ]; then
		usr="$usr --symlink usr/$dir /$dir"
	elif [ -d "/$dir" ]; then
		usr="$usr --ro-bind /$dir /$dir"
	fi
done

# What every script begins with.
cat >"$tmp/prelude" <<END
umask 022
usr="$usr"
tools="--ro-bind $testbin /t"
testbin=$testbin
END
cat >>"$tmp/prelude" <<'END'
# Mounts, a line each: place, file system, its options and those of the mount, does it receive mounts.
mounts() {
	awk '{
		for (i = 7; $i != "-"; i++)
			;
		print $5, $(i + 1), $6, $(i + 3), ($7 ~ /^(master|shared)/ ? "receives" : "private")
	}' | sed -E '/^\/proc\//s/noexec,//; s/(size|nr_inodes|fd|pgrp|pipe_ino)=[0-9]+k?/\1=N/g'
}
digits() { sed -E 's/[0-9]+/N/g'; }
# says TEXT COMMAND...: COMMAND fails, and its first line on standard error has TEXT.
says() {
	text=$1
	shift
	"$@" 2>said
	got=$?
	cat said >&2
	head -n 1 said | grep -qF -e "$text" || [ "$side" = theirs ] || echo "unsaid: $text"
	rm -f said
	return $got
}
# wait_for COMMAND...: until it succeeds, at most five seconds.
wait_for() {
	for _ in $(seq 100); do
		"$@" 2>/dev/null && return
		sleep 0.05
	done
	echo "not in time: $*"
}
gone() { ! kill -0 "$1" 2>/dev/null; }
END

# The search for leaks at the end starts a process, which would be in the other pid namespace.
have_no_sanitizer() { ! have_sanitizer; }
have_closed_to_user() { have_user && [ -d /root ] && ! [ -x /root ]; }

# --- one line ---

exec 3>&1

# run_side SIDE PROGRAM
run_side() {
	rm -rf "$tmp/w" 2>/dev/null || { chmod -R u+rwx "$tmp/w" && rm -rf "$tmp/w"; }
	cp -a "$tmp/new" "$tmp/w"
	ln -sf "$2" "$tmp/bin/bwrap"
	# A session of its own: some lines look for what is left in theirs, and end it.
	rm -f "$tmp/$1.printed" "$tmp/$1.err" # not truncated: whoever is late may still write
	{
		echo "side=$1"
		cat "$tmp/prelude" "$tmp/script"
	} >"$tmp/line.sh"
	(
		cd "$tmp/w" || exit
		exec env -i PATH="$tmp/bin:/usr/bin:/bin:/usr/sbin:/sbin" HOME="$tmp/w" LC_ALL=C.UTF-8 \
			ROOTLET="$ours" ROOTLET_LIBEXEC="${ROOTLET_LIBEXEC-}" setsid -w timeout -k 1 15 \
			sh "$tmp/line.sh"
	) </dev/null >"$tmp/$1.printed" 2>"$tmp/$1.err" 3>&- 9<&-
	echo $? >"$tmp/$1.status"
	{
		cat "$tmp/$1.printed"
		echo "exit status $(cat "$tmp/$1.status")"
		[ -s "$tmp/$1.err" ] && echo "something on standard error"
		cd "$tmp/w" && find . -printf '%p %M %l\n' | sort &&
			find . -type f -readable -exec cksum {} + | sort
	} >"$tmp/$1.out"
}

compared() {
	run_side theirs "$theirs"
	[ -z "${BWRAP_SHOW-}" ] || cat "$tmp/theirs.err" "$tmp/theirs.printed" "$tmp/theirs.status" >&3
	run_side ours "$ours"
	diff -u "$tmp/theirs.out" "$tmp/ours.out" && ! grep '^unsaid:' "$tmp/ours.out" && return
	sed 's/^/bubblewrap says: /' "$tmp/theirs.err"
	sed 's/^/rootlet says: /' "$tmp/ours.err"
	return 1
}

promised() {
	run_side ours "$ours"
	diff -u "$tmp/promise" "$tmp/ours.printed" &&
		[ "$(cat "$tmp/ours.status")" = "$line_status" ] && return
	echo "exit status $(cat "$tmp/ours.status") instead of $line_status"
	sed 's/^/rootlet says: /' "$tmp/ours.err"
	return 1
}

has_option() { grep -q -e "^ *$1 " "$tmp/their-help"; }

# test_line NAME: the script is in $tmp/script, the promise in $tmp/promise.
test_line() {
	if [ -n "${BWRAP_ONLY-}" ] && ! echo "$1" | grep -q -e "$BWRAP_ONLY"; then
		return
	fi
	# shellcheck disable=SC2086
	if [ -n "$line_if" ] && ! need $line_if; then
		test_skip "$1" "not here: $line_if"
	elif [ -n "$line_better" ] || { [ -n "$line_option" ] && ! has_option "$line_option"; }; then
		test_ok "$1" promised
	else
		test_ok "$1" compared
	fi
}

# next_line NAME: the line read so far is complete, another begins.
next_line() {
	[ -z "$line_name" ] || test_line "$line_name"
	line_name=$1 line_if='' line_option='' line_better='' line_status=0
	: >"$tmp/script"
	: >"$tmp/promise"
}

test_table() {
	line_name=''
	next_line ''
	while IFS= read -r text <&9; do
		rest=${text#?}
		case $text in
		'' | '#'*) ;;
		'	if '[a-z]*) line_if="$line_if ${rest#if }" ;;
		'	option '*) line_option=${rest#option } ;;
		'	better '*) line_better=${rest#better } ;;
		'	= '*) echo "${rest#= }" >>"$tmp/promise" ;;
		'	? '*) line_status=${rest#? } ;;
		'	'*) printf '%s\n' "$rest" >>"$tmp/script" ;;
		*) next_line "$text" ;;
		esac
	done 9<"$1"
	next_line ''
}

for table in "$srcdir"/tests/bwrap/*.table; do
	test_table "$table"
done

echo "$tmp/w" >"$tmp/names"
test_ok "no process is left" none_named 400
test_ok "no mount is left" no_mount
test_done
