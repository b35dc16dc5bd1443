/* SPDX-License-Identifier: BSD-2-Clause */
#include <sync/spinlock.h>

#define BACKOFF_MAX 8 /* a section is a few hundred cycles, and so is this many pauses */

void spin_init_class(struct spinlock *l, struct lock_class *klass)
{
	*l = (struct spinlock){.klass = klass};
}

/* Read until it looks free, so that the line is shared while it is not; then try again. */
void spin_lock_slow(struct spinlock *l)
{
	unsigned pause = 1;

	do {
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED)) {
			for (unsigned i = 0; i < pause; i++)
				cpu_relax();
			if (pause < BACKOFF_MAX)
				pause *= 2;
		}
	} while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE));
}
