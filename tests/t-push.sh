# push: from the store to a registry, as it is; on broken and busy ways, too
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
. "$srcdir/tests/registry.sh"
have_python3 || skip_all "no python3 here"
need registry skopeo || skip_all "no docker-registry or no skopeo here"

rootlet() { "$ROOTLET" "$@"; }
store=$XDG_DATA_HOME/rootlet
mkdir "$tmp/tree"
echo first >"$tmp/tree/file"
tar -C "$tmp/tree" --owner=0 --group=0 --mtime=@1000000000 -czf "$tmp/small.tar.gz" .
head -c 40000000 /dev/urandom >"$tmp/tree/more"
tar -C "$tmp/tree" --owner=0 --group=0 --mtime=@1000000000 -cf "$tmp/large.tar" .
rm "$tmp/tree/more"
imported() { rootlet import -q "$tmp/small.tar.gz" small:1 && rootlet import -q "$tmp/large.tar" large:1; }
test_ok "there are images" imported
start_registry plain || exit 99
ours() { rootlet images --format json | python3 -c 'import json, sys
for i in json.load(sys.stdin):
    if i["name"] == sys.argv[1]: print(i["digest"])' "$1"; }

# --- to a real one ---

as_it_is() {
	[ "$(rootlet push "$1" "$registry/$2" 2>"$tmp/err")" = "$(ours "$1")" ] &&
		[ "$(theirs_at "$registry/$2")" = "$(ours "$1")" ]
}
test_ok "what is pushed has the digest that it has here" as_it_is small:1 team/app:1
test_ok "a large one, in parts" as_it_is large:1 team/app:2
asks() { grep -c "^rootlet: $1 " "$tmp/err"; }
in_parts() {
	as_it_is large:1 team/parts:1 && rootlet push --debug large:1 "docker://$registry/team/parts:2" 2>"$tmp/err" &&
		[ "$(asks PATCH)" = 0 ] && [ "$(asks POST)" = 0 ]
}
test_ok "what is there is not sent again" in_parts
again() {
	rootlet push --debug small:1 "$registry/team/app:1" 2>"$tmp/err" && [ "$(asks PUT)" = 0 ]
}
test_ok "nothing at all of an image that is there" again
skopeo_reads() {
	rm -rf "$tmp/dir" && skopeo copy -q --src-tls-verify=false "docker://$registry/team/app:2" "dir:$tmp/dir" &&
		[ "sha256:$(sha256sum "$tmp/dir/manifest.json" | cut -d ' ' -f 1)" = "$(ours large:1)" ]
}
test_ok "skopeo reads it" skopeo_reads
by_its_name() {
	rootlet tag small:1 "$registry/by/name:3" && rootlet push -q "$registry/by/name:3" &&
		[ "$(theirs_at "$registry/by/name:3")" = "$(ours small:1)" ]
}
test_ok "without a destination it goes where its name says" by_its_name
mounted() {
	rootlet push --debug small:1 "$registry/mount/ed:1" 2>"$tmp/err" && [ "$(asks POST)" = 2 ] &&
		[ "$(asks PUT)" = 1 ] && [ "$(theirs_at "$registry/mount/ed:1")" = "$(ours small:1)" ]
}
test_ok "what another repository has is mounted from there" mounted
all_tags() {
	rootlet tag large:1 "$registry/by/name:4" && rootlet push -q --all-tags "$registry/by/name" >"$tmp/out" &&
		grep -qx "$(ours small:1) 3" "$tmp/out" && grep -qx "$(ours large:1) 4" "$tmp/out" &&
		[ "$(rootlet tags "$registry/by/name" | tr '\n' ' ')" = "3 4 " ]
}
test_ok "--all-tags pushes all of a repository" all_tags
other_compression() {
	was=$(ours large:1)
	digest=$(rootlet push -q --compression zstd large:1 "$registry/team/app:zstd") &&
		[ "$digest" != "$was" ] && [ "$(theirs_at "$registry/team/app:zstd")" = "$digest" ] &&
		skopeo inspect --raw --tls-verify=false "docker://$registry/team/app:zstd" | grep -q 'tar+zstd' &&
		[ "$(ours large:1)" = "$was" ] && wait_empty "$store/scratch"
}
test_ok "--compression is that of what is pushed, and nothing is left of it here" other_compression
test_ok "a digest alone has no name there" fails_with "what is it to be called there" \
	rootlet push "$(ours small:1)"
test_ok "--all-tags with a tag" fails_with "has a tag" rootlet push --all-tags small:1 "$registry/x/y"
test_ok "no such image" fails_with "no image 'none'" rootlet push none "$registry/x/y"
test_ok "to a digest" fails_with "has a digest" rootlet push small:1 "$registry/x/y@$(ours small:1)"

# An index of two platforms, of which one is here.
half_index() {
	python3 - "$store" "$(ours small:1)" <<-'END'
		import hashlib, json, os, platform, sys
		store, digest = sys.argv[1:]
		arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
		size = os.path.getsize(f"{store}/blobs/sha256/{digest[7:]}")
		kind = "application/vnd.oci.image.manifest.v1+json"
		index = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
		    {"mediaType": kind, "digest": "sha256:" + "7" * 64, "size": 7, "platform": {"os": "linux", "architecture": "s390x"}},
		    {"mediaType": kind, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": arch}}]}).encode()
		name = hashlib.sha256(index).hexdigest()
		with open(f"{store}/blobs/sha256/{name}", "wb") as f:
		    f.write(index)
		with open(f"{store}/index.json") as f:
		    top = json.load(f)
		top["manifests"].append({"mediaType": "application/vnd.oci.image.index.v1+json", "digest": "sha256:" + name,
		    "size": len(index), "annotations": {"org.opencontainers.image.ref.name": "half:1"}})
		with open(f"{store}/index.json.new", "w") as f:
		    json.dump(top, f)
		os.rename(f"{store}/index.json.new", f"{store}/index.json")
	END
}
half() {
	half_index && rootlet push half:1 "$registry/half/it:1" >"$tmp/out" 2>"$tmp/err" &&
		grep -qx "$(ours small:1)" "$tmp/out" && grep -q "only this machine's" "$tmp/err" &&
		[ "$(theirs_at "$registry/half/it:1")" = "$(ours small:1)" ]
}
test_ok "of an index, what is here is pushed, and that is said" half
# --- to one with faults ---

start_faulty other
other=$faulty
start_faulty main "localhost:${other#*:}"
with_password=$faulty
printf '{"auths":{"%s":{"auth":"dTpw"}}}\n' "$with_password" >"$tmp/auth.json"
start_faulty faulty

damaged() {
	layer=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["layers"][0]["digest"][7:])' "$store/blobs/sha256/$(ours small:1 | cut -d : -f 2)")
	cp -f "$store/blobs/sha256/$layer" "$tmp/kept" && chmod u+w "$store/blobs/sha256/$layer" || return
	"$@" >>"$store/blobs/sha256/$layer"
	fails_with "$text" rootlet push -q small:1 "$faulty/damaged/app"
	r=$?
	cat "$tmp/kept" >"$store/blobs/sha256/$layer"
	[ "$r" = 0 ] && ! grep 'PUT /v2/damaged/app/manifests' "$tmp/faulty/log"
}
text="bytes, not"
test_ok "a blob of another size is told, and no manifest pushed" damaged echo x
changed() {
	printf 'X' | dd of="$store/blobs/sha256/$layer" bs=1 seek=20 conv=notrunc 2>/dev/null
}
text="400: no"
test_ok "nor is one pushed with a blob that is another one" damaged changed
no_mirror() {
	printf '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' \
		"$faulty" "$other" >"$tmp/mirror.conf"
	[ "$(CONTAINERS_REGISTRIES_CONF=$tmp/mirror.conf rootlet push -q small:1 "$faulty/mirrored/app:1")" = "$(ours small:1)" ] &&
		grep -q 'PUT /v2/mirrored/app/manifests/1' "$tmp/faulty/log" && ! grep mirrored "$tmp/other/log"
}
test_ok "a mirror is never pushed to" no_mirror
lands() { [ "$(rootlet push -q "$1" "$faulty/$2:1" 2>"$tmp/err")" = "$(ours "$1")" ]; }
lines() { grep -c "$1" "$tmp/faulty/log"; }
test_ok "uploads are led to a relative place" lands large:1 relative/app
resumed() {
	# The second request for the upload begins in the middle of the first part.
	lands large:1 cut/app && grep -q '^GET /v2/cut/app/blobs/uploads/' "$tmp/faulty/log" &&
		[ "$(lines '^PATCH /v2/cut/app/.* 0-')" = 1 ] &&
		[ "$(lines "^PATCH /v2/cut/app/.* $((32 * 1024 * 1024 / 2))-")" = 1 ]
}
test_ok "an upload that is cut goes on where it was" resumed
test_ok "so does one that fails" lands large:1 short/app
test_ok "one that is forgotten begins anew" lands large:1 forgets/app
test_ok "one of a single request, too" lands small:1 cut-put/app
whole() { lands large:1 whole/app && [ "$(lines '^PUT /v2/whole/app/blobs/.* -$')" = 2 ]; }
test_ok "a registry that wants no parts gets the whole" whole
test_ok "one that is busy is asked again" lands small:1 busy/app
test_ok "one that has the manifest as another one" fails_with "as another one than" rootlet push -q small:1 "$faulty/liar/app"
gives_up() { fails_with "507" rootlet push -q small:1 "$faulty/full/app"; }
test_ok "one that has no place for anything" gives_up
elsewhere() {
	[ "$(rootlet push -q --authfile "$tmp/auth.json" small:1 "$with_password/elsewhere/app:1")" = "$(ours small:1)" ] &&
		grep -q '^PUT .*/blobs/uploads/' "$tmp/other/log" && grep -q ' auth$' "$tmp/main/log" &&
		! grep ' auth$' "$tmp/other/log"
}
test_ok "another host that an upload is led to learns no password" elsewhere
test_done
