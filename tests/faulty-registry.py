#!/usr/bin/env python3
"""A registry that misbehaves on order: faulty-registry.py LAYOUT CERTS LOG >PORTS

The content of every repository is the image LATEST of the OCI layout (its name there is "latest").  A
repository is FAULT/PLACE: what goes wrong, and at which requests, PLACE being "tags", "manifest", "config",
"layer", "blob" (any of the two) or "any".  Everything else is answered well.

It listens at several places, whose names and addresses come on standard output, and "ready" after them:

  plain, other     no TLS; the other one is another host
  tls, tls-other   with the certificate CERTS/good.pem, as far as there is one
  NAME             with CERTS/NAME.pem of any other name
  ping-FAULT       the fault is at /v2/

Each request is a line in LOG: where, method, path, and what was said about who asks.
"""
import base64
import glob
import gzip
import hashlib
import json
import os
import re
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

layout, certs, log_path = sys.argv[1:]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TOKEN = "token-that-nobody-may-see"
PASSWORD = "alice:password-that-nobody-may-see"
PING_FAULTS = ("404", "500", "html", "401", "stall-head", "cut-0", "redirect-other", "endless", "headers", "basic",
               "token", "realm-other")
addresses, counts, lock = {}, {}, threading.Lock()


def read_blob(digest):
    with open(f"{layout}/blobs/sha256/{digest.removeprefix('sha256:')}", "rb") as f:
        return f.read()


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


with open(layout + "/index.json", encoding="utf-8") as index_file:
    top = json.load(index_file)["manifests"][0]
manifest_data = read_blob(top["digest"])
manifest = json.loads(manifest_data)


def is_first(key):
    with lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key] == 1


class Gone(Exception):
    """The connection is to be closed."""


