# rootlet run IMAGE: what its configuration says is done as docker does it, and the user's options win
# shellcheck shell=sh disable=SC2016,SC2030,SC2031,SC2317,SC3045
. "${srcdir:-.}/tests/lib.sh"
need userns overlay || skip_all "no overlay in user namespaces here"
have_python3 || skip_all "no python3 here"

store=$XDG_DATA_HOME/rootlet
"$ROOTLET" images >/dev/null || exit 99
pty=$testbin/pty
run() { "$ROOTLET" run "$@"; }
uid=$(id -u)

# layer NAME: a tar of directory $tmp/NAME, all of it root's.
layer() { tar -C "$tmp/$1" --sort=name --owner=0 --group=0 --mtime=@1000000000 -cf "$tmp/$1.tar" .; }
# image NAME CONFIG [LAYER...]: of layer "base", and those.
image() {
	image_name=$1 image_config=$2 image_layers="\"$tmp/base.tar\""
	shift 2
	for image_layer; do
		image_layers="$image_layers, \"$tmp/$image_layer.tar\""
	done
	echo "[{\"config\": $image_config, \"layers\": [$image_layers]}]" |
		python3 "$srcdir/tests/make-image.py" "$store" "$image_name:latest"
}

mkdir -p "$tmp/base/bin" "$tmp/base/etc" "$tmp/base/data/sub" "$tmp/base/real" "$tmp/base/home/user"
cp "$testbin/probe" "$testbin/payload" "$testbin/pty" "$tmp/base/bin/"
cp "$testbin/probe" "$tmp/base/bin/setuid"
chmod 4755 "$tmp/base/bin/setuid"
ln -s probe "$tmp/base/bin/true"
ln -s /real "$tmp/base/link"
echo content >"$tmp/base/data/file"
echo real >"$tmp/base/real/file"
printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1001::/home/user:/bin/sh\n' >"$tmp/base/etc/passwd"
printf 'root:x:0:\nuser:x:1001:\nextra:x:1002:user,other\nwheel:x:1003:user\n' >"$tmp/base/etc/group"
layer base
mkdir -p "$tmp/groups/etc"
printf 'root:x:0:\nuser:x:1001:\nnew:x:1007:user\n' >"$tmp/groups/etc/group"
layer groups
mkdir -p "$tmp/gone/etc" "$tmp/gone/data"
: >"$tmp/gone/etc/.wh.passwd"
: >"$tmp/gone/data/.wh.file"
echo later >"$tmp/gone/data/later"
layer gone
mkdir -p "$tmp/linked/etc" "$tmp/linked/nix/etc"
ln -s /nix/etc/passwd "$tmp/linked/etc/passwd"
echo 'nix:x:4242:4243::/nix:/bin/sh' >"$tmp/linked/nix/etc/passwd"
layer linked
mkdir -p "$tmp/outside/etc" "$tmp/outside/data"
ln -s ../../../../../../../../etc/passwd "$tmp/outside/etc/passwd"
ln -s ../../../../../../../../../.. "$tmp/outside/up"
layer outside

# --- command ---

image both '{"Entrypoint": ["probe", "args"], "Cmd": ["a", "b"]}'
image cmd '{"Cmd": ["probe", "args", "x"]}'
image none '{}'
image shell '{"Entrypoint": ["probe", "args", "-c", "echo $HOME \"x\""], "Cmd": null}'

test_ok "entry point and command" prints "$(run none probe args a b)" run both
test_ok "words replace the command" prints "$(run none probe args c)" run both c
test_ok "--entrypoint takes both away" prints "$(run none probe args)" run --entrypoint probe both args
test_ok "an empty --entrypoint, too" prints "$(run none probe args 1)" run --entrypoint '' both probe args 1
test_ok "then there is no command" fails_with "image 'both' has no command" run --entrypoint '' both
test_ok "a command alone" prints "$(run none probe args x)" run cmd
test_ok "words replace it" prints "0 0 0 0:" run cmd probe ids
test_ok "nothing is expanded" prints "$(run none probe args -c 'echo $HOME "x"')" run shell
test_ok "without any there is an error" fails_with "image 'none' has no command" run none
hints() { fails_with "$@" && grep -q "^hint: .*run none COMMAND" "$tmp/stderr"; }
test_ok "with a hint" hints "no command" run none

