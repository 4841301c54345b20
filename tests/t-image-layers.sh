# many layers at a time: whichever fails, nothing of it is left; memory stays bounded
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"
have_zstd() { command -v zstd >/dev/null; }
have_xz() { command -v xz >/dev/null; }

store=$XDG_DATA_HOME/rootlet
rootlet() { "$ROOTLET" "$@"; }

# image NAME FILE...: layers, compressed or not, as they are; what is inside is what python makes of it.
image() {
	python3 - "$store" "$@" <<'X'
import gzip, hashlib, json, os, subprocess, sys
store, name, *files = sys.argv[1:]
def put(data, **more):
    digest = hashlib.sha256(data).hexdigest()
    path = f"{store}/blobs/sha256/{digest}"
    if not os.path.exists(path):
        open(path, "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data), **more}
def inside(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-qdc", "--long=31"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data
def media_type(data):
    end = {b"\x1f\x8b": "+gzip", b"\x28\xb5": "+zstd"}.get(data[:2], "")
    return vnd + "layer.v1.tar" + end
vnd = "application/vnd.oci.image."
blobs = [open(f, "rb").read() for f in files]
ids = ["sha256:" + hashlib.sha256(inside(b)).hexdigest() for b in blobs]
config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}}
manifest = put(json.dumps({
    "schemaVersion": 2, "config": put(json.dumps(config).encode(), mediaType=vnd + "config.v1+json"),
    "layers": [put(b, mediaType=media_type(b)) for b in blobs]}).encode(),
    mediaType=vnd + "manifest.v1+json", annotations={"org.opencontainers.image.ref.name": name + ":latest"})
with open(f"{store}/index.json", "r+") as f:
    index = json.load(f)
    index["manifests"].append(manifest)
    f.seek(0)
    json.dump(index, f)
    f.truncate()
X
}

mkdir "$tmp/tree"
mkdir -p "$tmp/tree/bin"
cp "$testbin/probe" "$tmp/tree/bin/"
tar_of() { tar -C "$tmp/$1" --owner=0 --group=0 -cf "$tmp/$1.tar" .; }
tar_of tree
rootlet import -q "$tmp/tree.tar" base >/dev/null || exit 99
layers=$tmp/tree.tar
for i in $(seq 12); do
	mkdir "$tmp/l$i"
	for n in 1 2 3 4 5; do echo "$i" >"$tmp/l$i/file$n"; done
	echo "$i" >"$tmp/l$i/own$i"
	head -c "$((i * 40000))" /dev/urandom >"$tmp/l$i/large"
	tar_of "l$i"
	[ $((i % 3)) != 0 ] || { gzip -n "$tmp/l$i.tar" && mv "$tmp/l$i.tar.gz" "$tmp/l$i.tar"; }
	layers="$layers $tmp/l$i.tar"
done

# --- all of them ---

twelve() {
	# shellcheck disable=SC2086
	image twelve $layers && prints "$(printf '12\n1\n7')" rootlet run twelve probe cat /file1 /own1 /own7
}
test_ok "the files of all layers, the topmost first" twelve

none_begun() { [ -z "$(find "$store/layers" -maxdepth 2 -name '.tmp*')" ]; }
test_ok "nothing else is left" none_begun
there() { for d in "$store"/layers/*/*; do echo "$d"; done | wc -l; }
test_ok "each is there once" prints 13 there
same_layer_thrice() {
	image thrice "$tmp/tree.tar" "$tmp/l1.tar" "$tmp/l1.tar" "$tmp/l1.tar" && prints 1 rootlet run thrice probe cat /own1
}
test_ok "one of them several times" same_layer_thrice

# --- one fails ---

forget() { chmod -R u+rwx "$store"/layers/* && rm -rf "$store"/layers/*/*; }
head -c 100000 "$tmp/l5.tar" >"$tmp/cut.tar"
head -c 3000 "$tmp/l6.tar" >"$tmp/bad.tar"
fails_alone() {
	# shellcheck disable=SC2086
	forget && image broken $layers "$tmp/cut.tar" && fails_with "layer 14" rootlet run broken probe ids && none_begun
}
test_ok "one that is cut off is named" fails_alone
all_bad=$tmp/tree.tar
for i in 1 2 3 4 5 6; do
	{ cat "$tmp/cut.tar" && echo "$i"; } >"$tmp/bad$i.tar"
	all_bad="$all_bad $tmp/bad$i.tar"
done
# shellcheck disable=SC2086
all_fail() { forget && image bad $all_bad && fails_with "image bad: layer " rootlet run bad probe ids && none_begun; }
test_ok "of several that fail one is named" all_fail
after_that() { prints "$(printf '12\n1')" rootlet run -q twelve probe cat /file1 /own1; }
test_ok "another image is none the worse" after_that

# --- memory ---

# largest COMMAND...: the most that it, or a process of it, had in memory: under 64 MiB?
largest() {
	python3 - "$@" <<'X'
import os, resource, subprocess, sys
r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"status {r.returncode}, {kib} KiB")
sys.exit(r.returncode or kib > 65536)
X
}
# Text that no window is too large for.
python3 -c 'import random; random.seed(1); b = random.randbytes(1 << 22)
open("'"$tmp"'/tree/data", "wb").write(b"".join(b[i:] + b[:i] for i in range(0, 1 << 22, 280000)))'
tar_of tree
import() { rootlet import -q "$@" >/dev/null; }
if have_sanitizer; then
	test_skip "memory" "a sanitizer needs more"
	test_done
fi
test_ok "gzip takes little memory" largest sh -c 'gzip -1 <"$2" | "$1" import -q - m' sh "$ROOTLET" "$tmp/tree.tar"
if need zstd; then
	zstd -q -1 --long=25 <"$tmp/tree.tar" >"$tmp/25.zst"
	zstd -q -1 --long=27 <"$tmp/tree.tar" >"$tmp/27.zst"
	test_ok "zstd with a window of 32 MiB fits" largest "$ROOTLET" import -q "$tmp/25.zst" m
	test_ok "a larger one is refused" fails_with "window of more than 32 MiB" rootlet import "$tmp/27.zst" x
	several() {
		for i in 1 2 3; do
			{ cat "$tmp/25.zst" && echo "$i" | zstd -q; } >"$tmp/w$i.zst"
		done
		image windows "$tmp/w1.zst" "$tmp/w2.zst" "$tmp/w3.zst" "$tmp/l1.tar" &&
			largest "$ROOTLET" run windows probe cat /own1
	}
	test_ok "several of them come one after the other" several
	several_too_large() { forget && image larger "$tmp/l2.tar" "$tmp/27.zst" && fails_with "layer 2: zstd: needs" rootlet run larger probe ids && none_begun; }
	test_ok "too large ones are refused there too" several_too_large
fi
if need xz; then
	xz_8() { xz -0 --lzma2=preset=0,dict=32MiB <"$tmp/tree.tar" >"$tmp/8.xz" && largest "$ROOTLET" import -q "$tmp/8.xz" m; }
	test_ok "xz with the dictionary of -8 fits" xz_8
	xz_9() { echo | xz -9 >"$tmp/9.xz" && fails_with "xz: needs 6" rootlet import "$tmp/9.xz" x; }
	test_ok "that of -9 is refused" xz_9
fi
test_done