class Request(socketserver.StreamRequestHandler):
    """One connection."""
    timeout = 60
    disable_nagle_algorithm = True

    def handle(self):
        try:
            if self.server.tls:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
            elif self.request.recv(1, 2) == b"\x16":
                return
            while self.one():
                pass
        except (OSError, Gone, ValueError):
            pass

    def one(self):
        words = self.rfile.readline(65536).decode("latin-1").split()
        if len(words) != 3:
            return False
        self.method, self.target = words[:2]
        self.headers = {}
        while (line := self.rfile.readline(1 << 20).strip()):
            name, value = line.decode("latin-1").split(":", 1)
            self.headers[name.lower()] = value.strip()
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode("latin-1")
        said = self.headers.get("authorization", "nobody")
        if said.startswith("Basic "):
            said = "Basic " + base64.b64decode(said[6:]).decode("latin-1")
        with lock, open(log_path, "a", encoding="utf-8") as log:
            log.write(f"{self.server.name} {self.method} {self.target} {said} {body}\n")
        self.said, self.version, self.keep = said, "HTTP/1.1", True
        self.route(urllib.parse.urlsplit(self.target))
        return self.keep

    # --- answers ---

    def send(self, data):
        self.wfile.write(data)

    def head(self, status, length=None, **headers):
        lines = [f"{self.version} {status} X"]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines + ["", ""]).encode())

    def answer(self, status, data=b"", **headers):
        self.head(status, len(data), **headers)
        if self.method != "HEAD":
            self.send(data)

    def give(self, data, **headers):
        """All of it, or the part that was asked for."""
        begin = self.range(len(data))
        if begin:
            headers["Content_Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self.answer(206 if begin else 200, data[begin:], **headers)

    def range(self, size):
        m = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(m[1]) if m and int(m[1]) < size else 0

    def hang(self):
        time.sleep(30)
        raise Gone

    def pour(self, piece, most=1 << 34):
        while most > 0:
            self.send(piece)
            most -= len(piece)

    # --- what is where ---

    def route(self, url):
        path = url.path
        if path == "/v2/":
            fault = self.server.name.removeprefix("ping-")
            self.misbehave(fault if fault != self.server.name else "ok", "ping", b"{}",
                           {"Content_Type": "application/json"})
        elif path.startswith("/token/"):
            self.token(path.removeprefix("/token/"))
        elif (m := re.fullmatch(r"/v2/([^/]+)/([a-z]+)/(manifests|blobs|tags)/(.+)", path)):
            self.part(*m.groups(), url)
        else:
            self.answer(404)

    def part(self, fault, place, kind, what, url):
        headers = {"Content_Type": "application/octet-stream"}
        if kind == "tags":
            here, data = "tags", json.dumps({"name": f"{fault}/{place}", "tags": ["latest", "old"]}).encode()
            headers["Content_Type"] = "application/json"
        elif kind == "manifests":
            here, data = "manifest", self.manifest(fault)
            headers = {"Content_Type": top.get("mediaType", MANIFEST), "Docker_Content_Digest": sha256(data)}
        else:
            here = "config" if what == manifest["config"]["digest"] else "layer"
            try:
                data = read_blob(what)
            except OSError:
                self.answer(404)
                return
        wrong = place in (here, "any") or (place == "blob" and here in ("config", "layer"))
        self.repository, self.query = f"{fault}/{place}", urllib.parse.parse_qs(url.query)
        self.misbehave(fault if wrong and "moved" not in self.query else "ok", here, data, headers)

    @staticmethod
    def manifest(fault):
        m = json.loads(manifest_data)
        if fault == "schema1":
            m = {"schemaVersion": 1, "name": "x", "tag": "latest", "fsLayers": [], "history": []}
        elif fault == "both":
            m["manifests"] = [top]
        elif fault == "foreign":
            for d in m["layers"]:
                d["mediaType"] = d["mediaType"].replace("layer.v1", "layer.nondistributable.v1")
                d["urls"] = [f"http://{addresses['other']}/foreign"]
        elif fault == "size":
            m["layers"][0]["size"] += 1
        elif fault == "size-huge":
            m["layers"][0]["size"] = 1 << 62
        elif fault == "path":
            m["layers"][0]["digest"] = "sha256:../../../../../../tmp/x"
        elif fault == "upper":
            m["layers"][0]["digest"] = m["layers"][0]["digest"].upper()
        elif fault == "not-json":
            return b"<html>\x1b[2Jhello</html>"
        elif fault == "deep":
            return b"[" * 100000
        elif fault == "other-config":
            m["config"] = {**m["layers"][0], "mediaType": m["config"]["mediaType"]}
        else:
            return manifest_data
        return json.dumps(m).encode()

    def misbehave(self, fault, here, data, headers):
        family = fault.split("-")[0]
        f = getattr(self, "do_" + fault.replace("-", "_"), None) or getattr(self, "do_" + family, None)
        if f:
            f(fault, here, data, headers)
        else:
            self.give(data, **headers)

    # --- cut, slow, too much ---

    def do_cut(self, fault, here, data, headers):
        begin, half = self.range(len(data)), len(data) // 2
        rest = data[begin:]
        if begin:
            headers["Content_Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        status = 206 if begin else 200
        if fault == "cut-once" and not is_first((self.repository, here)):
            self.give(data, **headers)
            return
        if fault == "cut-head":
            self.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        elif fault == "cut-close":
            self.head(200, **headers)
            self.send(data[:half])
        elif fault == "cut-chunked":
            self.head(200, Transfer_Encoding="chunked", **headers)
            self.send(b"%x\r\n%s" % (len(data), data[:half]))
        elif fault in ("cut-length", "cut-once"):
            self.head(200, len(data), **headers)
            self.send(data[:half])
        elif fault == "cut-each":
            self.head(status, len(rest), **headers)
            self.send(rest[:len(data) // 4 + 1])
        raise Gone

    def do_stall(self, fault, _here, data, headers):
        if fault == "stall-body":
            self.head(200, len(data), **headers)
            self.send(data[:len(data) // 2])
        self.hang()

    def do_loris(self, fault, _here, data, headers):
        if fault == "loris-body":
            self.head(200, len(data), **headers)
        text = data if fault == "loris-body" else b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100
        for byte in text[:40]:
            self.send(bytes([byte]))
            time.sleep(1)
        raise Gone

    def do_long(self, _fault, _here, data, headers):
        self.answer(200, data + b" " * 100, **headers)

    def do_short(self, _fault, _here, data, headers):
        self.answer(200, data[:-1], **headers)

    def do_endless(self, fault, _here, data, headers):
        if fault == "endless-chunked":
            self.head(200, Transfer_Encoding="chunked", **headers)
            self.pour(b"10000\r\n" + b" " * 65536 + b"\r\n")
        self.head(200, **headers)
        self.send(data)
        self.pour(b" " * 65536)
        raise Gone

    def do_huge(self, _fault, _here, _data, headers):
        self.head(200, 1500 << 20, **headers)
        self.pour(b" " * 65536, 1500 << 20)

    def do_headers(self, _fault, _here, _data, _headers):
        self.send(b"HTTP/1.1 200 OK\r\n")
        self.pour(b"X-Much: " + b"x" * 1000 + b"\r\n", 60 << 20)
        raise Gone

    def do_continue(self, _fault, _here, _data, _headers):
        self.pour((b"HTTP/1.1 100 " + b"x" * 900 + b"\r\n\r\n") * 60, 1 << 30)
        raise Gone

    # --- not what it is said to be ---

    def do_wrong_body(self, _fault, _here, data, headers):
        self.give(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:], **headers)

    def do_wrong_header(self, _fault, _here, data, headers):
        self.give(data, **{**headers, "Docker_Content_Digest": "sha256:" + 64 * "0"})

    def do_wrong_type(self, _fault, _here, data, headers):
        self.give(data, **{**headers, "Content_Type": "text/html"})

    def do_type_index(self, _fault, _here, data, headers):
        self.give(data, **{**headers, "Content_Type": INDEX})

    def do_gzip(self, _fault, _here, data, headers):
        self.answer(200, gzip.compress(data), Content_Encoding="gzip", **headers)

    def do_bomb(self, _fault, _here, _data, headers):
        self.answer(200, gzip.compress(bytes(8 << 20), 1), Content_Encoding="gzip", **headers)

    def do_http10(self, _fault, _here, data, headers):
        self.version, self.keep = "HTTP/1.0", False
        self.head(200, **headers)
        self.send(data)

    def do_close(self, _fault, _here, data, headers):
        self.keep = False
        self.give(data, Connection="close", **headers)

    def do_garbage(self, _fault, _here, _data, _headers):
        self.send(b"\x00\xff\x1b[2J hello\r\n\r\n" * 10)
        raise Gone

    def do_escapes(self, _fault, _here, _data, _headers):
        said = {"errors": [{"code": "DENIED", "message": "no\x1b]0;owned\x07 \u202e\nrootlet: all is well"}]}
        self.answer(403, json.dumps(said).encode(), Content_Type="application/json")

    def do_status(self, fault, _here, data, headers):
        status = int(fault.removeprefix("status-"))
        self.answer(status, b"" if status in (204, 304) else data, **headers)

    def do_404(self, *_):
        self.answer(404)

    def do_html(self, *_):
        self.answer(200, b"<html>It works!</html>", Content_Type="text/html")

    # --- elsewhere ---

    def do_redirect(self, fault, _here, _data, _headers):
        here, other = addresses[self.server.name], addresses["other"]
        path = self.target + ("&" if "?" in self.target else "?")
        moved = path + "moved=1"
        to = {
            "redirect-loop": path + "x=1",
            "redirect-other": f"http://{other}{moved}",
            "redirect-tls-other": f"https://{addresses.get('tls-other')}{moved}",
            "redirect-back": f"http://{other}/back?{here}{moved}",
            "redirect-file": "file:///etc/passwd",
            "redirect-unix": "unix:///run/x",
            "redirect-gopher": "gopher://127.0.0.1:1/x",
            "redirect-down": f"http://{addresses['plain']}{moved}",
            "redirect-relative": moved,
            "redirect-same": "//" + here + moved,
            "redirect-user": f"http://eve:x@{other}{moved}",
            "redirect-control": f"http://{other}{moved}\x01\x0b",
            "redirect-long": f"http://{other}{moved}{'x' * 60000}",
            "redirect-empty": "",
        }.get(fault)
        self.answer(307, **({} if to is None else {"Location": to}))

    # --- who are you? ---

    def challenge(self, realm, more=""):
        self.answer(401, WWW_Authenticate=f'Bearer realm="{realm}",service="faulty"{more}')

    def realm(self, fault, name="plain"):
        if name == "plain" and self.server.tls:
            return f"https://{addresses[self.server.name]}/token/{fault}"
        return f"http://{addresses[self.server.name if name == 'plain' else name]}/token/{fault}"

    def do_token(self, fault, _here, data, headers):
        if fault == "token-other" and self.said == "Bearer " + TOKEN:
            self.do_redirect("redirect-other", None, None, None)
        elif fault != "token-loop" and self.said == "Bearer " + TOKEN:
            self.give(data, **headers)
        else:
            scope = ',scope="repository:secret/other:pull,push,delete"' if fault == "token-scope" else ""
            self.challenge(self.realm(fault), scope)

    def do_realm(self, fault, here, data, headers):
        realm = {
            "realm-other": self.realm("ok", "other"),
            "realm-tls-other": f"https://{addresses.get('tls-other')}/token/ok",
            "realm-user": f"http://{addresses['plain'].replace('127', 'eve:x@127')}/token/ok",
            "realm-at": f"https://{addresses['plain']}@{addresses.get('tls-other')}/token/ok",
            "realm-file": "file:///etc/passwd",
            "realm-down": self.realm("ok", "plain"),
            "realm-none": "",
            "realm-control": "http://127.0.0.1\x01/",
            "realm-escape": "https://\u202e\x9b.example/",
        }[fault]
        if self.said == "Bearer " + TOKEN:
            self.give(data, **headers)
        elif fault == "realm-down":
            self.challenge(f"http://{addresses['plain']}/token/ok")
        else:
            self.challenge(realm)

    def do_basic(self, fault, _here, data, headers):
        if self.said == "Basic " + PASSWORD and fault == "basic":
            self.give(data, **headers)
        elif self.said == "Basic " + PASSWORD and fault == "basic-other":
            self.do_redirect("redirect-other", None, None, None)
        else:
            self.answer(401, WWW_Authenticate='Basic realm="faulty"')

    def do_both_ways(self, _fault, _here, data, headers):
        """Either will do, and both are offered, the one that is not for everybody last."""
        if self.said != "nobody":
            self.give(data, **headers)
            return
        realm = self.realm("ok")
        self.send(f'HTTP/1.1 401 X\r\nContent-Length: 0\r\nWWW-Authenticate: Bearer realm="{realm}"\r\n'
                  'WWW-Authenticate: Basic realm="faulty"\r\n\r\n'.encode())

    def do_401(self, *_):
        self.answer(401)

    def token(self, fault):
        reply = {"token": TOKEN, "expires_in": 60}
        if fault == "token-crlf":
            reply["token"] += "\r\nX-Injected: yes"
        elif fault == "token-huge":
            reply["token"] = "x" * (10 << 20)
        elif fault == "token-none":
            reply = {"nothing": 1}
        elif fault == "token-number":
            reply["token"] = 7
        elif fault == "token-access":
            reply = {"access_token": TOKEN}
        if fault == "token-stall":
            self.hang()
        elif fault == "token-html":
            self.answer(200, b"<html></html>")
        elif fault == "token-redirect":
            self.answer(307, Location=f"http://{addresses['other']}/token/ok")
        elif fault == "token-401":
            self.answer(401)
        elif fault == "token-503" and is_first(fault):
            self.answer(503)
        elif fault == "token-headers":
            self.do_headers(fault, None, None, None)
        elif fault == "token-endless":
            self.do_endless(fault, None, b"{}", {})
        else:
            self.answer(200, json.dumps(reply).encode(), Content_Type="application/json")

    # --- later ---

    def do_429(self, fault, here, data, headers):
        if fault in ("429-second", "429-date") and not is_first((self.repository, here)):
            self.give(data, **headers)
            return
        soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 1))
        after = {"429-second": 1, "429-date": soon, "429-hour": 3600, "429-negative": -5,
                 "429-words": "tomorrow", "429-large": "9" * 40}[fault]
        self.answer(429, Retry_After=after)

    def do_503_once(self, _fault, here, data, headers):
        if is_first((self.repository, here)):
            self.answer(503)
        else:
            self.give(data, **headers)

    def do_500(self, *_):
        self.answer(500, b"oops")

    # --- parts: the first answer is cut ---

    def do_range(self, fault, here, data, headers):
        if is_first((self.repository, here)):
            self.do_cut("cut-length", here, data, headers)
        begin, size = self.range(len(data)), len(data)
        if fault == "range-416":
            self.answer(416, Content_Range=f"bytes */{size}")
        elif fault == "range-wrong":
            self.answer(206, data[begin + 1:], Content_Range=f"bytes {begin + 1}-{size - 1}/{size}", **headers)
        elif fault == "range-total":
            self.answer(206, data[begin:], Content_Range=f"bytes {begin}-{size - 1}/{size + 7}", **headers)
        elif fault == "range-missing":
            self.answer(206, data[begin:], **headers)
        else:
            self.answer(200, data, **headers)

    # --- page after page ---

    def do_paging(self, fault, _here, _data, _headers):
        n = int(self.query.get("page", ["0"])[0])
        base = f"/v2/{self.repository}/tags/list"
        to = {
            "paging-ok": f"{base}?page={n + 1}" if n < 2 else None,
            "paging-relative": f"list?page={n + 1}" if n < 2 else None,
            "paging-full": f"http://{addresses[self.server.name]}{base}?page={n + 1}" if n < 2 else None,
            "paging-endless": f"{base}?page={n + 1}",
            "paging-same": f"{base}?page=1",
            "paging-other": f"http://{addresses['other']}{base}?page=2",
            "paging-file": "file:///etc/passwd",
            "paging-down": f"http://{addresses['plain']}{base}?page=2",
            "paging-previous": None,
            "paging-large": f"{base}?page={n + 1}",
        }[fault]
        tags = [f"tag-{n}"]
        if fault == "paging-large":
            tags = ["x" * (3 << 20)]
        headers = {} if to is None else {"Link": f'<{to}>; rel="next"'}
        if fault == "paging-previous":
            headers = {"Link": f'<{base}?page=7>; rel="prev"; title="next"'}
        self.answer(200, json.dumps({"tags": tags}).encode(), **headers)

    def do_tags(self, fault, _here, _data, _headers):
        value = {"tags-null": None, "tags-number": 7, "tags-mixed": ["a", 7, None, "b"],
                 "tags-escape": ["a\x1b[2Jb", "\u202e"], "tags-many": ["t"] * 1000000}[fault]
        self.answer(200, json.dumps({"tags": value}).encode())


class Server(socketserver.ThreadingTCPServer):
    """One of the places."""
    daemon_threads = allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, name, host, pem):
        super().__init__((host, 0), Request)
        self.name, self.tls = name, None
        if pem:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(pem)
        addresses[name] = f"{host}:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass


places = [("plain", "127.0.0.1", None), ("other", "127.5.0.1", None)]
places += [("ping-" + fault, "127.0.0.1", None) for fault in PING_FAULTS]
for path in sorted(glob.glob(certs + "/*.pem")):
    stem = os.path.basename(path)[:-4]
    if stem == "good":
        places += [("tls", "127.0.0.1", path), ("tls-other", "127.5.0.1", path)]
    else:
        places.append((stem, "127.0.0.1", path))
servers = [Server(*place) for place in places]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.name, addresses[server.name])
print("ready", flush=True)
threading.Event().wait()
