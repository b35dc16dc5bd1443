#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the debug kernel says when something is wrong in it: each boot provokes one thing."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

import nostest  # noqa: E402 pylint: disable=wrong-import-position

suite = nostest.Suite(__doc__)


@suite.test
def kasan(t):
    """Every kind of bad access is reported once, and nothing else is."""
    result = t.boot(append='kasan_test', check=False)
    t.expect(result.ok(), result.why())
    found = re.search(r'kasan_test: (\d+) of (\d+) found', result.log)
    t.expect(found and found[1] == found[2], 'not all were found')
    t.expect(result.log.count('BUG: KASAN') == int(found[2]), 'more was reported')
    free = result.log.split('kasan_test: heap_freed')[1].split('kasan_test:')[0]
    for line in ('slab-use-after-free in touch', 'allocated on cpu', 'freed on cpu', 'heap_freed'):
        t.expect(line in free, f'the report of a use after free has no "{line}"')


@suite.test
def stack_overflow(t):
    """The guard page below a kernel stack is hit: said so, with a backtrace."""
    result = t.boot(append='kasan_test=overflow', check=False)
    t.expect(result.end == 'panic', f'ended by {result.end}')
    for line in ('stack overflow in the kernel', ' dig+'):
        t.expect(line in result.log, f'no "{line}"')


if __name__ == '__main__':
    suite.main()
