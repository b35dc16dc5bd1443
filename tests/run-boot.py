#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every door into the kernel, every shape of initramfs, the ways out, and the terminal.

`--kernel` takes a Linux image too: what is asked here of NOS, Linux does.
"""
import gzip
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

import nostest  # noqa: E402 pylint: disable=wrong-import-position
import screen  # noqa: E402 pylint: disable=wrong-import-position
from nostest import build, initramfs, qemu  # noqa: E402 pylint: disable=wrong-import-position

suite = nostest.Suite(__doc__)
HELLO = 'echo "hello from $(uname -s), $(grep -c ^processor /proc/cpuinfo) processors"'


def hello(t, processors=None, **options):
    result = t.boot(command=HELLO, **options)
    wanted = 'hello from Linux, ' + (f'{processors} processors' if processors else '')
    t.expect(wanted in result.log, f'no line "{wanted}"')
    return result


def add_processors(count):
    suite.add(f'q35-smp{count}', lambda t: hello(t, count, smp=count, timeout=60 + 20 * count))


for number in (1, 2, 4, 8):
    add_processors(number)


@suite.test
def microvm(t):
    hello(t, 2, smp=2, machine='microvm')


@suite.test
def pc_i440fx(t):
    hello(t, machine='pc')


@suite.test
def old_processor(t):
    """No x2APIC, no TSC deadline, no RDRAND, no SMAP, no SMEP, no UMIP: the fallbacks work."""
    hello(t, cpu='max,-x2apic,-tsc-deadline,-rdrand,-rdseed,-smap,-smep,-umip,-pcid,-invpcid')


@suite.test
def mitigations_off(t):
    hello(t, append='mitigations=off')


@suite.test
def pti_on(t):
    hello(t, append='pti=on')


@suite.test
def nokaslr(t):
    hello(t, append='nokaslr')


@suite.test
def little_memory(t):
    hello(t, memory='96M')


@suite.test
def much_memory(t):
    """More than 4 GiB: memory on both sides of the hole. The debug kernel keeps an eighth."""
    result = t.boot(command='grep MemTotal /proc/meminfo', memory='5G')
    total = int(result.log.split('MemTotal:')[1].split()[0])
    t.expect(total > 4.2 * (1 << 20), f'MemTotal is {total} kB')


@suite.test
def initramfs_gzip(t):
    path = initramfs.userland(HELLO).write(Path(t.folder) / 'i.cpio.gz', compress=True)
    t.expect('hello from Linux' in t.boot(initrd=path).log, 'no hello')


@suite.test
def initramfs_concatenated(t):
    """Plain, gzip and plain again, with padding between; later files win."""
    first = initramfs.userland('cat /etc/motd /extra').bytes()
    second, third = initramfs.Archive(), initramfs.Archive()
    second.file('etc/motd', 'old motd\n')
    second.file('extra', 'extra file\n')
    third.file('etc/motd', 'new motd\n')
    packed = gzip.compress(second.bytes())
    path = Path(t.folder) / 'i'
    path.write_bytes(first + bytes(1024) + packed + bytes(8 + -len(packed) % 4) + third.bytes())
    log = t.boot(initrd=path).log
    t.expect('new motd' in log and 'extra file' in log and 'old motd' not in log, 'wrong files')


@suite.test
def init_words(t):
    """rdinit= names the program; what follows -- goes to it; unknown NAME=VALUE to its environment."""
    files = [('sbin/other', '#!/bin/sh\nmount -t proc p /proc\necho "args: $0 $*, COLOUR=$COLOUR"\n'
              'echo NOS-END 0\npoweroff -f\n')]
    result = t.boot(initrd=initramfs.userland('true', files=files).write(Path(t.folder) / 'i'),
                    append='rdinit=/sbin/other COLOUR=green -- one two')
    t.expect('args: /sbin/other one two, COLOUR=green' in result.log, 'wrong words')


@suite.test
def init_missing(t):
    """Without an init the kernel panics, says so, and panic=-1 ends the machine."""
    path = initramfs.bare().write(Path(t.folder) / 'i')
    result = t.boot(initrd=path, check=False)
    t.expect(result.end == 'panic' and 'init' in result.log, f'ended by {result.end}')


@suite.test
def init_dies(t):
    path = initramfs.userland('true', files=[('init', '#!/bin/sh\nexit 3\n')]).write(
        Path(t.folder) / 'i')
    result = t.boot(initrd=path, check=False)
    t.expect(result.end == 'panic' and 'kill init' in result.log, f'ended by {result.end}')


@suite.test
def status_of_command(t):
    result = t.boot(command='exit 42', check=False)
    t.expect(result.status == 42 and result.end == 'off', result.why())


@suite.test
def quiet(t):
    """With `quiet` the console shows what programs print, and nothing of the kernel before it."""
    result = hello(t, append='quiet')
    before = result.log.split('hello from')[0]
    t.expect(before.count('\n') < 12, f'{before.count(chr(10))} lines before the first output')


def shell(t, **options):
    initrd = initramfs.userland().write(Path(t.folder) / 'i')
    console = qemu.Console(qemu.Machine(
        t.kernel(), initrd, f'console=ttyS0 quiet panic=-1 {t.arguments.append}',
        smp=t.arguments.smp, **options))
    if not console.expect(r'nos:[^\n]*[#$] ', 90 * t.arguments.scale):
        console.close()
        raise nostest.Failed('no prompt', console.text())
    return console


def talk(t, steps, **options):
    """Send each first, wait for each second."""
    console = shell(t, **options)
    try:
        for text, pattern in steps:
            console.send(text)
            if pattern and not console.expect(pattern, 30 * t.arguments.scale):
                raise nostest.Failed(f'after {text!r}: no {pattern!r}', console.text())
        if not console.ended(20 * t.arguments.scale):
            raise nostest.Failed('the machine does not go off', console.text())
    finally:
        console.close()


@suite.test
def poweroff(t):
    talk(t, [('echo $((6 * 7))\n', '^42$'), ('poweroff\n', None)])


@suite.test
def reboot(t):
    talk(t, [('reboot\n', None)])


@suite.test
def control_c(t):
    talk(t, [('echo ready; sleep 1000\n', '^ready$'), ('\x03', r'nos:.*# '),
             ('echo alive $((1 + 1))\n', '^alive 2$'), ('poweroff -f\n', None)])


@suite.test
def job_control(t):
    talk(t, [('echo ready; cat\n', '^ready$'), ('line\n', 'line\nline\n'), ('\x1a', 'Stopped'),
             ('jobs\n', r'\[1\].*Stopped.*cat'), ('fg\n', 'cat\n'), ('again\n', 'again\nagain\n'),
             ('\x04', '# '), ('sleep 1000 &\n', '# '), ('kill %1; wait %1; echo got $?\n', 'got 143'),
             ('poweroff -f\n', None)])


@suite.test
def multiboot2(t):
    """GRUB on a BIOS machine loads kernel and initramfs by Multiboot2."""
    if Path(t.kernel()).read_bytes()[:4] != b'\x7fELF':
        t.skip('not an ELF image')
    from run import make_iso  # pylint: disable=import-outside-toplevel
    build.BUILD.joinpath('run').mkdir(parents=True, exist_ok=True)
    initrd = initramfs.userland(HELLO).write(Path(t.folder) / 'i')
    iso = make_iso(t.kernel(), initrd, 'console=ttyS0 panic=-1', Path(t.folder) / 'nos.iso')
    guest = qemu.Machine(append='', smp=2, extra=['-cdrom', str(iso), '-boot', 'd'])
    result = qemu.boot(guest, 90 * t.arguments.scale)
    t.last = result
    t.expect(result.ok() and 'hello from Linux, 2 processors' in result.log, result.why())


def talkative(path, heard):
    """The other end of a serial line: for each G that it hears it says 20000 bytes, whatever else it is told."""
    with socket.socket(socket.AF_UNIX) as line:
        for _ in range(300):
            try:
                line.connect(str(path))
                break
            except OSError:
                time.sleep(0.1)
        while data := line.recv(1):
            heard.extend(data)
            if data == b'G':
                line.sendall(bytes(ord('a') + i % 23 for i in range(20000)))


@suite.test
def serial_flow_control(t):
    """A receiver that falls behind asks to wait by STOP or by RTS; a sender waits for CTS; nothing is lost."""
    program, path, heard = Path(t.folder) / 'serial_flow', Path(t.folder) / 'line', bytearray()
    source = Path(__file__).resolve().parent / 'boot/serial_flow.c'
    subprocess.run(['gcc', '-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', '-static', '-o', program, source], check=True)
    threading.Thread(target=talkative, args=(path, heard), daemon=True).start()
    initrd = initramfs.userland('serial_flow', files=[('bin/serial_flow', program)]).write(Path(t.folder) / 'i')
    t.boot(initrd=initrd, extra=['-chardev', f'socket,id=line,path={path},server=on,wait=off', '-serial', 'chardev:line'])
    # A START or STOP that the next one overtakes is not sent; the last word is START.
    t.expect(re.fullmatch(rb'G\x13[\x11\x13]*\x11G', heard), f'the other side heard {bytes(heard)}')


INITTAB = '::sysinit:/etc/rc\ntty1::respawn:-/bin/sh\ntty2::respawn:-/bin/sh\n::ctrlaltdel:/bin/true\n'


def at_the_screen(t, machine, read, talk):
    """Start @machine and let talk(screen, seconds) sit down at it."""
    monitor = Path(t.folder) / 'monitor'
    machine.extra += ['-vga', 'std', '-monitor', f'unix:{monitor},server=on,wait=off']
    console = qemu.Console(machine)
    shown = None
    try:
        shown = screen.Screen(screen.Monitor(monitor), t.folder, read)
        seconds = 60 * t.arguments.scale
        if not shown.expect('nos:/#', seconds):
            raise nostest.Failed('no prompt on the screen', shown.text() + console.text())
        talk(shown, seconds)
        if not console.ended(20 * t.arguments.scale):
            raise nostest.Failed('the machine does not go off', shown.text() + console.text())
    finally:
        if shown:
            shown.monitor.close()
        console.close()


def type_and_look(shown, seconds, steps):
    for text, line in steps:
        shown.type(text)
        if line and not shown.expect(line, seconds):
            raise nostest.Failed(f'after {text!r}: no line {line!r} on the screen', shown.text())


@suite.test
def vga_and_keyboard(t):
    """A shell on the first virtual terminal, another one by Alt-F2, and Ctrl-C."""
    def talk_to(shown, seconds):
        type_and_look(shown, seconds, [('clear; tty; echo Big $((6*7))\n', 'Big 42'), ('stty size\n', '25 80'),
                                       ('sleep 1000\n', None)])
        shown.key('ctrl-c')
        type_and_look(shown, seconds, [('echo back\n', 'back')])
        shown.key('alt-f2')
        type_and_look(shown, seconds, [('tty\n', '/dev/tty2')])
        t.expect('back' not in shown.text().split('\n'), 'tty1 shines through')
        shown.key('alt-left')
        if not shown.expect('/dev/tty1', seconds):
            raise nostest.Failed('no way back to tty1', shown.text())
        type_and_look(shown, seconds, [('chvt 2\n', '/dev/tty2'), ('chvt 1\n', '/dev/tty1')])
        shown.type('poweroff -f\n')

    initrd = initramfs.userland(files=[('etc/inittab', INITTAB)]).write(Path(t.folder) / 'i')
    at_the_screen(t, qemu.Machine(t.kernel(), initrd, 'console=ttyS0 console=tty0 quiet panic=-1 ' + t.arguments.append),
                  screen.read_vga, talk_to)


@suite.test
def framebuffer_and_keyboard(t):
    """GRUB sets a graphics mode; text is drawn on its pixels."""
    if not screen.FONT.exists():
        t.skip('no font')
    from run import make_iso  # pylint: disable=import-outside-toplevel
    build.BUILD.joinpath('run').mkdir(parents=True, exist_ok=True)
    initrd = initramfs.userland(files=[('etc/inittab', INITTAB)]).write(Path(t.folder) / 'i')
    iso = make_iso(t.kernel(), initrd, 'console=ttyS0 console=tty0 quiet panic=-1 ' + t.arguments.append,
                   Path(t.folder) / 'nos.iso', 'insmod all_video; set gfxpayload=800x600x32')
    at_the_screen(t, qemu.Machine(extra=['-cdrom', str(iso), '-boot', 'd']), screen.read_framebuffer,
                  lambda shown, seconds: type_and_look(shown, seconds, [
                      ('clear; echo Big $((6*7))\n', 'Big 42'), ('stty size\n', '37 100'), ('poweroff -f\n', None)]))


if __name__ == '__main__':
    suite.main()
