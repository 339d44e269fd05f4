#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Debian's kernel for the QEMU machine, unpacked below build/debian: 6.12, or that of a series
of its own from the archive of Debian 13 (archive.sh), below build/debian-SERIES. That for arm64 is
from there, too, below build/debian-arm64[-SERIES].

    debian_kernel.py [--print] [SERIES] [arm64]

The packages are fetched with apt-get download and unpacked, never installed.
As a program it prepares what is missing and prints the KDIR for modules; with
--print it only tells (exit status 1: not there yet).

    root/      the packages' files; the headers' paths are made to fit
    vmlinux    the bzImage's payload, which QEMU boots directly (PVH)
    modules/   what the tests may load, not compressed
    initrd     finds the host's root over 9p and hands over to guest-init
"""

import fcntl
import glob
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys

from cpio import Archive

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
ARCHIVE = f'{HERE}/archive.sh'

# Debian 12's name first, then Debian 13's.
IMAGES = ('linux-image-6.12-amd64', 'linux-image-amd64')

MODULE_DIRS = (
    'arch/arm64/crypto', 'arch/x86/crypto', 'crypto', 'drivers/char', 'drivers/net', 'drivers/net/bonding',
    'drivers/net/ipvlan', 'drivers/net/team', 'drivers/net/vxlan', 'drivers/net/wireguard',
    'drivers/virtio', 'fs/9p', 'fs/fscache', 'fs/netfs', 'fs/overlayfs', 'lib', 'net',
)
FLAT = ('drivers/char', 'drivers/net')
BOOT_MODULES = ('virtio_pci', '9pnet_virtio', '9p', 'overlay')

DECOMPRESS = {
    b'\xfd7zX': ['xz', '-dc', '--single-stream'],
    b'(\xb5/\xfd': ['zstd', '-dc'],
    b'\x1f\x8b': ['gzip', '-dc'],
}


class Error(Exception):
    pass


def sh(*argv, **kw):
    env = dict(os.environ, LC_ALL='C')
    env['PATH'] += ':/usr/sbin:/sbin'
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True,
                          env=env, **kw).stdout


def depends(package):
    """The names that a package depends on; of alternatives the first."""
    try:
        out = sh('apt-cache', 'show', '--no-all-versions', package, stderr=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, FileNotFoundError):
        return []
    m = re.search(r'^Depends: (.*)$', out, re.M)
    return [re.split(r'[ |]', d.strip())[0] for d in m.group(1).split(',')] if m else []


def packages():
    for meta in IMAGES:
        for image in depends(meta):
            m = re.fullmatch(r'linux-image-(6\.12\..*-amd64)', image)
            if m:
                headers = f'linux-headers-{m.group(1)}'
                more = [d for d in depends(headers)
                        if re.fullmatch(r'linux-(headers-.*-common|kbuild-.*)', d)]
                return m.group(1), [image, headers] + more
    raise Error('apt knows no Linux 6.12 image')


def mend(kver, root):
    """The headers' Makefile holds the only absolute paths that the build uses."""
    makefile = f'{root}/usr/src/linux-headers-{kver}/Makefile'
    with open(makefile, encoding='ascii') as f:
        text = f.read()
    with open(makefile, 'w', encoding='ascii') as f:
        f.write(text.replace('/usr/src/', f'{root}/usr/src/'))


def unpack(top, names):
    debs = os.path.join(top, 'debs')
    root = os.path.join(top, 'root')
    os.makedirs(debs, exist_ok=True)
    # apt's unprivileged helper may not reach the tree; its warning is noise.
    subprocess.run(['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root'] + names,
                   cwd=debs, check=True, stdout=sys.stderr)
    shutil.rmtree(root, ignore_errors=True)
    for deb in glob.glob(f'{debs}/*.deb'):
        sh('dpkg', '-x', deb, root)
    shutil.rmtree(debs)


def fetch(top):
    kver, names = packages()
    print(f'debian_kernel: unpacking {kver} below {top}', file=sys.stderr)
    unpack(top, names)
    return kver


def fetch_series(top, series, arch):
    kver, *names = sh(ARCHIVE, 'packages', series, arch).split()
    print(f'debian_kernel: unpacking {kver} below {top}', file=sys.stderr)
    shutil.rmtree(f'{top}/root', ignore_errors=True)
    sh(ARCHIVE, 'get', f'{top}/root', *names)
    return kver


def vmlinux(bzimage, out):
    with open(bzimage, 'rb') as f:
        image = f.read()
    setup = (image[0x1f1] or 4) + 1
    offset, length = struct.unpack_from('<II', image, 0x248)
    payload = image[setup * 512 + offset:setup * 512 + offset + length]
    for magic, argv in DECOMPRESS.items():
        if payload.startswith(magic):
            break
    else:
        raise Error(f'{bzimage}: unknown compression')
    # The last four bytes are the size, which zstd and xz take for garbage.
    elf = subprocess.run(argv, input=payload, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False).stdout
    if not elf.startswith(b'\x7fELF'):
        raise Error(f'{bzimage}: its payload is no ELF file')
    with open(out, 'wb') as f:
        f.write(elf)


