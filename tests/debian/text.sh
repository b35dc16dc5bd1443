# SPDX-License-Identifier: BSD-2-Clause
# findutils, grep, sed, awk, diff, bc, file
find /etc -maxdepth 1 -type f -perm -444 -size -2 -printf '%f %m %u\n' | sort | head -20
find /usr/lib -name '*.so*' -type l -printf '%l\n' | wc -l; find /usr -xdev -type d | wc -l; find /usr -links +1 -type f -printf '%n %f\n' | sort | head
find /usr -type f -print0 | xargs -0 -n 200 -P 4 cat | wc -c
mkdir -p a/b/c; touch a/1 a/b/2 a/b/c/3; find a -newer /etc/passwd -type f -exec echo {} + ; find a -depth -delete; ls -d a 2>&1
find / -xdev -nouser 2>/dev/null | head -3; find /dev -type c -name null -ls | awk '{print $3, $5, $6}'
grep -rlZ root /etc 2>/dev/null | tr '\0' '\n' | sort | head -5; grep -c . /etc/passwd; grep -oE '[a-z]+' /etc/hosts | sort -u; grep -r --binary-files=without-match ELF /usr/bin 2>/dev/null | wc -l; seq 1000000 | grep -c 7
sed -i.bak 's/root/ROOT/g' <(true) 2>&1 | head -1 | cut -c1-20; cp /etc/passwd p; sed -i.bak -e '1d' -e 's/:/|/g' p; diff -u p.bak p | tail -n +3 | head -4; sed -n '$=' p; sed 'w out' p | wc -l; cmp p out
awk 'BEGIN { while (("seq 3" | getline x) > 0) s += x; print s; print "out" | "cat"; close("cat"); print ENVIRON["HOME"]; system("exit 3"); print systime() > 0 }'
awk -F: '{n[$7]++} END {for (k in n) print k, n[k]}' /etc/passwd | sort; perl -ne 'print if /root/' /etc/passwd; echo '2^200; scale=30; 4*a(1)' | bc -l; file -b /bin/bash | cut -d, -f1-3; file -b /dev/null /tmp /etc/passwd; xxd 2>/dev/null </etc/hostname; hexdump -C /etc/hostname; column -t -s: /etc/passwd | head -2; look roo /etc/passwd; rev /etc/hostname; cal 1 2000 2>/dev/null | head -2; seq 20 | less | tail -1; seq 100 | more | tail -1; strings /bin/ls | grep -c GLIBC; locate x 2>&1 | tail -1 | cut -c1-4
