#!/bin/sh
# A Debian tree with build tools, copied from this machine, as images of 1 and of 20 layers.
#
#   tree.sh DIRECTORY [FILES] [MEGABYTES]
#
# What DIRECTORY gets: NAME.tar, NAME.tar.gz, NAME.tar.zst, and OCI layouts gz and zst with images
# one:latest and twenty:latest.  Nothing is done when it is there.  Needs dpkg, python3, zstd.
set -eu
dir=$1 files=${2-40000} megabytes=${3-1000}
[ ! -e "$dir/complete" ] || exit 0
mkdir -p "$dir" && cd "$dir" && rm -rf ./*

# Packages first, then what else a well used machine has, until it is enough; large files only of packages.
packages() {
	dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p'
	apt-cache depends --recurse --installed --no-suggests --no-recommends --no-conflicts --no-breaks \
		--no-replaces --no-enhances build-essential git python3 2>/dev/null | grep '^[a-z]' || true
}
{
	packages | sort -u | xargs dpkg -L 2>/dev/null |
		sed 's,^/\(s\?bin\|lib[0-9x]*\)/,/usr/\1/,' | grep '^/usr/' | sort -u |
		xargs -d '\n' stat -c '%F	%s	p	%n' 2>/dev/null || true
	find /usr/include /usr/share /usr/lib/python3 /usr/lib/x86_64-linux-gnu -xdev \
		! -type d -printf 'regular file\t%s\to\t%p\n' | sort -t "$(printf '\t')" -k 4
} | awk -F '\t' -v files="$files" -v bytes="${megabytes}000000" '
	$1 == "directory" || seen[$4]++ { next }
	$3 == "o" && ($2 > 300000 || n >= files) { next }
	n < files && sum + $2 < bytes { n++; sum += $2; print substr($4, 2) }' >list
sort -o list list
echo "$(wc -l <list) files"

# /bin, /lib and so on are links where /usr is merged; the first part has them.
for d in bin sbin lib lib32 lib64 libx32; do
	[ ! -L "/$d" ] || echo "$d"
done >links
cat links list >list.new && mv list.new list

tar_of() { tar -C / --owner=0 --group=0 --sort=name --no-recursion --ignore-failed-read -cf "$@" 2>/dev/null; }
tar_of tree.tar -T list
pack() {
	gzip -6n <"$1" >"$1.gz"
	zstd -q -3 <"$1" >"$1.zst"
}
pack tree.tar
split -n r/20 -d -a 2 list part.
cat links part.00 >part.new && mv part.new part.00
for p in part.??; do
	sort -o "$p" "$p"
	tar_of "$p.tar" -T "$p"
	pack "$p.tar"
done

python3 - <<'X'
import glob, hashlib, json, os
def layout(name, end, kind):
    os.makedirs(name + "/blobs/sha256")
    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{name}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}
    def image(tag, tars):
        ids = ["sha256:" + hashlib.sha256(open(t, "rb").read()).hexdigest() for t in tars]
        layers = [{"mediaType": kind, **put(open(t + end, "rb").read())} for t in tars]
        config = put(json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                                 "rootfs": {"type": "layers", "diff_ids": ids}}).encode())
        manifest = put(json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": layers}).encode())
        return {"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
                "annotations": {"org.opencontainers.image.ref.name": tag}}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
             "manifests": [image("one:latest", ["tree.tar"]),
                           image("twenty:latest", sorted(glob.glob("part.??.tar")))]}
    json.dump(index, open(name + "/index.json", "w"))
    open(name + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
layout("gz", ".gz", "application/vnd.oci.image.layer.v1.tar+gzip")
layout("zst", ".zst", "application/vnd.oci.image.layer.v1.tar+zstd")
X
rm -f part.* links
: >complete
