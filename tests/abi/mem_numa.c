// SPDX-License-Identifier: BSD-2-Clause
/* Memory policies on a machine of one node: what is kept and told, errors; remap_file_pages, process_mrelease. */
#include "mem.h"
#include <linux/mempolicy.h>

#define PG 4096ul

static long set(int mode, unsigned long nodes, unsigned long maxnode)
{
	return syscall(SYS_set_mempolicy, mode, maxnode ? &nodes : NULL, maxnode);
}

static long bind(void *p, unsigned long len, int mode, unsigned long nodes, unsigned long maxnode, unsigned flags)
{
	return syscall(SYS_mbind, p, len, mode, maxnode ? &nodes : NULL, maxnode, flags);
}

static void get(const char *what, void *addr, unsigned flags)
{
	unsigned long nodes[16];
	int mode = -5;
	long r;

	memset(nodes, 0xff, sizeof(nodes));
	r = syscall(SYS_get_mempolicy, &mode, nodes, 1024, addr, flags);
	say("%s: %ld %s mode %x nodes %lx %lx\n", what, r, r ? err_name(errno) : "", mode, nodes[0], nodes[1]);
}

static void threads(void)
{
	unsigned long big[2] = {1, 1};
	int mode;

	HEAD("of threads");
	get("default", NULL, 0);
	get("allowed", NULL, MPOL_F_MEMS_ALLOWED);
	get("allowed, node", NULL, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE);
	get("node", NULL, MPOL_F_NODE);
	get("unknown", NULL, 64);
	get("address without flag", &mode, 0);
	R(set(MPOL_BIND, 1, 64));
	get("bind", NULL, 0);
	R(set(MPOL_BIND | MPOL_F_STATIC_NODES, 1, 64));
	get("static", NULL, 0);
	R(set(MPOL_PREFERRED, 1, 64));
	get("preferred", NULL, 0);
	R(set(MPOL_PREFERRED, 0, 0));
	get("preferred nothing", NULL, 0);
	R(set(MPOL_LOCAL, 0, 0));
	get("local", NULL, 0);
	R(set(MPOL_LOCAL, 1, 64));
	R(set(MPOL_INTERLEAVE, 1, 64));
	get("interleave", NULL, 0);
	get("next", NULL, MPOL_F_NODE);
	CHILD {
		get("child", NULL, 0);
	}
	REAP("child");
	R(set(MPOL_INTERLEAVE, 0, 64));
	R(set(MPOL_BIND, 0, 0));
	R(set(MPOL_BIND, 2, 64));
	R(set(MPOL_BIND, 3, 64));
	get("more than there are", NULL, 0);
	R(set(MPOL_DEFAULT, 1, 64));
	R(set(MPOL_MAX, 1, 64));
	R(set(-1, 1, 64));
	R(set(MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, 1, 64));
	R(syscall(SYS_set_mempolicy, MPOL_BIND, 8, 64));
	R(syscall(SYS_set_mempolicy, MPOL_BIND, big, 1 << 20));
	R(syscall(SYS_get_mempolicy, 8, NULL, 0, NULL, 0));
	R(syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0));
	R(set(MPOL_DEFAULT, 0, 0));
	get("default", NULL, 0);
}

static const char *numa_line(const void *p, char *buf, size_t size)
{
	char at[32], *line = NULL;
	FILE *f = fopen("/proc/self/numa_maps", "r");
	static char text[512];

	(void)buf;
	(void)size;
	snprintf(at, sizeof(at), "%08lx ", (unsigned long)p);
	while (f && fgets(text, sizeof(text), f)) {
		if (strncmp(text, at, strlen(at)) == 0) {
			line = text + strlen(at);
			break;
		}
	}
	if (f)
		fclose(f);
	/* What is active is how the kernel ages pages. */
	if (line && strstr(line, " active="))
		memmove(strstr(line, " active="), strchr(strstr(line, " active=") + 1, ' '), strlen(strchr(strstr(line, " active=") + 1, ' ')) + 1);
	return line ? line : "none";
}

