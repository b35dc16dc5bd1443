# SPDX-License-Identifier: BSD-2-Clause
# seconds: 900
# who takes all processes, descriptors, memory or files that there are: the limits hold, the shell and the others live on
user() { setpriv --reuid user --regid user --clear-groups "$@"; }
alive() { local p; user /bin/true && p=$(sh -c 'echo up') && echo "$1: $p, $(pgrep -c -u user) left"; }
sweep() { while pkill -KILL -u user; do sleep 0.1; done; }
cat >bomb <<'B'
ulimit -u 60; bomb() { bomb | bomb & }; bomb; sleep 2
B
user bash bomb 2>/dev/null; n=$(pgrep -c -u user); echo "bomb: $((n > 1)) $((n <= 60))"; pkill -STOP -u user; sweep; alive bomb
user python3 - <<'P'
import os, resource, threading, time
resource.setrlimit(resource.RLIMIT_NPROC, (40, 40)); kids = []
try:
    while True:
        pid = os.fork()
        if not pid: time.sleep(1000)
        kids.append(pid)
except OSError as e: print('fork', e.errno, len(kids))
for pid in kids: os.kill(pid, 9)
for pid in kids: os.waitpid(pid, 0)
go, ts = threading.Event(), []
try:
    while True:
        t = threading.Thread(target=go.wait); t.start(); ts.append(t)
except RuntimeError as e: print('threads', e, len(ts))
go.set(); [t.join() for t in ts]; print('again', os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)[1])
P
(ulimit -n 64; python3 - <<'P'
import os, socket, select, tempfile
def fill(make, drop=os.close):
    got = []
    try:
        while True: got.append(make())
    except OSError as e: print(e.errno, len(got))
    for x in got: drop(x)
fill(lambda: os.open('/', 0)); fill(lambda: os.dup(0)); fill(os.pipe, lambda p: [os.close(x) for x in p]); fill(lambda: os.eventfd(0)); fill(select.epoll, lambda e: e.close()); fill(lambda: os.memfd_create('x'))
fill(lambda: socket.socketpair(), lambda p: [x.close() for x in p]); fill(lambda: os.open('/dev/ptmx', os.O_RDWR)); fill(lambda: os.pidfd_open(os.getpid()))
a, b = socket.socketpair(); held = [os.open('/', 0) for _ in range(50)]; socket.send_fds(a, [b'x'], held)
print([len(x) if isinstance(x, (list, bytes)) else x for x in socket.recv_fds(b, 10, 60)][:3])
P
); alive descriptors
(ulimit -v 300000; python3 -c 'x = []
try:
    while True: x.append(bytearray(1 << 20))
except MemoryError: n = len(x); x = None; print("space", n > 100, n < 300)'; perl -e '$x .= "x" x 1048576 while 1' 2>&1 | head -1 | cut -c1-14; echo "perl ${PIPESTATUS[0]}"); alive space
(f() { f; }; f) 2>/dev/null; echo "stack $?"; (ulimit -s 256; perl -e 'sub f { f() } sub g { my @x = sort { g() } 1, 2 } g()' >/dev/null 2>&1; echo "stack $?"); (ulimit -f 8; dd if=/dev/zero of=f bs=1k count=100 2>/dev/null; echo "file $?"; stat -c %s f); (ulimit -i 5; user bash -c 'trap : USR1; for i in 1 2 3 4 5 6 7 8 9; do kill -USR1 $$; done; echo signals'); (ulimit -l 0; user python3 -c 'import ctypes, mmap; m = mmap.mmap(-1, 4096); c = ctypes.CDLL(None, use_errno=True); print("lock", c.mlock(ctypes.addressof(ctypes.c_char.from_buffer(m)), 4096), ctypes.get_errno())')
mkdir m; mount -t tmpfs -o size=2m,nr_inodes=50 small m; head -c 10M /dev/zero 2>/dev/null >m/x; stat -c %s m/x; for i in $(seq 100); do : >m/f$i; done 2>/dev/null; ls m | wc -l; echo y 2>&1 >m/x2; rm m/x; echo y >m/f1; cat m/f1; umount m
choom -n 1000 -- tail /dev/zero; echo "tail $?"; alive memory
choom -n 1000 -- python3 -c 'import os
for _ in range(4):
    if not os.fork(): break
x = []
while True: x.append(b"y" * (8 << 20))' 2>/dev/null; echo "greedy $?"; while pgrep -f 'append.b' >/dev/null; do sleep 0.2; done; alive greed
head -c 20G /dev/zero 2>/dev/null >/dev/shm/all; echo "shm $?"; df --output=avail /dev/shm | tail -1; rm /dev/shm/all; alive shm
