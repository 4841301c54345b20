# images: import, names, run IMAGE, changes that vanish or become an image; the store is an OCI layout
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

store=$XDG_DATA_HOME/rootlet
rootlet() { "$ROOTLET" "$@"; }
run() { "$ROOTLET" run "$@"; }
have_skopeo() { command -v skopeo >/dev/null; }
have_umoci() { command -v umoci >/dev/null; }

# --- a root file system ---

tree=$tmp/tree
mkdir -p "$tree/bin" "$tree/etc" "$tree/root" "$tree/dir/sub" "$tree/tmp"
cp "$testbin/probe" "$testbin/payload" "$tree/bin/"
ln -s probe "$tree/bin/true"
printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$tree/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\n' >"$tree/etc/group"
echo first >"$tree/dir/file"
echo second >"$tree/dir/sub/other"
ln "$tree/dir/file" "$tree/dir/hard"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -cf "$tmp/tree.tar" .
gzip -nk "$tmp/tree.tar"

# --- import ---

imports() {
	digest=$(rootlet import "$@") && echo "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}'
}
test_ok "import of a tar" imports "$tmp/tree.tar" plain:1
relative() { (cd "$tmp" && imports tree.tar relative && rootlet rmi relative); }
test_ok "of one in the working directory" relative
test_ok "of a compressed one" imports "$tmp/tree.tar.gz" packed:1
piped() { rootlet import - piped <"$tmp/tree.tar.gz" >/dev/null && rootlet images --format names | grep -qx piped:latest; }
test_ok "from standard input, with latest as tag" piped
same_layer() {
	for image in plain:1 packed:1; do
		rootlet inspect "$image" |
			python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["rootfs"]["diff_ids"])'
	done | sort -u | wc -l
}
test_ok "what is inside is the same layer" prints 1 same_layer
reproduced() {
	(SOURCE_DATE_EPOCH=1000000000 && export SOURCE_DATE_EPOCH &&
		[ "$(rootlet import "$tmp/tree.tar" a)" = "$(rootlet import "$tmp/tree.tar" b)" ])
}
test_ok "the same at the same SOURCE_DATE_EPOCH is the same image" reproduced
test_ok "a missing file is an error" fails_with "no-such-file" rootlet import "$tmp/no-such-file" x
test_ok "so is no archive" fails_with "archive" rootlet import "$tree/etc/passwd" x
head -c 5000 "$tmp/tree.tar.gz" >"$tmp/cut.tar.gz"
test_ok "so is a cut one" fails_with "archive" rootlet import "$tmp/cut.tar.gz" x
for name in '' Capital a//b ../x -x 'a b' a: "a@sha256:12"; do
	test_ok "the name '$name' is refused" fails_with "" rootlet import "$tmp/tree.tar" -- "$name"
done
test_ok "host is no name of an image" fails_with "host" rootlet import "$tmp/tree.tar" host
no_more_names() { [ "$(rootlet images --format names | sort | tr '\n' ' ')" = "a:latest b:latest packed:1 piped:latest plain:1 " ]; }
test_ok "nothing was made of all that" no_more_names

# --- the store ---

