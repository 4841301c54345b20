# import: archives in any compression, directories, changes of the configuration
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

rootlet() { "$ROOTLET" "$@"; }
run() { "$ROOTLET" run "$@"; }

# get IMAGE EXPRESSION: of the documents of an image: manifest, config, c (the inner one).
get() {
	rootlet inspect "$1" >"$tmp/inspected" && python3 - "$tmp/inspected" "$2" <<'X'
import json, sys
d = json.load(open(sys.argv[1]))
d = d[0] if isinstance(d, list) else d
manifest, config = d["manifest"], d["config"]
c = config.get("config", {})
print(eval(sys.argv[2]))
X
}

tree=$tmp/tree
mkdir -p "$tree/bin" "$tree/etc" "$tree/dir/sub"
cp "$testbin/probe" "$tree/bin/probe"
ln -s probe "$tree/bin/true"
echo first >"$tree/dir/file"
ln "$tree/dir/file" "$tree/dir/sub/hard"
tar -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1000000000 -cf "$tmp/tree.tar" .
gzip -nk "$tmp/tree.tar"
have_xz() { command -v xz >/dev/null; }
have_bzip2() { command -v bzip2 >/dev/null; }
have_zstd() { command -v zstd >/dev/null; }

# --- compression ---

layer='manifest["layers"][0]'
type=application/vnd.oci.image.layer.v1.tar
wanted=sha256:$(sha256sum <"$tmp/tree.tar" | cut -d ' ' -f 1)

