#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""NOS: build it, run it, test it. Everything that is missing is installed with apt-get."""
import argparse
import shutil
import subprocess
import sys

from common import BUILD, TOOLS, Failure, say


def command_build(arguments):
    import build
    return build.command_build(arguments)


def command_run(arguments):
    import run
    return run.command_run(arguments)


def command_debug(arguments):
    import run
    return run.command_debug(arguments)


def command_iso(arguments):
    import run
    return run.command_iso(arguments)


def command_test(arguments):
    import test
    return test.command_test(arguments)


def command_check(arguments):
    import check
    return check.command_check(arguments)


def command_bench(words):
    return subprocess.run([sys.executable, TOOLS / 'bench', *words], check=False).returncode


def command_clean(_):
    shutil.rmtree(BUILD, ignore_errors=True)
    return 0


def machine_options(parser):
    parser.add_argument('--smp', type=int, default=2, metavar='N', help='processors (2)')
    parser.add_argument('--mem', metavar='M', help='memory (1G; 3G with --initramfs, 512M with --busybox)')
    parser.add_argument('--initramfs', action='store_true', help='Debian 13 in memory, not on a disk')
    parser.add_argument('--busybox', action='store_true', help="a busybox root in memory, not Debian 13's userland")
    parser.add_argument('--machine', default='q35', help='QEMU machine: q35, microvm, ...')
    parser.add_argument('--disk', action='append', default=[], metavar='FILE', help='a virtio disk, raw or qcow2: the first is booted from')
    parser.add_argument('--append', default='', metavar='WORDS', help='more of a command line')
    parser.add_argument('--kernel', metavar='IMAGE', help='boot this one and build nothing')
    parser.add_argument('--clang', action='store_true', help='the kernel built by clang')


def parse(words):
    parser = argparse.ArgumentParser(prog='nos', description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')

    one = commands.add_parser('run', help='boot Debian 13 to a shell here, or run one command in it')
    one.add_argument('--debug', action='store_true', help='the debug kernel')
    one.add_argument('--timeout', type=float, metavar='S', help='with CMD: give up after S seconds')
    machine_options(one)
    one.add_argument('command', nargs=argparse.REMAINDER, metavar='-- CMD',
                     help='run CMD and exit with its status')
    one.set_defaults(function=command_run)

    one = commands.add_parser('build', help='build the kernel')
    one.add_argument('--debug', action='store_true')
    one.add_argument('--clang', action='store_true')
    one.set_defaults(function=command_build)

    one = commands.add_parser('test', help='everything CI runs, or some of it by name')
    one.add_argument('--full', action='store_true', help='the long form')
    one.add_argument('--list', action='store_true', help='only say what there is')
    one.add_argument('names', nargs='*', help='only the tests whose name contains one of these')
    one.set_defaults(function=command_test)

    one = commands.add_parser('bench', help='measure against Linux', add_help=False)
    one.set_defaults(function=lambda _: command_bench([]))

    one = commands.add_parser('debug', help='gdb on a stopped kernel')
    one.add_argument('--release', action='store_true', help='the release kernel')
    one.add_argument('--port', type=int, default=1234, help='of the gdb stub (1234)')
    one.add_argument('--no-gdb', action='store_true', help='only QEMU; connect a gdb of your own')
    machine_options(one)
    one.set_defaults(function=command_debug)

    one = commands.add_parser('check', help='layers, symbols, headers, format, both compilers')
    one.add_argument('--all', action='store_true', help='print every line of advice')
    one.add_argument('names', nargs='*', help='only these checks')
    one.set_defaults(function=command_check)

    one = commands.add_parser('iso', help='build/nos.iso: GRUB, Multiboot2, BIOS')
    one.add_argument('--debug', action='store_true')
    one.add_argument('--append', default='', metavar='WORDS')
    one.set_defaults(function=command_iso)

    one = commands.add_parser('clean', help='remove build/')
    one.set_defaults(function=command_clean)

    one = commands.add_parser('help', help='this text')
    one.set_defaults(function=lambda _: parser.print_help() or 0)
    return parser.parse_args(words or ['help'])


def main():
    # tools/bench has options of its own, which a parser of this one would refuse.
    if sys.argv[1:2] == ['bench']:
        return command_bench(sys.argv[2:])
    arguments = parse(sys.argv[1:])
    try:
        return arguments.function(arguments)
    except Failure as failure:
        say(failure)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
