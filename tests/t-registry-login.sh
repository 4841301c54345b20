# login, logout and search: names and passwords for a registry, and what it has
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317
. "${srcdir:-.}/tests/lib.sh"
. "$srcdir/tests/registry.sh"
have_python3 || skip_all "no python3 here"
have_htpasswd() { command -v htpasswd >/dev/null; }
have_openssl() { command -v openssl >/dev/null; }
need registry skopeo || skip_all "no docker-registry or no skopeo here"
need htpasswd || skip_all "no htpasswd here (apache2-utils)"
make_base

# Nothing of the caller's decides a test.
HOME=$tmp/home XDG_RUNTIME_DIR=$tmp/run
export HOME XDG_RUNTIME_DIR
unset XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE SSL_CERT_FILE
CONTAINERS_REGISTRIES_CONF=$tmp/registries.conf
export CONTAINERS_REGISTRIES_CONF
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$tmp/bin"
: >"$CONTAINERS_REGISTRIES_CONF"
auth=$XDG_RUNTIME_DIR/containers/auth.json
secret='s3cr3t pa:ss"w\rd'

rootlet() { "$ROOTLET" "$@"; }
login() { printf '%s\n' "$secret" | "$ROOTLET" login -u tester --password-stdin "$@"; }

# What all of the tests have said: the password is nowhere in there.
said=$tmp/said
: >"$said"
tell() {
	"$@" >"$tmp/told" 2>&1
	told=$?
	cat "$tmp/told" >>"$said"
	cat "$tmp/told"
	return "$told"
}

# --- a registry with a password ---

htpasswd -Bbn tester "$secret" >"$tmp/htpasswd"
start_registry closed "auth: { htpasswd: { realm: test, path: $tmp/htpasswd } }" || exit 99
closed=$registry
start_registry open || exit 99
open=$registry
tar -C "$base" -c . | rootlet import - app >/dev/null || exit 99
put_image() {
	skopeo copy -q --dest-tls-verify=false "$@" "oci:$XDG_DATA_HOME/rootlet:app:latest" "docker://$name"
}
published() {
	for name in "$closed/team/app:1" "$closed/other:1"; do
		put_image --dest-creds "tester:$secret" || return 1
	done
	for name in "$open/a/first:1" "$open/a/second:1" "$open/third:1"; do
		put_image || return 1
	done
}
test_ok "there are registries with images" published

