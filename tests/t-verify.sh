# verify: nothing is wrong with what was unpacked, and whatever is changed afterwards is named
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
need python3 || skip_all "no python3 to make archives with"

store=$XDG_DATA_HOME/rootlet
rootlet() { "$ROOTLET" "$@"; }

# --- no false alarm: every archive that can be imported ---

A=$tmp/archives
W=$tmp/witness
mkdir -p "$A" "$W/dir" "$W/wh"
touch "$W/canary" "$W/wh/keep1" "$W/wh/keep2"
python3 "$srcdir/tests/hostile-tars.py" "$A" "$W" || exit 99
# Some take the limits of unpacking to their end, which is for other tests.
rm -f "$A"/bomb* "$A"/*-bomb* "$A"/zeros*

imported=0
for archive in "$A"/*; do
	[ "$(stat -c %s "$archive")" -gt 4000000 ] && continue
	name=$(printf 'a%s' "${archive##*/}" | tr -c 'a-z0-9\n' -)
	timeout 20 "$ROOTLET" import "$archive" "odd:${name%-}" >/dev/null 2>&1 && imported=$((imported + 1))
done
test_ok "many odd archives were imported" [ "$imported" -ge 15 ]
quiet() {
	rootlet verify >"$tmp/verify.out" 2>"$tmp/verify.err"
	verify_status=$?
	# What cannot be made here is missing for good, and said to be.
	grep -v 'attribute [a-z_.]* is missing$\|its layer 1 is not what it should be$' "$tmp/verify.out" |
		sed '$d' >"$tmp/verify.faults"
	sed 's/^/# /' "$tmp/verify.faults"
	[ ! -s "$tmp/verify.faults" ] && [ "$verify_status" -le 1 ]
}
test_ok "and nothing is wrong with them" quiet

# --- a tree to change ---

export XDG_DATA_HOME="$tmp/data2"
store=$XDG_DATA_HOME/rootlet
tree=$tmp/tree
mkdir -p "$tree/d/e" "$tree/gone/in"
echo contents >"$tree/file"
echo other >"$tree/d/other"
echo x >"$tree/gone/in/x"
ln "$tree/file" "$tree/d/name"
ln -s file "$tree/link"
truncate -s 300000 "$tree/sparse"
printf end >>"$tree/sparse"
setfattr -n user.note -v first "$tree/d/other" 2>/dev/null
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 --xattrs --hole-detection=raw -S \
	-cf "$tmp/tree.tar" .
