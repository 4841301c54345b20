# serve: the store as a registry, for skopeo, podman, rootlet itself, and clients that mean no good
# shellcheck shell=sh
. "${srcdir:-.}/tests/lib.sh"
have_skopeo() { command -v skopeo >/dev/null; }
have_podman() { command -v podman >/dev/null; }
rootlet() { "$ROOTLET" "$@"; }
need python3 || skip_all "no python3 here"

servers=
end_servers() {
	for p in $servers; do
		kill "$p" 2>/dev/null && wait "$p"
	done
	servers=
}
trap 'end_servers; cleanup' EXIT

# serve ARG...: start a server; $port is where, $log what it says.  Not from within a test, which is a
# process of its own.
serve_n=0 port=
serve() {
	serve_n=$((serve_n + 1))
	log=$tmp/serve.$serve_n
	"$ROOTLET" serve --listen 127.0.0.1:0 "$@" >/dev/null 2>"$log" &
	server=$!
	servers="$servers $server"
	for _ in $(seq 400); do
		port=$(sed -n 's/^listening on [0-9.]*:\([0-9]*\)$/\1/p' "$log")
		[ -z "$port" ] || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	sed 's/^/# /' "$log"
}
serves() { cat "$log" && [ -n "$port" ]; }
raw() { python3 "$srcdir/tests/serve-raw.py" "$port" "$@"; }

make_base
echo one >"$base/etc/one"
rootlet import "$base" base:1 >"$tmp/digest" || exit 99
digest=$(cat "$tmp/digest")

# --- requests ---

serve
test_ok "it says where it listens" serves
test_ok "the protocol's version, and what is none of its paths" raw base
test_ok "manifests by tag and by digest, in all names of an image" raw manifests
test_ok "blobs, and parts of them" raw ranges
test_ok "tags and repositories, page by page" raw lists
test_ok "blobs come whole, in parts, and from another repository" raw uploads
test_ok "what has another digest gets no name" raw lies
test_ok "an upload that broke goes on where it was" raw broken_off
test_ok "manifests are what they say, and all that they need is here" raw documents
test_ok "names that are none are refused" raw names
test_ok "what refers to an image is found" raw referrers
test_ok "pages of a browser are refused" raw pages
test_ok "what is not HTTP does no harm" raw nonsense
test_ok "a client that tries TLS is told at once that this is plain HTTP" raw tls
test_ok "of two lengths of a body none is believed" raw smuggled
test_ok "a crowd that says nothing does not keep others out when it has gone" raw crowd
test_ok "uploads are so many at most" raw many_uploads

tells() { grep -q "^rootlet: pull base:1 sha256:" "$log" && grep -q "^rootlet: push paged/x:a sha256:" "$log"; }
test_ok "what is pulled and pushed is told" tells

blobs_are_whole() {
	(cd "$XDG_DATA_HOME/rootlet/blobs/sha256" && for f in *; do echo "$f  $f"; done | sha256sum --quiet -c)
}
test_ok "every blob of the store is what its name says" blobs_are_whole

# --- other commands, while it serves ---

tags_of() { prints "$2" rootlet tags "127.0.0.1:$port/$1"; }
test_ok "rootlet tags lists them" tags_of base 1

others_work() { rootlet tag base:1 other:1 && raw has other 1 && rootlet rmi other:1 && raw has_not other 1; }
test_ok "other commands change the store meanwhile" others_work

# --- skopeo ---

sk() { skopeo "$@"; }
inspect_digest() { sk inspect --tls-verify=false --format '{{.Digest}}' "docker://127.0.0.1:$port/$1"; }
skopeo_pulls() {
	[ "$(inspect_digest base:1)" = "$digest" ] && [ "$(inspect_digest library/base:1)" = "$digest" ] &&
		sk copy -q --src-tls-verify=false "docker://127.0.0.1:$port/base:1" "oci:$tmp/sk:base" &&
		[ "$(sk inspect --format '{{.Digest}}' "oci:$tmp/sk:base")" = "$digest" ]
}
test_if skopeo "no skopeo here" "skopeo pulls, with the same digest" skopeo_pulls

skopeo_pushes() {
	sk copy -q --dest-tls-verify=false "oci:$tmp/sk:base" "docker://127.0.0.1:$port/team/app:1" &&
		rootlet images --format json | grep -q '"team/app:1"' &&
		[ "$(inspect_digest team/app:1)" = "$digest" ] &&
		sk copy -q --dest-tls-verify=false --format v2s2 "oci:$tmp/sk:base" \
			"docker://127.0.0.1:$port/team/docker:1" &&
		inspect_digest team/docker:1 &&
		sk list-tags --tls-verify=false "docker://127.0.0.1:$port/team/app" | grep -q '"1"'
}
test_if skopeo "no skopeo here" "skopeo pushes, OCI's and Docker's kind, with the same digest" skopeo_pushes

