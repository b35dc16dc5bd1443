#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Debian's servers and clients on NOS, over virtio-net and QEMU's user network: what the guest asks of the build
machine (10.0.2.2) and of its mirror, and what the build machine asks of servers in the guest.

One machine serves all tests; the next boots after a test that ended it. Servers of the build machine listen on
its loopback; the guest's ports are forwarded from there. Traffic goes nowhere else but to the mirror of apt.
"""
import contextlib
import hashlib
import http.server
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

import nostest  # noqa: E402 pylint: disable=wrong-import-position
import debian  # noqa: E402 pylint: disable=wrong-import-position
from nostest import initramfs, qemu  # noqa: E402 pylint: disable=wrong-import-position

suite = nostest.Suite(__doc__)
HOST = '10.0.2.2'  # the build machine, as the guest sees it
MEMORY = '3G'
AUTHORITIES = Path('/etc/ssl/certs/ca-certificates.crt')  # whom the build machine believes
# The console carries commands one way and their output, closed by a status, the other.
LOOP = r'''
stty -echo -onlcr
echo "@@ 0"
while read -r line; do
	[ "$line" != off ] || break
	(eval "$line") </dev/null >/tmp/loop-out 2>&1
	status=$?
	cat /tmp/loop-out
	echo "@@ $status"
done
'''
# Connections that nobody uses, both ends here: what one end costs the kernel, and that each still works.
IDLE = r'''
import array, resource, socket, sys
n = int(sys.argv[1])
open('/proc/sys/fs/file-max', 'w').write(str(4 * n))
resource.setrlimit(resource.RLIMIT_NOFILE, (2 * n + 100, 2 * n + 100))
def available():
    return next(int(line.split()[1]) for line in open('/proc/meminfo') if line.startswith('MemAvailable'))
servers = [socket.create_server(('127.0.0.1', 0), backlog=64) for _ in range(8)]
clients, accepted = array.array('i', [0]) * n, array.array('i', [0]) * n
def fill(first, last):
    for i in range(first, last):
        server = servers[i % 8]
        client = socket.create_connection(server.getsockname())
        accepted[i], clients[i] = server.accept()[0].detach(), client.detach()
fill(0, 100)
before = available()
fill(100, n)
print('bytes', (before - available()) * 1024 // (2 * (n - 100)))
for i in range(0, n, 997):
    with socket.socket(fileno=clients[i]) as client, socket.socket(fileno=accepted[i]) as server:
        client.sendall(b'ask')
        assert server.recv(9) == b'ask'
        server.sendall(b'answer')
        assert client.recv(9) == b'answer'
print('done')
'''
INIT = 'setsid -cw bash /etc/loop </dev/console >/dev/console 2>&1\nbusybox poweroff -f\n'


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def bytes_of(seed, size):
    block = hashlib.sha256(str(seed).encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def md5(data):
    return hashlib.md5(data).hexdigest()


def host_run(t, words, seconds, **options):
    """A client on the build machine; its output."""
    try:
        found = subprocess.run([str(w) for w in words], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=seconds * t.arguments.scale, **options)
    except subprocess.TimeoutExpired as late:
        raise nostest.Failed(f'{words[0]} did not end', clean(late.stdout)) from late
    t.expect(found.returncode == 0, f'{words[0]}: status {found.returncode}\n{found.stdout[-2000:]}')
    return found.stdout


def clean(data):
    return (data or b'').decode('utf-8', 'replace') if not isinstance(data, str) else data


# ---- the guest --------------------------------------------------------------------------------------------------

class Guest:
    """A machine with a shell on its console, and its ports on the build machine's loopback."""

    PORTS = (22, 80, 5201, 5432, 6379)
    current = None
    make = False

    def __init__(self, t):
        if not self.make and not (debian.FOLDER / f'{debian.NET.name}{debian.NET.recipe()}.cpio').exists():
            t.skip('no userland of servers in the cache (tests/run-net.py --make makes it)')
        nostest.need('net')
        self.folder = Path(Guest.work) / 'guest'
        self.folder.mkdir(exist_ok=True)
        self.ports = {port: free_port() for port in self.PORTS}
        self.key = self.folder / 'key'
        if not self.key.exists():
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(self.key)], check=True)
        words = 'console=ttyS0 quiet panic=-1 ip=dhcp ' + t.arguments.append
        self.console = qemu.Console(qemu.Machine(
            t.kernel(), self.initrd(), words, smp=t.arguments.smp, memory=MEMORY,
            extra=qemu.network(forward=self.ports)))
        t.expect(self.console.expect('^@@ 0$', 120 * t.arguments.scale), 'the guest comes up:\n' + self.console.text())

    def initrd(self):
        extra = initramfs.Archive()
        extra.file('init', debian.START.replace('@TERM@', 'dumb') + INIT, 0o755)
        extra.file('etc/loop', LOOP)
        extra.file('etc/idle.py', IDLE)
        extra.file('etc/apt/sources.list', debian.sources())
        if AUTHORITIES.exists():
            extra.file('etc/authorities', AUTHORITIES.read_bytes())
        extra.directory('root', 0o700)
        extra.directory('root/.ssh', 0o700)
        extra.file('root/.ssh/authorized_keys', Path(f'{self.key}.pub').read_text(encoding='ascii'), 0o600)
        path = self.folder / 'initramfs.cpio'
        shutil.copyfile(debian.base(debian.NET), path)
        with open(path, 'ab') as out:
            out.write(extra.bytes())
        return path

    def run(self, t, command, seconds=60, status=0):
        """@command in the guest: its output. @status: what it must end with; None: anything."""
        assert '\n' not in command and len(command) < 3000
        start = self.console.at
        self.console.send(command + '\n')
        found = self.console.expect(r'^@@ (\d+)$', seconds * t.arguments.scale)
        text = clean(self.console.log[start:])
        if not found:
            Guest.end()
            raise nostest.Failed(f'no end of: {command}', text)
        t.last = qemu.Result(text, None, 'off', 0, [])
        t.expect_no_report(t.last)
        t.expect(status in (None, int(found[1])), f'status {int(found[1])} of: {command}')
        return text[:text.rindex('@@ ')]

    @staticmethod
    def end():
        if Guest.current:
            Guest.current.console.close()
            Guest.current = None


