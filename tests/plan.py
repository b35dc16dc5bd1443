# SPDX-License-Identifier: BSD-2-Clause
"""Which runners `./nos test` starts, with what, and for how long at most.

(name, runner, arguments, seconds, when): when is '' for every run or 'full'. RELEASE and DEBUG name
the kernels. A runner prints PASS, FAIL and SKIP lines (see tools/nostest.py).
"""
# pylint: disable=undefined-variable
# ruff: noqa: F821
PLAN = [
    ('doors', 'run-boot.py', RELEASE, 1200, ''),
    ('doors-debug', 'run-boot.py', [*DEBUG, '--scale', '3'], 1800, ''),
    ('debug', 'run-debug.py', [*DEBUG, '--scale', '3'], 900, ''),
    ('abi', 'run-abi.py', [*RELEASE, '--smp', '2'], 1800, ''),
    ('abi-debug', 'run-abi.py', [*DEBUG, '--smp', '4', '--scale', '3'], 2700, ''),
    ('shell-1', 'run-shell.py', [*RELEASE, '--smp', '1'], 900, ''),
    ('shell-2', 'run-shell.py', [*RELEASE, '--smp', '2'], 900, ''),
    ('shell-4', 'run-shell.py', [*RELEASE, '--smp', '4'], 900, 'full'),
    ('shell-8', 'run-shell.py', [*RELEASE, '--smp', '8'], 900, 'full'),
    ('shell-debug-1', 'run-shell.py', [*DEBUG, '--smp', '1', '--scale', '3'], 1800, 'full'),
    ('shell-debug-2', 'run-shell.py', [*DEBUG, '--smp', '2', '--scale', '3'], 1800, 'full'),
    ('shell-debug-4', 'run-shell.py', [*DEBUG, '--smp', '4', '--scale', '3'], 1800, 'full'),
    ('ext4', 'run-ext4.py', [*RELEASE, '--smp', '4'], 1200, ''),
    ('ext4-debug', 'run-ext4.py', [*DEBUG, '--smp', '4', '--scale', '3'], 2400, ''),
    ('ext4-killed', 'run-ext4.py', [*RELEASE, '--smp', '2', '--times', '50', 'killed'], 3600, 'full'),
    ('shell-debug-8', 'run-shell.py', [*DEBUG, '--smp', '8', '--scale', '4'], 2700, 'full'),
    ('block', 'run-block.py', [*RELEASE, '--smp', '4'], 900, ''),
    ('block-debug', 'run-block.py', [*DEBUG, '--smp', '2', '--scale', '3'], 1800, ''),
    ('net', 'run-net.py', [*RELEASE, '--smp', '2', '--scale', '2', 'configured', 'changed', 'down', 'http', 'tls', 'ssh', 'end'], 1200, ''),
    ('net-all', 'run-net.py', [*RELEASE, '--make', '--smp', '4', '--scale', '3'], 5400, 'full'),
    ('net-debug', 'run-net.py', [*DEBUG, '--make', '--smp', '4', '--scale', '8'], 10800, 'full'),
    ('debian', 'run-debian.py', RELEASE, 10800, 'full'),
    ('debian-debug', 'run-debian.py', [*DEBUG, '--scale', '4'], 28800, 'full'),
    ('python', 'run-debian.py', [*RELEASE, '--python', '--scale', '2'], 36000, 'full'),
    ('kselftest', 'run-kselftest.py', [*RELEASE, '--scale', '2'], 14400, 'full'),
    ('stress', 'run-stress.py', [*DEBUG, '--scale', '4'], 21600, 'full'),
    ('storm', 'run-storm.py', [*RELEASE, '--smp', '4', '--seconds', '5'], 1200, ''),
    ('storm-8', 'run-storm.py', [*RELEASE, '--smp', '8', '--seconds', '10'], 1200, 'full'),
    ('storm-debug', 'run-storm.py', [*DEBUG, '--smp', '8', '--seconds', '10'], 2400, 'full'),
    ('storm-long', 'run-storm.py', [*DEBUG, '--smp', '8', '--seconds', '120'], 7200, 'full'),
    ('fault', 'run-fault.py', [*DEBUG, '--smp', '2'], 900, ''),
    ('calldiff', 'run-calldiff.py', ['--count', '3000'], 3600, 'full'),
    ('sysfuzz', 'run-fuzz.py', [*DEBUG, '--smp', '4', '--seconds', '60'], 900, 'full'),
    ('sysfuzz-long', 'run-fuzz.py', [*DEBUG, '--smp', '4', '--seconds', '600'], 3600, 'full'),
]
