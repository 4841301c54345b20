# archives: load and save, both ways with skopeo, umoci, podman and buildah; hostile archives leave nothing
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2120,SC2317
. "${srcdir:-.}/tests/lib.sh"
make_base
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

store=$XDG_DATA_HOME/rootlet
rootlet() { "$ROOTLET" "$@"; }
# A second store, where the clean-up finds it.
elsewhere=$XDG_DATA_HOME/elsewhere
other() { XDG_DATA_HOME=$elsewhere "$ROOTLET" "$@"; }
have_skopeo() { command -v skopeo >/dev/null; }
have_umoci() { command -v umoci >/dev/null; }
have_podman() { command -v podman >/dev/null; }
have_buildah() { command -v buildah >/dev/null; }
# field FIELD [IMAGE]: a part of what inspect prints, as python writes it.
field() {
	"${3:-rootlet}" inspect "$2" | python3 -c "import json, sys; print(json.load(sys.stdin)$1)"
}
digest() { field '["digest"]' "$@"; }
config() { field '["manifest"]["config"]["digest"]' "$@"; }
diff_ids() { field '["config"]["rootfs"]["diff_ids"]' "$@"; }
names() { "${1:-rootlet}" images --format names | sort | tr '\n' ' '; }

# --- images ---

tree=$tmp/tree
mkdir -p "$tree/bin" "$tree/etc" "$tree/root" "$tree/dir/sub" "$tree/tmp"
cp "$testbin/probe" "$testbin/payload" "$tree/bin/"
echo first >"$tree/dir/file"
ln "$tree/dir/file" "$tree/dir/hard"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -czf "$tmp/tree.tar.gz" .
echo second >"$tree/dir/sub/other"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -cf "$tmp/more.tar" .
images_made() {
	rootlet import "$tmp/tree.tar.gz" plain:1 &&
		rootlet import "$tmp/more.tar" registry:5000/team/more:2 &&
		rootlet tag plain:1 second &&
		rootlet run --commit layers:3 plain:1 payload append /dir/file more
}
test_ok "there are images" images_made

digest_plain=$(digest plain:1) config_plain=$(config plain:1)
digest_layers=$(digest layers:3) config_layers=$(config layers:3)

# --- save ---

same_bytes() {
	rootlet save plain:1 registry:5000/team/more:2 >"$tmp/one.tar" &&
		rootlet save -o "$tmp/two.tar" plain:1 registry:5000/team/more:2 &&
		cmp "$tmp/one.tar" "$tmp/two.tar" &&
		for format in docker-archive oci-archive; do
			for compression in none gzip zstd; do
				[ "$format $compression" = "docker-archive gzip" ] && continue
				[ "$format $compression" = "docker-archive zstd" ] && continue
				set -- --format "$format" --compression "$compression" layers:3 plain:1
				rootlet save "$@" | sha256sum >"$tmp/sum" &&
					rootlet save "$@" | sha256sum | cmp - "$tmp/sum" ||
					return
			done
		done
}
test_ok "save twice gives the same bytes" same_bytes
nobodys() { ! tar -tvf "$tmp/one.tar" --numeric-owner --full-time | grep -v ' 0/0 .* 1970-01-01 00:00:00 '; }
test_ok "without owners and times" nobodys
is_private() { prints 600 stat -c %a "$tmp/two.tar"; }
test_ok "the file is its maker's" is_private
terminal() { "$testbin/pty" drive "$ROOTLET" "$@"; }
test_ok "an archive is not written to a terminal" terminal save plain:1 <<'END'
expect not written to a terminal\r\nhint: 
exit 125
END
test_ok "nor read from one" terminal load <<'END'
expect not read from a terminal\r\nhint: 
exit 125
END
dir="$tmp/out"
mkdir "$dir"
nothing_made() { fails_with "$1" rootlet save -o "$dir/file" "$2" && [ -z "$(ls -A "$dir")" ]; }
test_ok "without the image there is no file" nothing_made "no image 'missing'" missing
damaged() {
	cp -a "$store" "$tmp/damaged" && layer=$(field '["manifest"]["layers"][0]["digest"]' plain:1) &&
		chmod u+w "$tmp/damaged/blobs/sha256/${layer#sha256:}" &&
		printf X | dd of="$tmp/damaged/blobs/sha256/${layer#sha256:}" conv=notrunc bs=1 seek=100 2>/dev/null
	for option in --format=oci-archive --format=oci-dir --format=docker-archive --compression=zstd; do
		fails_with "$layer" env ROOTLET_STORE="$tmp/damaged" "$ROOTLET" save -o "$dir/file" "$option" plain:1 &&
			[ -z "$(ls -A "$dir")" ] || return
	done
}
test_ok "nor when a blob is damaged, and a new directory neither" damaged
keeps_old() {
	echo old >"$dir/old" && fails_with "missing" rootlet save -o "$dir/old" plain:1 missing &&
		prints old cat "$dir/old" &&
		[ "$(ls -A "$dir")" = old ] && rootlet save -o "$dir/old" plain:1 &&
		tar -tf "$dir/old" >/dev/null && rm "$dir/old"
}
test_ok "a file that is there is replaced at the end only" keeps_old
through_link() {
	: >"$dir/real" && ln -s real "$dir/link" && rootlet save -o "$dir/link" plain:1 &&
		[ -h "$dir/link" ] && [ -s "$dir/real" ] &&
		rm "$dir/link" "$dir/real"
}
test_ok "a link is followed" through_link
special() { rootlet save -o /dev/null plain:1 && [ -c /dev/null ]; }
test_ok "what is no file is written to" special
test_ok "a directory is not" fails_with "oci-dir" rootlet save -o "$dir" plain:1
test_ok "layers of docker-archive are not compressed" fails_with "not compressed" \
	rootlet save --format docker-archive --compression gzip -o "$dir/x" plain:1
