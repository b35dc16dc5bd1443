// SPDX-License-Identifier: BSD-2-Clause
/* uname, sysinfo, getrandom, membarrier, rseq, arch_prctl, personality, hostname, syslog and mount. */
#include "abi.h"
#include <asm/prctl.h>
#include <linux/membarrier.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static char buf[8192];

static void identity(void)
{
	struct utsname u;
	struct sysinfo si;

	HEAD("uname sysinfo hostname");
	R(uname(&u));
	S(u.sysname);
	S(u.nodename);
	S(u.machine);
	IS(u.release[0] >= '5' && strchr(u.release, '.'));
	IS(u.version[0] == '#');
	R(sysinfo(&si));
	IS(si.mem_unit > 0 && si.totalram > 0 && si.freeram > 0 && si.freeram <= si.totalram);
	IS(si.uptime > 0);
	IS(si.procs > 0);
	R(sethostname("newname", 7));
	uname(&u);
	S(u.nodename);
	memset(buf, 'h', 100);
	R(sethostname(buf, 64));
	R(sethostname(buf, 65));
	R(sethostname("x", -1));
	R(sethostname("", 0));
	uname(&u);
	S(u.nodename);
	R(syscall(SYS_setdomainname, "domain", 6));
	uname(&u);
	S(u.domainname);
	R(sethostname("nostest", 7));
	CHILD {
		become(1000);
		R(sethostname("x", 1));
		R(syscall(SYS_setdomainname, "x", 1));
	}
	REAP("user");
}

static void random_bytes(void)
{
	unsigned char a[256], b[256];

	HEAD("getrandom");
	R(getrandom(a, 256, 0));
	R(getrandom(b, 256, GRND_NONBLOCK));
	IS(memcmp(a, b, 256) != 0);
	R(getrandom(a, 100, GRND_RANDOM));
	R(getrandom(a, 100, GRND_INSECURE));
	R(getrandom(a, 100, GRND_INSECURE | GRND_RANDOM));
	R(getrandom(a, 100, 8));
	R(getrandom(a, 0, 0));
	char *big = malloc(1 << 20);
	R(getrandom(big, 1 << 20, 0));
	int zero = 0;
	for (int i = 0; i < 1 << 20; i++)
		zero += !big[i];
	IS(zero > 3000 && zero < 5200);
	CHILD {
		R(getrandom(b, 256, 0));
		write(3, b, 0);
	}
	REAP("child");
}

static long mb(int cmd, unsigned flags, int cpu)
{
	return syscall(SYS_membarrier, cmd, flags, cpu);
}