runs() {
	rootlet run -q team/app:1 true && rootlet run team/docker:1 true
}
if have_skopeo && { need userns || need root; }; then
	test_ok "what has been pushed runs" runs
else
	test_skip "what has been pushed runs" "no skopeo, or no user namespaces here"
fi

# --- podman ---

# In a place of its own, with lower case in its path: podman makes a name of it.
pod=$(mktemp -d "${ROOTLET_TEST_TMP:-/var/tmp}/rootlet-test.XXXXXX")
pods() {
	(cd "$pod" && HOME=$pod/home XDG_RUNTIME_DIR=$pod/run && export HOME XDG_RUNTIME_DIR &&
		unset XDG_DATA_HOME &&
		exec podman --root "$pod/root" --runroot "$pod/runroot" --storage-driver vfs "$@")
}
mkdir -m 700 "$pod/home" "$pod/run"
# Rootless podman leaves a process that keeps its namespace.
end_podman() {
	[ ! -e "$pod/run/libpod/tmp/pause.pid" ] || kill "$(cat "$pod/run/libpod/tmp/pause.pid")"
	pods unshare rm -rf "$pod/root" "$pod/runroot" >/dev/null 2>&1
	[ ! -e "$pod/run/libpod/tmp/pause.pid" ] || kill "$(cat "$pod/run/libpod/tmp/pause.pid")"
	rm -rf "$pod"
} 2>/dev/null
trap 'end_servers; end_podman; cleanup' EXIT
have_podman_here() { have_podman && pods images >/dev/null 2>&1; }
podman_both_ways() {
	pods pull -q --tls-verify=false "127.0.0.1:$port/base:1" &&
		pods push -q --tls-verify=false "127.0.0.1:$port/base:1" "127.0.0.1:$port/pod/app:2" &&
		prints 2 rootlet tags "127.0.0.1:$port/pod/app" &&
		pods pull -q --tls-verify=false "127.0.0.1:$port/pod/app:2"
}
if have_podman_here; then
	test_ok "podman pulls and pushes" podman_both_ways
else
	test_skip "podman pulls and pushes" "podman cannot work as this user here"
fi

# --- its end ---

# end SIGNAL: the last server; $ended is its status.
end() {
	kill -"$1" "$server"
	wait "$server"
	ended=$?
	servers=$(echo "$servers" | sed "s/ $server//")
}
ended_well() { cat "$log" && [ "$ended" = 0 ]; }
end TERM
test_ok "SIGTERM ends it: 0" ended_well
nothing_left() { ! find "$XDG_DATA_HOME/rootlet" -maxdepth 3 -name '.tmp*' | grep .; }
test_ok "nothing is left of uploads that did not end" nothing_left

serve
busy() {
	fails_with "listen on 127.0.0.1:$port" rootlet serve --listen "127.0.0.1:$port" &&
		grep -q '^hint: .*--listen' "$tmp/stderr"
}
test_ok "a port that is taken is said, with what to do" busy
end HUP
test_ok "SIGHUP ends it: 0" ended_well

# --- options ---

# The password is "secret".
echo 'me:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a' >"$tmp/passwords"
serve --read-only
test_ok "--read-only: pulled is all, pushed is nothing" raw read_only
serve --auth "$tmp/passwords"
test_ok "--auth: nobody without a password that is right" raw auth
serve --limit-bytes 1m
test_ok "--limit-bytes: what is larger is refused as it comes" raw too_big 1048576
serve --quiet
quiet() {
	raw manifests && ! grep -q pull "$log"
}
test_ok "--quiet: nothing is told" quiet

