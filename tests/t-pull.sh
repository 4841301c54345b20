# pull: from a registry into the store, whole or not at all; what is run of it
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
. "$srcdir/tests/registry.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"
need registry skopeo || skip_all "no docker-registry or no skopeo here"
make_base

rootlet() { "$ROOTLET" "$@"; }
store=$XDG_DATA_HOME/rootlet
# A store of its own, where the clean-up finds it.
fresh() {
	rm -rf "$XDG_DATA_HOME/fresh"
	mkdir -p "$XDG_DATA_HOME/fresh"
}
other() { XDG_DATA_HOME=$XDG_DATA_HOME/fresh "$ROOTLET" "$@"; }
other_store=$XDG_DATA_HOME/fresh/rootlet

# --- what there is ---

tree=$tmp/tree
mkdir -p "$tree/bin" "$tree/etc" "$tree/tmp"
cp "$testbin/probe" "$testbin/payload" "$tree/bin/"
echo first >"$tree/file"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -czf "$tmp/tree.tar.gz" .
start_registry plain || exit 99
published() {
	rootlet import "$tmp/tree.tar.gz" app:1 &&
		rootlet run --commit app:2 app:1 payload append /file more &&
		skopeo copy -q --dest-tls-verify=false "oci:$store:app:1" "docker://$registry/team/app:1" &&
		skopeo copy -q --dest-tls-verify=false "oci:$store:app:2" "docker://$registry/team/app:2" &&
		skopeo copy -q --dest-tls-verify=false --format v2s2 "oci:$store:app:2" "docker://$registry/team/app:docker"
}
test_ok "there is a registry with images" published
theirs() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/team/app:$1"; }

# --- pull ---

pulled() {
	fresh
	[ "$(other pull "$registry/team/app:2" 2>"$tmp/err")" = "$(theirs 2)" ] &&
		[ "$(other images --format names)" = "$registry/team/app:2" ] &&
		[ "$(other run "$registry/team/app:2" probe cat /file)" = "first
more" ] && other verify
}
test_ok "an image is pulled, with the digest that it has there, and run" pulled
test_ok "skopeo reads what has been pulled" skopeo inspect "oci:$other_store:$registry/team/app:2"
nothing_partial() { ls -lA "$other_store/partial" && [ -z "$(ls -A "$other_store/partial")" ]; }
test_ok "nothing of the download is left" nothing_partial
up_to_date() {
	[ "$(other pull "$registry/team/app:2" 2>"$tmp/err")" = "$(theirs 2)" ] && grep -q 'up to date' "$tmp/err"
}
test_ok "what is there unchanged is not pulled again" up_to_date
test_ok "and says nothing with --quiet" sh -c '[ -z "$("$@" 2>&1 >/dev/null)" ]' sh \
	env XDG_DATA_HOME="$XDG_DATA_HOME/fresh" "$ROOTLET" pull -q "$registry/team/app:2"
moved() {
	old=$(theirs 1)
	skopeo copy -q --dest-tls-verify=false "oci:$store:app:2" "docker://$registry/team/app:1" &&
		[ "$(theirs 1)" != "$old" ] && [ "$(other pull -q "$registry/team/app:1")" = "$(theirs 1)" ] &&
		skopeo copy -q --dest-tls-verify=false "oci:$store:app:1" "docker://$registry/team/app:1" &&
		[ "$(other pull -q "$registry/team/app:1")" = "$old" ] &&
		[ "$(other run "$registry/team/app:1" probe cat /file)" = first ]
}
test_ok "a tag that has moved there moves here" moved
by_digest() {
	fresh
	name=$registry/team/app@$(theirs 1)
	[ "$(other pull -q "$name")" = "$(theirs 1)" ] && [ "$(other run --pull=never "$name" probe cat /file)" = first ]
}
test_ok "an image is pulled and run by its digest" by_digest
docker_manifest() {
	fresh
	[ "$(other pull -q "$registry/team/app:docker")" = "$(theirs docker)" ] &&
		other run "$registry/team/app:docker" probe cat /file >/dev/null
}
test_ok "an image of Docker's schema 2 keeps its digest" docker_manifest

# --- run pulls ---

run_pulls() {
	fresh
	[ "$(other run "$registry/team/app:1" probe cat /file 2>"$tmp/err")" = first ] &&
		[ "$(other run --pull=never "$registry/team/app:1" probe cat /file)" = first ]
}
test_ok "run pulls what is missing" run_pulls
run_never() {
	fresh
	fails_with "no image" env XDG_DATA_HOME="$XDG_DATA_HOME/fresh" "$ROOTLET" run --pull=never \
		"$registry/team/app:1" probe args ok && [ ! -e "$other_store/partial" ]
}
test_ok "not with --pull=never" run_never
run_newer() {
	fresh
	other pull -q "$registry/team/app:1" &&
		skopeo copy -q --dest-tls-verify=false "oci:$store:app:2" "docker://$registry/team/app:1" &&
		[ "$(other run "$registry/team/app:1" probe cat /file)" = first ] &&
		[ "$(other run --pull=newer "$registry/team/app:1" probe cat /file 2>/dev/null | tail -n 1)" = more ] &&
		skopeo copy -q --dest-tls-verify=false "oci:$store:app:1" "docker://$registry/team/app:1" &&
		[ "$(other run --pull=always "$registry/team/app:1" probe cat /file 2>/dev/null)" = first ]
}
test_ok "--pull=newer and --pull=always look whether it has changed" run_newer

# --- many platforms ---

# index TAG: an index with app:2 for this machine and app:1 for another.
make_index() {
	python3 - "$registry" "$(theirs 2)" "$(theirs 1)" "$1" <<-'EOF'
		import http.client, json, os, sys
		registry, ours, others, tag = sys.argv[1:]
		arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
		kind = "application/vnd.oci.image.manifest.v1+json"
		c = http.client.HTTPConnection(registry)
		def descriptor(digest, architecture):
		    c.request("GET", "/v2/team/app/manifests/" + digest, headers={"Accept": kind})
		    size = len(c.getresponse().read())
		    return {"mediaType": kind, "digest": digest, "size": size,
		            "platform": {"os": "linux", "architecture": architecture}}
		index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
		         "manifests": [descriptor(others, "s390x"), descriptor(ours, arch)]}
		c.request("PUT", "/v2/team/app/manifests/" + tag, json.dumps(index), {"Content-Type": index["mediaType"]})
		r = c.getresponse()
		sys.exit(r.status != 201)
	EOF
}
index_pulled() {
	make_index many && fresh &&
		other pull -q "$registry/team/app:many" >"$tmp/digest" &&
		[ "$(other run "$registry/team/app:many" probe cat /file | tail -n 1)" = more ] &&
		other verify && other images >/dev/null && other df >/dev/null &&
		other save "$registry/team/app:many" | wc -c | grep -qv '^0$'
}
test_ok "of an index, what is for this machine is pulled" index_pulled
test_ok "the index is not fetched again" sh -c '"$@" 2>&1 | grep -q "up to date"' sh \
	env XDG_DATA_HOME="$XDG_DATA_HOME/fresh" "$ROOTLET" pull "$registry/team/app:many"
