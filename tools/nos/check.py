# SPDX-License-Identifier: BSD-2-Clause
"""./nos check: what can be known about the tree in seconds.

Each check is a function that returns its complaints, one line each. QUICK are those that also run
in ./nos test; ADVICE are printed and do not fail.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import build
import layers
import objects
from common import BUILD, ROOT, Failure, jobs, need, say

CODE = ('abi', 'arch', 'bench', 'boot', 'components', 'env', 'kernel', 'lib', 'port', 'tests',
        'tools', 'user', 'verify')
HEADER_ROOTS = ('lib/include', 'arch/include', 'abi/include', 'kernel/include', 'port/include',
                'env/include')
SYSTEM = re.compile(r'/(linux|asm|asm-generic|drm)/|/lib/(gcc|llvm|clang)[-/]|/uapi/')


def files(*suffixes):
    """Every file of the tree with one of @suffixes, as paths from the root."""
    found = []
    for top in CODE:
        for folder, names, leaves in os.walk(ROOT / top):
            names[:] = sorted(n for n in names if n != '__pycache__')
            found += [os.path.relpath(os.path.join(folder, leaf), ROOT) for leaf in sorted(leaves)
                      if leaf.endswith(suffixes)]
    return found


def built(name='x86_64'):
    """The objects of a build directory, built if need be (without linking, which may not be possible)."""
    folder = build.setup(name)
    subprocess.run(['ninja', '-C', folder, f'-j{jobs()}', '-k0', '--quiet'], check=False,
                   stdout=subprocess.DEVNULL)
    return objects.objects(folder)


def check_layers():
    """Every header that a kernel object opened, directly or not, is one its layer may use."""
    bad = set()
    for item in built():
        if layers.layer_of(item.source) in (None, 'tests', 'bench', 'user', 'tools'):
            continue
        for header in item.opened:
            if header.startswith('/'):
                if not SYSTEM.search(header):
                    bad.add(f'{item.source}: opens {header}, a header of the C library')
            elif not layers.may_use(item.source, header):
                bad.add(f'{item.source}: opens {header} '
                        f'({layers.layer_of(item.source)} may not use {layers.layer_of(header)})')
    needs = component_needs()
    for path in files('.c', '.h'):
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*<([^>]+)>', line)
            if found and not layers.may_name(path, found[1]):
                bad.add(f'{path}:{number}: may not name <{found[1]}> (tools/nos/layers.py)')
            component = layers.layer_of(path) or ''
            if found and component.startswith('comp:') and found[1].startswith('port/'):
                port = found[1].removeprefix('port/').removesuffix('.h')
                if port not in needs.get(component.removeprefix('comp:'), set()):
                    bad.add(f'{path}:{number}: the component does not declare that it needs {port}')
    return sorted(bad)


def component_needs():
    """{component: ports it declares}, from the lines `'drv/x': {'src': ..., 'needs': ['rng']}`."""
    table = {}
    for path in files('meson.build'):
        if path.startswith('components/'):
            text = (ROOT / path).read_text()
            for name, body in re.findall(r"'([\w/-]+)':\s*\{([^}]*)\}", text):
                needs = re.search(r"'needs':\s*\[([^\]]*)\]", body)
                table[name] = set(re.findall(r"'([\w-]+)'", needs[1])) if needs else set()
    return table


def owners(items, symbols):
    """{symbol: path of the source that defines it}, global symbols only."""
    return {name: item.source for item in items
            for name, letter in symbols[str(item.path)][0].items() if letter.isupper()}


def env_functions():
    """Names that env/include, port/include and lib/include declare: what a component may call, be it of
    the processor's own making (crc32c)."""
    names = set()
    for path in files('.h'):
        if path.startswith(('env/include', 'port/include', 'lib/include')):
            names |= set(re.findall(r'\b([a-z_][a-z0-9_]*)\s*\(', (ROOT / path).read_text()))
    return names


