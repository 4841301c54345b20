# what is wrong with a command line or with the place where it is given: one line says so, or it works
# shellcheck shell=sh disable=SC2016,SC2317 # quotes are for the inner shell; helpers are called by test_ok
. "${srcdir:-.}/tests/lib.sh"
make_base
cp "$testbin/payload" "$base/bin/payload"
need userns overlay || skip_all "no overlay in user namespaces here"
export ROOTLET base tmp

run() { timeout 20 "$ROOTLET" run "$@"; }
# shellcheck disable=SC2120 # sometimes there is nothing
rootlet() { timeout 20 "$ROOTLET" "$@"; }
mkdir src && echo hello >src/file
esc=$(printf '\033[')
newline='
'

# names: everything that is in the base, the current directory and the data directory.
names() { find "$base" . "$XDG_DATA_HOME" 2>/dev/null | grep -vxF -e "$XDG_DATA_HOME/rootlet" -e "$XDG_DATA_HOME/rootlet/scratch" | sort; }

# nothing_left: no layer, no file, nothing in the base.
nothing_left() {
	wait_empty "$XDG_DATA_HOME/rootlet/scratch"
	names >"$tmp/now"
	diff "$tmp/start" "$tmp/now" && return
	# The next test is about itself.
	rm -rf "$XDG_DATA_HOME"/rootlet/scratch/*
	return 1
}
mkdir -p "$XDG_DATA_HOME"
names >"$tmp/start"

# refused TEXT COMMAND...: fails as it should, and leaves nothing.
refused() { fails_with "$@" && nothing_left; }

# says: standard error of the last command is one line of rootlet's, and a hint at most.
says() {
	[ "$(grep -cv '^hint: ' "$tmp/stderr")" = 1 ] && [ "$(wc -l <"$tmp/stderr")" -le 2 ] && grep -q '^rootlet: ' "$tmp/stderr"
}

# works_or_says COMMAND...: the probe inside prints <ok>, or 125 and one line; and nothing is left.
works_or_says() {
	out=$("$@" 2>"$tmp/stderr")
	got=$?
	cat "$tmp/stderr"
	case $got:$out in
	'0:<ok>') ;;
	125:) says || return ;;
	*)
		echo "exit status $got: $out"
		return 1
		;;
	esac
	nothing_left
}

# --- the command ---

usage() {
	out=$("$ROOTLET" 2>"$tmp/stderr")
	[ $? = 125 ] && [ -z "$out" ] && grep -q '^Usage: rootlet' "$tmp/stderr"
}
test_ok "no command: usage on standard error" usage
test_ok "an unknown command" refused "'frobnicate' is not a command" rootlet frobnicate
test_ok "a command of docker's" refused "rootlet start CONTAINER COMMAND" rootlet exec box true
test_ok "help of an unknown command" refused "'frobnicate' is not a command" rootlet help frobnicate
help_of() { "$ROOTLET" help run >"$tmp/help" && "$ROOTLET" run --help | cmp - "$tmp/help"; }
test_ok "help COMMAND is COMMAND --help" help_of
test_ok "an import of an empty name" refused "name of the archive is empty" rootlet import '' a:1
test_ok "apply of an empty name" refused "name of the file is empty" rootlet apply ''
test_ok "a base that --init has taken" refused "--init 'alpine' is not yes or no" run --init alpine true
test_ok "an image in place of a container" refused "ps -a lists them" rootlet rm tools:1
test_ok "an empty command" refused "'' is not a command" rootlet ''
test_ok "a command with an escape sequence" refused '\x1b[2J' rootlet "${esc}2J"
test_ok "an option in place of a command" refused "'--run'" rootlet --run host
test_ok "docs of an unknown kind" refused "docs" rootlet docs nonsense
test_ok "docs without a kind" refused "docs" rootlet docs

# --- options ---

test_ok "an unknown option" refused "unknown option '--frobnicate'" run --frobnicate "$base" true
test_ok "the hint is --help" refused "rootlet run --help lists" run --frobnicate "$base" true
for word in --volum:volume --read-onyl:read-only --tmpf:tmpfs --workdirs:workdir --ulimits=x:ulimit --cap_add:cap-add -layer:layer; do
	test_ok "${word%:*} looks like --${word#*:}" refused "did you mean --${word#*:}?" run "${word%:*}" "$base" true
done
test_ok "a misspelt --help" refused "--help lists" run --hlep "$base" true
test_ok "an unknown short option" refused "'-x'" run -x "$base" true
test_ok "one in a bundle" refused "'-x'" run -itx "$base" true
for option in --volume -v --workdir -w -e --layer --seccomp; do
	test_ok "$option without a value" refused "$option needs a value" run $option
done
test_ok "a flag with a value" refused "--read-only takes no value" run --read-only=yes "$base" true
test_ok "--help with a value" refused "--help takes no value" run --help=me
test_ok "an option with three dashes" refused "'---rm'" run ---rm "$base" true
test_ok "--layer and --read-only" refused "exclude each other" run --layer=ram --read-only "$base" true
for option in --layer=floppy --layer=ram:x --layer=ram:0 --layer=ram: --layer= --layer=ram:99999999999t --layer=disk:1m \
	--net=wrong --net= --net=NONE --idmap=wrong --idmap= --init=2 --new-privs=maybe --cap-add=nothing --cap-drop=cap_ \
	--cap-add= --umask=9 --timeout=soon --home=away; do
	test_ok "$option is refused" refused "${option%%=*}" run $option "$base" true
done
test_ok "--home=away is refused over the machine itself" refused "--home" run --home=away host true
test_ok "--net=private is not there, and the hint tells what is" refused "--net=none" run --net=private "$base" true
test_ok "an option after the base is the command's" status 127 run "$base" --read-only
if have_user && ! have_subids; then
	test_ok "--idmap=range without subordinate ids" refused "no subordinate ids" run --idmap=range "$base" true
else
	test_skip "--idmap=range without subordinate ids" "there are some, or it is root"
fi
if need user; then
	test_ok "--idmap=root for somebody else" refused "--idmap=root" run --idmap=root "$base" true
else
	test_skip "--idmap=root for somebody else" "this is root"
fi

# --- the base ---

test_ok "no base" refused "no base given" run
test_ok "options, but no base" refused "no base given" run --read-only
test_ok "nothing after --" refused "no base given" run --
test_ok "a missing directory" refused "base ./missing: No such file" run ./missing true
test_ok "one in a missing directory" refused "base ./not/there: No such file" run ./not/there true
test_ok "a file" refused "Not a directory" run "$base/etc/passwd" true
test_ok "a device" refused "Not a directory" run /dev/null true
test_ok "a name" refused "./debian" run --pull=never debian true
test_ok "an empty name" refused "'' is not a name of an image" run '' true
ln -s nowhere dangling && ln -s loop loop && ln -s "$base" linked && mkfifo fifo
names >"$tmp/start"
test_ok "a dangling link" refused "./dangling" run ./dangling true
test_ok "a link to itself" refused "./loop" run ./loop true
test_ok "a fifo" refused "Not a directory" run ./fifo true
test_ok "a link to a directory is one" run ./linked true
test_ok "a base of 4 KiB that is missing" refused "No such file" run "/$(printf 'd%.0s' $(seq 200))/$(printf '/e%.0s' $(seq 1900))" true
test_ok "a base that is too long" refused "too long" run "/$(printf '/e%.0s' $(seq 2100))" true
test_ok "/ is not host" works_or_says run / probe args ok
test_ok "a base that has the data directory in it" works_or_says run "$tmp/" /base/bin/probe args ok
mkdir bare
names >"$tmp/start"
test_ok "an empty base has no command" status 127 run ./bare true
test_ok "nor a shell" status 127 run ./bare
test_ok "nothing is left of either" nothing_left

odd_base() {
	odd="$tmp/odd/$1"
	mkdir -p "$odd" && cp -a "$base" "$odd/base" && mkdir -p "$odd/data" || return
	(cd "$odd" && XDG_DATA_HOME="$odd/data" prints '/new ok' run ./base probe write /new && XDG_DATA_HOME="$odd/data" prints '/new ok' run --here \
		"$odd/base" probe write /new) || return
	wait_empty "$odd/data/rootlet/scratch" && [ ! -e "$odd/base/new" ]
}
for name in 'a blank' 'a,comma' 'a:colon' 'back\slash' 'new
line' '"' '%s' 'größe' '-v' '$x' "$(printf '\377\033')"; do
	test_ok "base, current directory and data directory in '$(printf %s "$name" | tr -c '[:print:]' '?')'" odd_base "$name"
done
rm -rf "$tmp/odd"

# --- volumes and the like ---

# shellcheck disable=SC1003
for volume in '' : :: /a /a: :/b /a:/b:/c:/d ':/b:ro' '\\'; do
	test_ok "-v '$volume' is refused" refused "volume '$volume'" run -v "$volume" "$base" true
done
test_ok "a relative target" refused "destination 'b'" run -v "$PWD/src:b" "$base" true
test_ok "a target that is a name" refused "destination '~'" run -v "$PWD/src:~" "$base" true
test_ok "an unknown option of -v" refused "unknown option 'rx'" run -v ./src:/b:rx "$base" true
test_ok "one beside a good one" refused "unknown option 'w'" run -v ./src:/b:ro,w "$base" true
test_ok "an empty option of -v" refused "unknown option ''" run -v ./src:/b:ro, "$base" true
test_ok "a named volume" refused "no named volumes" run -v data:/b "$base" true
test_ok "a missing folder" refused "missing: No such file" run -v ./missing:/b "$base" true
test_ok "a folder in a file" refused "Not a directory" run -v ./src/file/x:/b "$base" true
test_ok "a folder on a file of the base" refused "/etc/passwd" run -v ./src:/etc/passwd "$base" true
test_ok "a file on a folder of the base" refused "/etc" run -v ./src/file:/etc "$base" true
test_ok "a target below a file" refused "/etc/passwd/x" run -v ./src:/etc/passwd/x "$base" true
for tmpfs in '' t t:1m /t:x /t:1m:2m /t:-1 /t:99999999999999999999 /; do
	test_ok "--tmpfs '$tmpfs' is refused" refused "tmpfs '$tmpfs'" run --tmpfs "$tmpfs" "$base" true
done
for device in '' null dev/null /dev/null:x /dev/null:/a:b:c:d /dev/null:/x:nonsense; do
	test_ok "--device '$device' is refused" refused "device '$device'" run --device "$device" "$base" true
done
test_ok "a device on a directory" refused "/etc" run --device /dev/null:/etc "$base" true

# A link where a mount point goes.
mkdir "$tmp/canary" && echo precious >"$tmp/canary/file"
ln -s "$tmp/canary" "$base/planted" && ln -s "$tmp/canary/file" "$base/etc/planted"
names >"$tmp/start"
planted() {
	works_or_says run "$@" "$base" /bin/probe args ok && [ "$(ls "$tmp/canary")" = file ] && [ "$(cat "$tmp/canary/file")" = precious ]
}
test_ok "a folder on a planted link" planted -v ./src:/planted
test_ok "a folder below one" planted -v ./src:/planted/a/b
test_ok "a file on one" planted -v ./src/file:/etc/planted
test_ok "a file below one" planted -v ./src/file:/planted/new
test_ok "a tmpfs on one" planted --tmpfs /planted
test_ok "a device below one" planted --device /dev/null:/planted/null
test_ok "a directory to start in below one" planted -w /planted/a/b
own() {
	mv "$base/$1" "$base/$1.away" && ln -s "$tmp/canary" "$base/$1"
	works_or_says run "$base" probe args ok && [ "$(ls "$tmp/canary")" = file ]
	got=$?
	rm "$base/$1" && mv "$base/$1.away" "$base/$1"
	return "$got"
}
for dir in proc sys dev tmp; do
	sed "s#^$base/$dir\$#&\n&.away#" "$tmp/start" | sort >"$tmp/start.own"
	mv "$tmp/start" "$tmp/start.kept" && mv "$tmp/start.own" "$tmp/start"
	test_ok "/$dir of the base is a planted link" own $dir
	mv "$tmp/start.kept" "$tmp/start"
done
rm "$base/planted" "$base/etc/planted"
names >"$tmp/start"

# --- users, files of settings ---

test_ok "a bad user" refused "'4294967296'" run -u 4294967296 "$base" true
test_ok "an unknown user" refused "'nobody-here'" run -u nobody-here "$base" true
test_ok "a missing environment file" refused "--env-file ./none: No such file" run --env-file ./none "$base" true
test_ok "an environment file that is a directory" refused "--env-file ./src" run --env-file ./src "$base" true

profile() {
	cat >profile.json
	refused "--seccomp" run --seccomp ./profile.json "$base" true
}
: >profile.json
names >"$tmp/start"
bad_profile() { printf '%s' "$1" | profile; }
test_ok "a seccomp profile that is missing" refused "--seccomp: ./none: No such file" run --seccomp ./none "$base" true
test_ok "one that is a directory" refused "--seccomp: ./src" run --seccomp ./src "$base" true
test_ok "one that is a fifo is not waited for" refused "--seccomp: ./fifo" run --seccomp ./fifo "$base" true
test_ok "one that never ends" refused "--seccomp: /dev/zero" run --seccomp /dev/zero "$base" true
test_ok "one that is empty" bad_profile ''
test_ok "one that is no JSON" bad_profile '{"defaultAction":'
test_ok "one that is another JSON" bad_profile '[1, 2, 3]'
test_ok "one without an action" bad_profile '{"syscalls": []}'
test_ok "one with an unknown action" bad_profile '{"defaultAction": "SCMP_ACT_PRAY"}'
test_ok "one with bytes that are no UTF-8" bad_profile "$(printf '{"\377": 1}')"
test_ok "one that is deeply nested" bad_profile "$(printf '[%.0s' $(seq 5000))"
large_profile() {
	{ printf '{"defaultAction":"SCMP_ACT_ALLOW","x":"' && head -c 20000000 /dev/zero | tr '\0' x && printf '"}'; } | profile
}
test_ok "one of 20 MB" large_profile
rm profile.json
names >"$tmp/start"

# --- what the terminal sees ---

# printable COMMAND...: fails, in one line without control characters, whatever was in the words.
printable() {
	"$@" >"$tmp/out" 2>"$tmp/stderr"
	got=$?
	tr -d '\n' <"$tmp/stderr" >"$tmp/line"
	cat -v "$tmp/stderr"
	case $got in 12[567]) ;; *) echo "exit status $got" && return 1 ;; esac
	[ -s "$tmp/line" ] && [ ! -s "$tmp/out" ] || return
	! LC_ALL=C grep -q '[[:cntrl:]]' "$tmp/line" || { echo "control characters"; return 1; }
	says
}
evil="$(printf '\033')]0;title$(printf '\007')${esc}2J$(printf '\r\b')${newline}rootlet: all is well"
for option in -v -w -u -h --env-file --tmpfs --device --add-host --ulimit --layer --net --idmap --cap-add --cap-drop \
	--umask --timeout --init --new-privs --pass-fd --events-fd --seccomp; do
	test_ok "an escape sequence in the value of $option" printable run $option "$evil$(printf 'x%.0s' $(seq 64))" "$base" true
done
test_ok "in the base" printable run "$evil/" true
test_ok "in the name of the base" printable run "$evil" true
test_ok "in the command" printable run "$base" "/$evil"
test_ok "in a command that is looked for" printable run "$base" "$evil"
test_ok "in an option" printable run "--$evil" "$base" true
test_ok "in a short option" printable run "-${esc}2J" "$base" true
test_ok "in the command of rootlet" printable rootlet "$evil"
test_ok "in the variable of -e" printable run -e "=$evil" "$base" true
test_ok "in the name of a user with a group" printable run -u "user:$evil" "$base" true
test_ok "in what spec is asked for" printable rootlet spec "$evil"
test_ok "in a variable of an environment file" printable sh -c 'printf "=%s" "$1" >"$tmp/env" && timeout 20 "$ROOTLET" run --env-file "$tmp/env" "$base" true' sh "${esc}2J"
test_ok "in a word of a seccomp profile" printable sh -c \
	'printf "{\"defaultAction\": \"%s\"}" "$1" >"$tmp/p" && timeout 20 "$ROOTLET" run --seccomp "$tmp/p" "$base" true' sh "\\u001b]0;x\\u0007"
test_ok "in \$ROOTLET_LIBEXEC" printable env ROOTLET_LIBEXEC="/${esc}2J" "$ROOTLET" spec run "$base" true
test_ok "in \$XDG_DATA_HOME" printable env XDG_DATA_HOME="/proc/${esc}2J" "$ROOTLET" run --layer=disk "$base" true
bidi=$(printf '\342\200\256')
no_bidi() {
	run "./$bidi" true 2>"$tmp/stderr"
	[ $? = 125 ] && ! grep -q "$bidi" "$tmp/stderr"
}
test_ok "text that runs backwards is shown as bytes" no_bidi
# A name cannot say what rootlet says.
no_forgery() {
	refused "is not" run "$@" && ! grep -q '^hint: do harm' "$tmp/stderr"
}
test_ok "a name cannot pose as a hint" no_forgery -v "x${newline}hint: do harm:/b" "$base" true
no_forgery_base() {
	refused "No such file" run "./x${newline}hint: do harm" true && ! grep -q '^hint: do harm' "$tmp/stderr"
}
test_ok "nor can a base" no_forgery_base

# --- long words ---

long=$(head -c 120000 /dev/zero | tr '\0' a)
# long COMMAND...: fails in a line that can be read.
long() {
	"$@" >"$tmp/out" 2>"$tmp/stderr"
	got=$?
	cut -c-300 "$tmp/stderr"
	case $got in 12[567]) ;; *) echo "exit status $got" && return 1 ;; esac
	says && [ "$(wc -c <"$tmp/stderr")" -lt 2000 ] && nothing_left
}
for option in -v -w -u -h --env-file --tmpfs --device --ulimit --layer --net --idmap --cap-add --umask --timeout --seccomp --pass-fd; do
	test_ok "120 KB in the value of $option" long run $option "$long" "$base" true
done
test_ok "120 KB as base" long run "/$long" true
test_ok "120 KB as command" long run "$base" "/$long"
test_ok "120 KB as option" long run "--$long" "$base" true
test_ok "120 KB as source of a volume" long run -v "/$long:/x" "$base" true
test_ok "120 KB as target of a volume" long run -v "./src:/$long" "$base" true
test_ok "120 KB as directory to start in" long run -w "/$long" "$base" true
# Half of a page of names says less than the reason.
why() { refused "$@"; }
kilo=$(printf '%.1000s' "$long")
test_ok "a long target is named together with what is wrong with it" why "is not an absolute path" run -v "./src:$kilo" "$base" true
test_ok "a long source as well" why "No such file" run -v "/$(printf '%.250s' "$long")/$(printf '%.250s' "$long")/$(printf '%.250s' "$long"):/x" "$base" true
test_ok "a long user as well" why "is not in" run -u "$kilo" "$base" true
test_ok "a long limit as well" why "expected NAME" run --ulimit "$kilo" "$base" true
test_ok "a long device as well" why "expected /dev" run --device "$kilo" "$base" true

# --- many ---

# listed N DIR OPTION...: there are N things in DIR.
listed() {
	number=$1
	dir=$2
	shift 2
	prints "$number" sh -c 'timeout 20 "$ROOTLET" run "$@" | wc -l' sh "$@" "$base" probe ls "$dir" && nothing_left
}
set --
for i in $(seq 300); do set -- "$@" --tmpfs "/t/$i"; done
test_ok "300 tmpfs" listed 300 /t "$@"
set --
for i in $(seq 3000); do set -- "$@" -v "./src:/v/$i:ro"; done
test_ok "3000 volumes" listed 3000 /v "$@"
set --
for i in $(seq 500); do set -- "$@" -v ./src:/v; done
test_ok "500 volumes on one place" listed 1 /v "$@"
set --
for i in $(seq 500); do set -- "$@" -e "V$i=$i" -v "relative$i"; done
test_ok "500 variables, and the first bad volume is named" refused "'relative1'" run "$@" "$base" true
set --

# --- descriptors ---

closed() { sh -c "timeout 20 \"\$ROOTLET\" run \"\$base\" probe fds >'$tmp/out' $1"; }
test_ok "standard input is closed" closed '<&-'
test_ok "standard error is closed" closed '2>&-'
test_ok "both" closed '<&- 2>&-'
test_ok "the program has all three" prints '0 1 2 ' cat "$tmp/out"
test_ok "standard output is closed" sh -c 'timeout 20 "$ROOTLET" run "$base" true >&-'
test_ok "all three are closed" status 7 sh -c 'timeout 20 "$ROOTLET" run "$base" probe exit 7 <&- >&- 2>&-'
test_ok "an error with standard error closed" status 125 sh -c 'timeout 20 "$ROOTLET" run ./missing true 2>&-'
test_ok "an error on a full disk" status 125 sh -c 'timeout 20 "$ROOTLET" run ./missing true 2>/dev/full'
# full COMMAND...: standard output is a full disk.
full() { fails_with "standard output" sh -c '"$ROOTLET" "$@" >/dev/full' sh "$@"; }
test_ok "rootlet run --help on a full disk is a failure" full run --help
test_ok "rootlet --help on a full disk is a failure" full --help
test_ok "rootlet --version on a full disk is a failure" full --version
test_ok "--help is on standard output" sh -c '[ -n "$("$ROOTLET" run --help 2>/dev/null)" ]'

# --- the current directory ---

# gone COMMAND...: in a directory that has been removed.
gone() {
	mkdir "$tmp/gone"
	(cd "$tmp/gone" && rmdir "$tmp/gone" && "$@")
}
test_ok "a removed current directory does not matter over a directory" gone run "$base" true
test_if plain_start "it is started by a script here" "a relative base in a removed directory" fails_with "./base" gone run ./base true
test_if plain_start "it is started by a script here" "a relative volume in a removed directory" fails_with "current directory is gone" gone run -v ./x:/x "$base" true
test_if plain_start "it is started by a script here" "--here in a removed directory" fails_with "current directory is gone" gone run --here "$base" true
test_if plain_start "it is started by a script here" "the machine itself in a removed directory" fails_with "give --workdir" gone run host true
test_ok "with --workdir it works" gone run -w / host true

# --- HOME and the data directory ---

home() {
	(unset XDG_DATA_HOME && "$@")
}
test_ram "no HOME" home env -u HOME "$ROOTLET" run "$base" true
test_ok "no HOME, and a layer on disk is wanted" fails_with "neither HOME nor XDG_DATA_HOME" home env -u HOME "$ROOTLET" run --layer=disk "$base" true
test_ok "no HOME, over the machine itself" home env -u HOME "$ROOTLET" run -w / host true
test_ram "a relative HOME is none" home env HOME=relative "$ROOTLET" run "$base" true
test_ok "a relative HOME is not made" [ ! -e relative ]
test_ram "an empty HOME is none" home env HOME= "$ROOTLET" run "$base" true
test_ram "a relative XDG_DATA_HOME is none" env -u HOME XDG_DATA_HOME=relative "$ROOTLET" run "$base" true
test_ok "it is not made" [ ! -e relative ]
test_ok "a HOME that cannot be written" works_or_says home env HOME=/proc/none "$ROOTLET" run "$base" probe args ok
test_ok "over the machine itself" works_or_says home env HOME=/proc/none "$ROOTLET" run -w / host echo "<ok>"
test_ram "--layer=ram needs no HOME that can be written" home env HOME=/proc/none "$ROOTLET" run --layer=ram "$base" true
test_ok "nor does --read-only" home env HOME=/proc/none "$ROOTLET" run --read-only "$base" true
test_ok "a layer on disk does" fails_with "/proc/none" home env HOME=/proc/none "$ROOTLET" run --layer=disk "$base" true
test_ok "a data directory that is a file" fails_with "Not a directory" env XDG_DATA_HOME="$PWD/src/file" "$ROOTLET" run --layer=disk "$base" true
test_ok "a data directory that is a device" fails_with "/dev/null" env XDG_DATA_HOME=/dev/null "$ROOTLET" run --layer=disk "$base" true
test_ok "a data directory that is too long" fails_with "too long" env XDG_DATA_HOME="/$(printf '/d%.0s' $(seq 2100))" "$ROOTLET" run --layer=disk "$base" true

# With a file system of its own, mounted with OPTIONS, at $tmp/place: a run with its layers there.
mkdir "$tmp/place"
placed() {
	options=$1
	shift
	unshare -rm sh -c 'mount -t tmpfs -o "$1" none "$tmp/place" && shift && XDG_DATA_HOME=$tmp/place exec timeout 20 "$ROOTLET" run "$@"' sh "$options" "$@"
}
test_ok "a data directory that is read-only" works_or_says placed ro "$base" probe args ok
test_ok "and a layer on disk is wanted" fails_with "Read-only file system" placed ro --layer=disk "$base" true
test_ok "a data directory that is full" works_or_says placed nr_inodes=3 "$base" probe args ok
test_ok "and a layer on disk is wanted" fails_with "No space left" placed nr_inodes=3 --layer=disk "$base" true
test_ok "a data directory with room for nothing but the layer's directories" works_or_says placed nr_inodes=6,size=4k "$base" probe args ok

# The place of the layers is nobody else's.
fresh_scratch() {
	# The layer of the last run may be on its way out.
	wait_empty "$tmp/data2/rootlet/scratch"
	rm -rf "$tmp/data2"
}
scratch() {
	fresh_scratch && mkdir -p "$tmp/data2/rootlet" "$tmp/canary"
	"$@"
}
linked_scratch() {
	ln -s "$tmp/canary" "$tmp/data2/rootlet/scratch"
	XDG_DATA_HOME=$tmp/data2 run "$base" true 2>"$tmp/stderr"
	case $? in
	0) ;;
	125) says || return ;;
	*) return 1 ;;
	esac
	[ "$(ls "$tmp/canary")" = file ]
}
test_ok "a link in place of the layers' directory is not followed" scratch linked_scratch
linked_layer() {
	mkdir "$tmp/data2/rootlet/scratch"
	ln -s "$tmp/canary" "$tmp/data2/rootlet/scratch/0123456789abcdef"
	XDG_DATA_HOME=$tmp/data2 run "$base" true
	for _ in $(seq 400); do
		[ "$(ls "$tmp/data2/rootlet/scratch")" = 0123456789abcdef ] && break
		sleep 0.05
	done
	rm "$tmp/data2/rootlet/scratch/0123456789abcdef"
	[ "$(ls "$tmp/canary")" = file ]
}
test_ok "a link among the layers is not cleaned up through" scratch linked_layer
open_scratch() {
	mkdir -m 777 "$tmp/data2/rootlet/scratch"
	XDG_DATA_HOME=$tmp/data2 run "$base" true && [ "$(stat -c %a "$tmp/data2/rootlet/scratch")" = 700 ]
}
test_ok "others cannot look into the layers" scratch open_scratch
private_scratch() {
	fresh_scratch
	(umask 000 && XDG_DATA_HOME=$tmp/data2 run "$base" true)
	prints '700
700' stat -c %a "$tmp/data2/rootlet" "$tmp/data2/rootlet/scratch"
}
test_ok "whatever the umask is" private_scratch
if need root; then
	foreign_scratch() {
		mkdir "$tmp/data2/rootlet/scratch" && chown 12345 "$tmp/data2/rootlet/scratch"
		XDG_DATA_HOME=$tmp/data2 fails_with "belongs to user 12345" run "$base" true
	}
	test_ok "somebody else's directory is not used" scratch foreign_scratch
else
	test_skip "somebody else's directory is not used" "only root can make one"
fi

# --- limits of the caller ---

# limited LIMIT COMMAND...: under the limit COMMAND prints <ok>, or rootlet says why not where it may
# fail.  The outputs are pipes, because a file could not be written under some limits.
limited() {
	limit=$1
	shift
	{
		{
			timeout 20 sh -c "ulimit $limit && exec \"\$@\"" sh "$@"
			echo $? >"$tmp/status"
		} 2>&1 >&3 3>&- | cat >"$tmp/stderr"
	} 3>&1 | cat >"$tmp/pipe.out"
	cat "$tmp/stderr"
	case $(cat "$tmp/status"):$(cat "$tmp/pipe.out") in
	'0:<ok>') ;;
	125:*)
		[ "$may_fail" = yes ] || return
		says || return
		;;
	*)
		echo "exit status $(cat "$tmp/status")"
		return 1
		;;
	esac
	nothing_left && no_process
}
# no_process: nothing that knows $tmp runs on, but this script.
no_process() {
	for _ in $(seq 400); do
		left=$(grep -alF "rootlet" /proc/[0-9]*/cmdline 2>/dev/null | while read -r file; do
			tr '\0' ' ' <"$file" 2>/dev/null | grep -F " $base " | grep -F "$ROOTLET"
		done)
		[ -z "$left" ] && return
		sleep 0.05
	done
	echo "$left"
	return 1
}
memory_limits='-v_16384 -v_65536' stack_limits=-s_256
if have_sanitizer; then
	memory_limits='' stack_limits=''
	test_skip "limits on memory" "rootlet is built with a sanitizer"
