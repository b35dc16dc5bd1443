/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * input: a keyboard tells which keys go down and up.
 *
 * Survives a provider's death: nothing; the kernel takes all keys for released.
 */
#include <lib/types.h>
#include <port/port.h>

enum input_value { INPUT_UP, INPUT_DOWN, INPUT_REPEAT };
enum input_led { INPUT_LED_SCROLL = 1, INPUT_LED_NUM = 2, INPUT_LED_CAPS = 4 };

struct input_ops {
	/*
	 * Begin. key() gets codes of <linux/input-event-codes.h>, one call at a time, in any context.
	 * Context: may sleep.  Returns: 0; -errno of the device.
	 */
	int (*start)(void *self, void (*key)(void *arg, u32 code, enum input_value value), void *arg);
	/* No key() comes after it.  Context: may sleep. */
	void (*stop)(void *self);
	/* Show @leds, soon.  Context: any. */
	void (*set_leds)(void *self, u32 leds);
};
