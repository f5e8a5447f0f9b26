# SPDX-License-Identifier: MIT
"""Filesystems on which file events do not arrive, told from the kernel's list of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastcorn.supervisor.mounts import silent_type

LINES = """\
21 1 0:20 / / rw,relatime - overlay overlay rw
22 21 0:21 / /code rw,relatime shared:5 master:1 - 9p host rw
23 21 0:22 / /code/native rw - ext4 /dev/vda rw
24 21 0:23 / /my\\040files rw - fuse.sshfs host: rw
25 21 0:24 / /nfs rw - nfs4 host:/ rw
26 21 0:25 / /twice rw - virtiofs one rw
27 21 0:26 / /twice rw - tmpfs two rw
28 21 0:27 / /sys/fs/fuse/connections rw - fusectl fusectl rw
a line that is none
29
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/", ""),
        ("/app", ""),
        ("/code", "9p"),
        ("/code/src/package", "9p"),
        ("/codes", ""),
        ("/code/native/src", ""),
        ("/my files/src", "fuse.sshfs"),
        ("/nfs", "nfs4"),
        ("/twice/src", ""),
        ("/sys/fs/fuse/connections", ""),
    ],
)
def test_type_of_the_innermost_mount(directory: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(LINES)
    assert silent_type(directory, str(mounts)) == kind


def test_system_without_the_list(tmp_path: Path) -> None:
    assert silent_type("/", str(tmp_path / "none")) == ""
