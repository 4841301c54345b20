# --idmap: which ids exist inside, whose files are made, and the emulation of owners in `single`
# shellcheck shell=sh disable=SC2016
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"

uid=$(id -u)
PATH=$PATH:/usr/sbin:/sbin

run() { "$ROOTLET" run "$@"; }
have_all_ids() { have_root && awk '{ n += $3 } END { exit n < 65536 }' /proc/self/uid_map; }

kinds=single
automatic=single
if need subids; then
	kinds="range single"
	automatic=range
elif need all_ids; then
	kinds="root single"
	automatic=root
fi
has_kind() { case " $kinds " in *" $1 "*) ;; *) return 1 ;; esac }

# --- the map ---

# The kind of map that COMMAND shows, by its lines.
kind_shown() {
	"$@" | awk -v uid="$uid" '
		NR == 1 && $1 == 0 && $2 == uid && $3 == 1 { own = 1 }
		{ n += $3; moved = moved || $1 != $2 }
		END {
			if (n == 1) print own || !uid ? "single" : "unknown"
			else if (own && moved) print "range"
			else print n && !moved ? "root" : "unknown"
		}'
}
# in_own_userns COMMAND...: in a user namespace that has just the caller's id, under its own number.
in_own_userns() { unshare -c "$@"; }
kind_of() { kind_shown run "$@" "$base" /bin/probe cat /proc/self/uid_map; }
test_ok "without --idmap it is $automatic here" prints $automatic kind_of
test_ok "--idmap=auto is the same" prints $automatic kind_of --idmap=auto
for kind in $kinds; do
	test_ok "--idmap=$kind" prints "$kind" kind_of "--idmap=$kind"
done
test_ok "single denies setgroups" prints deny run --idmap=single "$base" /bin/probe \
	cat /proc/self/setgroups

# refused TEXT COMMAND...: one line and a hint, and nothing started.
refused() {
	fails_with "$@" && grep '^hint: ' "$tmp/stderr"
}
if grep -q "^\($(id -un)\|$uid\):" /etc/subuid 2>/dev/null; then
	test_skip "--idmap=range without subordinate ids is refused" "there are some"
else
	test_ok "--idmap=range without subordinate ids is refused" \
		refused "no subordinate ids" run --idmap=range "$base" /bin/true
fi
if need user; then
	test_ok "--idmap=root is refused to a user" \
		refused "--idmap=root" run --idmap=root "$base" /bin/true
else
	test_skip "--idmap=root is refused to a user" "this is root"
fi
test_ok "--idmap=root is refused to a root with one id" \
	refused "--idmap=root" unshare -r "$ROOTLET" run --idmap=root "$base" /bin/true
test_ok "another kind is refused" fails_with "--idmap: 'all'" run --idmap=all "$base" /bin/true

# --- the ids inside, and whose files are made ---

vol=$tmp/vol
mkdir -m 777 "$vol"
chmod 777 "$vol"
chmod 711 "$tmp"

# owner_outside UID KIND: who owns on this machine what UID inside makes in a volume.
owner_outside() {
	run --idmap="$2" -u "$1" -v "$vol:/vol" "$base" /bin/probe write /vol/file >/dev/null &&
		stat -c %u "$vol/file"
	r=$?
	run --idmap="$2" -v "$vol:/vol" "$base" /bin/probe rm /vol/file
	return "$r"
}
first_subid() { awk -F: -v n="$(id -un)" -v u="$uid" '$1 == n || $1 == u { print $2; exit }' "$1"; }
for kind in $kinds; do
	test_ok "$kind: uid 0 inside, without groups" prints '0 0 0 0:' \
		run --idmap="$kind" -u 0:0 "$base" /bin/probe ids
	test_ok "$kind: what uid 0 makes is the caller's" prints "$uid" owner_outside 0 "$kind"
	case $kind in
	single) owner=$uid ids='1000 1000 1000 1000' ;;
	root) owner=1000 ids='1000 1000 1000 1000: 1001' ;;
	range) owner=$(($(first_subid /etc/subuid) + 999)) ids='1000 1000 1000 1000: 1001' ;;
	esac
	ids_start_with() {
		out=$(run --idmap="$kind" -u user "$base" /bin/probe ids)
		echo "$out"
		case $out in "$ids"*) ;; *) return 1 ;; esac
	}
	test_ok "$kind: --user has its ids, and its groups where there are any" ids_start_with
	test_ok "$kind: what another user makes is that user's" prints "$owner" \
		owner_outside user "$kind"
	test_if plain_ids "a sandbox around this answers for ids" "$kind: a user without capabilities cannot change groups" prints EPERM \
		run --idmap="$kind" -u user "$base" /bin/probe syscall 116 0 0
	foreign=65534
	! have_root || foreign=0
	test_ok "$kind: a file of root's shows as uid $foreign" prints "$foreign" \
		run --idmap="$kind" -v /etc/passwd:/passwd:ro host stat -c %u /passwd
