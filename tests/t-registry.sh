# registries that misbehave (tests/faulty-registry.py): success or one clear error, in a limited time
# shellcheck shell=sh disable=SC2016,SC2086,SC2317
. "${srcdir:-.}/tests/lib.sh"
have_openssl() { command -v openssl >/dev/null; }
need python3 || skip_all "no python3 for a registry"
need openssl || skip_all "no openssl to make certificates with"

HOME=$tmp/home
export HOME
mkdir -p "$HOME" certs ca layout cases big
secret=password-that-nobody-may-see token=token-that-nobody-may-see

# --- what the registry has ---

head -c 600000 /dev/urandom >big/content
tar -cf layer.tar -C big content
echo '[{"layers": ["layer.tar"]}]' | python3 "$srcdir/tests/make-image.py" layout latest || exit 99

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "ca/$1.key" 2>/dev/null; }
# certificate NAME ALTERNATIVE DAYS
certificate() {
	new_key "$1" && echo "subjectAltName=$2" >"ca/$1.ext" &&
		openssl req -new -key "ca/$1.key" -subj "/CN=$1" -out "ca/$1.csr" 2>/dev/null &&
		openssl x509 -req -in "ca/$1.csr" -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -days "$3" \
			-extfile "ca/$1.ext" -out "ca/$1.crt" 2>/dev/null &&
		cat "ca/$1.crt" "ca/$1.key" >"certs/$1.pem"
}
new_key ca && openssl req -x509 -new -key ca/ca.key -days 2 -subj /CN=test -out ca/ca.crt 2>/dev/null || exit 99
certificate good IP:127.0.0.1,IP:127.5.0.1 2 && certificate wrong-name DNS:elsewhere.example 2 &&
	certificate expired IP:127.0.0.1 -1 || exit 99
new_key self-signed && openssl req -x509 -new -key ca/self-signed.key -days 2 -subj /CN=self \
	-addext subjectAltName=IP:127.0.0.1 -out ca/self-signed.crt 2>/dev/null &&
	cat ca/self-signed.crt ca/self-signed.key >certs/self-signed.pem || exit 99
SSL_CERT_FILE=$tmp/work/ca/ca.crt
export SSL_CERT_FILE

: >log
python3 "$srcdir/tests/faulty-registry.py" layout certs log >ports 2>faulty.err &
faulty=$!
trap 'kill $faulty 2>/dev/null; cleanup' EXIT
wait_line ports ready || exit 99
at() { sed -n "s/^$1 //p" ports; }
auth=$(printf 'alice:%s' "$secret" | base64 -w0)
sed -n 's/^\([^ ]*\) \(.*\)/\2/p' ports | awk -v auth="$auth" '
	BEGIN { printf "{\"auths\": {" }
	/^127\.0\.0\.1/ { printf "%s\"%s\": {\"auth\": \"%s\"}", n++ ? ", " : "", $1, auth }
	END { print "}}" }' >auth.json

# --- all cases, many at a time ---

# begin COMMAND PLACE REPOSITORY: in the background; what comes out is in cases/COMMAND-PLACE-REPOSITORY.
begin() {
	id=$1-$2-$(echo "$3" | tr / -)
	(
		case $1 in
		login) set -- tags "$2" "$3" --debug --authfile auth.json ;;
		pull) set -- pull "$2" "$3" -q ;;
		*) set -- tags "$2" "$3" ;;
		esac
		verb=$1 ref=$(at "$2")/$3
		shift 3
		XDG_DATA_HOME=$tmp/work/cases/$id.data
		export XDG_DATA_HOME
		# Long enough for a machine that is busy, where it is not what is tested.
		case $id in
		*stall* | *loris*) limit=2 ;;
		*) limit=10 ;;
		esac
		timeout -s KILL 60 "$ROOTLET" "$verb" --timeout "$limit" "$@" "$ref" >"cases/$id.out" 2>"cases/$id.err"
		echo $? >"cases/$id.status"
	) &
	echo "$id" >>started
	jobs=$((jobs + 1)) pids="$pids $!"
	[ $((jobs % 20)) = 0 ] || return 0
	# Not for the registry itself.
	[ -n "${slow_pids-}" ] || return 0
	wait $pids
	pids=''
}
jobs=0 pids=''

