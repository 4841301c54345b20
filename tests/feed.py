#!/usr/bin/env python3
"""In place of rootlet-registry: hands an image to rootlet-image as src/image/feed.h has it, or worse.

FEED_CASE tells what is wrong: see t-feed.sh.  FEED_VERSION makes another image of it.  Standard input is the
socket, and the store is where rootlet has it.
"""
import gzip
import hashlib
import io
import json
import os
import platform
import random
import socket
import sys
import tarfile
import threading
import time

CASE = os.environ["FEED_CASE"]
VERSION = os.environ.get("FEED_VERSION", "1")
NAME = os.environ.get("FEED_NAME", "fed:1")
STORE = os.environ["XDG_DATA_HOME"] + "/rootlet"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OCI = "application/vnd.oci.image."
MANIFEST, INDEX = OCI + "manifest.v1+json", OCI + "index.v1+json"
sock = socket.socket(fileno=os.dup(0))
rnd = random.Random(5)


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


blobs = {}


def put(data, digest=None):
    digest = digest or sha(data)
    blobs[digest] = data
    return {"digest": digest, "size": len(data)}


def put_json(doc, kind, **more):
    return dict({"mediaType": kind, **put(json.dumps(doc).encode())}, **more)


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, data, mode in files:
            i = tarfile.TarInfo(name)
            i.size, i.mode = len(data), mode
            t.addfile(i, io.BytesIO(data))
    return out.getvalue()


def layer(files, last=False):
    raw = tar(files)
    data = gzip.compress(raw, 1, mtime=0)
    d = dict({"mediaType": OCI + "layer.v1.tar+gzip"}, **put(data))
    diff_id = sha(raw)
    if last:
        if CASE == "layer-digest":
            other = gzip.compress(tar([("file", b"something else", 0o644)]), 1, mtime=0)
            put(other + bytes(len(data) - len(other)), d["digest"])
        if CASE == "layer-content":
            put(data[:len(data) // 2] + b"x" + data[len(data) // 2 + 1:], d["digest"])
        if CASE == "layer-size":
            d["size"] += 1
        if CASE == "layer-type":
            d["mediaType"] = OCI + "layer.v1.tar+zstd"
        if CASE == "layer-no-type":
            d["mediaType"] = "text/plain"
        if CASE == "diff-id":
            diff_id = sha(b"")
        if CASE == "layer-longer":
            put(data + bytes(1000), d["digest"])
    return d, diff_id


def image(arch, word, broken=True):
    with open(os.environ["FEED_PROGRAM"], "rb") as f:
        program = f.read()
    made = [layer([("bin/probe", program, 0o755), ("version", VERSION.encode() + b"\n", 0o644)]),
            layer([("noise", rnd.randbytes(900000), 0o644)]),
            layer([("same", b"same", 0o644)]), layer([("same", b"same", 0o644)]),
            layer([("word", word.encode() + b"\n", 0o644), ("more", VERSION.encode() + rnd.randbytes(300000), 0o644)], broken)]
    config = put_json({"os": "linux", "architecture": arch, "config": {},
                       "rootfs": {"type": "layers", "diff_ids": [d for _, d in made]}}, OCI + "config.v1+json")
    if CASE == "config-digest" and broken:
        put(blobs[config["digest"]] + b" ", config["digest"])
    if CASE == "config-size" and broken:
        config["size"] += 1
    if CASE == "config-endless" and broken:
        put(b" " * (5 << 20), config["digest"])
    return put_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [d for d, _ in made]},
                    MANIFEST, platform={"os": "linux", "architecture": arch})


def top():
    if CASE.startswith(("index", "all")):
        other = image("s390x", "theirs", False)
        if CASE == "all-lies":
            lie = json.loads(blobs[other["digest"]])["layers"][4]["digest"]
            blobs[lie] = blobs[lie][:-1] + b"x"
        return put_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other, image(ARCH, "ours")]}, INDEX)
    return image(ARCH, "ours")


def die(text):
    sys.stderr.write("rootlet: %s\n" % text)
    sys.exit(125)


def new_file(digest):
    path = STORE + "/partial"
    os.makedirs(path, mode=0o700, exist_ok=True)
    if CASE == "unnamed":
        fd = os.open(path, os.O_TMPFILE | os.O_RDWR, 0o600)
        return fd, os.open("/proc/self/fd/%d" % fd, os.O_RDONLY)
    path += "/" + digest[7:]
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    return fd, os.open(path, os.O_RDONLY)