test_ok "a format that is none is an error" fails_with "format" rootlet save --format zip plain:1
test_ok "oci-dir needs a directory" fails_with "needs --output" rootlet save --format oci-dir plain:1
echo >"$dir/something"
test_ok "an empty one, or a layout" fails_with "neither empty nor" rootlet save --format oci-dir -o "$dir" plain:1
rm "$dir/something"
added() {
	rootlet save --format oci-dir -o "$dir" plain:1 &&
		rootlet save --format oci-dir -o "$dir/" registry:5000/team/more:2 second &&
		rootlet save --format oci-dir -o "$dir" second &&
		other load --input "$dir" >"$tmp/out.txt" &&
		prints "plain:1 registry:5000/team/more:2 second:latest " names other &&
		[ "$(cd "$dir" && echo .[!.]* *)" = ".[!.]* blobs index.json oci-layout" ]
}
test_ok "a layout is added to" added

# --- and load it again ---

comes_back() {
	rm -rf "$elsewhere/rootlet/index.json" &&
		rootlet save "$@" plain:1 second registry:5000/team/more:2 layers:3 >"$tmp/all.tar" &&
		other load <"$tmp/all.tar" >"$tmp/out.txt" &&
		for image in plain:1 second registry:5000/team/more:2 layers:3; do
			grep -q "^Loaded image: $image\(:latest\)\?$" "$tmp/out.txt" &&
				[ "$(config "$image")" = "$(config "$image" other)" ] &&
				[ "$(diff_ids "$image")" = "$(diff_ids "$image" other)" ] || return
		done
}
same_digests() {
	comes_back && for image in plain:1 registry:5000/team/more:2 layers:3; do
		[ "$(digest "$image")" = "$(digest "$image" other)" ] || return
	done
}
test_ok "load reads what save writes, digests stay" same_digests
test_ok "the image runs at once" prints first other run plain:1 probe cat /dir/file
changed_layer() { other run layers:3 probe cat /dir/file | tr -d '\n'; }
test_ok "with all its layers" prints firstmore changed_layer
for compression in gzip zstd none; do
	test_ok "save --compression=$compression has the same content" comes_back --compression=$compression
