# SPDX-License-Identifier: MIT
"""Which directories lie on a filesystem that tells of no changes made elsewhere: shares of networks and of containers.

Used by fastcorn.supervisor.watching. Inotify knows what this kernel writes; a file that the host of a container or
another machine has written appears without an event, so such directories are polled.
"""

from __future__ import annotations

import os

MOUNTS_FILE = "/proc/self/mountinfo"

# By the names of /proc/filesystems. fakeowner and grpcfuse are Docker Desktop's, drvfs and 9p are WSL's, prl_fs, vmhgfs
# and vboxsf those of virtual machines. overlay is a container's own layer, where events arrive.
SILENT_TYPES = (
    "9p", "acfs", "afs", "ceph", "cifs", "coda", "davfs", "drvfs", "fakeowner", "gfs", "gfs2", "glusterfs", "gpfs",
    "grpcfuse", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "osxfs", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf",
    "virtiofs", "vmhgfs",
)  # fmt: skip


def silent_type(directory: str, mounts_file: str = MOUNTS_FILE) -> str:
    """The type of a directory's filesystem where that tells of no changes made elsewhere, else "".

    Args:
        directory: an absolute path.
        mounts_file: where the kernel lists what is mounted; a system without it has no such filesystem.
    """
    try:
        with open(mounts_file, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    path, longest, kind = os.path.realpath(directory), "", ""
    for line in lines:
        mounted, separator, source = line.partition(" - ")
        fields = mounted.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = unescaped(fields[4])
        # Of two mounts on one point the later hides the earlier.
        if len(point) >= len(longest) and (path == point or path.startswith(point.rstrip("/") + "/")):
            longest, kind = point, source.split(" ")[0]
    return kind if kind in SILENT_TYPES or (kind.startswith("fuse") and kind != "fusectl") else ""


def unescaped(text: str) -> str:
    r"""A path of mountinfo, where space, tab, line feed and backslash are \040, \011, \012 and \134."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