is_json() { python3 -c 'import json, sys; json.load(sys.stdin)'; }
lists_json() { rootlet images --format json | is_json; }
test_ok "images --format json is that" lists_json
newest_first() {
	rootlet import "$tmp/tree.tar" new:1 >/dev/null &&
		SOURCE_DATE_EPOCH=$(($(date +%s) - 3 * 86400 - 60)) "$ROOTLET" import "$tmp/tree.tar" middle:1 >/dev/null &&
		[ "$(rootlet images --format names '[mn]*:1' | tr '\n' ' ')" = "new:1 middle:1 " ]
}
test_ok "the newest image is first" newest_first
tells_age() { rootlet images middle | grep -Eq '^middle:1 +[0-9a-f]{12} +3 days ago +[0-9.]+[BKM]$'; }
test_ok "its age is told" tells_age
by_name() {
	[ "$(rootlet images --format names middle)" = middle:1 ] && [ "$(rootlet images --format names middle:1)" = middle:1 ] &&
		[ "$(rootlet images --format names docker.io/library/middle:1)" = middle:1 ] &&
		[ -z "$(rootlet images --format names mid)" ] && [ "$(rootlet images --format names 'mid*')" = middle:1 ]
}
test_ok "images NAME, with or without tag, and a pattern" by_name
aligned() {
	rootlet tag middle:1 "registry.example:5000/a/rather/long/name/of/an/image:with-a-tag" &&
		rootlet images | awk 'NF > 1 { print length($0) }' | sort -u | wc -l | grep -qx 1 &&
		rootlet rmi new:1 middle:1 registry.example:5000/a/rather/long/name/of/an/image:with-a-tag
}
test_ok "columns are aligned beside long names" aligned
closed_to_others() { prints 700 stat -c %a "$store"; }
test_ok "the store is closed to others" closed_to_others
blobs_are_named() {
	for blob in "$store"/blobs/sha256/*; do
		[ "$(sha256sum <"$blob" | cut -d ' ' -f 1)" = "${blob##*/}" ] || return
	done
}
test_ok "each blob has the name of its digest" blobs_are_named
skopeo_reads() { skopeo inspect "oci:$store:plain:1" >"$tmp/inspected" && grep -q "$(rootlet images -q plain:1)" "$tmp/inspected"; }
test_if skopeo "no skopeo here" "skopeo reads it as it lies" skopeo_reads
umoci_unpacks() {
	umoci unpack --rootless --image "$store:$1" "$tmp/umoci-$2" >/dev/null 2>&1 &&
		diff -r --no-dereference "$3" "$tmp/umoci-$2/rootfs"
}
test_if umoci "no umoci here" "umoci unpacks it" umoci_unpacks plain:1 plain "$tree"
copied_by_skopeo() {
	skopeo copy -q "oci:$store:packed:1" "oci:$tmp/copy:x" &&
		[ "$(skopeo inspect --format '{{.Digest}}' "oci:$tmp/copy:x")" = \
			"$(skopeo inspect --format '{{.Digest}}' "oci:$store:packed:1")" ]
}
test_if skopeo "no skopeo here" "skopeo copies it, the digest stays" copied_by_skopeo

# --- names ---

