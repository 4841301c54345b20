# policy.json: which images may be pulled, by their names and by their signatures
# shellcheck shell=sh disable=SC2016,SC2154,SC2317
. "${srcdir:-.}/tests/lib.sh"
. "$srcdir/tests/registry.sh"
have_openssl() { command -v openssl >/dev/null; }
need userns overlay || skip_all "no overlay in user namespaces here"
need python3 openssl || skip_all "no python3 or openssl to sign with"
need registry skopeo || skip_all "no docker-registry or skopeo here"

HOME=$tmp/home
export HOME
mkdir -p "$HOME/.config/containers" layout
policy=$HOME/.config/containers/policy.json
start_registry signed || exit 99

new_key() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null &&
		openssl ec -in "$1.key" -pubout -out "$1.pub" 2>/dev/null
}
new_key ours && new_key other || exit 99

# image NAME: digest in $digest
image() {
	mkdir -p "files-$1" && echo "$1" >"files-$1/name" && tar -cf "$1.tar" -C "files-$1" name &&
		echo "[{\"layers\": [\"$1.tar\"]}]" | python3 "$srcdir/tests/make-image.py" layout "$1" &&
		skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:layout:$1" \
			"docker://$registry/team/$1:1" >/dev/null &&
		digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/team/$1:1")
}
sign() { python3 "$srcdir/tests/push-signature.py" "$registry" "team/$1" "$2" "$3" "$4" ${5+"$5"} ${6+"$6"}; }
zero=sha256:$(printf '%064d' 0)
make_images() {
	image none &&
		image good && sign good "$digest" "$registry/team/good" other.key && sign good "$digest" "$registry/team/good" ours.key &&
		image exact && sign exact "$digest" "$registry/team/exact:1" ours.key &&
		image wrong-key && sign wrong-key "$digest" "$registry/team/wrong-key" other.key &&
		image wrong-name && sign wrong-name "$digest" "$registry/team/good" ours.key &&
		image wrong-digest && sign wrong-digest "$digest" "$registry/team/wrong-digest" ours.key "$zero" &&
		image wrong-type && sign wrong-type "$digest" "$registry/team/wrong-type" ours.key "$digest" attestation
}
test_ok "there are images with signatures" make_images

pull() { rm -rf "$XDG_DATA_HOME/rootlet" && "$ROOTLET" pull -q "$registry/team/$1" >/dev/null; }
refused() { fails_with "$2" pull "$1" && [ -z "$("$ROOTLET" images -q)" ]; }
by_key() { printf '{"type": "sigstoreSigned", "keyPath": "%s/work/%s.pub"%s}' "$tmp" "$1" "${2-}"; }
any_tag=', "signedIdentity": {"type": "matchRepository"}'

test_ok "without a policy of ones own the image comes" pull none:1
echo '{"default": [{"type": "reject"}]}' >"$policy"
test_ok "reject: it does not" refused none:1 "is not to be used"
echo "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"docker\": {\"$registry/team/none\":
	[{\"type\": \"insecureAcceptAnything\"}]}}}" >"$policy"
test_ok "but for one repository" pull none:1
test_ok "and no other" refused good:1 "is not to be used"
echo '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/x"}]}' >"$policy"
test_ok "signatures by GPG cannot be verified" refused good:1 GPG

echo "{\"default\": [$(by_key ours "$any_tag")]}" >"$policy"
test_ok "a signature by the key, among others, will do" pull good:1
test_ok "one with the tag, too" pull exact:1
test_ok "no signature will not" refused none:1 "is not signed"
test_ok "nor one by another key" refused wrong-key:1 "none of its signatures"
test_ok "nor for another repository" refused wrong-name:1 "which will not do"
test_ok "nor of another image" refused wrong-digest:1 "another image"
test_ok "nor one of something else" refused wrong-type:1 "is not an image"
here_already() {
	rm "$policy" && pull none:1 && echo "{\"default\": [$(by_key ours "$any_tag")]}" >"$policy" &&
		fails_with "is not signed" "$ROOTLET" pull "$registry/team/none:1"
}
test_ok "also where the image is here already" here_already

echo "{\"default\": [$(by_key ours)]}" >"$policy"
test_ok "a tag has to be signed, where nothing else is said" pull exact:1
test_ok "the repository alone is not enough" refused good:1 "which will not do"
good=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/team/good:1")
test_ok "it is for an image by its digest" pull "good@$good"
echo "{\"default\": [$(by_key ours "$any_tag"), $(by_key other "$any_tag")]}" >"$policy"
test_ok "two keys: both have signed" pull good:1
test_ok "one has not" refused exact:1 "none of its signatures"
echo "{\"default\": [$(by_key none)]}" >"$policy"
test_ok "a key that is not there is an error" refused good:1 "no such file"
test_done
