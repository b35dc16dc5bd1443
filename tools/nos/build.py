# SPDX-License-Identifier: BSD-2-Clause
"""Build directories: set up once, set up again when a meson.build changes, comes or goes."""
import hashlib
import os
import subprocess
from pathlib import Path

from common import BUILD, ROOT, Failure, jobs, need, run, say

SANITIZE = ['-Db_sanitize=address,undefined']

# name: (options of meson setup, environment)
DIRS = {
    'x86_64': ([], {}),
    'x86_64-debug': (['-Ddebug_kernel=true', '-Dprograms=false'], {}),
    'x86_64-clang': (['-Dprograms=false'], {'CC': 'clang'}),
    'x86_64-clang-debug': (['-Ddebug_kernel=true', '-Dprograms=false'], {'CC': 'clang'}),
    'host': (['-Darch=host', *SANITIZE], {}),
    'host-tsan': (['-Darch=host', '-Db_sanitize=thread'], {}),
    'host-clang': (['-Darch=host', *SANITIZE], {'CC': 'clang'}),
    'host-fuzz': (['-Darch=host', '-Dfuzz=true', *SANITIZE], {'CC': 'clang'}),
    'host-plain': (['-Darch=host'], {}),
}


def build_files():
    """What the shape of the build depends on: every meson.build, and which linker scripts exist."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = sorted(n for n in names if not n.startswith('.')
                          and os.path.join(folder, n) != str(BUILD))
        for name in files:
            path = Path(folder) / name
            if name in ('meson.build', 'meson_options.txt', 'kernel.ld', 'test_main.c'):
                text = path.read_bytes() if name.startswith('meson') else b''
                found.append(f'{path.relative_to(ROOT)} {hashlib.sha256(text).hexdigest()}')
    return '\n'.join(sorted(found)) + '\n'


def setup(name):
    """Make the build directory @name ready for ninja and return its path."""
    options, environment = DIRS[name]
    folder = BUILD / name
    stamp = folder / 'nos-shape'
    shape = build_files() + ' '.join(options)
    if stamp.exists() and stamp.read_text() == shape and (folder / 'build.ninja').exists():
        return folder
    need('build', *(['clang'] if environment.get('CC') == 'clang' else []))
    BUILD.mkdir(exist_ok=True)
    command = ['meson', 'setup', folder, *options]
    if (folder / 'build.ninja').exists():
        command.insert(2, '--reconfigure')
    elif folder.exists():
        command.insert(2, '--wipe')
    log = BUILD / f'{name}.setup.log'
    with open(log, 'w', encoding='utf-8') as output:
        code = subprocess.run([str(w) for w in command], cwd=ROOT, check=False, stdout=output,
                              stderr=subprocess.STDOUT, env={**os.environ, **environment}).returncode
    if code != 0:
        raise Failure(f'meson failed for {name}:\n{log.read_text()[-4000:]}')
    stamp.write_text(shape)
    return folder


def build(name, targets=(), quiet=False):
    """Bring the build directory @name up to date and return its path."""
    need('build')
    folder = setup(name)
    command = ['ninja', '-C', str(folder), f'-j{jobs()}', *targets]
    if not quiet:
        run(command)
        return folder
    done = subprocess.run([*command, '--quiet'], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failure(f'{name} does not build:\n{done.stdout[-6000:]}')
    return folder


def image(debug=False, clang=False, quiet=True):
    """The path of an up-to-date kernel image."""
    name = 'x86_64' + ('-clang' if clang else '') + ('-debug' if debug else '')
    if quiet and not (BUILD / name / 'nos').exists():
        say('building the kernel (a minute, once)')
    path = build(name, quiet=quiet) / 'nos'
    if not path.exists():
        raise Failure(f'{path} was not built: is there an arch/x86_64/kernel.ld?')
    return path


def command_build(arguments):
    name = 'x86_64' + ('-clang' if arguments.clang else '') + ('-debug' if arguments.debug else '')
    print(build(name) / 'nos')
    return 0
