# the store when the power goes, the disk is full or takes no writes, a blob is damaged, or prune runs all the time
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

store=$XDG_DATA_HOME/rootlet
export tmp
rootlet() { "$ROOTLET" "$@"; }

tree=$tmp/tree
mkdir -p "$tree/bin" "$tree/dir"
cp "$testbin/probe" "$testbin/payload" "$tree/bin/"
ln -s probe "$tree/bin/true"
echo first >"$tree/dir/file"
for i in $(seq 50); do echo "$i" >"$tree/dir/file$i"; done
head -c 3000000 /dev/urandom >"$tree/big"
tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@1000000000 -cf "$tmp/tree.tar" .
import() { rootlet import -q -m "$1" "$tmp/tree.tar" "$1" >/dev/null; }
import base && rootlet save -q -o "$tmp/base.oci" base || exit 99

# --- beside prune ---

always_pruned() {
	rm -f "$tmp/stop" && : >"$tmp/errors"
	while [ ! -e "$tmp/stop" ]; do rootlet prune >/dev/null 2>>"$tmp/errors" || echo "prune failed" >>"$tmp/errors"; done &
	pruner=$!
	end=$(($(date +%s) + 2)) i=0 beside=0
	while [ "$beside" = 0 ] && [ "$(date +%s)" -le "$end" ]; do
		i=$((i + 1))
		"$1" "$i" || beside=1
	done
	: >"$tmp/stop"
	wait "$pruner"
	grep -v 'waiting for other' "$tmp/errors" && return 1
	return "$beside"
}
# The image has no name from then on: only the container has it.
kept_alone() {
	import "kept:$1" && rootlet run --keep --name "k$1" "kept:$1" payload append /dir/file "more" && rootlet rmi "kept:$1" &&
		rootlet start "k$1" probe cat /dir/file >"$tmp/said" && rootlet snapshot "k$1" s &&
		rootlet start "k$1" payload append /dir/file "again" && rootlet commit -q "k$1" "new:$1" >"$tmp/said" &&
		rootlet diff "k$1" >"$tmp/said" && rootlet rollback "k$1" s && rootlet rm "k$1" &&
		rootlet run "new:$1" probe cat /dir/file >"$tmp/said" && grep -q again "$tmp/said" && rootlet rmi "new:$1"
}
test_ok "what a container needs stays beside prune" always_pruned kept_alone
saved_and_loaded() {
	rootlet load -q -i "$tmp/base.oci" >/dev/null && rootlet verify -q base && rootlet save -q -o "$tmp/again.oci" base &&
		rootlet export -q -o "$tmp/again.tar" base && rootlet run --commit "new:$1" base payload append /dir/file more &&
		rootlet run "new:$1" probe cat /dir/file >"$tmp/said" && grep -q more "$tmp/said" && rootlet rmi "new:$1"
}
test_ok "so does what is loaded, saved, verified, exported and committed" always_pruned saved_and_loaded
dead_containers() {
	mkdir -p "$store/containers/.new-1/layer" "$store/containers/.gone-2/layer/1" && rootlet prune &&
		[ ! -e "$store/containers/.new-1" ] && [ ! -e "$store/containers/.gone-2" ]
}
test_ok "containers half made or removed go" dead_containers
living_container() {
	mkdir -p "$store/containers/.new-3" && flock "$store/containers/.new-3" "$ROOTLET" prune &&
		[ -e "$store/containers/.new-3" ] && rmdir "$store/containers/.new-3"
}
test_ok "but not one that is being made" living_container
old_platform() {
	file=$store/cache/platform-$(printf %064d 1)-linux-amd64 && echo x >"$file" && rootlet prune && [ ! -e "$file" ]
}
test_ok "what an index that is gone has for a platform goes" old_platform

# --- a damaged blob ---

layer_blob() { find "$store/blobs/sha256" -size +1000k; }
damage() {
	damaged=$(layer_blob) && chmod u+w "$damaged" && printf x | dd of="$damaged" bs=1 seek=5000 conv=notrunc 2>/dev/null &&
		status 1 rootlet verify base
}
healed() { damage && "$@" && rootlet verify base; }
test_ok "a damaged blob is whole again when the same is imported" healed import base
test_ok "or loaded" healed rootlet load -q -i "$tmp/base.oci"

# --- a full disk ---