# --- environment ---

image env '{"Env": ["A=1", "B=two words", "PATH=/x:/bin", "EMPTY=", "NOTHING", "=x"]}'
variable() {
	name=$1
	shift
	run "$@" probe env | sed -n "s/^$name=//p"
}
test_ok "variables of the image" prints "two words" variable B env
test_ok "its PATH" prints /x:/bin variable PATH env
test_ok "those of the user win" prints 2 variable A -e A=2 env
test_ok "what is no variable is left out" prints "" variable NOTHING env
test_ok "without a PATH there is the usual one" \
	prints /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin variable PATH none
image home '{"User": "user", "Env": ["HOME=/elsewhere"]}'
image named '{"User": "user"}'
test_ok "HOME is the user's" prints /home/user variable HOME named
test_ok "unless the image says another" prints /elsewhere variable HOME home

# --- user ---

# Where there is one id alone, nobody has supplementary groups.
if run none probe cat /proc/self/uid_map | awk '{ n += $3 } END { exit n < 2 }'; then
	one_id=
else
	one_id=yes
fi
have_many_ids() { [ -z "$one_id" ]; }
# ids_are IDS GROUPS WORD...
ids_are() {
	want="$1:$2"
	shift 2
	[ -z "$one_id" ] || want=${want%%:*}:
	"$@" >"$tmp/ids" && if [ "$one_id" ]; then sed -i 's/:.*/:/' "$tmp/ids"; fi
	prints "$want" cat "$tmp/ids"
}

image numbered '{"User": "1000"}'
image unknown '{"User": "4321:99"}'
image group '{"User": "user:extra"}'
image root '{"User": "root"}'
image nobody '{"User": "nobody-here"}'
image sneaky '{"User": "+0"}'
image later '{"User": "user"}' groups
image removed '{"User": "user"}' gone
image link '{"User": "nix"}' linked
image out '{"User": "'"$(id -un)"'"}' outside
test_ok "a user by name, with his groups" ids_are "1000 1000 1001 1001" " 1002 1003" run named probe ids
test_ok "by number: the same" ids_are "1000 1000 1001 1001" " 1002 1003" run numbered probe ids
test_ok "one that is not in the file" ids_are "4321 4321 99 99" "" run unknown probe ids
test_ok "with a group: no others" ids_are "1000 1000 1002 1002" "" run group probe ids
test_ok "root" prints "0 0 0 0:" run root probe ids
test_ok "--user wins" prints "0 0 0 0:" run -u 0 named probe ids
test_ok "a user that is not there is an error" fails_with "image 'nobody': its user 'nobody-here'" run nobody true
test_ok "so is an odd number" fails_with "image 'sneaky'" run sneaky true
test_ok "--user helps" run -u root nobody true
test_ok "passwd and group may be in different layers" ids_are "1000 1000 1001 1001" " 1007" run later probe ids
test_ok "a passwd that a layer removed is not there" fails_with "image 'removed': its user 'user'" run removed true
test_ok "passwd may be a link into another layer" ids_are "4242 4242 4243 4243" "" run link probe ids
if [ "$uid" != 0 ]; then
	test_ok "links lead to no file of this machine" fails_with "image 'out': its user" run out true
fi

# --- working directory ---

image dir '{"WorkingDir": "/data/sub"}'
image new-dir '{"WorkingDir": "/made/for/you/"}'
image link-dir '{"WorkingDir": "/link"}'
image relative-dir '{"WorkingDir": "data"}'
test_ok "working directory" prints /data/sub run dir probe cwd
test_ok "it is made when it is missing" prints /made/for/you run new-dir probe cwd
test_ok "also in a read-only run" prints /made/for/you run --read-only new-dir probe cwd
test_ok "--workdir wins" prints /bin run -w /bin dir probe cwd
test_ok "it may be a link" prints /real run link-dir probe cwd
test_ok "a relative one is refused" fails_with "'data' is not an absolute path" run relative-dir true

# --- volumes ---

