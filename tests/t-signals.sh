# rootlet run: signals, exit statuses, what the caller's signals and descriptors do, and that nothing
# outlives a run
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
make_base
cp "$testbin/pty" "$base/bin/pty"
need userns overlay || skip_all "no overlay in user namespaces here"

pty=$testbin/pty
export ROOTLET base pty tmp
run() { "$ROOTLET" run "$@"; }
inside() { "$ROOTLET" run "$base" /bin/pty "$@"; }

# A word that only processes of this test have among their arguments.
mark=rootlet-test-$$
nothing_left() { "$pty" gone "$mark" 2000; }

# --- signals are passed on ---

for sig in HUP:129 INT:130 QUIT:131 USR1:138 USR2:140 TERM:143; do
	test_ok "SIG${sig%:*} ends the program" status "${sig#*:}" \
		"$pty" kill "${sig%:*}" ready "$ROOTLET" run "$base" /bin/pty wait
done
# caught SIGNAL OPTION...
caught() {
	sig=$1
	shift
	prints "ready
got $sig
41" sh -c '"$pty" kill "$@"; echo $?' sh "$sig" ready \
		"$ROOTLET" run "$@" "$base" /bin/pty catch 1
}
for sig in HUP INT QUIT USR1 USR2 TERM; do
	test_ok "the program can catch SIG$sig" caught $sig
	test_ok "... with --init=no" caught $sig --init=no
done
test_ok "SIGTSTP stops rootlet with the program, SIGCONT lets both go on" "$pty" drive \
	sh -c 'exec "$ROOTLET" run "$base" /bin/pty catch 1 </dev/null' <<'X'
expect ready
signal TSTP
stopped
signal CONT
nap 50
running
signal USR1
expect got USR1
exit 41
X
test_ok "a program that stops itself while nobody could continue it goes on" status 3 \
	"$pty" within 5000 setsid -w "$ROOTLET" run host sh -c 'kill -STOP $$; exit 3'
test_ok "SIGTERM at any moment of the start ends it" "$pty" massacre TERM 20 40 \
	"$ROOTLET" run "$base" /bin/probe sleep 60 "$mark"
test_ok "... and leaves nothing" nothing_left

# --- exit statuses ---

exit_statuses() {
	for n in 1 2 42 124 125 126 127 128 130 137 254 255; do
		status "$n" run "$base" /bin/probe exit "$n" || return
	done
}
test_ok "exit statuses are the program's" exit_statuses
signal_statuses() {
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 24 31; do
		status $((128 + n)) run "$base" /bin/probe raise "$n" || return
	done
}
test_ok "the program's death by signal N is 128+N" signal_statuses
test_ok "without init, the status is the program's" status 9 run --init=no "$base" /bin/probe exit 9
test_ok "without init, 127 and 126 are what they are" sh -c '
	"$ROOTLET" run --init=no "$base" /bin/nothing 2>/dev/null; [ $? = 127 ] || exit
	"$ROOTLET" run --init=no "$base" /etc/passwd 2>/dev/null; [ $? = 126 ]'

# --- the caller's signals ---

for opt in --init=yes --init=no; do
	test_ok "a caller that ignores SIGCHLD sees the status ($opt)" status 7 \
		"$pty" within 5000 "$pty" ignore CHLD "$ROOTLET" run $opt "$base" /bin/probe exit 7
	test_ok "no signal is blocked or ignored inside, whatever the caller does ($opt)" prints \
		'SigBlk:	0000000000000000
SigIgn:	0000000000000000' "$pty" within 5000 \
		"$pty" mess "$ROOTLET" run $opt "$base" /bin/probe status SigBlk SigIgn
done
for how in '' '</dev/null'; do
	test_ok "a signal that the caller ignores does not reach the program, as under nohup $how" \
		"$pty" drive sh -c "exec \"\$pty\" ignore HUP \"\$ROOTLET\" run \"\$base\" /bin/pty catch 1 $how" <<'X'