Guest.work = None


def guest(t):
    if not Guest.current:
        Guest.current = Guest(t)
    return Guest.current


# ---- servers of the build machine -------------------------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    """Files from `files`, what is put is kept there; below /git/, git's own program."""
    protocol_version = 'HTTP/1.1'
    files, repositories = {}, None

    def answer(self, code, data=b'', kind='application/octet-stream'):
        self.send_response(code)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        if self.headers.get('Transfer-Encoding') != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        data = b''
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def git(self, data):
        path, _, query = self.path.partition('?')
        found = subprocess.run(
            ['git', 'http-backend'], check=False, input=data, capture_output=True,
            env={**os.environ, 'GIT_PROJECT_ROOT': str(self.repositories), 'GIT_HTTP_EXPORT_ALL': '1',
                 'PATH_INFO': path.removeprefix('/git'), 'QUERY_STRING': query, 'REQUEST_METHOD': self.command,
                 'CONTENT_TYPE': self.headers.get('Content-Type', ''), 'REMOTE_USER': 'nos', 'CONTENT_LENGTH': str(len(data)),
                 'HTTP_CONTENT_ENCODING': self.headers.get('Content-Encoding', ''),
                 'GIT_PROTOCOL': self.headers.get('Git-Protocol', '')})
        head, _, rest = found.stdout.partition(b'\r\n\r\n')
        kind = re.search(rb'Content-Type: (\S+)', head)
        status = re.search(rb'Status: (\d+)', head)
        self.answer(int(status[1]) if status else 200, rest, kind[1].decode() if kind else 'text/plain')

    def do_GET(self):  # pylint: disable=invalid-name
        if self.path.startswith('/git/'):
            self.git(b'')
        elif self.path in self.files:
            self.answer(200, self.files[self.path])
        else:
            self.answer(404)

    def do_POST(self):  # pylint: disable=invalid-name
        self.git(self.body())

    def do_PUT(self):  # pylint: disable=invalid-name
        self.files[self.path] = self.body()
        self.answer(201)

    def log_message(self, *_words):
        pass


