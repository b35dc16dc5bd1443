# SPDX-License-Identifier: BSD-2-Clause
"""A machine's screen and keyboard, through QEMU's monitor: type on it, and read what it shows."""
import importlib.machinery
import importlib.util
import socket
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
FONT = Path('/usr/share/consolefonts/Unifont-APL8x16.psf.gz')
CURSOR = '\u2581'
PROMPT = b'(qemu) '
KEYS = {' ': 'spc', '\n': 'ret', '-': 'minus', '/': 'slash', '.': 'dot', ';': 'semicolon', '$': 'shift-4', '(': 'shift-9',
        ')': 'shift-0', '*': 'shift-8', '&': 'shift-7', '|': 'shift-backslash', '>': 'shift-dot', '\t': 'tab'}


class Monitor:
    """The words are said to QEMU's human monitor at @path, where its command line has `-monitor unix:PATH,server=on,wait=off`."""

    def __init__(self, path, timeout=30):
        deadline = time.monotonic() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.socket.settimeout(timeout)
        self._answer()

    def _answer(self):
        text = b''
        while not text.endswith(PROMPT):
            data = self.socket.recv(4096)
            if not data:
                break
            text += data

    def say(self, words):
        self.socket.sendall(words.encode() + b'\n')
        self._answer()

    def close(self):
        self.socket.close()


class Screen:
    """What is shown, as text; `read` is one of the two functions below."""

    def __init__(self, monitor, folder, read):
        self.monitor, self.folder, self.read = monitor, Path(folder), read

    def key(self, name):
        self.monitor.say(f'sendkey {name} 20')
        time.sleep(0.1)  # QEMU releases the key after 20 ms, by its own clock

    def type(self, text):
        for c in text:
            self.key(KEYS.get(c) or (f'shift-{c.lower()}' if c.isupper() else c))

    def text(self):
        return self.read(self.monitor, self.folder)

    def expect(self, wanted, timeout):
        """Wait until a line of the screen is @wanted; None in time."""
        deadline = time.monotonic() + timeout
        while True:
            if wanted in self.text().split('\n'):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.3)


def _lines(rows):
    return '\n'.join(''.join(row).rstrip() for row in rows)


def read_vga(monitor, folder):
    """80x25 cells of VGA memory."""
    path = folder / 'vga.bin'
    path.unlink(missing_ok=True)
    monitor.say(f'pmemsave 0xb8000 4000 "{path}"')
    cells = path.read_bytes() if path.exists() else b''
    return _lines(cells[r * 160:(r + 1) * 160:2].decode('cp437') for r in range(25))


def _font():
    loader = importlib.machinery.SourceFileLoader('mkfont', str(TOP / 'components/drv/fb-text/mkfont'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('mkfont', loader))
    loader.exec_module(module)
    glyphs, chars = module.read(FONT)
    table = {}
    for c, glyph in sorted(chars.items()):
        table.setdefault(glyphs[glyph], chr(c))
    return table


def read_framebuffer(monitor, folder):
    """Glyphs of 8x16 pixels, recognised by the font that drew them; the cursor is a blank, what is no glyph '?'."""
    path = folder / 'screen.ppm'
    path.unlink(missing_ok=True)
    monitor.say(f'screendump "{path}"')
    if not path.exists():
        return ''
    magic, size, most, pixels = path.read_bytes().split(b'\n', 3)
    if (magic, most) != (b'P6', b'255'):
        return ''
    width, height = map(int, size.split())
    lit = bytes(1 if b > 64 else 0 for b in pixels[1::3])  # green is in every colour that text has here
    table = _font()

    def char(row, column):
        glyph = bytearray()
        for y in range(row * 16, row * 16 + 16):
            at = y * width + column * 8
            glyph.append(int(''.join(map(str, lit[at:at + 8])), 2))
        return table.get(bytes(glyph), '?').replace(CURSOR, ' ')

    return _lines([char(r, c) for c in range(width // 8)] for r in range(height // 16))
