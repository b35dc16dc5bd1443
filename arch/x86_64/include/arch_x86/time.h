/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Find the counter's and the local timer's frequency. Boot CPU, after apic_init. */
void time_init(void);