image volumes '{"Volumes": {"/data": {}, "/fresh/place": {}, "/link": {}}}'
image volumes-gone '{"Volumes": {"/data": {}}}' gone
image volume-of-root '{"Volumes": {"/": {}}}'
image volume-up '{"Volumes": {"/up/tmp": {}}}' outside
image volume-file '{"Volumes": {"/data/file": {}}}'
is_mounted() { run "$@" probe cat /proc/self/mountinfo | awk '{ print $5 }' | grep -qx "$mounted"; }
test_ok "a volume has the image's content" prints content run volumes probe cat /data/file
test_ok "below a link, too" prints real run volumes probe cat /link/file
list() { run "$1" probe ls "$2" | sort; }
mounted=/real
test_ok "it is where the link leads" is_mounted volumes
test_ok "what a layer has removed is not in it" prints "later
sub" list volumes-gone /data
writable() { run "$@" probe write /data/new /fresh/place/new /real/new /top | grep -c ' ok$'; }
test_ok "volumes are writable, as is the rest" prints 4 writable volumes
test_ok "with --read-only, volumes alone" prints 3 writable --read-only volumes
vanishes() { run volumes payload append /data/file more && prints content run volumes probe cat /data/file; }
test_ok "what is written there vanishes" vanishes
# committed IMAGE: a commit of all places.
committed() {
	run --commit committed volumes probe write /data/new /fresh/place/new /real/new /top >/dev/null &&
		prints "file
sub" list committed /data && prints "" list committed /fresh/place &&
		run committed probe cat /top
}
test_ok "and is in no image of the layer" committed
keeps_config() { "$ROOTLET" inspect committed | grep -q '"/fresh/place": {}'; }
test_ok "which still declares them" keeps_config
mkdir -m 777 "$tmp/mine"
echo mine >"$tmp/mine/file"
chmod 755 "$tmp"
test_ok "what the user mounts there is in its stead" prints mine run -v "$tmp/mine:/data" volumes probe cat /data/file
test_ok "above it, too" prints mine run -v "$tmp/mine:/fresh" volumes probe cat /fresh/file
test_ok "below it, it is on top" prints mine run -v "$tmp/mine:/data/sub" volumes probe cat /data/sub/file
test_ok "the rest is the image's" prints content run -v "$tmp/mine:/data/sub" volumes probe cat /data/file
test_ok "the root is no volume" fails_with "image 'volume-of-root': volume '/'" run volume-of-root true
test_ok "a file is none" fails_with "volume '/data/file'" run volume-file true
mounted=/tmp
test_ok "links do not lead out" is_mounted volume-up
volume_owner() { run "$@" probe stat /data | cut -d ' ' -f 2-4; }
test_ok "it has mode and owner of the directory" prints "40755 0 0" volume_owner volumes

# --- the end ---

image stop '{"StopSignal": "SIGUSR1"}'
image stop-number '{"StopSignal": "3"}'
image stop-rt '{"StopSignal": "RTMIN+3"}'
image stop-odd '{"StopSignal": "SIGNIX"}'
# caught SENT GOT WORD...
caught() {
	sent=$1 got=$2
	shift 2
	prints "ready
got $got
41" sh -c '"$pty" kill "$@"; echo $?' sh "$sent" ready "$ROOTLET" run "$@" pty catch 1
}
export pty ROOTLET
test_ok "SIGTERM becomes the stop signal" caught TERM USR1 stop
test_ok "a number" caught TERM QUIT stop-number
test_ok "a real-time signal" caught TERM RTMIN+3 stop-rt
test_ok "--stop-signal wins" caught TERM USR2 --stop-signal usr2 stop
test_ok "without init, too" caught TERM USR1 --init=no stop
test_ok "other signals are passed on as they are" caught INT INT stop
test_ok "without one SIGTERM is itself" caught TERM TERM none
test_ok "one that is none is an error" fails_with "'SIGNIX' is not a signal" run stop-odd true
test_ok "which the user can get by" run --stop-signal TERM stop-odd true
timed() { prints "ready
got USR1" sh -c '"$ROOTLET" run --timeout 300ms stop pty catch 1; [ $? = 124 ]'; }
test_ok "the stop signal comes when time is over" timed

# --- setuid programs ---

test_if many_ids "there is one id alone here" "a setuid program works" \
	ids_are "1000 0 1001 1001" " 1002 1003" run named setuid ids
test_ok "not with --new-privs=no" ids_are "1000 1000 1001 1001" " 1002 1003" run --new-privs=no named setuid ids

# --- what is not for a run stays ---

image full '{"Labels": {"a.b": "c"}, "ExposedPorts": {"80/tcp": {}}, "OnBuild": ["RUN x"],
	"Healthcheck": {"Interval": 5, "Test": ["CMD", "true"]}, "StopSignal": "INT", "User": "1"}'
