# the throwaway layer: what can be done in it, where it is kept, and that it always goes
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"

scratch=$XDG_DATA_HOME/rootlet/scratch
# Options of a run without a layer on disk.
ram=--layer=ram
have_ram_layer || ram=--read-only
run() { "$ROOTLET" run "$@"; }
in_host() {
	in_host_commands=$1
	shift
	run "$@" host sh -c "$in_host_commands"
}
removed() {
	wait_empty "$scratch" || wait_empty "$scratch" || wait_empty "$scratch" || {
		find "$scratch" | head -n 30
		return 1
	}
}

# --- what can be done in it ---

mkdir -p tree/dir/sub/deep tree/empty tree/gone
echo one >tree/dir/one
echo two >tree/dir/sub/two
echo three >tree/dir/sub/deep/three
echo file >tree/file
ln -s file tree/link
seq 2000 >tree/lines
touch -d 2001-02-03 tree/file
printf '#!/bin/sh\necho ran\n' >tree/script
manifest() {
	(cd "$tmp/work" && find . -printf '%p %y %m %U %s %T@ %l\n' | sort &&
		find . -type f -exec cksum {} + | sort)
}

# A word each: the commands in the tree, and what they print.
semantics() {
	cat <<-'END'
		write|echo x >file; cat file|x
		append|echo x >>file; cat file|file;x
		truncate|truncate -s 2 file; cat file|fi
		write-inside|printf X | dd of=lines bs=1 seek=4 conv=notrunc 2>/dev/null; wc -l <lines; head -n 3 lines | tr '\n' ' '|2000;1 2 X
		read-and-write|exec 3<>file; read -r a <&3; echo more >&3; cat file|file;more
		chmod|chmod +x script; ./script|ran
		touch|touch -d 2002-02-02 file; stat -c %y file | cut -c 1-10|2002-02-02
		remove|rm file; ls file 2>/dev/null; cat link 2>/dev/null; ls | tr '\n' ' '|dir empty gone lines link script
		remove-and-make|rm file; echo new >file; cat file link|new;new
		file-to-directory|rm file; mkdir file; echo x >file/x; cat file/x|x
		directory-to-file|rm -r dir; echo x >dir; cat dir|x
		remove-tree|rm -r dir; ls -d dir 2>/dev/null; echo end|end
		remake-directory|rm -r dir; mkdir dir; ls -A dir; echo x >dir/one; ls -A dir; cat dir/one|one;x
		remake-twice|for i in 1 2 3; do rm -r dir; mkdir dir; echo $i >dir/n; done; ls -A dir; cat dir/n|n;3
		remake-below|rm -r dir/sub; mkdir -p dir/sub/deep; find dir | sort | tr '\n' ' '|dir dir/one dir/sub dir/sub/deep
		remake-by-rename|mkdir new; rm -r dir; mv new dir; ls -A dir; echo end|end
		rmdir-refuses|rmdir dir 2>/dev/null; ls dir/sub|deep;two
		rmdir-emptied|rm -r dir/one dir/sub; rmdir dir && ls -d dir 2>/dev/null; echo end|end
		rename-file|mv file moved; cat moved; ls file 2>/dev/null; cat link 2>/dev/null; echo end|file;end
		rename-over|mv file dir/one; cat dir/one|file
		rename-into|mv file dir/; cat dir/file|file
		rename-directory|mv dir moved; cat moved/one moved/sub/deep/three; ls -d dir 2>/dev/null; echo end|one;three;end
		rename-directory-into|mv dir empty/; cat empty/dir/sub/two|two
		rename-new-directory|mkdir -p n/m; echo x >n/m/x; mv n o; cat o/m/x|x
		rename-back|mv file a; mv a file; cat file|file
		swap|mv file a; mv lines file; mv a lines; cat lines; wc -l <file|file;2000
		hard-link|ln file hard; echo x >>hard; cat file; stat -c %h file hard|file;x;2;2
		hard-link-removed|ln file hard; rm file; cat hard; stat -c %h hard|file;1
		hard-link-into|ln file dir/sub/hard; echo y >dir/sub/hard; cat file|y
		symbolic-link|rm link; ln -s dir/one link; cat link|one
		link-replaced|ln -sfn dir link; ls link|one;sub
		sparse|truncate -s 1G big; stat -c '%s %b' big|1073741824 0
		many|mkdir m; cd m; seq 1000 | xargs touch; rm 5*; ls | wc -l|889
		odd-names|for n in '.wh.x' '..x' '#1' 'a b' 'é'; do echo x >"$n" && rm "$n" || echo "no $n"; done; echo end|end
		long-name|n=$(printf 'x%.0s' $(seq 255)); echo y >"$n"; cat "$n"|y
		edit|sed -i s/two/2/ dir/sub/two; cat dir/sub/two|2
		copy-all|cp -a dir copy; diff -r dir copy && echo same|same
		archive|tar -cf - dir | (mkdir x; tar -xf - -C x); cat x/dir/one|one
		still-open|exec 3<file; rm file; cat <&3|file
		directory-in-use|cd dir; rm -r ../dir; ls -A; echo end|end
		lock|flock file echo locked|locked
		fifo|mkfifo p; echo x >p & cat p|x
		list-after|echo x >dir/n; rm dir/one; ls dir|n;sub
	END
}
# A tree for each word, all words in one start: it prints what is not as wanted.
cat >"$tmp/check.sh" <<-'END'
	cd "$1" || exit
	status=0
	while IFS= read -r line; do
		word=${line%%|*} wanted=${line##*|}
		commands=${line#*|}
		result=$(cd "$word" && eval "${commands%|*}" 2>&1)
		result=$(printf '%s\n' "$result" | sed 's/ *$//' | tr '\n' ';')
		[ "${result%;}" = "$wanted" ] || {
			printf '%s: printed: %s\n%s: wanted:  %s\n' "$word" "${result%;}" "$word" "$wanted"
			status=1
		}
	done
	exit $status
END
chmod 711 "$tmp"
chmod 644 "$tmp/check.sh"
semantics >"$tmp/semantics"
mkdir trees
while IFS='|' read -r word _; do
	cp -a tree "trees/$word"
done <"$tmp/semantics"
manifest >"$tmp/manifest"
semantics_hold() { # DIRECTORY-INSIDE OPTION...
	where=$1
	shift
	run "$@" host sh "$tmp/check.sh" "$where" <"$tmp/semantics"
}
test_ok "what programs do with files, on disk" semantics_hold "$tmp/work/trees" --layer=disk
test_ram "in memory" semantics_hold "$tmp/work/trees" --layer=ram
test_ok "in a volume with a layer" semantics_hold /mnt/trees -v "$tmp/work/trees:/mnt/trees:layer"
base_is_untouched() { manifest | diff "$tmp/manifest" -; }
test_ok "the files below are what they were" base_is_untouched
test_ok "nothing is left" removed

have_getfattr() { command -v getfattr >/dev/null; }
have_xattr() { setfattr -n user.test -v 1 tree/file 2>/dev/null; }
if need getfattr xattr; then
	test_ok "attributes are seen, changed and removed, the layer's own are not seen" prints 'user.test="1"
user.test="2"
user.new="3"' in_host 'cd tree; getfattr -d file | grep user; setfattr -n user.test -v 2 file
		getfattr -d file | grep user; setfattr -x user.test file; setfattr -n user.new -v 3 file
		rm -r dir; mkdir dir; getfattr -d -m- dir; getfattr -d file | grep user'
else
	test_skip "attributes are seen, changed and removed" "no extended attributes here"
fi

# A base with a shell and a few programs: the start of a whole machine costs more.
shellbase=$tmp/shellbase
shell_base() {
	(cd "$tmp" && mkdir -p shellbase && cd shellbase && mkdir -p etc dev proc sys tmp var bin home) ||
		return
	for program in sh cat chmod chown dd head ln ls mkdir mkfifo rm seq touch truncate xargs; do
		path=$(command -v "$program") && cp "$path" "$shellbase/bin/" || return
		ldd "$path" | grep -o '/[^ ]*' | while read -r library; do
			mkdir -p "$shellbase${library%/*}" && cp "$library" "$shellbase$library"
		done
	done
	echo x >"$shellbase/etc/passwd"
	run "$shellbase" /bin/sh -c 'ls /'
}
in_base() {
	in_base_commands=$1
	shift
	run "$@" "$shellbase" /bin/sh -c "$in_base_commands"
}
remove_everything() {
	find "$shellbase" -printf '%p %m %s %T@\n' | sort >"$tmp/before"
	run "$shellbase" /bin/sh -c 'rm -rf --no-preserve-root / 2>/dev/null
		while read -r x; do echo "$x"; done </etc/passwd; echo end' 2>/dev/null >"$tmp/printed"
	cat "$tmp/printed"
	find "$shellbase" -printf '%p %m %s %T@\n' | sort | diff "$tmp/before" - &&
		[ "$(cat "$tmp/printed")" = end ] && [ -e /etc/passwd ] && [ -c /dev/null ]
}
test_ok "a base with a shell" shell_base
test_ok "rm -rf / removes what is inside, and nothing else" remove_everything

# --- that it goes ---

leave() { # COMMANDS [OPTION...]: run them, then nothing may be left.
	in_base "$@" && removed
}
test_ok "files and directories that nobody may read are removed" leave \
	'cd /tmp && mkdir -p a/b/c && touch a/b/c/f a/b/f && chmod 0 a/b/c/f a/b/c a/b/f a/b a &&
	cd / && mkdir x && touch x/y && chmod 500 x'
test_ok "odd names, links, pipes and large files are removed" leave \
	'cd /tmp && mkdir "a
b" "..." .hidden && touch "a
b/x" .hidden/.x && ln -s /etc loop && ln -s nowhere gone && mkfifo p && truncate -s 10G big &&
	ln p "$(printf "x%.0s" $(seq 255))"'
test_ok "3000 directories below each other are removed" leave \
	'p=$(printf "d/%.0s" $(seq 1000)); cd /tmp && mkdir -p $p && cd $p && mkdir -p $p && cd $p &&
	mkdir -p $p && cd /tmp/$p && chmod 0 d'
test_ok "5000 files in one directory are removed" leave 'cd /tmp && seq 5000 | xargs touch'
many_directories() {
	leave 'cd /tmp && seq -f %g/a/b 300 | xargs mkdir -p && chmod 0 */a/b'
}
test_ok "300 small trees are removed" many_directories
test_ok "links that lead out are removed, not followed" leave \
	"cd /tmp && ln -s $tmp/work/tree t && ln -s ../../../../../work/tree u && ln -s / r"
targets_are_kept() { [ "$(cat tree/dir/one)" = one ]; }
test_ok "and what they lead to is kept" targets_are_kept
if need subids; then
	foreign='cd /tmp && mkdir -p a/b && touch a/b/f && chmod 700 a/b && chown -R 5:6 a && cd /var &&
		mkdir m && chown 7 m && chmod 0 m'
	test_ok "files of subordinate ids are removed" leave "$foreign"
else
	test_skip "files of subordinate ids are removed" "no subordinate ids"
fi

# start NAME [OPTION...]: a sandbox that has written a file and waits; its process id is $pid.
start() {
	name=$1
	shift
	rm -f "$tmp/in.$name" "$tmp/out.$name"
	mkfifo "$tmp/in.$name"
	"$ROOTLET" run "$@" "$shellbase" /bin/sh -c "${commands-}"'
		echo kept >/tmp/kept && echo kept >/kept && echo ready && read -r x && cat /tmp/kept /kept' \
		<"$tmp/in.$name" >"$tmp/out.$name" 2>&1 &
	pid=$!
	case $name in
	one) exec 3>"$tmp/in.$name" ;;
	two) exec 4>"$tmp/in.$name" ;;
	esac
	for _ in $(seq 200); do
		grep -q ready "$tmp/out.$name" && return
		sleep 0.05
	done
	cat "$tmp/out.$name"
	return 1
}
# go_on NAME: it ends as it should, with its files.
go_on() {
	case $1 in
	one) exec 3>&- ;;
	two) exec 4>&- ;;
	esac
	wait "$2"
	cat "$tmp/out.$1"
	[ "$(cat "$tmp/out.$1")" = "ready
kept
kept" ]
}
count_layers() { find "$scratch" -mindepth 1 -maxdepth 1 | wc -l; }

