# SPDX-License-Identifier: BSD-2-Clause
"""Linux's own kselftests and stress-ng, of Debian 13: the sources and packages come from the mirror, are
built in a Debian 13 tree and kept in the cache, outside of this tree, under a name that changes with the
recipe. A folder of the cache then has

    kselftest/COLLECTION/PROGRAM    as `make install` leaves them
    kselftest/kselftest-list.txt    COLLECTION:PROGRAM, one a line
    stress-ng, stress-classes       the program, and CLASS NAME... of its stressors
    lib/                            the libraries of all that, which the plain userland may lack
"""
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import debian
import debian_linux
from common import CACHE, Failure, jobs, need, run, say

FOLDER = CACHE / 'kselftest'
SOURCE = 'linux-source-6.12'
PACKAGES = '''
gcc libc6-dev libcap-dev libcap-ng-dev libfuse-dev libnuma-dev libpopt-dev liburing-dev make pkg-config
rsync stress-ng
'''.split()
EXCLUDE = ['/usr/share/doc/*', '/usr/share/locale/*', '/usr/share/man/*', '*/libLLVM*', '*/lto-dump*']
COLLECTIONS = '''
breakpoints capabilities clone3 core exec filesystems filesystems/epoll filesystems/eventfd
filesystems/statmount futex kcmp membarrier memfd mincore mm mount_setattr mqueue openat2 pidfd proc
ptrace rlimits rseq sigaltstack splice timers x86
'''.split()
CLASSES = 'scheduler memory pipe signal vm interrupt os filesystem'.split()
WANTED = 'Kbuild Makefile arch/x86 include lib/test_hmm_uapi.h mm/gup_test.h scripts tools usr'.split()
BUILD = r'''
set -e
cd /src
make -s headers
make -k -s -C tools/testing/selftests TARGETS="@TARGETS@" KSFT_INSTALL_PATH=/out/kselftest -j@JOBS@ install
cp /usr/bin/stress-ng /out/stress-ng
for class in @CLASSES@; do
	stress-ng --class "$class?" 2>&1 | sed -n "s/.*class '.*' stressors: /$class /p"
done >/out/stress-classes
mkdir /out/lib
find /out/kselftest /out/stress-ng -type f -perm -100 -exec ldd {} + 2>/dev/null |
	sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u >/tmp/libraries
dpkg -L libc6 | sed 's,^/usr,,' | sort -u >/tmp/glibc
while read -r library; do
	grep -qxF "${library#/usr}" /tmp/glibc || cp -L "$library" /out/lib/
done </tmp/libraries
'''


def recipe():
    words = (debian.SUITE, SOURCE, WANTED, PACKAGES, COLLECTIONS, CLASSES, BUILD)
    return hashlib.sha256(repr(words).encode()).hexdigest()[:16]


def bootstrap(root):
    """A Debian 13 with a compiler, as a folder."""
    uri, keyring = debian_linux.mirror()
    options = [f'--dpkgopt=path-exclude={path}' for path in EXCLUDE]
    if keyring:
        options.append(f'--keyring={keyring}')
    run(['mmdebstrap', '--variant=minbase', '--format=directory', f'--include={",".join(PACKAGES)}',
         '--aptopt=APT::Install-Recommends "false"', *options, debian.SUITE, root,
         f'deb {uri} {debian.SUITE} main'])


def unpack(deb, target):
    """What the build needs of the package with Linux' sources."""
    target.mkdir()
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE) as outer, \
            subprocess.Popen(['tar', '-xO', f'./usr/src/{SOURCE}.tar.xz'], stdin=outer.stdout,
                             stdout=subprocess.PIPE) as inner:
        code = subprocess.run(['tar', '-xJ', '-C', target, '--strip-components=1',
                               *[f'{SOURCE}/{name}' for name in WANTED]], stdin=inner.stdout,
                              check=False).returncode
    if code:
        raise Failure(f'{deb.name} could not be unpacked')


def make(target):
    """Leave in @target what the head of this file lists."""
    with tempfile.TemporaryDirectory(prefix='nos-', dir=FOLDER) as folder:
        root = Path(folder) / 'root'
        say("making a Debian 13 with a compiler for Linux's selftests (some minutes, once)")
        bootstrap(root)
        unpack(debian_linux.Apt().download(SOURCE, folder), root / 'src')
        (root / 'out').mkdir()
        script = BUILD
        for word, value in (('@TARGETS@', ' '.join(COLLECTIONS)), ('@CLASSES@', ' '.join(CLASSES)),
                            ('@JOBS@', str(jobs()))):
            script = script.replace(word, value)
        with open(FOLDER / 'build.log', 'w', encoding='utf-8') as log:
            done = subprocess.run(['chroot', root, 'bash', '-c', script], check=False, stdout=log,
                                  stderr=subprocess.STDOUT, env={**os.environ, 'LC_ALL': 'C'})
        if done.returncode:
            raise Failure(f"Linux's selftests could not be built: {log.name}")
        shutil.move(root / 'out', target)


def folder():
    """The folder of the cache, filled now if it is not there."""
    path = FOLDER / recipe()
    with debian.alone(FOLDER):
        if not path.exists():
            need('python', 'chroot')
            make(path)
    return path


def lay(root, *names):
    """Put the libraries and the files @names of the folder into the tree @root."""
    libraries = root / 'usr/lib/x86_64-linux-gnu'
    libraries.mkdir(parents=True, exist_ok=True)
    source = folder()
    for library in (source / 'lib').iterdir():
        shutil.copy(library, libraries)
    for name in names:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(source / name, target)
