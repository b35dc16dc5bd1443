// SPDX-License-Identifier: BSD-2-Clause
/* /proc/PID/map_files: names, where they lead, who may follow. */
#include "abi.h"
#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

static char name[128], text[512];

static const char *link_of(void *start, void *end, const char *format)
{
	snprintf(name, sizeof(name), format, (unsigned long)start, (unsigned long)end);
	ssize_t n = readlink(name, text, sizeof(text) - 1);

	if (n < 0)
		return err_name(errno);
	text[n] = 0;
	return text;
}

#define PLAIN "/proc/self/map_files/%lx-%lx"

static void names(char *p)
{
	static const char *const bad[] = {"/proc/self/map_files/ %lx-%lx", "/proc/self/map_files/%lx -%lx", "/proc/self/map_files/%lx-%lx ",
		"/proc/self/map_files/0%lx-%lx", "/proc/self/map_files/%lx-0%lx", "/proc/self/map_files/%lx-10000000000000000%lx",
		"/proc/self/map_files/%lx-%lxg", "/proc/self/map_files/-%lx-%lx"};

	HEAD("names");
	say("%s\n", link_of(p, p + 8192, PLAIN));
	say("%s\n", link_of(p, p + 4096, PLAIN));
	say("%s\n", link_of(p + 4096, p + 8192, PLAIN));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		say("%s: %s\n", bad[i], link_of(p, p + 8192, bad[i]));
}

static int listed(void)
{
	DIR *d = opendir("/proc/self/map_files");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d))) {
		snprintf(text, sizeof(text), "/proc/self/map_files/%s", e->d_name);
		ssize_t len = readlink(text, name, sizeof(name));

		n += e->d_type == DT_LNK && len > 5 && !memcmp(name + len - 5, "/file", 5);
	}
	closedir(d);
	return n;
}

/* PROCMAP_QUERY of /proc/PID/maps. */
static void ask(int maps, const char *what, void *at, unsigned long flags, const char *base)
{
	struct procmap_query q;

	memset(&q, 0, sizeof(q));
	q.size = sizeof(q);
	q.query_addr = (unsigned long)at;
	q.query_flags = flags;
	q.vma_name_addr = (unsigned long)text;
	q.vma_name_size = sizeof(text);
	text[0] = 0;
	if (ioctl(maps, PROCMAP_QUERY, &q))
		say("%s: %s\n", what, err_name(errno));
	else
		say("%s: %lld..%lld flags %llx off %llu name %u %s\n", what, (long long)(q.vma_start - (unsigned long)base),
			(long long)(q.vma_end - (unsigned long)base), (unsigned long long)q.vma_flags, (unsigned long long)q.vma_offset,
			q.vma_name_size, text);
}

static void queries(void)
{
	int fd = open("mapped", O_RDWR | O_CREAT, 0644), maps = open("/proc/self/maps", O_RDONLY);
	struct procmap_query q = {.size = sizeof(q)};
	char *p;

	HEAD("queries");
	ftruncate(fd, 16384);
	p = mmap(NULL, 5 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mmap(p + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 8192);
	mmap(p + 12288, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	ask(maps, "exact", p + 4096, 0, p);
	ask(maps, "inside", p + 4196, 0, p);
	ask(maps, "private", p + 4096, PROCMAP_QUERY_VMA_SHARED, p);
	ask(maps, "next shared", p, PROCMAP_QUERY_VMA_SHARED | PROCMAP_QUERY_COVERING_OR_NEXT_VMA, p);
	ask(maps, "next with a file", p, PROCMAP_QUERY_FILE_BACKED_VMA | PROCMAP_QUERY_COVERING_OR_NEXT_VMA, p);
	ask(maps, "next writable", p + 4096, PROCMAP_QUERY_VMA_WRITABLE | PROCMAP_QUERY_COVERING_OR_NEXT_VMA, p);
	ask(maps, "nothing", p + 8192, PROCMAP_QUERY_VMA_READABLE, p);
	ask(maps, "unknown flag", p, 128, p);
	munmap(p + 8192, 4096);
	ask(maps, "hole", p + 8192, 0, p);
	q.query_addr = (unsigned long)p + 4096;
	q.vma_name_addr = (unsigned long)text;
	q.vma_name_size = 5;
	R(ioctl(maps, PROCMAP_QUERY, &q));
	q.vma_name_size = 0;
	R(ioctl(maps, PROCMAP_QUERY, &q));
	q.vma_name_addr = 0;
	R(ioctl(maps, PROCMAP_QUERY, &q));
	q.size = 23;
	R(ioctl(maps, PROCMAP_QUERY, &q));
	q.size = 5000;
	R(ioctl(maps, PROCMAP_QUERY, &q));
	R(ioctl(maps, PROCMAP_QUERY, NULL));
	R(ioctl(maps, 0x1234, &q));
}

int main(void)
{
	struct stat st;
	int fd = open("file", O_RDWR | O_CREAT, 0644), back;
	char *p, *z;

	ftruncate(fd, 8192);
	p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	IS(p != MAP_FAILED);
	names(p);
	V(listed());
	link_of(p, p + 8192, PLAIN);
	R(lstat(name, &st));
	say("mode %o\n", st.st_mode);
	unlink("file");
	say("%s\n", link_of(p, p + 8192, PLAIN));
	back = open(name, O_RDWR);
	IS(back >= 0);
	R(pwrite(back, "x", 1, 5));
	V(p[5]);
	CHILD {
		become(1000);
		IS(readlink(name, text, sizeof(text)) > 0);
		R(open(name, O_RDONLY));
	}
	REAP("nobody special");
	munmap(p, 8192);
	say("%s\n", link_of(p, p + 8192, PLAIN));
	queries();
	HEAD("/dev/zero");
	fd = open("/dev/zero", O_RDONLY);
	z = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	say("%s\n", link_of(z, z + 4096, PLAIN));
	z[1] = 7;
	R(madvise(z, 4096, MADV_DONTNEED));
	V(z[1]);
	HEAD("directory");
	R(stat("/proc/self/map_files", &st));
	say("mode %o\n", st.st_mode);
	R(access("/proc/self/task", F_OK));
	R(mkdir("/proc/self/map_files/1-2", 0755));
	return 0;
}
