# rootlet bwrap: descriptors that misbehave, folders that somebody else prepared, death at every moment
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns || skip_all "no user namespaces here"

# A program of our own name, so that what is left of it is found.
mkdir "$tmp/bin"
cp "$ROOTLET" "$tmp/bin/bwrap"
bwrap() { "$tmp/bin/bwrap" "$@"; }
seconds=40.0$$
printf '%s\n' "$tmp/bin/bwrap" "$seconds" >"$tmp/names"
none_left() { none_named 400; }
# refused TEXT COMMAND...: status 1, one line that has TEXT, nothing on standard output, in 10 seconds.
refused() {
	text=$1
	shift
	began=$(date +%s)
	out=$("$@" 2>"$tmp/stderr")
	got=$?
	cat "$tmp/stderr"
	[ "$got" = 1 ] && [ -z "$out" ] && grep -qF -e "$text" "$tmp/stderr" &&
		[ "$(grep -vc '^hint: ' "$tmp/stderr")" = 1 ] && [ $(($(date +%s) - began)) -lt 10 ]
}
based() { bwrap --ro-bind "$base" / "$@"; }

# --- descriptors ---

endless_args() { bwrap --args 7 true 7</dev/zero; }
test_ok "--args that never end" refused "--args" endless_args
many_args() { yes -- --unshare-pid | head -c 2000000 | tr '\n' '\0' | bwrap --args 0 true; }
test_ok "--args with too many words" refused "arguments" many_args
endless_seccomp() { based --seccomp 7 /bin/true 7</dev/zero; }
test_ok "a seccomp program that never ends" refused "seccomp" endless_seccomp
text_seccomp() { echo "twelve bytes" | based --seccomp 0 /bin/true; }
test_ok "a seccomp program that is none" refused "seccomp" text_seccomp
directory_args() { bwrap --args 7 true 7</; }
test_ok "--args that are a directory" refused "descriptor 7" directory_args
write_only() { bwrap --args 7 true 7>"$tmp/out"; }
test_ok "--args that can only be written" refused "descriptor 7" write_only
closed() { based "$@" /bin/true 7<&-; }
for option in --args --seccomp --add-seccomp-fd --info-fd --json-status-fd --userns-block-fd --userns; do
	test_ok "$option of a closed descriptor" refused "" closed $option 7
done
for option in --block-fd --sync-fd; do
	test_ok "$option of a closed descriptor is no error, as with bubblewrap" closed $option 7
done
any_closed() {
	for fd in 3 4 5 6 7 8 9; do
		eval "timeout 20 $tmp/bin/bwrap --ro-bind '$base' / --block-fd $fd /bin/true $fd<&-" || return
	done
}
test_ok "whatever its number is used for later" any_closed
for option in --file --bind-data --ro-bind-data; do
	test_ok "$option of a closed descriptor" refused "" closed $option 7 /tmp/x
done
no_room() { based "$1" 7 /bin/true 7>/dev/full; }
test_ok "a full disk behind --info-fd" refused "" no_room --info-fd
nobody_reads() {
	(
		trap '' PIPE
		based --info-fd 1 /bin/probe sleep 0.1
		echo $? >"$tmp/status"
	) | true
	got=$(cat "$tmp/status")
	echo "status $got"
	[ "$got" = 1 ] || [ "$got" = 0 ]
}
test_ok "nobody reads what --info-fd says" nobody_reads
test_ok "no process is left" none_left

# --- who waits ---

# waits OPTION: for a pipe that nobody writes to; then the launcher is killed and the pipe closed.
mkfifo "$tmp/fifo"
waits() {
	"$tmp/bin/bwrap" --ro-bind "$base" / --unshare-pid "$@" /bin/probe sleep "$seconds" 7<>"$tmp/fifo" &
	waiting=$!
	sleep 0.3
	kill -0 "$waiting" || return 1
	kill -9 "$waiting"
	wait "$waiting" 2>/dev/null
	none_left
}
test_ok "--block-fd that never comes, with --die-with-parent" waits --block-fd 7 --die-with-parent
test_ok "--userns-block-fd that never comes" waits --unshare-user --userns-block-fd 7 --info-fd 2
test_ok "--file of a pipe that nobody writes to" waits --tmpfs /tmp --file 7 /tmp/x --die-with-parent
terminated() {
	"$tmp/bin/bwrap" --ro-bind "$base" / --unshare-pid --die-with-parent --block-fd 7 /bin/true \
		7<>"$tmp/fifo" &
	waiting=$!
	sleep 0.3
	kill -TERM "$waiting"
	wait "$waiting"
	got=$?
	echo "status $got"
	[ "$got" = 143 ] && none_left
}
test_ok "SIGTERM ends one that waits" terminated