# Each line: what is done, where, the repository, and what comes of it: "=", or a part of the message.
cat >table <<'END'
tags plain 500/tags answers 500
tags plain 429-words/tags answers 429
tags plain 429-large/tags answers 429
tags plain cut-0/tags Empty reply
tags plain cut-length/tags remaining to read
tags plain cut-chunked/tags data remaining
tags ping-500 ok/tags answers 500
tags ping-cut-0 ok/tags connection to
pull plain cut-0/layer Empty reply
pull plain cut-length/layer it ends after
pull plain cut-chunked/layer it ends after
pull plain cut-close/layer it ends after
pull plain cut-head/layer it ends after 0 of
pull plain short/layer it ends after
pull plain gzip/layer it ends after
pull plain 500/layer answers 500
pull plain short/config it ends after
pull plain size/manifest it ends after
pull plain size-huge/manifest it ends after
pull plain cut-length/manifest remaining to read
tags plain ok/tags =
tags plain cut-close/tags cannot be read
tags plain cut-once/tags =
tags plain stall-head/tags hardly any
tags plain stall-body/tags hardly any
tags plain loris-head/tags hardly any
tags plain loris-body/tags hardly any
tags plain short/tags cannot be read
tags plain endless/tags its answer has more than 4194304 bytes
tags plain endless-chunked/tags its answer has more than 4194304 bytes
tags plain huge/tags its answer has more than 4194304 bytes
tags plain headers/tags the headers of its answer have more than 65536 bytes
tags plain continue/tags the headers of its answer have more than 65536 bytes
tags plain wrong-type/tags =
tags plain gzip/tags cannot be read
tags plain bomb/tags cannot be read
tags plain http10/tags =
tags plain close/tags =
tags plain garbage/tags HTTP/0.9
tags plain escapes/tags answers 403: no\x1b]0;owned\x07
tags plain status-204/tags answers 204
tags plain status-206/tags answers 206
tags plain status-304/tags which is not followed
tags plain status-999/tags answers 999
tags plain 404/tags no such repository
tags plain html/tags cannot be read
tags plain redirect-loop/tags more than 5 times
tags plain redirect-other/tags =
tags plain redirect-tls-other/tags =
tags plain redirect-file/tags not to be reached by TLS
tags plain redirect-unix/tags not to be reached by TLS
tags plain redirect-gopher/tags not to be reached by TLS
tags plain redirect-relative/tags =
tags plain redirect-same/tags =
tags plain redirect-user/tags =
tags plain redirect-control/tags no valid address
tags plain redirect-none/tags does not say where
tags plain 429-second/tags =
tags plain 429-date/tags =
tags plain 429-hour/tags come back in 3600 seconds
tags plain 503-once/tags =
tags plain token-ok/tags =
tags plain token-access/tags =
tags plain token-scope/tags =
tags plain token-503/tags =
tags plain token-loop/tags who we are
tags plain token-crlf/tags without a valid one
tags plain token-huge/tags more than 65536 bytes
tags plain token-endless/tags more than 65536 bytes
tags plain token-headers/tags more than 65536 bytes
tags plain token-none/tags without a valid one
tags plain token-number/tags without a valid one
tags plain token-html/tags without a valid one
tags plain token-stall/tags fetch a token from 127.0.0.1
tags plain token-redirect/tags status 307
tags plain token-401/tags who we are is not known
tags plain realm-other/tags without TLS
tags plain realm-file/tags does not say validly
tags plain realm-none/tags does not say validly
tags plain realm-control/tags does not say validly
tags plain realm-escape/tags fetch a token from
tags plain 401/tags who we are
tags plain basic/tags who we are
tags plain both-ways/tags =
tags plain paging-ok/tags =
tags plain paging-relative/tags =
tags plain paging-full/tags =
tags plain paging-endless/tags has no end
tags plain paging-same/tags does not say validly where it goes on
tags plain paging-other/tags does not say validly where it goes on
tags plain paging-file/tags does not say validly where it goes on
tags plain paging-previous/tags =
tags plain paging-large/tags a tag that is none
tags plain tags-null/tags =
tags plain tags-number/tags cannot be read
tags plain tags-mixed/tags a tag that is none
tags plain tags-many/tags its answer has more than
tags plain tags-escape/tags =
tags ping-404 ok/tags is not a registry
tags ping-401 ok/tags =
tags ping-stall-head ok/tags hardly any
tags ping-redirect-other ok/tags =
tags ping-endless ok/tags its answer has more than
tags ping-headers ok/tags the headers of its answer
tags ping-basic ok/tags =
tags ping-token ok/tags =
tags ping-realm-other ok/tags without TLS
tags tls ok/tags =
tags tls token-ok/tags =
tags tls redirect-down/tags not to be reached by TLS
tags tls realm-down/tags without TLS
tags tls paging-down/tags does not say validly where it goes on
tags self-signed ok/tags self-signed
tags expired ok/tags expired
tags wrong-name ok/tags target host name
login plain basic/tags =
login plain basic-loop/tags refuses us
login plain basic-other/tags =
login plain token-ok/tags =
login plain token-other/tags =
login plain realm-other/tags without TLS
login plain realm-tls-other/tags to another site
login plain realm-at/tags to another site
login plain redirect-other/tags =
login plain redirect-user/tags =
login tls basic/tags =
login tls realm-tls-other/tags to another site
login tls realm-down/tags without TLS
login self-signed basic/tags self-signed
pull plain ok/any =
pull plain cut-each/layer =
pull plain cut-once/layer =
pull plain http10/layer =
pull plain close/any =
pull plain wrong-type/any =
pull plain range-200/layer =
pull plain 503-once/any =
pull plain redirect-other/any =
pull plain token-ok/any =
pull plain foreign/manifest =
pull plain long/layer more than the
pull plain endless/layer more than the
pull plain endless-chunked/layer more than the
pull plain huge/layer more than the
pull plain stall-head/layer hardly any
pull plain stall-body/layer hardly any
pull plain loris-body/layer hardly any
pull plain headers/layer the headers of its answer
pull plain wrong-body/layer the blob is sha256:
pull plain wrong-body/config has other content
pull plain long/config more than the
pull plain 404/config does not have it
pull plain 404/layer does not have it
pull plain status-204/layer answers 204
pull plain status-206/layer another part
pull plain range-416/layer fewer bytes
pull plain range-wrong/layer another part
pull plain range-missing/layer another part
pull plain redirect-loop/layer more than 5 times
pull plain redirect-file/layer not to be reached by TLS
pull plain escapes/layer no\x1b]0;owned\x07
pull plain wrong-body/manifest what came is
pull plain wrong-header/manifest what came is
pull plain type-index/manifest and is a manifest
pull plain huge/manifest its answer has more than 4194304 bytes
pull plain endless/manifest its answer has more than 4194304 bytes
pull plain stall-body/manifest hardly any
pull plain gzip/manifest what came is
pull plain bomb/manifest what came is
pull plain schema1/manifest schema version 1
pull plain both/manifest an index at the same time
pull plain path/manifest no valid digest
pull plain upper/manifest no valid digest
pull plain not-json/manifest not a JSON object
pull plain deep/manifest not a JSON object
pull plain other-config/manifest is not a document
pull plain 404/manifest has no image
END
need userns overlay || sed -i '/^pull/d' table
# Those that take their time are begun first, all at once.
grep -E '(stall|loris|cut-[0chl]|short|500|words|large|size|gzip/l)' table >slow
grep -vxF -f slow table >quick
while read -r verb place repository _; do
	begin "$verb" "$place" "$repository"