config_of() { "$ROOTLET" inspect "$1" | python3 -c 'import json, sys; print(sorted(json.load(sys.stdin)["config"]["config"].items(), key=str))'; }
test_ok "inspect shows labels and ports" sh -c '"$ROOTLET" inspect full | grep -q "80/tcp" && "$ROOTLET" inspect full | grep -q "a.b"'
stays() { run -u 0 --commit full2 full probe write /new >/dev/null && prints "$(config_of full)" config_of full2; }
test_ok "a commit keeps all of the configuration" stays

# --- many layers ---

# layers N: an image "layers-N" of that many, each of which replaces /etc/last.
layers() {
	python3 - "$1" "$tmp" <<'X' | python3 "$srcdir/tests/make-image.py" "$store" "layers-$1:latest"
import io, json, sys, tarfile
n, tmp = int(sys.argv[1]), sys.argv[2]
names = [f"{tmp}/base.tar"]
for i in range(1, n):
    names.append(f"{tmp}/layer-{i}.tar")
    with tarfile.open(names[-1], "w") as tar:
        for path in (f"etc/file-{i}", "etc/last"):
            entry = tarfile.TarInfo(path)
            entry.size = len(str(i))
            tar.addfile(entry, io.BytesIO(str(i).encode()))
print(json.dumps([{"layers": names}]))
X
}
for n in 20 60 500 501; do
	layers $n
done
of_all() { prints "$1" run -q "layers-$2" probe cat "/etc/$3"; }
test_ok "20 layers" of_all 19 20 last
test_ok "what is in one of them" of_all 7 20 file-7
no_descriptors() { (ulimit -n 20 && prints 19 run -q layers-20 probe cat /etc/last); }
test_ok "which take no descriptors" no_descriptors
kept_over_20() {
	run -q --keep --name=over20 layers-20 probe write /etc/last /etc/new >/dev/null &&
		prints x9 "$ROOTLET" start over20 probe cat /etc/last &&
		prints x "$ROOTLET" start over20 probe cat /etc/new
}
test_ok "under a layer that is kept" kept_over_20
test_ok "60 layers" of_all 59 60 last
test_ok "what is in one of those" of_all 31 60 file-31
special() {
	special=$tmp/a,b:c\\d=\'e\ f
	mkdir -p "$special" && "$ROOTLET" --store="$special" import -q "$tmp/base.tar" one >/dev/null &&
		"$ROOTLET" --store="$special" run -q --commit=two one probe write /etc/new >/dev/null &&
		prints x "$ROOTLET" --store="$special" run -q two probe cat /etc/new
}
test_ok "layers in a store of any name" special
test_ok "500 layers" of_all 499 500 last
test_ok "what is in one of these" of_all 123 500 file-123
test_ok "501 are too many" fails_with "501 layers" run -q layers-501 true
without_fsopen() { prints 499 "$testbin/no-syscall" fsopen "$ROOTLET" run --idmap=single -q layers-500 probe cat /etc/last; }
if have_sanitizer; then
	test_skip "500 without fsopen(2)" "a sanitizer"
else
	test_ok "500 without fsopen(2)" without_fsopen
fi
few_descriptors() { (ulimit -Sn 100 && prints 499 run -q layers-500 probe cat /etc/last); }
keeps_limit() { (ulimit -Sn 100 && run -q layers-500 probe cat /proc/self/limits | grep -q '^Max open files *100 '); }
test_ok "500 with a limit of 100 descriptors" few_descriptors
test_ok "which is the program's again" keeps_limit
too_few() { (ulimit -n 100 && fails_with "layers" run -q layers-500 true && grep -q '^hint: .*ulimit' "$tmp/stderr"); }
test_ok "a hard limit is named" too_few
full_already() { fails_with "--commit: the image has 500 layers" run -q --commit more layers-500 true; }
test_ok "there is no commit over 500" full_already