running_is_kept() {
	start one || return
	first=$pid
	start two || return
	[ "$(count_layers)" = 2 ] || return
	run "$base" /bin/true && run "$ram" "$base" /bin/true
	sleep 0.2
	[ "$(count_layers)" = 2 ] && echo x >&4 && go_on two "$pid" && [ -d "$scratch" ] &&
		echo x >&3 && go_on one "$first" && removed
}
test_ok "layers of running sandboxes are not taken for left-overs" running_is_kept

# killed NEXT-OPTIONS: what is left after SIGKILL of rootlet is removed by the next command.
killed() {
	next=$1
	shift
	start one "$@" || return
	{ kill -9 "$pid" && wait "$pid"; } 2>/dev/null
	exec 3>&-
	[ "$(count_layers)" = 1 ] || {
		echo "nothing was left, so this shows nothing"
		return 1
	}
	for _ in 1 2 3 4 5 6; do
		# Until the sandbox has died with it, the layer is in use.
		sleep 0.05
		# shellcheck disable=SC2086
		run $next "$base" /bin/true || return
		wait_gone && return
	done
	removed
}
wait_gone() {
	for _ in 1 2 3 4 5; do
		[ "$(count_layers)" = 0 ] && return
		sleep 0.03
	done
	return 1
}
test_ok "what a killed rootlet left is removed by the next command" killed ""
test_ram "also when that has its layer in memory" killed --layer=ram
test_ok "also when that has none" killed --read-only
commands='mkdir -p /a/b /tmp/a/b && chmod 0 /a/b /a /tmp/a/b /tmp/a && '
test_ok "also with directories that nobody may read" killed ""
if need subids; then
	commands='mkdir -p /tmp/a/b && touch /tmp/a/b/c && chown -R 5:6 /tmp/a && chmod 700 /tmp/a/b && '
	test_ok "also with files of subordinate ids" killed ""