@contextlib.contextmanager
def served(context=None):
    """The Handler on a port of the loopback; with @context by TLS."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ---- the tests --------------------------------------------------------------------------------------------------

@suite.test
def configured(t):
    """What ip=dhcp made, as ip, ss and ping see it."""
    g = guest(t)
    text = g.run(t, 'ip -4 -o addr show dev eth0; ip route; ip neigh; ip rule; cat /etc/resolv.conf')
    for want in (r'inet 10\.0\.2\.15/24 .*eth0', r'default via 10\.0\.2\.2 dev eth0', r'10\.0\.2\.0/24 dev eth0 .*src 10\.0\.2\.15',
                 r'^0:\tfrom all lookup local', r'^32766:\tfrom all lookup main', r'nameserver 10\.0\.2\.3'):
        t.expect(re.search(want, text, re.M), f'{want} in what ip says')
    g.run(t, f'ping -c 3 -i 0.2 -W 5 {HOST} && ping -c 2 -i 0.2 -W 5 127.0.0.1 && ping -6 -c 2 -i 0.2 -W 5 ::1')
    t.expect('lladdr 52:5' in g.run(t, f'ip neigh show {HOST}'), 'the neighbour')
    text = g.run(t, 'ip -s link show eth0; cat /proc/net/dev; cat /sys/class/net/eth0/{operstate,carrier,address,mtu}')
    t.expect(re.search(r'^up\n1\n52:54:00:', text, re.M), '/sys/class/net')
    g.run(t, 'ethtool eth0 | grep "Link detected: yes" && ifconfig eth0 && netstat -rn && route -n')


@suite.test
def changed(t):
    """Addresses, routes, rules and neighbours by hand; each change is told to who listens."""
    g = guest(t)
    g.run(t, '(timeout 20 ip monitor all >/tmp/monitor &) ; sleep 1')
    g.run(t, 'set -e; ip addr add 192.0.2.1/24 dev lo; ip route add 198.51.100.0/24 via 10.0.2.9 metric 7; '
             'ip route show 198.51.100.0/24 | grep "via 10.0.2.9 dev eth0 metric 7"; ip route get 198.51.100.1 | grep "via 10.0.2.9"; '
             'ip rule add from 192.0.2.1 lookup 100 pref 50; ip route add blackhole 203.0.113.0/24 table 100; '
             'ip rule | grep "^50:.from 192.0.2.1 lookup 100"; ip route show table 100 | grep blackhole; '
             'ip neigh add 10.0.2.9 lladdr 02:00:00:00:00:09 dev eth0; ip neigh show 10.0.2.9 | grep PERMANENT; '
             'ping -c 1 -W 5 192.0.2.1; ip -6 addr add 2001:db8::1/64 dev eth0 nodad; ping -6 -c 1 -W 5 2001:db8::1')
    g.run(t, 'set -e; ip -6 addr del 2001:db8::1/64 dev eth0; ip neigh del 10.0.2.9 dev eth0; ip rule del pref 50; '
             'ip route flush table 100; ip route del 198.51.100.0/24; ip addr del 192.0.2.1/24 dev lo; '
             'ip link set eth0 mtu 1400; ip link show eth0 | grep "mtu 1400"; ip link set eth0 mtu 1500')
    text = g.run(t, 'cat /tmp/monitor')
    for want in ('192.0.2.1/24', '198.51.100.0/24 via 10.0.2.9', '10.0.2.9 dev eth0 lladdr 02:00:00:00:00:09', 'Deleted 198.51.100.0/24',
                 'mtu 1400'):
        t.expect(want in text, f'ip monitor: {want}')


@suite.test
def down_and_up(t):
    """A link that went down loses its routes and gets back those of its addresses."""
    g = guest(t)
    g.run(t, f'set -e; ip link set eth0 down; ! ip route | grep eth0; ! ping -c 1 -W 2 {HOST}; ip link set eth0 up; '
             f'ip route add default via {HOST}; ping -c 1 -W 5 {HOST}', 60)


@suite.test
def http_files(t):
    """curl, both ways, plain."""
    g = guest(t)
    Handler.files['/big'] = bytes_of('plain', 8 << 20)
    with served() as port:
        text = g.run(t, f'cd /tmp && curl -sS -o big http://{HOST}:{port}/big && md5sum <big && '
                        f'curl -sS -T big http://{HOST}:{port}/back && curl -sS -o /dev/null -w "%{{http_code}}\\n" http://{HOST}:{port}/none', 120)
    t.expect(md5(Handler.files['/big']) in text and '404' in text, 'the bytes')
    t.expect(Handler.files.pop('/back') == Handler.files['/big'], 'the bytes that came back')


@suite.test
def tls(t):
    """curl by TLS: a certificate of the test's own is believed when it is named, and only then."""
    g = guest(t)
    cert, key = g.folder / 'cert.pem', g.folder / 'key.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=nos', '-addext',
                    f'subjectAltName=IP:{HOST}', '-out', cert, '-keyout', key], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    Handler.files['/cert'] = cert.read_bytes()
    Handler.files['/big'] = bytes_of('tls', 4 << 20)
    with served() as plain, served(context) as port:
        text = g.run(t, f'cd /tmp; date -s @{int(cert.stat().st_mtime) + 60} >/dev/null; curl -sS -o cert http://{HOST}:{plain}/cert; '
                        f'curl -sS https://{HOST}:{port}/big -o /dev/null && exit 9; '
                        f'curl -sS --cacert cert https://{HOST}:{port}/big -o big && md5sum <big && '
                        f'curl -sS --cacert cert -T big https://{HOST}:{port}/back', 180)
    t.expect(md5(Handler.files['/big']) in text, 'the bytes')
    t.expect(Handler.files.pop('/back') == Handler.files['/big'], 'the bytes that came back')


