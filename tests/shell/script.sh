# SPDX-License-Identifier: BSD-2-Clause
# A tour of busybox sh: it must print the same on Linux and on NOS with the same binary.
# It starts in an empty directory on tmpfs, as root, with PATH=/bin and only busybox and sh there.
# Nothing printed may depend on time, pids or addresses; background output is ordered by waiting.

bb=/bin/busybox
mkdir bin
for applet in $($bb --list); do
	ln -s $bb bin/$applet 2>/dev/null
done
PATH=$PWD/bin
export PATH

section() {
	echo "== $1"
}

section "words, quoting, expansion"
a=one b='two  words' c="three \"quoted\" \$a"
echo $a "$b" $b "$c" '$a'
echo "${a}x" "${none-default}" "${none:-def}" "${a:+alt}" "${none:+alt}" "[${none}]"
: "${assigned:=value}"
echo "$assigned" "${#b}"
path=/usr/lib/file.tar.gz
echo "${path%.*}" "${path%%.*}" "${path#*/}" "${path##*/}"
echo "${path%/*}" "${path##*.}" "${path/lib/LIB}" "${path//\//:}"
echo "${b:4}" "${b:0:3}"
set -- x 'y z' w
echo $# "$1" "$2" "$*" "$@"
for i in "$@"; do echo "[$i]"; done
for i in $*; do echo "<$i>"; done
IFS=,
d=1,2,,3
for i in $d; do echo "({$i})"; done
unset IFS
shift
echo $# $1
shift 2
echo $#
echo a{1,2} ~root \~ a\ b
touch f1 f2 f10 .hidden 'sp ace'
echo *
echo f? f[12] f[!2] .h* nomatch*
echo "f*" 'f?' \*
rm -f f1 f2 f10 .hidden 'sp ace'
echo "multi
line" | wc -l
printf '%s-%d-%x-%o-%c-%5.2f|%-5s|%5s|\n' str 42 255 8 char 3.14159 ab cd
printf 'a\tb\\n\n'
printf '%s\n' 1 2 3
echo -n no newline
echo
echo -e 'tab\there'

section "arithmetic"
echo $((1 + 2 * 3)) $(((1 + 2) * 3)) $((7 / 2)) $((7 % 3)) $((-7 / 2)) $((2 ** 10))
x=5
echo $((x += 3)) $x $((x++)) $x $((--x)) $((x << 2)) $((x >> 1)) $((x & 6)) $((x | 16)) $((x ^ 1))
echo $((x > 3 ? 10 : 20)) $((x == 8 && x < 9)) $((!x)) $((~0)) $((0x1f)) $((017))
echo $((9223372036854775807 + 0)) $((1 , 2))
i=0
sum=0
while [ $i -lt 100 ]; do
	i=$((i + 1))
	sum=$((sum + i))
done
echo $sum
let 'y = 3 * 4'
echo $y

section "tests"
[ a = a ] && echo equal
[ a != b ] && echo different
[ -z "" ] && [ -n x ] && echo strings
[ 3 -lt 10 ] && [ 10 -ge 10 ] && echo numbers
[ a = a -a b = b ] && [ a = b -o c = c ] && echo joined
[ ! -e nothing ] && echo absent
echo data > file
mkdir dir
ln -s file link
mkfifo pipe
[ -f file ] && [ -d dir ] && [ -L link ] && [ -p pipe ] && [ -s file ] && echo kinds
[ -r file ] && [ -w file ] && [ ! -x file ] && echo modes
test file -ef link && echo same file
[[ abc == a* ]] && echo pattern
[ "$(cat link)" = data ] && echo through link
[ -c /dev/null ] && echo character device
[ 5 -eq x ] 2> err
echo status $?
rm -r file dir link pipe err