else
	test_skip "also with files of subordinate ids" "no subordinate ids"
fi
commands=
killed_init() {
	start one || return
	init=$(cut -d ' ' -f 1 "/proc/$pid/task/$pid/children")
	[ -n "$init" ] && kill -9 "$init" || return
	wait "$pid"
	got=$?
	exec 3>&-
	[ "$got" = 137 ] && removed
}
test_ok "when the sandbox's first process is killed, it is removed, too" killed_init
interrupted() {
	start one || return
	kill -TERM "$pid"
	wait "$pid"
	got=$?
	exec 3>&-
	[ "$got" = 143 ] && removed
}
test_ok "also after SIGTERM" interrupted

# --- where it is kept ---

on_disk() {
	start one "$1" || return
	find "$scratch" -name kept -size -2 | wc -l >"$tmp/found"
	echo x >&3
	go_on one "$pid" && removed && [ "$(cat "$tmp/found")" = "$2" ]
}
test_ok "--layer=disk is in the data directory" on_disk --layer=disk 2
test_ram "--layer=ram is not" on_disk --layer=ram 0
no_data_dir() (
	XDG_DATA_HOME=$tmp/none
	export XDG_DATA_HOME
	run "$ram" "$base" /bin/probe write /x && run --read-only "$base" /bin/true &&
		[ ! -e "$tmp/none" ]
)
test_ok "in memory, no data directory is made" no_data_dir
test_ram "--layer=ram:SIZE holds that much" in_base \
	'dd if=/dev/zero of=/f bs=64k count=96 2>/dev/null && rm /f && head -c 6m /dev/zero >/tmp/f' \
	--layer=ram:8m