test_ok "tag gives one more" rootlet tag plain:1 registry:5000/team/app:v1
test_ok "which runs" run registry:5000/team/app:v1 true
test_ok "rmi takes it away" rootlet rmi registry:5000/team/app:v1
test_ok "then it is not there" fails_with "no image 'registry:5000/team/app:v1'" run --pull=never registry:5000/team/app:v1 true
test_ok "rmi of what is not there is an error" fails_with "no image 'nothing'" rootlet rmi nothing
digest_of() { rootlet inspect "$1" | sed -n 's/^  "digest": "\(sha256:[0-9a-f]*\)".*/\1/p'; }
listed() { rootlet images --format names | grep -qxF "$1"; }
rmi_of_several() {
	rootlet tag plain:1 r:1 && rootlet tag plain:1 r:2 &&
		{ out=$(rootlet rmi r:1 r:9 r:2 2>"$tmp/stderr"); [ $? = 125 ]; } &&
		[ "$out" = "$(printf 'untagged: r:1\nuntagged: r:2')" ] && grep -q "no image 'r:9'" "$tmp/stderr" &&
		! listed r:1 && ! listed r:2
}
test_ok "of several, those that are there are taken" rmi_of_several
rmi_by_digest() {
	rootlet import --message "$1" "$tmp/tree.tar" d:1 >/dev/null && digest=$(digest_of d:1) && short=$(echo "$digest" | cut -c 8-19) || return
	[ "$(rootlet rmi "$short")" = "untagged: d:1" ] && ! listed d:1 && [ -f "$store/blobs/sha256/${digest#*:}" ] &&
		fails_with "no image '$digest'" rootlet rmi "$digest"
}
test_ok "rmi by a short digest" rmi_by_digest one
rmi_with_two_names() {
	rootlet import --message two "$tmp/tree.tar" d:1 >/dev/null && rootlet tag d:1 d:2 && digest=$(digest_of d:1) &&
		fails_with "has 2 names: d:1, d:2" rootlet rmi "$digest" && listed d:1 && listed d:2 &&
		[ "$(rootlet rmi --force "$digest" | sort | tr '\n' ' ')" = "untagged: d:1 untagged: d:2 " ] && ! listed d:1 && ! listed d:2
}
test_ok "by a digest with two names only with --force" rmi_with_two_names
# Another tool may list what has no name.
unname() {
	python3 - "$store/index.json" "$1" <<'X'
import json, sys
with open(sys.argv[1]) as f: index = json.load(f)
for d in index["manifests"]:
    if d.get("annotations", {}).get("org.opencontainers.image.ref.name") == sys.argv[2]: del d["annotations"]
with open(sys.argv[1], "w") as f: json.dump(index, f)
X
}
entries_of() { grep -o "$1" "$store/index.json" | wc -l; }
rmi_of_nameless() {
	rootlet import --message three "$tmp/tree.tar" d:1 >/dev/null && digest=$(digest_of d:1) && unname d:1 &&
		[ "$(entries_of "$digest")" -eq 1 ] && [ "$(rootlet rmi "$digest")" = "untagged: $digest" ] && [ "$(entries_of "$digest")" -eq 0 ]
}
test_ok "what has no name is taken from the list" rmi_of_nameless
tag_of_nameless() {
	rootlet import --message four "$tmp/tree.tar" d:1 >/dev/null && digest=$(digest_of d:1) && unname d:1 &&
		rootlet tag "$digest" d:3 && [ "$(entries_of "$digest")" -eq 1 ] && rootlet rmi d:3
}
test_ok "and gets a name by tag" tag_of_nameless
local_name() {
	rootlet tag plain:1 localhost/mine && run mine true && run mine:latest true &&
		[ "$(digest_of mine)" = "$(digest_of plain:1)" ] && rootlet history mine >/dev/null && rootlet export mine >/dev/null &&
		rootlet save mine >"$tmp/mine.tar" && tar -xOf "$tmp/mine.tar" index.json | grep -q localhost/mine:latest
}
test_ok "podman's localhost/NAME is found as NAME" local_name
own_name_first() {
	rootlet import --message own "$tmp/tree.tar" mine >/dev/null && [ "$(digest_of mine)" != "$(digest_of localhost/mine)" ] &&
		[ "$(rootlet rmi mine)" = "untagged: mine:latest" ] && [ "$(rootlet rmi mine)" = "untagged: localhost/mine:latest" ] &&
		fails_with "no image 'mine'" rootlet rmi mine
}
test_ok "but NAME itself comes first" own_name_first
test_ok "a name with a registry is not looked for there" fails_with "no image 'x.y/plain:1'" run --pull=never x.y/plain:1 true
test_ok "Docker Hub's long name is the short one" run docker.io/library/plain:1 true
by_digest() {
	digest=$(rootlet inspect plain:1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])')
	rootlet inspect "plain@$digest" >/dev/null && rootlet inspect "$(echo "${digest#sha256:}" | cut -c 1-12)" >/dev/null
}
test_ok "a digest, or its beginning, will do" by_digest
without_slash() { (cd "$tmp" && fails_with "no image 'tree'" run --pull=never tree true); }
test_ok "a directory needs its slash" without_slash

# --- run ---

test_ok "an image runs" prints "0 0 0 0:" run plain:1 probe ids
test_ok "files are root's" prints "first" run plain:1 probe cat /dir/file
user_ids() { run -u user "$1" probe ids | cut -d : -f 1; }
test_ok "users are the image's own" prints "1000 1000 1000 1000" user_ids plain:1
writes() { run plain:1 payload append /dir/file more && prints first run plain:1 probe cat /dir/file; }
test_ok "what is written vanishes" writes
privileges() { run "$@" probe cat /proc/self/status | grep NoNewPrivs; }
test_ok "programs may gain privileges inside" prints "NoNewPrivs:	0" privileges plain:1
test_ok "unless they must not" prints "NoNewPrivs:	1" privileges --new-privs=no plain:1

