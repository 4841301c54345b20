# rootlet run host: the whole machine is seen, and whatever is written to it is gone afterwards
# shellcheck shell=sh disable=SC2016,SC2030,SC2031
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"

HOME=$tmp/home
export HOME
mkdir "$HOME" "$HOME/sub" "$tmp/other" "$tmp/work/a b"
echo mine >"$HOME/file"
echo mine >"$HOME/sub/file"
mark=rootlet-test-$$

run() { "$ROOTLET" run "$@"; }
# in_host COMMANDS [WORD...]: a shell inside, with the words as $1..., $mark as here.
in_host() {
	in_host_commands=$1
	shift
	"$ROOTLET" run -e "mark=$mark" host sh -c "$in_host_commands" sh "$@"
}

# --- what is seen ---

same_in_host() {
	"$@" >"$tmp/outside" && run host "$@" >"$tmp/inside" && diff "$tmp/outside" "$tmp/inside"
}
test_ok "the top directory is that of the machine" same_in_host ls -A /
test_ok "so are /etc, /usr and the home directory" same_in_host ls -A /etc /usr /usr/bin "$HOME"
test_ok "files have their content" same_in_host cksum /etc/passwd /bin/sh "$HOME/file"
test_ok "the host name is kept" same_in_host uname -n
test_ok "the working directory is kept" prints "$tmp/work" run host pwd
from() (
	cd "$1" || exit
	shift
	"$@"
)
test_ok "also with a blank in it" prints "$tmp/work/a b" from "$tmp/work/a b" "$ROOTLET" run host pwd
test_ok "also in the home directory" prints "$HOME/sub
file" from "$HOME/sub" "$ROOTLET" run host sh -c 'pwd; ls'
test_ok "also in /usr/share" prints /usr/share from /usr/share "$ROOTLET" run host pwd