done <slow
slow_pids=$pids pids='' jobs=0
while read -r verb place repository _; do
	begin "$verb" "$place" "$repository"
done <quick
wait $pids $slow_pids

# --- what has come of them ---

replay() {
	cat "cases/$1.out"
	grep -v '^rootlet: \(GET\|HEAD\|token from\|again in\|[0-9]*\(,.*\)\{0,1\}$\)' "cases/$1.err" >&2
	return "$(cat "cases/$1.status")"
}
succeeds() {
	replay "$1" >"$tmp/stdout" 2>"$tmp/stderr" || {
		cat "$tmp/stderr"
		return 1
	}
	[ ! -s "$tmp/stderr" ] && ! LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" "$tmp/stdout"
}
# Nothing has a name that it does not deserve, and nothing is half made.
store_is_right() {
	store=cases/$1.data/rootlet
	[ -d "$store" ] || return 0
	for blob in "$store"/blobs/sha256/*; do
		[ -e "$blob" ] || continue
		[ "$(sha256sum <"$blob")" = "${blob##*/}  -" ] || {
			echo "wrong: $blob"
			return 1
		}
	done
	[ -z "$(find "$store" -name '.tmp-*')" ] || return
	XDG_DATA_HOME=$tmp/work/cases/$1.data "$ROOTLET" verify >"$tmp/verified" 2>&1 || {
		cat "$tmp/verified"
		return 1
	}
	n=$(XDG_DATA_HOME=$tmp/work/cases/$1.data "$ROOTLET" images -q | wc -l)
	[ "$n" = "$2" ] || {
		echo "$n images"
		return 1
	}
}
pulled() {
	succeeds "$1" && store_is_right "$1" 1 && cmp big/content cases/"$1".data/rootlet/layers/*/*/content
}
not_pulled() {
	fails_with "$2" replay "$1" && store_is_right "$1" 0
}