# --- commit ---

commit() { run --commit "$@"; }
test_ok "a layer becomes an image" commit changed plain:1 payload append /dir/file more
changed_file() { run changed probe cat /dir/file | tr -d '\n'; }
test_ok "which has the change" prints "firstmore" changed_file
test_ok "the old one has not" prints first run plain:1 probe cat /dir/file
unchanged_on_failure() {
	status 3 run --commit failed plain:1 probe exit 3 && ! rootlet images --format names | grep failed
}
test_ok "no image is made when the command fails" unchanged_on_failure
test_ok "--commit needs an image" fails_with "--commit" run --commit x "$base" true
test_ok "and a layer on disk" fails_with "--commit" run --layer=ram --commit x plain:1 true

# --- many at once, and death ---

at_once() {
	for i in 1 2 3 4 5 6 7 8; do
		(rootlet import "$tmp/tree.tar.gz" "many:$i" >/dev/null && prints first run "many:$i" probe cat /dir/file) &
		pids="${pids-} $!"
	done
	for pid in $pids; do
		wait "$pid" || return
	done
	rootlet images --format names | grep -c '^many:[1-8]$' | grep -qx 8
}
test_ok "eight imports and runs at once" at_once
index_is_whole() {
	python3 - "$store" <<'X'
import hashlib, json, os, sys
store = sys.argv[1]
def blob(digest):
    data = open(f"{store}/blobs/sha256/{digest[7:]}", "rb").read()
    assert hashlib.sha256(data).hexdigest() == digest[7:], digest
    return data
for d in json.load(open(store + "/index.json"))["manifests"]:
    manifest = json.loads(blob(d["digest"]))
    for part in [manifest["config"]] + manifest["layers"]:
        assert len(blob(part["digest"])) == part["size"]
X
}
killed_at_random() {
	for i in $(seq 40); do
		"$ROOTLET" import "$tmp/tree.tar.gz" "killed:$i" >/dev/null 2>&1 &
		sleep "0.00$((i % 9 + 1))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
	done
	index_is_whole || return
	for name in $(rootlet images --format names | grep killed); do
		prints first run "$name" probe cat /dir/file || return
	done
}
test_ok "what is killed at any moment leaves a store that is whole" killed_at_random
damaged() {
	rootlet import "$tmp/tree.tar" damaged >/dev/null &&
		config=$(rootlet inspect damaged | python3 -c 'import json, sys
print(json.load(sys.stdin)["manifest"]["config"]["digest"][7:])') && chmod u+w "$store/blobs/sha256/$config" &&
		printf ' ' >>"$store/blobs/sha256/$config" && fails_with "$config" rootlet inspect damaged &&
		rm "$store/blobs/sha256/$config" && rootlet rmi damaged
}
test_ok "a blob that was changed is noticed" damaged
no_layer_left() { wait_empty "$store/scratch"; }
test_ok "no layer is left" no_layer_left
several() {
	"$ROOTLET" import "$tmp/tree.tar" one:1 >/dev/null && "$ROOTLET" import "$tmp/tree.tar" two:1 >/dev/null &&
		"$ROOTLET" inspect one:1 two:1 |
		python3 -c 'import json, sys; d = json.load(sys.stdin); assert len(d) == 2 and d[1]["config"]["os"] == "linux"'
}
test_ok "inspect of several is a list" several
test_ok "of one that is not there, an error alone" fails_with "no image 'nobody'" rootlet inspect one:1 nobody
nowhere() {
	XDG_DATA_HOME=$tmp/nowhere rootlet images >"$tmp/out" && [ "$(wc -l <"$tmp/out")" = 1 ] && [ ! -e "$tmp/nowhere" ]
}
test_ok "images where there is no store makes none" nowhere
test_done
