"""A registry that takes pushes, lists referrers, and has the fault that the first part of a repository's name tells.

push-server.py DIR [ELSEWHERE]

Listens on a free port of 127.0.0.1, which DIR/port tells; what is asked goes to DIR/log, a line each:
method, path, range, and "auth" where somebody says who he is.  ELSEWHERE, HOST:PORT, is where uploads
to "elsewhere/..." are led to.
"""
import hashlib
import http.server
import json
import os
import sys

DIR = sys.argv[1]
ELSEWHERE = sys.argv[2] if len(sys.argv) > 2 else ""
PASSWORD = "Basic dTpw"  # u:p
blobs, manifests, uploads, once = {}, {}, {}, set()


def first(key):
    if key in once:
        return False
    once.add(key)
    return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def note(self):
        auth = " auth" if self.headers.get("Authorization") else ""
        with open(os.path.join(DIR, "log"), "a", encoding="ascii") as f:
            f.write(f"{self.command} {self.path} {self.headers.get('Content-Range', '-')}{auth}\n")

    def split(self):
        path, _, query = self.path.partition("?")
        parts = path.split("/")
        for kind in ("manifests", "blobs", "referrers"):
            if kind in parts:
                i = parts.index(kind)
                return "/".join(parts[2:i]), kind, parts[i + 1:], query
        return "", "", [], query

    def where(self, repo, number):
        host = f"http://{ELSEWHERE}" if repo.startswith("elsewhere/") else f"http://{self.headers['Host']}"
        path = f"/v2/{repo}/blobs/uploads/{number}"
        return path if repo.startswith("relative/") else f"{host}{path}?state={number}"

    def read_into(self, data, n):
        while n > 0:
            got = self.rfile.read(min(n, 1 << 20))
            if not got:
                return
            data += got
            n -= len(got)

    def handle_any(self):
        self.note()
        repo, kind, rest, query = self.split()
        fault = repo.split("/")[0]
        length = int(self.headers.get("Content-Length", 0))
        if fault == "secret" or (fault == "elsewhere" and ELSEWHERE) or (self.path == "/v2/" and ELSEWHERE):
            if self.headers.get("Authorization") != PASSWORD:
                self.rfile.read(length)
                return self.answer(401, [("WWW-Authenticate", 'Basic realm="x"')])
        if not kind:
            return self.answer(200)
        if kind == "manifests":
            return self.manifest(repo, fault, rest[0], length)
        if rest[0] == "uploads":
            return self.upload(repo, fault, rest[1] if len(rest) > 1 else "", query, length)
        if kind == "referrers":
            return self.referrers(repo, rest[0])
        data = blobs.get((repo, rest[0]))
        return self.answer(404) if data is None else self.answer(200, [], data)

    def referrers(self, repo, subject):
        found = {}
        for (where, _), body in manifests.items():
            doc = json.loads(body)
            if where == repo and doc.get("subject", {}).get("digest") == subject:
                digest = "sha256:" + hashlib.sha256(body).hexdigest()
                found[digest] = {"mediaType": doc["mediaType"], "digest": digest, "size": len(body)}
        body = json.dumps({"schemaVersion": 2, "manifests": list(found.values())}).encode()
        return self.answer(200, [], body)

    def manifest(self, repo, fault, reference, length):
        if self.command != "PUT":
            body = manifests.get((repo, reference))
            return self.answer(404) if body is None else self.answer(
                200, [("Docker-Content-Digest", "sha256:" + hashlib.sha256(body).hexdigest())], body)
        body = self.rfile.read(length)
        if fault == "busy" and first((repo, "manifest")):
            return self.answer(503, [("Retry-After", "1")])
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        manifests[repo, reference] = manifests[repo, digest] = body
        said = "sha256:" + "0" * 64 if fault == "liar" else digest
        return self.answer(201, [("Docker-Content-Digest", said)])

    def upload(self, repo, fault, number, query, length):
        if self.command == "POST":
            if fault == "busy" and first((repo, "post")):
                return self.answer(429, [("Retry-After", "1")])
            if fault == "full":
                return self.answer(507)
            uploads[str(len(uploads))] = bytearray()
            return self.answer(202, [("Location", self.where(repo, len(uploads) - 1))])
        # Elsewhere nothing is known of what has begun here.
        data = uploads.setdefault(number, bytearray())
        if self.command == "GET":
            if fault in ("forgets", "cut-put"):
                return self.answer(404)
            return self.answer(204, [("Range", f"0-{len(data) - 1}"), ("Location", self.where(repo, number))])
        if self.command == "PATCH" and fault == "whole":
            self.rfile.read(length)
            return self.answer(405)
        if (self.command == "PATCH" and fault in ("cut", "forgets", "short") and first((repo, "cut"))) or (
                self.command == "PUT" and length > 1000 and fault == "cut-put" and first((repo, "cut"))):
            self.read_into(data, length // 2)
            self.close_connection = True
            return self.connection.close() if fault != "short" else self.answer(500)
        begin = int(self.headers.get("Content-Range", f"{len(data)}-").split("-")[0])
        if begin != len(data):
            self.rfile.read(length)
            return self.answer(416, [("Range", f"0-{len(data) - 1}")])
        self.read_into(data, length)
        if self.command == "PATCH":
            return self.answer(202, [("Range", f"0-{len(data) - 1}"), ("Location", self.where(repo, number))])
        digest = query.split("digest=")[1].replace("%3A", ":")
        if digest != "sha256:" + hashlib.sha256(data).hexdigest():
            return self.answer(400, [], b'{"errors":[{"code":"DIGEST_INVALID","message":"no\\u001b[2J"}]}')
        blobs[repo, digest] = bytes(data)
        return self.answer(201, [("Docker-Content-Digest", digest)])

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(DIR, "port.new"), "w", encoding="ascii") as port:
    port.write(str(server.server_address[1]))
os.rename(os.path.join(DIR, "port.new"), os.path.join(DIR, "port"))
server.serve_forever()