while read -r verb place repository want; do
	id=$verb-$place-$(echo "$repository" | tr / -)
	case $verb$want in
	pull=) test_ok "$place $repository: pulled" pulled "$id" ;;
	pull*) test_ok "$place $repository: not pulled, $want" not_pulled "$id" "$want" ;;
	*=) test_ok "$place $repository: $verb" succeeds "$id" ;;
	*) test_ok "$place $repository: no $verb, $want" fails_with "$want" replay "$id" ;;
	esac
done <table

# --- who has been told what ---

test_ok "the password has been asked for and sent" grep -q "^plain GET /v2/basic/tags/tags/list.* Basic alice:$secret" log
test_ok "and for a token" grep -q "^plain GET /token/token-ok?.* Basic alice:$secret" log
others_know_nothing() {
	grep '^\(tls-\)\{0,1\}other ' log >others && ! grep -v ' nobody *$' others && ! grep -e "$secret" -e "$token" others
}
test_ok "another host has been told nothing" others_know_nothing
test_ok "nor anybody without a certificate" eval '! grep "^\(self-signed\|expired\|wrong-name\) " log'
test_ok "no address of a manifest has been gone to" eval '! grep foreign log | grep -v /v2/'
test_ok "a token is asked for what is done alone" eval '! grep "secret/other" log | grep "/token/"'
shows_nothing() {
	cat cases/*.err cases/*.out >shown
	! grep -aF -e "$secret" -e "$token" -e "$auth" shown
}
test_ok "nothing of it is shown, with --debug either" shows_nothing
test_ok "the registry has done what it was told" test ! -s faulty.err

# --- and afterwards ---

# In the store that a faulty registry was pulled into; a part of a blob that is wrong is found out once.
heals() {
	for id; do
		XDG_DATA_HOME=$tmp/work/cases/pull-plain-$id.data
		echo "$id:"
		"$ROOTLET" pull -q "$(at plain)/ok/any" >/dev/null 2>"$tmp/stderr" ||
			"$ROOTLET" pull -q "$(at plain)/ok/any" >/dev/null || return
		store_is_right "pull-plain-$id" 1 || return
	done
}
if need userns overlay; then
	test_ok "what it has left spoils no other pull" heals cut-length-layer gzip-layer wrong-body-layer \
		long-layer range-wrong-layer range-416-layer short-config size-manifest size-huge-manifest
fi
test_done
