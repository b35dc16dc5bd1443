# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU command line, in one place, for run, test, bench and debug.

TCG everywhere, so that a run is the same on every machine. The guest's console is the first serial
port. A guest that has a verdict prints a line `NOS-END <status>` on it, or one with a word that
only its caller knows in place of NOS-END, and then powers off.
"""
import os
import re
import select
import shlex
import subprocess
import time

from common import need

PANIC = re.compile(rb'kernel panic|Kernel panic|NOS panic')


def virtio(machine):
    """(words, suffix) for virtio devices of @machine: on PCI, or microvm's modern MMIO."""
    if machine.startswith('microvm'):
        return ['-global', 'virtio-mmio.force-legacy=false'], 'device'
    return [], 'pci'


def disks(machine, files):
    """The words for image @files as virtio disks of @machine."""
    words, suffix = virtio(machine)
    for number, file in enumerate(files):
        with open(file, 'rb') as image:
            form = 'qcow2' if image.read(4) == b'QFI\xfb' else 'raw'
        words += ['-drive', f'file={str(file).replace(",", ",,")},format={form},if=none,id=disk{number},discard=unmap',
                  '-device', f'virtio-blk-{suffix},drive=disk{number}']
    return words


def network(machine='q35', forward=None):
    """The words for a network card of @machine behind QEMU's own NAT. @forward: {port of the guest: port of 127.0.0.1 here}."""
    words, suffix = virtio(machine)
    ports = ''.join(f',hostfwd=tcp:127.0.0.1:{here}-:{there}' for there, here in (forward or {}).items())
    return words + ['-netdev', f'user,id=net0{ports}', '-device', f'virtio-net-{suffix},netdev=net0']


class Machine:
    """One virtual machine as data; command() turns it into QEMU's words."""

    def __init__(self, kernel=None, initrd=None, append='', smp=1, memory='512M', machine='q35',
                 cpu='max', icount=None, extra=()):
        self.kernel, self.initrd, self.append = kernel, initrd, append
        self.smp, self.memory, self.machine, self.cpu = smp, str(memory), machine, cpu
        self.icount, self.extra = icount, list(extra)

    def command(self, serial='stdio'):
        """@serial is a QEMU character device: `stdio`, `file:PATH`, `chardev:ID`."""
        words = ['qemu-system-x86_64', '-M', self.machine, '-cpu', self.cpu,
                 '-smp', str(self.smp), '-m', self.memory]
        if self.icount:
            words += ['-accel', 'tcg,thread=single', '-icount', self.icount]
        else:
            words += ['-accel', 'tcg,thread=multi']
        words += ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
                  '-nic', 'none', '-serial', serial]
        if self.kernel:
            words += ['-kernel', str(self.kernel)]
            words += ['-append', self.append] if self.append else []
        if self.initrd:
            words += ['-initrd', str(self.initrd)]
        return words + self.extra


class Result:
    """What a boot left: the log as text, the verdict or None, and how it ended."""

    def __init__(self, log, status, end, seconds, command):
        self.log, self.status = log, status
        self.end = end  # 'off', 'timeout', 'panic' or 'stopped'
        self.seconds, self.command = seconds, shlex.join(command)

    def ok(self):
        return self.status == 0 and self.end in ('off', 'stopped')

    def why(self):
        if self.status is not None:
            return f'status {self.status}'
        return {'off': 'the machine went off without a verdict', 'panic': 'the kernel panicked',
                'timeout': f'no end after {self.seconds:.0f} s'}.get(self.end, self.end)


def clean(data):
    return data.decode('utf-8', 'replace').replace('\r', '')


def boot(machine, timeout=60, word='NOS-END', stop_on=None, out=None):
    """Run @machine without a terminal until it goes off, panics, or @timeout seconds are over.

    @stop_on: a compiled bytes pattern; the run ends where the log has it.
    @out: called with the log's bytes as they come.
    """
    need('qemu')
    verdict = re.compile(rb'^' + word.encode() + rb' (-?\d+)\r*\n', re.M)
    command = machine.command()
    start = time.monotonic()
    # pylint: disable=consider-using-with
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    log, status, end = b'', None, 'off'
    deadline = start + timeout
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                end = end if end != 'off' or status is not None else 'timeout'
                break
            if not select.select([process.stdout], [], [], left)[0]:
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            if out:
                out(data)
            tail = max(0, len(log) - 4096)
            log += data
            found = verdict.search(log, tail)
            if found and status is None:
                status = int(found[1])
                deadline = min(deadline, time.monotonic() + 10)
            if end == 'off' and PANIC.search(log, tail):
                end = 'panic'  # leave it time to say why
                deadline = min(deadline, time.monotonic() + 5)
            if end == 'off' and stop_on and stop_on.search(log, tail):
                end = 'stopped'
                break
    finally:
        if process.poll() is None and end != 'off':
            process.kill()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return Result(clean(log), status, end, time.monotonic() - start, command)


def interactive(machine, extra=()):
    """Run @machine on this terminal. Ctrl-C and its kin go to the guest; Ctrl-A X ends QEMU."""
    need('qemu')
    command = machine.command('chardev:console') + list(extra)
    at = command.index('-serial')
    command[at:at] = ['-chardev', 'stdio,id=console,mux=on,signal=off', '-mon', 'chardev=console']
    return subprocess.run(command, check=False).returncode


class Console:
    """A running machine whose console is written and read by a test."""

    def __init__(self, machine):
        need('qemu')
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(machine.command(), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.log, self.at = b'', 0

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def _read(self, seconds):
        """Read what comes within @seconds; False at the machine's end or when nothing came."""
        out = self.process.stdout
        if seconds <= 0 or not select.select([out], [], [], seconds)[0]:
            return False
        data = os.read(out.fileno(), 65536)
        self.log += data.replace(b'\r', b'')
        return bool(data)

    def expect(self, pattern, timeout=30):
        """The match of @pattern after the last one, or None when it does not come in time."""
        pattern = re.compile(pattern.encode(), re.M)
        deadline = time.monotonic() + timeout
        while True:
            found = pattern.search(self.log, self.at)
            if found:
                self.at = found.end()
                return found
            if not self._read(deadline - time.monotonic()):
                return None

    def ended(self, timeout=10):
        """True when the machine goes off by itself within @timeout."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            pass
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
            return True
        except subprocess.TimeoutExpired:
            return False

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def text(self):
        return clean(self.log)
