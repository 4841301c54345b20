# hostile images: a store, or an archive, that lies (tests/hostile-layouts.py)
# shellcheck shell=sh disable=SC2016,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
need python3 || skip_all "no python3 to make images with"

store=$XDG_DATA_HOME/rootlet
W=$tmp/witness
mkdir -p "$W/dir" "$XDG_DATA_HOME"
echo secret-of-the-host >"$W/canary"
python3 "$srcdir/tests/hostile-layouts.py" "$store" "$testbin/probe" "$W" || exit 99

rootlet() { timeout -s KILL 20 "$ROOTLET" "$@"; }
witness() { find "$W" -printf '%P %y %m %U:%G %s %T@ %n\n' | sort && cat "$W/canary"; }
witness >"$tmp/witness.was"
untouched() { witness | diff "$tmp/witness.was" -; }

# refused TEXT NAME: a run says TEXT in one line, shows nothing of the host, and leaves nothing half made.
refused() {
	fails_with "$1" rootlet run "$2" && untouched && ! grep -q secret-of "$tmp/stderr" &&
		[ -z "$(find "$store" -maxdepth 3 -name '.tmp-*')" ]
}
runs() { rootlet run "$@" && untouched; }
all_refused() {
	text=$1
	shift
	for name; do
		refused "$text" "$name" || {
			echo "that was $name"
			return 1
		}
	done
}
all_run() {
	for name; do
		runs "$name" || {
			echo "that was $name"
			return 1
		}
	done
}

contained() {
	for name; do
		rootlet run "$name" >"$tmp/out" 2>&1 || grep -q '^rootlet: ' "$tmp/out" || {
			cat "$tmp/out"
			echo "that was $name"
			return 1
		}
		! grep -q secret-of "$tmp/out" && untouched || return
	done
}

# --- what is all right is not hindered by what is not ---

test_ok "good images run, of OCI and of Docker" all_run good good-gzip good-docker
no_controls() { ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177\302]')" "$tmp/listed"; }
lists() {
	rootlet images "$@" >"$tmp/listed" && grep -q good "$tmp/listed" && no_controls
}
test_ok "they are listed, and nothing reaches the terminal" lists
test_ok "as names too" lists --format names
test_ok "as JSON too" lists --format json
inspects() { rootlet inspect "$1" >"$tmp/listed" && no_controls; }
test_ok "inspect prints no control character" inspects created-control

# --- digests ---

test_ok "documents are what their digests say" all_refused "has other content" manifest-digest config-digest
test_ok "a layer is what its digest says" refused "the blob is sha256:" layer-digest
test_ok "it has the size that the manifest says" all_refused "bytes, not" layer-size layer-size-huge
test_ok "a size is a number" all_refused "no valid digest" layer-size-negative layer-size-text
test_ok "what is inside is what the diff id says" refused "its content is sha256:" diff-id
test_ok "each layer has a diff id" all_refused "layers, the config" diff-id-missing diff-id-fewer
test_ok "which is one" refused "no valid digest" diff-id-number
for kind in up up64 upper md5 short empty bare long; do
	test_ok "what is no digest is not one of a layer ($kind)" all_refused "no valid digest" layer-$kind diff-$kind
	test_ok "nor of a document ($kind)" all_refused "is not a digest" config-$kind
	test_ok "nor of an image ($kind)" all_refused "" manifest-$kind
done

# --- types ---

test_ok "a layer is what its media type says" all_refused "as its media type says" \
	type-gzip type-docker-gzip type-none type-zstd
test_ok "what is no layer is none" all_refused "not that of a layer" type-encrypted type-text type-control
test_ok "a document is not two things" all_refused "at the same time" both both-index index-of-a-manifest
test_ok "nor anything else" all_refused "not that of a manifest" manifest-of-nothing index-in-index
test_ok "a manifest has version 2" refused "schema version 2" schema-1
test_ok "and a config" refused "names no config" no-config
test_ok "and layers" all_refused "layers" no-layers layers-none
test_ok "at most 500" refused "501 layers" layers-501

# --- documents ---

test_ok "a deep document is refused" all_refused "maximum parsing depth" nested nested-object
test_ok "so is what is none" all_refused "not a document" empty-document list cut-document not-utf8
test_ok "so is a large one" refused "larger than 4194304 bytes" megabytes
test_ok "numbers out of range are refused" all_refused "not a document" real-overflow integer-overflow
test_ok "what is said twice is refused" refused "duplicate" twice
test_ok "so is a NUL" refused "u0000" nul

# --- configurations ---

test_ok "megabytes of environment run" runs env-large
odd_env() { runs env-odd /bin/true && rootlet run env-odd /bin/true | wc -c | grep -qx 0; }
test_ok "odd variables do no harm" odd_env
test_ok "lists are lists of texts" all_refused "config: " env-number env-text entrypoint-number \
	entrypoint-text entrypoint-object cmd-null workdir-number user-number
