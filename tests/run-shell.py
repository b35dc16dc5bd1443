#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/shell/*.sh under the same busybox must print the same on this Linux and on NOS."""
import sys

import harness


def main():
    args = harness.parse_args(__doc__).parse_args()
    names = args.names or sorted(p.stem for p in (harness.HERE / "shell").glob("*.sh"))
    jobs = [harness.Job(n, 300, ["/bin/busybox", "sh", "/test/%s.sh" % n]) for n in names]
    return harness.run_compared(args, jobs)


if __name__ == "__main__":
    sys.exit(main())
