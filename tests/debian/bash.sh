# SPDX-License-Identifier: BSD-2-Clause
# bash itself: what needs the kernel, and not only the parser
set -m
echo "$BASH_VERSION" | cut -d. -f1
cat <(echo one) <(echo two) | tr a-z A-Z
echo tee > >(sed "s/^/sub: /" >sub); wait $!; cat sub
coproc C { while read -r l; do echo "got $l"; done; }
echo hello >&"${C[1]}"; read -r line <&"${C[0]}"; echo "$line"
exec {fd}>file; echo "to fd" >&$fd; exec {fd}>&-; cat file
eval "exec ${C[1]}>&-"; wait $C_PID; echo "coproc $?"
sleep 100 & kill -STOP %1; sleep 0.1; jobs | sed 's/  */ /g'; kill -CONT %1; kill %1; wait %1; echo "job $?"
(exit 3) & wait -n; echo "wait -n $?"
trap 'echo usr1' USR1; kill -USR1 $$; trap - USR1
trap 'echo chld' CHLD; (exit 1) & wait; trap - CHLD
(trap 'echo int; exit 9' INT; kill -INT $BASHPID; echo not reached); echo $?
(ulimit -n 20; ulimit -n); (ulimit -f 1; trap '' XFSZ; head -c 4096 /dev/zero >big 2>/dev/null; stat -c %s big)
(ulimit -t 1; while :; do :; done) 2>/dev/null; echo "cpu $?"
(kill -SEGV $BASHPID) 2>/dev/null; echo "segv $?"
read -r -t 0.1 x < <(sleep 1); echo "read $?"
{ time -p true; } 2>&1 | sed "s,[0-9.],,g"; printf '%(%Y)T\n' 0
mapfile -t lines < <(seq 5); echo "${#lines[@]} ${lines[4]}"
for ((i = 0; i < 50; i++)); do (exit $((i & 7))) & done; wait; echo fifty
echo {1..5000} | xargs -n 500 -P 4 echo | wc -w
[[ -p /dev/stdin ]] < <(true) && echo pipe; [[ -t 0 ]] || echo no tty; [[ -O file && -G file && file -nt /etc/passwd ]] && echo mine
umask 027; touch masked; stat -c %a masked; umask
echo "$PPID $$" | awk '{print ($1 == 1)}'; enable -a | wc -l; type -t coproc
bash -c 'exec -a name0 bash -c "echo \$0; tr \"\\0\" \" \" </proc/\$\$/cmdline; echo"' 
/etc/passwd; echo $?; /no/such; echo $?; ./file; echo $?
echo 'echo via sh $1' >s; chmod +x s; ./s arg
printf '#!/bin/bash -eu\necho script $0 $# $-\n' >t; chmod +x t; ./t 1 2 3; printf '#!./t extra\n' >u; chmod +x u; ./u
