# copy: between registries, layouts, archives and the store
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
. "$srcdir/tests/registry.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"
need registry skopeo || skip_all "no docker-registry or no skopeo here"

rootlet() { "$ROOTLET" "$@"; }
store=$XDG_DATA_HOME/rootlet
mkdir "$tmp/tree"
echo first >"$tmp/tree/file"
tar -C "$tmp/tree" --owner=0 --group=0 --mtime=@1000000000 -czf "$tmp/small.tar.gz" .
digest=$(rootlet import -q "$tmp/small.tar.gz" small:1)
start_registry plain || exit 99
one=$registry
start_registry second || exit 99
two=$registry
start_faulty lists

copied() { rootlet copy -q "$@" && wait_empty "$store/scratch"; }
is_at() { [ "$(theirs_at "$1")" = "$digest" ]; }
is_in() { [ "$(skopeo inspect --format '{{.Digest}}' "$1")" = "$digest" ]; }
named() { rootlet images --format names | grep -qx "$1"; }

to_registry() { copied small:1 "docker://$one/a/b:1" && is_at "$one/a/b:1"; }
test_ok "from the store to a registry" to_registry
across() {
	[ "$(copied "docker://$one/a/b:1" "docker://$two/c/d:2")" = "$digest" ] && is_at "$two/c/d:2" &&
		[ "$(rootlet images --format names)" = small:1 ]
}
test_ok "from one registry to another, and not into the store" across
within() {
	rootlet copy --debug "docker://$one/a/b:1" "docker://$one/e/f:1" 2>"$tmp/err" >/dev/null && is_at "$one/e/f:1" &&
		! grep 'GET .*/blobs/' "$tmp/err"
}
test_ok "within a registry nothing is moved" within
to_layout() { copied "docker://$one/a/b:1" "oci:$tmp/layout:name:1" && is_in "oci:$tmp/layout:name:1"; }
test_ok "from a registry to a layout" to_layout
more_layout() {
	copied small:1 "oci:$tmp/layout:name:2" && is_in "oci:$tmp/layout:name:2" && is_in "oci:$tmp/layout:name:1" &&
		[ "$(rootlet images --format names)" = small:1 ]
}
test_ok "from the store to the same one, with another name" more_layout
other_image() {
	echo second >"$tmp/tree/file" && tar -C "$tmp/tree" -czf "$tmp/other.tar.gz" . &&
		rootlet import -q "$tmp/other.tar.gz" other:1 && copied other:1 "oci:$tmp/layout" && rootlet rmi other:1
}
test_ok "and another image" other_image
test_ok "of several images one has to be named" fails_with "" rootlet copy -q "oci:$tmp/layout" "oci-archive:$tmp/no.tar"
to_archive() { copied "oci:$tmp/layout:name:2" "oci-archive:$tmp/a.tar:other:3" && is_in "oci-archive:$tmp/a.tar:other:3"; }
test_ok "from a layout to an archive" to_archive
to_store() { copied "oci-archive:$tmp/a.tar" new:4 && named new:4 && ! named other:3 && [ "$(rootlet images -q | sort -u | wc -l)" = 1 ]; }
test_ok "from an archive to the store, by the name that is told" to_store
docker_archive() {
	copied new:4 "docker-archive:$tmp/d.tar:x/y:5" && skopeo inspect "docker-archive:$tmp/d.tar" >/dev/null &&
		copied "docker-archive:$tmp/d.tar" "docker://$two/from/docker:1" &&
		[ "$(rootlet tags "$two/from/docker")" = 1 ]
}
test_ok "by way of an archive of Docker's" docker_archive
test_ok "there is no such image" fails_with "there is no docker://" rootlet copy "docker://$one/a/b:none" "docker://$two/x:1"
test_ok "no such place" fails_with "is a place that is not known" rootlet copy small:1 "dir:$tmp/dir"
test_ok "to a digest" fails_with "has a digest" rootlet copy "docker://$one/a/b:1" "docker://$two/x@$digest"

# --- of several platforms ---

both_platforms() {
	python3 - "$one" "$digest" <<-'END'
		import json, platform, sys, urllib.request
		host, digest = sys.argv[1:]
		base, kind = f"http://{host}/v2/a/b/manifests/", "application/vnd.oci.image.manifest.v1+json"
		ask = urllib.request.Request(base + digest, headers={"Accept": kind})
		one = urllib.request.urlopen(ask).read()
		two = one + b"\n"
		put = lambda name, kind, data: urllib.request.urlopen(urllib.request.Request(
		    base + name, data, {"Content-Type": kind}, method="PUT")).headers["Docker-Content-Digest"]
		arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
		of = lambda digest, size, arch: {"mediaType": kind, "digest": digest, "size": size,
		    "platform": {"os": "linux", "architecture": arch}}
		other = put("other", kind, two)
		index = "application/vnd.oci.image.index.v1+json"
		put("both", index, json.dumps({"schemaVersion": 2, "mediaType": index, "manifests": [
		    of(other, len(two), "s390x"), of(digest, len(one), arch)]}).encode())
	END
}
test_ok "there is an index" both_platforms
this_one() { copied "docker://$one/a/b:both" "docker://$two/this/one:1" && is_at "$two/this/one:1"; }
test_ok "what is for this machine is copied" this_one
all() {
	copied --all "docker://$one/a/b:both" "docker://$two/all:1" &&
		[ "$(theirs_at "$two/all:1")" = "$(theirs_at "$one/a/b:both")" ]
}
test_ok "or all of it" all

# --- what refers to it ---

cosign() {
	rootlet copy -q "docker://$one/a/b:1" "docker://$one/signed:1" &&
		rootlet push -q small:1 "$one/signed:sha256-${digest#*:}.sig" &&
		copied --with-referrers "docker://$one/signed:1" "docker://$two/signed:1" &&
		is_at "$two/signed:sha256-${digest#*:}.sig"
}
test_ok "signatures of cosign are copied along" cosign
without() {
	copied "docker://$one/signed:1" "docker://$two/unsigned:1" && [ "$(rootlet tags "$two/unsigned")" = 1 ]
}
test_ok "not without --with-referrers" without
# refers: an artifact that has the image as its subject; its digest goes to standard output.
refers() {
	python3 - "$faulty" "$digest" <<-'END'
		import hashlib, json, sys, urllib.request
		host, digest = sys.argv[1:]
		kind = "application/vnd.oci.image.manifest.v1+json"
		ask = urllib.request.Request(f"http://{host}/v2/listed/app/manifests/1")
		doc = json.loads(urllib.request.urlopen(ask).read())
		doc.update({"mediaType": kind, "artifactType": "text/x", "subject": {"mediaType": kind, "digest": digest, "size": 1}})
		data = json.dumps(doc).encode()
		name = "sha256:" + hashlib.sha256(data).hexdigest()
		urllib.request.urlopen(urllib.request.Request(f"http://{host}/v2/listed/app/manifests/{name}", data,
		    {"Content-Type": kind}, method="PUT"))
		print(name)
	END
}
listed() {
	copied small:1 "docker://$faulty/listed/app:1" && artifact=$(refers) &&
		copied --with-referrers "docker://$faulty/listed/app:1" "docker://$two/listed:1" &&
		skopeo inspect --raw --tls-verify=false "docker://$two/listed:sha256-${digest#*:}" | grep -qF "$artifact" &&
		skopeo inspect --raw --tls-verify=false "docker://$two/listed@$artifact" | grep -qF '"subject"'
}
test_ok "what a registry lists as referrers, for one that lists none" listed
listed_by_tag() {
	copied --with-referrers "docker://$two/listed:1" "docker://$faulty/again/app:1" &&
		grep -q "PUT /v2/again/app/manifests/$artifact" "$tmp/lists/log"
}
test_ok "and back" listed_by_tag
test_ok "only from a registry to another" fails_with "from one registry to another" \
	rootlet copy --with-referrers small:1 "docker://$two/x:1"
nothing_left() { wait_empty "$store/scratch" && ! named copy.invalid/of:only; }
test_ok "nothing is left of what was in between" nothing_left
test_done