below_tmp() {
	dir=$(mktemp -d "/tmp/$mark.XXXXXX") || return
	echo here >"$dir/file"
	(cd "$dir" && prints "$dir
here" "$ROOTLET" run host sh -c 'pwd; cat file; rm file; echo >new')
	r=$?
	left=$(ls "$dir")
	rm -rf "$dir"
	[ "$r" = 0 ] && [ "$left" = file ]
}
test_ok "a working directory below /tmp is there, and not written" below_tmp
tmp_is_empty() {
	dir=$(mktemp -d "/tmp/$mark.XXXXXX") || return
	out=$(run host ls -A /tmp)
	rmdir "$dir"
	[ -z "$out" ]
}
test_ok "/tmp is empty otherwise" tmp_is_empty
test_ok "the machine's processes are not seen" \
	in_host '[ "$(ls -d /proc/[0-9]* | wc -l)" -le 6 ]'
if ! need root; then
	test_ok "what only root may read stays unreadable" in_host '! cat /etc/shadow'
else
	test_ok "root reads what only root may read" same_in_host cksum /etc/shadow
fi

# --- what is written ---

# written_in DIRECTORY: a new file there is there inside, and not outside.
written_in() {
	in_host 'echo x >"$1/$mark" && [ "$(cat "$1/$mark")" = x ]' "$1" || return
	[ ! -e "$1/$mark" ] || {
		rm -f "$1/$mark"
		echo "$1 of the machine was written"
		return 1
	}
}
for dir in /etc /usr /home /var /var/tmp /opt /tmp /dev/shm "$HOME" "$HOME/sub" "$tmp/work"; do
	case $dir in
	"$tmp"/*) name="the caller's ${dir#"$tmp"/}" ;;
	*) name=$dir ;;
	esac
	if [ -d "$dir" ]; then
		test_ok "$name takes new files, in the layer" written_in "$dir"
	fi
done
own_files_are_safe() {
	in_host 'cd / && rm -rf "$HOME/file" "$HOME/sub" "$1"/* && [ -z "$(ls -A "$HOME" "$1" |
		grep -v : | grep .)" ]' "$tmp/work" &&
		[ -e "$tmp/work/a b" ] && [ "$(cat "$HOME/sub/file" "$HOME/file")" = "mine
mine" ]
}
test_ok "the caller's files can be removed inside, and are still there" own_files_are_safe
changes_vanish() {
	(cd "$HOME" && find . -printf '%p %m %s %T@\n' | sort) >"$tmp/before"
	in_host 'cd "$HOME" && echo more >>file && chmod 0 sub && chmod 777 . && ln file link &&
		mv file other && touch -d 2001-01-01 other && grep more link' || return
	(cd "$HOME" && find . -printf '%p %m %s %T@\n' | sort) | diff "$tmp/before" -
}
test_ok "changes of content, mode, name and time are gone" changes_vanish
layer_is_gone() { wait_empty "$XDG_DATA_HOME/rootlet/scratch"; }
test_ok "the layer is removed" layer_is_gone
read_only() {
	out=$(run --read-only host sh -c \
		'for d in /etc /usr /home "$HOME" /var/tmp "$1"; do true >"$d/new" && echo "$d"; done
		true >/tmp/x && true >/dev/shm/x && echo end' sh "$tmp/work" 2>/dev/null)
	[ "$out" = end ] || {
		echo "$out"
		return 1
	}
}
test_ok "--read-only refuses writes everywhere but in /tmp and /dev/shm" read_only

# --- the home directory ---

test_ok "--home=layer shows it" prints mine run --home=layer host cat "$HOME/file"
home_share() {
	run --home=share host sh -c 'cat "$HOME/file" && echo shared >"$HOME/new"' &&
		[ "$(cat "$HOME/new")" = shared ] && rm "$HOME/new"
}
test_ok "--home=share shares it" home_share
home_share_only() {
	run --home=share host sh -c 'echo x >"/etc/$2" && echo x >"$1/$2"' sh "$tmp/work" "$mark" &&
		[ ! -e "/etc/$mark" ] && [ ! -e "$tmp/work/$mark" ]
}
test_ok "--home=share shares nothing else" home_share_only
home_hide() {
	prints "" run --home=hide host ls -A "$HOME" &&
		run --home=hide host sh -c 'echo x >"$HOME/new" && cat "$HOME/new"' &&
		[ ! -e "$HOME/new" ] && [ -e "$HOME/file" ]
}
test_ok "--home=hide shows an empty one, and writes to it are gone" home_hide
test_ok "the working directory is then the home directory" prints "$HOME" \
	from "$HOME/sub" "$ROOTLET" run --home=hide host pwd
test_ok "--here shares a directory of a hidden home" prints "$HOME/sub
file" from "$HOME/sub" "$ROOTLET" run --home=hide --here host sh -c 'pwd; ls "$HOME/sub"'
home_by_link() {
	ln -s home "$tmp/homelink"
	(
		HOME=$tmp/homelink
		prints "" run --home=hide host ls -A "$HOME/" &&
			prints "" run --home=hide host ls -A "$tmp/home"
	)
}
test_ok "--home=hide hides a home that HOME names by a link" home_by_link
for home in unset relative root; do
	home_unknown() (
		case $home in
		unset) unset HOME ;;
		relative) HOME=home ;;
		root) HOME=/ ;;
		esac
		fails_with "--home" run --home=hide host true
	)
	test_ok "--home=hide is refused when nobody can say what it is (HOME: $home)" home_unknown
done
test_ok "another word for --home is refused" fails_with "--home: 'all'" run --home=all host true

# --- rootlet's own data directory ---

mkdir -p "$XDG_DATA_HOME/rootlet"
echo secret >"$XDG_DATA_HOME/rootlet/file"
test_ok "the data directory is hidden" prints "" run host ls -A "$XDG_DATA_HOME/rootlet"
test_ok "and cannot be written" in_host '[ -d "$1" ] && ! true >"$1/x"' "$XDG_DATA_HOME/rootlet"
# The program must not prepare what the next start believes: a cached filter, a layer.
data_dir_planted() { # OPTION...
	(
		unset XDG_DATA_HOME
		run "$@" sh -c 'd=$1/.local/share/rootlet
			mkdir -p "$d/cache" && echo planted >"$d/cache/x"
			[ -d "$1/sub" ]' sh "$where" || return
	)
	wait_empty "$HOME/.local/share/rootlet/scratch"
	found=$(find "$HOME/.local" -name x 2>/dev/null)
	rm -rf "$HOME/.local"
	[ -z "$found" ] || {
		echo "$found"
		return 1
	}
}
where=$HOME
test_ok "a shared home with a data directory gives no way to write it" \
	data_dir_planted --home=share host
test_ram "nor when the data directory is not there yet" \
	data_dir_planted --home=share --layer=ram host
test_ok "nor with --read-only" data_dir_planted --home=share --read-only host
where=/mnt/home
test_ok "nor when the home directory is mounted elsewhere" \
	data_dir_planted -v "$HOME:/mnt/home" host
data_dir_elsewhere() {
	prints "" run -v "$tmp/data:/mnt/data" host ls -A /mnt/data/rootlet
}
test_ok "a volume with the data directory in it does not show its content" data_dir_elsewhere
data_dir_as_volume() {
	# Refusing it is as good as showing nothing.
	out=$(run -v "$XDG_DATA_HOME/rootlet:/mnt/data" host cat /mnt/data/file 2>/dev/null)
	[ "$out" != secret ]
}
test_ok "nor does a volume that is the data directory" data_dir_as_volume
rm "$XDG_DATA_HOME/rootlet/file"

# --- the program ---

printf '#!/bin/sh\necho "my shell"\n' >"$tmp/other/shell"
chmod 755 "$tmp/other/shell"
with_shell() (
	SHELL=$1
	export SHELL
	shift
	echo 'echo "this is sh"' | "$ROOTLET" run host "$@"
)
test_ok "without a command it is \$SHELL" prints "my shell" with_shell "$tmp/other/shell"
test_ok "or sh when there is no such program" prints "this is sh" with_shell "$tmp/other/nothing"
environment_is_harmless() {
	(
		ROOTLET_TEST_SECRET=1 LANG=C.UTF-8 SSH_AUTH_SOCK=/x DBUS_SESSION_BUS_ADDRESS=/x
		export ROOTLET_TEST_SECRET LANG SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS
		run host env
	) >"$tmp/env" && ! grep -E 'SECRET|SSH_|DBUS_' "$tmp/env" &&
		grep -qx "HOME=$HOME" "$tmp/env" && grep -qx "PATH=$PATH" "$tmp/env" &&
		grep -qx LANG=C.UTF-8 "$tmp/env"
}
test_ok "PATH, HOME and the language are kept, secrets are not" environment_is_harmless

# --- ways out ---

# A reader of the pipe outside must hear nothing of a writer inside.
pipe_is_not_the_machines() {
	mkfifo "$tmp/work/pipe" || return
	timeout 2 cat "$tmp/work/pipe" >"$tmp/heard" &
	reader=$!
	timeout 0.5 "$ROOTLET" run host sh -c 'echo hello >pipe'
	kill "$reader" 2>/dev/null
	wait "$reader"
	rm "$tmp/work/pipe"
	[ ! -s "$tmp/heard" ]
}
test_ok "a named pipe of the machine leads nowhere" pipe_is_not_the_machines
socket_is_not_the_machines() {
	python3 - "$tmp/work/socket" 3>"$tmp/listening" <<-'END' &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		s.settimeout(3)
		os.write(3, b"x")
		try:
		    s.accept()
		    os.write(3, b"y")
		except OSError:
		    pass
	END
	listener=$!
	for _ in $(seq 60); do
		[ -s "$tmp/listening" ] && break
		sleep 0.05
	done
	# The same client outside must succeed, or this shows nothing.
	client='import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])'
	run host python3 -c "$client" "$tmp/work/socket" 2>"$tmp/refused"
	r=$?
	[ "$(cat "$tmp/listening")" = x ] && python3 -c "$client" "$tmp/work/socket"
	outside=$?
	wait "$listener"
	rm -f "$tmp/work/socket"
	cat "$tmp/refused"
	[ "$r" = 1 ] && grep -q refused "$tmp/refused" && [ "$outside" = 0 ]
}
if need python3; then
	test_ok "a socket of the machine leads nowhere" socket_is_not_the_machines
else
	test_skip "a socket of the machine leads nowhere" "no python3 here"
fi
no_block_devices() {
	out=$(in_host 'find /dev -type b; find /dev -type c | grep -Ev \
		"^/dev/(null|zero|full|random|urandom|tty|console|ptmx|pts/[0-9a-z]+)$"')
	echo "$out"
	[ -z "$out" ]
}
test_ok "no other devices are in /dev" no_block_devices
device_file_is_dead() {
	mknod "$tmp/work/null" c 1 3 && chmod 666 "$tmp/work/null" && true >"$tmp/work/null" || return
	in_host '[ -c null ] && ! true >null'
	r=$?
	rm "$tmp/work/null"
	return "$r"
}
if ! need root; then
	test_skip "a device node elsewhere cannot be opened" "only root can make one"
elif ! mknod "$tmp/other/null" c 1 3 2>/dev/null || ! true 2>/dev/null >"$tmp/other/null"; then
	test_skip "a device node elsewhere cannot be opened" "no device nodes here, either"
else
	test_ok "a device node elsewhere cannot be opened" device_file_is_dead
fi
setuid_is_dead() {
	if have_root; then
		in_host 'cp "$(command -v id)" /usr/local/bin/myid && chown 1:1 /usr/local/bin/myid &&
			chmod 4755 /usr/local/bin/myid && [ "$(/usr/local/bin/myid -u)" = 0 ]'
	else
		in_host '[ "$(grep -c NoNewPrivs:.1 /proc/self/status)" = 1 ]'
	fi
}
test_ok "setuid programs have no effect" setuid_is_dead

# --- other mounts ---

# What is mounted where, in a mount namespace of the test's own.
mkdir -p way/tmpfs 'way/a \134 b' way/sub way/over
echo file >way/file
echo file >way/bound
echo file >way/sub/file
echo covered >way/over/covered
ln -s file way/link
touch -d 2001-02-03 way/file
chmod 640 way/file
chmod 750 way
cat >"$tmp/mounts" <<-'END'
	mount -t tmpfs t way/tmpfs && echo 1 >way/tmpfs/one &&
		mkdir way/tmpfs/nested && mount -t tmpfs t way/tmpfs/nested &&
		echo 2 >way/tmpfs/nested/two &&
		mount -t tmpfs t 'way/a \134 b' && echo 3 >'way/a \134 b/three' &&
		mount --bind way/bound way/bound &&
		mount -t tmpfs t way/over && echo 4 >way/over/four &&
		mkdir way/tmpfs/ro && mount -t tmpfs t way/tmpfs/ro && echo 5 >way/tmpfs/ro/five &&
		mount -o remount,bind,ro way/tmpfs/ro || exit 77
	exec "$@"
END
if [ "$(id -u)" = 0 ]; then
	in_mounts() { unshare -m sh "$tmp/mounts" "$@"; }
else
	in_mounts() { unshare -rm sh "$tmp/mounts" "$@"; }
fi
mounted() {
	mounted_commands=$1
	shift
	in_mounts "$ROOTLET" run "$@" host sh -c "$mounted_commands"
}
if ! in_mounts true || ! in_mounts "$ROOTLET" run host true; then
	# Then the tests below would say nothing; the first one says what is wrong.
	test_ok "a start with mounts below" in_mounts "$ROOTLET" run host true
else
	test_ok "files on other mounts are seen, also on nested ones" prints "1
2" mounted 'cat way/tmpfs/one way/tmpfs/nested/two'
	test_ok "also with odd names" prints 3 mounted 'cat "way/a \\134 b/three"'
	test_ok "also on read-only ones" prints 5 mounted 'cat way/tmpfs/ro/five'
	test_ok "also when a file is the mount point" prints file mounted 'cat way/bound'
	test_ok "what a mount covers stays covered" prints four mounted 'ls way/over'
	test_ok "files, links and directories next to a mount are seen" prints "file
file
file" mounted 'cat way/file way/link way/sub/file'
	vanish_on_mounts() {
		in_mounts sh -c '"$ROOTLET" run host sh -c "
			cd way && rm tmpfs/one && echo x >tmpfs/nested/new && echo x >tmpfs/nested/two &&
			echo x >bound && echo x >file && echo x >new && rm -r tmpfs/ro/five &&
			! ls tmpfs/one 2>/dev/null && cat tmpfs/nested/new" &&
			cat way/tmpfs/one way/tmpfs/nested/* way/tmpfs/ro/five way/bound way/file way/new'
	}
	vanished_on_mounts() {
		out=$(vanish_on_mounts 2>"$tmp/stderr")
		cat "$tmp/stderr"
		[ "$out" = "x
1
2
5
file
file" ] && grep -q "way/new'\\?: No such file" "$tmp/stderr"
	}
	test_ok "writes to them and next to them are gone" vanished_on_mounts
	read_only_mounts() {
		out=$(mounted 'for f in way/x way/tmpfs/x way/tmpfs/nested/x way/sub/x way/file; do
			true >>$f && echo $f; done; echo end' --read-only 2>/dev/null)
		echo "$out"
		[ "$out" = end ]
	}
	test_ok "--read-only refuses writes to all of them" read_only_mounts
	test_ok "files and directories next to a mount keep their mode and time" \
		prints "640 981158400
750" mounted 'stat -c "%a %Y" way/file; stat -c %a way' -e TZ=UTC
	if need root; then
		chown 1:2 way way/file way/sub
		chmod 2750 way
		test_ok "and their owner" prints "1:2 1:2 1:2 2750" \
			mounted 'echo "$(stat -c %u:%g way way/file way/sub | tr "\n" " ")$(stat -c %a way)"'
	else
		test_skip "and their owner" "only root has files of others"
	fi
	home_on_mount() {
		in_mounts env HOME="$tmp/work/way/tmpfs" "$ROOTLET" run "$@" host sh -c \
			'echo x >"$HOME/new" && ls "$HOME" | tr "\n" " "
			[ ! -d "$HOME/nested" ] || ls "$HOME/nested"'
	}
	test_ok "a home directory that is a mount, in the layer" \
		prints "nested new one ro two" home_on_mount
	test_ok "a home directory that is a mount, shared" \
		prints "nested new one ro two" home_on_mount --home=share
	test_ok "a home directory that is a mount, hidden" prints "new " home_on_mount --home=hide
	test_ok "a working directory on a mount" prints "$tmp/work/way/tmpfs/nested
two" in_mounts sh -c 'cd way/tmpfs/nested && exec "$ROOTLET" run host sh -c "pwd; ls"'
fi

# --- as root ---

checksums() { cksum /var/lib/dpkg/status /etc/passwd /etc/shadow /etc/group; }
checksums_kept() {
	checksums >"$tmp/sums" && "$@" && checksums | diff "$tmp/sums" -
}
have_dpkg() { command -v dpkg-query >/dev/null && [ -s /var/lib/dpkg/status ]; }
have_apt_network() {
	have_dpkg && ! dpkg-query -W hello 2>/dev/null | grep -q . && mkdir "$tmp/other/apt" &&
		(cd "$tmp/other/apt" && timeout 20 apt-get -qq download hello >/dev/null 2>&1)
}
users_change() {
	in_host 'useradd "$1" && echo "$1:x" | chpasswd && chown "$1" /etc/hostname &&
		[ "$(stat -c %U /etc/hostname)" = "$1" ] && userdel "$1"' "u$$"
}
modify_root_files() {
	in_host 'echo "#" >>/etc/passwd && rm -f /etc/shadow && mv /etc/group /etc/group.old &&
		chmod 0 /usr && rm -rf /var/lib/dpkg/* && [ ! -e /etc/shadow ]'
}
usr_mode_kept() { [ "$(stat -c %a /usr)" != 0 ]; }
dpkg_configure() { in_host 'dpkg --configure -a && echo >>/var/lib/dpkg/status'; }
install_hello() {
	run --net=host host sh -c 'DEBIAN_FRONTEND=noninteractive \
		apt-get -y install hello && hello && dpkg-query -W hello' >"$tmp/apt" 2>&1 || {
		tail -n 20 "$tmp/apt"
		return 1
	}
	tail -n 3 "$tmp/apt"
	grep -q '^Hello, world' "$tmp/apt" && [ ! -e /usr/bin/hello ] &&
		! dpkg-query -W hello && [ ! -e /var/lib/dpkg/info/hello.list ]
}
if ! need root; then
	for name in "system files can be changed and removed" "users can be added" \
		"dpkg --configure -a works" "apt-get install works, and leaves nothing"; do
		test_skip "$name" "for root only"
	done
else
	test_ok "system files can be changed and removed, and are still there" \
		checksums_kept modify_root_files
	test_ok "and directories keep their mode" usr_mode_kept
	test_ok "users can be added" checksums_kept users_change
	if need dpkg; then
		test_ok "dpkg --configure -a works" checksums_kept dpkg_configure
	else
		test_skip "dpkg --configure -a works" "no dpkg here"
	fi
	if need apt_network; then
		test_ok "apt-get install works, and leaves nothing" checksums_kept install_hello
	else
		test_skip "apt-get install works, and leaves nothing" \
			"no packages to be had here, or hello is installed"
	fi
fi
test_done
