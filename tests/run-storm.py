#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Storms: each checks itself, memory must come back, the kernel must report nothing."""
import sys

import harness

# The slowest machine is a debug kernel with 8 virtual processors on 2 real ones.
GRACE = 600


def main():
    p = harness.parse_args(__doc__, default_smp=8, default_mem=1024)
    p.add_argument("--seconds", type=int, default=20, help="how long each storm blows")
    p.add_argument("--no-oom", action="store_true", help="without the one that eats all memory")
    args = p.parse_args()
    all_names = sorted(f.stem for f in (harness.HERE / "storm").glob("*.c"))
    names = args.names or all_names + ([] if args.no_oom or args.host_only else ["storm_oom"])
    jobs = []
    for n in names:
        argv = ["/test/" + n, str(args.seconds)] + (["shared"] if args.host_only else [])
        if n == "storm_oom":
            argv = ["/test/storm_exhaust", str(min(args.seconds, 10)), "oom"]
        jobs.append(harness.Job(n, args.seconds + GRACE, argv))
    return harness.run_judged(args, jobs)


if __name__ == "__main__":
    sys.exit(main())
