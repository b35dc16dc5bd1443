#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The system call fuzzer: no panic, no hang, no report; what the calls return does not matter."""
import sys

import harness


def main():
    p = harness.parse_args(__doc__, default_smp=4, default_mem=1024)
    p.add_argument("--seconds", type=int, default=60)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--workers", type=int, default=8)
    args = p.parse_args()
    argv = ["/test/sysfuzz", str(args.seconds), str(args.seed), str(args.workers)]
    if args.host_only:
        argv.append("user")
    return harness.run_judged(args, [harness.Job("sysfuzz", args.seconds + 600, argv)])


if __name__ == "__main__":
    sys.exit(main())