test_ok "long lists are refused" all_refused "more than 16384 items" cmd-many volume-many
test_ok "an empty command is none" refused "empty" cmd-empty
has_no_command() {
	for name in cmd-none config-list config-none; do
		status 127 rootlet run "$name" 2>&1 || status 125 rootlet run "$name" || return
	done
}
test_ok "without a command there is a shell, or an error" has_no_command
test_ok "the working directory is not one of ours" refused "working directory" workdir-fd
test_ok "it is an absolute path" refused "working directory" workdir-up
test_ok "'..' ends at the root" prints / rootlet run workdir-up-absolute /bin/probe cwd
test_ok "it is not too long" refused "too long" workdir-long
for kind in max huge group-max; do
	test_ok "a user id has a range ($kind)" refused "too large" user-$kind
done
for kind in minus unknown path control group-minus colons; do
	test_ok "a user is one of the image's ($kind)" refused "is not in the base's /etc/" user-$kind
done
test_ok "or at least has a name" refused "empty" user-colon
test_ok "times are printed only" all_run created-control created-number
test_ok "a volume is not outside" contained volume-up volume-list volume-root

# --- trees ---

test_ok "links in the place of directories lead nowhere" contained link-dev link-proc link-sys link-etc \
	link-tmp link-run link-root link-bin
test_ok "nor do those in the place of files" contained link-etc-passwd link-etc-group link-etc-hosts \
	link-etc-resolv.conf link-etc-hostname
test_ok "FIFOs keep nobody" contained fifo-etc-passwd fifo-etc-group fifo-etc-hosts fifo-etc-resolv.conf \
	fifo-etc-hostname
test_ok "nor does a list of users that is none" all_refused "is not in the base's" link-etc-passwd \
	fifo-etc-passwd passwd-directory passwd-binary passwd-lines
large_passwd() {
	runs passwd-large || return
	for file in "$store"/layers/*/*/large; do
		truncate -s 300M "${file%/*}/etc/passwd" || return
	done
	contained passwd-large
}
test_ok "nor one of 300 MB" large_passwd
test_ok "files in the place of directories are an error" contained file-root
test_ok "a layer does not reach through the link of another" runs layer-escape
test_ok "'..' in a layer is refused, with its number" refused 'layer 1: ../up: a name with ".." in it' tree-up
hidden() {
	prints x rootlet run opaque-root /bin/probe cat /shown && ! rootlet run opaque-root /bin/probe cat /hidden &&
		! rootlet run opaque-root /bin/probe cat /bin/hidden
}
test_ok "a layer with an opaque root hides all below it" hidden
test_ok "nothing is left of all that" wait_empty "$store/scratch"

# --- limits ---

mkdir "$tmp/tree"
head -c 3000000 /dev/zero >"$tmp/tree/zeros"
for i in 1 2 3 4 5; do : >"$tmp/tree/$i"; done
tar -C "$tmp/tree" --owner=0 --group=0 -cf "$tmp/tree.tar" .
limited() {
	fails_with "$1" rootlet import "$2" "$tmp/tree.tar" limited && grep -q '^hint: .*--limit-' "$tmp/stderr" &&
		! rootlet images --format names | grep limited
}
test_ok "bytes have a limit" limited "larger than 2000000 bytes" --limit-bytes=2000000
test_ok "entries have a limit" limited "more than 3 entries" --limit-entries=3
within() { rootlet import --limit-bytes=3M --limit-entries=7 --limit-ratio=1 "$tmp/tree.tar" within; }
test_ok "up to that all is well" within
test_ok "none is nothing" fails_with "--limit-entries" rootlet import --limit-entries=0 "$tmp/tree.tar" limited
test_ok "and each is a number" fails_with "--limit-bytes" rootlet import --limit-bytes=much "$tmp/tree.tar" limited
head -c 300000000 /dev/zero >"$tmp/tree/zeros"
bomb() {
	tar -C "$tmp/tree" --owner=0 --group=0 -cf - . | gzip -9 >"$tmp/bomb.tar.gz"
	fails_with "decompression bomb" rootlet import "--limit-ratio=$1" "$tmp/bomb.tar.gz" limited
}
test_ok "so has what comes out of a compressed one" bomb 100
loads() {
	rootlet save -o "$tmp/saved.tar" within && fails_with "$1" rootlet --store="$tmp/loaded" load "$2" -i "$tmp/saved.tar" &&
		rootlet --store="$tmp/loaded" load --limit-bytes=3000000 -i "$tmp/saved.tar"
}
test_ok "load has the same" loads "larger than 2999999 bytes" --limit-bytes=2999999

