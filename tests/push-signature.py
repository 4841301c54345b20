#!/usr/bin/env python3
"""Sign an image as cosign does: push-signature.py HOST REPOSITORY DIGEST IDENTITY KEY [PAYLOAD-OF [TYPE]]

The signature by the private KEY (PEM) goes to the tag sha256-HEX.sig beside those that are there.  PAYLOAD-OF:
the digest that is signed, in place of DIGEST.
"""
import base64
import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.request

host, repository, digest, identity, key = sys.argv[1:6]
signed = sys.argv[6] if len(sys.argv) > 6 else digest
kind = sys.argv[7] if len(sys.argv) > 7 else "cosign container image signature"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
base = f"http://{host}/v2/{repository}"


def ask(method, url, data=None, media_type="application/octet-stream"):
    r = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": media_type, "Accept": MANIFEST})
    with urllib.request.urlopen(r) as answer:
        return answer.headers, answer.read()


def push(data, media_type, **more):
    found = "sha256:" + hashlib.sha256(data).hexdigest()
    location = ask("POST", base + "/blobs/uploads/", b"")[0]["Location"]
    ask("PUT", location + ("&" if "?" in location else "?") + "digest=" + found, data)
    return {"mediaType": media_type, "digest": found, "size": len(data), **more}


payload = json.dumps({"critical": {"identity": {"docker-reference": identity},
                                   "image": {"docker-manifest-digest": signed}, "type": kind},
                      "optional": None}).encode()
signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=payload, check=True,
                           stdout=subprocess.PIPE).stdout
tag = base + "/manifests/" + digest.replace(":", "-") + ".sig"
try:
    manifest = json.loads(ask("GET", tag)[1])
except urllib.error.HTTPError:
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
                "config": push(b"{}", "application/vnd.oci.image.config.v1+json")}
manifest["layers"].append(push(payload, "application/vnd.dev.cosign.simplesigning.v1+json", annotations={
    "dev.cosignproject.cosign/signature": base64.b64encode(signature).decode()}))
ask("PUT", tag, json.dumps(manifest).encode(), MANIFEST)
