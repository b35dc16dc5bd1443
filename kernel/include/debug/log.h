/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The kernel log: a ring of records with level, facility, time and sequence, read by dmesg (syslog(2), /dev/kmsg) and copied to the consoles.
 */
#include <lib/types.h>
#include <lib/compiler.h>

enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

/* Any context, also from interrupts and with locks held. Records longer than 1000 bytes are cut. A trailing newline is not needed. */
void klog(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define klog_ratelimited(level, ...)                                                               \
	do {                                                                                       \
		static struct log_ratelimit rl_;                                                   \
		if (log_ratelimit(&rl_))                                                           \
			klog(level, __VA_ARGS__);                                                  \
	} while (0)
struct log_ratelimit {
	u64 window_ns;
	u32 count, missed;
};
bool log_ratelimit(struct log_ratelimit *rl);

/* Where records are shown. write: any context, must not sleep. */
struct log_console {
	struct log_console *next;
	const char *name;
	bool history; /* it shall show the records from before its registration too */
	void (*write)(struct log_console *, const char *s, size_t len);
};
void log_console_register(struct log_console *c);
void log_set_console_level(int level);
int log_console_level(void);

/* Reading: the record at or after *seq: formatted as /dev/kmsg does; bytes or -EAGAIN (none yet), -EPIPE (*seq was overwritten and now names the oldest). */
ssize_t log_read(u64 *seq, char *buf, size_t size);
u64 log_first_seq(void);
u64 log_next_seq(void);
u64 log_clear_seq(void); /* syslog(2) SYSLOG_ACTION_CLEAR */
void log_clear(void);
/* Bytes of text that the ring holds. */
size_t log_buffer_size(void);
/* kernel.dmesg_restrict: only who has CAP_SYSLOG reads the log; as Debian's kernels have it. */
extern int log_restricted;
/* User records through /dev/kmsg. */
void log_user(unsigned prio, const char *s, size_t len);
struct wait_queue;
struct wait_queue *log_wait_queue(void);
