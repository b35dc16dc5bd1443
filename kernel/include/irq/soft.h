/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From irq_dispatch, interrupts off, the interrupt done: run what it deferred, unless this interrupted something that must not be. */
void soft_run(void);