done
if has_kind range; then
	test_ok "range: an id that is not in the map is refused" \
		fails_with "outside of the sandbox's id map" run --idmap=range -u 3000000000 "$base" \
		/bin/true
	range_is_real() {
		run --idmap=range -v "$vol:/vol" host sh -c 'touch /vol/f && chown 5:6 /vol/f &&
			[ "$(stat -c %u:%g /vol/f)" = 5:6 ]' &&
			[ "$(stat -c %u:%g "$vol/f")" = \
				"$(($(first_subid /etc/subuid) + 4)):$(($(first_subid /etc/subgid) + 5))" ]
		r=$?
		run --idmap=range -v "$vol:/vol" host rm -f /vol/f
		return "$r"
	}
	test_ok "range: chown is real" range_is_real
	test_ok "range: under no_new_privs, where newuidmap cannot work, it is single" \
		prints single kind_shown setpriv --no-new-privs "$ROOTLET" run "$base" /bin/probe \
		cat /proc/self/uid_map
	test_ok "range: forced there, it is refused in one line" refused "newuidmap" \
		setpriv --no-new-privs "$ROOTLET" run --idmap=range "$base" /bin/true
	test_ok "range: where the ids are not to be had, as in a container, it is single" \
		prints single kind_shown in_own_userns "$ROOTLET" run "$base" /bin/probe \
		cat /proc/self/uid_map
fi

# --- the helpers, absent or broken ---

# with_helpers UIDMAP GIDMAP SUBUID SUBGID COMMAND...: as a user that has these lines as
# subordinate ids, with these files as newuidmap and newgidmap.
stranger=54321
with_helpers() {
	printf '%s\n' "$3" >"$tmp/subuid"
	printf '%s\n' "$4" >"$tmp/subgid"
	unshare -m sh -c 'for f in newuidmap newgidmap; do
			mount --bind "$1" "/usr/bin/$f" && shift || exit 77
		done
		mount --bind "$tmp/subuid" /etc/subuid && mount --bind "$tmp/subgid" /etc/subgid || exit 77
		shift 2
		exec setpriv --reuid $stranger --regid $stranger --clear-groups "$@"' sh "$@"
}
some=$stranger:700000:65536
if ! need root; then
	test_skip "newuidmap absent or broken" "only root can hide it"
elif [ ! -e /usr/bin/newuidmap ] || [ ! -e /etc/subuid ] || [ ! -e /etc/subgid ]; then
	test_skip "newuidmap absent or broken" "there is no newuidmap here"