memory_is_limited() {
	run --layer=ram:4m "$shellbase" /bin/sh -c "head -c 6m /dev/zero >$1" 2>"$tmp/stderr" && return 1
	cat "$tmp/stderr"
	grep -q 'No space left' "$tmp/stderr"
}
test_ram "and not more" memory_is_limited /f
test_ram "/tmp counts" memory_is_limited /tmp/f
for size in 0 -1 x 1x 99999999999999999999 ''; do
	test_ok "--layer=ram:$size is refused" fails_with "--layer" run "--layer=ram:$size" "$base" \
		/bin/true
done
test_ok "--layer with --read-only is refused" fails_with "exclude each other" \
	run --layer=ram --read-only "$base" /bin/true

private() (
	umask 000
	XDG_DATA_HOME=$tmp/private
	export XDG_DATA_HOME
	start one || return
	find "$tmp/private" -perm /077 ! -type l ! -path '*/scratch/*/*' >"$tmp/open"
	echo x >&3
	go_on one "$pid"
	wait_empty "$tmp/private/rootlet/scratch"
	cat "$tmp/open"
	[ ! -s "$tmp/open" ]
)
test_ok "nobody else can look into it, whatever the umask" private
made_private() (
	XDG_DATA_HOME=$tmp/private
	export XDG_DATA_HOME
	chmod 777 "$tmp/private/rootlet/scratch" && run "$base" /bin/true &&
		[ "$(stat -c %a "$tmp/private/rootlet/scratch")" = 700 ]
)
test_ok "also when the directory was open before" made_private

# Somebody who can write into the data directory leads the removal elsewhere.
victim=$tmp/victim
mkdir "$victim"
planted() (
	XDG_DATA_HOME=$tmp/planted
	export XDG_DATA_HOME
	rm -rf "$tmp/planted"
	mkdir -p "$tmp/planted/rootlet/scratch" && echo x >"$victim/file" && cd "$tmp/planted/rootlet" &&
		eval "$1" || exit
	run "$base" /bin/true 2>/dev/null
	sleep 0.2
	[ "$(cat "$victim/file")" = x ]
)
test_ok "a link in place of the directory of layers is not followed" \
	planted 'rmdir scratch && ln -s "$victim" scratch'