# --- platforms ---

case $(uname -m) in
x86_64) own=amd64 other=arm64 ;;
aarch64) own=arm64 other=amd64 ;;
*) own=$(uname -m) other=amd64 ;;
esac
mkdir -p "$tmp/foreign/bin"
# What the kernel does not run: a program for no machine.
printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\377\377' >"$tmp/foreign/bin/program"
head -c 200 /dev/zero >>"$tmp/foreign/bin/program"
chmod 755 "$tmp/foreign/bin/program"
layer foreign
python3 "$srcdir/tests/make-image.py" "$store" several:latest <<X
[{"platform": "linux/$other", "config": {"Cmd": ["program"]}, "layers": ["$tmp/base.tar", "$tmp/foreign.tar"]},
 {"platform": "linux/arm/v7", "config": {"Cmd": ["probe", "args", "v7"]}, "layers": ["$tmp/base.tar"]},
 {"platform": "linux/$own", "config": {"Cmd": ["probe", "args", "own"]}, "layers": ["$tmp/base.tar"]}]
X
echo "[{\"platform\": \"linux/$other\", \"config\": {\"Cmd\": [\"program\"]},
	\"layers\": [\"$tmp/base.tar\", \"$tmp/foreign.tar\"]}]" |
	python3 "$srcdir/tests/make-image.py" "$store" foreign:latest
test_ok "of several, the one for this machine" prints "$(run none probe args own)" run several
test_ok "and again, as it is known" prints "$(run none probe args own)" run several
test_ok "--platform chooses" prints "$(run none probe args v7)" run --platform linux/arm/v7 several
test_ok "and again" prints "$(run none probe args v7)" run --platform linux/arm/v7 several
test_ok "without a system, without the variant" prints "$(run none probe args v7)" run --platform ARM several
test_ok "the other names of this one" prints "$(run none probe args own)" run --platform "$(uname -m)" several
test_ok "without it, it is this machine's again" prints "$(run none probe args own)" run several
lists_platforms() {
	fails_with "not there for platform linux/mips" run --platform linux/mips several true &&
		grep -q "^hint: .*: linux/$other, linux/arm/v7, linux/$own\$" "$tmp/stderr"
}
test_ok "one that is not there: those that are" lists_platforms
test_ok "an image for another one is refused when this is asked for" \
	fails_with "the image is for linux/$other, not for linux/$own" run --platform "linux/$own" foreign true
for platform in '' / linux linux/ linux/a/b/c 'linux/a b' ../x; do
	test_ok "'$platform' is no platform" fails_with "--platform: '$platform' is not a platform" \
		run --platform "$platform" several true
done
test_ok "a directory has none" fails_with "--platform" run --platform "linux/$own" "$tmp/base" true
cannot_run() {
	status 126 run "$@" 2>"$tmp/stderr"
	cat "$tmp/stderr"
	grep -q "^hint: the image is for linux/$other, this machine is linux/$own\$" "$tmp/stderr"
}
test_ok "a program that the kernel cannot run: for what machine it is" cannot_run foreign
test_ok "also of several" cannot_run --platform "linux/$other" several
inspects() { "$ROOTLET" inspect "$@" | grep -o '"variant": "v7"'; }
test_ok "inspect --platform" prints '"variant": "v7"' inspects --platform linux/arm several
inspect_says() { fails_with "not there for platform linux/mips" "$ROOTLET" inspect --platform mips several; }
test_ok "one that is not there" inspect_says

exports() { "$ROOTLET" export "$@" several | tar -tf - | sed -n "/^bin.program$/p" | wc -l; }
test_ok "export --platform" prints 1 exports --platform "linux/$other"
test_ok "and without it, this machine's" prints 0 exports
export_none() { fails_with "not there for platform linux/mips" "$ROOTLET" export --platform mips several; }
test_ok "export of one that is not there" export_none
test_ok "and of one that is none" fails_with "--platform: 'a//b' is not a platform" "$ROOTLET" export --platform a//b several

# --- short names ---

HOME=$tmp/home
export HOME
containers=$HOME/.config/containers
mkdir -p "$containers/registries.conf.d"
"$ROOTLET" tag none registry.example.org/team/tool:latest
"$ROOTLET" tag cmd registry.example.org/team/tool:2
"$ROOTLET" tag both quay.example.org/tool
cat >"$containers/registries.conf" <<'X'
unqualified-search-registries = ["docker.io", # a comment with ]
	"quay.io"]
