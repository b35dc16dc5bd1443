# SPDX-License-Identifier: BSD-2-Clause
# seconds: 2400
# Perl's own tests, by Debian's perl: of t/ the language (base, cmd, comp), io and what of op asks the kernel; of the modules those that do
tar xf /usr/src/perl_*.orig.tar.xz --wildcards --no-wildcards-match-slash '*/t' '*/ext/POSIX/t' '*/ext/Fcntl/t' '*/ext/IPC-Open3/t' '*/ext/File-Glob/t' '*/dist/IO/t' '*/dist/threads/t' '*/dist/Time-HiRes/t' '*/cpan/IPC-SysV/t' '*/cpan/Socket/t' '*/MANIFEST' '*/lib/unicore/*.txt'
cd perl-*/ && for d in /usr/share/perl/5.40 /usr/lib/x86_64-linux-gnu/perl/5.40 /usr/share/perl5 /usr/lib/x86_64-linux-gnu/perl-base; do cp -a $d/. lib/; done; ln -s /usr/bin/perl perl; ln -s /usr/bin/perl t/perl
one() { case $1 in t/*) d=t ;; *) d=${1%/t/*} ;; esac; (cd $d && timeout 300 perl ${2:-} ${1#$d/} </dev/null >"/work/out/${1//\//_}" 2>&1; echo "$1 exit $? $(grep -c ^ok "/work/out/${1//\//_}")"); }
export -f one; export PERL_CORE=0 NO_NETWORK_TESTING=1; mkdir /work/out
ls t/{base,cmd,comp,io}/*.t t/op/{alarm,chdir,closure,die*,exec,filetest*,fork,getpid,getppid,glob,goto,groups,kill0,lc,local,lfs,magic*,mkdir,readline,select,sigdispatch,sigsystem,sleep,sprintf,srand,stat*,sselect,studytied,symbolcache,sysio,tie*,time*,vec,wait*}.t {ext,dist,cpan}/*/t/*.t | xargs -n 1 -P 4 bash -c 'one $0' | sort >all
cat all; grep -ah '^not ok' /work/out/* | sed -E 's/[0-9]{3,}/N/g' | sort | head -200
