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
never_ending() { (cat "$tmp/hostile.tar.xz" && sleep 20) | timeout 10 "$ROOTLET" import - x; }
test_if xz "no xz here" "and while nothing comes" fails_with "archive: ../../x" never_ending
test_ok "what is no archive is refused" refused "not a tar archive" rootlet import "$tree/bin/probe" x
zeros() { head -c 20000000 /dev/zero | rootlet import - x; }
test_ok "so are zeros without an end" refused "not a tar archive" zeros
empty() { rootlet import - x </dev/null; }
test_ok "so is what a command that failed has printed" refused "empty" empty
test_done