static void membarriers(void)
{
	HEAD("membarrier");
	X(mb(MEMBARRIER_CMD_QUERY, 0, 0));
	R(mb(MEMBARRIER_CMD_GLOBAL, 0, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0));
	X(mb(MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0));
	R(mb(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	X(mb(MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	R(mb(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	R(mb(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 100000));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, -1));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 2, 0));
	R(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_FLAG_CPU, 0));
	R(mb(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
	R(mb(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
	X(mb(MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0));
	CHILD X(mb(MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0));
	REAP("inherited");
	R(mb(0x10000, 0, 0));
	R(mb(MEMBARRIER_CMD_QUERY, 5, 0));
	R(mb(MEMBARRIER_CMD_GET_REGISTRATIONS, 1, 0));
}

static void processor(void)
{
	unsigned long v = 7;

	HEAD("arch_prctl");
	R(syscall(SYS_arch_prctl, ARCH_GET_FS, &v));
	IS(v != 0 && v != 7);
	R(syscall(SYS_arch_prctl, ARCH_GET_GS, &v));
	V(v);
	static long word = 99;
	R(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
	long through;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(through));
	V(through);
	R(syscall(SYS_arch_prctl, ARCH_SET_GS, 1ul << 63));
	R(syscall(SYS_arch_prctl, ARCH_SET_FS, 1ul << 63));
	R(syscall(SYS_arch_prctl, ARCH_SET_GS, 0xffff800000000000ul));
	R(syscall(SYS_arch_prctl, 0x9999, 0));
	CHILD {
		__asm__ volatile("mov %%gs:0, %0" : "=r"(through));
		V(through);
	}
	REAP("inherited");
	sched_yield();
	sleep_ms(1);
	__asm__ volatile("mov %%gs:0, %0" : "=r"(through));
	V(through);
	R(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
	membarriers();
	HEAD("rseq");
	static struct {
		unsigned int cpu_start, cpu;
		unsigned long cs;
		unsigned int flags, node, mm_cid, pad[25];
	} rs __attribute__((aligned(128)));
	R(syscall(SYS_rseq, &rs, 5, 0, 0x12345678));
	R(syscall(SYS_rseq, (char *)&rs + 4, 32, 0, 0x12345678));
	R(syscall(SYS_rseq, &rs, 32, 77, 0x12345678));
	HEAD("personality");
	R(personality(0xffffffff));
	CHILD {
		struct utsname u;
		R(personality(0x0020000));
		uname(&u);
		IS(!strncmp(u.release, "2.6.", 4) && atoi(u.release + 4) >= 60);
	}
	REAP("UNAME26");
	R(personality(ADDR_NO_RANDOMIZE));
	R(personality(0xffffffff));
	CHILD {
		R(personality(0xffffffff));
	}
	REAP("inherited");
	R(personality(0));
}

static void mounting(void)
{
	HEAD("mount");
	mkdir("mnt", 0755);
	mkdir("two", 0755);
	put_file("file", "", 0, 0644);
	R(mount("x", "mnt", "tmpfs", 0, "mode=0700,size=64k"));
	say_stat("mnt");
	put_file("mnt/inside", "abc", 3, 0644);
	R(rmdir("mnt"));
	R(rename("mnt", "other"));
	R(umount("none"));
	R(umount("file"));
	R(umount("two"));
	R(mount("x", "none", "tmpfs", 0, NULL));
	R(mount("x", "file", "tmpfs", 0, NULL));
	R(mount("x", "two", "nosuchfs", 0, NULL));
	R(mount("x", "two", "tmpfs", 0, "nonsense=1"));
	R(mount("mnt", "two", NULL, MS_BIND, NULL));
	say("bound: %s\n", get_file("two/inside"));
	R(umount("two"));
	int fd = NEED(open("mnt/inside", O_RDONLY));
	R(umount("mnt"));
	R(umount2("mnt", MNT_EXPIRE | MNT_DETACH));
	R(umount2("mnt", 0x1000));
	R(umount2("mnt", MNT_DETACH));
	R(read(fd, buf, 10));
	close(fd);
	R(access("mnt/inside", F_OK));
	R(mount("x", "mnt", "tmpfs", MS_RDONLY, NULL));
	R(open("mnt/f", O_CREAT | O_RDWR, 0644));
	R(mkdir("mnt/d", 0755));
	R(mount(NULL, "mnt", NULL, MS_REMOUNT, NULL));
	OK(open("mnt/f", O_CREAT | O_RDWR | O_CLOEXEC, 0644));
	R(umount("mnt"));
	R(umount2("mnt", MNT_DETACH));
	R(mount("x", "mnt", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	put_file("mnt/x", "#!/bin/sh\n", 10, 0755);
	char *argv[] = {"x", NULL};
	CHILD {
		R(execv("mnt/x", argv));
	}
	REAP("noexec");
	mknod("mnt/null", S_IFCHR | 0666, 0x103);
	R(open("mnt/null", O_RDONLY));
	R(umount("mnt"));
	CHILD {
		become(1000);
		R(mount("x", "mnt", "tmpfs", 0, NULL));
		R(umount("mnt"));
	}
	REAP("user");
	R(mount("p", "mnt", "proc", 0, NULL));
	IS(access("mnt/self/stat", F_OK) == 0);
	R(umount("mnt"));
	IS(strstr(get_file("/proc/mounts"), " /work tmpfs ") != NULL);
}


int main(void)
{
	identity();
	random_bytes();
	processor();
	mounting();
	return 0;
}
