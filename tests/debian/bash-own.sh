# SPDX-License-Identifier: BSD-2-Clause
# seconds: 1800
# bash's own tests, by Debian's bash: what each of them has to say. Left out is what measures time or prints what differs at every run.
tar xf /usr/src/bash_*.orig.tar.* --wildcards --no-wildcards-match-slash '*/tests' '*/support'; cd bash-*/tests; sed -i -E "/#include [<\"](config|bashansi).h/d" ../support/*.c
for p in recho zecho xcase; do gcc -w -O1 -DHAVE_UNISTD_H -DHAVE_STDLIB_H -include stdlib.h -include string.h -include unistd.h ../support/$p.c -o $p; done; ln -s /usr/bin/printenv printenv
export THIS_SH=/bin/bash BUILD_DIR=$PWD/.. PATH=.:$PATH
one() { mkdir -p /work/t/$1; TMPDIR=/work/t/$1 BASH_TSTOUT=/work/t/$1/out timeout 300 sh ./$1 </dev/null 2>&1 | grep -av ^warning: | sed -E 's/[0-9]{3,}/N/g; s,/work/t/[^ ]*,T,g' >/work/$1.out; }
export -f one; ls run-* | grep -vE 'run-(all|minimal|gprof|dollars|execscript|read|test|times|timeout)$' | xargs -n 1 -P 4 bash -c 'one $0'
cd /work; for r in run-*.out; do echo "$r $(wc -l <$r) $(md5sum <$r)"; done; echo; for r in run-*.out; do [ -s $r ] && sed "s/^/$r: /" $r; done | head -c 200000