section "control"
if false; then echo no; elif true; then echo elif; else echo no; fi
if ! false; then echo negated; fi
case hello in
h*o) echo matched ;;
*) echo no ;;
esac
case x in
a | b) echo no ;;
[x-z]) echo range ;;
esac
for i in 1 2 3 4 5; do
	[ $i = 2 ] && continue
	[ $i = 4 ] && break
	echo loop $i
done
n=0
until [ $n -ge 3 ]; do
	n=$((n + 1))
	echo until $n
done
for i in 1 2; do
	for j in a b c; do
		[ $j = b ] && continue 2
		echo $i$j
	done
done
false || echo or
true && echo and
false && echo no || echo chained
{ echo group; echo of two; } | cat
(
	cd /
	pwd
)
echo $PWD | sed 's,.*/,,'
true | false
echo pipe status $?
false | true
echo pipe status $?
set -o pipefail
false | true
echo pipefail status $?
set +o pipefail
! true
echo not true $?

section "functions"
fact() {
	local n=$1
	if [ "$n" -le 1 ]; then
		echo 1
	else
		echo $((n * $(fact $((n - 1)))))
	fi
}
fact 10
outer() {
	local v=local
	inner
	echo outer sees $v
}
inner() {
	echo inner sees $v
	v=changed
}
v=global
outer
echo global $v
ret() { return $1; }
ret 7
echo returned $?
args() { echo $# "$@"; }
args 'a b' c ''
echo dollar $(args "$(echo x y)" $(echo x y))
fib() {
	[ $1 -lt 2 ] && { echo $1; return; }
	echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2)))))
}
fib 9
unset -f fib
fib 2> /dev/null
echo gone $?

section "redirections"
echo first > out
echo second >> out
cat < out
cat out - < /dev/null
echo to stderr 1>&2 2> /dev/null
{ echo o; echo e 1>&2; } > both 2>&1
cat both
ls nothing 2> errs
wc -l < errs
exec 5> five
echo through five >&5
exec 5>&-
cat five
exec 6< out
read line <&6
echo "read: $line"
read line <&6
echo "read: $line"
read line <&6 || echo end of file
exec 6<&-
cat <> out
echo clobber >| out
cat out
set -C
(echo fails > out) 2> /dev/null || echo noclobber
set +C
: > out
[ -s out ] || echo emptied
echo a 3>&1 1>&2 2>&3 3>&- 2> /dev/null | cat
while read l; do echo "line: $l"; done << EOT
one
  two with spaces
three \
continued
EOT
while IFS= read -r l; do echo "raw: $l"; done << 'EOT'
  keep $spaces
back\slash
EOT
cat <<- EOT
	stripped tab $((1 + 1)) $(echo substituted) `echo old`
	EOT
cat << EOT1; cat << EOT2
first document
EOT1
second document
EOT2
rm -f out both errs five

section "substitution and pipes"
echo $(echo nested $(echo deeper $(echo deepest)))
echo `echo back \`echo ticks\``
files=$(printf 'c\nb\na\n' | sort | tr '\n' ' ')
echo "[$files]"
seq 1 10 | grep -v 5 | awk '{ s += $1 } END { print s }'
yes | head -n 3
seq 1 100000 | tail -n 1
seq 1 2000 | while read n; do [ $((n % 500)) = 0 ] && echo $n; done
echo a b c | { read x y; echo "$y $x"; }
dd if=/dev/zero bs=1024 count=300 2> /dev/null | wc -c
cat /dev/zero | head -c 100000 | wc -c
(echo 3; echo 1; echo 2) | sort | tee copy | tail -n 1
cat copy
rm copy
seq 5 | (read a; read b; echo $a $b; cat)
echo "status of last" $(exit 3) $?

