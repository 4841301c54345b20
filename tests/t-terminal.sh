# rootlet run at a terminal: its own pty inside, the caller's terminal outside, and job control
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
make_base
cp "$testbin/pty" "$base/bin/pty"
need userns overlay || skip_all "no overlay in user namespaces here"

# The words of the scripts below are those of pty.c.
terminal() { "$testbin/pty" drive "$@"; }
at_terminal() { terminal "$ROOTLET" run "$base" /bin/pty "$@"; }
run_at_terminal() { terminal "$ROOTLET" run "$@"; }
# The command of these finds rootlet, base and pty in "$ROOTLET", "$base" and "$pty".
export ROOTLET base
pty=$testbin/pty
export pty
sh_at_terminal() { terminal sh -c "$@"; }

# --- what is inside ---

test_ok "standard input, output and error are a terminal of its own" at_terminal tty <<'X'
expect 0 /dev/pts/0\r\n1 /dev/pts/0\r\n2 /dev/pts/0\r\n/dev/tty ok\r\nforeground yes\r\nsession own\r\n
exit 0
same
X
test_ok "so they are for another user" run_at_terminal -u 1000 "$base" /bin/pty tty <<'X'
expect 0 /dev/pts/0\r\n1 /dev/pts/0\r\n2 /dev/pts/0\r\n/dev/tty ok\r\nforeground yes\r\nsession own\r\n
exit 0
same
X
test_ok "so they are without a layer" run_at_terminal --read-only "$base" /bin/pty tty <<'X'
expect 0 /dev/pts/0\r\n
expect foreground yes\r\n
exit 0
X
test_ok "tty(1) knows its name" run_at_terminal host tty <<'X'
expect /dev/pts/0\r\n
exit 0
X
test_ok "no terminal of the host is there" \
	run_at_terminal host sh -c 'echo /dev/pts/* .; ls -d /dev/tty?* /dev/vcs*' <<'X'
expect /dev/pts/0 /dev/pts/ptmx .\r\n
expect cannot access
exit 2
X
test_ok "/dev/console is the terminal" \
	run_at_terminal host sh -c 'echo hello >/dev/console && stty -F /dev/console size' <<'X'
expect hello
expect 24 80
exit 0
X
test_ok "another pty can be made" run_at_terminal host sh -c 'script -qc tty /dev/null' <<'X'
expect /dev/pts/1\r\n
exit 0
X
test_ok "it starts with the settings of the caller's terminal" \
	sh_at_terminal 'stty erase @ -echoctl; exec "$ROOTLET" run host stty -a' <<'X'
expect erase = @;
expect -echoctl
exit 0
X
test_ok "TERM is passed on" sh_at_terminal 'TERM=some exec "$ROOTLET" run "$base" /bin/probe env' <<'X'
expect TERM=some\r\n
exit 0
X

# --- the window ---

test_ok "the window has the size of the caller's" run_at_terminal host stty size <<'X'
expect 24 80\r\n
exit 0
X
test_ok "... from the beginning, as its settings are" \
	sh_at_terminal 'stty erase @; for i in 1 2 3 4 5 6 7 8 9 10; do "$ROOTLET" run "$base" /bin/pty first; done; echo over' <<'X'
expect over
absent size 0 0
absent erase 127
X
test_ok "a new size of the window is told" at_terminal size 2 <<'X'
expect size 24 80\r\n
size 50 132
expect size 50 132\r\n
size 10 20
expect size 10 20\r\n
exit 0
X
test_ok "so it is after a stop in which it changed" at_terminal size 1 <<'X'
expect size 24 80\r\n
key Z
stopped
size 33 44
fg
expect size 33 44\r\n
exit 0
X

# --- keys ---

test_ok "^C interrupts the program" at_terminal lines <<'X'
expect ready
raw
key C
exit 130
same
X
test_ok "^\\ makes it quit" at_terminal lines <<'X'
expect ready
send \x1c
exit 131
same
X
test_ok "^C can be caught" at_terminal catch 2 <<'X'
expect ready
key C
expect got INT\r\n
key C
expect got INT\r\n
exit 42
same
X
test_ok "^C spares a program that is not in the foreground" \
	run_at_terminal host sh -mc 'trap : INT; sh -c "sleep 0.5; exit 3" & echo ready; sleep 5; wait $!; echo background $?' <<'X'
