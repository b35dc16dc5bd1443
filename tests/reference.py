# SPDX-License-Identifier: BSD-2-Clause
"""What Debian's Linux does with the jobs of a runner in Debian 13's userland, in the same QEMU: asked
once and kept in the cache as it comes, so that a run that was broken off goes on where it was."""
import hashlib
import json
import re
import sys

import harness

sys.path.insert(0, str(harness.TOP / "tools" / "nos"))
import debian  # noqa: E402 pylint: disable=wrong-import-position
import debian_linux  # noqa: E402 pylint: disable=wrong-import-position

SERIES = "6.12"


def key_of(args, job, version, what):
    """@what: all that the job's outcome depends on beside the machine and process 1."""
    words = (debian.recipe(), version, args.smp, args.mem, *what(job),
             (harness.HERE / "init" / "init.c").read_text())
    return hashlib.sha256(repr(words).encode()).hexdigest()[:24]


def results(args, jobs, root, work, what, keep=r"exit ", base=debian.base):
    """{name: Result}; what ended as @keep says goes into the cache. @base: makes the archive below @root."""
    linux = debian_linux.kernels((SERIES,))[0]
    folder = debian.FOLDER / "linux"
    folder.mkdir(parents=True, exist_ok=True)
    found, left = {}, []
    paths = {job.name: folder / key_of(args, job, linux.version, what) for job in jobs}
    for job in jobs:
        if paths[job.name].exists() and not args.fresh:
            kept = json.loads(paths[job.name].read_text())
            found[job.name] = harness.Result(job.name)
            found[job.name].how, found[job.name].out = kept["how"], kept["out"].encode("latin-1")
        else:
            left.append(job)

    def heard(result):
        if re.match(keep, result.how):
            paths[result.name].write_text(
                json.dumps({"how": result.how, "out": result.out.decode("latin-1")}))

    if left:
        machine = harness.Machine(args)
        machine.kernel, machine.base = linux.vmlinux, base and base()
        got, _ = harness.run_guest(machine, root, left, work, args.scale, max_boots=40, heard=heard)
        for job in left:
            found[job.name] = got[job.name]
            heard(got[job.name])  # what took Linux with it has ended no other way
    return found
