/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Virtual terminals: /dev/tty1 and on, of which one is seen at a time. There are none until there is a display.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct tty;
struct display_ops;
struct input_ops;

/* One display and one keyboard at a time, the first. Thread context, may sleep. -EBUSY: there is one; -ENOMEM. */
int vt_display_add(const struct display_ops *ops, void *self) MUST_CHECK;
void vt_display_remove(void *self);
int vt_input_add(const struct input_ops *ops, void *self) MUST_CHECK;
void vt_input_remove(void *self);

/* The terminal of /dev/ttyN, referenced; 0: the one that is seen. -ENXIO: no display, or no such number; -ENOMEM. May sleep. */
int vt_get(unsigned nr, struct tty **out) MUST_CHECK;
