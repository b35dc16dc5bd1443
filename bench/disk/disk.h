// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/*
 * What the rows on a disk need beside bench.h: instructions while the disk is at work.
 *
 * Whoever waits for a disk leaves the processor idle, and then QEMU's virtual time is no count of
 * instructions any more. So a process that runs only when nobody else wants to (SCHED_IDLE) keeps
 * the processor busy with a loop of two instructions, and counts its rounds in memory that it
 * shares with the row: time less twice the rounds is what everybody else executed, the kernel's own
 * threads and interrupts with them.
 */

#include "../bench.h"

extern const struct row rows_disk_name[], rows_disk_data[];

/* Start the process that fills the processor's idle time; for a row's set-up. */
void idle_start(void);

/* Round what a row measures, at the start and at the end of its op(): idle time does not count. */
void idle_begin(void);
void idle_end(void);

/* Within it: what happens between the two does not count at all. */
void aside_begin(void);
void aside_end(void);

/* Everything is on the disk and nothing of it in memory. Not measured. */
void disk_cool(void);
