# SPDX-License-Identifier: BSD-2-Clause
"""What Debian's kernels need of their modules to have an ext4 on a virtio disk, in the order to insert it.

The packages carry no list of who needs whom (depmod makes it where they are installed), but each
module says it itself, in its section .modinfo.
"""
import lzma
import os
import re
import subprocess
import tempfile
from pathlib import Path

import debian_linux
from common import Failure, say

# What is asked for by name; what is not in a kernel is built in or of another time. The checksums
# are what Debian's kernels load when ext4 asks for "crc32c".
WANTED = ('virtio_pci', 'virtio_blk', 'crc32c_generic', 'crc32c_intel', 'ext4')
NEEDED = ('virtio_blk', 'ext4')


def read(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == '.xz' else data


def named(path):
    return path.name.split('.ko')[0].replace('-', '_')


def depends(module):
    found = re.search(rb'\0depends=([^\0]*)\0', module)
    return [name.decode().replace('-', '_') for name in found[1].split(b',') if name] if found else []


def in_order(paths):
    """[(name, ELF)] of WANTED and what they need, whose modules are at @paths, needs first."""
    done = {}

    def add(name):
        if name not in paths or name in done:
            return
        module = read(paths[name])
        for need in depends(module):
            add(need)
        done[name] = module

    for name in WANTED:
        add(name)
    if not set(NEEDED) <= set(done):
        raise Failure(f'a kernel without {", ".join(set(NEEDED) - set(done))} among its modules')
    return list(done.items())


def fetch(kernel, folder):
    """Unpack the package with @kernel's modules, and keep what is needed of them in @folder."""
    apt = debian_linux.Apt()
    packages = apt.depends('linux-image-amd64', kernel.version)
    packages += [more for one in packages for more in apt.depends(one, kernel.version)]
    with tempfile.TemporaryDirectory(prefix='nos-linux-') as temporary:
        for package in packages:
            say(f'fetching {package} for its modules')
            root = Path(temporary) / package
            subprocess.run(['dpkg-deb', '-x', apt.download(package, temporary), root], check=True)
            paths = {named(path): path for path in root.glob('**/lib/modules/**/*.ko*')}
            if paths:
                break
        else:
            raise Failure(f'no package of Linux {kernel.version} has modules')
        new = folder.with_name(f'{folder.name}.{os.getpid()}')
        new.mkdir(parents=True)
        for number, (name, module) in enumerate(in_order(paths)):
            (new / f'{number:02}-{name}.ko').write_bytes(module)
        new.rename(folder)


def modules(kernel):
    """The paths of the modules of a debian_linux.Kernel, in the order to insert them."""
    folder = debian_linux.FOLDER / f'modules-{kernel.version}'
    if not folder.exists():
        fetch(kernel, folder)
    return sorted(folder.iterdir())
