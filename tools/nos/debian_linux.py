# SPDX-License-Identifier: BSD-2-Clause
"""Debian's own Linux kernels, fetched by apt from the mirror that this machine uses, unpacked into
the cache and never installed.

apt gets folders of its own for its lists and archives: the machine's apt does not change. What is
kept of a kernel is the unpacked vmlinux, which QEMU boots by PVH as it boots NOS: no decompression
is measured.
"""
import json
import lzma
import re
import struct
import subprocess
import tempfile
from pathlib import Path

from common import CACHE, Failure, need, say

# A series and the suites that may have it, the best first.
SERIES = {
    '6.1': ('bookworm',),
    '6.12': ('trixie',),
    '7': ('forky', 'sid', 'trixie-backports'),
}
FOLDER = CACHE / 'linux'


class Kernel:
    def __init__(self, series, version, vmlinux):
        self.series, self.version, self.vmlinux = series, version, vmlinux


def stanzas_of_lists():
    """(uri, suites, keyring) of every source of this machine's apt, of both formats."""
    for path in [Path('/etc/apt/sources.list'), *sorted(Path('/etc/apt/sources.list.d').glob('*'))]:
        if not path.is_file():
            continue
        text = path.read_text(encoding='utf-8', errors='replace')
        if path.suffix == '.list':
            line = r'^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+.*\bmain\b'
            for found in re.finditer(line, text, re.M):
                keyring = re.search(r'signed-by=(\S+)', found[1] or '')
                yield found[2], [found[3]], keyring and keyring[1]
        elif path.suffix == '.sources':
            for stanza in re.split(r'\n\s*\n', text):
                field = {name.lower(): value.strip() for name, value
                         in re.findall(r'^([A-Za-z-]+):[ \t]*(.*)$', stanza, re.M)}
                if field.get('uris') and 'main' in field.get('components', '').split():
                    keyring = field.get('signed-by', '')
                    yield (field['uris'].split()[0], field.get('suites', '').split(),
                           keyring if keyring.startswith('/') else None)


def mirror():
    """The (uri, keyring) of Debian's archive itself, from the source of a release's main suite."""
    releases = {'bookworm', 'trixie', 'forky', 'sid', 'stable', 'testing', 'unstable'}
    for uri, suites, keyring in stanzas_of_lists():
        if releases & set(suites):
            return uri, keyring
    raise Failure("no apt source of a Debian release here, so no mirror for Debian's kernels")


class Apt:
    """apt with private folders, knowing every suite that SERIES names."""

    def __init__(self):
        self.root = CACHE / 'apt'
        for name in ('state/lists/partial', 'cache/archives/partial'):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        uri, keyring = mirror()
        option = f'[signed-by={keyring}] ' if keyring else ''
        suites = sorted({suite for suites in SERIES.values() for suite in suites})
        (self.root / 'sources.list').write_text(
            ''.join(f'deb {option}{uri} {suite} main\n' for suite in suites), encoding='utf-8')
        self.options = [word for pair in (
            ('Dir::Etc::sourcelist', self.root / 'sources.list'), ('Dir::Etc::sourceparts', '-'),
            ('Dir::State', self.root / 'state'), ('Dir::Cache', self.root / 'cache'),
            ('Dir::State::status', '/dev/null'), ('Acquire::Languages', 'none'),
            ('APT::Sandbox::User', 'root'), ('APT::Architecture', 'amd64'),
        ) for word in ('-o', f'{pair[0]}={pair[1]}')]
        say('reading the lists of Debian for its kernels')
        # A suite that the mirror lacks fails alone; what the others have counts.
        subprocess.run(['apt-get', '-qq', *self.options, 'update'], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, *words):
        return subprocess.run(['apt-cache', *self.options, *words], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def meta_version(self, series):
        """The version of linux-image-amd64 in the first suite that has one of @series."""
        rows = [[cell.strip() for cell in line.split('|')]
                for line in self.ask('madison', 'linux-image-amd64').splitlines()]
        for suite in SERIES[series]:
            for row in rows:
                if len(row) == 3 and f' {suite}/' in row[2] and row[1].startswith(series + '.'):
                    return row[1]
        raise Failure(f'no suite of this mirror has a Linux {series}')

    def depends(self, package, version):
        text = self.ask('show', f'{package}={version}')
        found = re.search(r'^Depends: (.*)$', text, re.M)
        return re.findall(r'(linux-(?:image|binary|modules)-\d\S*)', found[1]) if found else []

    def download(self, package, folder):
        code = subprocess.run(['apt-get', '-qq', *self.options, 'download', package], cwd=folder,
                              check=False).returncode
        debs = list(Path(folder).glob(f'{package}_*.deb'))
        if code or len(debs) != 1:
            raise Failure(f'apt-get download {package} failed')
        return debs[0]


def boot_image(deb):
    """The bzImage in a package, or None."""
    listing = subprocess.run(['dpkg-deb', '-c', deb], check=True, text=True, capture_output=True)
    found = re.search(r'^-.* (\./\S*/vmlinuz\S*)$', listing.stdout, re.M)
    if not found:
        return None
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE) as tar:
        return subprocess.run(['tar', '-xO', found[1]], stdin=tar.stdout, check=True,
                              capture_output=True).stdout


def unpack(image):
    """The ELF kernel in a bzImage [linux Documentation/arch/x86/boot.rst]."""
    setup_sectors = image[0x1f1] or 4
    offset, length = struct.unpack_from('<II', image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start:start + length]
    if payload.startswith(b'\xfd7zXZ\0'):
        elf = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b'\x28\xb5\x2f\xfd'):
        # The four bytes behind the stream are its length, and no part of it.
        need('bench')
        elf = subprocess.run(['zstd', '-dcq'], input=payload[:-4], check=False,
                             capture_output=True).stdout
    else:
        raise Failure('a kernel packed in a way that is not known here')
    if not elf.startswith(b'\x7fELF'):
        raise Failure('what was unpacked is no ELF kernel')
    return elf


def fetch(series, apt):
    version = apt.meta_version(series)
    wanted = [('linux-image-amd64', version)]
    with tempfile.TemporaryDirectory(prefix='nos-linux-') as folder:
        for _ in range(3):
            names = [name for package, at in wanted for name in apt.depends(package, at)]
            for name in names:
                say(f'fetching {name}')
                image = boot_image(apt.download(name, folder))
                if image:
                    FOLDER.mkdir(parents=True, exist_ok=True)
                    (FOLDER / f'vmlinux-{version}').write_bytes(unpack(image))
                    (FOLDER / f'{series}.json').write_text(json.dumps({'version': version}))
                    return
            wanted = [(name, version) for name in names]
    raise Failure(f'no package of Linux {version} has a kernel image')


def cached(series):
    record = FOLDER / f'{series}.json'
    if not record.exists():
        return None
    version = json.loads(record.read_text())['version']
    vmlinux = FOLDER / f'vmlinux-{version}'
    return Kernel(series, version, vmlinux) if vmlinux.exists() else None


def kernels(series=tuple(SERIES), update=False):
    """One Kernel per series: from the cache, or else (or if @update) from the mirror."""
    apt = None
    for one in series:
        if update or not cached(one):
            apt = apt or Apt()
            fetch(one, apt)
    return [cached(one) for one in series]