def modules(top, kver):
    src = glob.glob(f'{top}/root/**/lib/modules/{kver}/kernel', recursive=True)
    src = os.path.dirname(src[0] if src else f'{top}/root/lib/modules/{kver}/kernel')
    dst = f'{top}/modules/lib/modules/{kver}'
    shutil.rmtree(f'{top}/modules', ignore_errors=True)
    os.makedirs(dst)
    for sub in MODULE_DIRS:
        for d, dirs, files in os.walk(f'{src}/kernel/{sub}'):
            if sub in FLAT:
                dirs.clear()
            to = dst + d[len(src):]
            os.makedirs(to, exist_ok=True)
            for name in files:
                if name.endswith('.xz'):
                    with lzma.open(f'{d}/{name}') as i, open(f'{to}/{name[:-3]}', 'wb') as o:
                        shutil.copyfileobj(i, o)
                else:
                    shutil.copy(f'{d}/{name}', to)
    for f in glob.glob(f'{src}/modules.*'):
        shutil.copy(f, dst)
    sh('depmod', '-b', f'{top}/modules', kver, stderr=subprocess.DEVNULL)


def closure(kernel, names):
    """The paths of modules with all they depend on, in the order of loading."""
    top = f'{kernel.modules}/{kernel.kver}'
    deps, paths = {}, {}
    with open(f'{top}/modules.dep', encoding='ascii') as f:
        for line in f:
            path, _, rest = line.partition(':')
            deps[path] = rest.split()
            paths[os.path.basename(path)[:-3].replace('-', '_')] = path
    order = []
    for name in names:
        path = paths.get(name)          # not there: built in
        for p in reversed(deps[path] + [] if path else []):
            if p not in order:
                order.append(p)
        if path and path not in order:
            order.append(path)
    return [f'{top}/{p}' for p in order]


def initrd(kernel, arch):
    root = sh(ARCHIVE, 'root').strip() if arch == 'arm64' else ''
    a = Archive()
    a.add(f'{root}/bin/busybox', '/bin/busybox', 0o755)
    a.symlink('/bin/sh', 'busybox')
    a.add(f'{HERE}/initrd-init', '/init', 0o755)
    for n, path in enumerate(closure(kernel, BOOT_MODULES)):
        a.add(path, f'/modules/{n:02}-{os.path.basename(path)}')
    a.write(kernel.initrd)


class Kernel:
    """What is there, or is to be."""

    def __init__(self, top, kver):
        self.kver = kver
        self.kdir = f'{top}/root/usr/src/linux-headers-{kver}'
        self.vmlinux = f'{top}/vmlinux'
        self.initrd = f'{top}/initrd'
        self.modules = f'{top}/modules/lib/modules'


def place(series, arch):
    return os.path.join(TOP, 'build', '-'.join(filter(None, (
        'debian', arch if arch != 'amd64' else '', series))))


def find(series='', arch='amd64'):
    """The kernel, or None."""
    try:
        with open(f'{place(series, arch)}/version', encoding='ascii') as f:
            return Kernel(place(series, arch), f.read().strip())
    except FileNotFoundError:
        return None


def get(top, series, arch):
    if series or arch != 'amd64':
        return fetch_series(top, series or '6.12', arch)
    try:
        return fetch(top)
    except (Error, subprocess.CalledProcessError):
        # The lists are missing, or name what is no longer there.
        root = [] if os.geteuid() == 0 else ['sudo']
        subprocess.run(root + ['apt-get', 'update', '-q'], check=True, stdout=sys.stderr)
        return fetch(top)


def prepare(series='', arch='amd64'):
    top = place(series, arch)
    os.makedirs(top, exist_ok=True)
    with open(f'{top}/lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kernel = find(series, arch)
        if not kernel:
            kver = get(top, series, arch)
            mend(kver, f'{top}/root')
            kernel = Kernel(top, kver)
            # The second place since 7.3
            image = glob.glob(f'{top}/root/boot/vmlinuz-*') + \
                glob.glob(f'{top}/root/usr/lib/modules/{kver}/vmlinuz')
            if arch == 'arm64':
                shutil.copy(image[0], kernel.vmlinux)
            else:
                vmlinux(image[0], kernel.vmlinux)
            modules(top, kver)
            initrd(kernel, arch)
            with open(f'{top}/version', 'w', encoding='ascii') as f:
                print(kver, file=f)
        elif os.path.getmtime(kernel.initrd) < os.path.getmtime(f'{HERE}/initrd-init'):
            initrd(kernel, arch)
    return kernel


def main():
    args = sys.argv[1:]
    only = '--print' in args
    arch = 'arm64' if 'arm64' in args else 'amd64'
    series = ''.join(a for a in args if a not in ('--print', 'arm64'))
    try:
        kernel = find(series, arch) if only else prepare(series, arch)
    except (Error, subprocess.CalledProcessError) as e:
        sys.exit(f'debian_kernel: {e}')
    if not kernel:
        sys.exit(1)
    print(kernel.kdir)


if __name__ == '__main__':
    main()