section "subshells and variables"
v=parent
(v=child; echo in subshell $v)
echo after $v
v2=exported sh -c 'echo environment $v2'
echo "not kept: [$v2]"
export v3=kept
sh -c 'echo $v3'
unset v3
sh -c 'echo "[$v3]"'
readonly ro=fixed
(ro=changed) 2> /dev/null || echo readonly
sh -c 'echo $0 $# $1' name arg1
(exit 42)
echo subshell status $?
sh -c 'kill -TERM $$'
echo killed status $?
eval 'ev="evaluated $((2 + 2))"'
echo $ev
indirect=v
eval "echo \$$indirect"
set -u
(echo "$undefined_variable") 2> /dev/null || echo unset is an error
set +u
(set -e; false; echo not reached)
echo set -e status $?
sh -n -c 'if' 2> /dev/null || echo syntax error
. /dev/null
echo 'sourced=yes; return 5; sourced=no' > inc
. ./inc
echo sourced $sourced $?
rm inc

section "traps"
trap 'echo got USR1' USR1
kill -USR1 $$
trap 'echo got TERM; got=1' TERM
kill -TERM $$
echo after signals $got
trap - USR1 TERM
trap '' HUP
kill -HUP $$
echo survived HUP
sh -c 'kill -HUP $$; echo child ignores it too'
trap - HUP
(trap 'echo leaving subshell' EXIT; echo working)
(trap 'echo exit with $?' EXIT; exit 9)
echo then $?
sh -c 'trap "echo int" INT; kill -INT $$; echo continued'
trap 'echo one' USR2
trap
trap - USR2
f() { trap 'echo in f' USR1; kill -USR1 $$; }
f
trap - USR1
sh -c 'trap "exit 77" TERM; (sleep 0.1; kill -TERM $$) & while :; do sleep 0.05; done'
echo loop ended $?

section "background jobs"
sleep 0.2 &
pid=$!
kill -0 $pid && echo running
wait $pid
echo waited $?
sh -c 'exit 12' &
wait $!
echo status $?
(exit 3) & p1=$!
(exit 4) & p2=$!
wait $p2
echo second $?
wait $p1
echo first $?
sleep 100 &
kill $!
# the shell says "Terminated" unless the child is gone already when it asks
wait $! 2>/dev/null
echo terminated $?
sleep 100 &
kill -9 $!
wait $! 2> /dev/null
echo killed $?
for i in 1 2 3 4; do
	(sleep 0.0$i; echo $i > job$i) &
done
wait
cat job1 job2 job3 job4
rm job?
wait
echo nothing left $?
{ sleep 0.1; echo from the background; } > bg &
wait
cat bg
rm bg
mkfifo fifo
(echo through the fifo > fifo) &
cat fifo
wait
(cat fifo > received) &
printf 'line 1\nline 2\n' > fifo
wait
cat received
rm fifo received
sleep 100 & sleep 100 &
jobs | sed 's/[0-9]* *Running/Running/' | wc -l
kill %1 %2
wait 2> /dev/null
set -m
sleep 100 &
kill -STOP %1
sleep 0.2
jobs | grep -c Stopped
kill -CONT %1
kill %1
wait %1 2> /dev/null
echo job control $?
set +m
seq 1 20 | xargs -P 4 -n 1 sh -c 'echo $(($0 * 2))' | sort -n | tr '\n' ' '
echo
timeout 0.2 sleep 10
echo timed out $?
time -p true 2>&1 | grep -c real
nohup true 2> /dev/null
echo nohup $?

section "reading and getopts"
echo 'a b c d' | { read x y z; echo "$x|$y|$z"; }
echo 'a:b:c' | { IFS=: read x y z; echo "$x|$y|$z"; }
printf 'no newline' | { read x; echo "$? [$x]"; }
echo abcdef | { read -n 3 x; echo "[$x]"; }
parse() {
	OPTIND=1
	while getopts ab:c o "$@"; do
		case $o in
		a) echo option a ;;
		b) echo option b with $OPTARG ;;
		c) echo option c ;;
		*) echo unknown ;;
		esac
	done
	shift $((OPTIND - 1))
	echo rest "$@"
}
parse -a -b value -c file
parse -ab x -- -c
parse -z 2> /dev/null