refused_unknown() { fails_with "" rootlet tags "$closed/team/app"; }
test_ok "without a password there are no tags" refused_unknown
wrong_password() {
	printf 'wr0ng' | fails_with "$closed: the name or password is wrong" rootlet login -u tester --password-stdin "$closed" &&
		[ ! -e "$auth" ]
}
test_ok "a wrong password is one clear error, and is not kept" wrong_password
right_password() {
	tell login "$closed" && [ "$(rootlet login --get-login "$closed")" = tester ] &&
		[ "$(rootlet tags "$closed/team/app")" = 1 ]
}
test_ok "the right one is kept, and used" right_password
test_ok "for the user alone" [ "$(stat -c %a "$auth")" = 600 ]
test_ok "skopeo takes it, too" skopeo inspect --tls-verify=false "docker://$closed/team/app:1"
other_port() { fails_with "no name and password are known" rootlet login --get-login "$open"; }
test_ok "it is for that port alone" other_port
with_url() { tell login "http://$closed/v2/" && [ "$(rootlet login --get-login "$closed")" = tester ]; }
test_ok "a URL is taken for the registry in it" with_url
pulled() { tell rootlet pull -q "$closed/team/app:1" && rootlet run "$closed/team/app:1" true; }
test_if overlay "no overlay in user namespaces here" "an image is pulled with it" pulled
never_shown() {
	for c in "login --debug -u tester --password-stdin $closed" "tags --debug $closed/team/app" \
		"search --debug $closed/"; do
		# shellcheck disable=SC2086
		printf '%s\n' "$secret" | tell rootlet $c || return 1
	done
	grep -q 'GET http' "$said" && ! grep -qF -e "$secret" "$said" &&
		! grep -qF -e "$(printf 'tester:%s' "$secret" | base64 -w0)" "$said"
}
test_ok "the password is nowhere in what is said, --debug or not" never_shown
no_argument() {
	: >"$tmp/fifo-out"
	mkfifo "$tmp/fifo"
	"$ROOTLET" login -u tester --password-stdin "$closed" <"$tmp/fifo" >/dev/null 2>&1 &
	pid=$!
	exec 8>"$tmp/fifo"
	for _ in $(seq 200); do
		grep -q rootlet-registry "/proc/$pid/maps" 2>/dev/null && break
		sleep 0.02
	done
	printf '%s\n' "$secret" >&8
	tr '\0' ' ' <"/proc/$pid/cmdline" >"$tmp/cmdline"
	exec 8>&-
	wait "$pid" && ! grep -qF "$secret" "$tmp/cmdline"
}
test_ok "a password on standard input is awaited" no_argument
no_user() { fails_with "--password-stdin needs --user" rootlet login --password-stdin "$closed"; }
test_ok "--password-stdin without --user is an error" no_user
empty() { printf '\n' | fails_with "the password is empty" rootlet login -u tester --password-stdin "$closed"; }
test_ok "an empty password is an error" empty
no_terminal() { fails_with "ask for it at the terminal" setsid -w "$ROOTLET" login -u tester "$closed" </dev/null; }
test_ok "without a terminal there is a hint" no_terminal
not_registry() {
	fails_with "'no_registry' is not a registry" rootlet login -u x --password-stdin no_registry </dev/null &&
		fails_with "is not a registry" rootlet login -u x --password-stdin ../../etc </dev/null
}
test_ok "what is no registry is not logged in to" not_registry

# --- files ---

keeps_others() {
	mkdir -p "$tmp/mine"
	echo '{"auths": {"x.example.com": {"auth": "eDp5"}}, "HttpHeaders": {"A": "b"}}' >"$tmp/mine/real.json"
	ln -sf mine/real.json "$tmp/link.json"
	tell login --authfile "$tmp/link.json" "$closed" && [ -L "$tmp/link.json" ] &&
		[ "$(rootlet login --get-login --authfile "$tmp/link.json" x.example.com)" = x ] &&
		grep -q HttpHeaders "$tmp/mine/real.json" &&
		[ "$(stat -c %a "$tmp/mine/real.json")" = 600 ] && [ "$(ls -A "$tmp/mine")" = real.json ]
}
test_ok "other entries stay, and so does a link" keeps_others
broken_file() {
	echo 'not json' >"$tmp/broken.json"
	login --authfile "$tmp/broken.json" "$closed" >"$tmp/told" 2>&1
	[ $? = 125 ] && grep -q 'broken.json: line 1 is no JSON' "$tmp/told" && [ "$(cat "$tmp/broken.json")" = 'not json' ]
}
test_ok "a file that is broken is named, and stays" broken_file
at_a_time() {
	pids=
	for i in 1 2 3 4; do
		login --authfile "$tmp/many.json" "$closed/path$i" >/dev/null &
		pids="$pids $!"
	done
	for p in $pids; do wait "$p" || return 1; done
	for i in 1 2 3 4; do
		[ "$(rootlet login --get-login --authfile "$tmp/many.json" "$closed/path$i")" = tester ] || return 1
	done
}
test_ok "several at a time lose nothing" at_a_time
logged_out() {
	[ "$(rootlet logout "$closed")" = "logged out of $closed" ] &&
		fails_with "no name and password are known" rootlet login --get-login "$closed" &&
		fails_with "login has kept no name and password" rootlet logout "$closed"
}
test_ok "logout forgets it" logged_out
of_docker() {
	mkdir -p "$HOME/.docker" && cp "$tmp/many.json" "$HOME/.docker/config.json" &&
		[ "$(rootlet tags "$closed/path1/x" 2>&1 | grep -c 'no such repository')" = 1 ] &&
		fails_with "$HOME/.docker/config.json" rootlet logout "$closed/path1"
	of=$?
	rm -r "$HOME/.docker"
	return "$of"
}
test_ok "what docker has kept is used, and named where logout does not forget it" of_docker
of_skopeo() {
	printf '%s\n' "$secret" | skopeo login -u tester --password-stdin --tls-verify=false --authfile "$tmp/skopeo.json" "$closed" &&
		[ "$(rootlet tags --authfile "$tmp/skopeo.json" "$closed/team/app")" = 1 ] &&
		rootlet logout --authfile "$tmp/skopeo.json" "$closed" &&
		! skopeo inspect --tls-verify=false --authfile "$tmp/skopeo.json" "docker://$closed/team/app:1"
}
test_ok "what skopeo has kept is used, and forgotten" of_skopeo
all_out() {
	tell login "$closed" && rootlet logout --all &&
		fails_with "no name and password are known" rootlet login --get-login "$closed"
}
test_ok "logout --all" all_out

