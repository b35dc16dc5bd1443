# SPDX-License-Identifier: BSD-2-Clause
"""./nos run, ./nos debug and ./nos iso."""
import os
import secrets
import shlex
import subprocess
import sys
from pathlib import Path

import build
import debian
import disk
import initramfs
import qemu
from common import BUILD, ROOT, TOOLS, need, run, say

APPEND = 'console=ttyS0'


def kernel_of(arguments):
    if arguments.kernel:
        return arguments.kernel
    need('build', 'qemu')
    return build.image(arguments.debug, arguments.clang)


def machine_of(arguments, initrd, append):
    """The machine that boots @initrd or, if that is None, the first disk."""
    words = ' '.join(filter(None, (APPEND, 'ip=dhcp', append, arguments.append)))
    memory = arguments.mem or ('512M' if arguments.busybox else debian.MEMORY if initrd else disk.MEMORY)
    return qemu.Machine(kernel_of(arguments), initrd, words, smp=arguments.smp,
                        memory=memory, machine=arguments.machine,
                        extra=qemu.disks(arguments.machine, arguments.disk) + qemu.network(arguments.machine))


def initrd_of(arguments, path, *session):
    """Write at @path the userland that @arguments name: a shell, or a command and its verdict."""
    if arguments.busybox:
        return initramfs.userland(*session).write(path)
    return debian.image(path, debian.session(*session))


def session_of(arguments):
    """The machine for a session on the terminal: from the first disk, unless one in memory is asked for."""
    if arguments.busybox or arguments.initramfs:
        return machine_of(arguments, initrd_of(arguments, BUILD / 'run' / 'shell.cpio'), '')
    if not arguments.disk:
        arguments.disk = [disk.own()]
        say(f'the disk is {arguments.disk[0]}')
    return machine_of(arguments, None, f'root={disk.root_of(arguments.disk[0])} rw')


class Filter:
    """Copy the console to standard output without the verdict line and without carriage returns."""

    def __init__(self, word):
        self.mark, self.held, self.done = b'\n' + word.encode(), b'', False

    def __call__(self, data):
        if self.done:
            return
        self.held += data.replace(b'\r', b'')
        at = self.held.find(self.mark)
        if at >= 0:
            # init put one newline before the verdict, in case the command's output ended in none.
            self.write(self.held[:at])
            self.done = True
            return
        keep = 0
        for length in range(1, min(len(self.held), len(self.mark)) + 1):
            if self.mark.startswith(self.held[-length:]):
                keep = length
        self.write(self.held[:len(self.held) - keep])
        self.held = self.held[len(self.held) - keep:]

    def flush(self):
        if not self.done:
            self.write(self.held)

    @staticmethod
    def write(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def command_run(arguments):
    words = arguments.command[1:] if arguments.command[:1] == ['--'] else arguments.command
    if not words:
        machine = session_of(arguments)
        say('Ctrl-A X ends QEMU, poweroff ends NOS')
        return qemu.interactive(machine)
    command = words[0] if len(words) == 1 else shlex.join(words)
    word = 'NOS-END-' + secrets.token_hex(6)
    initrd = BUILD / 'run' / f'command-{os.getpid()}.cpio'
    initrd_of(arguments, initrd, command, word)
    try:
        out = Filter(word)
        result = qemu.boot(machine_of(arguments, initrd, 'quiet panic=-1'),
                           arguments.timeout or 86400, word, out=out)
        out.flush()
    finally:
        initrd.unlink(missing_ok=True)
    if result.status is None:
        say(result.why())
        return 125
    return result.status


def command_debug(arguments):
    need('debug')
    arguments.debug = not arguments.release
    kernel = kernel_of(arguments)
    machine = session_of(arguments)
    machine.append += ' nokaslr'
    machine.extra += ['-S', '-gdb', f'tcp:127.0.0.1:{arguments.port}']
    symbols = Path(str(kernel) + '.elf')
    console = BUILD / 'run' / 'debug.log'
    if arguments.no_gdb:
        say(f'gdb {symbols} -ex "target remote :{arguments.port}" -x {TOOLS / "gdb/nos.py"}')
        return qemu.interactive(machine)
    say(f'console: {console}; Ctrl-C in gdb stops NOS')
    # pylint: disable=consider-using-with
    guest = subprocess.Popen(machine.command(f'file:{console}'), stdin=subprocess.DEVNULL)
    try:
        return subprocess.run(['gdb', '-q', '-x', TOOLS / 'gdb/nos.py',
                               '-ex', f'target remote 127.0.0.1:{arguments.port}', symbols],
                              check=False).returncode
    finally:
        guest.terminate()
        guest.wait()


GRUB = '''\
set timeout=0
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
menuentry "NOS" {{
\tmultiboot2 /boot/nos {append}
\tmodule2 /boot/initramfs.cpio
\t{settings}
}}
'''


def make_iso(kernel, initrd, append, target, settings=''):
    """A CD image that boots @kernel with GRUB by Multiboot2 on a BIOS machine. @settings: more words for GRUB, said last."""
    need('iso')
    root = BUILD / 'run' / f'iso-{os.getpid()}'
    (root / 'boot/grub').mkdir(parents=True)
    try:
        (root / 'boot/nos').write_bytes(Path(kernel).read_bytes())
        (root / 'boot/initramfs.cpio').write_bytes(Path(initrd).read_bytes())
        (root / 'boot/grub/grub.cfg').write_text(GRUB.format(append=append, settings=settings))
        with open(BUILD / 'run' / 'iso.log', 'w', encoding='utf-8') as log:
            run(['grub-mkrescue', '-d', '/usr/lib/grub/i386-pc', '-o', target, root],
                stdout=log, stderr=log)
    finally:
        run(['rm', '-rf', root])
    return target


def command_iso(arguments):
    need('build')
    kernel = build.image(arguments.debug)
    initrd = initramfs.userland().write(BUILD / 'run' / 'shell.cpio')
    print(make_iso(kernel, initrd, ' '.join(filter(None, (APPEND, arguments.append))),
                   ROOT / 'build' / 'nos.iso'))
    return 0
