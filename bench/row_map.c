// SPDX-License-Identifier: BSD-2-Clause
/*
 * Address spaces: maps made, moved, protected, emptied and removed, untouched and touched.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA (MIB)

static char *arena, *brk_start;
static int fd;

static char *map(long len)
{
	return (char *)must(
		sys6(SYS_mmap, 0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void touch(volatile char *p, long len)
{
	for (long at = 0; at < len; at += PAGE)
		p[at] = 1;
}

static void op_map_unmap(unsigned n, long len)
{
	while (n--)
		must(sys2(SYS_munmap, (long)map(len), len));
}

static void op_map_touch_unmap(unsigned n, long len)
{
	while (n--) {
		char *p = map(len);

		touch(p, len);
		must(sys2(SYS_munmap, (long)p, len));
	}
}

static void open_file(long len)
{
	make_file("map.file", (size_t)len);
	fd = (int)must_libc(open("map.file", O_RDWR));
}

static void op_file_map_unmap(unsigned n, long len)
{
	while (n--) {
		long p = must(sys6(SYS_mmap, 0, len, PROT_READ, MAP_SHARED, fd, 0));

		must(sys2(SYS_munmap, p, len));
	}
}

static void make_arena(long arg)
{
	(void)arg;
	arena = map_anon(ARENA);
	touch(arena, ARENA);
}

static void op_mprotect_twice(unsigned n, long len)
{
	while (n--) {
		must(sys3(SYS_mprotect, (long)arena + 4 * PAGE, len, PROT_READ));
		must(sys3(SYS_mprotect, (long)arena + 4 * PAGE, len, PROT_READ | PROT_WRITE));
	}
}

static void op_dontneed(unsigned n, long len)
{
	while (n--) {
		must(sys3(SYS_madvise, (long)arena, len, MADV_DONTNEED));
		touch(arena, len);
	}
}

/* Grown and shrunk in place: the arena's upper half is unmapped, so what follows is free. */
static void half_arena(long arg)
{
	make_arena(arg);
	must_libc(munmap(arena + ARENA / 2, ARENA / 2));
}

static void op_mremap_grow(unsigned n, long len)
{
	while (n--) {
		must(sys4(SYS_mremap, (long)arena, ARENA / 2, ARENA / 2 + len, MREMAP_MAYMOVE));
		must(sys4(SYS_mremap, (long)arena, ARENA / 2 + len, ARENA / 2, 0));
	}
}

/* 64 KiB of touched pages moved between two places. */
static void op_mremap_move(unsigned n, long len)
{
	char *here = arena, *there = arena + ARENA / 2;

	while (n--) {
		char *old = here;

		must_be(sys6(SYS_mremap, (long)here, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
				(long)there, 0),
			(long)there);
		here = there;
		there = old;
	}
}

static void find_brk(long arg)
{
	(void)arg;
	brk_start = (char *)sys1(SYS_brk, 0);
}

static void op_brk(unsigned n, long len)
{
	while (n--) {
		must_be(sys1(SYS_brk, (long)(brk_start + len)), (long)(brk_start + len));
		must_be(sys1(SYS_brk, (long)brk_start), (long)brk_start);
	}
}

static void op_brk_touch(unsigned n, long len)
{
	while (n--) {
		must_be(sys1(SYS_brk, (long)(brk_start + len)), (long)(brk_start + len));
		touch(brk_start, len);
		must_be(sys1(SYS_brk, (long)brk_start), (long)brk_start);
	}
}

static void op_mincore(unsigned n, long len)
{
	unsigned char vec[ARENA / PAGE];

	while (n--)
		must(sys3(SYS_mincore, (long)arena, len, (long)vec));
}

static void op_mlock(unsigned n, long len)
{
	while (n--) {
		must(sys2(SYS_mlock, (long)arena, len));
		must(sys2(SYS_munlock, (long)arena, len));
	}
}

static void op_msync(unsigned n, long len)
{
	while (n--)
		must(sys3(SYS_msync, (long)arena, len, MS_ASYNC));
}

const struct row rows_map[] = {
	{"map.4k", NULL, op_map_unmap, 100, 4 * KIB, 0},
	{"map.64k", NULL, op_map_unmap, 100, 64 * KIB, 0},
	{"map.1m", NULL, op_map_unmap, 100, MIB, 0},
	{"map.4k_touch", NULL, op_map_touch_unmap, 50, 4 * KIB, 0},
	{"map.64k_touch", NULL, op_map_touch_unmap, 10, 64 * KIB, 0},
	{"map.1m_touch", NULL, op_map_touch_unmap, 2, MIB, 0},
	{"map.file_64k", open_file, op_file_map_unmap, 50, 64 * KIB, 0},
	{"map.mprotect_twice_4k", make_arena, op_mprotect_twice, 50, 4 * KIB, 0},
	{"map.mprotect_twice_64k", make_arena, op_mprotect_twice, 50, 64 * KIB, 0},
	{"map.dontneed_4k_touch", make_arena, op_dontneed, 50, 4 * KIB, 0},
	{"map.dontneed_64k_touch", make_arena, op_dontneed, 10, 64 * KIB, 0},
	{"map.mremap_grow_4k", half_arena, op_mremap_grow, 50, 4 * KIB, 0},
	{"map.mremap_move_64k", make_arena, op_mremap_move, 20, 64 * KIB, 0},
	{"map.brk_64k", find_brk, op_brk, 50, 64 * KIB, 0},
	{"map.brk_64k_touch", find_brk, op_brk_touch, 10, 64 * KIB, 0},
	{"map.mincore_1m", make_arena, op_mincore, 50, MIB, 0},
	{"map.mlock_munlock_64k", make_arena, op_mlock, 20, 64 * KIB, 0},
	{"map.msync_4k", make_arena, op_msync, 100, 4 * KIB, 0},
	{},
};