# --- helpers ---

cat >"$tmp/bin/docker-credential-test" <<'END'
#!/bin/sh
# One password in a file beside the program.
f=$(dirname "$0")/kept
case $1 in
store) cat >"$f" ;;
get) [ -s "$f" ] && cat "$f" || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) : >"$f" ;;
esac
END
chmod +x "$tmp/bin/docker-credential-test"
PATH=$tmp/bin:$PATH
with_helper() {
	printf '{"credHelpers": {"%s": "test"}}' "$closed" >"$tmp/helped.json"
	tell login --authfile "$tmp/helped.json" "$closed" && grep -q '"Username":"tester"' "$tmp/bin/kept" &&
		! grep -q '"auth"' "$tmp/helped.json" && [ "$(rootlet tags --authfile "$tmp/helped.json" "$closed/team/app")" = 1 ]
}
test_ok "a helper keeps the password, and gives it" with_helper
without_helper() {
	rootlet logout --authfile "$tmp/helped.json" "$closed" && [ ! -s "$tmp/bin/kept" ] &&
		fails_with "no name and password are known" rootlet login --get-login --authfile "$tmp/helped.json" "$closed"
}
test_ok "and forgets it" without_helper
missing_helper() {
	printf '{"credHelpers": {"%s": "none-such"}, "auths": {"%s": {"auth": "%s"}}}' "$closed" "$closed" \
		"$(printf 'tester:%s' "$secret" | base64 -w0)" >"$tmp/missing.json"
	fails_with "docker-credential-none-such: there is no such program" rootlet tags --authfile "$tmp/missing.json" \
		"$closed/team/app"
}
test_ok "a helper that is missing is an error, whatever else there is" missing_helper

# --- registries.conf ---

printf '[[registry]]\nlocation = "%s"\nblocked = true\n' "$open" >"$tmp/blocked.conf"
blocked() {
	for c in pull tags "login -u x --password-stdin"; do
		# shellcheck disable=SC2086
		CONTAINERS_REGISTRIES_CONF=$tmp/blocked.conf \
			fails_with "registry $open is blocked in $tmp/blocked.conf" rootlet $c "$open/third" </dev/null || return 1
	done
}
test_ok "a registry that is blocked is not spoken to, and the file is named" blocked
mirrored() {
	printf '[[registry]]\nprefix = "main.example.com"\nlocation = "%s"\n' "$open" >"$tmp/moved.conf"
	CONTAINERS_REGISTRIES_CONF=$tmp/moved.conf rootlet tags main.example.com/third
}
test_ok "a name stands for another place" prints 1 mirrored
no_conf() {
	CONTAINERS_REGISTRIES_CONF=$tmp/none.conf fails_with "$tmp/none.conf: there is no such file" rootlet tags "$open/third"
}
test_ok "a file that is named and not there is an error" no_conf

