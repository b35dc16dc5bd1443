# SPDX-License-Identifier: BSD-2-Clause
"""The models of verify/: Spin for protocols between processors, CBMC for C that ships.

A model says in its first 40 lines how it is run, one setting a line; see verify/README.md.
"""
import copy
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
        self.breaks, self.broken = [], None
        for key, value in re.findall(
                r'^[ *]*(spin|cc|pan|cbmc|sources|seconds|when|break|break-cbmc):[ \t]*(.*)$', head,
                re.M):
            if key == 'break':
                self.breaks.append(re.fullmatch(r'(\S+): (.*) => (.*)', value).groups())
            else:
                self.settings[key] = f'{self.settings.get(key, "")} {value}'.strip()

    def variants(self):
        """One model for each mistake that the proof must find: that it can fail is part of it."""
        for nr, broken in enumerate(self.breaks):
            variant = copy.copy(self)
            variant.name, variant.broken = f'{self.name}/break-{nr + 1}', broken
            yield variant

    def words(self, key):
        return self.settings.get(key, '').split()

    def seconds(self):
        return int(self.settings.get('seconds', '300'))


def find(full):
    """The models that a run has, by name."""
    paths = sorted([*VERIFY.rglob('*.pml'), *VERIFY.rglob('*_cbmc.c')])
    found = [Model(path) for path in paths]
    if not full:
        return [m for m in found if m.settings.get('when') != 'full']
    return [*found, *(variant for m in found for variant in m.variants())]


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


def copy_sources(model, root):
    """The tree that CBMC reads (it may run in a tree of its own), with the model's mistake in it."""
    for name in ('lib', 'arch', 'kernel', 'abi', 'port', 'env', 'components', 'verify', 'tools/config'):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name)
    config = root / 'tools/config/lib/config.h'
    text = config.with_suffix('.h.in').read_text().replace('@NOS_DEBUG@', '1')
    config.write_text(re.sub('@NOS_[A-Z]+@', '0', text))
    if model.broken:
        name, old, new = model.broken
        text = (root / name).read_text()
        if text.count(old) != 1:
            raise Failure(f'{name} has {old!r} {text.count(old)} times, not once')
        (root / name).write_text(text.replace(old, new))


def run_cbmc(model):
    try:
        command = cbmc_command()
    except Failure as failure:
        return 'SKIP', f'no CBMC: {failure}', ''
    inside = command[0] == 'chroot'
    with tempfile.TemporaryDirectory(prefix='nos-cbmc-',
                                     dir=CBMC_ROOT / 'tmp' if inside else None) as folder:
        root = Path(folder)
        copy_sources(model, root)
        base = Path('/') / root.relative_to(CBMC_ROOT) if inside else root
        includes = [f'-I{base / name}' for name in INCLUDES]
        sources = [base / model.path.relative_to(ROOT)] + [base / s for s in model.words('sources')]
        words = model.words('cbmc')
        if model.broken:
            words += [*model.words('break-cbmc'), '--stop-on-fail']
        status, out = tool([*command, *includes, *words, *sources], root, model.seconds())
    if status is None:
        return 'FAIL', f'cbmc: not finished after {model.seconds()} s', out[-2000:]
    if model.broken:
        if status == 10 and 'VERIFICATION FAILED' in out:
            found = re.search(r'^Violated property:\n.*\n *(.*)', out, re.M)
            return 'PASS', f'found: {found[1]}' if found else '', ''
        return 'FAIL', 'the proof does not see the mistake', out[-2000:]
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
