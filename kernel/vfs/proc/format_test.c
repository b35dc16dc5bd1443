/* SPDX-License-Identifier: BSD-2-Clause */
#include "format.h"
#include <lib/string.h>
#include <lib/test.h>

static char text[8192];

static struct strbuf *begin(void)
{
	static struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	return &sb;
}

TEST(stat_has_52_fields_in_order)
{
	struct stat_fields f = {.pid = 1, .comm = "a b) c", .state = 'S', .ppid = 4, .pgrp = 5, .session = 6, .tty_nr = 7, .tpgid = -1,
		.flags = 9, .minflt = 10, .cminflt = 11, .majflt = 12, .cmajflt = 13, .utime = 14, .stime = 15, .cutime = 16, .cstime = 17,
		.priority = -18, .nice = -19, .num_threads = 20, .starttime = 22, .vsize = 23, .rss = 24, .rsslim = ~0ull, .startcode = 26,
		.endcode = 27, .startstack = 28, .kstkesp = 29, .kstkeip = 30, .pending = 31, .blocked = 32, .sigignore = 1ull << 63 | 33,
		.sigcatch = 34, .wchan = 35, .exit_signal = 38, .processor = 39, .rt_priority = 40, .policy = 41, .start_data = 45,
		.end_data = 46, .start_brk = 47, .arg_start = 48, .arg_end = 49, .env_start = 50, .env_end = 51, .exit_code = 52};

	proc_format_stat(begin(), &f);
	CHECK_STR_EQ(text, "1 (a b) c) S 4 5 6 7 -1 9 10 11 12 13 14 15 16 17 -18 -19 20 0 22 23 24 18446744073709551615 26 27 28 29 30 31 32 "
			   "33 34 35 0 0 38 39 40 41 0 0 0 45 46 47 48 49 50 51 52\n");
}

TEST(comm_is_escaped)
{
	struct stat_fields f = {.pid = 2, .comm = "x\ny\\z", .state = 'R'};

	proc_format_stat(begin(), &f);
	CHECK(str_has_prefix(text, "2 (x\\ny\\\\z) R 0 "));
}

/* Lines of a Linux 6.12. */
TEST(maps_as_linux_has_them)
{
	const struct maps_line file = {.start = 0x55d8e9cb9000, .end = 0x55d8e9cbf000, .read = true, .exec = true, .off = 0x2000,
		.major = 0xfe, .ino = 247498, .name = "/usr/bin/head"};
	const struct maps_line low = {.start = 0x400000, .end = 0x401000, .read = true, .write = true, .shared = true};
	const struct maps_line stack = {.start = 0x7fff0974f000, .end = 0x7fff09770000, .read = true, .write = true, .name = "[stack]"};
	const struct maps_line odd = {.start = 0x1000, .end = 0x2000, .name = "/a\nb c"};

	proc_format_maps(begin(), &file);
	CHECK_STR_EQ(text, "55d8e9cb9000-55d8e9cbf000 r-xp 00002000 fe:00 247498                     /usr/bin/head\n");
	proc_format_maps(begin(), &low);
	CHECK_STR_EQ(text, "00400000-00401000 rw-s 00000000 00:00 0 \n");
	proc_format_maps(begin(), &stack);
	CHECK_STR_EQ(text, "7fff0974f000-7fff09770000 rw-p 00000000 00:00 0                          [stack]\n");
	proc_format_maps(begin(), &odd);
	CHECK_STR_EQ(strchr(text, '/'), "/a\\012b c\n");
}

TEST(status_as_linux_has_it)
{
	static const u32 groups[] = {4, 24};
	static const unsigned long cpus[] = {0x10f};
	struct status_fields f = {.comm = "cat", .umask = 022, .has_umask = true, .has_mem = true, .state = 'R', .tgid = 9, .pid = 10,
		.ppid = 8, .pgrp = 7, .session = 6, .uid = {1, 2, 3, 4}, .gid = {5, 6, 7, 8}, .fdsize = 64, .groups = groups, .ngroups = 2,
		.mem = {.peak = 3060, .size = 3060, .pte = 44}, .threads = 1, .sigq = 1, .sigq_limit = 2018, .blocked = 0x10000, .cap_bnd = 0x1ffffffffff,
		.cpus = cpus, .ncpus = 9, .voluntary = 3, .involuntary = 4};

	proc_format_status(begin(), &f);
	CHECK(str_has_prefix(text, "Name:\tcat\nUmask:\t0022\nState:\tR (running)\nTgid:\t9\nNgid:\t0\nPid:\t10\nPPid:\t8\nTracerPid:\t0\n"
				   "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t4 24 \nNStgid:\t9\nNSpid:\t10\n"));
	CHECK(strstr(text, "\nVmPeak:\t    3060 kB\nVmSize:\t    3060 kB\nVmLck:\t       0 kB\n") != NULL);
	CHECK(strstr(text, "\nVmPTE:\t      44 kB\nVmSwap:\t       0 kB\n") != NULL);
	CHECK(strstr(text, "\nThreads:\t1\nSigQ:\t1/2018\nSigPnd:\t0000000000000000\n") != NULL);
	CHECK(strstr(text, "\nSigBlk:\t0000000000010000\n") != NULL);
	CHECK(strstr(text, "\nCapBnd:\t000001ffffffffff\n") != NULL);
	CHECK(strstr(text, "\nCpus_allowed:\t10f\nCpus_allowed_list:\t0-3,8\n") != NULL);
	CHECK(strstr(text, "\nvoluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t4\n") != NULL);
	f.has_mem = f.has_umask = false;
	proc_format_status(begin(), &f);
	CHECK(strstr(text, "Vm") == NULL && strstr(text, "Umask") == NULL);
}

TEST(masks_and_lists)
{
	static const unsigned long bits[2] = {0x8000000000000005ul, 1};

	proc_put_list(begin(), bits, 128);
	CHECK_STR_EQ(text, "0,2,63-64");
	proc_put_mask(begin(), bits, 65);
	CHECK_STR_EQ(text, "1,80000000,00000005");
	proc_put_mask(begin(), bits, 2);
	CHECK_STR_EQ(text, "1");
}
