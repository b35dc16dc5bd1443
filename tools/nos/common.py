# SPDX-License-Identifier: BSD-2-Clause
"""Where things are, and how to run them."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / 'build'
TOOLS = ROOT / 'tools'
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'nos'


class Failure(Exception):
    """Something the user should read in one line, not as a traceback."""


def say(text):
    print(f'nos: {text}', file=sys.stderr, flush=True)


def run(command, **options):
    """Run a command whose failure is final."""
    command = [str(word) for word in command]
    code = subprocess.run(command, check=False, **options).returncode
    if code != 0:
        raise Failure(f'failed with status {code}: {" ".join(command)}')


def need(*features):
    """Install the packages of @features that are missing; see tools/deps.sh."""
    if subprocess.run(['sh', str(TOOLS / 'deps.sh'), *features], check=False).returncode != 0:
        raise Failure(f'cannot go on without: {", ".join(features)}')


def jobs():
    return len(os.sched_getaffinity(0))
