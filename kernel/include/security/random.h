/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The one random source. Any context. Secure once random_is_ready(): before that, getrandom(2) waits.
 */
#include <lib/types.h>
#include <lib/compiler.h>

void random_bytes(void *buf, size_t len);
u64 random_u64(void);
u64 random_below(u64 bound); /* uniform in [0, bound) */
bool random_is_ready(void);
/* Entropy from devices, interrupts, the boot loader; credit in bits as the source claims (0: none). */
void random_mix(const void *data, size_t len, unsigned credit_bits);
/* Sleep until ready: 0 or -ERESTARTSYS. */
int random_wait_ready(void) MUST_CHECK;
struct wait_queue;
/* Woken when the source becomes ready. */
struct wait_queue *random_wait_queue(void);