expect ready
signal HUP
nap 100
signal USR1
expect \r\ngot USR1
exit 41
absent HUP
X
done

# --- nothing outlives it ---

killed_early() {
	"$pty" massacre KILL "$1" 60 "$ROOTLET" run "$2" "$base" /bin/probe sleep 60 "$mark" && nothing_left
}
test_ok "SIGKILL at any moment of the start leaves no process" killed_early 40 --init=yes
test_ok "... with --init=no" killed_early 20 --init=no
# killed_late ARG...: rootlet is killed when the program says that it is ready.
killed_late() {
	status 137 "$pty" kill KILL ready "$ROOTLET" run "$@" "$mark" && nothing_left
}
test_ok "a program that ignores every signal dies with rootlet" killed_late "$base" /bin/pty stubborn
test_ok "... with --init=no" killed_late --init=no "$base" /bin/pty stubborn
test_ok "... of another user" killed_late -u 1000 "$base" /bin/pty stubborn
test_ok "... of another user, with --init=no" killed_late -u 1000:1000 --init=no "$base" /bin/pty stubborn
test_ok "... without no_new_privs" killed_late --new-privs=yes -u 1000 --init=no "$base" /bin/pty stubborn
test_ok "... with all privileges" killed_late --privileged --init=no "$base" /bin/pty stubborn
test_ok "... at a terminal" "$pty" drive "$ROOTLET" run "$base" /bin/pty stubborn "$mark" <<'X'
expect ready
signal KILL
exit 137
X
test_ok "... and is gone" nothing_left
test_ok "processes that the program leaves behind end with it" status 5 \
	"$pty" within 5000 "$ROOTLET" run "$base" /bin/pty children 5 "$mark"
test_ok "... and are gone" nothing_left
test_ok "... with --init=no" status 5 \
	"$pty" within 5000 "$ROOTLET" run --init=no "$base" /bin/pty children 5 "$mark"
test_ok "... and are gone" nothing_left
test_ok "they do not keep a pipe open" prints 5 "$pty" within 5000 \
	sh -c '("$ROOTLET" run "$base" /bin/pty children 5; echo $?) | cat'
test_ok "orphans that end are buried" prints 'zombies 0' inside zombies

# --- time limit ---

test_ok "--timeout ends the program with 124" status 124 \
	"$pty" within 3000 "$ROOTLET" run --timeout 300ms "$base" /bin/pty wait
test_ok "it is SIGTERM that ends it" prints 'ready
got TERM
124' sh -c '"$ROOTLET" run --timeout 1s "$base" /bin/pty catch 1; echo $?'
test_ok "a program that ends in time has its own status" status 3 \
	run --timeout 10s "$base" /bin/probe exit 3
test_ok "--timeout ends a program that is stopped" status 124 "$pty" within 3000 \
	setsid -w "$ROOTLET" run --timeout 300ms host sh -c 'sh -c "kill -STOP \$PPID"; sleep 5'
stubborn_timeout() {
	start=$(date +%s%N)
	status 124 "$pty" within 9000 "$ROOTLET" run --timeout 500ms "$base" /bin/pty stubborn "$mark" || return
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "$ms ms"
	[ "$ms" -ge 5400 ] && nothing_left
}
test_ok "a program that ignores SIGTERM is killed five seconds later, with 124" stubborn_timeout

# --- descriptors ---

# A descriptor that is closed is /dev/null inside: none of rootlet's own takes its place.
# closed OPTION REDIRECTIONS
closed() {
	status 7 "$pty" within 5000 sh -c "exec \"\$ROOTLET\" run $1 \"\$base\" /bin/probe exit 7 $2" || return
	rm -f "$tmp/shared/links"
	status 0 "$pty" within 5000 sh -c \
		"exec \"\$ROOTLET\" run $1 -v \"\$tmp/shared:/out\" \"\$base\" /bin/pty links /out/links \
			</dev/zero >/dev/full 2>/dev/full $2" || return
	cat "$tmp/shared/links"
	[ "$(sed -n 4p "$tmp/shared/links")" = 3 ] || return
	for n in 0 1 2; do
		case $2 in
		*"$n"[\<\>]"&-"*) want=/dev/null ;;
		*) want='/dev/(zero|full)' ;;
		esac
		sed -n "$((n + 1))p" "$tmp/shared/links" | grep -qE "^$want$" || return
	done
}
mkdir "$tmp/shared"
chmod 777 "$tmp/shared"
for how in '0<&-' '1>&-' '2>&-' '0<&- 1>&-' '0<&- 2>&-' '1>&- 2>&-' '0<&- 1>&- 2>&-'; do
	test_ok "it works with $how" closed '' "$how"
	test_ok "... and with --init=no" closed --init=no "$how"