static void areas(void)
{
	char *p = mmap(NULL, 8 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q = mmap(NULL, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	HEAD("of areas");
	madvise(p, 8 * PG, MADV_NOHUGEPAGE);
	R(bind(p + 2 * PG, 2 * PG, MPOL_BIND, 1, 64, 0));
	get("before", p, MPOL_F_ADDR);
	get("inside", p + 2 * PG, MPOL_F_ADDR);
	get("page", p + 2 * PG, MPOL_F_ADDR | MPOL_F_NODE);
	get("behind", p + 4 * PG, MPOL_F_ADDR);
	p[3 * PG] = 1;
	S(numa_line(p + 2 * PG, NULL, 0));
	S(numa_line(p + 4 * PG, NULL, 0));
	R(bind(p, 8 * PG, MPOL_PREFERRED, 1, 64, MPOL_MF_MOVE | MPOL_MF_STRICT));
	get("inside", p + 2 * PG, MPOL_F_ADDR);
	R(syscall(SYS_set_mempolicy_home_node, p, 8 * PG, 0, 0));
	R(bind(p, 4 * PG, MPOL_BIND, 1, 64, 0));
	R(syscall(SYS_set_mempolicy_home_node, p, 4 * PG, 0, 0));
	R(syscall(SYS_set_mempolicy_home_node, p, 4 * PG, 7, 0));
	R(syscall(SYS_set_mempolicy_home_node, p, 4 * PG, 0, 1));
	R(syscall(SYS_set_mempolicy_home_node, p + 1, 4 * PG, 0, 0));
	R(syscall(SYS_set_mempolicy_home_node, q, PG, 0, 0));
	R(bind(p, 4 * PG, MPOL_BIND, 1, 64, 1 << 10));
	R(bind(p + 1, 4 * PG, MPOL_BIND, 1, 64, 0));
	R(bind(p, 0, MPOL_BIND, 1, 64, 0));
	R(bind(p, -PG, MPOL_BIND, 1, 64, 0));
	R(bind(p, PG, MPOL_BIND, 0, 64, 0));
	R(bind(p, 8 * PG, MPOL_DEFAULT, 0, 0, 0));
	get("default", p, MPOL_F_ADDR);
	munmap(p + 4 * PG, PG);
	R(bind(p, 8 * PG, MPOL_BIND, 1, 64, 0));
	get("hole", p + 4 * PG, MPOL_F_ADDR);
	munmap(p, 8 * PG);
	munmap(q, PG);
}

static void pages(void)
{
	char *p = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *list[4] = {p, p + PG, (void *)8, p + 2 * PG};
	int nodes[4] = {0, 0, 0, 0}, status[4] = {77, 77, 77, 77};
	unsigned long one = 1, two = 2;

	HEAD("pages");
	madvise(p, 4 * PG, MADV_NOHUGEPAGE);
	p[0] = p[2 * PG] = 1;
	R(syscall(SYS_move_pages, 0, 4, list, NULL, status, 0));
	for (int i = 0; i < 4; i++)
		V(status[i]);
	R(syscall(SYS_move_pages, 0, 1, list, nodes, status, MPOL_MF_MOVE));
	V(status[0]);
	nodes[0] = 9;
	R(syscall(SYS_move_pages, 0, 1, list, nodes, status, MPOL_MF_MOVE));
	R(syscall(SYS_move_pages, 0, 1, list, NULL, status, 1));
	R(syscall(SYS_move_pages, 0, 1, 8, NULL, status, 0));
	R(syscall(SYS_move_pages, 0, 1, list, NULL, 8, 0));
	R(syscall(SYS_move_pages, 99999999, 1, list, NULL, status, 0));
	R(syscall(SYS_migrate_pages, 0, 64, &one, &one));
	R(syscall(SYS_migrate_pages, 99999999, 64, &one, &one));
	R(syscall(SYS_migrate_pages, 0, 64, 8, &one));
	R(syscall(SYS_migrate_pages, 0, 64, &one, &two));
	munmap(p, 4 * PG);
}

static void remapping(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char *p;

	HEAD("remap_file_pages");
	NEED(ftruncate(fd, 8 * PG));
	for (int i = 0; i < 8; i++)
		NEED(pwrite(fd, &(char){'a' + i}, 1, i * PG));
	p = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	R(syscall(SYS_remap_file_pages, p, 2 * PG, 0, 6, 0));
	say("%c%c%c%c\n", p[0], p[PG], p[2 * PG], p[3 * PG]);
	R(syscall(SYS_remap_file_pages, p + PG + 5, PG + 7, 0, 0, 0));
	say("%c%c%c%c\n", p[0], p[PG], p[2 * PG], p[3 * PG]);
	p[PG] = 'x';
	R(pread(fd, p + 3 * PG, 1, 0));
	say("%c\n", p[3 * PG]);
	R(syscall(SYS_remap_file_pages, p, PG, PROT_READ, 0, 0));
	R(syscall(SYS_remap_file_pages, p, 0, 0, 0, 0));
	R(syscall(SYS_remap_file_pages, p, PG, 0, -1ul, 0));
	R(syscall(SYS_remap_file_pages, p + 4 * PG, PG, 0, 0, 0));
	munmap(p, 4 * PG);
	p = mmap(NULL, PG, PROT_READ, MAP_PRIVATE, fd, 0);
	R(syscall(SYS_remap_file_pages, p, PG, 0, 1, 0));
	munmap(p, PG);
	close(fd);
}

static void others(void)
{
	int fd;

	HEAD("others");
	CHILD {
		pause();
	}
	fd = NEED(syscall(SYS_pidfd_open, child_pid, 0));
	R(syscall(SYS_process_mrelease, fd, 1));
	R(syscall(SYS_process_mrelease, fd, 0));
	R(syscall(SYS_process_mrelease, -1, 0));
	kill(child_pid, SIGKILL);
	REAP("child");
	R(syscall(SYS_process_mrelease, fd, 0));
	close(fd);
	R(madvise(&fd, 0, MADV_MERGEABLE + 100));
	V(strstr(get_file("/proc/self/smaps_rollup"), "Pss_Shmem:") != NULL);
}

int main(void)
{
	threads();
	areas();
	pages();
	remapping();
	others();
	return 0;
}
