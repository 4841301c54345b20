#!/bin/sh
# How long unpacking and committing take, beside others; `make bench-images` calls this.
#
#   images.sh BUILD-DIRECTORY [ROUNDS]
#
# Run it as an ordinary user.  The tree is made once, in $ROOTLET_BENCH_CACHE; what is unpacked goes to
# $TMPDIR: a tmpfs there leaves the disk out of it.
set -eu

build=$(cd "$1" && pwd)
rounds=${2-3}
src=$(cd "$(dirname "$0")" && pwd)
cache=${ROOTLET_BENCH_CACHE:-/var/tmp/rootlet-bench-images}
bench=$build/tests/bench/bench
image=$build/libexec/rootlet-image
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/rootlet-bench.XXXXXX")
XDG_DATA_HOME=$tmp/data
export XDG_DATA_HOME tmp
trap 'chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
sh "$src/tree.sh" "$cache"
PATH=$build:$PATH
store=$tmp/data/rootlet
mkdir -p "$store/blobs/sha256"
printf '{"imageLayoutVersion":"1.0.0"}' >"$store/oci-layout"

# The helper looks at argv[0] for what it is to do.
printf '#!/bin/bash\nexec -a prepare %s single "$1" "" quiet\n' "$image" >"$tmp/prepare"
chmod +x "$tmp/prepare"

heading() { printf '\n%s\n' "$*"; }
clean='chmod -R u+rwx "$tmp"/out "$tmp"/data/rootlet/layers; rm -rf "$tmp"/out "$tmp"/data/rootlet/layers/*/* "$tmp"/data/rootlet/cache/*
	mkdir "$tmp/out"'
mkdir "$tmp/out"

for z in gz zst; do
	cp "$cache/$z/index.json" "$store/"
	cp -n "$cache/$z"/blobs/sha256/* "$store/blobs/sha256/"
	heading "Unpacking, $z (the first is the reference)"
	set -- "bare system calls, two cores" "$build/tests/bench/limit-unpack" "$cache/tree.tar.$z" "$tmp/out/l" , \
		"rootlet, 1 layer" "$tmp/prepare" one , \
		"rootlet, 20 layers" "$tmp/prepare" twenty , \
		bsdtar "$(command -v bsdtar)" -C "$tmp/out" -xf "$cache/tree.tar.$z" , \
		tar "$(command -v tar)" -C "$tmp/out" -xf "$cache/tree.tar.$z"
	if [ "$z" = gz ]; then
		set -- "$@" , "umoci unpack --rootless" "$(command -v umoci)" unpack --rootless \
			--image "$cache/gz:one:latest" "$tmp/out/u"
	fi
	"$bench" -n "$rounds" -u 0 -b "$clean" "$@" || true
done

sh -c "$clean"
# The directories of the layers of image $1, topmost first, as overlayfs takes them.
layers_of() {
	digest=$(tr '\0' '\n' <"$store/cache/names" | sed -n "s|^$1:latest=sha256:||p")
	tr '\0' '\n' <"$store/cache/image-$digest" | sed -n 's/^layer=//p' | tac | paste -sd :
}
"$tmp/prepare" twenty >/dev/null
"$tmp/prepare" one >/dev/null
cp -al "$store/layers/single/$(layers_of one)" "$tmp/one"
starts=$((rounds * 40))

heading "Start over a directory, and over 20 layers"
"$bench" -n "$starts" \
	"rootlet run DIRECTORY" "$build/rootlet" run --idmap=single --layer=ram "$tmp/one" /usr/bin/true , \
	"rootlet run twenty" "$build/rootlet" run --idmap=single --layer=ram twenty /usr/bin/true || true

# The names of layers are relative to where they are, which is how rootlet has them, too.
heading "The same by bare system calls: what the kernel takes for 20 layers"
(cd "$store/layers/single" && "$bench" -n "$starts" \
	"directory" "$build/tests/bench/limit" "$tmp/one" /usr/bin/true , \
	"20 layers" "$build/tests/bench/limit" "$(layers_of twenty)" /usr/bin/true) || true

heading "Commit of a change of one file"
"$bench" -n $((rounds * 10)) -u 2 \
	"run" "$build/rootlet" run -q --idmap=single twenty /bin/sh -c 'echo x >/new' , \
	"run --commit" "$build/rootlet" run -q --idmap=single --commit new twenty /bin/sh -c 'echo x >/new' || true
