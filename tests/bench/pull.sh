#!/bin/sh
# How long pulling takes, unpacking included, beside others; `make bench-pull` calls this.
#
#   pull.sh BUILD-DIRECTORY [ROUNDS]
#
# From docker-registry on the loopback, as whoever runs this.  The tree is made once, in
# $ROOTLET_BENCH_CACHE; what is pulled goes to $TMPDIR.
set -eu

build=$(cd "$1" && pwd)
rounds=${2-3}
src=$(cd "$(dirname "$0")" && pwd)
cache=${ROOTLET_BENCH_CACHE:-/var/tmp/rootlet-bench-images}
bench=$build/tests/bench/bench
command -v docker-registry >/dev/null || { echo "no docker-registry here: nothing is measured"; exit 0; }
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/rootlet-bench.XXXXXX")
export tmp
registry=
trap '[ -z "$registry" ] || kill "$registry"; chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
sh "$src/tree.sh" "$cache"
PATH=$build:$PATH

port=${ROOTLET_BENCH_PORT:-5077}
cat >"$tmp/registry.yml" <<EOF
version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: $tmp/registry } }
http: { addr: 127.0.0.1:$port }
EOF
docker-registry serve "$tmp/registry.yml" >"$tmp/registry.log" 2>&1 &
registry=$!
for name in one twenty; do
	n=0
	until skopeo copy -q --dest-tls-verify=false "oci:$cache/gz:$name:latest" \
		"docker://127.0.0.1:$port/$name:1" 2>"$tmp/skopeo.log"; do
		n=$((n + 1))
		[ "$n" -lt 50 ] || { cat "$tmp/skopeo.log"; exit 1; }
		sleep 0.1
	done
done

script() {
	printf '#!/bin/sh\nset -e\n%s\n' "$2" >"$tmp/$1"
	chmod +x "$tmp/$1"
}
# A store of its own each: nothing is there yet.
script rootlet-pull 'rootlet --store "$tmp/out/store" pull -q "127.0.0.1:'"$port"'/$1:1"'
script podman-pull 'podman --root "$tmp/out/p" --runroot "$tmp/out/r" pull -q --tls-verify=false "127.0.0.1:'"$port"'/$1:1"'
script skopeo-umoci 'skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:'"$port"'/$1:1" "oci:$tmp/out/s:x"
umoci unpack --rootless --image "$tmp/out/s:x" "$tmp/out/u"'
clean='chmod -R u+rwx "$tmp/out" 2>/dev/null; podman unshare rm -rf "$tmp/out" 2>/dev/null || rm -rf "$tmp/out"; mkdir "$tmp/out"'
mkdir "$tmp/out"
for name in one twenty; do
	printf '\nPulling image %s and unpacking it (the first is the reference)\n' "$name"
	"$bench" -n "$rounds" -u 0 -b "$clean" "podman pull" "$tmp/podman-pull" "$name" , \
		"skopeo copy, umoci unpack" "$tmp/skopeo-umoci" "$name" , \
		"rootlet pull" "$tmp/rootlet-pull" "$name" || true
done
sh -c "$clean"
"$tmp/rootlet-pull" one >/dev/null
printf '\nAn image that is there, unchanged\n'
"$bench" -n 20 -u 0 "rootlet --version" "$build/rootlet" --version , "rootlet pull" "$tmp/rootlet-pull" one || true
