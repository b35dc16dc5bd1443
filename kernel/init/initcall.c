/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot graph: depth first along `after`, in the order of the linker otherwise. States: NEW -> VISITING -> DONE; meeting VISITING is a cycle.
 */
#include <lib/string.h>
#include <lib/errno.h>
#include <init/initcall.h>
#include <init/param.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <mm/slab.h>
#include <time/clock.h>

extern const struct initcall *const __start_initcalls[], *const __stop_initcalls[];

enum state { NEW, VISITING, DONE };

static void visit(unsigned i, u8 *state, bool verbose);

static unsigned find(const char *name, size_t len)
{
	unsigned n = (unsigned)(__stop_initcalls - __start_initcalls);

	for (unsigned i = 0; i < n; i++)
		if (!strncmp(__start_initcalls[i]->name, name, len) && !__start_initcalls[i]->name[len])
			return i;
	panic("initcall: no \"%.*s\"", (int)len, name);
}

static void run(const struct initcall *c, bool verbose)
{
	u64 start = clock_monotonic();
	int err = c->fn();

	if (err)
		klog(LOG_ERR, "initcall %s: error %d", c->name, err);
	if (verbose)
		klog(LOG_INFO, "initcall %s after \"%s\": %llu us", c->name, c->after, (clock_monotonic() - start) / 1000);
}

static void visit(unsigned i, u8 *state, bool verbose)
{
	const struct initcall *c = __start_initcalls[i];

	if (state[i] == DONE)
		return;
	if (state[i] == VISITING)
		panic("initcall: %s waits for itself", c->name);
	state[i] = VISITING;
	for (const char *s = c->after; *s;) {
		size_t len = strcspn(s, " ");

		if (len)
			visit(find(s, len), state, verbose);
		s += len + (s[len] == ' ');
	}
	run(c, verbose);
	state[i] = DONE;
}

void initcalls_run(void)
{
	unsigned n = (unsigned)(__stop_initcalls - __start_initcalls);
	u8 *state = kzalloc(n + 1, ALLOC_SLEEP);
	bool verbose = param_bool("initcall_debug", false);

	if (!state)
		panic("initcalls: no memory");
	for (unsigned i = 0; i < n; i++)
		visit(i, state, verbose);
	kfree(state);
}