done
test_ok "so has docker-archive" comes_back --format=docker-archive
packed() {
	rm -rf "$elsewhere/rootlet/index.json" && $1 <"$tmp/all.tar" >"$tmp/all.packed" &&
		other load -i "$tmp/all.packed" &&
		prints first other run plain:1 probe cat /dir/file
}
test_ok "an archive may be packed with gzip" packed "gzip -1"
test_ok "xz" packed "xz -0"
test_ok "bzip2" packed "bzip2 -1"
have_zstd() { command -v zstd >/dev/null; }
test_if zstd "no zstd here" "zstd" packed zstd
piped() {
	rm -rf "$elsewhere/rootlet/index.json" &&
		rootlet save plain:1 | cat | other load - 2>"$tmp/err" >"$tmp/out.txt"; [ $? = 125 ] &&
		rootlet save plain:1 | cat | other load -i - | grep -qx 'Loaded image: plain:1'
}
test_ok "standard input is read, and no operand" piped
late_file() { other run late probe cat /dir/file | tr -d '\n'; }
unpacked_later() {
	rm -rf "$elsewhere/rootlet/index.json" &&
		rootlet run --commit late plain:1 payload append /dir/file late &&
		id=$(field '["config"]["rootfs"]["diff_ids"][1]' late) &&
		rootlet save late | other load --no-unpack >"$tmp/out.txt" &&
		! ls "$elsewhere"/rootlet/layers/*/"${id#sha256:}" 2>"$tmp/err" &&
		prints firstlate late_file &&
		ls -d "$elsewhere"/rootlet/layers/*/"${id#sha256:}"
}
test_ok "--no-unpack leaves that to the first run" unpacked_later
by_digest() {
	rm -rf "$elsewhere/rootlet/index.json" &&
		rootlet save "$(echo "$digest_plain" | cut -c 8-20)" | other load >"$tmp/out.txt" &&
		prints "Loaded image ID: $digest_plain" cat "$tmp/out.txt" &&
		other inspect "$(echo "$digest_plain" | cut -c 8-20)" >/dev/null
}
test_ok "what is saved by its digest has no name" by_digest
given_name() {
	rm -rf "$elsewhere" && rootlet save -o "$tmp/unnamed.tar" "$digest_plain" &&
		prints "Loaded image: given:1" other load --name given:1 -i "$tmp/unnamed.tar" && prints "given:1 " names other &&
		rootlet save plain:1 | other load --name registry:5000/a/b >/dev/null &&
		prints "given:1 registry:5000/a/b:latest " names other
}
test_ok "--name names it, also instead of a name that the archive has" given_name
for name in 'A B' '' host sha256:123456; do
	test_ok "'$name' is no name" fails_with "--name: " rootlet load --name "$name" -i "$tmp/unnamed.tar"
done
one_only() { fails_with "the archive has 2 images: --name is for one" other load --name x -i "$tmp/one.tar" && ! names other | grep x:; }
test_ok "it is for an archive of one image" one_only
moves() { other load <"$tmp/all.tar" >/dev/null && rootlet save -o "$tmp/m.tar" layers:3 &&
	rootlet tag layers:3 plain:2 &&
	other tag registry:5000/team/more:2 plain:2 && rootlet save plain:2 | other load &&
	[ "$(config plain:2 other)" = "$config_layers" ] &&
	[ "$(config plain:1 other)" = "$config_plain" ]; }
test_ok "a name that is there moves, and no other" moves

