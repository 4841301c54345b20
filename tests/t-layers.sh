# the source itself: which folder may include which, and what may be called where
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
cd "$srcdir/src" || exit 99

# From the bottom up: a folder includes itself and what is in the lines above its own, except
# seccomp, which is for commands and helpers only.
levels='base
kernel
spec options seccomp
frontend engine image network
init doctor container registry
build compose serve
cmd
libexec'

# allowed ROOM: the rooms that ROOM may include; false when it has no place in the levels.
allowed() {
	room_below=
	while read -r line; do
		case " $line " in
		*" $1 "*)
			echo "$room_below $1"
			return
			;;
		esac
		room_below="$room_below $line"
		case " $1 " in
		" cmd " | " libexec ") ;;
		*) room_below=$(echo "$room_below" | sed 's/ seccomp//') ;;
		esac
	done <<-END
		$levels
	END
	return 1
}

# The files of a room.
files_of() { find "$1" -name '*.[ch]' | sort; }

# "FILE ROOM/HEADER" for each include of ours.
includes_of() {
	for f in $(files_of "$1"); do
		sed -n "s|^[ 	]*#[ 	]*include[ 	]*\"\(.*\)\".*|$f \1|p" "$f"
	done
}

arrows_hold() {
	may=$(allowed "$1") || {
		echo "$1 has no place in the levels"
		return 1
	}
	# The raw system calls are a leaf that base may use, too: see the next test.
	includes_of "$1" | awk -v may=" $may " -v room="$1" '
		!index($2, "/") { print $1 ": " $2 " without its folder"; bad = 1; next }
		$2 == "kernel/sys.h" { next }
		{ split($2, part, "/") }
		!index(may, " " part[1] " ") { print $1 ": " room " must not include " $2; bad = 1 }
		END { exit bad }'
}
for room in *; do
	[ ! -d "$room" ] || test_ok "$room/ includes only what is below it" arrows_hold "$room"
done

sys_is_a_leaf() {
	! includes_of kernel | grep '^kernel/sys\.h '
}
test_ok "kernel/sys.h includes nothing of ours" sys_is_a_leaf

main_only_dispatches() {
	! grep '#include "' rootlet.c | grep -v -e '"base/' -e '"cmd/'
}
test_ok "rootlet.c includes base/ and cmd/ only" main_only_dispatches

# The code without comments, and with empty strings: "FILE:LINE: TEXT".
code() {
	awk '
		FNR == 1 { in_comment = 0 }
		{
			out = ""
			text = $0
			while (text != "") {
				if (in_comment) {
					at = index(text, "*/")
					if (!at) break
					text = substr(text, at + 2)
					in_comment = 0
				} else if (match(text, /^"([^"\\]|\\.)*"/)) {
					out = out "\"\""
					text = substr(text, RLENGTH + 1)
				} else if (match(text, /^\047([^\047\\]|\\.)*\047/)) {
					out = out "0"
					text = substr(text, RLENGTH + 1)
				} else if (substr(text, 1, 2) == "/*") {
					text = substr(text, 3)
					in_comment = 1
				} else if (substr(text, 1, 2) == "//") {
					break
				} else {
					out = out substr(text, 1, 1)
					text = substr(text, 2)
				}
			}
			if (out ~ /[^ \t]/) print FILENAME ":" FNR ": " out
		}' "$@"
}
# shellcheck disable=SC2046
code $(find . -name '*.[ch]' | sed 's|^\./||' | sort) >"$tmp/code"

# calls REGEX [FILES-THAT-MAY]: nothing but those files uses a word that matches.
calls() {
	grep -E "^[^:]*:[0-9]+:.*(^|[^A-Za-z0-9_])($1)" "$tmp/code" >"$tmp/found"
	[ -z "${2-}" ] || {
		grep -Ev "^($2)" "$tmp/found" >"$tmp/left"
		mv "$tmp/left" "$tmp/found"
	}
	cat "$tmp/found"
	[ ! -s "$tmp/found" ]
}
code_was_found() {
	grep -q '^rootlet\.c:[0-9]*: main(' "$tmp/code" && ! grep -q 'find the command' "$tmp/code"
}
test_ok "the code is read, comments are not" code_was_found
for name in strcpy strcat sprintf vsprintf strtok atoi atol system popen mktemp tmpnam gets alloca \
	strdupa; do
	test_ok "nothing calls $name()" calls "${name}[ 	]*\\("
done
test_ok "syscall() is called in kernel/sys.h only" calls 'syscall[ 	]*\(' 'kernel/sys\.h:'
test_ok "the environment is read in cmd/ only" \
	calls '((secure_)?getenv[ 	]*\(|environ([^A-Za-z0-9_]|$))' 'cmd/'
test_ok "only commands, helpers, option tables and main print" \
	calls '((v?d?printf|puts|putchar|perror)[ 	]*\(|(stdout|stderr)([^A-Za-z0-9_]|$))' \
	'cmd/|libexec/|options/|rootlet\.c:'
test_done
