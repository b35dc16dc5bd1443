#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Disks: Debian 13's tools on virtio disks over PCI and MMIO and on loop devices, compared with what is expected
(tests/block/tools.expect); what was synced must be in the host's image."""
import difflib
import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'tools'))
import gpt  # noqa: E402 pylint: disable=wrong-import-position
import nostest  # noqa: E402 pylint: disable=wrong-import-position
import debian  # noqa: E402 pylint: disable=wrong-import-position,import-error
import qemu  # noqa: E402 pylint: disable=wrong-import-position,import-error

suite = nostest.Suite(__doc__)


def run_tools(t, machine):
    folder = Path(t.folder)
    disk, initrd = folder / 'disk.img', folder / 'tools.cpio'
    gpt.make_image(disk, [(2048, 20480, 'root'), (24576, 40960, 'data')])
    session = debian.session((HERE / 'block' / 'tools.sh').read_text(), 'NOS-END')
    initrd.write_bytes(debian.base(debian.DISK).read_bytes() + session.bytes())
    result = t.boot(initrd=initrd, machine=machine, memory='1G', timeout=240, append='quiet', check=False,
                    extra=qemu.disks(machine, [disk]), stop_on=re.compile(rb'^NOS-END \d+\r*\n', re.M))
    t.expect_no_report(result)
    text = result.log[result.log.find('vda '):].split('\nNOS-END')[0]
    text = '\n'.join(line for line in text.split('\n') if not re.match(r'\[ *\d+\.\d+\]', line)).strip() + '\n'
    digest = re.search(r'^([0-9a-f]{32})$', text, re.M)
    t.expect(digest, 'the script came to its end')
    text = text.replace(digest[1], 'MD5')
    expect = HERE / 'block' / 'tools.expect'
    if text != expect.read_text():
        diff = '\n'.join(difflib.unified_diff(expect.read_text().split('\n'), text.split('\n'), 'expected', 'NOS', lineterm=''))
        raise nostest.Failed('the outputs differ', diff)
    with open(disk, 'rb') as image:
        image.seek(40 << 20)
        t.expect(hashlib.md5(image.read(8 << 20)).hexdigest() == digest[1], "what was synced is in the host's image")


@suite.test
def tools_pci(t):
    run_tools(t, 'q35')


@suite.test
def tools_mmio(t):
    run_tools(t, 'microvm,rtc=on')


if __name__ == '__main__':
    suite.main()