platform_pulled() {
	fresh
	other pull -q --platform linux/s390x "$registry/team/app:many" &&
		[ "$(other run --platform linux/s390x "$registry/team/app:many" probe cat /file)" = first ]
}
test_ok "or what is for another one" platform_pulled
all_pulled() {
	fresh
	other pull -q --all-platforms "$registry/team/app:many" &&
		skopeo copy -q --all "oci:$other_store:$registry/team/app:many" "oci:$tmp/all:x"
}
test_ok "or all of it" all_pulled

# --- ends early ---

layer=$(skopeo inspect --raw --tls-verify=false "docker://$registry/team/app:1" |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["layers"][0]["digest"][7:])')
resumed() {
	fresh
	mkdir -p "$other_store/partial"
	head -c 1000 "$store/blobs/sha256/$layer" >"$other_store/partial/$layer"
	chmod 700 "$other_store/partial"
	other pull -q --debug "$registry/team/app:1" 2>"$tmp/err" && grep -q ' 206' "$tmp/err" && other verify
}
test_ok "what is there of a layer is not fetched again" resumed
damaged() {
	fresh
	mkdir -p "$other_store/partial"
	head -c 1000 /dev/zero >"$other_store/partial/$layer"
	chmod 700 "$other_store/partial"
	other pull -q "$registry/team/app:1" 2>"$tmp/err" && return 1
	[ "$(grep -c '^rootlet: ' "$tmp/err")" = 1 ] && other pull -q "$registry/team/app:1" && other verify
}
test_ok "what is wrong of it is an error once" damaged
lost() {
	fresh
	other pull -q "$registry/team/app:1" >"$tmp/digest" && rm -f "$other_store/blobs/sha256/$layer" &&
		other pull "$registry/team/app:1" 2>"$tmp/err" && ! grep -q 'up to date' "$tmp/err" && other verify
}
test_ok "what the store has lost of an image is fetched again" lost
at_once() {
	fresh
	pids=''
	for _ in 1 2 3 4 5 6 7 8; do
		other pull -q "$registry/team/app:2" >>"$tmp/digests" &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || return
	done
	other verify && nothing_partial && other run "$registry/team/app:2" probe args ok
}
test_ok "eight at once" at_once
# Random moments: whatever is left, the next one makes good.
killed() {
	for n in $(seq 12); do
		fresh
		setsid "$ROOTLET" --store "$other_store" pull -q "$registry/team/app:2" >/dev/null 2>&1 &
		p=$!
		sleep "$(awk -v n="$n" 'BEGIN { printf "%.4f", n / 120 }')"
		kill -9 -- "-$p" 2>/dev/null
		wait "$p" 2>/dev/null
		[ ! -e "$other_store/index.json" ] || other verify || return
		other pull -q "$registry/team/app:2" >/dev/null && other verify || return
		[ "$(du -s "$other_store" | cut -f 1)" -lt 4000 ] || return
	done
}
test_ok "killed at any moment: the next one makes it good" killed

# --- errors ---

test_ok "an image that is not there" fails_with "has no image team/app:none" rootlet pull "$registry/team/app:none"
test_ok "a repository that is not there" fails_with "has no image no/such:latest" rootlet pull "$registry/no/such"
test_ok "a registry that is not there" fails_with "cannot be connected to" rootlet pull "127.0.0.1:1/team/app"
test_ok "a platform that it has not" fails_with "linux/riscv64" rootlet pull --platform linux/riscv64 "$registry/team/app:many"
printf '[[registry]]\nprefix = "docker.io"\nlocation = "127.0.0.1:1"\n' >"$tmp/registries.conf"
test_ok "run of a short name that is nowhere: it may be a directory" fails_with "./nowhere" \
	env CONTAINERS_REGISTRIES_CONF="$tmp/registries.conf" "$ROOTLET" run nowhere probe args ok
test_ok "no name" fails_with "one image" rootlet pull
test_ok "a bad name" fails_with "'UPPER' is not a name" rootlet pull UPPER
test_ok "a bad time-out" fails_with "--timeout" rootlet pull --timeout never "$registry/team/app:1"
stop_registries
test_done