else
	export tmp stranger
	mkdir "$tmp/stranger"
	chown $stranger "$tmp/stranger"
	data=$XDG_DATA_HOME
	XDG_DATA_HOME=$tmp/stranger
	map='/bin/probe cat /proc/self/uid_map'
	: >"$tmp/no-program"
	# shellcheck disable=SC2086
	helper_kind() {
		uid=$stranger
		kind_shown with_helpers "$1" "$2" "$3" "$4" "$ROOTLET" run "$base" $map
	}
	helper_refused() {
		refused "$1" with_helpers "$2" "$3" "$4" "$5" "$ROOTLET" run --idmap=range "$base" /bin/true
	}
	test_ok "without newuidmap it is single" \
		prints single helper_kind "$tmp/no-program" "$tmp/no-program" $some $some
	test_ok "without newgidmap it is single" \
		prints single helper_kind /usr/bin/newuidmap "$tmp/no-program" $some $some
	test_ok "when newuidmap fails it is single" prints single \
		helper_kind /bin/false /bin/false $some $some
	test_ok "without subordinate group ids it is single" \
		prints single helper_kind /usr/bin/newuidmap /usr/bin/newgidmap $some ''
	test_ok "without subordinate user ids it is single" \
		prints single helper_kind /usr/bin/newuidmap /usr/bin/newgidmap '' $some
	for line in "$stranger:x:65536" "$stranger:700000" "$stranger:-1:5" "$stranger:700000:0" \
		"$stranger::" "$stranger" ":700000:65536" "1$some"; do
		test_ok "'$line' gives no ids" prints single \
			helper_kind /usr/bin/newuidmap /usr/bin/newgidmap "$line" $some
	done
	test_ok "forced without newuidmap: one line" helper_refused "newuidmap is not installed" \
		"$tmp/no-program" /bin/true $some $some
	test_ok "forced when newuidmap fails: one line" helper_refused "newuidmap" \
		/bin/false /bin/true $some $some
	test_ok "forced when newgidmap fails: one line" helper_refused "newgidmap" \
		/bin/true /bin/false $some $some
	test_ok "forced without subordinate group ids: one line" helper_refused \
		"no subordinate ids" /bin/true /bin/true $some ''
	# An image's layers belong to the ids of a range, or to one.
	tar -C "$base" -cf "$tmp/base.tar" .
	chmod 644 "$tmp/base.tar"
	# shellcheck disable=SC2086
	image() {
		uid=$stranger
		kind_shown with_helpers "$1" "$2" $some $some "$ROOTLET" run img $map
	}
	# shellcheck disable=SC2086
	imports() {
		with_helpers "$1" "$1" $some $some "$ROOTLET" import -q "$tmp/base.tar" img >/dev/null &&
			prints "$2" ls "$tmp/stranger/rootlet/layers"
	}
	test_ok "an image is imported for one id when newuidmap fails" imports /bin/false single
	test_ok "and runs so" prints single image /bin/false /bin/false
	mv "$tmp/stranger/rootlet/layers/single" "$tmp/stranger/rootlet/layers/range"
	test_ok "also when there are layers for a range already" prints single image /bin/false /bin/false
	rm -rf "$tmp/stranger/rootlet/layers/single"
	test_ok "also when newgidmap is not there" prints single image /usr/bin/newuidmap "$tmp/no-program"
	# shellcheck disable=SC2086
	image_refused() {
		refused newuidmap with_helpers /bin/false /bin/false $some $some "$ROOTLET" run --idmap=range img /bin/true
	}
	test_ok "forced, one line" image_refused
	# shellcheck disable=SC2086
	commit_again() {
		with_helpers /bin/false /bin/false $some $some "$ROOTLET" run --commit img2 img /bin/probe write /new &&
			with_helpers /bin/false /bin/false $some $some "$ROOTLET" run img2 /bin/probe stat /new
	}
	test_ok "what it changed becomes an image" commit_again
	# What is kept is of the kind that it was made with.
	# shellcheck disable=SC2086
	kept() {
		with_helpers /bin/false /bin/false $some $some "$ROOTLET" "$@"
	}
	kept_changes() { kept diff "$1" | awk '{ print $1, $2, $4 }'; }
	# shellcheck disable=SC2086
	kept_again() {
		uid=$stranger
		kept run --keep --name "$1" "$2" /bin/probe write /kept && kept start "$1" /bin/probe stat /kept &&
			prints single kind_shown kept start "$1" $map && prints "A f /kept" kept_changes "$1"
	}
	test_ok "a container that is kept becomes one of a single id" kept_again plain "$base"
	test_ok "also one of an image" kept_again image img
	kept_of_range() {
		sed -i 's/--idmap=single/--idmap=range/; s/kind=single/kind=range/' \
			"$tmp/stranger/rootlet/containers/plain/record"
		refused "start plain: its files are those of subordinate ids: map ids: newuidmap" kept start plain /bin/true
	}
	test_ok "one that has files of a range is not started with one id" kept_of_range
	rm -rf "$tmp/stranger/rootlet"
	helper_lies() {
		timeout 5 unshare -m true || return
		with_helpers /bin/true /bin/true "$some" "$some" timeout 5 "$ROOTLET" run --idmap=range \
			"$base" /bin/true 2>"$tmp/stderr"
		[ $? = 125 ] && grep '^rootlet: ' "$tmp/stderr"
	}
	test_ok "helpers that write no map are an error, not a hang" helper_lies
	wait_empty "$XDG_DATA_HOME/rootlet/scratch"
	XDG_DATA_HOME=$data