def feed(data, fd, pipe):
    """In pieces of any size; the pipe is closed at the end, or where it is cut."""
    end = len(data) // 2 if CASE.startswith("cut") and len(data) > 100000 else len(data)
    at = 0
    try:
        while at < end:
            n = min(rnd.choice((1, 100, 4096, 65536, 300000)), end - at)
            os.write(fd, data[at:at + n])
            view = data[at:at + n]
            while view:
                view = view[os.write(pipe, view):]
            at += n
            if CASE == "slow":
                time.sleep(0.005)
        if CASE == "layer-longer" and len(data) > 100000:
            while True:
                os.write(pipe, bytes(65536))
    except BrokenPipeError:
        pass
    os.close(pipe)
    os.close(fd)


def answer(words, fds=()):
    data = b"".join(w.encode() + b"\0" for w in words)
    if fds:
        socket.send_fds(sock, [data], list(fds))
    else:
        sock.send(data)


def answer_badly(reader, pipe):
    if CASE == "answer-unknown":
        answer(["maybe"], [reader, pipe])
    elif CASE == "answer-empty":
        sock.send(b"\0")
    elif CASE == "answer-unfinished":
        sock.send(b"ok")
    elif CASE == "answer-long":
        socket.send_fds(sock, [b"ok\0" * 2000], [reader, pipe])
    elif CASE == "answer-words":
        socket.send_fds(sock, [b"ok\0" * 100], [reader, pipe])
    elif CASE == "answer-alone":
        answer(["ok"])
    elif CASE == "answer-directory":
        answer(["ok"], [os.open("/", os.O_RDONLY)])
    elif CASE == "answer-device":
        answer(["ok"], [os.open("/dev/zero", os.O_RDONLY)])
    elif CASE == "answer-foreign":
        answer(["ok"], [os.open(os.environ["FEED_PROGRAM"], os.O_RDONLY), pipe])
    elif CASE == "answer-no-pipe":
        answer(["ok"], [reader, os.open("/dev/zero", os.O_RDONLY)])
    elif CASE == "answer-many":
        answer(["ok"], [reader, pipe] + [reader] * 200)
        return True
    else:
        return False
    return True


def serve_blob(digest):
    fd, reader = new_file(digest)
    data = blobs[digest]
    if CASE == "whole":
        os.write(fd, data)
        answer(["ok"], [reader])
        return
    r, w = os.pipe()
    if not answer_badly(reader, r):
        answer(["ok"], [reader, r])
    os.close(r)
    os.close(reader)
    threading.Thread(target=feed, args=(data, fd, w), daemon=True).start()


def first(d):
    words = ["image", NAME, d["digest"], d["mediaType"], str(d["size"]), "*" if CASE.startswith("all") else ""]
    wrong = {"first-digest": (2, "sha256:../../x"), "first-type": (3, "text/plain"), "first-size": (4, "-1"),
             "first-platform": (5, "a/b/c/d"), "first-size-lie": (4, str(d["size"] + 1)),
             "first-type-lie": (3, INDEX), "first-other-digest": (2, sha(b""))}
    if CASE in wrong:
        words[wrong[CASE][0]] = wrong[CASE][1]
    if CASE == "first-other-digest":
        put(blobs[d["digest"]], sha(b""))
    if CASE == "first-words":
        words = words[:3]
    if CASE == "first-unknown":
        words[0] = "hello"
    if CASE == "same":
        answer(["same", NAME, d["digest"]])
        sys.exit(0)
    if CASE == "first-none":
        die("nothing is said")
    answer(words)


first(top())
served = 0
if CASE == "gone-0":
    die("gone")
while True:
    request = sock.recv(4096)
    if not request:
        sys.exit(125)
    words = request.decode().split("\0")
    if words[0] == "done":
        break
    if words[0] == "well":
        if CASE == "cut-silent":
            die("it was cut")
        answer(["no" if CASE == "cut" else "ok"])
        if CASE == "cut":
            die("it was cut")
        continue
    served += 1
    if CASE == "gone-%d" % served:
        die("gone")
    if CASE == "refuse-%d" % served:
        answer(["no"])
        die("refused")
    serve_blob(words[1])
for name in os.listdir(STORE + "/partial"):
    os.unlink(STORE + "/partial/" + name)
