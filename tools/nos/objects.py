# SPDX-License-Identifier: BSD-2-Clause
"""What a build directory knows: which source and headers made an object, and its symbols."""
import json
import os
import re
import subprocess
from pathlib import Path

from common import ROOT


class Object:
    """One object file: its path, its source and all it opened, as paths from the root.

    What lies outside the tree keeps its absolute path.
    """

    def __init__(self, path, source, opened):
        self.path, self.source, self.opened = path, source, opened


def from_root(folder, name):
    path = os.path.normpath(os.path.join(folder, name))
    root = str(ROOT) + '/'
    if '/uapi/' in path:
        return path
    if path.startswith(str(folder) + '/'):
        return path.removeprefix(str(folder) + '/')  # generated: the same path as in the tree
    return path.removeprefix(root)


def objects(folder):
    """Every C object of the build directory @folder that ninja has built."""
    with open(Path(folder) / 'compile_commands.json', encoding='utf-8') as file:
        commands = {entry['output']: entry['file'] for entry in json.load(file)}
    text = subprocess.run(['ninja', '-C', folder, '-t', 'deps'], check=True, capture_output=True,
                          text=True).stdout
    found = []
    for block in re.split(r'\n(?=\S)', text):
        lines = block.splitlines()
        if not lines:
            continue
        output = lines[0].split(': #deps')[0]
        if output in commands and (Path(folder) / output).exists():
            found.append(Object(Path(folder) / output, from_root(folder, commands[output]),
                                [from_root(folder, line.strip()) for line in lines[1:]
                                 if line.startswith('    ')]))
    return found


def symbols(paths):
    """{path: ({defined: nm's letter}, {undefined})} of object files."""
    table = {str(path): ({}, set()) for path in paths}
    if not table:
        return table
    out = subprocess.run(['nm', '--format=posix', '-A', *table], check=True, capture_output=True,
                         text=True).stdout
    for line in out.splitlines():
        path, _, rest = line.partition(': ')
        words = rest.split()
        if words[1] in 'Uwv':
            table[path][1].add(words[0])
        else:
            table[path][0][words[0]] = words[1]
    return table


def writable(path):
    """{section: size} of the sections with data that can change while it runs."""
    out = subprocess.run(['size', '-A', '-d', path], check=True, capture_output=True,
                         text=True).stdout
    found = {}
    for line in out.splitlines():
        words = line.split()
        if len(words) == 3 and words[1].isdigit() and int(words[1]):
            if re.match(r'\.(data|bss|tdata|tbss)(\.|$)', words[0]) and \
                    not words[0].startswith('.data.rel.ro'):
                found[words[0]] = int(words[1])
    return found
