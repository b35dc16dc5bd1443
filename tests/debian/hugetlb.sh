# SPDX-License-Identifier: BSD-2-Clause
# The pool of huge pages: settings, counts, mappings, memory files, segments, hugetlbfs with its options, exhaustion
hp=/sys/kernel/mm/hugepages/hugepages-2048kB
counts() { echo "$1: $(cd $hp; cat nr_hugepages free_hugepages resv_hugepages surplus_hugepages | tr '\n' ' ')"; }
sysctl -n vm.nr_hugepages vm.nr_overcommit_hugepages vm.hugetlb_shm_group; grep -E '^Huge' /proc/meminfo; ls -1 $hp | grep -vE 'mempolicy|demote'; stat -c %a $hp/nr_hugepages $hp/free_hugepages
sysctl -q vm.nr_hugepages=8; counts eight; grep -E '^Huge' /proc/meminfo; cat /sys/devices/system/node/node0/hugepages/hugepages-2048kB/{nr,free,surplus}_hugepages; echo nonsense 2>/dev/null >$hp/nr_hugepages || echo refused; su user -c "echo 1 >$hp/nr_hugepages" 2>/dev/null || echo denied
cat >h.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#define H (2ul << 20)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)
static sigjmp_buf env;
static int code;
static void on_bus(int s, siginfo_t *i, void *c) { code = i->si_code; siglongjmp(env, 1); }
static void counts(const char *what)
{
	static const char *const names[] = {"nr", "free", "resv", "surplus"};
	char path[100], buf[32];
	printf("%s:", what);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s_hugepages", names[i]);
		FILE *f = fopen(path, "r");
		if (f && fgets(buf, sizeof(buf), f)) printf(" %d", atoi(buf));
		if (f) fclose(f);
	}
	printf("\n"); fflush(stdout);
}
static void *map(const char *what, size_t len, int prot, int flags, int fd, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);
	printf("%s: %s %d\n", what, p == MAP_FAILED ? strerror(errno) : "ok", p != MAP_FAILED && ((unsigned long)p & (H - 1)));
	return p;
}
static void touch(const char *what, volatile char *p)
{
	if (sigsetjmp(env, 1)) printf("%s: SIGBUS %d\n", what, code);
	else { *p = *p + 1; printf("%s: %d\n", what, *p); }
}
static void result(const char *what, long r) { printf("%s: %ld %s\n", what, r < 0 ? -1 : r > 0, r < 0 ? strerror(errno) : ""); }
static void smaps(void *p)
{
	char line[256], want[32];
	int on = 0;
	FILE *f = fopen("/proc/self/smaps", "r");
	snprintf(want, sizeof(want), "%lx-", (unsigned long)p);
	while (fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && strchr("0123456789abcdef", line[0])) { on = !strncmp(line, want, strlen(want)); if (on) printf("%s", strchr(line, '/') ? strchr(line, '/') : "\n"); }
		else if (on && (strstr(line, "Size:") || strstr(line, "Rss") || strstr(line, "Hugetlb") || strstr(line, "Anon"))) printf("%s", line);
		else if (on && strstr(line, "VmFlags")) printf("ht %d de %d ac %d\n", !!strstr(line, " ht"), !!strstr(line, " de"), !!strstr(line, " ac"));
	}
	fclose(f);
}
static void anon(void)
{
	char *p = map("anon", 3 * H, PROT_READ | PROT_WRITE, ANON, -1, 0), *q;
	counts("mapped"); touch("first", p); touch("last", p + 3 * H - 1); counts("touched"); smaps(p); system("grep -E 'VmRSS|Hugetlb' /proc/$PPID/status | grep -c HugetlbPages");
	result("munmap part", munmap(p, 4096)); result("munmap odd", munmap(p + 4096, H)); result("mprotect odd", mprotect(p, 4096, PROT_READ)); result("mprotect", mprotect(p + H, H, PROT_READ)); result("mprotect back", mprotect(p + H, H, PROT_READ | PROT_WRITE));
	result("dontneed odd", madvise(p + 4096, H, MADV_DONTNEED)); result("dontneed", madvise(p, H, MADV_DONTNEED)); touch("again", p); result("free", madvise(p, H, MADV_FREE)); result("cold", madvise(p, H, MADV_COLD)); result("mlock", mlock(p, H)); result("munlock", munlock(p, H));
	q = mremap(p, 3 * H, 4 * H, MREMAP_MAYMOVE); printf("grow: %s\n", q == MAP_FAILED ? strerror(errno) : "ok");
	q = mremap(p, 3 * H, 2 * H, 0); printf("shrink: %s\n", q == MAP_FAILED ? strerror(errno) : "ok"); counts("shrunk");
	unsigned char vec[1024] = {0}; result("mincore", mincore(p, 2 * H, vec)); printf("%d %d %d\n", vec[0] & 1, vec[511] & 1, vec[512] & 1);
	result("munmap", munmap(p, 2 * H)); counts("unmapped");
	map("short", 4096, PROT_READ | PROT_WRITE, ANON, -1, 0); counts("short");
	map("too many", 100 * H, PROT_READ | PROT_WRITE, ANON, -1, 0);
	map("size 2M", H, PROT_READ, ANON | 21 << 26, -1, 0); map("size 64K", H, PROT_READ, ANON | 16 << 26, -1, 0);
	q = mmap((void *)0x10001000, H, PROT_READ, ANON | MAP_FIXED, -1, 0); printf("fixed odd: %s\n", q == MAP_FAILED ? strerror(errno) : "ok");
	q = mmap((void *)0x10000000, H, PROT_READ, ANON | MAP_FIXED, -1, 0); printf("fixed: %d\n", q == (void *)0x10000000);
	int fd = open("/dev/zero", O_RDWR); map("a file that has none", H, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0);
	counts("end");
}
static void exhaust(void)
{
	char *p = map("noreserve", 10 * H, PROT_READ | PROT_WRITE, ANON | MAP_NORESERVE, -1, 0);
	for (int i = 0; i < 9; i++) touch("page", p + i * H);
	counts("exhausted"); munmap(p, 10 * H); counts("given back");
}
static void forks(void)
{
	char *p = map("private", H, PROT_READ | PROT_WRITE, ANON, -1, 0), *s = map("shared", H, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	p[0] = 1; s[0] = 1; fflush(stdout);
	if (!fork()) { p[0] = 2; s[0] = 2; counts("child"); printf("child %d %d\n", p[0], s[0]); fflush(stdout); _exit(0); }
	wait(NULL); printf("parent %d %d\n", p[0], s[0]); counts("parent");
}
static void memfd(void)
{
	int fd = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING); struct stat st; char buf[16]; char *p;
	result("memfd", fd); result("2M", memfd_create("x", MFD_HUGETLB | 21u << 26)); result("64K", memfd_create("x", MFD_HUGETLB | 16u << 26)); result("bits", memfd_create("x", 21u << 26));
	result("truncate odd", ftruncate(fd, 4096)); result("truncate", ftruncate(fd, 2 * H)); result("write", write(fd, "x", 1)); result("read", read(fd, buf, 16)); result("fallocate", fallocate(fd, 0, 0, 2 * H)); counts("allocated");
	fstat(fd, &st); printf("size %ld blocks %ld blksize %ld\n", (long)st.st_size, (long)st.st_blocks, (long)st.st_blksize);
	p = map("map", 2 * H, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); map("offset odd", H, PROT_READ, MAP_SHARED, fd, 4096); touch("memfd", p); result("read", pread(fd, buf, 16, 0)); printf("%d\n", buf[0]); smaps(p);
	result("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, H)); counts("punched"); touch("punched", p); result("seal", fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)); result("shrink", ftruncate(fd, 0)); result("seal write", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	int g = memfd_create("t", MFD_HUGETLB); ftruncate(g, 2 * H); p = map("map", 2 * H, PROT_READ | PROT_WRITE, MAP_SHARED, g, 0); touch("in", p + H); ftruncate(g, H); touch("out", p + H); result("remove", madvise(p, H, MADV_REMOVE));
}
static void shm(void)
{
	int id = shmget(IPC_PRIVATE, H + 1, IPC_CREAT | SHM_HUGETLB | 0600); struct shmid_ds ds; char *p;
	result("shmget", id < 0 ? -1 : 1); counts("segment"); shmctl(id, IPC_STAT, &ds); printf("size %ld\n", (long)ds.shm_segsz); p = shmat(id, NULL, 0); printf("aligned %d\n", !((unsigned long)p & (H - 1))); touch("shm", p + H); counts("attached"); result("shmdt", shmdt(p)); shmctl(id, IPC_RMID, NULL); counts("removed");
	result("too large", shmget(IPC_PRIVATE, 100 * H, IPC_CREAT | SHM_HUGETLB | 0600)); result("size", shmget(IPC_PRIVATE, H, IPC_CREAT | SHM_HUGETLB | 16 << 26 | 0600));
}
static void file(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR, 0644); char *p, *q;
	result("open", fd); p = map("file", 2 * H, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); if (p == MAP_FAILED) return; counts("file"); touch("file", p); q = map("private", H, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0); touch("copy", q); touch("copy", q); touch("file", p); printf("%d %d\n", *p, *q); counts("copied");
	map("rounded", 4096, PROT_READ, MAP_SHARED, fd, 0); result("seek", lseek(fd, 0, SEEK_END) == 2 * H); counts("rounded"); close(fd);
}
int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	sigaction(SIGBUS, &sa, NULL); setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(argv[1], "anon")) anon(); if (!strcmp(argv[1], "exhaust")) exhaust(); if (!strcmp(argv[1], "forks")) forks(); if (!strcmp(argv[1], "memfd")) memfd(); if (!strcmp(argv[1], "shm")) shm(); if (!strcmp(argv[1], "file")) file(argv[2]);
	return 0;
}
END
gcc -w -O1 -o h h.c || exit 1
for what in anon exhaust forks memfd shm; do echo "== $what"; ./h $what; counts "after $what"; done
echo "== user"; chmod 755 . h; su user -c "$PWD/h shm" 2>&1 | head -2; sysctl -q vm.hugetlb_shm_group=$(id -g user); su user -c "ulimit -l 0; $PWD/h shm" 2>&1 | head -2; sysctl -q vm.hugetlb_shm_group=0; su user -c "ulimit -l 0; $PWD/h shm" 2>&1 | head -1
echo "== hugetlbfs"; mkdir m; mount -t hugetlbfs none m; grep " $PWD/m " /proc/mounts | cut -d' ' -f3-; stat -f -c '%s %b %f %c %t' m; stat -c '%a %U %s' m; touch m/f; mkdir m/d; ln -s f m/l; ls m; ./h file m/f; counts file; echo x 2>/dev/null >m/f || echo 'no writing'; ls -ls m/f | awk '{print $1, $6}'; mv m/f m/d/g; head -c 3 m/d/g | od -An -tx1; rm m/d/g; counts removed; umount m
mount -t hugetlbfs -o size=4M,min_size=2M,nr_inodes=4,uid=1000,gid=1000,mode=1777,pagesize=2M none m; grep " $PWD/m " /proc/mounts | cut -d' ' -f3-; stat -f -c '%s %b %f %c %d' m; counts mounted; ./h file m/f; counts used; stat -f -c '%b %f' m; touch m/a m/b 2>&1 | sed 's/.*: //'; rm m/f; counts freed; umount m; counts unmounted
for o in size=x min_size=4M,size=2M pagesize=64K nr_inodes=y mode=9 min_size=1G huge=always; do mount -t hugetlbfs -o $o none m 2>/dev/null && umount m; echo "$o: $?"; done
echo "== overcommit"; sysctl -q vm.nr_hugepages=1 vm.nr_overcommit_hugepages=2; counts over; ./h forks; counts after; sysctl -q vm.nr_overcommit_hugepages=0 vm.nr_hugepages=0; counts none; ./h exhaust; grep -E '^Huge' /proc/meminfo
