# SPDX-License-Identifier: BSD-2-Clause
"""Whole-system tests: tests/run-*.py import this.

A runner prints one line per test, `PASS name`, `FAIL name: why` or `SKIP name: why`, and exits with
1 when one failed. `./nos test` starts the runners, reads those lines and counts.

    import nostest

    suite = nostest.Suite(__doc__)

    @suite.test
    def microvm(t):
        result = t.boot(machine='microvm', command='uname -s')
        t.expect('Linux' in result.log, 'uname')

    if __name__ == '__main__':
        suite.main()
"""
import argparse
import re
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tools' / 'nos'))

import build  # noqa: E402 pylint: disable=wrong-import-position
import initramfs  # noqa: E402 pylint: disable=wrong-import-position
import qemu  # noqa: E402 pylint: disable=wrong-import-position
from common import Failure, need  # noqa: E402,F401 pylint: disable=wrong-import-position

# What a healthy kernel never says.
REPORTS = re.compile(r'UBSAN:|KASAN|lockdep:|BUG:|WARNING:|hung task|lock-?up|panic:|kernel panic',
                     re.I)
LOG_TAIL = 120


class Failed(Exception):
    """A test's verdict, with the log of the boot that showed it."""

    def __init__(self, why, log=''):
        super().__init__(why)
        self.log = log


class Skipped(Exception):
    """The test cannot run here; says why."""


class Context:
    """What one test is handed."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.last = None

    def kernel(self):
        return self.arguments.kernel or build.image(self.arguments.debug)

    def boot(self, kernel=None, smp=None, files=(), init=None, command=None, initrd=None, append='',
             timeout=60, machine='q35', memory='512M', extra=(), stop_on=None, check=True,
             icount=None, cpu='max'):
        """Boot and return a qemu.Result.

        One of: @initrd, a finished archive; @init, a program, alone with @files; @command, a shell
        command in busybox, whose status is the result's. @check: anything but status 0, and any
        report in the log, fails the test.
        """
        if initrd is None:
            if init is not None:
                archive = initramfs.bare([('init', Path(init)), *files])
            else:
                archive = initramfs.userland(command or 'true', files=files)
            initrd = archive.write(Path(self.folder) / 'initramfs.cpio')
        words = ' '.join(filter(None, ('console=ttyS0 panic=-1', append, self.arguments.append)))
        guest = qemu.Machine(kernel or self.kernel(), initrd, words, smp=smp or self.arguments.smp,
                             memory=memory, machine=machine, extra=extra, icount=icount, cpu=cpu)
        result = qemu.boot(guest, timeout * self.arguments.scale, stop_on=stop_on)
        self.last = result
        if check:
            if not result.ok():
                raise Failed(result.why(), result.log)
            self.expect_no_report(result)
        return result

    def expect_no_report(self, result):
        found = REPORTS.search(result.log)
        if found:
            line = result.log[result.log.rfind('\n', 0, found.start()) + 1:].split('\n', 1)[0]
            raise Failed(f'the kernel reports: {line.strip()}', result.log)

    def expect(self, truth, what):
        if not truth:
            raise Failed(what, self.last.log if self.last else '')

    @staticmethod
    def skip(why):
        raise Skipped(why)


class Suite:
    """The tests of one runner, in the order of their definition."""

    def __init__(self, what):
        self.what, self.tests = what, []

    def test(self, function):
        self.tests.append((function.__name__.replace('_', '-'), function))
        return function

    def add(self, name, function):
        self.tests.append((name, function))

    def parse(self):
        parser = argparse.ArgumentParser(description=self.what)
        parser.add_argument('--kernel', type=Path, help='boot this image and build nothing')
        parser.add_argument('--debug', action='store_true', help='the debug kernel')
        parser.add_argument('--smp', type=int, default=2)
        parser.add_argument('--append', default='', help='more kernel command line')
        parser.add_argument('--scale', type=float, default=1, help='multiply every time limit')
        parser.add_argument('--times', type=int, default=3, metavar='N', help='how often what is random is tried (3)')
        parser.add_argument('--list', action='store_true')
        parser.add_argument('names', nargs='*', help='only the tests whose name contains one')
        return parser.parse_args()

    def run_one(self, name, function, arguments):
        with tempfile.TemporaryDirectory(prefix='nos-test-') as folder:
            context = Context(arguments, folder)
            try:
                function(context)
            except Skipped as why:
                print(f'SKIP {name}: {why}', flush=True)
                return True
            except Failed as why:
                print(f'FAIL {name}: {why}')
                for line in why.log.splitlines()[-LOG_TAIL:]:
                    print('    ' + line)
            except Failure as why:
                print(f'FAIL {name}: {why}')
            except Exception:  # pylint: disable=broad-except
                print(f'FAIL {name}: the test itself\n{traceback.format_exc()}')
            else:
                print(f'PASS {name}', flush=True)
                return True
            sys.stdout.flush()
            return False

    def main(self):
        arguments = self.parse()
        chosen = [(n, f) for n, f in self.tests
                  if not arguments.names or any(word in n for word in arguments.names)]
        if arguments.list:
            print('\n'.join(name for name, _ in chosen))
            sys.exit(0)
        good = [self.run_one(name, function, arguments) for name, function in chosen]
        sys.exit(0 if all(good) else 1)
