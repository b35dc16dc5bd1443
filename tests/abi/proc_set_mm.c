// SPDX-License-Identifier: BSD-2-Clause
/* prctl(PR_SET_MM): all numbers at once, which needs no right, and one by one, which does. */
#include "abi.h"
#include <elf.h>
#include <linux/prctl.h>

static struct prctl_mm_map now(void)
{
	struct prctl_mm_map m = {.exe_fd = -1};
	unsigned long long f[53] = {0};
	char line[2048], *p;
	int fd = open("/proc/self/stat", O_RDONLY);
	ssize_t n = read(fd, line, sizeof(line) - 1);

	close(fd);
	line[n > 0 ? n : 0] = 0;
	p = strrchr(line, ')');
	for (int i = 3; i <= 52 && p; i++) {
		p = strchr(p + 1, ' ');
		f[i] = p ? strtoull(p + 1, NULL, 10) : 0;
	}
	m.start_code = f[26];
	m.end_code = f[27];
	m.start_stack = f[28];
	m.start_data = f[45];
	m.end_data = f[46];
	m.start_brk = f[47];
	m.brk = (unsigned long)sbrk(0);
	m.arg_start = f[48];
	m.arg_end = f[49];
	m.env_start = f[50];
	m.env_end = f[51];
	return m;
}

static long set(struct prctl_mm_map *m)
{
	return prctl(PR_SET_MM, PR_SET_MM_MAP, m, sizeof(*m), 0L);
}

/* The call with one field changed. */
#define WITH(field, value)                                                                                             \
	do {                                                                                                           \
		struct prctl_mm_map m_ = m;                                                                            \
		m_.field = (value);                                                                                    \
		say(#field " = " #value ": ");                                                                         \
		R(set(&m_));                                                                                           \
	} while (0)

static void show(const char *path)
{
	char text[64] = {0};
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	for (ssize_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : '|';
	say("%s: %s\n", path, text);
}

static void arguments(void)
{
	unsigned size = 0;

	HEAD("arguments");
	R(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0L, 0L));
	IS(size == sizeof(struct prctl_mm_map));
	R(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 7L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0L, 1L));
	R(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, 8L, 0L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_MAP, &size, 4L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_MAP, 8L, sizeof(struct prctl_mm_map), 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_MAP, 8L, sizeof(struct prctl_mm_map), 1L));
	R(prctl(PR_SET_MM, PR_SET_MM_BRK, 0x100000L, 1L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, 0L, 1L, 0L));
	R(prctl(PR_SET_MM, 99L, 0L, 1L, 0L));
}

static void all_at_once(void)
{
	struct prctl_mm_map m = now();
	unsigned long auxv[6] = {AT_UID, 77, AT_GID, 78, 0, 0}, got[6] = {0};
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	HEAD("all at once");
	R(set(&m));
	WITH(start_code, m.end_code);
	WITH(start_code, 0);
	WITH(end_code, -1ull);
	WITH(start_data, m.end_data);
	WITH(start_data, m.end_data + 1);
	WITH(start_brk, m.brk + 1);
	WITH(start_stack, 1ull << 47);
	WITH(start_stack, 0);
	WITH(arg_start, m.arg_end + 1);
	WITH(env_start, m.env_end + 1);
	WITH(env_start, m.env_end);
	WITH(auxv_size, 8);
	m.auxv = (void *)auxv;
	WITH(auxv_size, 4096);
	WITH(auxv, (void *)8); /* no size: not looked at */
	m.auxv_size = sizeof(auxv);
	WITH(auxv, (void *)8);
	memcpy(page, "one\0two\0A=1\0B=2", 16);
	m.arg_start = (unsigned long)page;
	m.arg_end = m.arg_start + 8;
	m.env_start = (unsigned long)page + 8;
	m.env_end = m.env_start + 8;
	R(set(&m));
	show("/proc/self/cmdline");
	show("/proc/self/environ");
	fd = open("/proc/self/auxv", O_RDONLY);
	R(read(fd, got, sizeof(got)));
	IS(!memcmp(got, auxv, sizeof(auxv)));
	close(fd);
	WITH(exe_fd, 99);
}

static void data_limit(void)
{
	struct prctl_mm_map m = now();
	struct rlimit r;

	HEAD("RLIMIT_DATA");
	CHILD {
		getrlimit(RLIMIT_DATA, &r);
		r.rlim_cur = m.brk - m.start_brk + m.end_data - m.start_data;
		setrlimit(RLIMIT_DATA, &r);
		R(set(&m));
		WITH(end_data, m.end_data + 1);
	}
	REAP("limit");
}

static void program(void)
{
	struct prctl_mm_map m = now();
	int plain = open("plain", O_RDWR | O_CREAT, 0644), self = open("/proc/self/exe", O_RDONLY);
	int folder = open(".", O_RDONLY), path = open("/proc/self/exe", O_PATH);

	HEAD("the program's file");
	WITH(exe_fd, plain);
	WITH(exe_fd, folder);
	WITH(exe_fd, path);
	WITH(exe_fd, self);
	R(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, plain, 0L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, folder, 0L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, 99L, 0L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, self, 0L, 0L));
	CHILD {
		setuid(65534);
		WITH(exe_fd, self);
		WITH(exe_fd, -1);
	}
	REAP("nobody");
}

#define ONE(opt, value)                                                                                                \
	do {                                                                                                           \
		say(#opt " " #value ": ");                                                                             \
		R(prctl(PR_SET_MM, PR_SET_MM_##opt, (unsigned long)(value), 0L, 0L));                                  \
	} while (0)

static void one_by_one(void)
{
	struct prctl_mm_map m = now();
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long auxv[4] = {AT_UID, 5, 0, 0};

	HEAD("one by one");
	ONE(START_CODE, m.start_code);
	ONE(START_CODE, m.end_code);
	ONE(END_CODE, 8);
	ONE(END_DATA, m.start_data - 1);
	ONE(START_STACK, page);
	ONE(START_STACK, 0x7fffffffe000);
	ONE(START_BRK, m.brk);
	ONE(BRK, m.brk);
	ONE(BRK, m.start_brk - 1);
	strcpy(page, "arguments");
	ONE(ARG_START, m.arg_end);
	ONE(ARG_END, page + 9);
	ONE(ARG_START, page);
	ONE(ARG_END, 0x7fffffffe000);
	ONE(ENV_END, page + 9);
	ONE(ENV_START, page);
	show("/proc/self/cmdline");
	ONE(AUXV + 90, 0x10000);
	R(prctl(PR_SET_MM, PR_SET_MM_AUXV, auxv, sizeof(auxv), 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_AUXV, auxv, 4096L, 0L));
	R(prctl(PR_SET_MM, PR_SET_MM_AUXV, 8L, 16L, 0L));
}

int main(void)
{
	arguments();
	CHILD {
		all_at_once();
	}
	REAP("all");
	data_limit();
	program();
	CHILD {
		one_by_one();
	}
	REAP("one");
	return 0;
}
