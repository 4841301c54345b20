# export and history: what an image shows as one archive, and how it came to be
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

rootlet() { "$ROOTLET" "$@"; }
run() { "$ROOTLET" run "$@"; }

# Three layers: files, links, an attribute; whiteouts and an opaque directory; something new in it.
python3 - "$tmp" <<'X'
import io, sys, tarfile
def layer(name, *entries):
    with tarfile.open(f"{sys.argv[1]}/{name}.tar", "w", format=tarfile.PAX_FORMAT) as t:
        for path, kind, more in entries:
            i = tarfile.TarInfo(path)
            i.type, i.mtime, i.mode = kind, 1000000000, 0o755 if kind == tarfile.DIRTYPE else 0o640
            data = more.pop("data", b"")
            i.size = len(data)
            for k, v in more.items():
                setattr(i, k, v)
            t.addfile(i, io.BytesIO(data))
F, D, S, L, W = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.REGTYPE
layer("1", ("bin", D, {}), ("a", D, {}), ("a/gone", F, {"data": b"x"}), ("a/stays", F, {"data": b"one", "uid": 5, "gid": 6}),
      ("b", D, {}), ("b/old", F, {}), ("b/sub", D, {}), ("b/sub/deep", F, {}), ("l1", F, {"data": b"linked"}),
      ("l2", L, {"linkname": "l1"}), ("s", S, {"linkname": "/nowhere"}),
      ("x", F, {"pax_headers": {"SCHILY.xattr.user.note": "hello"}}), ("d", F, {"data": b"was a file"}))
layer("2", ("a", D, {}), ("a/.wh.gone", W, {}), ("b", D, {"mode": 0o700}), ("b/.wh..wh..opq", W, {}), ("b/sub", D, {}),
      ("b/sub/new", F, {"data": b"new"}), ("d", D, {}))
layer("3", ("b", D, {"mode": 0o711}), ("b/sub", D, {}), ("b/sub/.wh.new", W, {}), ("b/sub/newer", F, {"data": b"newer"}))
X
# An OCI layout of them, made by hand.
python3 - "$tmp" <<'X'
import hashlib, json, os, sys
top = sys.argv[1] + "/layout"
os.makedirs(top + "/blobs/sha256")
def blob(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{top}/blobs/sha256/{digest}", "wb").write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}
layers = [blob(open(f"{sys.argv[1]}/{i}.tar", "rb").read(), "layer.v1.tar") for i in (1, 2, 3)]
def image(name, history):
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["x"]}, "history": history,
              "rootfs": {"type": "layers", "diff_ids": [x["digest"] for x in layers]}}
    m = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": layers}
    d = blob(json.dumps(m).encode(), "manifest.v1+json")
    d["annotations"] = {"org.opencontainers.image.ref.name": name}
    return d
t = "2001-09-09T01:46:40Z"
hs = [{"created": t, "created_by": "first"}, {"created": t, "created_by": "ENV a", "empty_layer": True},
      {"created": t, "created_by": "second " + "long " * 30, "comment": "a comment"}, {"created": t, "created_by": "third"}]
odd = [7, {"created_by": "\x1b[31mred\nline"}, {"created": 3, "comment": []}] + [{"created_by": "no layer"}] * 5
json.dump({"schemaVersion": 2, "manifests": [image("merged:1", hs), image("short:1", hs[:1]), image("odd:1", odd), image("none:1", None)]},
          open(top + "/index.json", "w"))