# imported FILE TYPE [OPTIONS]: the layer has the right contents and media type, the blob is whole, it runs.
imported() {
	file=$1 want=$2
	shift 2
	rootlet import "$@" "$file" packed >/dev/null && prints "$want" get packed "${layer}[\"mediaType\"]" &&
		prints "$wanted" get packed 'config["rootfs"]["diff_ids"][0]' && prints first run packed probe cat /dir/file || return
	blob=$(get packed "${layer}[\"digest\"]") blob=$XDG_DATA_HOME/rootlet/blobs/sha256/${blob#sha256:}
	[ "$(sha256sum <"$blob" | cut -d ' ' -f 1)" = "${blob##*/}" ] &&
		[ "$(stat -c %s "$blob")" = "$(get packed "${layer}[\"size\"]")" ]
}
stored_as_it_is() { imported "$@" && cmp "$1" "$blob"; }
test_ok "a plain tar stays what it is" stored_as_it_is "$tmp/tree.tar" "$type"
test_ok "so does gzip" stored_as_it_is "$tmp/tree.tar.gz" "$type+gzip"
anew() {
	command -v "$1" >/dev/null && "$1" -qk "$tmp/tree.tar" 2>/dev/null || "$1" -k "$tmp/tree.tar" || return
	imported "$tmp/tree.tar.$2" "$3" && gzip -t <"$blob"
}
test_if xz "no xz here" "xz becomes gzip" anew xz xz "$type+gzip"
test_if bzip2 "no bzip2 here" "so does bzip2" anew bzip2 bz2 "$type+gzip"
as_zstd() { zstd -qk "$tmp/tree.tar" && stored_as_it_is "$tmp/tree.tar.zst" "$type+zstd"; }
test_if zstd "no zstd here" "zstd stays" as_zstd
twice() { imported "$tmp/tree.tar.xz" "$type+gzip" && a=$blob && imported "$tmp/tree.tar.xz" "$type+gzip" && [ "$a" = "$blob" ]; }
test_if xz "no xz here" "the same archive gives the same blob" twice
no_temporary() { [ -z "$(find "$XDG_DATA_HOME/rootlet" -name '.tmp*')" ]; }
refused() { fails_with "$@" && no_temporary; }
broken_xz() {
	head -c 1000 "$tmp/tree.tar.xz" >"$tmp/cut.xz" && refused "archive: xz: ends too early" rootlet import "$tmp/cut.xz" x &&
		{ cat "$tmp/tree.tar.xz" && head -c 1000 "$tmp/tree.tar.xz"; } >"$tmp/twice.xz" &&
		refused "archive: xz: " rootlet import "$tmp/twice.xz" x
}
test_if xz "no xz here" "what is cut or followed by rubbish is an error" broken_xz
hostile_xz() {
	python3 - "$tmp/hostile.tar.xz" <<'X' && refused "archive: ../../x" rootlet import "$tmp/hostile.tar.xz" x
import io, os, sys, tarfile
with tarfile.open(sys.argv[1], "w:xz") as t:
    for name in ["../../x", "big"]:
        i = tarfile.TarInfo(name)
        i.size = 8000000
        t.addfile(i, io.BytesIO(os.urandom(i.size)))
X
}
test_if xz "no xz here" "an entry that is refused ends it, while there is more to read" hostile_xz
never_ending() { (cat "$tmp/hostile.tar.xz" && sleep 4) | timeout 3 "$ROOTLET" import - x; }
test_if xz "no xz here" "and while nothing comes" fails_with "archive: ../../x" never_ending
test_ok "what is no archive is refused" refused "not a tar archive" rootlet import "$tree/bin/probe" x
zeros() { head -c 20000000 /dev/zero | rootlet import - x; }
test_ok "so are zeros without an end" refused "not a tar archive" zeros
empty() { : | rootlet import - x; }
test_ok "so is what a command that failed has printed" refused "empty" empty

# --- what is asked for ---

changed_config() {
	rootlet import -c 'ENTRYPOINT ["/bin/probe"]' --change 'ENV A=1 B="2 3"' --change USER=7 --change 'WORKDIR /dir' \
		-c 'CMD ["ids"]' -m 'some text' --platform arm/v7 "$tmp/tree.tar" changed >/dev/null &&
		prints "['/bin/probe'] ['ids'] ['A=1', 'B=2 3'] 7 /dir linux arm v7 some text" get changed \
			'" ".join([str(c[k]) for k in ("Entrypoint", "Cmd", "Env", "User", "WorkingDir")] +
				[config["os"], config["architecture"], config["variant"], config["history"][0]["comment"]])'
}
test_ok "--change, --message and --platform say what the image is" changed_config
test_ok "--compression has the layer in another" imported "$tmp/tree.tar" "$type+gzip" --compression=gzip
test_if zstd "no zstd here" "or in none" imported "$tmp/tree.tar.zst" "$type" --compression=none
machine() { rootlet import --platform "$1" "$tmp/tree.tar" machine >/dev/null && get machine 'config["os"] + "/" + config["architecture"]'; }
test_ok "the machine may have the name that others have for it" prints linux/arm64 machine aarch64
test_ok "a platform that is none is refused" fails_with "--platform: 'a//b' is not a platform" \
	rootlet import --platform a//b "$tmp/tree.tar" refused
for option in --change="RUN x" --change=x --change='ENV A' --platform=linux --platform=a/b/c/d --platform=a//b \
	--compression=xz --owner=1: --owner=-1:2 --owner=root --exclude=x; do
	test_ok "$option is refused" fails_with "${option%%=*}" rootlet import "$option" "$tmp/tree.tar" refused
done
test_ok "so is --owner of what is in an archive" fails_with "are for directories" rootlet import --owner=1:2 "$tmp/tree.tar" x
test_ok "a URL is refused" fails_with "curl" rootlet import https://localhost/x.tar x
test_ok "so is a device" fails_with "is a device" rootlet import /dev/zero x
saved() { mkdir "$tmp/saved" && : >"$tmp/saved/manifest.json" && tar -C "$tmp/saved" -cf "$tmp/saved.tar" manifest.json && fails_with "rootlet load" rootlet import "$tmp/saved.tar" x; }
test_ok "so is what docker save wrote" saved
test_ok "also as a directory" fails_with "rootlet load" rootlet import "$tmp/saved" x
without_name() {
	digest=$(rootlet import -c 'LABEL a=b' "$tmp/tree.tar") && prints first run "$digest" probe cat /dir/file &&
		rootlet tag "$digest" named && rootlet import -c 'LABEL a=b' "$tmp/tree.tar" >/dev/null
}
test_ok "without a name, the image has its digest" without_name
test_ok "a digest is no name" fails_with "digest" rootlet import "$tmp/tree.tar" sha256:123456
three() { rootlet import "$tmp/tree.tar" a b; }
test_ok "but not two names" fails_with "expected" three

# --- a directory ---

# entries [IMAGE]: of its layer, or of the archive.
entries() {
	blob=
	[ $# = 0 ] || blob=$(get "$1" "${layer}[\"digest\"]") || return
	python3 - "${blob:+$XDG_DATA_HOME/rootlet/blobs/sha256/${blob#sha256:}}" "$tmp/tree.tar" <<'X'
import sys, tarfile
for m in sorted(tarfile.open(sys.argv[1] or sys.argv[2]), key=lambda m: m.name):
    name, link = (x[2:] if x.startswith("./") else x for x in (m.name, m.linkname))
    print(name or ".", m.type.decode(), oct(m.mode), f"{m.uid}:{m.gid}", m.size, link, m.mtime)
X
}
find "$tree" -exec touch -h -d @1000000000 {} +
like_the_archive() {
	rootlet import "$tree" dir:1 >/dev/null && prints first run dir:1 probe cat /dir/sub/hard &&
		prints "$(entries)" entries dir:1
}
test_ok "a directory is packed like an archive of it, and is root's" like_the_archive
here() { (cd "$tree" && rootlet import . dir:2 >/dev/null) && [ "$(get dir:1 "$layer")" = "$(get dir:2 "$layer")" ]; }
test_ok "the same again" here
excludes() {
	rootlet import --exclude dir/sub --exclude='/b*/t?ue' "$tree" less >/dev/null &&
		prints "$(entries | grep -v -e dir/sub -e true)" entries less
}
test_ok "--exclude leaves out" excludes
owner() { rootlet import --owner=70000:7 "$tree" owned >/dev/null && prints "$(entries | sed 's/ 0:0 / 70000:7 /')" entries owned; }
test_ok "--owner gives all to somebody" owner
cp -a "$tree" "$tmp/owned"
# give OWNER FILE: as the caller's map of ids lets him.
give() {
	if have_root; then
		chown "$1" "$2"
	elif have_subids; then
		run -v "$tmp/owned:/owned" host chown "$1" "/owned/${2#"$tmp/owned/"}"
	else
		python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.containers.override_stat", sys.argv[2].encode())' \
			"$2" "$1:0644:file"
	fi
}
keeps_owner() {
	give 5:6 "$tmp/owned/dir/file" && rootlet import "$tmp/owned" owned >/dev/null &&
		entries owned | grep '^dir/file 0 0o644 5:6 '
}
test_ok "those of other users inside stay theirs" keeps_owner
secret() {
	mkdir "$tmp/secret" && : >"$tmp/secret/x" && chmod 0 "$tmp/secret/x" && rootlet import "$tmp/secret" secret >/dev/null
}
test_ok "what its owner has closed to himself is read" secret
# A directory of the machine's root.
foreign=/etc/alternatives
have_foreign() { [ "$(stat -c %u "$foreign")" = 0 ] && [ "$(id -u)" != 0 ]; }
others() {
	fails_with "its owner has no number" rootlet import "$foreign" foreign && grep -q '^hint: --owner=0:0' "$tmp/stderr" &&
		rootlet import --owner=0:0 "$foreign" foreign >/dev/null
}
test_if foreign "nothing here is somebody else's" "what is not the caller's is an error, unless its owner is given" others
test_done