digest=$(rootlet import "$tmp/tree.tar" t) || exit 99
layer=$(echo "$store"/layers/*/*)
kind=$(basename "${layer%/*}")

test_ok "a new image is as it should be" rootlet verify
test_ok "by its name, too" rootlet verify t
test_ok "and says so in a line" sh -c '"$ROOTLET" verify t | grep -qx ".* 1 unpacked layers compared ($1): 0 differences"' sh "$kind"
test_ok "or not at all" sh -c '[ -z "$("$ROOTLET" verify --quiet)" ]'

# differs TEXT SCRIPT UNDO: after SCRIPT in the tree exactly the lines of TEXT are said, not after UNDO.
differs() {
	(cd "$layer" && touch -r d "$tmp/d.time" && sh -c "$2") || return
	"$ROOTLET" verify --quiet t >"$tmp/out" 2>&1
	status=$?
	(cd "$layer" && sh -c "$3" && touch -r "$tmp/d.time" d && touch -d @1000000000 .) || return
	printf '%s\n' "$1" >"$tmp/want"
	grep -v '^t: its layer 1\|: its time is ' "$tmp/out" | sed "s/^layer [0-9a-f]* ($kind): //" |
		diff "$tmp/want" - || return
	[ "$status" = 1 ] && rootlet verify --quiet t
}
test_ok "contents" differs "/d/name: its contents are not what they were" \
	'cp -p file ../k && printf X | dd of=file conv=notrunc status=none && touch -r ../k file' \
	'printf c | dd of=file conv=notrunc status=none && touch -r ../k file && rm ../k'
test_ok "contents in the middle of a hole" differs "/sparse: its contents are not what they were" \
	'printf X | dd of=sparse bs=1 seek=123456 conv=notrunc status=none' \
	'dd if=/dev/zero of=sparse bs=1 seek=123456 count=1 conv=notrunc status=none; touch -d @1000000000 sparse'
test_ok "a size" differs "/d/name: it has 10 bytes, not 9" \
	'rm d/name; printf "contents\n\n" >file; ln file d/name' \
	'rm d/name; echo contents >file; touch -d @1000000000 file; ln file d/name'
test_ok "a mode" differs "/d/other: its mode is 0600, not 0644" 'chmod 600 d/other' 'chmod 644 d/other'
test_ok "the mode of a directory" differs "/d/e: its mode is 0711, not 0755" 'chmod 711 d/e' 'chmod 755 d/e'
test_ok "a file that is gone" differs "/d/other: it is missing" 'mv d/other ../k' 'mv ../k d/other'
test_ok "a directory that is gone, once" differs "/gone: it is missing" 'mv gone ../k' 'mv ../k gone'
test_ok "a file too much" differs "/d/new: it is not in the layer" 'touch d/new' 'rm d/new'
test_ok "a directory too much, once" differs "/new: it is not in the layer" 'mkdir -p new/in/it' 'rm -r new'
test_ok "the target of a link" differs "/link: it leads to /etc/passwd, not file" \
	'ln -sfn /etc/passwd link' 'ln -sfn file link; touch -h -d @1000000000 link'
test_ok "another kind of file" differs "/d/other: it is a symbolic link, not a file" \
	'mv d/other ../k; ln -s x d/other' 'rm d/other; mv ../k d/other'
test_ok "one file that became two" differs "/d/name: it has 1 names, not 2
/file: it is not the file that its other names are links to" \
	'cp -p file f2; mv f2 file' 'rm d/name; ln file d/name'
test_ok "a name from elsewhere" differs "/d/other: it has 2 names, not 1" \
	'ln d/other ../elsewhere' 'rm ../elsewhere'
time_of() {
	touch -d @1000000001 "$layer/file"
	rootlet verify --quiet t >"$tmp/out"
	time_status=$?
	touch -d @1000000000 "$layer/file"
	[ "$time_status" = 1 ] && grep -q '/d/name: its time is 1000000001.000000000, not 1000000000.0' "$tmp/out"
}
test_ok "a time" time_of
have_fattr() { command -v setfattr >/dev/null && getfattr -n user.note "$tree/d/other" >/dev/null 2>&1; }
if have_fattr; then
	test_ok "an attribute" differs "/d/other: its attribute user.note has another value" \
		'setfattr -n user.note -v second d/other' 'setfattr -n user.note -v first d/other'
	test_ok "an attribute that is gone" differs "/d/other: its attribute user.note is missing" \
		'setfattr -x user.note d/other' 'setfattr -n user.note -v first d/other'
	test_ok "an attribute too much" differs "/d/e: it has an attribute user.x that is not its own" \
		'setfattr -n user.x -v 1 d/e' 'setfattr -x user.x d/e'
	test_ok "a directory that hides what is below" differs "/d: it is marked as opaque" \
		'setfattr -n user.overlay.opaque -v y d' 'setfattr -x user.overlay.opaque d'
else
	test_skip "attributes" "no setfattr, or no attributes on this file system"
fi
whiteout() {
	differs "/d/e: it is marked as removed
/d/other: it is marked as removed" \
		'mv d/e ../k1; mv d/other ../k2; mknod d/e c 0 0; mknod d/other c 0 0' \
		'rm d/e d/other; mv ../k1 d/e; mv ../k2 d/other'
}
test_ok "what is marked as removed" whiteout
odd_name() {
	touch "$layer/$(printf 'a\033[31m\nb')"
	rootlet verify --quiet t >"$tmp/out"
	rm "$layer"/a*
	touch -d @1000000000 "$layer"
	! grep -q "$(printf '\033')" "$tmp/out" && grep -q '/a.*b: it is not in the layer' "$tmp/out"
}
test_ok "a name cannot reach the terminal" odd_name
owner() {
	if [ "$kind" = single ]; then
		set -- 'setfattr -n user.containers.override_stat -v 5:6:0644:file d/other' \
			'setfattr -x user.containers.override_stat d/other'
	else
		[ "$kind" = root ] || return 0
		set -- 'chown 5:6 d/other' 'chown 0:0 d/other'
	fi
	differs "/d/other: its owner is 5:6, not 0:0" "$1" "$2"
}
test_ok "an owner" owner

# --- blobs ---

blob=$(find "$store/blobs/sha256" -type f -printf '%s %p\n' | sort -rn | head -n 1 | cut -d' ' -f2)
damage() {
	cp -p "$blob" "$tmp/blob"
	chmod u+w "$blob"
	printf X | dd of="$blob" bs=1 seek=600 conv=notrunc status=none
	rootlet verify --quiet t >"$tmp/out" 2>&1
	damage_status=$?
	cp -p "$tmp/blob" "$blob"
	[ "$damage_status" = 1 ] && grep -Eq '^blob [0-9a-f]{12}: it (is sha256:|cannot be read)' "$tmp/out"
}
test_ok "a blob that was changed" damage
short() {
	cp -p "$blob" "$tmp/blob"
	chmod u+w "$blob"
	truncate -s 1000 "$blob"
	rootlet verify --quiet t >"$tmp/out" 2>&1
	short_status=$?
	cp -p "$tmp/blob" "$blob"
	[ "$short_status" = 1 ] && grep -q "^blob " "$tmp/out"
}
test_ok "a blob that was cut" short
absent() {
	mv "$blob" "$tmp/blob"
	rootlet verify --quiet t >"$tmp/out" 2>&1
	absent_status=$?
	mv "$tmp/blob" "$blob"
	[ "$absent_status" = 1 ] && grep -q "^blob .*: it cannot be opened: .*No such file" "$tmp/out"
}
test_ok "a blob that is gone" absent
document() {
	manifest=$store/blobs/sha256/${digest#sha256:}
	cp -p "$manifest" "$tmp/blob"
	chmod u+w "$manifest"
	echo >>"$manifest"
	rootlet verify --quiet >"$tmp/out" 2>&1
	document_status=$?
	cp -p "$tmp/blob" "$manifest"
	[ "$document_status" = 1 ] && grep -q "^t:latest: " "$tmp/out"
}
test_ok "a document that was changed" document
orphan() {
	echo junk >"$store/blobs/sha256/$(printf '%064d' 7)"
	rootlet verify --quiet >"$tmp/out" 2>&1
	orphan_status=$?
	rm "$store/blobs/sha256/$(printf '%064d' 7)"
	[ "$orphan_status" = 1 ] && grep -q "^blob 000000000000: its name is not the digest" "$tmp/out"
}
test_ok "a blob of no image" orphan
test_ok "and now all is well again" rootlet verify --quiet
test_ok "an image that is not there" fails_with "no image 'nobody'" rootlet verify nobody
# --- many layers ---

# Largest last, and the third with more to say than is kept beside others.
export XDG_DATA_HOME="$tmp/data3"
store=$XDG_DATA_HOME/rootlet
many() {
	rootlet images >/dev/null && mkdir "$tmp/part" && tars=
	for i in 1 2 3 4 5 6; do
		rm -rf "$tmp/part" && mkdir "$tmp/part" && head -c "${i}00000" /dev/urandom >"$tmp/part/f$i" &&
			tar -C "$tmp/part" --owner=0 --group=0 --mtime=@1000000000 -cf "$tmp/part$i.tar" . || return
		tars="$tars${tars:+,}\"$tmp/part$i.tar\""
	done
	echo "[{\"layers\":[$tars]}]" | python3 "$srcdir/tests/make-image.py" "$store" many:latest &&
		rootlet save -q -o "$tmp/many.oci" many && rootlet load -q -i "$tmp/many.oci" >/dev/null && rootlet verify many
}
test_ok "an image of many layers is as it should be" many
in_order() {
	: >"$tmp/want"
	for i in 1 2 3 4 5 6; do
		hex=$(sha256sum <"$tmp/part$i.tar") && hex=${hex%% *} && top=$store/layers/$kind/$hex && chmod 600 "$top/f$i" || return
		echo "layer $(echo "$hex" | cut -c1-12) ($kind): /f$i: its mode is 0600, not 0644" >>"$tmp/want"
		if [ "$i" = 3 ]; then
			python3 -c 'import os, sys
for i in range(16000): os.close(os.open(sys.argv[1] + "/x" + str(i).zfill(240), os.O_CREAT | os.O_WRONLY))' "$top" && touch -d @1000000000 "$top" || return
		fi
		echo "many: its layer $i is not what it should be" >>"$tmp/want"
	done
	for _ in 1 2; do
		status 1 rootlet verify --quiet many >"$tmp/out" && [ "$(grep -c ': it is not in the layer$' "$tmp/out")" = 16000 ] &&
			grep -v ': it is not in the layer$' "$tmp/out" | diff "$tmp/want" - || return
	done
}
test_ok "what is told of them is in their order, however much it is" in_order
test_done