section "files"
mkdir -p tree/a/b tree/c
for i in 1 2 3; do echo content $i > tree/a/file$i; done
echo deep > tree/a/b/deep
ln -s ../a/file1 tree/c/link
ln tree/a/file2 tree/c/hard
find tree | sort
find tree -type f -name 'file*' | sort
find tree -type l -exec readlink {} \;
find tree -type f | sort | xargs cat
find tree -links 2 -type f | sort
find tree -name deep -print0 | xargs -0 wc -c
cp -a tree copy
diff -r tree copy && echo identical
echo changed >> copy/a/file1
diff tree/a/file1 copy/a/file1
diff -rq tree copy
mv copy/a/file2 copy/renamed
ls copy
ls -1 copy/a
chmod 640 tree/a/file1
stat -c '%a %F %s %h' tree/a/file1 tree/a/file2 tree/c/link
chown 12:34 tree/a/file1
stat -c '%u %g' tree/a/file1
ls -ln tree/a/file1 | awk '{ print $1, $2, $3, $4, $5 }'
touch -d '2020-01-02 03:04:05' tree/a/file1
stat -c %Y tree/a/file1
[ tree/a/file2 -nt tree/a/file1 ] && echo newer
umask 077
touch private
stat -c %a private
umask 022
rmdir tree 2> /dev/null || echo not empty
rm -r copy private
du -s tree > /dev/null && echo du
df . | tail -n 1 | awk '{ print NF >= 6 ? "df" : "short" }'
basename /a/b/c.txt .txt
dirname /a/b/c.txt
realpath tree/c/link | sed 's,.*/tree,tree,'
test -w tree/a/file1 && echo writable
truncate -s 5000 sparse
wc -c < sparse
cmp sparse tree/a/file1 2>&1 | head -n 1
dd if=tree/a/b/deep of=sparse bs=1 seek=100 conv=notrunc 2> /dev/null
tail -c +101 sparse | head -c 4
echo
rm sparse

section "archives"
tar cf t.tar tree
tar tf t.tar | sort
mkdir ex
tar xf t.tar -C ex
diff -r tree ex/tree && echo unpacked
tar czf t.tgz tree
gunzip -c t.tgz | tar tf - | wc -l
rm -r ex
seq 1 5000 > numbers
gzip -k numbers
[ $(stat -c %s numbers.gz) -lt $(stat -c %s numbers) ] && echo smaller
zcat numbers.gz | cmp - numbers && echo same
bzip2 -k numbers
bunzip2 -c numbers.bz2 | md5sum
md5sum < numbers
sha256sum numbers
find tree | sort | cpio -o -H newc 2> /dev/null > t.cpio
mkdir ex
(cd ex && cpio -i 2> /dev/null < ../t.cpio)
diff -r tree ex/tree && echo cpio
base64 tree/a/b/deep
base64 tree/a/b/deep | base64 -d
od -An -tx1 tree/a/b/deep
hexdump -C tree/a/b/deep | head -n 1
rm -r ex t.tar t.tgz t.cpio numbers numbers.gz numbers.bz2

