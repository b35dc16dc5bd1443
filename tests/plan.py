# SPDX-License-Identifier: BSD-2-Clause
"""Which runners `./nos test` starts, with what, and for how long at most.

(name, runner, arguments, seconds, when): when is '' for every run or 'full'. RELEASE and DEBUG name
the kernels. A runner prints PASS, FAIL and SKIP lines (see tools/nostest.py).
"""
# pylint: disable=undefined-variable
PLAN = [
    ('doors', 'run-boot.py', RELEASE, 1200, ''),  # noqa: F821
    ('doors-debug', 'run-boot.py', [*DEBUG, '--scale', '3'], 1800, ''),  # noqa: F821
    ('abi', 'run-abi.py', [*RELEASE, '--smp', '2'], 1800, ''),  # noqa: F821
    ('abi-debug', 'run-abi.py', [*DEBUG, '--smp', '4', '--scale', '3'], 2700, ''),  # noqa: F821
    ('shell-1', 'run-shell.py', [*RELEASE, '--smp', '1'], 900, ''),  # noqa: F821
    ('shell-2', 'run-shell.py', [*RELEASE, '--smp', '2'], 900, 'full'),  # noqa: F821
    ('shell-4', 'run-shell.py', [*RELEASE, '--smp', '4'], 900, 'full'),  # noqa: F821
    ('shell-8', 'run-shell.py', [*RELEASE, '--smp', '8'], 900, ''),  # noqa: F821
    ('shell-debug-1', 'run-shell.py', [*DEBUG, '--smp', '1', '--scale', '3'], 1800, 'full'),  # noqa: F821
    ('shell-debug-4', 'run-shell.py', [*DEBUG, '--smp', '4', '--scale', '3'], 1800, ''),  # noqa: F821
]