@suite.test
def git(t):
    """git clone, fetch and push over http."""
    g = guest(t)
    root = g.folder / 'git'
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    who = ['-c', 'user.name=nos', '-c', 'user.email=nos@nos']
    subprocess.run(['git', 'init', '-q', '-b', 'main', root / 'tree'], check=True)
    for number in range(40):
        (root / 'tree' / f'file-{number}').write_bytes(bytes_of(number, 50000))
        subprocess.run(['git', '-C', root / 'tree', 'add', '.'], check=True)
        subprocess.run(['git', '-C', root / 'tree', *who, 'commit', '-q', '-m', f'commit {number}'], check=True)
    subprocess.run(['git', 'clone', '-q', '--bare', root / 'tree', root / 'r.git'], check=True)
    head = subprocess.run(['git', '-C', root / 'r.git', 'rev-parse', 'main'], check=True, capture_output=True, text=True).stdout
    Handler.repositories = root
    with served() as port:
        text = g.run(t, f'cd /tmp && rm -rf r && git clone -q http://{HOST}:{port}/git/r.git r && cd r && git fsck 2>&1 && git rev-parse main && '
                        'git checkout -q -b mine && echo new >new && git add new && '
                        'git -c user.name=nos -c user.email=nos@nos commit -q -m new && git push -q origin mine && git rev-parse mine', 180)
    t.expect(head.strip() in text, 'the commit that was cloned')
    pushed = subprocess.run(['git', '-C', root / 'r.git', 'rev-parse', 'mine'], check=True, capture_output=True, text=True).stdout
    t.expect(pushed.strip() in text, 'the commit that was pushed')


def ssh_words(g, program, port_option):
    return [program, '-q', port_option, g.ports[22], '-i', g.key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
            '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=60']


@suite.test
def ssh(t):
    """sshd in the guest: commands, a terminal, files both ways, a forwarded port."""
    g = guest(t)
    g.run(t, 'mkdir -p /run/sshd; ssh-keygen -A >/dev/null; pgrep -x sshd >/dev/null || /usr/sbin/sshd', 120)
    words = ssh_words(g, 'ssh', '-p')
    text = host_run(t, [*words, 'root@127.0.0.1', 'echo from $(uname -s); tty; exit 0'], 120)
    t.expect('from Linux' in text and 'not a tty' in text, text)
    t.expect('/dev/pts/' in host_run(t, [*words, '-tt', 'root@127.0.0.1', 'tty'], 120), 'a terminal')
    data = bytes_of('ssh', 4 << 20)
    (g.folder / 'data').write_bytes(data)
    host_run(t, [*ssh_words(g, 'scp', '-P'), g.folder / 'data', 'root@127.0.0.1:/tmp/data'], 180)
    host_run(t, [*ssh_words(g, 'scp', '-P'), 'root@127.0.0.1:/tmp/data', g.folder / 'back'], 180)
    t.expect((g.folder / 'back').read_bytes() == data, 'the bytes that came back')
    t.expect(md5(data) in g.run(t, 'md5sum </tmp/data'), 'the bytes there')


