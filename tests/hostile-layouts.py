#!/usr/bin/env python3
"""Fill a store with images that nobody's tool makes: hostile-layouts.py STORE TRUE WITNESS

STORE becomes an OCI layout, closed to others, with one image of each kind; TRUE is a static program
that each has as /bin/true; WITNESS is a directory of the host that some try to reach.  What the tests
expect of each is in t-hostile.sh.
"""
import gzip
import hashlib
import io
import json
import os
import platform
import sys
import tarfile

store, true, witness = sys.argv[1:4]
OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
NAME = "org.opencontainers.image.ref.name"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
blobs = os.path.join(store, "blobs", "sha256")
os.makedirs(blobs, mode=0o700)
os.chmod(store, 0o700)
for d in "layers", "cache", "scratch":
    os.mkdir(os.path.join(store, d), 0o700)
manifests = []


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def put(data, digest=None):
    """A blob; under another digest than its own when told."""
    digest = digest or sha(data)
    with open(os.path.join(blobs, digest[7:]), "wb") as f:
        f.write(data)
    return digest


def dump(doc):
    return doc if isinstance(doc, bytes) else json.dumps(doc).encode()


def descriptor(kind, data, digest=None, **more):
    return dict({"mediaType": kind, "digest": digest or sha(data), "size": len(data)}, **more)


def name(text, d, tag=":latest"):
    manifests.append(dict(d, annotations={NAME: text + tag}))


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for path, kind, value in entries:
            i = tarfile.TarInfo(path)
            i.type, i.mode = kind, 0o755
            if kind == tarfile.REGTYPE:
                i.size = len(value)
                t.addfile(i, io.BytesIO(value))
            else:
                i.linkname = value
                t.addfile(i)
            if path == "bin/true":
                i = tarfile.TarInfo("bin/probe")
                i.type, i.linkname = tarfile.LNKTYPE, "bin/true"
                t.addfile(i)
    return out.getvalue()