def check_symbols():
    """Objects refer to symbols of layers they may use; components have no writable data."""
    items = [i for i in built() if layers.layer_of(i.source) not in (None, 'tests', 'bench', 'user',
                                                                    'tools')]
    symbols = objects.symbols(item.path for item in items)
    table, callable_names, bad = owners(items, symbols), env_functions(), []
    opened = {word for header in layers.OPEN_TO_CORE if (ROOT / header).exists()
              for word in re.findall(r'\w+', (ROOT / header).read_text())}
    for item in items:
        mine = layers.layer_of(item.source)
        for name in sorted(symbols[str(item.path)][1]):
            owner = table.get(name)
            if layers.COMPILER.match(name) or owner is None:
                continue
            theirs = layers.layer_of(owner)
            if mine.startswith('comp:'):
                if theirs != mine and theirs != 'lib' and theirs not in layers.COMPONENT_PARTS and \
                        not (theirs in ('env-kern', 'port', 'arch') and name in callable_names):
                    bad.append(f'{item.source}: calls {name} of {owner}, which is not in env/include')
            elif mine == 'lib' and theirs != 'lib':
                bad.append(f'{item.source}: lib uses {name} of {owner}')
            elif mine in ('core', 'arch', 'boot') and theirs in ('personality', 'port', 'env-kern') \
                    and name not in layers.UPCALLS and name not in opened:
                bad.append(f'{item.source}: {mine} uses {name} of {owner}, not a declared upcall')
        if mine.startswith('comp:'):
            for section, size in objects.writable(item.path).items():
                bad.append(f'{item.source}: {size} bytes in {section}: components have no globals')
    return bad


def check_headers():
    """Each public header compiles alone, with the include path of its layer."""
    folder = build.setup('x86_64')
    with open(folder / 'compile_commands.json', encoding='utf-8') as file:
        commands = json.load(file)
    if not commands:
        return []
    everything = [h for h in files('.h') if h.startswith(HEADER_ROOTS)]
    digest = hashlib.sha256(repr([(h, (ROOT / h).read_bytes()) for h in everything]).encode())
    stamp = folder / 'headers-checked'
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return []
    words = json_command(commands, 'kernel/')

    def one(header):
        root = next(r for r in HEADER_ROOTS if header.startswith(r + '/'))
        name = header.removeprefix(root + '/')
        done = subprocess.run(
            [*words, '-fdiagnostics-color=never', '-fsyntax-only', '-x', 'c', '-'],
            cwd=folder, check=False, input=f'#include <{name}>\n#include <{name}>\n', text=True,
            capture_output=True)
        first = [line for line in done.stderr.splitlines() if 'error' in line][:1]
        return [] if done.returncode == 0 else [f'{header}: {(first or ["does not compile"])[0]}']

    with ThreadPoolExecutor(jobs()) as pool:
        bad = [line for lines in pool.map(one, everything) for line in lines]
    if not bad:
        stamp.write_text(digest.hexdigest())
    return bad


def json_command(commands, part):
    """The compiler and its flags, as some source with @part in its path is compiled."""
    entry = next((c for c in commands if f'/{part}' in c['file'] and c['file'].endswith('.c')),
                 commands[0])
    words = entry['command'].split()
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ('-MQ', '-MF', '-o', '-c'):
            skip = True
        elif word != '-MD':
            kept.append(word)
    return kept


def check_style():
    """The rules of the house that a line shows."""
    bad = []
    for path in files('.c', '.h', '.S', '.py', '.sh', '.build'):
        text = (ROOT / path).read_text()
        if 'SPDX-License-Identifier: BSD-2-Clause' not in text[:400]:
            bad.append(f'{path}: no SPDX line')
        if path.endswith('.h') and '#pragma once' not in text:
            bad.append(f'{path}: no #pragma once')
        if path.endswith(('.c', '.h')):
            if text.count('\n') > 1000:
                bad.append(f'{path}: {text.count(chr(10))} lines: which two things does it do?')
            for number, line in enumerate(text.splitlines(), 1):
                if re.search(r'\b(TODO|FIXME|XXX|HACK)\b', line):
                    bad.append(f'{path}:{number}: {line.strip()[:80]}')
                if re.match(r'\s*#\s*if(def|ndef)?\s+\(?(defined)?\W*NOS_DEBUG', line):
                    bad.append(f'{path}:{number}: say `if (NOS_DEBUG)`')
    return bad