@suite.test
def nginx(t):
    """nginx under ab: every request is answered, with the right bytes."""
    nostest.need('net')
    g = guest(t)
    g.run(t, 'head -c 100000 /dev/zero | tr "\\0" n >/var/www/html/file; echo small >/var/www/html/small; '
             'pgrep -x nginx >/dev/null || nginx', 60)
    url = f'http://127.0.0.1:{g.ports[80]}'
    t.expect(host_run(t, ['curl', '-sS', f'{url}/file'], 60) == 'n' * 100000, 'a file')
    for name, requests, clients, more in (('small', 600, 20, ['-k']), ('small', 200, 20, []), ('file', 200, 10, ['-k'])):
        text = host_run(t, ['ab', '-q', '-r', '-s', 200, *more, '-n', requests, '-c', clients, f'{url}/{name}'], 240)
        t.expect(re.search(rf'Complete requests: +{requests}\n', text) and re.search(r'Failed requests: +0\n', text) and
                 'Non-2xx' not in text, text)
        print('    ab', name, *more, re.search(r'Requests per second:.*', text)[0])


@suite.test
def redis(t):
    """redis-server under redis-benchmark, inside over the loopback and from outside."""
    nostest.need('net')
    g = guest(t)
    g.run(t, 'pgrep -x redis-server >/dev/null || (cd /tmp; redis-server --bind 0.0.0.0 --protected-mode no --save "" --daemonize yes); '
             'for i in $(seq 50); do redis-cli ping 2>/dev/null | grep -q PONG && exit 0; sleep 0.2; done; exit 1', 90)
    text = g.run(t, 'redis-benchmark -q -n 2000 -c 20 -t set,get,lpush,lrange_100 | tr "\\r" "\\n" | grep "requests per second"', 240)
    print('    inside:', '; '.join(text.split('\n')[:4]))
    text = host_run(t, ['redis-benchmark', '-q', '-p', g.ports[6379], '-n', 1000, '-c', 20, '-P', 4, '-t', 'set,get'], 240)
    t.expect(text.count('requests per second') >= 2 and 'rror' not in text, text)


@suite.test
def postgresql(t):
    """PostgreSQL with pgbench over TCP."""
    g = guest(t)
    g.run(t, 'v=$(ls /usr/lib/postgresql); pg_ctlcluster $v main status >/dev/null || pg_ctlcluster $v main start -o "-c jit=off" || '
             '{ cat /var/log/postgresql/*; exit 1; }', 180)
    g.run(t, 'cd /tmp; su postgres -c "psql -q -c \\"alter user postgres password \'nos\'\\"" && export PGPASSWORD=nos && '
             'pgbench -q -i -s 1 -h 127.0.0.1 -U postgres postgres', 240)
    for more in ('-S', '', '-C -S'):
        text = g.run(t, f'export PGPASSWORD=nos; pgbench -n -c 4 -j 2 -t 50 {more} -h 127.0.0.1 -U postgres postgres', 300)
        t.expect('200/200' in text and re.search(r'failed transactions: 0 ', text), text)
        print('    pgbench', more, re.search(r'tps = .*', text)[0])


def serve_iperf(t):
    """A server for one test. One that served before closes its listener and opens another when its client
    has long gone: on a slow machine the next client would come in between and be reset."""
    guest(t).run(t, 'while pgrep -x iperf3 >/dev/null; do sleep 0.2; done; iperf3 -s -1 -D; '
                    'until ss -Hltn "sport = :5201" | grep -q LISTEN; do sleep 0.2; done')


@suite.test
def iperf(t):
    """iperf3: in, out, several streams, UDP."""
    nostest.need('net')
    g = guest(t)
    for more in ([], ['-R'], ['-P', 4], ['-P', 4, '-R'], ['--bidir']):
        serve_iperf(t)
        text = host_run(t, ['iperf3', '-c', '127.0.0.1', '-p', g.ports[5201], '-t', 3, '-f', 'm', *more], 60)
        last = re.findall(r'.*(?:sender|receiver)\s*', text)[-1]
        t.expect('error' not in text, text)
        print('    iperf3', *more, ' '.join(last.split()))
    serve_iperf(t)
    text = g.run(t, 'iperf3 -c 127.0.0.1 -t 3 -f m', 60)
    print('    iperf3 inside', ' '.join(re.findall(r'.*receiver', text)[-1].split()))
    serve_iperf(t)
    g.run(t, 'iperf3 -c 127.0.0.1 -u -b 20M -t 2 -f m', 60)


