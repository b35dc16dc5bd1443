#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The ABI tests: every program of tests/abi must print the same on this Linux and on NOS."""
import sys

import harness

SECONDS = 120


def main():
    args = harness.parse_args(__doc__).parse_args()
    all_names = sorted(p.stem for p in (harness.HERE / "abi").glob("*.c"))
    names = args.names or all_names
    unknown = set(names) - set(all_names)
    if unknown:
        sys.exit("no such test: " + " ".join(sorted(unknown)))
    return harness.run_compared(args, [harness.Job(n, SECONDS, ["/abi/" + n]) for n in names])


if __name__ == "__main__":
    sys.exit(main())