CORE_LINES = 15000  # what ARCHITECTURE allows


def code_lines(text):
    """Lines of C that are neither empty nor comment."""
    text = re.sub(r'/\*.*?\*/', lambda comment: '\n' * comment[0].count('\n'), text, flags=re.S)
    return sum(1 for line in re.sub(r'//[^\n]*', '', text).splitlines() if line.strip())


def check_core_size():
    """The core's own folders, without tests and what stands in for the machine in them, stay small."""
    folders = tuple(f'kernel/{topic}/' for topic in layers.CORE)
    sizes = {}
    for path in files('.c', '.h'):
        if path.startswith(folders) and not re.search(r'_test\b|_test\.|(test|host)_env\.', path):
            topic = path.split('/')[1]
            sizes[topic] = sizes.get(topic, 0) + code_lines((ROOT / path).read_text())
    total = sum(sizes.values())
    if total < CORE_LINES:
        return []
    return [f'the core has {total} lines of code, {CORE_LINES} are too many: ' +
            ', '.join(f'{topic} {n}' for topic, n in sizes.items())]


def check_python():
    """Every script of tools/ and tests/ compiles, and the tests beside them pass."""
    bad = []
    for path in files('.py'):
        try:
            compile((ROOT / path).read_text(), path, 'exec')
        except SyntaxError as error:
            bad.append(f'{path}:{error.lineno}: {error.msg}')
    for path in files('_test.py'):
        done = subprocess.run([sys.executable, ROOT / path], cwd=(ROOT / path).parent, check=False,
                              capture_output=True, text=True)
        if done.returncode:
            bad.append(f'{path}: {done.stderr.strip()[-600:]}')
    return bad


def check_compilers():
    """gcc and clang both build both kernels."""
    bad = []
    need('clang')
    for name in ('x86_64', 'x86_64-debug', 'x86_64-clang', 'x86_64-clang-debug'):
        try:
            folder = build.setup(name)
        except Failure as failure:
            bad.append(str(failure))
            continue
        done = subprocess.run(['ninja', '-C', folder, f'-j{jobs()}', '-k0', '--quiet'], check=False,
                              capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stdout.splitlines()
                     if re.search(r'error|undefined reference|FAILED', line)]
            bad += [f'{name}: {line}' for line in lines[:20] or ['does not build']]
    return bad


def cached(name, paths, function):
    """Run @function(path) for the files that changed since it last had nothing to say."""
    store = BUILD / f'check-{name}.json'
    try:
        known = json.loads(store.read_text())
    except (OSError, ValueError):
        known = {}
    digests = {p: hashlib.sha256((ROOT / p).read_bytes()).hexdigest() for p in paths}
    todo = [p for p in paths if known.get(p) != digests[p]]
    with ThreadPoolExecutor(jobs()) as pool:
        results = list(pool.map(function, todo))
    for path, complaints in zip(todo, results):
        if not complaints:
            known[path] = digests[path]
    BUILD.mkdir(exist_ok=True)
    store.write_text(json.dumps({p: d for p, d in known.items() if p in digests}))
    return [line for complaints in results for line in complaints]


def advise_format():
    """clang-format would change nothing. Its versions differ, so this only advises."""
    need('check')

    def one(path):
        done = subprocess.run(['clang-format', '--style=file', ROOT / path], check=False,
                              capture_output=True)
        if done.returncode:
            return [f'{path}: {done.stderr.decode().splitlines()[0]}']
        old = (ROOT / path).read_bytes().splitlines()
        new = done.stdout.splitlines()
        if old == new:
            return []
        at = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
        return [f'{path}:{at + 1}: clang-format would write it otherwise']

    return cached('format', files('.c', '.h'), one)