mkdir "$tmp/small" "$tmp/other"
cat >"$tmp/lib-small" <<'END'
store=$tmp/small/store
small() { "$ROOTLET" --store="$store" "$@"; }
clean() { find "$store" -name '.tmp-*' -o -name '.new-*' -o -path '*/blobs/sha256/*' -o -path '*/layers/*/*'; }
# fails COMMAND...: one line that tells it, and perhaps a hint
fails() {
	small "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	cat "$tmp/err" && [ $got = 125 ] && grep -q "No space left on device" "$tmp/err" &&
		[ "$(grep -vc '^hint: ' "$tmp/err")" = 1 ] && [ ! -s "$tmp/out" ]
}
# fill SIZE: that much stays free.
fill() {
	head -c "$1" /dev/zero >"$tmp/small/spare"
	head -c 100m /dev/zero >"$tmp/small/fill" 2>/dev/null
	rm "$tmp/small/spare"
}
END
# in_small COMMAND...: with an empty store on a disk of its own.
in_small() {
	unshare -Urm sh -c 'mount -t tmpfs -o size=40m small "$1/small" && . "$1/lib-small" && shift && eval "$*"' sh "$tmp" "$@"
}
full() {
	in_small 'fill '"$1"'; fails '"$2"' && left=$(clean) && echo "$left" && [ -z "$left" ] && rm "$tmp/small/fill" &&
		small '"$2"' >/dev/null && [ "$(small run base probe cat /dir/file)" = first ]'
}
if have_ram_layer; then
	test_ok "import, no space for the blob" full 1m 'import -q "$tmp/tree.tar" base'
	test_ok "no space for the layer" full 6m 'import -q "$tmp/tree.tar" base'
	test_ok "load, no space for blobs" full 1m 'load -q -i "$tmp/base.oci"'
	test_ok "no space for the layer" full 6m 'load -q -i "$tmp/base.oci"'
	committed() {
		in_small 'small import -q "$tmp/tree.tar" base >/dev/null && small run --keep --name c base payload append /big x && blobs=$(ls "$store/blobs/sha256") &&
			{ fill 0; fails '"$1"'; } && [ "$(ls "$store/blobs/sha256")" = "$blobs" ] && left=$(find "$store" -name ".tmp-*" -o -name ".new-*") && [ -z "$left" ] &&
			rm "$tmp/small/fill" && small '"$1"' >/dev/null && small verify -q && small start c true && small run base true'
	}
	test_ok "commit" committed 'commit -q c new'
	test_ok "run --keep" committed 'run --keep --name d base true'
	test_ok "tag" committed 'tag base new'
else
	test_skip "a full disk" "tmpfs has no user attributes here"
fi

# --- no writes ---

# in_read_only COMMAND...: with a store that cannot be written; all of it was made where it is read.
in_read_only() {
	unshare -Urm sh -c '. "$1/lib-small" && store=$1/read-only && { [ -e "$store" ] || { small import -q "$1/tree.tar" base >/dev/null && small run base true &&
			small run --keep --name c base true; }; } && mount --bind "$store" "$store" && mount -o remount,bind,ro "$store" && shift && eval "$*"' sh "$tmp" "$@"
}
for layer in "" --layer=ram --read-only; do
	test_ram "read-only: run $layer" prints first in_read_only "small run $layer base probe cat /dir/file"
done
test_ok "read-only: images" prints base:latest in_read_only "small images --format names"
refuses_writes() {
	in_read_only 'for c in "run --layer=disk base true" "run --commit=new base true" "run --keep base true" "start c" "commit c new" "rm c" \
			"tag base new" "rmi base" "import $tmp/tree.tar new"; do
		small $c >"$tmp/out" 2>"$tmp/err"
		[ $? = 125 ] && grep -q "Read-only file system" "$tmp/err" && [ ! -s "$tmp/out" ] || { echo "$c"; cat "$tmp/out" "$tmp/err"; exit 1; }
	done'
}
test_ok "what has to write says what it cannot" refuses_writes

# --- the power goes ---