expect ready
nap 200
key C
expect background 3\r\n
exit 0
X
test_ok "^D is the end of the file" at_terminal lines <<'X'
expect ready
send one\n
expect <one>\r\n
send two
key D
expect <two>\r\n
key D
expect end of file\r\n
exit 0
same
X
test_ok "lines can be edited" at_terminal lines <<'X'
expect ready
send wrong
key U
send right\n
expect <right>\r\n
key D
exit 0
X

# --- stop and go on ---

test_ok "^Z stops rootlet, and the terminal is as it was" at_terminal lines <<'X'
expect ready
raw
key Z
stopped
same
calm 100
X
test_ok "in the foreground again it is raw, and the program goes on" at_terminal lines <<'X'
expect ready
key Z
stopped
fg
raw
send hello\n
expect <hello>\r\n
key Z
stopped
same
fg
raw
send again\n
expect <again>\r\n
key D
exit 0
same
X
test_ok "^Z, and then it ends in the background" at_terminal lines <<'X'
expect ready
key Z
stopped
signal TERM
bg
exit 143
same
X
test_ok "a program that goes on in the background leaves the terminal alone" \
	at_terminal wait 500 <<'X'
expect ready
key Z
stopped
same
bg
calm 200
expect done
exit 0
same
X
test_ok "and gets it when it comes to the foreground" at_terminal lines <<'X'
expect ready
key Z
stopped
bg
calm 100
fg
raw
send hello\n
expect <hello>\r\n
key D
exit 0
same
X
test_ok "a start in the background leaves the terminal alone" \
	terminal -b "$ROOTLET" run "$base" /bin/pty wait 300 <<'X'
calm 150
expect ready
expect done
exit 0
same
X
test_ok "and the foreground can come later" terminal -b "$ROOTLET" run "$base" /bin/pty lines <<'X'
expect ready
fg
raw
send hello\n
expect <hello>\r\n
key D
exit 0
same
X
test_ok "SIGTSTP stops it as ^Z does" at_terminal lines <<'X'
expect ready
raw
signal TSTP
stopped
same
fg
raw
key C
exit 130
same
X
test_ok "after SIGSTOP, the foreground is raw again" at_terminal lines <<'X'
expect ready
raw
signal STOP
stopped
restore
fg
raw
send hello\n
expect <hello>\r\n
key C
exit 130
same
X
test_ok "a program that stops itself stops rootlet" run_at_terminal host sh -c 'kill -STOP $$; echo back' <<'X'
stopped
same
fg
expect back
exit 0
same
X

# --- the terminal is restored ---

for how in 'exit 0:0' 'exit 7:7' 'raise 9:137' 'raise 11:139' 'nothing:99'; do
	test_ok "the terminal is restored after: probe ${how%:*}" sh_at_terminal \
		"exec \"\$ROOTLET\" run \"\$base\" /bin/probe ${how%:*}" <<X
