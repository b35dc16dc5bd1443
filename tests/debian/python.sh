# SPDX-License-Identifier: BSD-2-Clause
# python3: modules that lean on the kernel
python3 - <<'PY'
import asyncio, concurrent.futures, fcntl, mmap, multiprocessing, os, pty, resource, select, selectors, signal, socket, struct, subprocess, sys, tempfile, termios, threading, time
print(sys.version_info[:2], sys.platform, os.uname().machine)
print(subprocess.run(['sh', '-c', 'echo out; echo err >&2; exit 3'], capture_output=True, text=True))
try: subprocess.run(['sleep', '5'], timeout=0.2)
except subprocess.TimeoutExpired as e: print(type(e).__name__)
with multiprocessing.Pool(4) as pool: print(sum(pool.map(abs, range(-1000, 0))))
with concurrent.futures.ThreadPoolExecutor(8) as pool: print(sum(pool.map(lambda x: x * x, range(1000))))
lock, n = threading.Lock(), 0
def work():
    global n
    for _ in range(2000):
        with lock: n += 1
ts = [threading.Thread(target=work) for _ in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]; print(n)
q = multiprocessing.Queue(); p = multiprocessing.Process(target=lambda: q.put(os.getpid())); p.start(); print(q.get() == p.pid); p.join()
print(type(selectors.DefaultSelector()).__name__)
m = mmap.mmap(-1, 65536); m[:5] = b'hello'; pid = os.fork()
if not pid: m[:5] = b'child'; os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), m[:5])
a, b = os.pipe(); poll = select.poll(); poll.register(a, select.POLLIN); print(poll.poll(0)); os.write(b, b'x'); print([e for _, e in poll.poll(0)])
pid, fd = pty.fork()
if not pid: os.execvp('sh', ['sh', '-c', 'tty >/dev/null && stty size && echo done'])
out = b''
try:
    while chunk := os.read(fd, 1000): out += chunk
except OSError as e: print(e.errno)
print(out, os.waitpid(pid, 0)[1])
signal.signal(signal.SIGALRM, lambda *a: print('alarm')); signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(0.2)
print(signal.sigtimedwait([signal.SIGUSR1], 0.01), sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
print(os.sched_getaffinity(0), os.cpu_count(), os.getpriority(os.PRIO_PROCESS, 0))
print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 5000)
f = tempfile.TemporaryFile(); f.write(b'x' * 100); print(os.fstat(f.fileno()).st_nlink, fcntl.fcntl(f, fcntl.F_GETFL) & os.O_ACCMODE)
fcntl.lockf(f, fcntl.LOCK_EX); os.posix_fallocate(f.fileno(), 0, 8192); print(os.fstat(f.fileno()).st_blocks)
fd = os.memfd_create('x', os.MFD_ALLOW_SEALING); print(fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE), fcntl.fcntl(fd, fcntl.F_GET_SEALS))
try: os.write(fd, b'x')
except OSError as e: print(e)
print(os.getxattr if False else '', len(os.urandom(16)), os.getrandom(8) != os.getrandom(8)); fd = os.eventfd(3); print(os.eventfd_read(fd)); print(os.pidfd_open(os.getpid()) > 0)
t = os.timerfd_create(time.CLOCK_MONOTONIC); os.timerfd_settime(t, initial=0.01); print(os.read(t, 8))
async def main():
    proc = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1); out, _ = await proc.communicate(b'async'); print(out, proc.returncode)
    await asyncio.gather(*[asyncio.sleep(0.01) for _ in range(100)]); return await asyncio.to_thread(lambda: 5)
print(asyncio.run(main()))
PY
python3 -c 'import sqlite3, ssl, lzma, curses, readline, ctypes, decimal; print(ctypes.CDLL(None).getpid() > 0)'; python3 -m compileall -q /usr/lib/python3.13/json -f >/dev/null; echo $?; python3 -c 'import os; os.kill(os.getpid(), 11)'; echo $?; echo 'print(input())' >i.py; echo text | python3 i.py; python3 -X importtime -c 'import json' 2>&1 | wc -l | awk '{print ($1 > 5)}'; python3 -m timeit -n 1 -r 1 pass | wc -l; python3 -m venv --without-pip v && v/bin/python -c 'import sys; print(sys.prefix)'
