/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the keyboard to the terminal that is seen. Keys come in any context; what needs a thread goes through a work item.
 *
 * Locks: vt_lock guards the keymap; input_lock, a leaf, guards the port.
 */
#include "vt_impl.h"
#include "../tty/tty_impl.h"
#include <env/lock.h>
#include <lib/errno.h>
#include <proc/reboot.h>
#include <linux/kd.h>

LOCK_CLASS(vt_input, ENV_RANK_DRIVER - 1, "the keyboard of the virtual terminals");

enum wish { WISH_REBOOT = 1u << 8, WISH_NUMBER = 0xff };

static struct keymap keymap; /* vt_lock */
static u32 wishes;	     /* atomic: enum wish, for the work item */
static struct spinlock input_lock = SPINLOCK_INIT(vt_input);
static const struct input_ops *input; /* input_lock */
static void *input_self;

/* ---- lights ---- */

void vt_show_leds(void)
{
	irqflags_t flags = vt_lock();
	struct vt *vt = vt_seen();
	u8 leds = vt ? vt->keys.leds : 0;

	vt_unlock(flags);
	flags = spin_lock_irqsave(&input_lock);
	if (input)
		input->set_leds(input_self, leds);
	spin_unlock_irqrestore(&input_lock, flags);
}

u8 vt_shift_state(void)
{
	irqflags_t flags = vt_lock();
	u8 state = keymap_shift_state(&keymap);

	vt_unlock(flags);
	return state;
}

/* ---- what users wish ---- */

static void grant(struct work *w)
{
	u32 wish = __atomic_exchange_n(&wishes, 0, __ATOMIC_ACQUIRE);

	if (wish & WISH_REBOOT)
		reboot_by_keys();
	if (wish & WISH_NUMBER)
		(void)!vt_switch(wish & WISH_NUMBER);
}

static struct work wish_work = WORK_INIT(grant);

static void wish(u32 what)
{
	__atomic_store_n(&wishes, what, __ATOMIC_RELEASE);
	(void)work_queue(&wish_work);
}

/* The next terminal up or down that has been made, round the ends. */
static u32 neighbour(u32 nr, int step)
{
	u32 at = nr;

	do
		at = (at + (u32)step) % VT_NUMBERS;
	while (at != nr && !vt_find(at));
	return at;
}

static void hold(struct vt *vt)
{
	if (vt->keys.leds & INPUT_LED_SCROLL)
		TTY_LDISC(&vt->tty, ldisc_stop(vt->tty.ld));
	else
		TTY_LDISC(&vt->tty, ldisc_start(vt->tty.ld));
}

/* ---- keys ---- */

/* K_MEDIUMRAW: the code itself, in three bytes if it is large. */
static void raw_key(u32 code, enum input_value value, struct keymap_result *r)
{
	u8 up = value == INPUT_UP ? 0x80 : 0;

	*r = (struct keymap_result){.what = KEYMAP_BYTES};
	if (code < 128) {
		r->bytes[r->n++] = (u8)code | up;
		return;
	}
	r->bytes[r->n++] = up;
	r->bytes[r->n++] = (u8)(code >> 7) | 0x80;
	r->bytes[r->n++] = (u8)code | 0x80;
}

/* What a key means for the terminal that is seen. */
static struct vt *translate(u32 code, enum input_value value, struct keymap_result *r, bool *out_leds)
{
	irqflags_t flags = vt_lock();
	struct vt *vt = vt_seen();
	struct keymap_modes *m = &vt->keys;
	u8 leds = m->leds;

	m->app_cursor = vt->screen.modes & SCREEN_APP_CURSOR;
	m->app_keypad = vt->screen.modes & SCREEN_APP_KEYPAD;
	m->newline = vt->screen.modes & SCREEN_NEWLINE;
	keymap_key(&keymap, m, code, value, r);
	if (vt->kb_mode == K_MEDIUMRAW)
		raw_key(code, value, r);
	else if (vt->kb_mode == K_OFF)
		r->n = 0;
	*out_leds = m->leds != leds;
	vt_unlock(flags);
	return vt;
}

static void key(void *arg, u32 code, enum input_value value)
{
	struct keymap_result r;
	bool leds;
	struct vt *vt = translate(code, value, &r, &leds);

	if (leds)
		vt_show_leds();
	switch (r.what) {
	case KEYMAP_BYTES:
		if (r.n)
			(void)tty_receive(&vt->tty, r.bytes, r.n);
		break;
	case KEYMAP_SWITCH: wish(r.n); break;
	case KEYMAP_PREVIOUS: wish(neighbour(vt->nr, -1)); break;
	case KEYMAP_NEXT: wish(neighbour(vt->nr, 1)); break;
	case KEYMAP_HOLD: hold(vt); break;
	case KEYMAP_REBOOT: wish(WISH_REBOOT); break;
	}
}

/* ---- the port ---- */

int vt_input_add(const struct input_ops *ops, void *self)
{
	irqflags_t flags;
	int err;

	if (!vt_seen())
		return -ENODEV;
	flags = spin_lock_irqsave(&input_lock);
	err = input ? -EBUSY : 0;
	if (!err) {
		input = ops;
		input_self = self;
	}
	spin_unlock_irqrestore(&input_lock, flags);
	if (!err)
		err = ops->start(self, key, NULL);
	if (err)
		vt_input_remove(self);
	else
		vt_show_leds();
	return err;
}

void vt_input_remove(void *self)
{
	irqflags_t flags = spin_lock_irqsave(&input_lock);
	const struct input_ops *ops = input_self == self ? input : NULL;

	if (ops)
		input = NULL;
	spin_unlock_irqrestore(&input_lock, flags);
	if (!ops)
		return;
	ops->stop(self);
	flags = vt_lock();
	keymap = (struct keymap){0};
	vt_unlock(flags);
}
