// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/*
 * What a file of rows needs: the row, its checks, and what lies outside the measured time.
 *
 * A row runs in a process of its own, the leader of its own process group, and ends with it: it may
 * leave descriptors, maps, children and threads behind. It measures what its op() does, in batches
 * of a size fixed here, never calibrated at run time: every kernel does exactly the same work.
 */

#include <errno.h>
#include <stdint.h>
#include <stddef.h>

#include "sys.h"

#define BATCHES 9
#define PAGE    4096
#define KIB     1024
#define MIB     (1024 * 1024)

enum row_flag {
	ROW_TSC = 1,  /* read the processor's counter instead of CLOCK_MONOTONIC */
	ROW_ONCE = 2, /* dear: one warm-up batch of one operation, and three batches */
};

struct row {
	const char *name;
	void (*setup)(long arg);          /* may be NULL */
	void (*op)(unsigned n, long arg); /* n operations, each checked */
	unsigned n;                       /* operations in a batch */
	long arg;
	unsigned flags;
};

/* Each table ends with a row without a name. */
extern const struct row rows_control[], rows_call[], rows_time[], rows_timer[], rows_signal[];
extern const struct row rows_pipe[], rows_futex[], rows_event[], rows_map[], rows_fault[];
extern const struct row rows_proc[], rows_sched[], rows_smp[], rows_tmpfs[], rows_dir[];
extern const struct row rows_unix[], rows_tty[], rows_inotify[], rows_mqueue[], rows_net[];
extern const struct row rows_debian[];

/*
 * Measure @row and print its line. Called in the row's own process.
 */
void row_measure(const struct row *row);

/*
 * End the row, from any of its processes or threads: @err says whether the call is absent (ENOSYS
 * and its like) or went wrong. Prints the row's line.
 */
void row_fail(const char *what, int err) __attribute__((noreturn));

/* The program that the exec rows execute. */
extern char hello_path[];

/* Take what happens between the two out of the measured time; one read of the clock stays in it. */
void unmeasured_begin(void);
void unmeasured_end(void);

/* Take @ns, a time asked for and slept, out of it. */
void unmeasured_add(uint64_t ns);

/* A result of sysN(): a negative errno ends the row. */
static inline long must_named(long ret, const char *what)
{
	if (__builtin_expect(ret < 0, 0))
		row_fail(what, (int)-ret);
	return ret;
}

/* A result of the C library: -1 and errno end the row. */
static inline long must_libc_named(long ret, const char *what)
{
	if (__builtin_expect(ret == -1, 0))
		row_fail(what, errno);
	return ret;
}

/* A result that can be one value only; EPROTO: another one than the manual page promises. */
static inline void must_be_named(long ret, long want, const char *what)
{
	if (__builtin_expect(ret != want, 0))
		row_fail(what, ret < 0 ? (int)-ret : EPROTO);
}

#define must(call)          must_named((long)(call), #call)
#define must_libc(call)     must_libc_named((long)(call), #call)
#define must_be(call, want) must_be_named((long)(call), (long)(want), #call)

/* Helpers shared by several files of rows (util.c). */

/* Create @path with @len bytes of text in it; ends the row on failure. */
void make_file(const char *path, size_t len);

/* Fork; in the child run @body(@arg) and exit 0. Returns the child. */
int spawn(void (*body)(long arg), long arg);

/* Kill and reap a child made by spawn(). */
void reap(int pid);

/* Anonymous private memory of @len bytes without huge pages; ends the row on failure. */
void *map_anon(size_t len);

/* Move exactly @len bytes, over short transfers; ends the row on an error or at the end of file. */
void read_full(int fd, void *buf, size_t len);
void write_full(int fd, const void *buf, size_t len);

/* Start a thread with a small stack; ends the row on failure. Returns the pthread_t. */
unsigned long start_thread(void *(*body)(void *), void *arg);