short-name-mode = "enforcing"
text = """
[aliases]
"trap" = "registry.example.org/team/tool"
"""
[[registry]]
location = "x"
[aliases]
"tool" = "registry.example.org/team/tool" # a comment
bare-key = 'quay.example.org/tool'
"none" = "registry.example.org/team/tool"
"gone" = "registry.example.org/none/such"
"bad" = "../../x"
"tagged" = "quay.example.org/tool:latest"
number = 12
"team/tool" = "quay.example.org/tool"
[other]
"not-here" = "registry.example.org/team/tool"
X
is_tool() { prints "$(run none probe args short)" run "$@" probe args short; }
test_ok "an alias" is_tool tool
test_ok "again, as it is known" is_tool tool
test_ok "with a tag" prints "$(run none probe args x)" run tool:2
test_ok "a bare key, a literal string" prints "$(run none probe args a b)" run bare-key
test_ok "one with a slash" prints "$(run none probe args a b)" run team/tool
test_ok "what is there under the name comes first" prints "0 0 0 0:" run none probe ids
for name in trap not-here gone bad tagged number tool:3 docker.io/tool localhost/tool; do
	test_ok "'$name' is none" fails_with "no image '$name'" run --pull=never "$name" true
done
by_alias() {
	"$ROOTLET" inspect tool >/dev/null && "$ROOTLET" tag tool tool-2 &&
		"$ROOTLET" images --format names | grep -qx tool-2:latest
}
test_ok "inspect and tag know it" by_alias
printf '[aliases]\n"tool" = "quay.example.org/tool"\n"bare-key" = ""\n' >"$containers/registries.conf.d/10.conf"
printf '[aliases]\n"late" = "quay.example.org/tool"\n' >"$containers/registries.conf.d/20.conf"
printf '[aliases]\n"off" = "quay.example.org/tool"\n' >"$containers/registries.conf.d/30.off"
test_ok "later files win" prints "$(run none probe args a b)" run tool
test_ok "all of them are read" prints "$(run none probe args a b)" run late
test_ok "an empty one is none" fails_with "no image 'bare-key'" run --pull=never bare-key true
test_ok "only *.conf" fails_with "no image 'off'" run --pull=never off true
printf '[aliases]\n"mine" = "registry.example.org/team/tool"\n' >"$tmp/mine.conf"
by_variable() { CONTAINERS_REGISTRIES_CONF=$tmp/mine.conf "$ROOTLET" run "$@"; }
test_ok "CONTAINERS_REGISTRIES_CONF is in place of the file" prints "0 0 0 0:" by_variable mine probe ids
printf '[aliases]\n"a" = "quay.example.org/tool"\n"b = \n' >"$containers/registries.conf"
says_line() { fails_with "no image 'nothing'" run --pull=never nothing true && grep -q "^hint: .*registries.conf: line 3 " "$tmp/stderr"; }
test_ok "a file that is not understood is named where a name is missing" says_line
test_ok "but what was read counts" prints "$(run none probe args a b)" run a
rm "$containers/registries.conf"
mkfifo "$containers/registries.conf"
test_ok "a file that is none is not waited for" fails_with "no image 'nothing'" timeout 5 "$ROOTLET" run --pull=never nothing true
rm "$containers/registries.conf"

# --- pulling ---

"$ROOTLET" tag none 127.0.0.1:1/here
unreachable() { fails_with "no image '127.0.0.1:1/x' here: 127.0.0.1:1: " run 127.0.0.1:1/x true; }
test_ok "one that is nowhere, of a registry that is not there" unreachable
test_ok "what may be the beginning of a digest is not pulled" fails_with "no image 'abcdef12'" run --pull=always abcdef12 true
test_ok "--pull has its words" fails_with "neither missing, always, newer nor never" run --pull=daily none true
test_ok "an image that is here needs no registry with --pull=newer" status 0 run --pull=newer 127.0.0.1:1/here probe ids
test_ok "with --pull=always it does" fails_with "127.0.0.1:1" run --pull=always 127.0.0.1:1/here probe ids
test_done