have_loop() {
	PATH=$PATH:/usr/sbin:/sbin
	have_host_root && truncate -s 64M "$tmp/disk" && mkfs.ext4 -q "$tmp/disk" 2>/dev/null &&
		unshare -m mount -o loop "$tmp/disk" "$tmp/small" 2>/dev/null
}
# What the disk has at the moment when COMMAND ends, and nothing that waits to be written.
power_cut() {
	rm -f "$tmp/disk" "$tmp/cut" && truncate -s 64M "$tmp/disk" && mkfs.ext4 -q "$tmp/disk" &&
		unshare -m sh -c '. "$1/lib-small" && mount -o loop "$1/disk" "$1/small" && eval "$2" >/dev/null && cp --sparse=always "$1/disk" "$1/cut" &&
			mount -o loop "$1/cut" "$1/other" && store=$1/other/store && ls "$store"/layers/*/* >/dev/null && small verify &&
			[ "$(small run base probe cat /dir/file)" = first ]' sh "$tmp" "$1"
}
# The disk at six moments: whoever writes stands still (SIGSTOP) while it is copied, and nothing is written for him.
cat >"$tmp/cuts" <<'END'
. "$tmp/lib-small"
PATH=$PATH:/usr/sbin:/sbin
there() { [ -e "$1" ]; }
has() { grep -q "$1" "$store/index.json" 2>/dev/null; }
# What each of them waits for; a command that is quicker is not waited for.
moment_1() { there "$store"/layers/*/.[nt]*; }
moment_2() { there "$store"/blobs/sha256/*; }
moment_3() { there "$store"/layers/*/[0-9a-f]*; }
moment_4() { has :latest; }
moment_5() { there "$store"/layers/*/.[nt]* || has new:; }
moment_6() { has tagged:; }
states() {
	for stat in /proc/[0-9]*/task/*/stat; do
		read -r line 2>/dev/null <"$stat" || continue
		set -- ${line##*) }
		[ "$3" != "$writer" ] || echo "$1"
	done
}
stand_still() {
	kill -s STOP -- "-$writer" 2>/dev/null || return 0
	until ! states | grep -qv '[TtZX]'; do :; done
}
mount -o loop,commit=300 "$tmp/disk" "$tmp/small" || exit
setsid sh -c '. "$tmp/lib-small"
	small import -q "$tmp/tree.tar" base >/dev/null && : >"$tmp/did-import" && small run -q --commit=new base payload append /dir/file more >/dev/null &&
		: >"$tmp/did-commit" && small tag base tagged && : >"$tmp/did-tag"' &
writer=$!
during=0
for m in 1 2 3 4 5 6; do
	until "moment_$m" || [ -e "$tmp/did-tag" ] || ! kill -0 "$writer" 2>/dev/null; do :; done
	stand_still
	ls "$tmp" | grep '^did-' >"$tmp/did.$m"
	[ -e "$tmp/did-tag" ] || during=$((during + 1))
	until cp --sparse=always "$tmp/disk" "$tmp/cut.$m" && cmp -s "$tmp/disk" "$tmp/cut.$m"; do :; done
	kill -s CONT -- "-$writer" 2>/dev/null
done
wait "$writer" && echo "$during of 6 before the end" && [ -e "$tmp/did-tag" ] && [ "$during" -ge 2 ]
END
# What is there after the cut: all that was done, and perhaps what was being done; and the store goes on.
cat >"$tmp/after" <<'END'
. "$tmp/lib-small"
mount -o loop "$tmp/cut.$1" "$tmp/other" || exit
store=$tmp/other/store
names=$(small images --format names) && echo "cut $1: $names" || exit
if [ -e "$store/index.json" ]; then
	grep -q '"imageLayoutVersion"' "$store/oci-layout" && python3 -m json.tool "$store/index.json" >/dev/null || exit
fi
for done in import:base commit:new tag:tagged; do
	! grep -qx "did-${done%:*}" "$tmp/did.$1" || echo "$names" | grep -qx "${done#*:}:latest" || { echo "${done#*:} is lost"; exit 1; }
done
small verify -q || exit
for name in $names; do small verify -q "$name" && small run -q "$name" true || exit; done
small prune >/dev/null && small import -q "$tmp/tree.tar" base >/dev/null && small verify -q && [ "$(small run base probe cat /dir/file)" = first ]
END
cuts() { rm -f "$tmp/disk" && truncate -s 64M "$tmp/disk" && mkfs.ext4 -q "$tmp/disk" && unshare -m sh "$tmp/cuts"; }
after() { unshare -m sh "$tmp/after" "$1"; }
if need loop; then
	test_ok "after import all is there" power_cut 'small import -q "$tmp/tree.tar" base'
	test_ok "after load" power_cut 'small load -q -i "$tmp/base.oci"'
	test_ok "after a run that has unpacked it" power_cut 'small load -q --no-unpack -i "$tmp/base.oci" && small run -q base true'
	test_ok "the power goes at six moments of import, commit and tag" cuts
	for i in 1 2 3 4 5 6; do test_ok "at moment $i: what is there is whole, and the store goes on" after "$i"; done
else
	test_skip "power cut" "no loop devices for us here"
fi

# --- unshare ---

if have_root; then
	test_ok "unshare has nothing to do for root, and says so" fails_with "run the command without" rootlet unshare true
fi
test_done