test_ok "a link in place of a layer is not followed" planted 'ln -s "$victim" scratch/0123456789abcdef'
test_ok "a link in a left-over is not followed" \
	planted 'mkdir -p scratch/0123456789abcdef/u0 && ln -s "$victim" scratch/0123456789abcdef/u0/l &&
		ln "$victim/file" scratch/0123456789abcdef/f'
foreign_directory() (
	XDG_DATA_HOME=$tmp/foreign
	export XDG_DATA_HOME
	mkdir -p "$tmp/foreign/rootlet/scratch/left" && chown 54321 "$tmp/foreign/rootlet/scratch" &&
		fails_with "belongs to user 54321" run --layer=disk "$base" /bin/true &&
		[ -d "$tmp/foreign/rootlet/scratch/left" ]
)
if need root; then
	test_ok "a directory of layers of somebody else is refused" foreign_directory
else
	test_skip "a directory of layers of somebody else is refused" "only root can make one"
fi

# --- data directories of other kinds ---

if [ "$(id -u)" = 0 ]; then
	own_mounts() { unshare -m "$@"; }
else
	own_mounts() { unshare -rm "$@"; }
fi
# on_data TYPE-AND-OPTIONS COMMAND...: with the data directory on a mount like this.
on_data() {
	on_data_mount=$1
	shift
	own_mounts sh -c 'mkdir -p "$tmp/l" "$tmp/u" "$tmp/w" "$tmp/m"
		'"$on_data_mount"' || exit 77
		XDG_DATA_HOME=$tmp/m
		export XDG_DATA_HOME
		"$@"
		r=$?
		for _ in $(seq 400); do
			[ -z "$(ls -A "$tmp/m/rootlet/scratch" 2>/dev/null)" ] && exit $r
			sleep 0.05
		done
		echo "left: $(ls "$tmp/m/rootlet/scratch")"
		exit 78' sh "$@"
}
export tmp
tmpfs='mount -t tmpfs t "$tmp/m"'
overlay='mount -t overlay -o "userxattr,lowerdir=$tmp/l,upperdir=$tmp/u,workdir=$tmp/w" o "$tmp/m"'
read_only='mount -t tmpfs -o ro t "$tmp/m"'
write_one() { prints '/x ok' on_data "$1" "$ROOTLET" run "$base" /bin/probe write /x; }
test_ok "a data directory on tmpfs" write_one "$tmpfs"
test_ok "a data directory on an overlay, as in a container: in memory" write_one "$overlay"
disk_on_overlay() {
	own_mounts sh -c "$overlay && XDG_DATA_HOME=\$tmp/m \"\$ROOTLET\" run --layer=disk \"\$1\" /bin/true" \
		sh "$base" 2>"$tmp/first"
	got=$?
	cat "$tmp/first"
	[ "$got" = 125 ] && [ "$(grep -c '^rootlet: ' "$tmp/first")" = 1 ] && grep -q '^hint: ' "$tmp/first"
}
export base
test_ok "--layer=disk there is refused with a hint" disk_on_overlay
test_ram "a data directory that cannot be written: in memory" write_one "$read_only"
test_ram "a data directory on a full file system: in memory" \
	write_one 'mount -t tmpfs -o nr_inodes=1 t "$tmp/m"'
test_ok "--layer=disk there is refused" fails_with "Read-only file system" \
	own_mounts sh -c "$read_only && XDG_DATA_HOME=\$tmp/m exec \"\$ROOTLET\" run --layer=disk \"\$base\" /bin/true"
no_home() (
	unset XDG_DATA_HOME HOME
	prints '/x ok' run "$base" /bin/probe write /x
)
test_ram "without HOME it is in memory" no_home
no_home_disk() (
	unset XDG_DATA_HOME HOME
	fails_with "HOME" run --layer=disk "$base" /bin/true
)
test_ok "--layer=disk is refused then" no_home_disk
long_path() (
	XDG_DATA_HOME=$tmp/$(printf 'x%.0s' $(seq 200))/$(printf 'a, b:c%.0s' $(seq 30))
	export XDG_DATA_HOME
	prints '/x ok' run --layer=disk "$base" /bin/probe write /x
	wait_empty "$XDG_DATA_HOME/rootlet/scratch"
)
test_ok "a data directory with a long name, commas and colons" long_path
test_ok "nothing is left at the end" removed
test_done