# A file of holes: large, and quickly made.
large_image() {
	mkdir -p "$tmp/large/bin" && cp "$testbin/probe" "$tmp/large/bin/" && truncate -s 65G "$tmp/large/holes" &&
		tar -C "$tmp/large" --sparse --owner=0 --group=0 -cf "$tmp/large.tar" . &&
		fails_with "larger than 68719476736 bytes" rootlet import "$tmp/large.tar" large &&
		rootlet import --limit-bytes=70G "$tmp/large.tar" large && rootlet save -o "$tmp/large-image.tar" large
}
test_ok "a layer may be larger when that is said" large_image
elsewhere() { rootlet "--store=$tmp/loaded" "$@"; }
other_ids() { prints '<ok>' rootlet run --idmap=single large /bin/probe args ok; }
test_ok "what was allowed once is so when it is unpacked for another id map" other_ids
late() {
	rm -rf "$tmp/loaded"
	elsewhere load --no-unpack -i "$tmp/large-image.tar" &&
		fails_with "larger than 68719476736 bytes" elsewhere run large /bin/probe args ok &&
		grep -q '^hint: rootlet import and load .*--limit-bytes' "$tmp/stderr" &&
		elsewhere load --no-unpack --limit-bytes=70G -i "$tmp/large-image.tar" &&
		prints '<ok>' elsewhere run large /bin/probe args ok
}
test_ok "or by the first run" late
forgotten() {
	ls "$tmp"/loaded/cache/limits-* && elsewhere rmi large && elsewhere prune -f &&
		! ls "$tmp"/loaded/cache/limits-* 2>/dev/null
}
test_ok "prune removes that with the layer" forgotten

# --- the layout itself ---

# with SCRIPT: in a good store that SCRIPT, started in it, has changed.
good_digest=$(rootlet inspect good | python3 -c 'import json, sys
d = json.load(sys.stdin)
print(d["digest"][7:], d["manifest"]["config"]["digest"][7:], d["manifest"]["layers"][0]["digest"][7:])')
manifest=${good_digest%% *}
layer=${good_digest##* }
config=${good_digest#* }
config=${config% *}
export manifest config layer W
# The layer of a run before is removed in the background.
prepared() {
	wait_empty "$tmp/bad/scratch" && rm -rf "$tmp/bad"
	mkdir "$tmp/bad" && (cd "$tmp/bad" && umask 077 && mkdir -p blobs/sha256 layers cache scratch &&
		for blob in $good_digest; do cp "$store/blobs/sha256/$blob" blobs/sha256/; done &&
		cp "$store/index.json" "$store/oci-layout" . && sh -ec "$1")
}
bad_layout() {
	prepared "$2" && fails_with "$1" rootlet --store="$tmp/bad" run good && untouched &&
		! grep -q secret-of "$tmp/stderr"
}
bad_listing() {
	prepared "$2" && fails_with "$1" rootlet --store="$tmp/bad" images && ! grep -q secret-of "$tmp/stderr"
}
good_layout() { prepared "$1" && rootlet --store="$tmp/bad" run good; }
test_ok "a good layout runs" good_layout true
test_ok "an index that is a FIFO keeps nobody" bad_listing "index.json" 'rm index.json; mkfifo index.json'
test_ok "one that is a link is not followed" bad_listing "index.json" 'ln -sf "$W/canary" index.json'
test_ok "nor a directory" bad_listing "index.json" 'rm index.json; mkdir index.json'
test_ok "one that is none is refused" bad_listing "not an image index" 'echo "[]" >index.json'
test_ok "so is an empty one" bad_listing "not an image index" ': >index.json'
test_ok "so is one without manifests" bad_listing "no list of manifests" 'echo "{}" >index.json'
test_ok "so is a large one" bad_listing "larger than" \
	'{ printf "{\"manifests\":[],\"x\":\""; head -c 10000000 /dev/zero | tr "\0" a; echo "\"}"; } >index.json'
test_ok "so is one that says something twice" bad_listing "duplicate" 'echo "{\"manifests\":[],\"manifests\":[]}" >index.json'
test_ok "so is a deep one" bad_listing "depth" 'head -c 100000 /dev/zero | tr "\0" "[" >index.json'
for kind in manifest config layer; do
	test_ok "a $kind that is a FIFO keeps nobody" bad_layout "not a regular file" \
		"rm blobs/sha256/\$$kind; mkfifo blobs/sha256/\$$kind"
	test_ok "a $kind that is a link is not followed" bad_layout "blob sha256:" \
		"ln -sf \"\$W/canary\" blobs/sha256/\$$kind"
	test_ok "a $kind that is a directory is none" bad_layout "not a regular file" \
		"rm blobs/sha256/\$$kind; mkdir blobs/sha256/\$$kind"
	test_ok "a $kind that is missing is an error" bad_layout "blob sha256:" "rm blobs/sha256/\$$kind"
	test_ok "a $kind that is empty is an error" bad_layout "sha256:" "chmod u+w blobs/sha256/\$$kind; : >blobs/sha256/\$$kind"
done
for lock in lock index.lock cache/names; do
	test_ok "$lock as a FIFO keeps nobody" good_layout "mkfifo $lock"
	elsewhere() { prepared "ln -s \"\$W/new\" $lock" && { rootlet --store="$tmp/bad" tag good other || true; } && untouched; }
	test_ok "$lock as a link is not followed" elsewhere
done
layers_elsewhere() { prepared 'rmdir layers; ln -s "$W/dir" layers' && { rootlet --store="$tmp/bad" run good || true; } && untouched; }
test_ok "layers that are kept elsewhere are not made there" layers_elsewhere
test_done
