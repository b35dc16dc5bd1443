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


def dies(t, word, *lines):
    """The kernel panics when the command line provokes @word, and says these @lines."""
    result = t.boot(append=f'provoke={word}', check=False)
    t.expect(result.end == 'panic', f'ended by {result.end}')
    for line in lines:
        t.expect(line in result.log, f'no "{line}"')


@suite.test
def stack_overflow(t):
    """The guard page below a kernel stack is hit: said so, with a backtrace."""
    dies(t, 'overflow', 'stack overflow in the kernel', ' dig+')


@suite.test
def null_pointer(t):
    dies(t, 'null', 'KASAN: perhaps a null pointer', ' null_pointer+')


def lives(t, word, *lines):
    """It reports a lock-up on the last CPU, and goes on."""
    result = t.boot(append=f'provoke={word} watchdog_thresh=1', check=False)
    t.expect(result.ok(), result.why())
    for line in lines:
        t.expect(line in result.log, f'no "{line}"')


@suite.test
def hard_lockup(t):
    """Another CPU notices, and prints where the one without interrupts is."""
    lives(t, 'hard_lockup', 'hard lock-up: cpu 1', 'cpu 1 is at', ' spin_without_interrupts+')


@suite.test
def soft_lockup(t):
    lives(t, 'soft_lockup', 'soft lock-up: cpu 1', ' spin_without_preemption+')


@suite.test
def panic(t):
    """All CPUs' backtraces, and the last trace events."""
    result = t.boot(command='echo c > /proc/sysrq-trigger', check=False)
    t.expect(result.end == 'panic', f'ended by {result.end}')
    for line in (' store_sysrq+', 'locks held', 'cpu 1 stopped' if 'cpu 0, thread' in result.log
                 else 'cpu 0 stopped', 'the last trace events', 'sys_enter: NR'):
        t.expect(line in result.log, f'no "{line}"')


@suite.test
def backtraces(t):
    """SysRq-l: where every CPU is; the system goes on."""
    result = t.boot(command='echo l > /proc/sysrq-trigger', check=False)
    t.expect(result.ok(), result.why())
    for line in (' store_sysrq+', ' is here', ' is at', '+0x'):
        t.expect(line in result.log, f'no "{line}"')


TRACING = """mount -t tracefs tracefs /sys/kernel/tracing; cd /sys/kernel/tracing
echo 0 > events/enable; echo > trace; echo "lines: $(grep -vc '^#' trace)"
echo sched:sched_switch > set_event; echo raw_syscalls:sys_exit >> set_event
echo "events: $(cat set_event | tr '\\n' ' ')$(cat events/sched/enable)$(cat events/irq/enable)"
echo nothing 2> /dev/null > set_event || echo refused
sleep 0.1; echo 0 > tracing_on
for event in sched_switch sys_exit sys_enter; do grep -q "$event: " trace && echo "traced $event"; done
grep -q 'prev_comm=sleep.*prev_state=S ==> next_comm=' trace && echo "slept"
"""


@suite.test
def tracing(t):
    """What tracefs offers of Linux' files."""
    log = t.boot(command=TRACING).log
    for line in ('lines: 0', 'events: raw_syscalls:sys_exit sched:sched_switch X0', 'refused',
                 'traced sched_switch', 'traced sys_exit', 'slept'):
        t.expect(line in log, f'no "{line}"')
    t.expect('traced sys_enter' not in log, 'an event that is off is traced')


if __name__ == '__main__':
    suite.main()