@suite.test
def idle(t):
    """100,000 connections that nobody uses, each end in less than 4 KiB; the memory comes back."""
    g = guest(t)
    text = g.run(t, 'python3 /etc/idle.py 100000', 900)
    size = re.search(r'^bytes (\d+)$', text, re.M)
    t.expect(size and int(size[1]) < 4096 and 'done' in text, text)
    print(f'    {size[1]} bytes for one end')
    left = g.run(t, 'sleep 3; grep -E "^sockets: used|^TCP:" /proc/net/sockstat; cat /proc/sys/fs/file-nr')
    t.expect(int(re.search(r'^(\d+)\s', left.splitlines()[-1])[1]) < 2000, left)


@suite.test
def apt(t):
    """apt update and apt install from the mirror that the build machine uses."""
    g = guest(t)
    g.run(t, 'apt-get update', 600)
    g.run(t, 'apt-get install -y --no-install-recommends hello jq && hello && echo "[1]" | jq -c .', 300)


@suite.test
def mirror_by_tls(t):
    """The mirror by https, if it speaks that."""
    g = guest(t)
    uri = debian.sources().split()[1].replace('http://', 'https://') + f'/dists/{debian.SUITE}/Release'
    if subprocess.run(['curl', '-sS', '-m', '20', '-o', '/dev/null', '-f', uri], check=False, capture_output=True).returncode:
        t.skip('the mirror has no https, or not from here')
    t.expect('Codename: ' + debian.SUITE in g.run(t, f'curl -sS --cacert /etc/authorities {uri}', 120), 'the file')


CLIENTS = (('dhcpcd', 'dhcpcd -4 -1 -q -t 30 eth0', 'dhcpcd -x eth0'),
           ('dhclient', 'dhclient -1 -4 -v eth0', 'dhclient -r eth0'),
           ('udhcpc', 'printf "#!/bin/sh\\n[ \\$1 != bound ] || ip addr add \\$ip/\\$mask dev \\$interface\\n" >/tmp/script; chmod +x /tmp/script; '
                      'busybox udhcpc -i eth0 -n -q -s /tmp/script', 'true'))


def need_packet_sockets(t):
    text = guest(t).run(t, 'python3 -c "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)" 2>/dev/null; echo status $?')
    if 'status 0' not in text:
        t.skip('there is no AF_PACKET')


@suite.test
def dhcp_clients(t):
    """Debian's DHCP clients, one after the other, on an interface without an address."""
    need_packet_sockets(t)
    g = guest(t)
    for name, start, stop in CLIENTS:
        text = g.run(t, f'ip addr flush dev eth0; ip link set eth0 up; {start}; ip -4 -o addr show dev eth0; {stop}', 120, status=None)
        t.expect('10.0.2.15/24' in text, f'{name}: an address')


@suite.test
def tcpdump(t):
    """tcpdump sees what ping sends, and only what its filter lets through."""
    need_packet_sockets(t)
    g = guest(t)
    g.run(t, f'ip addr add 10.0.2.15/24 dev eth0 2>/dev/null; ip route replace default via {HOST}; true')
    text = g.run(t, f'(timeout 20 tcpdump -n -i eth0 -c 2 icmp >/tmp/dump 2>/tmp/dump-log &); sleep 3; curl -m 2 -s http://{HOST}:1/; '
                    f'ping -c 2 -i 0.3 -W 5 {HOST}; sleep 2; cat /tmp/dump /tmp/dump-log', 60)
    t.expect('ICMP echo request' in text and '.1: Flags' not in text, 'what tcpdump saw')


@suite.test
def the_end(t):
    """The machine that served all this goes off in order."""
    g = guest(t)
    g.console.send('off\n')
    t.expect(g.console.ended(60 * t.arguments.scale), 'power-off')
    Guest.end()


if __name__ == '__main__':
    import tempfile
    if '--make' in sys.argv:    # the userland, if it is not in the cache: some minutes
        sys.argv.remove('--make')
        Guest.make = True
    with tempfile.TemporaryDirectory(prefix='nos-net-', dir=nostest.ROOT / 'build') as Guest.work:
        try:
            suite.main()
        finally:
            Guest.end()
