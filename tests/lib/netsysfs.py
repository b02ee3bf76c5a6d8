# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""netsysfs.py PATH: prints a number from /sys as the caller's network namespace has it.

sysfs shows the namespace of whoever mounted it: a mount of our own is needed.
CPU masks lose their leading zeros.
"""
import ctypes
import os
import sys

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000

libc = ctypes.CDLL(None, use_errno=True)


def must(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


must(libc.unshare(CLONE_NEWNS))
must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
must(libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None))
text = open("/sys/" + sys.argv[1]).read().strip()
print(text.lstrip("0,") or "0")