done
test_ok "the end of a reader ends the program by SIGPIPE" prints 'x
141' "$pty" within 5000 sh -c '("$ROOTLET" run host yes x; echo $? >"$tmp/st") | head -n 1; cat "$tmp/st"'
test_ok "... with --init=no by its error" prints 'x' "$pty" within 5000 \
	sh -c '"$ROOTLET" run --init=no host sh -c "yes x" 2>/dev/null | head -n 1'
# A program that closes its descriptors: the other ends see it while it still runs.
closes() {
	yes >"$tmp/in.fifo" 2>/dev/null &
	writer=$!
	"$ROOTLET" run "$@" "$base" /bin/pty close 5000 "$mark" <"$tmp/in.fifo" >"$tmp/out.fifo" &
	pid=$!
	said=$("$pty" within 3000 cat "$tmp/out.fifo") && [ "$said" = said ] && wait "$writer"
	w=$?
	kill -0 "$pid" && kill -KILL "$pid"
	runs=$?
	wait "$pid"
	echo "writer: $w, said: $said"
	[ "$runs" = 0 ] && [ "$w" = 141 ] && nothing_left
}
mkfifo "$tmp/out.fifo" "$tmp/in.fifo"
test_ok "a pipe that the program closes is closed" closes
test_ok "... with --init=no" closes --init=no
test_ok "... with --events-fd" closes --events-fd 2

# --- odd limits: it works or it is refused, at once and with nothing left ---

odd() {
	{
		"$pty" within 5000 sh -c "$1; exec \"\$ROOTLET\" run \"\$base\" /bin/probe args ok $mark" 2>&3
		echo $? >"$tmp/st"
	} 3>&1 >"$tmp/out.fifo" | cat >"$tmp/err" &
	cat "$tmp/out.fifo" >"$tmp/out"
	wait $!
	got=$(cat "$tmp/st")
	cat "$tmp/out" "$tmp/err"
	nothing_left || return
	case $got in
	0) [ "$(head -n 1 "$tmp/out")" = '<ok>' ] ;;
	125) grep -q '^rootlet: ' "$tmp/err" && [ ! -s "$tmp/out" ] ;;
	*) echo "exit status $got" && false ;;
	esac
}
for limit in '-n 3' '-n 6' '-n 8' '-n 16' '-v 65536' '-v 4096' '-s 256' '-l 0'; do
	if have_sanitizer; then
		test_skip "ulimit $limit" "rootlet is built with a sanitizer"
	else
		test_if plain_start "it is started by a script here" "ulimit $limit" odd "ulimit $limit"
	fi
done
test_ok "no new files (ulimit -f 0)" odd "trap '' XFSZ; ulimit -f 0"
test_ok "the same, with its signal" odd "ulimit -f 0"
test_ok "a current directory that is deleted" odd "mkdir $tmp/gone && cd $tmp/gone && rmdir $tmp/gone"
# Of the two signals at a time-out PID 1 may leave one unread: its last word counts all the same.
last_words() {
	for n in $(seq 120); do
		"$ROOTLET" run --timeout 15ms "$base" /bin/probe sleep 20
		got=$?
		[ "$got" = 124 ] || {
			echo "start $n: exit status $got"
			return 1
		}
	done
}
test_ok "signals that come with the end do not change the exit status" last_words

test_done
