# SPDX-License-Identifier: GPL-2.0
"""An initramfs writer: the newc format, no root needed, no host device nodes.

    a = Archive()
    a.add('/bin/busybox', '/bin/busybox')
    a.elf('/usr/bin/ip')                # with the libraries it is linked to
    a.write('/tmp/initrd.cpio')
"""

import os
import re
import stat
import subprocess


class Archive:
    def __init__(self):
        self._entries = {}
        for d in ('dev', 'proc', 'sys', 'run', 'tmp', 'root', 'newroot'):
            self.mkdir(d)
        self._entries['dev/console'] = (stat.S_IFCHR | 0o600, b'', 5, 1)
        self._entries['dev/null'] = (stat.S_IFCHR | 0o666, b'', 1, 3)

    def mkdir(self, path):
        path = path.strip('/')
        if path and path not in self._entries:
            self.mkdir(os.path.dirname(path))
            self._entries[path] = (stat.S_IFDIR | 0o755, b'', 0, 0)

    def data(self, dst, data, mode=0o644):
        dst = dst.strip('/')
        self.mkdir(os.path.dirname(dst))
        self._entries[dst] = (stat.S_IFREG | mode, data, 0, 0)

    def symlink(self, dst, target):
        dst = dst.strip('/')
        self.mkdir(os.path.dirname(dst))
        self._entries[dst] = (stat.S_IFLNK | 0o777, target.encode(), 0, 0)

    def add(self, src, dst, mode=None):
        with open(src, 'rb') as f:
            self.data(dst, f.read(), mode or stat.S_IMODE(os.fstat(f.fileno()).st_mode))

    def elf(self, src, dst=None):
        self.add(os.path.realpath(src), dst or src, 0o755)
        ldd = subprocess.run(['ldd', src], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, check=False)
        for lib in re.findall(r'(/\S+) \(0x', ldd.stdout):
            if lib.strip('/') not in self._entries:
                self.add(os.path.realpath(lib), lib, 0o755)

    def write(self, path):
        tmp = f'{path}.{os.getpid()}'
        with open(tmp, 'wb') as f:
            # A parent's name is shorter than its children's.
            names = sorted(self._entries, key=lambda n: (n.count('/'), n))
            for ino, name in enumerate(names + ['TRAILER!!!'], 1):
                mode, data, major, minor = self._entries.get(name, (0, b'', 0, 0))
                raw = name.encode() + b'\0'
                fields = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(raw), 0)
                head = b'070701' + b''.join(b'%08x' % v for v in fields) + raw
                f.write(head + b'\0' * (-len(head) % 4))
                f.write(data + b'\0' * (-len(data) % 4))
        os.replace(tmp, path)