# --- TLS ---

make_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test \
		-addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout "$tmp/tls.key" -out "$tmp/tls.crt" 2>/dev/null
}
if need openssl && make_ca; then
	start_registry tls "  tls: { certificate: $tmp/tls.crt, key: $tmp/tls.key }
auth: { htpasswd: { realm: test, path: $tmp/htpasswd } }" || exit 99
	tls=$registry
	untrusted() {
		login "$tls" >"$tmp/told" 2>&1
		[ $? = 125 ] && grep -q "certificate is not to be trusted" "$tmp/told" &&
			grep -q "certs.d/$tls/ca.crt" "$tmp/told"
	}
	test_ok "a certificate of nobody is refused" untrusted
	test_ok "and taken with --tls-verify=false" tell login --tls-verify=false "$tls"
	mkdir "$tmp/certs" && cp "$tmp/tls.crt" "$tmp/certs/ca.crt"
	test_ok "or with its CA in --cert-dir" tell login --cert-dir "$tmp/certs" "$tls"
	mkdir -p "$HOME/.config/containers/certs.d/$tls" && cp "$tmp/tls.crt" "$HOME/.config/containers/certs.d/$tls/ca.crt"
	test_ok "or in certs.d" tell login "$tls"
	test_ok "or in \$SSL_CERT_FILE" env SSL_CERT_FILE="$tmp/tls.crt" HOME=/ "$ROOTLET" login --get-login "$tls"
	not_plain() {
		printf 'wr0ng' | fails_with "$tls: the name or password is wrong" rootlet login --debug -u tester --password-stdin "$tls"
		! grep -q 'GET http:' "$tmp/stderr" && grep -q 'GET https:' "$tmp/stderr"
	}
	test_ok "where there is TLS nothing is tried without" not_plain
else
	test_skip "TLS" "no openssl here"
fi

# Without TLS on another address than the loopback's.
if need userns && command -v ip >/dev/null; then
	cat >"$tmp/away.sh" <<-'END'
		ip link set lo up && ip addr add 192.0.2.1/32 dev lo || exit 99
		sed "s/addr: .*/addr: 192.0.2.1:5000/" "$tmp/registry-closed.yml" >"$tmp/away.yml"
		docker-registry serve "$tmp/away.yml" >"$tmp/away.log" 2>&1 &
		pid=$!
		for _ in $(seq 400); do
			(: >/dev/tcp/192.0.2.1/5000) 2>/dev/null && break
			sleep 0.05
		done
		"$ROOTLET" login -u tester --password-stdin $1 192.0.2.1:5000 <"$tmp/secret"
		s=$?
		kill $pid
		exit $s
	END
	printf '%s\n' "$secret" >"$tmp/secret"
	printf '[[registry]]\nlocation = "192.0.2.1:5000"\ninsecure = true\n' >"$tmp/insecure.conf"
	export tmp
	away() { unshare -Urn bash "$tmp/away.sh" "$@" >"$tmp/told" 2>&1; }
	refused_plain() {
		CONTAINERS_REGISTRIES_CONF=$tmp/insecure.conf away
		[ $? = 125 ] && grep -q '192.0.2.1:5000 has no TLS: others could read the password' "$tmp/told"
	}
	test_ok "a password is not sent to another machine without TLS" refused_plain
	warned_plain() { away --tls-verify=false && grep -q 'warning: 192.0.2.1:5000 has no TLS' "$tmp/told"; }
	test_ok "unless the user says so, with a warning" warned_plain
else
	test_skip "a password without TLS" "no user namespaces, or no ip(8), here"
fi

# --- the terminal ---

