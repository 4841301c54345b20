#!/usr/bin/env python3
"""Write archives of images that nobody's tool makes: hostile-archives.py DIR WITNESS

Each becomes DIR/NAME, a tar or a directory; "NAME<tab>TEXT" is printed for each, where TEXT is what
the error must have.  WITNESS is a file of the host that the archives try to reach.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

out, witness = sys.argv[1:3]
REG, DIR, SYM, LNK, CHR, FIFO = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,
                                 tarfile.CHRTYPE, tarfile.FIFOTYPE)
END = b"\0" * 1024
INDEX, MANIFEST, CONFIG, LAYER = (f"application/vnd.oci.image.{kind}" for kind in (
    "index.v1+json", "manifest.v1+json", "config.v1+json", "layer.v1.tar"))


def entry(name, data=b"", kind=REG, link="", size=None):
    i = tarfile.TarInfo(name)
    i.type, i.linkname, i.size, i.mode = kind, link, len(data) if size is None else size, 0o644
    return i.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape") + data + b"\0" * (-len(data) % 512)


def gnu_long(kind, data):
    """The header of a long name, as GNU tar writes it."""
    head = bytearray(entry("././@LongLink", data))
    head[156:157] = kind
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def digest(data):
    return "sha256:" + sha(data)


def dump(doc):
    return doc if isinstance(doc, bytes) else json.dumps(doc).encode()


def descriptor(data, kind, **more):
    return {"mediaType": kind, "digest": digest(data), "size": len(data)} | more


def blob(data):
    return "blobs/sha256/" + sha(data)


def named(d, name):
    return d | {"annotations": {"org.opencontainers.image.ref.name": name}}


good_layer = entry("file", b"hello\n") + END


class Image:
    """An image as files, each of which can be made otherwise before it is written."""

    def __init__(self, layer=good_layer, diff_ids=None, **manifest):
        self.layer = layer
        self.config = dump({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
            "type": "layers", "diff_ids": [digest(layer)] if diff_ids is None else diff_ids}})
        self.manifest = dump({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(self.config, CONFIG),
            "layers": [descriptor(layer, LAYER)]} | manifest)
        self.index = {"schemaVersion": 2, "manifests": [
            named(descriptor(self.manifest, MANIFEST), "evil:1")]}
        self.files = {blob(b): b for b in (self.layer, self.config, self.manifest)}

    def all(self):
        return {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
                "index.json": dump(self.index)} | self.files

    def docker(self, **change):
        return {"c.json": self.config, "l/layer.tar": self.layer, "manifest.json": dump([{
            "Config": "c.json", "RepoTags": ["evil:1"], "Layers": ["l/layer.tar"]} | change])}


def tar(files, *more):
    return b"".join(entry(name, data) for name, data in files.items()) + b"".join(more) + END


def write(name, data, text):
    with open(f"{out}/{name}", "wb") as f:
        f.write(data)
    print(f"{name}\t{text}")


def write_dir(name, files, text):
    for path, data in files.items():
        full = f"{out}/{name}/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if callable(data):
            data(full)
        else:
            with open(full, "wb") as f:
                f.write(data)
    print(f"{name}\t{text}")


def with_index(index):
    i = Image()
    i.index = index(i)
    return tar(i.all())


# --- the tar ---

good = Image()
layer_name = blob(good.layer)
without_layer = {k: v for k, v in good.all().items() if k != layer_name}
write("no-archive", b"not a tar at all " * 100, "tar")
write("empty", b"", "neither oci-layout")
write("root-file-system", good_layer, "neither oci-layout and index.json nor manifest.json")
write("dotdot", tar(good.all(), entry("../x", b"x")), '".."')
write("dotdot-inside", tar(good.all(), entry("blobs/../../x", b"x")), '".."')
write("absolute", tar(good.all(), entry("/x", b"x")), "absolute")
write("long-name", tar(good.all(), entry("x" * 250 + "/" + "y" * 250, b"x")), "too long a name")
write("deep", tar(good.all(), entry("d/" * 20 + "x", b"x")), "directories deep")
write("gnu-nul", tar(without_layer, gnu_long(b"L", layer_name.encode() + b"\0x\0"), entry("x", good.layer)),
      "a NUL in a long name")
write("fifo", tar(without_layer, entry(layer_name, kind=FIFO)), "neither a file nor a directory")
write("device", tar(without_layer, entry(layer_name, kind=CHR)), "neither a file nor a directory")
write("link-out", tar(without_layer, entry(layer_name, kind=SYM, link=witness)), "leads out")
write("link-up", tar(without_layer, entry(layer_name, kind=SYM, link="../../../x")), "leads out")
write("link-dotdot", tar(without_layer, entry(layer_name, kind=SYM, link="x/../../../../x")), '".."')
write("hardlink-out", tar(without_layer, entry(layer_name, kind=LNK, link="../" * 9 + witness[1:])),
      "leads out")
write("link-as-blob", tar(without_layer, entry("x", good.layer),
                          entry(layer_name, kind=SYM, link="../../x")), "is a link")
write("twice", tar(good.all(), entry(layer_name, b"other")), "two of that name")
write("twice-index", tar(good.all(), entry("./index.json", b"{}")), "two of that name")
write("large-index", tar({}, entry("index.json", size=5 << 20)), "a document of more than")
write("large-manifest", tar({}, entry("manifest.json", size=3 << 30)), "a document of more than")
write("many", tar({}, entry("d/", kind=DIR) * 50001), "more than 50000 entries")
write("cut", tar(good.all())[:-4096], "archive")
write("cut.gz", gzip.compress(tar(good.all()))[:-100], "gzip")
write("corrupt.gz", gzip.compress(tar(good.all()))[:60] + b"\xff" * 400, "gzip")

# --- OCI: digests, sizes, media types ---

write("layout-version", tar(good.all() | {"oci-layout": b'{"imageLayoutVersion":"2"}'}), "version '2'")
write("layout-none", tar(good.all() | {"oci-layout": b"[]"}), "version ''")
write("index-text", tar(good.all() | {"index.json": b"{"}), "not a document")
write("index-twice", tar(good.all() | {"index.json": b'{"manifests":[],"manifests":[]}'}), "not a document")
write("index-empty", with_index(lambda i: i.index | {"manifests": []}), "no images")
write("index-list", tar(good.all() | {"index.json": b"[]"}), "no manifests")
write("index-deep", tar(good.all() | {"index.json": b"[" * 100000}), "not a document")
write("other-content", tar(good.all() | {layer_name: b"x" * len(good.layer)}), "other content")
write("other-manifest", tar(good.all() | {blob(good.manifest): good.manifest + b" "}), "other content")
write("missing-layer", tar(without_layer), "is not in the archive")
write("missing-manifest", tar({k: v for k, v in good.all().items() if k != blob(good.manifest)}),
      "is not in the archive")
for name, bad in (("path", "sha256:../../../x"), ("md5", "md5:" + "a" * 32), ("short", "sha256:abc"),
                  ("upper", digest(good.manifest).upper()), ("none", None), ("number", 5)):
    d = {"mediaType": MANIFEST, "digest": bad, "size": 1}
    write(f"digest-{name}", with_index(lambda i: {"manifests": [d]}), "is not a digest")
    write(f"digest-{name}-layer", tar(Image(layers=[d | {"mediaType": LAYER}]).all()), "is not a digest")
    write(f"digest-{name}-config", tar(Image(config=d | {"mediaType": CONFIG}).all()), "is not a digest")
for name, bad in (("larger", len(good.layer) + 1), ("smaller", 1), ("huge", 1 << 62)):
    write(f"size-{name}", tar(Image(layers=[descriptor(good.layer, LAYER) | {"size": bad}]).all()), "bytes, not")
for name, bad in (("negative", -1), ("text", "1"), ("none", None)):
    write(f"size-{name}", tar(Image(layers=[descriptor(good.layer, LAYER) | {"size": bad}]).all()), "no size")
write("type-none", with_index(lambda i: {"manifests": [{
    "digest": digest(i.manifest), "size": len(i.manifest)}]}), "neither an image nor an index")
write("type-other", with_index(lambda i: {"manifests": [descriptor(i.manifest, "text/html")]}),
      "neither an image nor an index")
write("type-lies", with_index(lambda i: {"manifests": [descriptor(i.manifest, INDEX)]}),
      "is not that of an index")
write("two-in-one", tar(Image(manifests=[]).all()), "an index at the same time")
write("index-two-in-one", with_index(lambda i: i.index | {"layers": []}), "a manifest at the same time")
write("schema-1", tar(Image(schemaVersion=1).all()), "schema version 2")
write("no-layers", tar(Image(layers=[], diff_ids=[]).all()), "no layers")
write("layers-none", tar(Image(layers=None).all()), "layers")
write("many-layers", tar(Image(layers=[descriptor(good.layer, LAYER)] * 501,
                               diff_ids=[digest(good.layer)] * 501).all()), "501 layers")
write("diff-id", tar(Image(diff_ids=[digest(b"other")]).all()), "its content is")
write("diff-ids", tar(Image(diff_ids=[]).all()), "the config 0")
nested, files = good.manifest, dict(good.files)
kind = MANIFEST
for depth in range(6):
    nested, kind = dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(nested, kind)]}), INDEX
    files[blob(nested)] = nested
deep = Image()
deep.index, deep.files = {"manifests": [named(descriptor(nested, INDEX), "evil:1")]}, files
write("nested", tar(deep.all()), "indexes one in the other")

# --- names ---

for name, bad in (("host", "host"), ("host-tag", "host:latest"), ("host-hub", "docker.io/library/host:latest"),
                  ("path", "../x"), ("absolute", "/etc/passwd"), ("digest", "x@" + digest(b"")),
                  ("escape", "x\x1b[31m"), ("upper", "X"), ("empty", ""), ("tag", "x:../y")):
    write(f"name-{name}", with_index(lambda i: {"manifests": [
        named(descriptor(i.manifest, MANIFEST), bad)]}), "a name in the archive")
    write(f"name-{name}-docker", tar(good.docker(RepoTags=[bad])), "a name in the archive")
other = Image(entry("other", b"x") + END)
both = Image()
both.files |= other.files
both.index["manifests"].append(named(descriptor(other.manifest, MANIFEST), "evil:1"))
write("name-twice", tar(both.all()), "two images named evil:1")

write("names", with_index(lambda i: {"manifests": [
    named(descriptor(i.manifest, MANIFEST), f"evil:{n}") for n in range(1001)]}), "more than 1000 names")
write("names-docker", tar(good.docker(RepoTags=[f"evil:{n}" for n in range(50000)])), "more than 1000 names")

write("images-docker", tar(good.docker() | {"manifest.json": b"[" + b"{}," * 1000 + b"{}]"}), "more than 1000 images")

# --- what is in the layers ---

for name, layer, text in (("dotdot", entry("../x", b"x"), '".."'), ("device", entry("etc", kind=SYM, link="/")
                                                                   + entry("x", kind=LNK, link="../y"), '".."'),
                          ("gnu-nul", gnu_long(b"K", b"a\0b\0") + entry("x", kind=SYM, link="a"), "a NUL"),
                          ("cut", entry("x", size=100000), "layer 1")):
    write(f"layer-{name}", tar(Image(layer + END).all()), text)
    write(f"layer-{name}-docker", tar(Image(layer + END).docker()), text)
write("layer-second", tar({k: v for i in (Image(), Image(entry("../x") + END)) for k, v in i.files.items()} | {
    "oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": dump({"manifests": [
        named(descriptor(Image().manifest, MANIFEST), "fine:1"),
        named(descriptor(Image(entry("../x") + END).manifest, MANIFEST), "evil:1")]})}), "image evil:1")

# --- Docker ---

write("docker-object", tar(good.docker() | {"manifest.json": b"{}"}), "not a list")
write("docker-empty", tar(good.docker() | {"manifest.json": b"[]"}), "no images")
write("docker-nulls", tar(good.docker() | {"manifest.json": b"[null]"}), "config is not the name")
for name, bad in (("nowhere", "no/layer.tar"), ("path", "../../../etc/passwd"), ("absolute", witness),
                  ("empty", ""), ("directory", "l")):
    write(f"docker-layer-{name}", tar(good.docker(Layers=[bad])), "manifest.json: image 1")
    write(f"docker-config-{name}", tar(good.docker(Config=bad)), "manifest.json: image 1")
write("docker-layer-number", tar(good.docker(Layers=[5])), "is not the name of a file")
write("docker-layers-missing", tar(good.docker(Layers=[])), "0 layers")
write("docker-layers-more", tar(good.docker(Layers=["l/layer.tar"] * 2)), "2 layers")
write("docker-config-text", tar(good.docker(Config="l/layer.tar")), "not a document")
write("docker-tags", tar(good.docker(RepoTags="x")), "RepoTags is not a list")
write("docker-tag-number", tar(good.docker(RepoTags=[5])), "not a text")
write("docker-content", tar(good.docker() | {"l/layer.tar": entry("other") + END}), "layer l/layer.tar is sha256:")
write("docker-loop", tar(good.docker(Layers=["a"]), entry("a", kind=SYM, link="b"), entry("b", kind=SYM, link="a")),
      "is a link")
write("docker-link", tar(good.docker(Layers=["a"]), entry("a", kind=SYM, link=witness)), "leads out")
write("docker-dangling", tar(good.docker(Layers=["a"]), entry("a", kind=SYM, link="b")), "is not in the archive")
lie = Image(diff_ids=[digest(b"x")])
write("docker-gzip", tar(lie.docker() | {"l/layer.tar": gzip.compress(good_layer)}), "its content is")
write("docker-old", tar({"repositories": b'{"evil":{"1":"l"}}', "l/layer.tar": good_layer}), "manifest.json")

# --- directories ---


def link(to):
    return lambda path: os.symlink(to, path)


write_dir("dir-empty", {"x": b""}, "neither oci-layout")
write_dir("dir-fifo", good.all() | {"index.json": os.mkfifo}, "not a regular file")
write_dir("dir-layout-fifo", good.all() | {"oci-layout": os.mkfifo}, "not a regular file")
write_dir("dir-blob-fifo", good.all() | {layer_name: os.mkfifo}, "not a regular file")
write_dir("dir-link", good.all() | {"index.json": link(witness)}, "it is a link")
write_dir("dir-blob-link", good.all() | {layer_name: link(witness)}, "it is a link")
write_dir("dir-blob-up", good.all() | {layer_name: link("../../index.json")}, "it is a link")
write_dir("dir-blobs-link", {"oci-layout": good.all()["oci-layout"], "index.json": dump(good.index),
                             "blobs": link("../dir-fifo/blobs")}, "it is a link")
write_dir("dir-content", good.all() | {layer_name: b"x" * len(good.layer)}, "other content")
write_dir("dir-docker", good.docker(Layers=["../../../../etc/passwd"]), "manifest.json: image 1")
write_dir("dir-docker-link", good.docker() | {"l/layer.tar": link(witness)}, "manifest.json: image 1")
