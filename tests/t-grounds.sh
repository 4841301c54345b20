# rootlet run and rootlet bwrap, started from where programs are not usually started
# shellcheck shell=sh disable=SC2016,SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"

ground=$testbin/ground
layer=ram
have_ram_layer || layer=disk
run() { "$ROOTLET" run "--layer=$layer" "$base" "$@"; }
# The same base for the other front end, whose root is empty.
bwrap_base() { "$ROOTLET" bwrap --bind "$base" / --proc /proc --dev /dev --unshare-all "$@"; }

# Both front ends, with the same outcome as from a usual place.
for front in run bwrap_base; do
	case $front in run) words="run --layer=$layer $base" ;; *) words="bwrap --bind $base / --proc /proc --dev /dev --unshare-all" ;; esac
	# from MODE... : /bin/probe ids from there
	from() {
		# shellcheck disable=SC2086
		"$ground" "$@" "$ROOTLET" $words /bin/probe ids >"$tmp/out" 2>"$tmp/err"
		got=$?
		cat "$tmp/out" "$tmp/err"
		[ "$got" = 0 ]
	}
	usual() {
		$front /bin/probe ids >"$tmp/usual" && from "$@" && cmp "$tmp/usual" "$tmp/out"
	}
	test_if plain_start "it is started by a script here" "$front: with 64 descriptors" usual nofile 64
	test_ok "$front: with SIGCHLD ignored" usual sigchld
	test_ok "$front: with directories left open" usual leak
	# The program's status is known although nobody would have been told of its end.
	sigchld_status() {
		# shellcheck disable=SC2086
		status 7 "$ground" sigchld "$ROOTLET" $words /bin/probe exit 7
	}
	test_ok "$front: with SIGCHLD ignored the status is known" sigchld_status
	for closed in 0 1 2 01 02 12 012; do
		closed() {
			# shellcheck disable=SC2086
			status 0 timeout 20 "$ground" closed $closed "$ROOTLET" $words /bin/true
		}
		test_ok "$front: with $closed closed" closed
	done
	test_ok "$front: from a removed directory" from deleted
	test_ok "$front: from a hidden directory" from hidden
	big() {
		case $1 in
		argument) set -- "$(head -c 100000 /dev/zero | tr '\0' x)" ;;
		arguments) shift && for i in $(seq 5000); do set -- "$@" "argument-number-$i-of-many"; done ;;
		esac
		# shellcheck disable=SC2086
		"$ROOTLET" $words /bin/probe args "$@" >"$tmp/out" || return
		[ "$(wc -c <"$tmp/out")" -gt 100000 ]
	}
	test_ok "$front: with 100 KB in one argument" big argument
	test_ok "$front: with 100 KB of arguments" big arguments
	big_env() {
		x=$(head -c 100000 /dev/zero | tr '\0' x)
		# shellcheck disable=SC2086
		X=$x status 0 "$ROOTLET" $words /bin/true
	}
	test_ok "$front: with 100 KB in one variable" big_env
	many_env() {
		# shellcheck disable=SC2046,SC2086
		env $(seq -f 'V%.0f=value' 10000) "$ROOTLET" $words /bin/true
	}
	test_ok "$front: with 100 KB of variables" many_env
done

fds() { "$ground" leak "$ROOTLET" "$@"; }
test_ok "none of the descriptors left open reaches a program under run" prints "0 1 2 " \
	fds run "--layer=$layer" "$base" /bin/probe fds
test_ok "all of them reach one under bwrap" prints "$("$ground" leak "$testbin/probe" fds)" \
	fds bwrap --bind "$base" / --proc /proc /bin/probe fds
test_done