# The words of the scripts are those of pty.c.
at_terminal() { "$testbin/pty" drive "$ROOTLET" login --authfile "$tmp/typed.json" "$closed"; }
asked() {
	at_terminal <<-X &&
		expect name of the user at $closed:
		send tester\\r
		expect password of tester:
		send typed secret\\r
		expect logged in to $closed
		absent typed
		exit 0
		same
	X
		[ "$(rootlet login --get-login --authfile "$tmp/typed.json" "$closed")" = tester ]
}
htpasswd -Bbn tester 'typed secret' >"$tmp/htpasswd"
test_ok "the terminal is asked for name and password, which it does not show" asked
given_up() {
	at_terminal <<-X
		expect name of the user
		send tester\\r
		expect password of tester:
		key C
		exit 130
		same
	X
}
test_ok "^C leaves the terminal as it was" given_up

# --- search ---

list_all() {
	printf '%s\n' "$open/a/first" "$open/a/second" "$open/third" >"$tmp/want"
	rootlet search "$open/" | cmp - "$tmp/want" && rootlet search "$open" | cmp - "$tmp/want"
}
test_ok "all that a registry has" list_all
test_ok "what has a term in its name" prints "$open/a/second" rootlet search "$open/SECO"
test_ok "no more than asked for" prints "$open/a/first" rootlet search --limit 1 "$open/"
test_ok "nothing is no error" prints "" rootlet search "$open/none-such"
several() {
	printf 'unqualified-search-registries = ["%s", "127.0.0.1:1"]\n' "$open" >"$tmp/search.conf"
	CONTAINERS_REGISTRIES_CONF=$tmp/search.conf rootlet search thi 2>"$tmp/stderr"
	grep -q '127.0.0.1:1: it cannot be connected to' "$tmp/stderr"
}
test_ok "without a registry those of registries.conf are searched; one that is not there is told" \
	prints "$open/third" several

cat >"$tmp/hub.py" <<'END'
import http.server, json, sys, urllib.parse
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_GET(self):
        u = urllib.parse.urlparse(self.path)
        q = urllib.parse.parse_qs(u.query)
        page, body, status, link = int(q.get("page", ["1"])[0]), {}, 200, None
        if u.path == "/v2/_catalog" and MODE == "pages":
            n = int(q.get("last", ["0"])[0])
            body = {"repositories": ["r%03d" % (n + i) for i in range(10)]}
            link = "</v2/_catalog?last=%d&n=10>; rel=\"next\"" % (n + 10) if n < 90 else None
        elif u.path == "/v1/search" and MODE == "v1":
            all = [{"name": "n%03d" % i, "description": "of %s \x1b[2J" % q["q"][0], "star_count": i,
                    "is_official": i == 0} for i in range(150)]
            body = {"results": all[(page - 1) * 100:page * 100]}
        elif u.path != "/v2/":
            status = 404
        data = json.dumps(body).encode()
        self.send_response(status)
        if link: self.send_header("Link", link)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
MODE = sys.argv[1]
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
s.serve_forever()
END
# serve MODE: $fake is where it is.
serve() {
	: >"$tmp/port"
	python3 "$tmp/hub.py" "$1" >"$tmp/port" &
	registry_pids="${registry_pids-} $!"
	for _ in $(seq 400); do
		[ -s "$tmp/port" ] && break
		sleep 0.05
	done
	fake=127.0.0.1:$(cat "$tmp/port")
}
serve pages
test_ok "a list of many pages" prints "$fake/r099" rootlet search "$fake/R099"
test_ok "whose pages are counted" prints 100 sh -c '"$@" | wc -l' sh "$ROOTLET" search --limit 1000 "$fake/"
serve v1
by_v1() {
	rootlet search --limit 120 "$fake/a b&c" >"$tmp/out" && [ "$(wc -l <"$tmp/out")" = 120 ] &&
		head -n 1 "$tmp/out" | grep -q "^$fake/n000 *0  official  of a b&c .x1b.2J$"
}
test_ok "a search as Docker Hub has it, printed safely" by_v1
serve none
no_list() { fails_with "$fake does not tell everybody which images it has" rootlet search "$fake/x"; }
test_ok "a registry that tells nothing is a clear error" no_list
test_done
