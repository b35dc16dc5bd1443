/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the log, kernel_main and panic(). */

/* Wait queues work: readers may sleep on log_wait_queue(). Once, at boot. */
void log_init(void);
/* From now on locks are not waited for long, every record is shown, and by the early console only. */
void log_enter_panic(void);
