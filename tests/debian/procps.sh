# SPDX-License-Identifier: BSD-2-Clause
# procps, psmisc, lsof: shapes, not figures
sleep 1000 & P=$!; (exec -a 'a name' sleep 999) & Q=$!; sleep 0.3
ps -o pid= -p $$ | awk -v p=$$ '{print ($1 == p)}'; ps -o comm,args,stat,ni,user,tty,nlwp,pgid,sid -p $P | awk -v s=$$ '{gsub(s, "S"); $1=$1; print}'
ps -ef | head -1; ps aux | head -1; ps -o args= -p $Q; ps axjf | grep -c '[s]leep'; ps -eLf | grep -c '[s]leep 1000'; ps --ppid $$ -o comm= | sort; ps -C sleep -o args= | sort; ps -o etimes=,time= -p $P | awk '{print ($1 < 100), $2}'
ps -o rss=,vsz=,min_flt=,sz= -p $P | awk '{print ($1 > 100), ($2 > 1000), ($3 > 10), ($4 > 100)}'; ps -o pid,wchan,psr,cls,rtprio,pri,lstart -p 1 | wc -l; ps -o blocked,ignored,caught -p $P | tail -1; ps -o cgroup,pidns,ipcns -p 1 | wc -l
pgrep -c sleep; pgrep -f 'a name' | wc -l; pidof sleep | wc -w; pkill -f 'a name'; wait $Q; echo "pkill $?"; pwdx $P | cut -d' ' -f2-; pstree -T -A $$ | sed 's/[0-9]*\*//' | head -5
free | awk '{print $1, NF}'; free -h | wc -l; free -w | wc -l; free | awk '/^Mem/ {print ($2 > 2000000), ($3 > 10000), ($4 > 100000), ($3 + $4 + $6 > $2 * 0.8), ($7 > 100000)}'
vmstat | awk '{print NF}'; vmstat 1 2 | tail -1 | awk '{print NF, ($4 > 1000), ($15 >= 0)}'; vmstat -s | sed 's/^ *[0-9]* //' | sort; vmstat -f | awk '{print ($1 > 0)}'; vmstat -d | head -1; vmstat -m | head -1 | awk '{print NF}'
uptime | sed 's/[0-9:.]*//g; s/day.*user/user/' | awk '{print $1, $2}'; uptime -p | cut -c1-2; w -h | wc -l; tload -V | cut -c1-5; slabtop -o 2>&1 | head -1 | cut -c1-20
top -b -n 1 | head -4 | sed 's/[0-9:.]*//g' | sed 's/ up .*load/ up load/' | awk '{$1=$1; print}'; top -b -n 1 -p $P | tail -1 | awk '{print NF, $2, $NF}'; top -b -n 2 -d 0.2 -p $P | grep -c sleep; top -H -b -n 1 -p 1 | tail -1 | wc -l
pmap $P | awk '{print NF > 1}' | sort | uniq -c | awk '{print $2}'; pmap -x $P | grep -c sleep; pmap -X $P | head -2 | tail -1 | sed "s|ProtectionKey ||"; pmap -XX $P | head -2 | tail -1 | sed "s|ProtectionKey ||"
sysctl kernel.ostype kernel.hostname kernel.pid_max vm.overcommit_memory fs.file-max 2>&1 | sed 's/[0-9]\{5,\}/N/'; sysctl -w kernel.hostname=renamed; hostname 2>/dev/null || uname -n; sysctl -qw kernel.hostname=nostest
kill -0 $P; killall -s TERM sleep; wait $P; echo "killall $?"; { sleep 50 & skill -KILL -p $!; wait $!; } 2>/dev/null; echo "skill $?"; fuser . 2>/dev/null | wc -w; snice -h >/dev/null; renice -n 3 $$ | sed 's/^[0-9]*/P/'; watch -v | cut -c1-5
exec 7>openfile; lsof -p $$ -a -d 7 -Fftn | tail -n +2 | sed "s/^p.*//"; lsof -p $$ -a -d cwd,txt,0 -Fftn | tail -n +2; lsof +D /work 2>/dev/null | wc -l; fuser openfile 2>/dev/null | wc -w
