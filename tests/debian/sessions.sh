# SPDX-License-Identifier: BSD-2-Clause
# seconds: 900
# su, login, agetty, tmux with vim and top in it, on ptys
su user -c 'id; echo $HOME; pwd'; su - user -c 'echo $HOME $SHELL $USER; umask; ulimit -c'; su nobody -s /bin/sh -c 'whoami; cat /etc/shadow' 2>&1; su user -c 'su -c id root </dev/null' 2>&1 | tail -1; echo 'echo sub; id -u' | su user -s /bin/bash; runuser -u user -- id -un; su user -c 'kill -9 $$'; echo "su $?"; su -P user -c tty </dev/null 2>&1 | cut -c1-9; su user -c 'touch /etc/x' 2>&1; newgrp -h >/dev/null 2>&1; sg user id; chfn -h >/dev/null 2>&1; passwd -S user | awk '{print $1, $2}'; chage -l user | tail -1; echo user:secret | chpasswd; passwd -S user | awk '{print $2}'; vipw -h >/dev/null; useradd -m new && id new && userdel -r new; echo $?
cat >drive.py <<'PY'
import os, pty, select, signal, sys, time, re
def comm(group):
    try: return open('/proc/%d/comm' % group).read()
    except OSError: return ''
def drive(argv, steps):
    pid, fd = pty.fork()
    if not pid:
        os.environ.update(TERM='vt100', PS1='$ '); os.execvp(argv[0], argv)
    out, status = b'', None
    def read_on():  # login hangs its line up and opens it again: an error is the end only when the program has ended
        nonlocal out, status
        if not select.select([fd], [], [], 1)[0]: return
        try: out += os.read(fd, 4096)
        except OSError as e:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT): status = e.errno
            else: time.sleep(0.05)
    for pattern, reply in steps:
        end = time.time() + 100
        while not re.search(pattern, out, re.S) and status is None and time.time() < end: read_on()
        if not re.search(pattern, out, re.S): print('MISSED', pattern, out)
        while reply in (b'\x03', b'\x1a') and comm(os.tcgetpgrp(fd)) in ('', shell) and time.time() < end: time.sleep(0.05)  # before it is the program, it has the shell's signals
        if pattern.endswith(rb'\$ '): shell = comm(os.tcgetpgrp(fd))
        at = re.search(pattern, out, re.S); at = at.end() if at else len(out); last, out = out[:at], out[at:]
        if reply is not None: os.write(fd, reply)
    while status is None: read_on()
    print('errno', status); print(argv[0], os.waitpid(pid, 0)[1], last.count(b'\n'))
drive(['/bin/login', '-p'], [(rb'login: ', b'user\n'), (rb'assword: ', b'secret\n'), (rb'\$ ', b'id -un >/work/who; stty size; tty >/dev/null; echo $USER-in\n'), (rb'user-in', None), (rb'\$ ', b'sleep 100\n'), (rb'sleep 100\r\n', b'\x03'), (rb'\$ ', b'cat\n'), (rb'cat\r\n', b'line\n'), (rb'line\r\n', b'\x1a'), (rb'Stopped[^$]*\$ ', b'fg\n'), (rb'fg\r\n[^$]*cat\r\n', b'\x04'), (rb'\$ ', b'exit\n')])
drive(['/bin/login'], [(rb'login: ', b'user\n'), (rb'assword: ', b'wrong\n'), (rb'incorrect[^$]*login: ', b'root\n'), (rb'# ', b'echo root-$UID; ps -o tty= -p $$ >/work/tty; logout\n'), (rb'root-0', None)])
PY
chmod 777 .; python3 -u drive.py 2>&1; cat who; cut -d/ -f1 tty
cat >getty.py <<'PY'
import os, pty, time, select, subprocess
m, s = pty.openpty(); name = os.ttyname(s)[5:]
p = subprocess.Popen(['/sbin/agetty', '--noissue', '-L', name, '9600', 'vt100'], stdin=subprocess.DEVNULL, start_new_session=True)
out = b''
def until(word):
    global out
    end = time.time() + 100
    while word not in out and time.time() < end:
        if select.select([m], [], [], 1)[0]: out += os.read(m, 1000)
    print(word, word in out); out = b''
until(b'login: '); os.write(m, b'root\n'); until(b'# '); os.write(m, b'stty -a | head -1; tty | cut -c1-9; exit\n'); until(b'speed 9600'); print(p.wait())
PY
python3 -u getty.py 2>&1
export LANG=C.UTF-8; tmux -V; tmux -f /dev/null new-session -d -s main -x 80 -y 24 'bash --norc --noprofile'; tmux ls | cut -d: -f1,2 | sed 's/(.*//'; settle() { for i in $(seq 60); do tmux capture-pane -p -t "$1" | grep -q "$2" && break; sleep 0.5; done; tmux capture-pane -p -t "$1"; }
tmux send-keys -t main "PS1='> '; clear; echo marker-\$((40 + 2))" Enter; settle main marker-42 | sed '/^$/d'; printf 'first line\nsecond line\n' >note; tmux split-window -t main -v 'vim -u NONE note'; settle main.1 'second line' | sed '/^$/d'; tmux send-keys -t main.1 'ggOtyped in vim' Escape ':wq' Enter; for i in $(seq 60); do [ "$(wc -l <note)" = 3 ] && break; sleep 0.2; done; cat note
tmux new-window -t main 'top -d 1'; settle main:1 'COMMAND' | grep -c -e 'Tasks:' -e 'MiB Mem' -e 'PID USER'; tmux resize-window -t main -x 100 -y 30; sleep 1; tmux display -p -t main '#{window_width} #{window_height} #{window_panes}'; tmux send-keys -t main:1 q; sleep 1; tmux list-windows -t main -F '#{window_index}'; tmux kill-server; sleep 0.5; tmux ls 2>&1 | cut -c1-9