def advise_sparse():
    """sparse, where it understands the file."""
    if not shutil.which('sparse'):
        return []
    folder = build.setup('x86_64')
    with open(folder / 'compile_commands.json', encoding='utf-8') as file:
        commands = json.load(file)
    by_source = {objects.from_root(folder, c['file']): c for c in commands
                 if c['file'].endswith('.c')}

    def one(path):
        words = json_command([by_source[path]], '')[1:]
        words = [w for w in words if not w.startswith(('-std', '-f', '-mindirect', '-Werror'))]
        done = subprocess.run(['sparse', '-std=gnu17', '-Wno-decl', '-Wno-shift-count-overflow',
                               *words], cwd=folder, check=False, capture_output=True, text=True)
        return [line.replace('../../', '') for line in done.stderr.splitlines()
                if re.search(r': (warning|error):', line)][:5]

    return cached('sparse', sorted(p for p in by_source if (ROOT / p).exists()), one)  # not generated ones


def advise_tail():
    """The tail of the lengths: files over 600 lines, functions over 60."""
    out = []
    for path in files('.c', '.h'):
        lines = (ROOT / path).read_text().splitlines()
        if len(lines) > 600:
            out.append(f'{path}: {len(lines)} lines')
        start = None
        for number, line in enumerate(lines, 1):
            if line == '{':
                start = number
            elif line == '}' and start:
                if number - start > 61:
                    out.append(f'{path}:{start - 1}: a function of {number - start - 1} lines')
                start = None
    return out


def advise_stack():
    """Frames over 600 bytes in the release kernel: a kernel stack is small."""
    out = []
    for item in built():
        usage = Path(str(item.path).removesuffix('.o') + '.su')
        if usage.exists():
            for line in usage.read_text().splitlines():
                place, size, _ = line.split('\t')
                if int(size) > 600:
                    out.append((int(size), f'{place.replace("../", "")}: {size} bytes of stack'))
    return [line for _, line in sorted(out, reverse=True)]


def advise_locking():
    """docs/locking.md is what tools/gen-locking writes."""
    done = subprocess.run([ROOT / 'tools/gen-locking', '--check'], check=False)
    return ['docs/locking.md is old: run tools/gen-locking'] if done.returncode else []


def check_syscalls():
    """docs/syscalls.md lists the calls that the code has."""
    done = subprocess.run([ROOT / 'tools/gen-syscalls', '--check'], check=False, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode else []


QUICK = [('layers', check_layers), ('syscalls', check_syscalls), ('symbols', check_symbols), ('headers', check_headers),
         ('style', check_style), ('core size', check_core_size), ('python', check_python), ('compilers', check_compilers)]
ADVICE = [('format', advise_format), ('sparse', advise_sparse), ('tail', advise_tail),
          ('stack', advise_stack), ('locking', advise_locking)]


def command_check(arguments):
    need('build', 'clang')
    failed = 0
    for kind, checks in (('', QUICK), (' (advice)', ADVICE)):
        for name, function in checks:
            if arguments.names and name not in arguments.names:
                continue
            start = time.monotonic()
            complaints = function()
            seconds = time.monotonic() - start
            limit = 1000 if arguments.all or not kind else 15
            print(f'{name}{kind}: ' + (f'{len(complaints)} complaints' if complaints else 'good') +
                  f' ({seconds:.1f} s)')
            for line in complaints[:limit]:
                print('    ' + line)
            if len(complaints) > limit:
                print(f'    ... {len(complaints) - limit} more with --all')
            failed += bool(complaints) and not kind
    if failed:
        say(f'{failed} checks complain')
    return 1 if failed else 0