open(top + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
X
test_ok "there are images of three layers" rootlet load -i "$tmp/layout"

# --- export ---

entries() {
	python3 - "$1" <<'X'
import sys, tarfile
t = tarfile.open(sys.argv[1])
for m in t:
    data = t.extractfile(m).read().decode() if m.isreg() else ""
    print(m.name, m.type.decode(), oct(m.mode), f"{m.uid}:{m.gid}", m.linkname, data, m.mtime, m.pax_headers.get("SCHILY.xattr.user.note", ""))
X
}
export_merged() { rootlet export -o "$tmp/merged.tar" merged:1; }
test_ok "export writes a file" export_merged
names() { entries "$tmp/merged.tar" | cut -d ' ' -f 1 | tr '\n' ' '; }
test_ok "what is gone is not in it" prints ". a a/stays b b/sub b/sub/newer bin d l1 l2 s x " names
attributes() {
	entries "$tmp/merged.tar" >"$tmp/entries"
	cat "$tmp/entries"
	grep -q '^a/stays 0 0o640 5:6  one ' "$tmp/entries" && grep -q '^b 5 0o711 0:0 ' "$tmp/entries" &&
		grep -q '^d 5 0o755 0:0 ' "$tmp/entries" && grep -q '^l2 1 0o640 0:0 l1 ' "$tmp/entries" &&
		grep -q '^s 2 .* /nowhere ' "$tmp/entries" && grep -q '^x 0 .* hello$' "$tmp/entries" &&
		! grep -v '^\. ' "$tmp/entries" | grep -v ' 1000000000 '
}
test_ok "owners, modes, links, attributes and times are in it" attributes
again() { rootlet export merged:1 | cmp - "$tmp/merged.tar"; }
test_ok "the same again, to standard output" again
round() { rootlet export merged:1 | rootlet import - round >/dev/null && rootlet export round | cmp - "$tmp/merged.tar"; }
test_ok "imported and exported again it is the same" round
have_umoci_and_root() { command -v umoci >/dev/null && have_root; }
like_umoci() {
	umoci unpack --image "$XDG_DATA_HOME/rootlet:merged:1" "$tmp/umoci" >/dev/null 2>&1 && mkdir "$tmp/mine" &&
		tar -C "$tmp/mine" -xpf "$tmp/merged.tar" && diff -r --no-dereference "$tmp/mine" "$tmp/umoci/rootfs" &&
		[ "$(cd "$tmp/mine" && find . -printf '%p %M %U:%G %n %l\n' | sort)" = \
			"$(cd "$tmp/umoci/rootfs" && find . -printf '%p %M %U:%G %n %l\n' | sort)" ]
}
test_if umoci_and_root "no umoci, or no root, here" "umoci unpacks the same tree" like_umoci
kept() { echo old >"$tmp/kept.tar" && fails_with "no image 'nothing'" rootlet export -o "$tmp/kept.tar" nothing && prints old cat "$tmp/kept.tar"; }
test_ok "after an error a file is as it was" kept
test_ok "one operand is needed" fails_with "expected" rootlet export
test_ok "a directory that is not there is an error" fails_with "/none" rootlet export -o "$tmp/none/x" merged:1
full() { rootlet export merged:1 >/dev/full; }
test_ok "a full disk is noticed" fails_with "No space left" full

# --- history ---

steps() { rootlet history "$@" | awk '{ print $2 }' | tr '\n' ' '; }
test_ok "history has a line for each step" prints "SIZE 10.2K 10.2K 0B 20.5K " steps merged:1
columns() { [ "$(rootlet history merged:1 | wc -L)" -le 80 ] && rootlet history merged:1 | grep 'second long.*\.\.\.  a comment'; }
test_ok "which is not too long" columns
whole() { rootlet history --no-trunc merged:1 | grep -c 'second \(long \)\{30\}'; }
test_ok "--no-trunc shows all" prints 1 whole
json() {
	rootlet history --format json "$1" | python3 -c 'import json, sys
print([(h.get("created_by", "-").split()[0], h["layer"] is not None) for h in json.load(sys.stdin)])'
}
test_ok "as JSON" prints "[('third', True), ('second', True), ('ENV', False), ('first', True)]" json merged:1
test_ok "layers that no step tells of are there" prints "[('-', True), ('-', True), ('first', True)]" json short:1
test_ok "without a history too" prints "[('-', True), ('-', True), ('-', True)]" json none:1
odd() { rootlet history odd:1 >"$tmp/odd" && [ "$(wc -l <"$tmp/odd")" = 9 ] && grep -qF '\x1b[31mred\x0aline' "$tmp/odd" && json odd:1; }
test_ok "steps without layers, of any type, are harmless" odd
quiet() { rootlet history -q merged:1 | grep -Ecx 'sha256:[0-9a-f]{64}'; }
test_ok "--quiet prints digests" prints 3 quiet
test_ok "an unknown format is refused" fails_with "--format=x" rootlet history --format x merged:1
test_done