# --- a folder that somebody else prepared ---

mkdir "$tmp/secret" "$tmp/folder"
echo canary >"$tmp/secret/file"
ln -s "$tmp/secret" "$tmp/folder/out"
ln -s "../../../../../../../../../../../$tmp/secret" "$tmp/folder/up"
ln -s "$tmp/secret/made" "$tmp/folder/new"
ln -s /proc/self/root "$tmp/folder/magic"
secret_is_untouched() {
	find "$tmp/secret"
	[ "$(ls "$tmp/secret")" = file ] && [ "$(cat "$tmp/secret/file")" = canary ]
}
change_is_seen() {
	echo evil | based --tmpfs /tmp --bind "$tmp/secret" /tmp/s --file 0 /tmp/s/made /bin/true
	secret_is_untouched && return 1
	rm "$tmp/secret/made"
}
test_ok "a write to it would be seen" change_is_seen
for link in out up magic; do
	for operation in "--dir /w/$link/made" "--tmpfs /w/$link/made" "--symlink x /w/$link/made" \
		"--file 7 /w/$link/made" "--bind-data 7 /w/$link/file" "--bind $base /w/$link/made" \
		"--lock-file /w/$link/file" "--chmod 0777 /w/$link/file" "--proc /w/$link/made"; do
		hostile() {
			# shellcheck disable=SC2086
			echo evil | based --tmpfs /tmp --bind "$tmp/folder" /w $operation /bin/true 7<&0
			secret_is_untouched
		}
		test_ok "$operation, by way of a link in a shared folder" hostile
	done
done
hostile_new() {
	echo evil | based --tmpfs /tmp --bind "$tmp/folder" /w --file 0 /w/new /bin/true
	secret_is_untouched
}
test_ok "--file over a link in a shared folder" hostile_new
secret_is_read() {
	based --bind "$tmp/folder" /w "$@" | grep canary && return 1
	return 0
}
for link in out up; do
	test_ok "a link in a shared folder shows nothing of the host: $link" \
		secret_is_read /bin/probe cat "/w/$link/file"
done
# While the plan is carried out, a directory of the folder becomes a link and back.
mkdir "$tmp/folder/flip"
swapped() {
	"$testbin/attack" swap "$tmp/folder/flip" "$tmp/folder/out" 1500 &
	swapper=$!
	for _ in $(seq 60); do
		echo evil | based --tmpfs /tmp --bind "$tmp/folder" /w --file 0 /w/flip/evil \
			/bin/true 2>/dev/null
	done
	wait "$swapper"
	secret_is_untouched
}
test_ok "a directory that becomes a link meanwhile" swapped

# --- death ---

# kill_at_random N OPTION...: N at once, each killed at its own moment.
kill_at_random() {
	n=$1
	shift
	for i in $(seq "$n"); do
		(
			exec 2>/dev/null
			"$tmp/bin/bwrap" --bind "$base" / --proc /proc --dev /dev --tmpfs /tmp \
				--bind "$tmp/folder" /mnt "$@" /bin/probe sleep "$seconds" &
			sleep "0.0$((i * 7 % 40 + 10))"
			kill -9 $!
			wait $!
		) &
	done
	wait
	none_left
}
test_ok "40 at once with --die-with-parent and kill -9" kill_at_random 40 --unshare-all --die-with-parent
test_ok "and without a pid namespace" kill_at_random 40 --die-with-parent
test_ok "and with an inner user namespace" kill_at_random 20 --unshare-all --disable-userns --die-with-parent
test_ok "no mount is left" no_mount
no_file_is_left() {
	find "$base/tmp" "$base/mnt" "$tmp/folder" -newer "$tmp/fifo" ! -path "$tmp/folder/flip*" -type f
	[ ! -e "$XDG_DATA_HOME/rootlet" ]
}
test_ok "no file is left" no_file_is_left
test_done
