#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""System calls with every allocation failing once: an error or success, and nothing left behind."""
import sys

import harness

GRACE = 600


def main():
    p = harness.parse_args(__doc__, default_smp=2, default_mem=512)
    p.add_argument("--calls", default="", help="only those whose name contains this")
    args = p.parse_args()
    argv = ["/test/fault_calls"] + ([args.calls] if args.calls else [])
    return harness.run_judged(args, [harness.Job("fault_calls", GRACE, argv)])


if __name__ == "__main__":
    sys.exit(main())