fi

# --- single: owners are emulated ---

# The owner that is recorded, "-" for none.
owner_of='owner_of() {
	getfattr --absolute-names --only-values -n user.containers.override_stat "$1" 2>/dev/null &&
		echo || echo -
}
'
emulated() {
	emulated_commands=$1
	shift
	run --idmap=single "$@" host sh -c "PATH=\$PATH:/usr/sbin:/sbin
$owner_of$emulated_commands"
}
have_getfattr() { command -v getfattr >/dev/null; }
have_xattr() { : >"$tmp/work/x" && setfattr -n user.test -v 1 "$tmp/work/x" && rm "$tmp/work/x"; }
if ! need getfattr xattr; then
	test_skip "ownership emulation" "no getfattr here, or no extended attributes"
	test_done
fi
test_ok "chown succeeds, stat shows root, the owner is recorded" prints "0:0 644
5:6:0644:file" emulated 'touch f; chown 5:6 f && stat -c "%u:%g %a" f && owner_of f'
test_ok "chown of one id keeps the other" prints "5:7:0644:file
8:7:0644:file" emulated 'touch f; chown 5:6 f; chgrp 7 f; owner_of f; chown 8 f; owner_of f'
test_ok "a file that was never given away has no record" prints - \
	emulated 'touch f; chown 0:0 f; chmod 600 f; owner_of f'
test_ok "given back, the record says so" prints 0:0:0644:file \
	emulated 'touch f; chown 5:6 f; chown 0:0 f; owner_of f'
test_ok "chmod keeps the record up to date" prints "5:6:4750:file
4750" emulated 'touch f; chown 5:6 f; chmod 4750 f && owner_of f && stat -c %a f'
test_ok "chown takes set-id bits away, as it does really" prints "7:0:0755:file
755" emulated 'touch f; chmod 6755 f; chown 7 f; owner_of f; stat -c %a f'
test_ok "directories have records, too" prints 5:6:2775:dir \
	emulated 'mkdir d; chown 5:6 d; chmod 2775 d; owner_of d'
test_ok "chown -R reaches everything" prints "9:9:0755:dir 9:9:0644:file 9:9:0755:dir" \
	emulated 'mkdir -p d/e; touch d/f; chown -R 9:9 d
		echo "$(owner_of d) $(owner_of d/f) $(owner_of d/e)"'
test_ok "chown of a link reaches what it points to, chown -h does not" prints "-
5:0:0644:file" emulated 'touch f; ln -s f l; chown -h 5 l && owner_of f; chown 5 l && owner_of f'
test_ok "a dangling link is still an error" prints 1 \
	emulated 'ln -s nowhere l; chown 5 l 2>/dev/null; echo $?'
test_ok "the record goes with a rename and is not copied without being asked" prints "5:0:0644:file
-" emulated 'touch f; chown 5 f; cp f g; mv f h; owner_of h; owner_of g'
test_ok "cp -a copies the owner" prints 5:6:0640:file \
	emulated 'touch f; chown 5:6 f; chmod 640 f; cp -a f g; owner_of g'
