#!/usr/bin/env python3
"""Write layers that nobody's tar makes: hostile-tars.py DIR WITNESS

Each becomes DIR/NAME.tar (or another ending, when compressed).  WITNESS is a directory of the host
that the archives try to reach; what the tests expect of each is in t-unpack.sh.
"""
import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import zlib

out, witness = sys.argv[1:3]
inside = witness.lstrip("/")
REG, DIR, SYM, LNK, CHR, BLK, FIFO = (
    tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,
    tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
END = b"\0" * 1024


def entry(name, kind=REG, link="", data=b"", pax=None, **fields):
    """One entry as bytes: header, extended header, contents."""
    i = tarfile.TarInfo(name)
    i.type, i.linkname, i.size = kind, link, len(data)
    i.mode = 0o755 if kind == DIR else 0o644
    i.mtime = 1000000000
    for key, value in fields.items():
        setattr(i, key, value)
    i.pax_headers = pax or {}
    head = i.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    return head + data + b"\0" * (-len(data) % 512)


def field(head, at, value):
    """Change a header of ours and make its checksum right."""
    b = bytearray(head)
    b[at:at + len(value)] = value
    b[148:156] = b"        "
    b[148:156] = b"%06o\0 " % sum(b[:512])
    return bytes(b)


def record(key, value):
    """A record of an extended header."""
    body = b" " + key + b"=" + value + b"\n"
    n = len(body)
    while len(str(n)) + len(body) != n:
        n = len(str(n)) + len(body)
    return str(n).encode() + body


def extended(records, kind=b"x"):
    body = b"".join(record(k, v) for k, v in records)
    head = entry("pax", data=body)
    return field(head, 156, kind)


def write(name, *parts, end=END, suffix=".tar", pack=None):
    data = b"".join(parts) + end
    with open(os.path.join(out, name + suffix), "wb") as f:
        f.write(pack(data) if pack else data)


# --- names ---
write("dotdot", entry("../up", data=b"x"))
write("dotdot-inside", entry("a/../../up", data=b"x"))
write("dotdot-dir", entry("..", DIR))
write("absolute", entry(witness + "/abs", data=b"x"))
write("long-name", entry("n/" * 3000 + "x", data=b"x"))
write("long-part", entry("p" * 300, data=b"x"))
write("deep", entry("d/" * 1100 + "x", data=b"x"))
write("deepest", entry("d/" * 2047 + "x", data=b"x"))
here = [("%s/" % c) * n + name for n in (1, 18, 3, 15, 16, 17, 2, 40, 9, 8, 7) for c in "ab"
        for name in ("f%d" % n, "aa/f%d" % n, "f%d" % -n)]
write("to-and-fro", *[entry(n) for n in here], entry("list", data="\n".join(here + ["list"]).encode()))
write("mode-later", entry("a/b/x"), entry("a/", DIR, mode=0o700), entry("c/", DIR), entry("c/x"),
      entry("c/", DIR, mode=0o711, mtime=5))
write("closed-link", entry("directory/", DIR, mode=0o000), entry("a", SYM, "directory"),
      entry("a/x/", DIR, mode=0o711, mtime=5))
write("link-swap-in", entry("e/y/f"), entry("d/y/", DIR, mode=0o777), entry("d/y/x"), entry("d", SYM, "e"),
      entry("d/y/x"), entry("d/x"))
write("link-swap-up", entry("e/f"), entry("a/up", SYM, ".."), entry("a/up/a", SYM, "e"), entry("a/x"))
write("too-deep", entry("d/" * 2048 + "x", data=b"x"))
write("wh-long", entry(".wh." + "p" * 255), entry("d/.wh." + "q" * 255))
write("wh-too-long", entry(".wh." + "p" * 256))
write("nul-in-pax", extended([(b"path", b"nul\0/../../up")]) + entry("short", data=b"x"))
write("nul-in-linkpath", extended([(b"linkpath", b"f\0/../../up")]) + entry("l", SYM, "short"))
write("nul-in-global", extended([(b"path", b"nul\0x")], b"g") + entry("short", data=b"x"))
write("nul-in-key", extended([(b"pa\0th", b"nul")]) + entry("short", data=b"x"))
write("nul-far", entry("first", data=b"x"), extended([(b"comment", b"c" * 700000), (b"path", b"nul\0x")]) +
      entry("short", data=b"x"))
write("nul-second", extended([(b"path", b"good")], b"g") + extended([(b"path", b"nul\0x")]) +
      entry("short", data=b"x"))
write("nul-after-long", field(entry("././@LongLink", data=b"n" * 200 + b"\0"), 156, b"L") +
      extended([(b"uname", b"nul\0x")]) + entry("short", data=b"x"))
for kind in b"L", b"K":
    for name, long in (("", b"n" * 150 + b"\0/../../up\0"), ("-first", b"\0" + b"n" * 150)):
        write(f"nul-in-gnu-{kind.decode()}{name}", field(entry("././@LongLink", data=long), 156, kind) +
              entry("l", SYM, "short"))
write("gnu-ends", field(entry("././@LongLink", data=b"n" * 150), 156, b"L") + entry("short", data=b"1"),
      field(entry("././@LongLink", data=b"m" * 150 + b"\0" * 9), 156, b"L") + entry("short", data=b"2"))
write("nul-after-binary-size", field(field(entry("x", data=b"n" * 512), 156, b"L"), 124,
                                     b"\x80" + b"\0" * 9 + b"\2\0") +
      extended([(b"path", b"nul\0x")]) + entry("short", data=b"x"))
write("record-damaged", field(entry("pax", data=b"99 path=x\n"), 156, b"x") + entry("short", data=b"x"))
write("record-no-key", extended([(b"", b"x")]) + entry("short", data=b"x"))
write("control", entry("\x1b]0;title\x07/../x", data=b"x"))

# --- links made by an earlier entry ---
write("link-file", entry("l", SYM, witness + "/canary"), entry("l", data=b"overwritten"))
write("link-dir", entry("l", SYM, witness), entry("l/new", data=b"x"))
write("link-dir-up", entry("l", SYM, "../" * 20 + inside), entry("l/new", data=b"x"))
write("link-root", entry("l", SYM, "/"), entry("l/in", data=b"x"))
write("link-up", entry("a", DIR), entry("a/l", SYM, "../../../.."), entry("a/l/in", data=b"x"))
write("link-proc", entry("l", SYM, "/proc/self/cwd"), entry("l/new", data=b"x"))
write("link-chmod", entry("l", SYM, witness + "/dir"), entry("l", DIR, mode=0o777))
write("link-then-dir-in", entry("l", SYM, witness), entry("l/dir", DIR, mode=0o777))
write("link-loop", entry("a", SYM, "b"), entry("b", SYM, "a"), entry("a/x", data=b"x"))
write("link-dangling", entry("l", SYM, "nowhere"), entry("l/x", data=b"x"))
write("link-xattr", entry("l", SYM, witness + "/canary",
                          pax={"SCHILY.xattr.user.planted": "x"}))
write("link-swap", entry("d", DIR), entry("d/sub", DIR), entry("d/sub/x", data=b"x"),
      entry("d", SYM, witness), entry("d/sub2/x", data=b"x"))
write("link-late-dir", entry("d", DIR), entry("d/dir", DIR, mode=0o700), entry("d", SYM, witness),
      entry("longer", DIR), entry("c", DIR, mode=0o700), entry("c", SYM, "longer"))
write("under-file", entry("f", data=b"x"), entry("f/x", data=b"x"))
component = "m" * 247
maze, path = [], ""
for c in "abcdefghijklmnop":
    maze += [entry(path + component, DIR), entry(path + c, SYM, component)]
    path += c + "/"
write("maze", *maze, entry(path + "l" * 254, SYM, "../" * 16),
      entry("escape", SYM, path + "l" * 254 + "/" + "../" * 16 + inside),
      entry("escape/new", data=b"x"))

# --- the root ---
write("root-link", entry(".", SYM, witness), entry("new", data=b"x"))
write("root-link-slash", entry("/", SYM, witness), entry("new", data=b"x"))
write("root-file", entry("./", data=b"x"))

# --- hard links ---
write("hard-host", entry("h", LNK, witness + "/canary"), entry("h", data=b"overwritten"))
write("hard-up", entry("h", LNK, "../" * 20 + inside + "/canary"))
write("hard-through-link", entry("l", SYM, witness), entry("h", LNK, "l/canary"))
write("hard-to-link", entry("l", SYM, witness + "/canary"), entry("h", LNK, "l"),
      entry("h", data=b"overwritten"))
write("hard-dir", entry("d", DIR), entry("h", LNK, "d"))
write("hard-root", entry("h", LNK, "."))
write("hard-self", entry("h", LNK, "h"))
write("hard-missing", entry("sub/h", LNK, "not/there"))
write("hard-data", entry("l", SYM, witness + "/canary"),
      extended([(b"size", b"11")]) + entry("h", LNK, "l", data=b"overwritten"), entry("after", data=b"x"))
write("hard-whiteout", entry(".wh.w"), entry("h", LNK, "w"))

# --- whiteouts ---
write("wh-nothing", entry(".wh."))
write("wh-dot", entry(".wh.."))
write("wh-dotdot", entry("a/.wh..."))
write("wh-wh", entry("a/.wh..wh.x"))
write("wh-dir", entry(".wh.x", DIR))
write("wh-link", entry(".wh.x", SYM, witness))
write("wh-up", entry("a/.wh.../../keep1"))
write("wh-below", entry(".wh.d/x", data=b"x"))
write("wh-opaque-dir", entry("d/.wh..wh..opq", DIR))
write("wh-below-link", entry("l", SYM, witness + "/wh"), entry("l/.wh.keep1"),
      entry("l/.wh..wh..opq"))
write("wh-below-root-link", entry("l", SYM, "/"), entry("l/.wh.in"), entry("d", DIR),
      entry("d/.wh..wh..opq"))
write("wh-good", entry("./", DIR), entry(".wh.gone"), entry("d/", DIR), entry("d/.wh..wh..opq"),
      entry("d/x", data=b"x"), entry("was", data=b"x"), entry(".wh.was"),
      entry(".wh.again"), entry("again/", DIR), entry(".wh.file"), entry("file", data=b"new"),
      entry(".wh..wh.plnk/12.34", data=b"x"), entry(".wh.linked", LNK, ".wh.gone"))
write("opaque-root", entry(".wh..wh..opq"), entry("x", data=b"x"))

# --- what directs overlayfs ---
write("overlay-xattrs", entry("d", DIR, pax={
    "SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.trusted.overlay.opaque": "y",
    "SCHILY.xattr.user.overlay.redirect": "/etc", "SCHILY.xattr.user.kept": "yes",
    "SCHILY.xattr.user.containers.override_stat": "7:7:4755:file"}),
      entry("f", pax={"SCHILY.xattr.user.overlay.metacopy": "",
                      "LIBARCHIVE.xattr.user.overlay.whiteout": "eQ==",
                      "SCHILY.xattr.security.selinux": "x"}))
write("char-zero", entry("c", CHR, devmajor=0, devminor=0), entry("after", data=b"x"))

# --- numbers ---
write("uid-minus-one", entry("x", pax={"uid": "4294967295"}))
write("uid-wraps", entry("x", pax={"uid": "4294967296"}))
write("gid-wraps", entry("x", pax={"gid": "18446744073709551616"}))
write("uid-negative", field(entry("x"), 108, b"\xff" * 8))
write("uid-large", entry("sub/x", data=b"x", uid=3000000000, gid=3000000000))
write("size-negative", field(entry("x"), 124, b"\xff" * 12), entry("y"))
write("size-huge", field(entry("x"), 124, b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7))
write("size-two", extended([(b"size", b"1024")]) +
      field(entry("outer", data=b"A" * 512 + entry("smuggled") [:512]), 124, b"00000000000\0"),
      entry("after", data=b"x"))
write("device-huge", field(entry("x", CHR, devmajor=1, devminor=3), 329, b"7777777\0"))


def sparse(size):
    return extended([(b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"),
                     (b"GNU.sparse.name", b"holes"), (b"GNU.sparse.size", str(size).encode()),
                     (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.map", b"0,1")])


write("sparse-tebi", sparse(1 << 40) + entry("holes", data=b"x"))
write("sparse-exbi", sparse((1 << 63) - 1) + entry("holes", data=b"x"))
write("sparse-beyond", extended([(b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"),
                                 (b"GNU.sparse.name", b"holes"), (b"GNU.sparse.size", b"10"),
                                 (b"GNU.sparse.numblocks", b"1"),
                                 (b"GNU.sparse.map", b"99999999999,1")]) + entry("holes", data=b"x"))
holes = b"3000000\n" + b"0\n0\n" * 3000000
holes += b"\0" * (-len(holes) % 512)
write("sparse-map", entry("first", data=b"x"),
      extended([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
                (b"GNU.sparse.name", b"holes"), (b"GNU.sparse.realsize", b"10")]) +
      field(entry("holes"), 124, b"%011o\0" % len(holes)) + holes, suffix=".tar.gz", pack=gzip.compress)
write("large-link", entry("f", data=b"x"), extended([(b"size", b"20000000")]) +
      entry("h", LNK, "f") + b"\0" * (20000000 + -20000000 % 512), entry("after"), suffix=".tar.gz",
      pack=gzip.compress)
write("many", *[entry("f%d" % i) for i in range(200)])
write("many-implied", entry("i/" * 300 + "x"))
write("many-xattrs", entry("x", pax={"SCHILY.xattr.user.n%d" % i: "v" for i in range(400)}))
write("pax-bomb", extended([(b"comment", b"c" * (3 << 20))]) + entry("x"))
write("pax-endless", b"".join(extended([(b"comment", b"c")]) for _ in range(200)) + entry("x"))
write("pax-liar", field(extended([(b"path", b"x")]), 124, b"77777777777\0"))
write("long-liar", field(field(entry("././@LongLink", data=b"x"), 156, b"L"), 124, b"77777777777\0"))

# --- broken ---
good = entry("one", data=b"1" * 1000) + entry("two", data=b"2" * 100000) + END
write("cut-data", good[:5000], end=b"")
write("cut-header", good[:2048 + 100], end=b"")
write("bad-checksum", good[:2048 - 512] + b"X" + good[2048 - 511:], end=b"")
write("no-end", entry("one", data=b"1"), end=b"")
write("empty", end=b"")
write("zeros", end=b"\0" * 10240)
write("trailing", entry("one", data=b"1"), END, b"rubbish" * 1000, end=b"")
write("text", b"this is no archive\n" * 100, end=b"")
write("cpio", b"070701" + b"0" * 104 + b"TRAILER!!!\0\0\0\0" + b"\0" * 400, end=b"")
write("mtree", b"#mtree\n./x type=file contents=/etc/passwd\n" * 20, end=b"")
write("zip", b"PK\x03\x04" + b"\0" * 600, end=b"")
write("lrzip", b"LRZI\0\6" + b"\0" * 600, end=b"")
write("uu", b"begin 644 x\n#0V%T\n`\nend\n", end=b"")
write("bzip2-name", entry("BZh9-is-a-name", data=b"x"))

# --- compression ---
packed = {"gz": gzip.compress(good), "xz": lzma.compress(good), "bz2": bz2.compress(good)}
for suffix, z in packed.items():
    half = len(z) // 2
    write("cut", z[:-9], end=b"", suffix=".tar." + suffix)
    write("flip", z[:half] + bytes([z[half] ^ 0x55]) + z[half + 1:], end=b"", suffix=".tar." + suffix)
    write("tail", z, b"garbage", end=b"", suffix=".tar." + suffix)
    write("twice", z, end=b"", suffix=".tar.%s" % suffix,
          pack=lambda d: {"gz": gzip, "xz": lzma, "bz2": bz2}[suffix].compress(d))
z = zlib.compressobj(9, zlib.DEFLATED, 31)
members = b"".join(gzip.compress(good[i:i + 7000]) for i in range(0, len(good), 7000))
write("members", members, b"\0" * 512, end=b"", suffix=".tar.gz")
write("members", b"".join(bz2.compress(good[i:i + 30000]) for i in range(0, len(good), 30000)), end=b"",
      suffix=".tar.bz2")
write("members", lzma.compress(good[:512]) + lzma.compress(good[512:]), end=b"", suffix=".tar.xz")
write("plain", good, end=b"")
# 320 MiB of zeros in 4 KiB.
head = field(entry("zeros"), 124, b"%011o\0" % (80 << 22))
write("bomb", bz2.compress(head), bz2.compress(b"\0" * (4 << 20)) * 80, bz2.compress(END), end=b"",
      suffix=".tar.bz2")
write("bomb-after", bz2.compress(good), bz2.compress(b"\0" * (4 << 20)) * 80, end=b"",
      suffix=".tar.bz2")

# --- benign, and odd ---
write("links", entry("late", LNK, "z/target"), entry("c1", LNK, "c2"), entry("c2", LNK, "c3"),
      entry("c3", LNK, "c4"), entry("z/target", data=b"t"), entry("c4", data=b"c"),
      entry("s", SYM, "c4"), entry("hs", LNK, "s"), entry("w1", LNK, "w2"), entry("w1", data=b"own"),
      entry("w2", data=b"other"), entry("/abs", LNK, "/c4"), entry("same", data=b"s"),
      entry("same", LNK, "./same"))
write("replace", entry("d", DIR), entry("d/" + "e/" * 60 + "x", data=b"x"),
      entry("d/" + "e/" * 60 + "y/z", data=b"x"), entry("d", data=b"now a file"),
      entry("g/.0/x/.1/y", data=b"x"), entry("g/.0/x/.2", data=b"x"), entry("g", data=b"too"),
      entry("f", data=b"x"), entry("f", DIR), entry("f/in", data=b"x"), entry("f", DIR, mode=0o700),
      entry("twice", data=b"first, longer"), entry("twice", data=b"second"),
      entry("s", SYM, "a"), entry("s", SYM, "b"), entry("p", FIFO), entry("p", data=b"x"),
      entry("q", data=b"x"), entry("q", FIFO))
write("modes", entry("suid", mode=0o4755, data=b"x", uid=0), entry("sgid", mode=0o2755, gid=7),
      entry("none", mode=0, data=b"secret"), entry("closed", DIR, mode=0o000),
      entry("closed/in/x", data=b"x"), entry("sticky", DIR, mode=0o1777),
      entry("setgid", DIR, mode=0o2775, gid=50), entry("setgid/x", data=b"x"),
      entry("user", data=b"x", uid=33, gid=44, mode=0o640), entry("udir", DIR, uid=5, gid=6))
write("devices", entry("null", CHR, devmajor=1, devminor=3, mode=0o666, gid=5),
      entry("sda", BLK, devmajor=8, devminor=0, mode=0o660), entry("fifo", FIFO, mode=0o622))
write("times", entry("x", data=b"x", pax={"mtime": "1234567890.987654321"}),
      entry("d", DIR, pax={"mtime": "1111111111.123456789"}), entry("d/y", data=b"y"),
      entry("d/e", DIR, mtime=7), entry("d/e/z", data=b"z"), entry("old", data=b"", pax={"mtime": "-5.5"}),
      entry("l", SYM, "x", mtime=42), entry("implied/x", data=b"x"))
write("names", entry("utf8-\u00e4\u20ac", data=b"1"), entry("raw-\udcff\udcfe", data=b"2"),
      entry("raw-\udcff" + "n" * 150, data=b"3"), entry("new\nline", data=b"4"),
      entry("l" * 150 + "/" + "k" * 200, data=b"5"), entry("sl", SYM, "t\udcff" + "u" * 150),
      entry("-rf", data=b"6"), entry("cesu-\udced\udca0\udcbd\udced\udcb8\udc80" + "c" * 120, data=b"7"))
acl = "user::rw-,user:%s:r--,group::r--,mask::r--,other::---"
write("acl", entry("f", mode=0o640, pax={"SCHILY.acl.access": acl % "12"}),
      entry("d", DIR, pax={"SCHILY.acl.default": acl % "34"}), entry("d/x", data=b"x"),
      entry("named", pax={"SCHILY.acl.access": acl % "nobody-here"}))
capability = b"\x01\0\0\x02\0\x20" + b"\0" * 14
write("capability", extended([(b"SCHILY.xattr.security.capability", capability)]) +
      entry("ping", data=b"x", mode=0o755), entry("u", pax={"SCHILY.xattr.user.note": "kept"}),
      entry("t", pax={"SCHILY.xattr.trusted.note": "root's"}))
