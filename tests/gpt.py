# SPDX-License-Identifier: BSD-2-Clause
"""Disk images with a GUID partition table."""
import struct
import zlib

SIZE = 64 << 20
LINUX_TYPE = bytes.fromhex('af3dc60f838472478e793d69d8477de4')


def make_image(path, parts):
    """A disk of SIZE with GPT: parts are (first sector, sectors, name); the identity of number N is 16 bytes N."""
    last = SIZE // 512 - 1
    entries = b''.join(
        struct.pack('<16s16sQQQ', LINUX_TYPE, bytes([number] * 16), first, first + count - 1, 0)
        + name.encode('utf-16le').ljust(72, b'\0')
        for number, (first, count, name) in enumerate(parts, 1)).ljust(128 * 128, b'\0')

    def header(mine, other, at):
        text = struct.pack('<8sIIIIQQQQ16sQIII', b'EFI PART', 0x10000, 92, 0, 0, mine, other, 34, last - 33,
                           bytes([0xab] * 16), at, 128, 128, zlib.crc32(entries))
        return (text[:16] + struct.pack('<I', zlib.crc32(text)) + text[20:]).ljust(512, b'\0')

    protective = bytearray(512)
    protective[450] = 0xee
    protective[454:462] = struct.pack('<II', 1, last)
    protective[510:] = b'\x55\xaa'
    with open(path, 'wb') as disk:
        disk.truncate(SIZE)
        disk.write(protective + header(1, last, 2) + entries)
        disk.seek((last - 32) * 512)
        disk.write(entries + header(last, 1, last - 32))
