/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Trace points: what the kernel did last, in a ring per CPU that is read while it runs (/sys/kernel/tracing) and printed by a panic. A point that is off costs
 * a load and a branch that is not taken.
 */
#include <lib/types.h>
#include <lib/compiler.h>

enum trace_event {
	TRACE_SYS_ENTER, /* number, first and second argument */
	TRACE_SYS_EXIT,	 /* number, result */
	TRACE_SWITCH,	 /* next's name (two words), its id | the state of the one that leaves << 32 */
	TRACE_WAKE,	 /* the woken one's name, its id | its CPU << 32 */
	TRACE_FAULT,	 /* address, pc, enum fault_flags */
	TRACE_IRQ_ENTER, /* vector */
	TRACE_IRQ_EXIT,	 /* vector */
	TRACE_EVENTS,
};

extern u32 trace_enabled; /* bit per event; atomic */

/* Write the record of the running CPU, if it has a ring. Context: any but NMI. */
void trace_record(enum trace_event event, u64 a, u64 b, u64 c);

static inline bool trace_is_on(enum trace_event event)
{
	return unlikely(READ_ONCE(trace_enabled) >> event & 1);
}

static inline void trace(enum trace_event event, u64 a, u64 b, u64 c)
{
	if (trace_is_on(event))
		trace_record(event, a, b, c);
}

struct thread;
/* TRACE_SWITCH and TRACE_WAKE: @by leaves the CPU to @t, or wakes it; with @more. */
void trace_record_thread(enum trace_event event, const struct thread *by, const struct thread *t, u32 more);

/* ---- reading and control ---- */

struct trace_record {
	u64 time_ns; /* CLOCK_MONOTONIC; differs from the record's before on the same CPU */
	u32 id;	     /* of the thread that ran (struct thread); 0: none */
	u16 cpu;
	u8 event;
	char name[17];
	u64 arg[3];
};

/* The oldest record after *cursor (0: all), which moves there; false: there is none. Records may be missing where the ring was faster. Context: any. */
bool trace_next(u64 *cursor, struct trace_record *out);
/* One line without newline, in the format of Linux' trace file; its length. */
int trace_format(const struct trace_record *r, char *buf, size_t size);
/* "system:event" */
const char *trace_event_name(enum trace_event event);
/* Choose the events that are recorded while tracing is on; makes the rings. -ENOMEM. May sleep. */
int trace_select(u32 events) MUST_CHECK;
u32 trace_selected(void);
void trace_set_on(bool on);
bool trace_get_on(void);
/* Forget what is in the rings. */
void trace_clear(void);
/* For a panic: stop, and print the last @n records. */
void trace_dump(unsigned n);
/*
 * Add or ("!...") remove the events that a word names: "system:event", "event", "system:*", "*:*". -EINVAL: none. @events is changed.
 */
int trace_parse_event(const char *word, u32 *events) MUST_CHECK;