test_ok "install -o -g -m" prints "3:4:2755:file
2755" emulated 'install -m 2755 -o 3 -g 4 /bin/true i && owner_of i && stat -c %a i'
test_ok "device nodes are files with a record" prints "regular empty file
0:0:0640:char-1-3
regular empty file
0:0:0644:block-8-1" emulated 'mknod -m 640 c c 1 3 && stat -c %F c && owner_of c
	mknod b b 8 1 && stat -c %F b && owner_of b'
test_ok "a device node gives no access" prints "0" emulated 'mknod z c 1 5; head -c 4 z | wc -c'
test_ok "named pipes are real" prints "fifo" emulated 'mknod p p && chown 3:4 p && stat -c %F p'
test_ok "files of capabilities" prints "cap cap_net_raw=ep" \
	emulated 'cp /bin/true cap; setcap cap_net_raw+ep cap && getcap cap'
test_ok "access lists that name other users" emulated 'touch a; setfacl -m u:5:r,g:6:r a'
# su asks for the account, in a file that only root may read, or where nss-systemd knows "nobody".
have_su() { [ -r /etc/shadow ] || grep -q '^shadow:.*systemd' /etc/nsswitch.conf; }
if have_su; then
	test_ok "setuid and its like: su" prints "65534 65534" \
		emulated 'su nobody -s /bin/sh -c "echo \$(id -u) \$(id -g)"'
	test_ok "who is not root may not give files away" prints "1
0:0:0644:file" emulated 'touch f; chown 5 f; chown 0 f
		su nobody -s /bin/sh -c "chown 6 \"$PWD/f\"" 2>/dev/null; echo $?; owner_of f'
else
	test_skip "setuid and its like: su" "su cannot know an account here"
fi
test_ok "nor become root again" prints refused emulated \
	'su nobody -s /bin/sh -c "setpriv --reuid 0 true" 2>/dev/null && echo root || echo refused'
test_ok "the table of limits is what it was" prints "unlimited" \
	emulated 'prlimit --locks --noheadings -o SOFT'
in_volume() {
	mkdir "$vol/d" && touch "$vol/d/f" &&
		emulated 'chown 5:6 /vol/f && chmod 4711 /vol/f' -v "$vol/d:/vol" || return
	(cd "$vol/d" && getfattr --only-values -n user.containers.override_stat f && stat -c ' %u' f)
}
test_ok "in a volume the record stays, the file is the caller's" prints "5:6:4711:file $uid" in_volume
test_ok "and the next start goes on with it" prints 5:7:4711:file \
	emulated 'chgrp 7 /vol/f; chmod 4711 /vol/f; owner_of /vol/f' -v "$vol/d:/vol"
read_only_volume() {
	emulated 'chown 8 /vol/f' -v "$vol/d:/vol:ro" && return 1
	emulated 'owner_of /vol/f' -v "$vol/d:/vol" | grep -qx 5:7:4711:file
}
test_ok "a read-only volume is not changed" read_only_volume
# What is not the caller's cannot be recorded on.
foreign_file() {
	before=$(getfattr -d -m- "$1" 2>/dev/null)
	emulated "chown 8 $1" && return 1
	[ "$before" = "$(getfattr -d -m- "$1" 2>/dev/null)" ]
}
if need user; then
	test_ok "files of root's cannot be given away" foreign_file /etc/passwd
else
	test_skip "files of root's cannot be given away" "this is root"
fi
test_if plain_ids "a sandbox around this answers for ids" "with --init=no there is no emulation" prints 1 \
	emulated 'touch f; chown 5 f 2>/dev/null; echo $?' --init=no
test_if plain_ids "a sandbox around this answers for ids" "nor for another user" prints 1 \
	emulated 'touch /tmp/f; chown 5 /tmp/f 2>/dev/null; echo $?' -u 1000
if [ "$automatic" = root ]; then
	test_ok "in root chown is real, and nothing is recorded" prints "5:6
-" run host sh -c "$owner_of"'touch f; chown 5:6 f; stat -c %u:%g f; owner_of f'
fi
test_done
