// SPDX-License-Identifier: BSD-2-Clause
/* /proc/PID/map_files: names, where they lead, who may follow. */
#include "abi.h"
#include <dirent.h>

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
