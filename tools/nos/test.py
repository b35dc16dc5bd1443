# SPDX-License-Identifier: BSD-2-Clause
"""./nos test: host tests, checks of the tree, models, boots; one closing line with the counts."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import build
import check
import initramfs
import models
from common import BUILD, ROOT, Failure, jobs, need, run, say

PARALLEL = 2
PHASES = ('host', 'tsan', 'check', 'fuzz', 'model', 'boot')
LINE = re.compile(r'^(PASS|FAIL|SKIP) (\S+?):?(?: (.*))?$')

# (name, runner in tests/, its arguments, only with --full, seconds)
RELEASE = ['--kernel', 'build/x86_64/nos']
DEBUG = ['--kernel', 'build/x86_64-debug/nos']


class Report:
    """Counts, and prints each result as it comes."""

    def __init__(self):
        self.counts = {'PASS': 0, 'FAIL': 0, 'SKIP': 0}
        self.failed, self.lock, self.start = [], threading.Lock(), time.monotonic()

    def add(self, verdict, name, why='', detail=''):
        with self.lock:
            self.counts[verdict] += 1
            if verdict == 'FAIL':
                self.failed.append(name)
            print(f'{verdict} {name}' + (f': {why}' if why else ''))
            if detail:
                print('\n'.join('    ' + line for line in detail.rstrip().splitlines()))
            sys.stdout.flush()

    def close(self):
        seconds = time.monotonic() - self.start
        for name in self.failed:
            print(f'failed: {name}')
        say(f'{seconds / 60:.1f} minutes')
        print(f'{self.counts["PASS"]} passed, {self.counts["FAIL"]} failed, '
              f'{self.counts["SKIP"]} skipped', flush=True)
        return 1 if self.counts['FAIL'] or not self.counts['PASS'] else 0


def wanted(name, names):
    return not names or any(word in name for word in names)


def host_tests(report, names, folder_name, prefix, full=False):
    """The unit tests of one host build directory, by meson, each counted by itself. @full: the long
    forms of some, too."""
    need('build')
    try:
        folder = build.setup(folder_name)
    except Failure as failure:
        report.add('FAIL', f'{prefix}/setup', str(failure))
        return
    ninja = ['ninja', '-C', str(folder), f'-j{jobs()}']
    done = subprocess.run([*ninja, '-k0', '--quiet'], check=False, capture_output=True, text=True)
    stale = ''
    if done.returncode:
        report.add('FAIL', f'{prefix}/build', 'does not build', done.stdout[-6000:])
        stale = subprocess.run([*ninja, '-n'], check=False, capture_output=True, text=True).stdout
    listed = subprocess.run(['meson', 'introspect', '--tests', folder], check=True,
                            capture_output=True, text=True)
    chosen = [t['name'] for t in json.loads(listed.stdout)
              if wanted(f'{prefix}/{t["name"]}', names)
              and (full or not any(s.endswith('full') for s in t['suite']))
              and not re.search(rf'/{re.escape(Path(t["cmd"][0]).name)}$', stale, re.M)]
    if not chosen:
        return
    command = ['meson', 'test', '-C', folder, '--no-rebuild', '--num-processes', str(PARALLEL),
               '--logbase', 'nos', *chosen]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    log = folder / 'meson-logs' / 'nos.json'
    if not log.exists():
        report.add('FAIL', f'{prefix}/meson', 'meson test left no log', done.stdout + done.stderr)
        return
    for line in log.read_text().splitlines():
        result = json.loads(line)
        name = f'{prefix}/{result["name"].removeprefix("nos:")}'
        if result['result'] in ('OK', 'EXPECTEDFAIL'):
            report.add('PASS', name)
        elif result['result'] == 'SKIP':
            report.add('SKIP', name)
        else:
            detail = (result.get('stdout') or '') + (result.get('stderr') or '')
            report.add('FAIL', name, result['result'].lower(), detail[-6000:])


def run_group(command, timeout, out):
    """Run @command in a process group of its own; all of it ends when time is over."""
    # pylint: disable=consider-using-with
    environment = {**os.environ, 'NOS_BUSYBOX': str(initramfs.busybox()), 'PYTHONUNBUFFERED': '1'}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def runner(report, name, script, arguments, timeout):
    """One tests/run-*.py: count the lines it prints; what is not such a line belongs to the last."""
    with tempfile.TemporaryFile() as out:
        code = run_group([sys.executable, ROOT / 'tests' / script, *arguments], timeout, out)
        out.seek(0)
        text = out.read().decode('utf-8', 'replace')
    results = []
    for line in text.splitlines():
        found = LINE.match(line)
        if found:
            results.append([found[1], found[2], found[3] or '', []])
        elif results:
            results[-1][3].append(line)
        else:
            results.append(['', '', '', [line]])
    failures = 0
    for verdict, test, why, detail in results:
        if verdict:
            failures += verdict == 'FAIL'
            report.add(verdict, f'{name}/{test}', why, '\n'.join(detail) if verdict == 'FAIL' else '')
    if code is None:
        report.add('FAIL', name, f'not finished after {timeout} s', text[-4000:])
    elif code != 0 and not failures:
        report.add('FAIL', name, f'status {code}', text[-6000:])
    elif not any(r[0] for r in results):
        report.add('FAIL', name, 'reported no test', text[-2000:])


def plan(full):
    """(name, script, arguments, seconds) of every boot test; tests/plan.py says which."""
    path = ROOT / 'tests' / 'plan.py'
    if not path.exists():
        return []
    space = {'RELEASE': RELEASE, 'DEBUG': DEBUG}
    exec(compile(path.read_text(), path, 'exec'), space)  # pylint: disable=exec-used
    return [(name, script, arguments, seconds)
            for name, script, arguments, seconds, when in space['PLAN']
            if (full or when != 'full') and (ROOT / 'tests' / script).exists()]


def boot_tests(report, names, full):
    items = [item for item in plan(full) if wanted(f'boot/{item[0]}', names)]
    if not items:
        return
    if not (ROOT / 'arch/x86_64/kernel.ld').exists():
        report.add('SKIP', 'boot', 'there is no kernel to boot yet')
        return
    try:
        need('qemu')
        build.image()
        build.image(debug=True)
        build_test_programs()
    except Failure as failure:
        report.add('FAIL', 'boot/build', str(failure))
        return
    with ThreadPoolExecutor(PARALLEL) as pool:
        for name, script, arguments, seconds in items:
            pool.submit(guarded, report, f'boot/{name}', runner, report, f'boot/{name}', script,
                        arguments, seconds)


def fuzz_tests(report, names, full):
    """Every fuzz target, from its seeds in FOLDER/fuzz-seeds/ if there are some, for a while."""
    try:
        folder = build.build('host-fuzz', quiet=True)
    except Failure as failure:
        report.add('FAIL', 'fuzz/build', str(failure))
        return
    listed = subprocess.run(['meson', 'introspect', '--targets', folder], check=True,
                            capture_output=True, text=True)
    for target in json.loads(listed.stdout):
        if target['type'] == 'executable' and target['name'].startswith('f-'):
            name = target['name'].removeprefix('f-')
            if wanted(f'fuzz/{name}', names):
                fuzz(report, f'fuzz/{name}', target, 300 if full else 15)


def fuzz(report, name, target, seconds):
    sources = [s for group in target['target_sources'] for s in group['sources']]
    seeds = [Path(s).parent / 'fuzz-seeds' for s in sources if s.endswith('_fuzz.c')]
    with tempfile.TemporaryDirectory(prefix='nos-fuzz-') as work:
        command = [target['filename'][0], f'-max_total_time={seconds}', '-timeout=20', '-seed=1',
                   '-rss_limit_mb=4096', '-print_final_stats=1', f'-artifact_prefix={BUILD}/crash-',
                   work, *[str(s) for s in seeds if s.is_dir()]]
        done = subprocess.run(command, check=False, capture_output=True, text=True,
                              errors='replace')
    runs = re.search(r'number_of_executed_units: *(\d+)', done.stderr)
    if done.returncode == 0:
        report.add('PASS', name, f'{runs[1]} runs' if runs else '')
    else:
        report.add('FAIL', name, f'status {done.returncode}', done.stderr[-5000:])


def build_test_programs():
    """What the runners share is built once, before they run beside each other."""
    if (ROOT / 'tests' / 'harness.py').exists():
        run([sys.executable, '-c', 'import harness; '
             'harness.build_programs(harness.TOP / "build" / "tests")'], cwd=ROOT / 'tests')


def guarded(report, name, function, *arguments):
    try:
        function(*arguments)
    except Failure as failure:
        report.add('FAIL', name, str(failure))
    except Exception as error:  # pylint: disable=broad-except
        report.add('FAIL', name, f'the test tool itself: {error!r}')


def tree_checks(report, names):
    for name, function in check.QUICK:
        if wanted(f'check/{name}', names):
            complaints = function()
            report.add('FAIL' if complaints else 'PASS', f'check/{name}',
                       f'{len(complaints)} complaints' if complaints else '',
                       '\n'.join(complaints[:60]))


def model_tests(report, names, full):
    items = [m for m in models.find(full) if wanted(f'model/{m.name}', names)]
    with ThreadPoolExecutor(PARALLEL) as pool:
        for verdict, item, why, detail in pool.map(models.verdict, items):
            report.add(verdict, f'model/{item.name}', why, detail)


def command_test(arguments):
    names, full = arguments.names, arguments.full
    report = Report()
    if arguments.list:
        for item in plan(full):
            print(f'boot/{item[0]}: tests/{item[1]} {" ".join(item[2])}')
        for item in models.find(full):
            print(f'model/{item.name}')
        for name, _ in check.QUICK:
            print(f'check/{name}')
        return 0
    need('build')
    for phase, function, extra in (('host', host_tests, ('host', 'host', full)),
                                   ('tsan', host_tests, ('host-tsan', 'tsan')),
                                   ('check', tree_checks, ()), ('fuzz', fuzz_tests, (full,)),
                                   ('model', model_tests, (full,)), ('boot', boot_tests, (full,))):
        # A name that starts with a phase is about that phase only: spares the others' builds.
        about = [n.split('/')[0] for n in names]
        if not names or phase in about or any(a not in PHASES for a in about):
            guarded(report, phase, function, report, names, *extra)
    return report.close()