echo 'me:plain' >"$tmp/plain"
: >"$tmp/nobody"
for bad in "--auth $tmp/plain:line 1 is not NAME:HASH" "--auth $tmp/nobody:nobody is in it" \
	"--auth $tmp/none:--auth $tmp/none" "--listen 127.0.0.1=not ADDRESS:PORT" "--listen x:1=not ADDRESS:PORT" \
	"--listen 127.0.0.1;65536=not ADDRESS:PORT" "--limit-bytes 0:allows nothing" "--tls-cert $tmp/plain:give both" \
	"--stdio --read-only --auth $tmp/plain:asks nobody" "extra:no argument is expected"; do
	case $bad in
	*=*) args=${bad%%=*} text=${bad#*=} ;;
	*) args=${bad%%:*} text=${bad#*:} ;;
	esac
	args=$(echo "$args" | tr ';' ':')
	# shellcheck disable=SC2086 # words
	test_ok "serve $args: one clear line" fails_with "$text" rootlet serve $args
done

serve --listen 0.0.0.0:0
warns() { grep -q '^rootlet: warning: whoever reaches 0\.0\.0\.0:[0-9]* may pull and push' "$log"; }
test_ok "a warning where more than this machine is answered" warns
end TERM

# --- confinement ---

serve
confined() {
	grep -E '^(NoNewPrivs|Seccomp|CapEff)' "/proc/$server/status" >"$tmp/status"
	cat "$tmp/status"
	grep -q 'NoNewPrivs:.1' "$tmp/status" && grep -q 'Seccomp:.2' "$tmp/status" && grep -q 'CapEff:.0*$' "$tmp/status"
}
if have_sanitizer; then
	test_skip "it gives up what it does not need" "a sanitizer needs it"
else
	test_ok "it gives up what it does not need" confined
fi

# --- on standard input and output ---

ask_stdio() {
	printf 'GET /v2/base/tags/list HTTP/1.1\r\nHost: there\r\nConnection: close\r\n\r\n' >"$tmp/ask"
	{ cat "$tmp/ask"; sleep 1; } | timeout 20 "$ROOTLET" serve --stdio >"$tmp/answer" && cat "$tmp/answer" &&
		grep -qF '{"name":"base","tags":["1"]}' "$tmp/answer"
}
test_ok "--stdio: one connection, and the end with it" ask_stdio

# --- by ssh ---

cat >"$tmp/ssh" <<'END'
#!/bin/sh
echo "$*" >>"$tmp/ssh.args"
while [ "$1" != rootlet ]; do shift; done
shift
XDG_DATA_HOME=$their_data exec "$ROOTLET" "$@"
END
chmod +x "$tmp/ssh"
their_data=$XDG_DATA_HOME/there our_data=$XDG_DATA_HOME/here
export tmp ROOTLET their_data ROOTLET_SSH="$tmp/ssh"
ours() { XDG_DATA_HOME=$our_data "$ROOTLET" "$@"; }
theirs() { XDG_DATA_HOME=$their_data "$ROOTLET" "$@"; }
by_ssh() {
	theirs import -q "$base" base:1 >"$tmp/digest" &&
		prints 1 timeout 60 "$ROOTLET" tags ssh://me@there:22/base &&
		[ "$(cat "$tmp/ssh.args")" = "-p 22 -- me@there rootlet serve --stdio" ] &&
		prints "$(cat "$tmp/digest")" env XDG_DATA_HOME="$our_data" timeout 60 "$ROOTLET" pull -q ssh://there/base:1 &&
		ours verify && [ "$(ours images --format names)" = base:1 ]
}
test_ok "tags and pull of ssh://HOST/IMAGE: from the store of another machine" by_ssh
pushed_by_ssh() {
	echo more >"$base/etc/more"
	ours import -q "$base" more:2 >"$tmp/digest" &&
		prints "$(cat "$tmp/digest")" env XDG_DATA_HOME="$our_data" timeout 60 "$ROOTLET" push -q more:2 ssh://there &&
		ours push -q more:2 ssh://there/team/other:3 &&
		[ "$(theirs images --format names | sort | tr '\n' ' ')" = "base:1 more:2 team/other:3 " ] && theirs verify
}
test_ok "push to ssh://HOST" pushed_by_ssh
test_ok "a host that would be an option is none" \
	fails_with "is not ssh://" rootlet tags ssh://-oProxyCommand=x/base
test_ok "an image is expected" fails_with "which image" rootlet pull ssh://there
no_ssh() {
	ROOTLET_SSH=$tmp/none timeout 60 "$ROOTLET" pull ssh://there/base:1 2>"$tmp/err"
	[ $? = 125 ] && grep -q "$tmp/none: No such file" "$tmp/err" && ! grep -v '^rootlet: ' "$tmp/err"
}
test_ok "ssh that is not there, or ends at once, is an error" no_ssh
no_socket_left() { ! find /tmp -maxdepth 1 -name 'rootlet-ssh.*' -user "$(id -u)" -newer "$tmp/ssh" | grep .; }
test_ok "nothing is left of the way there" no_socket_left

# --- prune ---

# Nobody has pushed anything to this server, so it holds no lock.
prunes() { timeout 20 "$ROOTLET" prune && rootlet verify base:1 && raw manifests; }
test_ok "prune works while it serves, and takes nothing that is needed" prunes
test_done