exit ${how#*:}
same
X
done
test_ok "... when there is no such program" run_at_terminal "$base" /bin/nothing <<'X'
exit 127
expect rootlet: /bin/nothing: No such file or directory\r\n
same
X
test_ok "... when the program is no program" run_at_terminal "$base" /etc/passwd <<'X'
exit 126
same
X
for sig in HUP:129 INT:130 TERM:143 USR1:138; do
	test_ok "... when rootlet gets SIG${sig%:*}" at_terminal lines <<X
expect ready
raw
signal ${sig%:*}
exit ${sig#*:}
same
X
done
test_ok "... when PID 1 is killed from outside" at_terminal lines <<'X'
expect ready
raw
kill-child
exit 137
same
X
test_ok "... when the program made its own raw and non-blocking and ends" at_terminal spoil exit <<'X'
expect spoilt
exit 0
same
X
test_ok "... when that program is killed" at_terminal spoil <<'X'
expect spoilt
signal TERM
exit 143
same
X
test_ok "... when it is killed by --timeout" run_at_terminal --timeout 1s "$base" /bin/pty spoil <<'X'
expect spoilt
exit 124
same
X
test_ok "a closed terminal ends the program" run_at_terminal "$base" /bin/pty lines <<'X'
expect ready
hangup
exit 129
X

# --- much ---

test_ok "large output arrives complete" at_terminal source 2000000 <<'X'
pattern 2000000
exit 0
same
X
test_ok "so it does on a non-blocking terminal" terminal -n "$ROOTLET" run "$base" /bin/pty source 2000000 <<'X'
nap 100
pattern 2000000
exit 0
X
test_ok "the last words arrive" \
	sh_at_terminal 'for i in 1 2 3 4 5 6 7 8; do "$ROOTLET" run "$base" /bin/probe args "last $i"; done' <<'X'
expect <last 1>\r\n<last 2>\r\n<last 3>\r\n<last 4>\r\n<last 5>\r\n<last 6>\r\n<last 7>\r\n<last 8>\r\n
exit 0
X
test_ok "large input arrives complete" at_terminal sink 300000 <<'X'
expect ready
paste 300000
expect got 300000
exit 0
X
test_ok "many typed lines arrive, and are echoed" run_at_terminal host wc -l <<'X'
raw
lines 5000
key D
expect line 4999\r\n
expect 5000\r\n
exit 0
X
test_ok "input that nobody reads does not keep SIGTERM off" at_terminal unread 20000 <<'X'
expect ready
stuff 300
signal TERM
exit 143
same
X
test_ok "... nor the time of --timeout" run_at_terminal --timeout 1s "$base" /bin/pty unread 20000 <<'X'
expect ready
stuff 300
exit 124
same
X
test_ok "... nor the program's output and end" at_terminal unread 500 <<'X'
expect ready
stuff 300
expect done
exit 0
same
X
test_ok "output that nobody reads does not keep SIGTERM off" at_terminal source 10000000 <<'X'
raw
deaf 1
nap 200
signal TERM
exit 143
same
X

# --- only one of them is a terminal ---

test_ok "only stdin: the descriptors are the caller's, and /dev/tty is none" \
	sh_at_terminal '"$ROOTLET" run "$base" /bin/pty tty | cat' <<'X'
expect 0 foreign\r\n1 none\r\n2 foreign\r\n/dev/tty ENXIO\r\nsession own\r\n
exit 0
same
X
test_ok "only stdout: the same" sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty tty </dev/null' <<'X'
expect 0 none\r\n1 foreign\r\n2 foreign\r\n/dev/tty ENXIO\r\nsession own\r\n
exit 0
same
X
test_ok "only stderr: the same" sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty tty </dev/null >'"$tmp/out" <<'X'
exit 0
same
X
test_ok "... and its output is in the file" prints '0 none
1 none
2 foreign
/dev/tty ENXIO
session own' cat "$tmp/out"
test_ok "--init=no: the same" run_at_terminal --init=no "$base" /bin/pty tty <<'X'
expect 0 foreign\r\n1 foreign\r\n2 foreign\r\n/dev/tty ENXIO\r\nsession own\r\n
exit 0
X
test_ok "stdin and stdout, but not stderr: stderr is the caller's" \
	sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty tty 2>'"$tmp/err" <<'X'
expect 0 /dev/pts/0\r\n1 /dev/pts/0\r\n2 none\r\n/dev/tty ok\r\nforeground yes\r\n
exit 0
same
X
"$testbin/pty" source 300000 >"$tmp/pattern"
test_ok "only stdin: the output is byte exact" \
	sh_at_terminal '"$ROOTLET" run "$base" /bin/pty source 300000 | cmp - '"$tmp/pattern"' && echo equal' <<'X'
expect equal
exit 0
same
X
test_ok "only stdout: the input is byte exact" \
	sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty sink 300000 <'"$tmp/pattern" <<'X'
expect got 300000
exit 0
same
X
test_ok "neither: input and output are byte exact" \
	sh -c '"$ROOTLET" run "$base" /bin/probe cat <"$1" | cmp - "$1"' sh "$tmp/pattern"
test_ok "only stdin: keys work, and rootlet changes no setting" \
	sh_at_terminal '"$ROOTLET" run "$base" /bin/pty lines | cat' <<'X'
expect ready
send hello\n
expect <hello>
calm 50
key D
expect end of file
exit 0
same
X
test_ok "only stdin: ^C interrupts the program" \
	sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty lines 2>&1 >'"$tmp/out" <<'X'
nap 300
key C
exit 130
same
X
test_ok "only stdout: ^C comes once" sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty catch 2 </dev/null' <<'X'
expect ready\r\n
key C
nap 100
signal TERM
expect got INT\r\ngot TERM\r\n
exit 42
same
X
test_ok "only stdout: ^Z stops rootlet, and it can go on" \
	sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty catch 1 </dev/null' <<'X'
expect ready
key Z
stopped
same
fg
key C
expect got INT
exit 41
same
X
test_ok "only stdin: ^Z stops rootlet, and it can go on" \
	sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty lines </dev/tty >'"$tmp/out" <<'X'
nap 300
key Z
stopped
same
fg
nap 50
send hello\n
key D
exit 0
same
X
test_ok "... and its output is in the file" prints 'ready
<hello>
end of file' cat "$tmp/out"

# --- what may not be done to the caller's terminal ---

refused3='EPERM EPERM EPERM'
refused5="$refused3 EPERM EPERM"
test_ok "TIOCSTI and TIOCLINUX are refused at its own terminal, whatever the high bits" at_terminal inject <<X
expect TIOCSTI $refused5\r\nTIOCSTI+high $refused5\r\nTIOCLINUX $refused5\r\nTIOCLINUX+high $refused5\r\n
exit 0
queue 0
X
test_ok "... and at the caller's" sh_at_terminal 'exec "$ROOTLET" run "$base" /bin/pty inject </dev/null' <<X
expect TIOCSTI $refused3\r\nTIOCSTI+high $refused3\r\nTIOCLINUX $refused3\r\nTIOCLINUX+high $refused3\r\n
exit 0
queue 0
X
test_ok "... also with all capabilities" \
	sh_at_terminal 'exec "$ROOTLET" run --cap-add ALL --new-privs yes --init no "$base" /bin/pty inject </dev/null' <<X
expect TIOCSTI $refused3\r\nTIOCSTI+high $refused3\r\nTIOCLINUX $refused3\r\nTIOCLINUX+high $refused3\r\n
exit 0
queue 0
X
if "$testbin/pty" has-i386; then
	test_ok "... also as system calls of 32 bits" at_terminal inject i386 <<X
expect TIOCSTI $refused3\r\nTIOCLINUX $refused3\r\n
exit 0
queue 0
X
else
	test_skip "... also as system calls of 32 bits" "this machine has none"
fi

# Can anybody type for the next reader of a terminal, on this kernel?
can_inject() {
	! terminal "$testbin/pty" inject >/dev/null <<'X'
exit 0
queue 0
X
}
nothing_typed() {
	sh_at_terminal "exec \"\$ROOTLET\" run $1 \"\$base\" /bin/pty inject $2" <<'X'
exit 0
queue 0
X
}
for how in --privileged --seccomp=unconfined '--privileged --init=no'; do
	name="nothing is typed into the caller's terminal with $how"
	if can_inject; then
		test_ok "$name" nothing_typed "$how"
		test_ok "$name, only stdin" nothing_typed "$how" ">$tmp/out"
		test_ok "$name, only stdout" nothing_typed "$how" "</dev/null"
	else
		test_skip "$name" "this kernel lets nobody do it (dev.tty.legacy_tiocsti)"
	fi
done

test_ok "a signal to its process group stays inside" prints 'own 1
received 0' "$testbin/pty" peer "$ROOTLET" run "$base" /bin/pty group
test_ok "... without init" prints 'own 1
received 0' "$testbin/pty" peer "$ROOTLET" run --init=no "$base" /bin/pty group
test_ok "... without a filter" prints 'own 1
received 0' "$testbin/pty" peer "$ROOTLET" run --privileged "$base" /bin/pty group
test_ok "... at a terminal" terminal "$testbin/pty" peer "$ROOTLET" run "$base" /bin/pty group <<'X'
expect own 1\r\nreceived 0\r\n
exit 0
X

test_ok "a message shows control characters, it does not send them" sh_at_terminal '
	esc=$(printf "\033]0;title\007\033[2J\302\233\342\200\256")
	"$ROOTLET" run "$base" "/bin/$esc"
	"$ROOTLET" run "./$esc" true
	"$ROOTLET" run -v "/$esc:/x" "$base" true
	"$ROOTLET" run -u "$esc" "$base" true
	"$ROOTLET" run "--$esc" "$base" true
	"$ROOTLET" "$esc"
	echo over' <<'X'
expect over
absent \e
absent \x07
absent \xc2\x9b
absent \xe2\x80\xae
X

# --- interactive shells ---

# The script of a shell inside: no complaint, ^Z, fg, ^C, and the status of the end.
shell_inside() {
	PS1='$ ' terminal "$ROOTLET" run -e PS1 -e HISTFILE= host "$@" <<'X'
expect $
absent job control
absent access tty
send tty; sh -c 'echo rea""dy; exec sleep 20'\n
expect /dev/pts/0\r\n
expect ready\r\n
key Z
expect topped
send jobs\n
expect sleep 20
expect $
send fg\n
expect sleep 20
nap 200
key C
expect $
send echo st=$?\n
expect st=130
send exit 9\n
exit 9
absent job control
same
X
}
# And of one outside, whose job is rootlet.
shell_outside() {
	PS1='$ ' terminal "$@" <<'X'
expect $
send "$ROOTLET" run "$base" /bin/pty lines\n
expect ready\r\n
send hello\n
expect <hello>\r\n
key Z
expect topped
send echo x''y\n
expect xy\r\n
send fg\n
expect pty lines
nap 200
send again\n
expect <again>\r\n
key D
expect end of file\r\n
expect $
send "$ROOTLET" run host sh -c 'sleep 0.4; echo do''ne' & sleep 0.2; stty -a\n
expect opost
expect isig icanon
expect done
send \n
expect $
send "$ROOTLET" run "$base" /bin/pty lines\n
expect ready\r\n
key C
expect $
send echo st=$?\n
expect st=130
send exit 9\n
exit 9
same
X
}
have_bash() { command -v bash >/dev/null; }
have_dash() { command -v dash >/dev/null; }
for shell in dash bash; do
	if need $shell; then
		opt=-i
		[ $shell = bash ] && opt='--norc -i'
		# shellcheck disable=SC2086
		test_ok "an interactive $shell inside has job control" shell_inside $shell $opt
		# shellcheck disable=SC2086
		test_ok "rootlet is a job of an interactive $shell" shell_outside $shell $opt
	else
		test_skip "job control of $shell" "no $shell"
	fi
done

tmux_session() {
	TMUX_TMPDIR=$tmp
	export TMUX_TMPDIR
	tm() { tmux -f /dev/null -L rootlet "$@"; }
	# shows TEXT [N]: at last, on N lines.
	shows() {
		for _ in $(seq 100); do
			tm capture-pane -p -t s >"$tmp/screen" &&
				[ "$(grep -cF -e "$1" "$tmp/screen")" -ge "${2-1}" ] && return
			sleep 0.05
		done
		echo "no '$1' (${2-1} times) on the screen:"
		cat "$tmp/screen"
		return 1
	}
	tm new-session -d -s s -x 70 -y 20 "PS1='out> ' exec sh -i" && shows 'out>' &&
		tm send-keys -t s "'$ROOTLET' run -e PS1='in> ' host sh -i" Enter && shows 'in>' &&
		tm send-keys -t s 'stty size' Enter && shows '20 70' &&
		tm resize-window -t s -x 66 -y 22 && sleep 0.2 &&
		tm send-keys -t s 'stty size' Enter && shows '22 66' &&
		tm send-keys -t s 'sleep 20' Enter && sleep 0.2 &&
		tm send-keys -t s C-c && sleep 0.1 && tm send-keys -t s 'echo st=$?' Enter && shows 'st=130' &&
		tm send-keys -t s 'exit 5' Enter && shows 'out>' 2 && tm send-keys -t s 'echo st=$?' Enter && shows 'st=5'
	result=$?
	tm kill-server
	return "$result"
}
if need tmux; then
	test_ok "a session in tmux" tmux_session
else
	test_skip "a session in tmux" "no tmux"
fi
test_done
