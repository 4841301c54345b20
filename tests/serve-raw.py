#!/usr/bin/env python3
"""Requests to a registry as no good client makes them, too: serve-raw.py PORT CHECK [ARG...]

Each check is a function; it ends with status 0, or says what was not as it should be.
"""
import base64
import errno
import hashlib
import http.client
import json
import os
import socket
import sys
import time

port = int(sys.argv[1])
OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"


def ask(method, path, body=None, **headers):
    """One request: (status, headers, body)."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, {k.lower(): v for k, v in r.getheaders()}, data


def want(status, answer, code=None):
    if answer[0] != status:
        sys.exit(f"status {answer[0]} instead of {status}: {answer[2][:300]!r}")
    if code and json.loads(answer[2])["errors"][0]["code"] != code:
        sys.exit(f"not {code}: {answer[2][:300]!r}")
    return answer


def same(got, wanted):
    if got != wanted:
        sys.exit(f"{got!r} instead of {wanted!r}")


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def begin(name):
    return want(202, ask("POST", f"/v2/{name}/blobs/uploads/"))[1]["location"]


def put_blob(name, data):
    want(201, ask("PUT", begin(name) + "?digest=" + digest(data), data))
    return {"mediaType": OCI + "config.v1+json", "digest": digest(data), "size": len(data)}


def put_manifest(name, ref, doc, content_type=MANIFEST):
    return ask("PUT", f"/v2/{name}/manifests/{ref}", json.dumps(doc).encode(), Content_Type=content_type)


def manifest(name, **more):
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": put_blob(name, b"{}"), "layers": [], **more}


def raw(text, timeout=20):
    """All that comes back, until the server ends it."""
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    s.sendall(text)
    try:
        s.shutdown(socket.SHUT_WR)
    except OSError as e:
        # That is how a reset is told which has come before.
        if e.errno != errno.ENOTCONN:
            raise
        raise ConnectionResetError from e
    out = b""
    while part := s.recv(65536):
        out += part
    return out


# --- out ---

def base():
    a = want(200, ask("GET", "/v2/"))
    same(a[1]["docker-distribution-api-version"], "registry/2.0")
    want(200, ask("GET", "/v2"))
    want(404, ask("GET", "/"))
    want(404, ask("GET", "/v2/../../etc/passwd"))
    want(404, ask("GET", "/v2/%2e%2e/%2e%2e/blobs/" + digest(b"")), "NAME_INVALID")
    want(404, ask("GET", "/v2/A/tags/list"), "NAME_INVALID")
    want(405, ask("DELETE", "/v2/"), "UNSUPPORTED")


def manifests():
    """What base:1 is, by tag and by digest, in all of its names."""
    a = want(200, ask("GET", "/v2/base/manifests/1"))
    d = a[1]["docker-content-digest"]
    same(d, digest(a[2]))
    same(a[1]["content-type"], MANIFEST)
    for path in (d, "1"):
        for name in ("base", "library/base", "docker.io/library/base"):
            same(want(200, ask("GET", f"/v2/{name}/manifests/{path}"))[2], a[2])
    h = want(200, ask("HEAD", "/v2/base/manifests/1"))
    same((h[1]["content-length"], h[1]["docker-content-digest"], h[2]), (str(len(a[2])), d, b""))
    want(404, ask("GET", "/v2/base/manifests/2"), "MANIFEST_UNKNOWN")
    want(404, ask("GET", "/v2/base/manifests/" + digest(b"none")), "MANIFEST_UNKNOWN")
    want(405, ask("DELETE", "/v2/base/manifests/1"), "UNSUPPORTED")
    layer = json.loads(a[2])["layers"][0]["digest"]
    want(404, ask("GET", "/v2/base/manifests/" + layer), "MANIFEST_UNKNOWN")
    want(405, ask("DELETE", "/v2/base/blobs/" + layer), "UNSUPPORTED")


def has(name, tag):
    want(200, ask("GET", f"/v2/{name}/manifests/{tag}"))


def has_not(name, tag):
    want(404, ask("GET", f"/v2/{name}/manifests/{tag}"), "MANIFEST_UNKNOWN")


def ranges():
    m = json.loads(ask("GET", "/v2/base/manifests/1")[2])
    d, size = m["layers"][0]["digest"], m["layers"][0]["size"]
    path = "/v2/base/blobs/" + d
    whole = want(200, ask("GET", path))
    same((digest(whole[2]), whole[1]["accept-ranges"]), (d, "bytes"))
    whole = whole[2]
    for text, part in (("0-0", whole[:1]), ("5-9", whole[5:10]), (f"{size - 3}-", whole[-3:]),
                       ("-4", whole[-4:]), (f"-{size + 9}", whole), (f"7-{size * 9}", whole[7:])):
        a = want(206, ask("GET", path, Range="bytes=" + text))
        same(a[2], part)
    same(want(206, ask("GET", path, Range="bytes=5-9"))[1]["content-range"], f"bytes 5-9/{size}")
    for text in ("bytes=9-5", "bytes=x-", "lines=1-2", "bytes=-", "bytes=0-1,4-5", "bytes=99999999999999999999-"):
        same(want(200, ask("GET", path, Range=text))[2], whole)
    a = want(416, ask("GET", path, Range=f"bytes={size}-"))
    same(a[1]["content-range"], f"bytes */{size}")
    h = want(200, ask("HEAD", path))
    same((h[1]["content-length"], h[2]), (str(size), b""))
    want(404, ask("GET", "/v2/base/blobs/" + digest(b"none")), "BLOB_UNKNOWN")
    want(400, ask("GET", "/v2/base/blobs/sha256:12"), "DIGEST_INVALID")
    want(400, ask("GET", "/v2/base/blobs/sha512:" + "0" * 128), "DIGEST_INVALID")


def lists():
    for tag in ("b", "a", "c10", "c9"):
        want(201, put_manifest("paged/x", tag, manifest("paged/x")))
    full = json.loads(want(200, ask("GET", "/v2/paged/x/tags/list"))[2])
    same(full, {"name": "paged/x", "tags": ["a", "b", "c10", "c9"]})
    path, got = "/v2/paged/x/tags/list?n=3", []
    while path:
        a = want(200, ask("GET", path))
        got.append(json.loads(a[2])["tags"])
        path = a[1]["link"].split(">")[0][1:] if "link" in a[1] else None
    same(got, [["a", "b", "c10"], ["c9"]])
    same(json.loads(ask("GET", "/v2/paged/x/tags/list?n=0")[2])["tags"], [])
    same(json.loads(ask("GET", "/v2/paged/x/tags/list?last=b")[2])["tags"], ["c10", "c9"])
    want(400, ask("GET", "/v2/paged/x/tags/list?n=many"))
    want(404, ask("GET", "/v2/paged/none/tags/list"), "NAME_UNKNOWN")
    names = json.loads(want(200, ask("GET", "/v2/_catalog"))[2])["repositories"]
    if "base" not in names or "paged/x" not in names or names != sorted(set(names)):
        sys.exit(f"catalog: {names}")
    a = ask("GET", "/v2/_catalog?n=1")
    same((json.loads(a[2])["repositories"], "link" in a[1]), (names[:1], True))


# --- in ---

def uploads():
    data = os.urandom(300000)
    # In parts, with and without a place; out of order.
    at = begin("up")
    a = want(202, ask("PATCH", at, data[:100000], Content_Range="0-99999", Content_Type="application/octet-stream"))
    same(a[1]["range"], "0-99999")
    a = want(416, ask("PATCH", at, data[200000:], Content_Range="200000-299999"))
    same(a[1]["range"], "0-99999")
    want(416, ask("PATCH", at, data[100000:], Content_Range="nonsense"))
    want(202, ask("PATCH", at, data[100000:200000]))
    a = want(204, ask("GET", at))
    same((a[1]["range"], a[1]["location"]), ("0-199999", at))
    want(400, ask("PUT", at, data[200000:]), "DIGEST_INVALID")
    want(404, ask("PUT", at.replace("/up/", "/other/") + "?digest=" + digest(data), b""), "BLOB_UPLOAD_UNKNOWN")
    a = want(201, ask("PUT", at + "?digest=" + digest(data), data[200000:], Content_Range="200000-299999"))
    same(want(200, ask("GET", a[1]["location"]))[2], data)
    want(404, ask("GET", at), "BLOB_UPLOAD_UNKNOWN")
    # In one; with nothing; mounted; ended.
    one = os.urandom(70000)
    want(201, ask("POST", "/v2/up/blobs/uploads/?digest=" + digest(one), one))
    want(200, ask("HEAD", "/v2/up/blobs/" + digest(one)))
    put_blob("up", b"")
    a = want(201, ask("POST", f"/v2/elsewhere/blobs/uploads/?mount={digest(one)}&from=up"))
    same(a[1]["location"], "/v2/elsewhere/blobs/" + digest(one))
    want(202, ask("POST", f"/v2/elsewhere/blobs/uploads/?mount={digest(b'none')}&from=up"))
    at = begin("up")
    want(204, ask("DELETE", at))
    want(404, ask("PATCH", at, b"x"), "BLOB_UPLOAD_UNKNOWN")


def lies():
    at = begin("lies")
    want(400, ask("PUT", at + "?digest=" + digest(b"good"), b"evil"), "DIGEST_INVALID")
    want(404, ask("HEAD", "/v2/lies/blobs/" + digest(b"good")))
    want(404, ask("HEAD", "/v2/lies/blobs/" + digest(b"evil")))
    want(400, ask("POST", "/v2/lies/blobs/uploads/?digest=" + digest(b"good"), b"evil"), "DIGEST_INVALID")
    want(400, ask("POST", "/v2/lies/blobs/uploads/?digest=../../x", b"evil"), "DIGEST_INVALID")


def broken_off():
    """A part that is cut: what has come is there, and the rest can follow."""
    data = os.urandom(400000)
    at = begin("cut")
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(f"PATCH {at} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode())
    s.sendall(data[:150000])
    s.close()
    for _ in range(100):
        a = ask("GET", at)
        if a[0] == 204 and a[1]["range"] == "0-149999":
            break
        time.sleep(0.05)
    want(204, a)
    same(a[1]["range"], "0-149999")
    want(201, ask("PUT", at + "?digest=" + digest(data), data[150000:], Content_Range="150000-399999"))


def documents():
    m = manifest("docs")
    a = want(201, put_manifest("docs", "1", m))
    d = a[1]["docker-content-digest"]
    same(d, digest(json.dumps(m).encode()))
    same(want(200, ask("GET", "/v2/docs/manifests/1"))[2], json.dumps(m).encode())
    want(201, put_manifest("docs", d, m))
    want(400, put_manifest("docs", digest(b"x"), m), "DIGEST_INVALID")
    want(400, put_manifest("docs", "1", m, INDEX), "MANIFEST_INVALID")
    want(400, put_manifest("docs", "1", {**m, "mediaType": "text/plain"}), "MANIFEST_INVALID")
    want(400, put_manifest("docs", "1", {**m, "manifests": []}), "MANIFEST_INVALID")
    want(400, put_manifest("docs", "1", []), "MANIFEST_INVALID")
    for text in (b"", b"\xff\0", b"[" * 100000, b'{"a":1,"a":1}', b'{"schemaVersion":2'):
        want(400, ask("PUT", "/v2/docs/manifests/1", text, Content_Type=MANIFEST), "MANIFEST_INVALID")
    want(404, put_manifest("docs", "2", {**m, "config": {**m["config"], "digest": digest(b"no")}}),
         "MANIFEST_BLOB_UNKNOWN")
    want(404, put_manifest("docs", "2", {**m, "layers": [{**m["config"], "digest": digest(b"no")}]}),
         "MANIFEST_BLOB_UNKNOWN")
    want(404, put_manifest("docs", "2", {**m, "layers": [{"digest": "../../index.json"}]}), "MANIFEST_BLOB_UNKNOWN")
    want(404, ask("GET", "/v2/docs/manifests/2"), "MANIFEST_UNKNOWN")
    child = {"mediaType": MANIFEST, "digest": d, "size": len(json.dumps(m))}
    other = {"mediaType": MANIFEST, "digest": digest(b"no"), "size": 2}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [child, other]}
    want(404, put_manifest("docs", "all", {**index, "manifests": [other]}, INDEX), "MANIFEST_BLOB_UNKNOWN")
    want(201, put_manifest("docs", "all", index, INDEX))
    same(want(200, ask("GET", "/v2/docs/manifests/all"))[1]["content-type"], INDEX)
    want(413, ask("PUT", "/v2/docs/manifests/1", b" " * (5 << 20), Content_Type=MANIFEST), "SIZE_INVALID")


def names():
    m = manifest("names")
    for ref in ("-x", "a" * 129, "a@b", "%00"):
        want(400, put_manifest("names", ref, m), "MANIFEST_INVALID")
    want(404, put_manifest("names", "a%2fb", m))
    want(400, put_manifest("host", "latest", m), "MANIFEST_INVALID")
    for name in ("Up", "a//b", "a/../b", "a" * 256, "sha256", "a@sha256:" + "0" * 64, "a:b", "a%0ab", "-a"):
        a = put_manifest(name, "1", m)
        if a[0] not in (400, 404) or not json.loads(a[2])["errors"]:
            sys.exit(f"{name}: {a[0]}")
    want(201, put_manifest("library/named", "1", m))
    want(200, ask("GET", "/v2/named/manifests/1"))


def referrers():
    m = manifest("refs")
    subject = want(201, put_manifest("refs", "1", m))[1]["docker-content-digest"]
    about = {"mediaType": MANIFEST, "digest": subject, "size": len(json.dumps(m))}
    sig = {**m, "subject": about, "artifactType": "application/x.signature", "annotations": {"a": "b"}}
    sbom = {**m, "subject": about, "config": {**m["config"], "mediaType": "application/x.sbom"}}
    for doc in (sig, sbom):
        d = digest(json.dumps(doc).encode())
        same(want(201, put_manifest("refs", d, doc))[1]["oci-subject"], subject)
    a = want(200, ask("GET", "/v2/refs/referrers/" + subject))
    same(a[1]["content-type"], INDEX)
    found = json.loads(a[2])["manifests"]
    same(sorted(x["artifactType"] for x in found), ["application/x.sbom", "application/x.signature"])
    same([x["annotations"] for x in found if "annotations" in x], [{"a": "b"}])
    a = want(200, ask("GET", f"/v2/refs/referrers/{subject}?artifactType=application/x.signature"))
    same(a[1]["oci-filters-applied"], "artifactType")
    found = json.loads(a[2])["manifests"]
    same([x["digest"] for x in found], [digest(json.dumps(sig).encode())])
    same(json.loads(want(200, ask("GET", "/v2/refs/referrers/" + digest(b"none")))[2])["manifests"], [])
    want(400, ask("GET", "/v2/refs/referrers/latest"), "DIGEST_INVALID")


# --- who may not ---

def read_only():
    want(200, ask("GET", "/v2/base/manifests/1"))
    want(405, ask("POST", "/v2/base/blobs/uploads/"), "UNSUPPORTED")
    want(405, ask("PUT", "/v2/base/manifests/2", b"{}"), "UNSUPPORTED")
    want(405, ask("PUT", "/v2/base/manifests/2", b"x" * (1 << 20)), "UNSUPPORTED")


def auth():
    def line(text):
        return "Basic " + base64.b64encode(text.encode()).decode()

    a = want(401, ask("GET", "/v2/"), "UNAUTHORIZED")
    if not a[1]["www-authenticate"].startswith('Basic realm="'):
        sys.exit(a[1]["www-authenticate"])
    want(200, ask("GET", "/v2/", Authorization=line("me:secret")))
    for text in ("me:wrong", "me:", ":secret", "you:secret", "me", "me:secret "):
        want(401, ask("GET", "/v2/", Authorization=line(text)))
    want(401, ask("PUT", "/v2/base/manifests/2", b"{}"))
    want(401, ask("GET", "/v2/base/manifests/1", Authorization="Bearer secret"))
    start = time.monotonic()
    want(200, ask("GET", "/v2/base/manifests/1", Authorization=line("me:secret")))
    if time.monotonic() - start > 5:
        sys.exit("a password that is known is not quick")


def pages():
    want(403, ask("GET", "/v2/", Origin="http://evil.example"), "DENIED")
    want(403, ask("GET", "/v2/", Host="evil.example:5000"), "DENIED")
    want(200, ask("GET", "/v2/", Host="localhost:5000"))
    want(200, ask("GET", "/v2/", Host="[::1]:5000"))


# --- hostile ---

def too_big(limit):
    at = begin("big")
    want(413, ask("PATCH", at, b"x" * (int(limit) + 1)), "SIZE_INVALID")
    at = begin("big")
    want(202, ask("PATCH", at, b"x" * int(limit)))
    want(413, ask("PUT", at + "?digest=" + digest(b""), b"x"), "SIZE_INVALID")
    # One that does not tell how much there will be.
    at = begin("big")
    body = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"
    out = raw(f"PATCH {at} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode() +
              body * (int(limit) // 65536 + 2) + b"0\r\n\r\n")
    if b" 413 " not in out.split(b"\r\n")[0]:
        sys.exit(f"{out[:200]!r}")
    want(404, ask("GET", at), "BLOB_UPLOAD_UNKNOWN")


def nonsense():
    for text in (b"\0" * 1000, b"GET\r\n\r\n", b"GET /v2/ HTTP/1.1\r\n\r\n", b"GET /v2/ HTTP/9.9\r\nHost: x\r\n\r\n",
                 b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (200 << 10) + b"\r\n\r\n",
                 b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 40000 + b"\r\n",
                 b"GET /v2/" + b"a/" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"PUT /v2/x/manifests/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
                 b"PUT /v2/x/manifests/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{}"):
        try:
            out = raw(text)
        except (ConnectionResetError, BrokenPipeError):
            continue
        if b" 200 " in out.split(b"\r\n")[0] or b" 201 " in out.split(b"\r\n")[0]:
            sys.exit(f"{text[:60]!r}: {out[:100]!r}")
    want(200, ask("GET", "/v2/"))


def tls():
    """A client that tries TLS first is told at once."""
    start = time.monotonic()
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    out = s.recv(100)
    if not out.startswith(b"HTTP/1.0 400 ") or time.monotonic() - start > 10:
        sys.exit(f"{out!r} after {time.monotonic() - start} s")


def smuggled():
    """Two lengths: what is behind the shorter one is no second request."""
    second = b"GET /v2/_catalog HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for head in (b"Content-Length: 0\r\nTransfer-Encoding: chunked", b"Content-Length: 0\r\nContent-Length: %d" % len(second),
                 b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
                 b"Transfer-Encoding: xchunked\r\nContent-Length: 0"):
        try:
            out = raw(b"POST /v2/x/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n" + second)
        except ConnectionResetError:
            continue
        if b"repositories" in out:
            sys.exit(f"{head!r}: {out!r}")


def crowd():
    """Many connections that say nothing, and then one that does when they have gone."""
    many = []
    for _ in range(300):
        s = socket.socket()
        s.settimeout(5)
        s.connect(("127.0.0.1", port))
        many.append(s)
    for s in many:
        s.close()
    want(200, ask("GET", "/v2/"))


def many_uploads():
    got = [ask("POST", "/v2/many/blobs/uploads/") for _ in range(80)]
    refused = [a for a in got if a[0] != 202]
    same({a[0] for a in refused}, {429})
    for a in got:
        if a[0] == 202:
            want(204, ask("DELETE", a[1]["location"]))
    begin("many")


globals()[sys.argv[2]](*sys.argv[3:])