section "text"
cat > text << 'EOT'
apple 10 red
banana 5 yellow
cherry 50 red
date 20 brown
elderberry 1 purple
EOT
grep red text
grep -c red text
grep -n '^[ab]' text
grep -E 'an|er' text
grep -v -e red -e brown text
grep -o 'r[a-z]*d' text
grep -q nothing text || echo no match
sed -n '2,4p' text
sed 's/red/RED/; /date/d; $s/^/last: /' text
sed -e '/banana/{s/5/6/;a\' -e 'appended' -e '}' text
sed -n '/b/,/d/{=;p}' text
sed 's/\([a-z]*\) \([0-9]*\)/\2 \1/' text
sed '1!G;h;$!d' text
awk '{ print $2, $1 }' text
awk '$2 > 8 { n++; s += $2 } END { print n, s, s / n }' text
awk '{ c[$3]++ } END { for (k in c) print k, c[k] }' text | sort
awk -F, 'BEGIN { OFS = "-" } { $2 = toupper($2); print }' << EOT
a,b,c
d,e,f
EOT
awk 'BEGIN { printf "%05.1f %s %c\n", 3.14159, substr("hello", 2, 3), 65; print length("four"), index("abc", "c") }'
awk 'function f(n) { return n <= 1 ? 1 : n * f(n - 1) } BEGIN { print f(10) }'
awk 'BEGIN { while (("echo piped; echo twice" | getline l) > 0) print "got", l }'
sort -k2 -n text
sort -r text | head -n 2
sort -k3,3 -k2,2n text
cut -d' ' -f1,3 text
cut -c1-3 text
tr a-z A-Z < text | head -n 1
tr -d aeiou < text | tail -n 1
echo aabbcc | tr -s a-c
cut -d' ' -f3 text | sort | uniq -c | awk '{ print $1, $2 }'
head -n 1 text
tail -n 2 text
wc text
paste -d: text text | head -n 1
nl text | tail -n 1
rev text | head -n 1
tac text | head -n 1
fold -w 8 text | head -n 3
expand -t 4 << EOT
a	b
EOT
seq 3 -1 1
seq -s, 1 5
expr 3 + 4 \* 2
expr hello : 'h\(.*\)o'
factor 360
echo 'scale=3; 10/3; 2^20' | bc
echo '3 4 + p' | dc
date -u -d @86400 '+%Y-%m-%d %H:%M:%S'
cal 2 2024 | sed 's/ *$//'
printf 'one\ntwo\n' > d1
printf 'one\n2\n' > d2
diff -u d1 d2 | tail -n 4
diff -u d1 d2 > d.patch
patch d1 < d.patch > /dev/null && cmp d1 d2 && echo patched
rm d1 d2 d.patch text

section "processes"
ps | grep -c ps > /dev/null && echo ps works
ps -o pid,comm | awk -v p=$$ '$1 == p { print $2 }'
pidof no_such_program || echo none
[ "$(cat /proc/$$/comm)" = busybox ] || [ "$(cat /proc/$$/comm)" = sh ] && echo comm
readlink /proc/self/cwd | sed 's,.*/,,'
ls /proc/self/fd | wc -l | awk '{ print $1 >= 3 }'
tr '\0' ' ' < /proc/self/cmdline
echo
[ -d /proc/1 ] && echo init
grep -c '^MemTotal' /proc/meminfo
awk '{ print NF }' /proc/loadavg
awk '$1 > 0 { print "uptime" }' /proc/uptime
grep -c '^processor' /proc/cpuinfo | awk '{ print $1 > 0 }'
grep -q tmpfs /proc/mounts && echo mounts
id -u
whoami
su user -s /bin/sh -c 'id -u' 2> /dev/null || echo no su
hostname
uname -s -m
env -i PATH="$PATH" A=1 env | grep -v '^_' | sort
which sh | sed 's,.*/,,'
free | head -n 1 | awk '{ print $1, $2, $3 }'
echo "$(ulimit -n) $(ulimit -c)"
(ulimit -n 16; sh -c 'ulimit -n')
(ulimit -f 1; dd if=/dev/zero of=big bs=1024 count=10 2> /dev/null; echo limited $?)
stat -c %s big
rm big
chroot / /bin/busybox echo chroot
usleep 1000 && echo slept
mount -t tmpfs none tree && [ -z "$(ls tree)" ] && echo mounted
umount tree && ls tree
mknod null c 1 3 && echo gone > null && cat null
rm null
sh -c 'echo $PPID' | grep -q . && echo parent
setsid sh -c 'echo new session'
sync
test -t 0 || echo no terminal
rm -r tree
ls | sort
exit 0
