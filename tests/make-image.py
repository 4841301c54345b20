#!/usr/bin/env python3
"""Put an image into an OCI layout, whatever sense it makes: make-image.py LAYOUT NAME <IMAGES

Standard input is JSON, a list of {"layers": [TAR...], "config": {...}, "platform": "OS/ARCH[/VARIANT]"};
of several images comes an index.
"""
import hashlib
import json
import os
import sys

layout, name = sys.argv[1:]


def put(data):
    digest = hashlib.sha256(data).hexdigest()
    path = f"{layout}/blobs/sha256/{digest}"
    if not os.path.exists(path):
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)
    return {"digest": "sha256:" + digest, "size": len(data)}


def put_json(value, media_type):
    return {"mediaType": "application/vnd.oci.image." + media_type, **put(json.dumps(value).encode())}


def put_image(image):
    platform = image.get("platform", "linux/amd64").split("/")
    platform = dict(zip(("os", "architecture", "variant"), platform))
    layers, ids = [], []
    for tar in image["layers"]:
        with open(tar, "rb") as f:
            layer = put(f.read())
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer})
        ids.append(layer["digest"])
    config = put_json({**platform, **image.get("top", {}), "config": image.get("config", {}),
                       "rootfs": {"type": "layers", "diff_ids": ids}}, "config.v1+json")
    manifest = {"schemaVersion": 2, "config": config, "layers": layers}
    return {**put_json(manifest, "manifest.v1+json"), "platform": platform}


os.makedirs(layout + "/blobs/sha256", mode=0o700, exist_ok=True)
made = [put_image(image) for image in json.load(sys.stdin)]
if len(made) > 1:
    top = put_json({"schemaVersion": 2, "manifests": made}, "index.v1+json")
else:
    top = made[0]
try:
    with open(layout + "/index.json", encoding="utf-8") as f:
        index = json.load(f)
except FileNotFoundError:
    index = {"schemaVersion": 2, "manifests": []}
    with open(layout + "/oci-layout", "w", encoding="utf-8") as f:
        f.write('{"imageLayoutVersion": "1.0.0"}')
key = "org.opencontainers.image.ref.name"
index["manifests"] = [d for d in index["manifests"] if d.get("annotations", {}).get(key) != name]
index["manifests"].append({**top, "annotations": {key: name}})
with open(layout + "/index.json.new", "w", encoding="utf-8") as f:
    json.dump(index, f)
os.rename(layout + "/index.json.new", layout + "/index.json")