fi
may_fail=yes
for limit in -n_4 -n_5 -n_6 -n_8 -n_10 -n_12 -n_16 -f_0 $memory_limits; do
	limit=$(echo "$limit" | tr _ ' ')
	test_if plain_start "it is started by a script here" "ulimit $limit" limited "$limit" "$ROOTLET" run "$base" probe args ok
	! need plain_start || test_ram "ulimit $limit, with a layer in memory" limited "$limit" "$ROOTLET" run --layer=ram "$base" probe args ok
done
for limit in -n_6 -n_16 -f_0 $memory_limits; do
	limit=$(echo "$limit" | tr _ ' ')
	test_if plain_start "it is started by a script here" "ulimit $limit, over the machine itself" limited "$limit" "$ROOTLET" run host echo '<ok>'
done
may_fail=no
for limit in -n_32 -t_5 -c_0 -l_0 $stack_limits; do
	limit=$(echo "$limit" | tr _ ' ')
	test_if plain_start "it is started by a script here" "ulimit $limit is no hindrance" limited "$limit" "$ROOTLET" run "$base" probe args ok
done
file_limit() {
	sh -c 'ulimit -f 0; exec "$ROOTLET" run --events-fd 3 "$base" probe sleep 0.3 3>"$tmp/events"'
}
test_ok "events that cannot be written do not end the program" file_limit

test_ok "nothing is left" nothing_left
test_done
