# SPDX-License-Identifier: BSD-2-Clause
"""The models of verify/: Spin for protocols between processors, CBMC for C that ships.

A model says in its first 40 lines how it is run, one setting a line; see verify/README.md.
"""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from common import CACHE, ROOT, Failure, need, run, say

VERIFY = ROOT / 'verify'
CBMC_ROOT = CACHE / 'cbmc'
INCLUDES = ('tools/config', 'lib/include', 'arch/include', 'arch/host/include', 'abi/include',
            'kernel/include', 'port/include', 'env/include')


class Model:
    """One file of verify/ with its settings."""

    def __init__(self, path):
        self.path, self.kind = path, 'spin' if path.suffix == '.pml' else 'cbmc'
        self.name = str(path.relative_to(VERIFY).with_suffix(''))
        head = '\n'.join(path.read_text().splitlines()[:40])
        self.settings = {}
        for key, value in re.findall(r'^[ *]*(spin|cc|pan|cbmc|sources|seconds|when):[ \t]*(.*)$',
                                     head, re.M):
            self.settings[key] = f'{self.settings.get(key, "")} {value}'.strip()

    def words(self, key):
        return self.settings.get(key, '').split()

    def seconds(self):
        return int(self.settings.get('seconds', '300'))


def find(full):
    """The models that a run has, by name."""
    paths = sorted([*VERIFY.rglob('*.pml'), *VERIFY.rglob('*_cbmc.c')])
    found = [Model(path) for path in paths]
    return [m for m in found if full or m.settings.get('when') != 'full']


def tool(command, folder, seconds):
    """(status or None when time was over, output)."""
    try:
        done = subprocess.run([str(w) for w in command], cwd=folder, check=False, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        out = late.stdout or ''
        return None, out if isinstance(out, str) else out.decode('utf-8', 'replace')


def run_spin(model):
    need('models')
    with tempfile.TemporaryDirectory(prefix='nos-spin-') as folder:
        shutil.copytree(model.path.parent, Path(folder) / 'm', dirs_exist_ok=True)
        work = Path(folder) / 'm'
        steps = (
            ['spin', *model.words('spin'), '-a', model.path.name],
            ['gcc', '-O2', '-w', *(model.words('cc') or ['-DSAFETY']), '-o', 'pan', 'pan.c'],
            ['./pan', *model.words('pan')],
        )
        for step in steps:
            status, out = tool(step, work, model.seconds())
            if status is None:
                return 'FAIL', f'{step[0]}: not finished after {model.seconds()} s', out[-2000:]
            if status != 0:
                return 'FAIL', f'{step[0]}: status {status}', out[-4000:]
        errors = re.search(r'errors: (\d+)', out)
        if not errors or int(errors[1]) or 'max search depth too small' in out:
            trail = ''
            if list(work.glob('*.trail')):
                trail = tool(['spin', *model.words('spin'), '-t', '-p', model.path.name], work, 60)[1]
            return 'FAIL', 'pan found an error', out[-2000:] + trail[-4000:]
        states = re.search(r'(\S+) states, stored', out)
        return 'PASS', f'{states[1]} states' if states else '', ''


def cbmc_command():
    """CBMC of this machine, or of a Debian 13 tree in the cache; None when it is not to be had."""
    if shutil.which('cbmc'):
        return ['cbmc']
    policy = subprocess.run(['apt-cache', 'policy', 'cbmc'], check=False, capture_output=True,
                            text=True).stdout
    if re.search(r'Candidate: [^(\s]', policy):
        need('cbmc')
        return ['cbmc']
    if (CBMC_ROOT / 'usr/bin/cbmc').exists():
        return ['chroot', str(CBMC_ROOT), 'cbmc']
    return fetch_cbmc()


def mirror():
    """The Debian mirror that this machine's apt uses."""
    out = subprocess.run(['apt-get', 'indextargets', '--format', '$(SITE) $(RELEASE)'], check=False,
                         capture_output=True, text=True).stdout
    for line in out.splitlines():
        site, release = line.rsplit(' ', 1)
        if 'security' not in site and re.match(r'(bookworm|trixie|stable|testing)$', release):
            return site
    raise Failure('no apt source of Debian found')


def fetch_cbmc():
    """Debian 12 has no CBMC: put Debian 13's into a small tree in the cache."""
    need('chroot')
    say('fetching CBMC into the cache (a small Debian 13 tree, once)')
    CACHE.mkdir(parents=True, exist_ok=True)
    new = CBMC_ROOT.with_name('cbmc.new')
    shutil.rmtree(new, ignore_errors=True)
    run(['mmdebstrap', '--quiet', '--variant=apt', '--include=cbmc,gcc,libc6-dev,linux-libc-dev',
         '--mode=auto', 'trixie', new, mirror()])
    new.replace(CBMC_ROOT)
    return ['chroot', str(CBMC_ROOT), 'cbmc']


def run_cbmc(model):
    try:
        command = cbmc_command()
    except Failure as failure:
        return 'SKIP', f'no CBMC: {failure}', ''
    root, folder = ROOT, ROOT
    inside = command[0] == 'chroot'
    with tempfile.TemporaryDirectory(prefix='nos-cbmc-') as temporary:
        if inside:
            # CBMC runs in its own tree, so the sources it reads are copied there.
            temporary = tempfile.mkdtemp(prefix='nos-', dir=CBMC_ROOT / 'tmp')
            root = Path(temporary)
            for name in ('lib', 'arch', 'kernel', 'abi', 'port', 'env', 'components', 'verify'):
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, root / name)
            shutil.copytree(ROOT / 'tools/config', root / 'tools/config')
        try:
            config = root / 'tools/config/lib/config.h' if inside else Path(temporary) / 'lib/config.h'
            config.parent.mkdir(parents=True, exist_ok=True)
            config.write_text('#pragma once\n#define NOS_DEBUG 1\n#define NOS_VERSION "cbmc"\n')
            base = Path('/') / root.relative_to(CBMC_ROOT) if inside else root
            includes = [f'-I{base / name}' for name in INCLUDES]
            if not inside:
                includes.insert(0, f'-I{temporary}')
            sources = [base / model.path.relative_to(ROOT)] + [base / s for s in model.words('sources')]
            status, out = tool([*command, *includes, *model.words('cbmc'), *sources], folder,
                               model.seconds())
        finally:
            if inside:
                shutil.rmtree(temporary, ignore_errors=True)
    if status is None:
        return 'FAIL', f'cbmc: not finished after {model.seconds()} s', out[-2000:]
    if status != 0 or 'VERIFICATION SUCCESSFUL' not in out:
        failures = [line for line in out.splitlines() if line.endswith('FAILURE')]
        return 'FAIL', f'cbmc: status {status}', '\n'.join(failures[:40]) or out[-4000:]
    checks = re.search(r'\*\* 0 of (\d+) failed', out)
    return 'PASS', f'{checks[1]} properties' if checks else '', ''


def run_one(model):
    try:
        return run_spin(model) if model.kind == 'spin' else run_cbmc(model)
    except Failure as failure:
        return 'FAIL', str(failure), ''


def verdict(model):
    """(PASS, FAIL or SKIP; the model; why; detail)."""
    result, why, detail = run_one(model)
    return result, model, why, detail