# As a layer of another image, unpacked already, and nothing like it.
poisoned() {
	mkdir "$tmp/poison" && (cd "$tmp/poison" && rootlet save --format docker-archive plain:1 | tar -x) &&
		echo x | gzip >"$tmp/poison/x" && layer=$(cd "$tmp/poison" && echo ./*.tar) && mv "$tmp/poison/x" "$tmp/poison/$layer" &&
		fails_with "its content is" rootlet load -i "$tmp/poison"
}
test_ok "a layer that is known is looked at all the same" poisoned

# --- several platforms, Docker's media types, odd archives that are fine ---

python3 - "$tmp" "$store" "$digest_plain" <<'END'
import hashlib, io, json, os, sys, tarfile
tmp, store, top = sys.argv[1:]
def read(digest):
    return open(f"{store}/blobs/sha256/{digest[7:]}", "rb").read()
def layout(name, blobs, index):
    os.makedirs(f"{tmp}/{name}/blobs/sha256")
    for b in blobs:
        open(f"{tmp}/{name}/blobs/sha256/" + hashlib.sha256(b).hexdigest(), "wb").write(b)
    open(f"{tmp}/{name}/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
    open(f"{tmp}/{name}/index.json", "w").write(json.dumps({"schemaVersion": 2, "manifests": index}))
def d(data, kind, **more):
    return {"mediaType": kind, "digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)} | more
manifest = read(top)
doc = json.loads(manifest)
config, layer = read(doc["config"]["digest"]), read(doc["layers"][0]["digest"])
arm = json.loads(config) | {"architecture": "arm64"}
if os.uname().machine == "aarch64":
    arm["architecture"] = "amd64"
own = "arm64" if os.uname().machine == "aarch64" else "amd64"
arm_config = json.dumps(arm).encode()
arm_manifest = json.dumps(doc | {"config": d(arm_config, doc["config"]["mediaType"])}).encode()
M, I = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
def index(*platforms):
    return json.dumps({"schemaVersion": 2, "mediaType": I, "manifests": list(platforms)}).encode()
ours = d(manifest, M, platform={"os": "linux", "architecture": own})
theirs = d(arm_manifest, M, platform={"os": "linux", "architecture": arm["architecture"]})
gone = d(b"gone", M, platform={"os": "linux", "architecture": "s390x"})
name = {"annotations": {"org.opencontainers.image.ref.name": "multi:1"}}
whole, foreign = index(ours, theirs, gone), index(theirs)
blobs = [manifest, config, layer, arm_manifest, arm_config]
layout("multi", blobs + [whole], [d(whole, I) | name])
layout("foreign", [arm_manifest, arm_config, layer, foreign], [d(foreign, I) | name])
docker = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": d(config, "application/vnd.docker.container.image.v1+json"),
    "layers": [d(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip")]}).encode()
layout("docker", [docker, config, layer], [d(docker, "application/vnd.docker.distribution.manifest.v2+json",
    annotations={"io.containerd.image.name": "docker.io/library/dock:1", "org.opencontainers.image.ref.name": "1"})])
import gzip
plain = gzip.decompress(layer)
two = json.dumps(json.loads(config) | {"rootfs": {"type": "layers", "diff_ids": [
    "sha256:" + hashlib.sha256(plain).hexdigest()] * 2}}).encode()
with tarfile.open(f"{tmp}/old.tar", "w") as t:
    def put(name, data=b"", link=None, kind=tarfile.SYMTYPE):
        i = tarfile.TarInfo(name)
        i.size = 0 if link else len(data)
        if link:
            i.type, i.linkname = kind, link
        t.addfile(i, None if link else io.BytesIO(data))
    put("b/layer.tar", link="../a/layer.tar")
    put("./a/VERSION", b"1.0")
    put("a/layer.tar", plain)
    put("h/layer.tar", link="a/layer.tar", kind=tarfile.LNKTYPE)
    put("c.json", two)
    put("repositories", b'{"old":{"1":"b"}}')
    put("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["old:1", "old:2"],
        "Layers": ["h/layer.tar", "b/layer.tar"]}, {"Config": "c.json", "RepoTags": None, "Layers": ["a/layer.tar"] * 2}]).encode())
END
same_blobs() {
	(cd "$1/blobs/sha256" && ls) >"$tmp/blobs.a" && (cd "$2/blobs/sha256" && ls) | cmp - "$tmp/blobs.a"
}
multi() {
	rootlet load -i "$tmp/$1" && rootlet save --format oci-dir -o "$tmp/$1.again" multi:1 &&
		same_blobs "$tmp/$1" "$tmp/$1.again" &&
		rootlet tag multi:1 multi:2 &&
		rootlet save multi:2 | tar -xOf - index.json | grep -q 'image.index.v1+json' &&
		rootlet save multi:1 | other load && rm -rf "$tmp/$1.again"
}
test_ok "an index of platforms is kept whole" multi multi
test_ok "this machine's runs" prints first rootlet run multi:1 probe cat /dir/file
test_ok "an index without this machine's, too" multi foreign
multi_compressed() {
	rootlet load -i "$tmp/multi" && rootlet save --compression zstd multi:1 | other load &&
		prints first other run multi:1 probe cat /dir/file &&
		[ "$(config multi:1 other)" = "$config_plain" ]
}
test_ok "all of one is compressed otherwise" multi_compressed
docker_types() {
	rootlet load -i "$tmp/docker" | grep -qx 'Loaded image: dock:1' &&
		prints first rootlet run dock:1 probe cat /dir/file &&
		rootlet save dock:1 | tar -xOf - index.json | grep -q docker.distribution.manifest.v2 &&
		rootlet save --compression zstd dock:1 | other load &&
		[ "$(config dock:1 other)" = "$config_plain" ]
}
test_ok "Docker's media types, and its annotation with the whole name" docker_types
old_docker() {
	rootlet load -i "$tmp/old.tar" >"$tmp/out.txt" && prints "Loaded image: old:1
Loaded image: old:2" cat "$tmp/out.txt" && prints first rootlet run old:2 probe cat /dir/file
}
test_ok "layers that are links to others" old_docker
as_directory() {
	mkdir "$tmp/olddir" && tar -xf "$tmp/old.tar" -C "$tmp/olddir" && rootlet rmi old:1 old:2 &&
		rootlet load -i "$tmp/olddir" | grep -qx "Loaded image: old:2"
}
test_ok "a directory of that" as_directory

# --- skopeo and umoci ---

skopeo_digest() { skopeo inspect --format '{{.Digest}}' "$@"; }
skopeo_reads() {
	rootlet save -o "$tmp/s.tar" layers:3 &&
		[ "$(skopeo_digest "oci-archive:$tmp/s.tar:layers:3")" = "$digest_layers" ] &&
		skopeo copy -q "oci-archive:$tmp/s.tar" "oci:$tmp/s1:x" &&
		[ "$(skopeo_digest "oci:$tmp/s1:x")" = "$digest_layers" ] &&
		skopeo copy -q "docker-archive:$tmp/s.tar:layers:3" "dir:$tmp/s2" &&
		grep -q "$config_layers" "$tmp/s2/manifest.json" &&
		rootlet save -o "$tmp/s3.tar" --format docker-archive layers:3 &&
		skopeo copy -q "docker-archive:$tmp/s3.tar" "dir:$tmp/s3" &&
		grep -q "$config_layers" "$tmp/s3/manifest.json" &&
		rootlet save -o "$tmp/s4" --format oci-dir layers:3 &&
		[ "$(skopeo_digest "oci:$tmp/s4:layers:3")" = "$digest_layers" ] &&
		for c in zstd none gzip; do
			rootlet save --compression "$c" -o "$tmp/s5.tar" layers:3 &&
				skopeo copy -q "oci-archive:$tmp/s5.tar" "dir:$tmp/s5$c" &&
				grep -q "$config_layers" "$tmp/s5$c/manifest.json" || return
		done
}
test_if skopeo "no skopeo here" "skopeo reads all that save writes" skopeo_reads
skopeo_as_it_lies() { [ "$(skopeo_digest "oci:$store:layers:3")" = "$digest_layers" ]; }
test_if skopeo "no skopeo here" "and the store as it lies" skopeo_as_it_lies
skopeo_writes() {
	skopeo copy -q "oci:$store:layers:3" "oci-archive:$tmp/w1.tar:w:1" &&
		rootlet load -i "$tmp/w1.tar" && [ "$(digest w:1)" = "$digest_layers" ] &&
		skopeo copy -q "oci:$store:layers:3" "docker-archive:$tmp/w2.tar:w:2" &&
		rootlet load -i "$tmp/w2.tar" && [ "$(config w:2)" = "$config_layers" ] &&
		skopeo copy -q "oci:$store:layers:3" "oci:$tmp/w3:w:3" && rootlet load -i "$tmp/w3" &&
		[ "$(digest w:3)" = "$digest_layers" ] &&
		skopeo copy -q "oci:$store:layers:3" "oci:$tmp/w3:no" --dest-compress-format zstd &&
		[ "$(run_all w:1 w:2 w:3)" = "firstmorefirstmorefirstmore" ]
}
run_all() { for i; do rootlet run "$i" probe cat /dir/file | tr -d '\n'; done; }
test_if skopeo "no skopeo here" "load reads all that skopeo writes" skopeo_writes
umoci_reads() {
	rm -rf "$tmp/u1" && umoci unpack --rootless --image "$1" "$tmp/u1" >/dev/null 2>&1 &&
		[ "$(tr -d '\n' <"$tmp/u1/rootfs/dir/file")" = firstmore ]
}
umoci_reads_saved() { rootlet save -o "$tmp/u" --format oci-dir layers:3 && umoci_reads "$tmp/u:layers:3"; }
test_if umoci "no umoci here" "umoci unpacks what save writes" umoci_reads_saved
test_if umoci "no umoci here" "and the store as it lies" umoci_reads "$store:layers:3"
umoci_writes() {
	umoci init --layout "$tmp/um" && umoci new --image "$tmp/um:fresh" &&
		umoci unpack --rootless --image "$tmp/um:fresh" "$tmp/um1" &&
		cp -R "$tree/." "$tmp/um1/rootfs/" &&
		umoci repack --image "$tmp/um:fresh" "$tmp/um1" && umoci gc --layout "$tmp/um" &&
		umoci config --image "$tmp/um:fresh" --config.env A=b &&
		rootlet load -i "$tmp/um" | grep -qx 'Loaded image: fresh:latest' &&
		prints first rootlet run fresh probe cat /dir/file
}
test_if umoci "no umoci here" "load reads what umoci makes" umoci_writes

# --- podman and buildah ---

# In a place of their own, with lower case in its path: podman makes a name of it.
pod=$(mktemp -d "${ROOTLET_TEST_TMP:-/var/tmp}/rootlet-test.XXXXXX")
pods() {
	(cd "$pod" && HOME=$pod/home XDG_RUNTIME_DIR=$pod/run && export HOME XDG_RUNTIME_DIR &&
		unset XDG_DATA_HOME &&
		program=$1 && shift &&
		exec "$program" --root "$pod/root" --runroot "$pod/runroot" --storage-driver vfs "$@")
}
mkdir -m 700 "$pod/home" "$pod/run"
# Rootless podman leaves a process that keeps its namespace.
end_podman() {
	[ ! -e "$pod/run/libpod/tmp/pause.pid" ] || kill "$(cat "$pod/run/libpod/tmp/pause.pid")"
	pods podman unshare rm -rf "$pod/root" "$pod/runroot" >/dev/null 2>&1
	[ ! -e "$pod/run/libpod/tmp/pause.pid" ] || kill "$(cat "$pod/run/libpod/tmp/pause.pid")"
	rm -rf "$pod"
} 2>/dev/null
trap 'end_podman; cleanup' EXIT
# Where it cannot even list images it cannot be tested.
have_podman_here() { have_podman && pods podman images >/dev/null 2>&1; }
test_podman() {
	if ! need podman buildah; then
		test_skip "$1" "no podman or buildah here"
	elif ! have_podman_here; then
		test_skip "$1" "podman cannot work as this user here"
	else
		test_ok "$@"
	fi
}
image_id() { pods podman image inspect --format '{{.Id}}' "$1"; }
podman_loads() {
	rootlet save plain:1 layers:3 >"$tmp/p.tar" && pods podman load -q -i "$tmp/p.tar" &&
		[ "sha256:$(image_id localhost/plain:1)" = "$config_plain" ] &&
		[ "sha256:$(image_id localhost/layers:3)" = "$config_layers" ] &&
		rootlet save layers:3 | pods podman load -q &&
		rootlet save --format docker-archive layers:3 | pods podman load -q &&
		rootlet save --compression zstd layers:3 | pods podman load -q &&
		[ "sha256:$(image_id localhost/layers:3)" = "$config_layers" ]
}
test_podman "podman loads what save writes, the image's id stays" podman_loads
podman_pulls() {
	ln -s "$store" "$pod/store" &&
		pods podman pull -q oci:store:layers:3 | grep -qx "${config_layers#sha256:}" &&
		cp -R "$dir" "$pod/dir" && pods podman pull -q oci:dir:registry:5000/team/more:2
}
test_podman "podman pulls from the store as it lies, and from a layout" podman_pulls
podman_saves() {
	pods podman save -q -o "$pod/1.tar" localhost/layers:3 &&
		rootlet load -i "$pod/1.tar" | grep -qx "Loaded image: localhost/layers:3" &&
		[ "$(config localhost/layers:3)" = "$config_layers" ] &&
		pods podman save -q -m -o "$pod/2.tar" localhost/layers:3 localhost/plain:1 &&
		rootlet load -i "$pod/2.tar" && [ "$(config localhost/plain:1)" = "$config_plain" ] &&
		for format in oci-archive oci-dir; do
			pods podman save -q --format "$format" -o "$pod/$format" localhost/layers:3 &&
				rootlet load -i "$pod/$format" &&
				[ "$(diff_ids localhost/layers:3)" = "$(diff_ids layers:3)" ] &&
				[ "$(run_all localhost/layers:3)" = firstmore ] || return
		done
}
test_podman "load reads all that podman saves" podman_saves
buildah_commits() {
	pods buildah from --pull-never --name w localhost/layers:3 && echo built >"$pod/file" &&
		pods buildah copy -q w "$pod/file" /dir/built &&
		pods buildah config --env BUILT=yes w && pods buildah commit -q w localhost/built:1 &&
		pods buildah push -q localhost/built:1 "oci-archive:$pod/b.tar:built:1" &&
		pods buildah push -q localhost/built:1 "docker-archive:$pod/b2.tar:built:2" &&
		rootlet load -i "$pod/b.tar" && rootlet load -i "$pod/b2.tar" &&
		[ "$(config built:1)" = "$(config built:2)" ] &&
		prints built rootlet run built:2 probe cat /dir/built &&
		[ "$(digest built:1)" = "$(skopeo_digest "oci-archive:$pod/b.tar:built:1")" ]
}
test_podman "load reads what buildah makes of an image of ours" buildah_commits

# --- hostile archives ---

mkdir "$tmp/hostile"
echo secret >"$tmp/witness"
python3 "$srcdir/tests/hostile-archives.py" "$tmp/hostile" "$tmp/witness" >"$tmp/hostile.list" || exit 99
# What is there besides layers: those that came well before the one that did not stay as they are.
state() {
	(cd "$elsewhere/rootlet" &&
		find . -path ./layers -prune -o ! -name '*lock' -type f -printf '%p %T@ %s\n' | sort) && cat "$tmp/witness"
}
layers() { (cd "$elsewhere/rootlet/layers" && find . -maxdepth 2 -name '.*' ! -name . | sort); }
state >"$tmp/before"
cat >"$tmp/try.py" <<'END'
"""Load each, two at a time, and print what is wrong with how it failed."""
import multiprocessing.pool, os, subprocess, sys
where, data, rootlet = sys.argv[1:]
env = os.environ | {"XDG_DATA_HOME": data}
def attempt(line):
    name, text = line.rstrip("\n").split("\t")
    try:
        r = subprocess.run([rootlet, "load", "-q", "-i", f"{where}/{name}"], env=env, timeout=30,
                           stdin=subprocess.DEVNULL, capture_output=True)
    except subprocess.TimeoutExpired:
        return name, "it hangs"
    err = r.stderr.decode("ascii", "replace")
    lines = err.splitlines()
    wrong = (f"exit status {r.returncode}" if r.returncode != 125 else
             "standard output" if r.stdout else
             f"no {text!r}" if text not in err else
             "more than a line and a hint" if len(lines) > 2 or [x for x in lines[1:] if x[:6] != "hint: "] else
             "what it read" if "secret" in err else
             "control characters" if not err.replace("\n", "").isprintable() else "")
    return name, wrong and f"{wrong}: {err!r}"
with multiprocessing.pool.ThreadPool(2) as pool:
    for name, wrong in pool.imap(attempt, sys.stdin):
        print(name, wrong, sep="\t")
END
python3 "$tmp/try.py" "$tmp/hostile" "$elsewhere" "$ROOTLET" <"$tmp/hostile.list" >"$tmp/hostile.results"
nothing_wrong() {
	echo "$1"
	[ -z "$1" ]
}
while IFS='	' read -r name wrong; do
	test_ok "hostile: $name" nothing_wrong "$wrong"
done <"$tmp/hostile.results"
all_tried() {
	[ "$(wc -l <"$tmp/hostile.results")" = "$(wc -l <"$tmp/hostile.list")" ] &&
		[ -s "$tmp/hostile.list" ]
}
test_ok "all of them were tried" all_tried
nothing_left() { state | diff "$tmp/before" - && [ -z "$(layers)" ]; }
test_ok "and have left nothing" nothing_left
test_done
