# SPDX-License-Identifier: BSD-2-Clause
# coreutils, on /work (tmpfs), as root and as user
mkdir d; cd d; touch a b; ln a hard; ln -s a sym; mkfifo fifo; mknod null c 1 3
ls -la --time-style=+ | awk '{$1=$1; print}' | sed 's/^total.*//'
stat -c '%n %A %a %F %h %u:%g %s %o %t:%T' * ; stat -f -c '%T %s %l' . ; stat -fc %T /proc /sys /dev /dev/pts
echo data >null; cp -a a copy; cp -r . ../d2; diff -r --exclude=null . ../d2 2>&1 | sort
cp --reflink=auto --sparse=always /bin/ls ls2; cmp /bin/ls ls2; truncate -s 1M sparse; stat -c '%s %b' sparse
cp --sparse=always sparse sparse2; stat -c '%s %b' sparse2; dd if=/dev/zero of=z bs=64k count=3 conv=notrunc,fsync 2>&1 | head -2
dd if=/bin/ls of=x bs=100 skip=3 seek=2 count=5 status=none; od -An -tx1 x | md5sum
mv -n a b; mv -v b c; rm -v c; rmdir -v . 2>&1; install -D -m 750 -o user -g user hard sub/dir/inst; stat -c '%U %G %a' sub/dir/inst
chown user:user hard; chmod u+s,g+s hard; stat -c %A hard; chown root hard; stat -c %A hard
touch -d '2001-02-03 04:05:06.123456789' t; stat -c '%y %Y' t; touch -r t u; stat -c %.9Y u; date -u -r t +%s.%N
df --output=fstype,target /work /proc /dev/pts | tail -n +2 | awk '{print $1, $2}'; df -i /work | wc -l; du -s --apparent-size sparse; du -sk sparse
sort -R <(seq 100) | sort -n | md5sum; seq 100000 | sort --parallel=4 -rn -S 1M | head -2; seq 10 | shuf --random-source=/dev/zero | paste -sd,
seq 1000 | split -l 300 - part; wc -l part*; seq 10 | split -n r/3 --filter='md5sum' - | sort; csplit -s <(seq 10) 5; cat xx00 | wc -l
tail -n 3 <(seq 20); seq 30 >f; (sleep 0.3; echo more >>f; sleep 0.3; kill $! 2>/dev/null) & timeout 2 tail -n 1 -f f 2>/dev/null; echo "tail $?"
(timeout -s KILL 0.2 sleep 10) 2>/dev/null; echo $?; timeout --foreground 0.1 sh -c 'trap "" TERM; sleep 0.3'; echo $?
nice -n 5 nice; nohup true 2>&1; env -i A=1 env; nproc; nproc --all; id; id user; groups user; whoami; logname 2>&1; tty; hostname 2>/dev/null; uname -smo; arch
printenv HOME; realpath sym ../d/./sub; readlink -f /proc/self/exe; readlink sym; pwd -P; mktemp -u XXXXXX | wc -c; pathchk -p 'a b' 2>&1; tee out1 out2 </dev/null
sync; sync -f f; stdbuf -oL echo buf; chroot / id -u; chroot --userspec=user:user / id -un; :
head -c 100000 /dev/urandom | tee >(sha256sum >s1) | sha256sum >s2; sleep 0.2; cmp s1 s2 && echo same; cksum /etc/passwd | wc -w; b2sum </dev/null; numfmt --to=iec 1048576
shred -u -n 1 f; ls f 2>&1; link hard l2; unlink l2; mkdir -m 1777 st; stat -c %a st; factor 1000000007; expr 6 \* 7; ls -i hard | awk '{print ($1 > 0)}'; kill -l 64; kill -l | head -1; users; who; pinky 2>&1 | head -1 | cut -c1-5
cat /proc/self/comm; cat nosuch 2>&1; cat . 2>&1; : >/full 2>/dev/null; echo x >/dev/full; echo "full $?"; dir -1 / | grep -v -e out -e full | paste -sd' '
