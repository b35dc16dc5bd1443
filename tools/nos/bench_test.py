# SPDX-License-Identifier: BSD-2-Clause
"""What ./nos bench makes of its guests' output: python3 -m unittest bench_test, in this folder."""
import struct
import unittest

import bench_guest
import bench_table
import debian_linux

LOG = '''\
boot 1600000000
mem 475000 441000
[    3.1] a line of the kernel's own
begin call.getppid
row call.getppid 340.5 min 340.0 max 341.0 n 1000
begin unix.pair_close
row unix.pair_close absent sys4(...): Function not implemented
begin proc.sh_c
'''


def result(**rows):
    return {'rows': rows, 'least': rows, 'why': {}, 'notes': [], 'mitigations': {},
            'ended': True, 'boot': 1, 'mem': None}


class Parse(unittest.TestCase):
    def test_figures_and_reasons(self):
        found = bench_guest.parse(LOG)
        self.assertEqual(found['rows'], {'call.getppid': 340.5})
        self.assertEqual(found['boot'], 1600000000)
        self.assertEqual(found['mem'], [475000, 441000])
        self.assertFalse(found['ended'])
        self.assertTrue(found['why']['unix.pair_close'].startswith('absent'))

    def test_a_row_that_kills_the_kernel_is_named(self):
        self.assertEqual(bench_guest.parse(LOG)['why']['proc.sh_c'], 'took the kernel with it')

    def test_an_end_is_an_end(self):
        found = bench_guest.parse(LOG + 'row proc.sh_c 1.0 min 0.9 max 1.1 n 1\nend\n')
        self.assertTrue(found['ended'])
        self.assertEqual(found['least']['proc.sh_c'], 0.9)


class Merge(unittest.TestCase):
    def test_median(self):
        merged = bench_guest.merge([result(a=3.0), result(a=1.0), result(a=2.0)])
        self.assertEqual(merged['rows'], {'a': 2.0})

    def test_a_row_missing_once_is_no_figure(self):
        bad = result()
        bad['why']['a'] = 'failed'
        merged = bench_guest.merge([result(a=3.0), bad])
        self.assertEqual((merged['rows'], merged['why']), ({}, {'a': 'failed'}))


class Filter(unittest.TestCase):
    def test_only_the_rows_asked_for(self):
        found = bench_guest.only_rows(bench_guest.parse(LOG), '^(call|proc)[.]')
        self.assertEqual(list(found['rows']) + list(found['why']), ['call.getppid', 'proc.sh_c'])


class Table(unittest.TestCase):
    part = {'6.1': result(a=100.0, b=10.0), '7': result(a=90.0, b=20.0), 'nos': result(a=45.0)}

    def test_the_best_linux_counts(self):
        self.assertEqual(bench_table.compare(self.part, 'a'), (45.0, 90.0, '7', 0.5))

    def test_a_row_that_nos_lacks_has_no_ratio(self):
        self.assertEqual(bench_table.compare(self.part, 'b'), (None, 10.0, '6.1', None))

    def test_geometric_mean(self):
        self.assertAlmostEqual(bench_table.geometric_mean([0.25, 1.0]), 0.5)
        self.assertIsNone(bench_table.geometric_mean([]))

    def test_control_rows_are_no_part_of_the_mean(self):
        self.assertFalse(bench_table.is_counted('control.loop'))

    def test_allocators_are_compared_with_the_best_rival(self):
        rows = [['object.pair', 2, {'NOS': 30.0, 'malloc': 20.0, 'locked': 5.0}]]
        lines = bench_table.allocators_table({'allocators': rows})
        self.assertEqual(lines[1].split(), ['object.pair', '2', '30.0', '20.0', '5.0', '1.50'])

    def test_above_one_is_marked(self):
        self.assertEqual(bench_table.ratio_text(1.01), '1.01!')
        self.assertEqual(bench_table.ratio_text(1.004), '1.00 ')

    def test_a_clock_that_lies_is_named(self):
        part = {'off': {'nos': result(**{'control.loop': 500.0, 'control.loop_tsc': 1000.0})}}
        self.assertEqual(len(bench_table.clock_verdicts(part)), 1)

    def test_report_of_nothing_but_linux(self):
        figures = {'qemu': 'QEMU', 'programs': 'x', 'linux': {'6.1': '6.1.1'}, 'wall_series': '6.1',
                   'icount': {'off': {'6.1': result(a=1.0)}}}
        self.assertIn('mitigations=off', bench_table.report(figures))


class Unpack(unittest.TestCase):
    def test_payload_of_a_bzimage(self):
        import lzma  # pylint: disable=import-outside-toplevel
        payload = lzma.compress(b'\x7fELF and the rest') + b'\0\0\0\0'
        head = bytearray(1024)
        head[0x1f1] = 1
        struct.pack_into('<II', head, 0x248, 0, len(payload))
        self.assertEqual(debian_linux.unpack(bytes(head) + payload), b'\x7fELF and the rest')

    def test_an_unknown_packing_is_refused(self):
        with self.assertRaises(debian_linux.Failure):
            debian_linux.unpack(bytes(4096))


if __name__ == '__main__':
    unittest.main()
