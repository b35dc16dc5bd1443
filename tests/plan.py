# SPDX-License-Identifier: BSD-2-Clause
"""Which runners `./nos test` starts, with what, and for how long at most.

(name, runner, arguments, seconds, when): when is '' for every run or 'full'. RELEASE and DEBUG name
the kernels. A runner prints PASS, FAIL and SKIP lines (see tools/nostest.py).
"""
# pylint: disable=undefined-variable
PLAN = [
    ('doors', 'run-boot.py', RELEASE, 1200, ''),  # noqa: F821
    ('doors-debug', 'run-boot.py', [*DEBUG, '--scale', '3'], 1800, ''),  # noqa: F821
]