REG, DIR, SYM, FIFO = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE
PROGRAM = ("bin/true", REG, open(true, "rb").read())
PASSWD = ("etc/passwd", REG, b"root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
PLAIN = tar(PROGRAM, PASSWD)


def own(text):
    """A layer that no other image has, so that it is not unpacked already."""
    return tar(PROGRAM, PASSWD, ("only", REG, text.encode()))


def base_config(layers, **config):
    return {"architecture": ARCH, "os": "linux", "created": "2001-02-03T04:05:06Z",
            "config": dict({"Cmd": ["/bin/true"]}, **config),
            "rootfs": {"type": "layers", "diff_ids": [sha(x) for x in layers]}}


def image(text, layers=(PLAIN,), layer_type=OCI + "layer.v1.tar", config=None, config_text=None,
          change=None, change_config=None, manifest_text=None, manifest_type=OCI + "manifest.v1+json"):
    """One image; what is changed of its documents is told by functions of them.  Its layer is its own."""
    if layers and layers[0] is PLAIN:
        layers = (own(text),) + tuple(layers[1:])
    doc = base_config(layers, **(config or {}))
    if change_config:
        change_config(doc)
    conf = config_text or dump(doc)
    put(conf)
    for data in layers:
        put(data)
    m = {"schemaVersion": 2, "mediaType": manifest_type,
         "config": descriptor(OCI + "config.v1+json", conf),
         "layers": [descriptor(layer_type, data) for data in layers]}
    if change:
        m = change(m) or m
    data = manifest_text(m) if manifest_text else dump(m)
    name(text, descriptor(manifest_type, data))
    put(data)
    return m, data


def layer(**fields):
    def change(m):
        m["layers"][0].update(fields)
    return change


def outer(**fields):
    def change(m):
        m.update(fields)
    return change


def config_of(**fields):
    def change(m):
        m["config"].update(fields)
    return change


# --- what is all right ---
image("good")
GZ = gzip.compress(own("good-gzip"))
image("good-gzip", change=lambda m: m["layers"].__setitem__(
    0, descriptor(OCI + "layer.v1.tar+gzip", GZ, put(GZ))))
image("good-docker", layer_type=DOCKER + "image.rootfs.diff.tar",
      manifest_type=DOCKER + "distribution.manifest.v2+json",
      change=config_of(mediaType=DOCKER + "container.image.v1+json"))

# --- digests that lie, or are none ---
real = dump({"schemaVersion": 2})
name("manifest-digest", descriptor(OCI + "manifest.v1+json", real,
                                   put(b"{\"schemaVersion\": 2 }", sha(real))))
other = dump(base_config((PLAIN,), User="0"))
image("config-digest", change=config_of(digest=put(other + b" ", sha(other))))
image("layer-digest", change=layer(digest=put(own("layer-digest"), sha(b"other"))))
image("layer-size", change=layer(size=len(PLAIN) + 512))
image("layer-size-negative", change=layer(size=-1))
image("layer-size-text", change=layer(size=str(len(PLAIN))))
image("layer-size-huge", change=layer(size=2**63 - 1))
image("diff-id", change_config=lambda c: c["rootfs"].update(diff_ids=[sha(b"x")]))
image("diff-id-missing", change_config=lambda c: c.pop("rootfs"))
image("diff-id-fewer", change_config=lambda c: c["rootfs"].update(diff_ids=[]))
image("diff-id-number", change_config=lambda c: c["rootfs"].update(diff_ids=[7]))
BAD = {"up": "sha256:../../../" + witness.lstrip("/") + "/canary", "up64": "sha256:" + ("../" * 22)[:64],
       "upper": sha(PLAIN).upper().replace("SHA256", "sha256"), "md5": "md5:" + "0" * 32, "short": "sha256:abc",
       "empty": "", "bare": sha(PLAIN)[7:], "long": sha(PLAIN) + "0"}
for key, value in BAD.items():
    image("layer-" + key, change=layer(digest=value))
    image("config-" + key, change=config_of(digest=value))
    image("diff-" + key, change_config=lambda c, v=value: c["rootfs"].update(diff_ids=[v]))
    name("manifest-" + key, descriptor(OCI + "manifest.v1+json", b"", value))

# --- types that lie ---
image("type-gzip", change=layer(mediaType=OCI + "layer.v1.tar+gzip"))
image("type-docker-gzip", change=layer(mediaType=DOCKER + "image.rootfs.diff.tar.gzip"))
for key in "none", "zstd":
    GZ = gzip.compress(own("type-" + key))
    image("type-" + key, change=lambda m: m["layers"].__setitem__(
        0, descriptor(OCI + "layer.v1.tar" + {"none": "", "zstd": "+zstd"}[key], GZ, put(GZ))))
image("type-encrypted", change=layer(mediaType=OCI + "layer.v1.tar+encrypted"))
image("type-text", change=layer(mediaType="text/plain"))
image("type-control", change=layer(mediaType="\x1b]0;title\x07"))
good, good_data = image("both", change=outer(manifests=[]))
m, data = image("both-index", manifest_type=OCI + "index.v1+json", change=outer(
    manifests=[descriptor(OCI + "manifest.v1+json", good_data, platform={"os": "linux", "architecture": ARCH})]))
image("index-of-a-manifest", manifest_type=OCI + "index.v1+json")
image("manifest-of-nothing", manifest_type="text/plain")
image("schema-1", change=outer(schemaVersion=1))
image("no-config", change=lambda m: {k: v for k, v in m.items() if k != "config"})
image("no-layers", change=lambda m: {k: v for k, v in m.items() if k != "layers"})
image("layers-none", layers=())
image("layers-501", change=lambda m: dict(m, layers=m["layers"] * 501),
      change_config=lambda c: c["rootfs"].update(diff_ids=c["rootfs"]["diff_ids"] * 501))
loop = dump({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": []})
inner = dump({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
    descriptor(OCI + "index.v1+json", loop, put(loop), platform={"os": "linux", "architecture": ARCH})]})
name("index-in-index", descriptor(OCI + "index.v1+json", inner, put(inner)))

# --- documents that are hardly any ---
def raw(text, data):
    name(text, descriptor(OCI + "manifest.v1+json", data, put(data)))


raw("nested", b"[" * 100000 + b"]" * 100000)
raw("nested-object", b'{"a":' * 100000 + b"1" + b"}" * 100000)
raw("empty-document", b"")
raw("list", b"[1]")
raw("cut-document", good_data[:100])
raw("not-utf8", b'{"schemaVersion": 2, "x": "\xff\xfe"}')
raw("megabytes", b'{"x": "' + b"a" * (5 << 20) + b'"}')
raw("real-overflow", good_data[:-1] + b', "x": 1e999}')
raw("integer-overflow", good_data[:-1] + b', "x": 99999999999999999999}')
raw("twice", good_data[:-1] + b', "layers": []}')
raw("nul", good_data[:-1] + b', "x": "a\\u0000b"}')

# --- configurations ---
image("env-large", config={"Env": ["A=" + "x" * 1000] * 3000})
image("env-odd", config={"Env": ["", "=", "=x", "NOEQUALS", "PATH=\x1b[31m", "LD_PRELOAD=/evil.so"]})
image("env-number", config={"Env": ["A=1", 7]})
image("env-text", config={"Env": "A=1"})
for key, value in {"fd": "/proc/self/fd/7", "up": "../../../..", "up-absolute": "/../../..",
                   "long": "/" + "d/" * 3000, "number": 7, "control": "/\x1b]0;title\x07"}.items():
    image("workdir-" + key, config={"WorkingDir": value})
for key, value in {"minus": "-1", "max": "4294967295", "huge": "99999999999999999999", "colons": "0:0:0",
                   "group-minus": "0:-1", "group-max": "0:4294967295", "unknown": "nobody-here",
                   "path": "../../etc/passwd", "control": "\x1b]0;title\x07", "number": 0, "colon": ":"}.items():
    image("user-" + key, config={"User": value})
image("user", config={"User": "user"})
image("entrypoint-number", config={"Entrypoint": [1]})
image("entrypoint-text", config={"Entrypoint": "/bin/true"})
image("entrypoint-object", config={"Entrypoint": {"a": "b"}})
image("cmd-null", config={"Cmd": [None]})
image("cmd-empty", config={"Cmd": [""]})
image("cmd-none", config={"Cmd": None})
image("cmd-many", config={"Cmd": ["/bin/true"] + ["x"] * 100000})
image("config-list", change_config=lambda c: c.update(config=[1]))
image("config-none", change_config=lambda c: c.pop("config"))
image("created-control", change_config=lambda c: c.update(created="\x1b]0;title\x07\u009b31m"))
image("created-number", change_config=lambda c: c.update(created=7))
image("volume-root", config={"Volumes": {"/": {}}})
image("volume-up", config={"Volumes": {"../../..": {}, "": {}, "relative": {}}})
image("volume-many", config={"Volumes": {"/%d" % i: {} for i in range(20000)}})
image("volume-list", config={"Volumes": ["/x"]})
image("signal", config={"StopSignal": "SIGNOTHING"})

# --- trees ---
for d in "dev", "proc", "sys", "etc", "tmp", "run", "root":
    image("link-" + d, layers=(tar(PROGRAM, (d, SYM, witness)),))
image("link-bin", layers=(tar(("usr/bin/true", REG, PROGRAM[2]), ("bin", SYM, "../../../usr/bin")),))
for f in "passwd", "group", "hosts", "resolv.conf", "hostname":
    user = {"User": {"passwd": "user", "group": "0:users"}.get(f, "0")}
    image("link-etc-" + f, layers=(tar(PROGRAM, ("etc/" + f, SYM, witness + "/canary")),), config=user)
    image("fifo-etc-" + f, layers=(tar(PROGRAM, ("etc/" + f, FIFO, "")),), config=user)
image("passwd-directory", layers=(tar(PROGRAM, ("etc/passwd", DIR, "")),), config={"User": "user"})
image("passwd-binary", layers=(tar(PROGRAM, ("etc/passwd", REG, bytes(range(256)) * 4096)),), config={"User": "user"})
image("passwd-lines", layers=(tar(PROGRAM, ("etc/passwd", REG, b"x:x:1:1::/:/\n" * 1500000)),), config={"User": "user"})
image("passwd-large", layers=(tar(PROGRAM, PASSWD, ("large", REG, b"x")),), config={"User": "user"})
image("file-root", layers=(tar(PROGRAM, ("proc", REG, b"x"), ("dev", REG, b"x"), ("sys", REG, b"x")),))
image("layer-escape", layers=(tar(PROGRAM), tar(("d", SYM, witness)), tar(("d/new", REG, b"x"))))
image("opaque-root", layers=(tar(("hidden", REG, b"x"), ("bin/hidden", REG, b"x")),
                             tar(PROGRAM, (".wh..wh..opq", REG, b""), ("shown", REG, b"x"))))
image("tree-up", layers=(tar(PROGRAM, ("../up", REG, b"x")),))

# --- names ---
for odd in ("", " ", "\x1b]0;title\x07", "\u009b31m", "a=b", "../../x", "host", "good\nfake", "x" * 100000):
    name(odd, descriptor(OCI + "manifest.v1+json", good_data), "")
manifests += [7, None, "x", [], {}, {"digest": 7}, {"annotations": []}, {"annotations": {NAME: 7}}]

with open(os.path.join(store, "index.json"), "wb") as f:
    f.write(dump({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": manifests}))
with open(os.path.join(store, "oci-layout"), "w") as f:
    f.write('{"imageLayoutVersion":"1.0.0"}')
