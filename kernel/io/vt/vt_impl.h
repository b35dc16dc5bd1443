/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Virtual terminals, for the files of kernel/io/vt.
 *
 *	write(2) ─► line discipline ─► vt.c ─► screen ─┐ row by row, by a work item
 *	klog ──────────────────────────────────────────┤
 *	                                               └► vt_draw.c ─► display port
 *	input port ─► vt_keys.c ─► keymap ─► line discipline ─► read(2)
 *
 * vt_lock (bare, see log_lock.h) guards all screens, which terminal is seen, and the settings of each. vt_switch_mutex orders changes of the terminal
 * that is seen; the process that has asked for it is told and may take its time:
 *
 *	SEEN --vt_switch--> (VT_PROCESS: next is set, relsig sent) --VT_RELDISP--> the next one is SEEN, and told by acqsig
 *
 * A terminal is made when it is first wanted and stays.
 */
#include <io/tty.h>
#include <io/vt.h>
#include <linux/vt.h>
#include "keymap.h"
#include "screen.h"

#define VT_NUMBERS 64 /* 1 .. 63 */

struct pid;

struct vt {
	struct tty tty;
	unsigned nr;
	u32 feeding;		  /* atomic: calls of start that nobody has served yet; the first serves all */
	/* vt_lock: */
	struct screen screen;
	struct keymap_modes keys; /* leds only; the others are the screen's */
	u8 kd_mode, kb_mode;	  /* KD_*, K_* */
	struct vt_mode mode;	  /* vt_switch_mutex too */
	struct pid *owner;	  /* of mode, a reference; vt_switch_mutex */
	unsigned next;		  /* waits for VT_RELDISP to go there; 0: does not; vt_switch_mutex */
};

/* vt.c */
extern struct mutex vt_switch_mutex;
extern struct wait_queue vt_switched; /* another terminal is seen */
irqflags_t vt_lock(void);
void vt_unlock(irqflags_t flags);
struct vt *vt_seen(void);	      /* NULL: there is no display yet; stays */
struct vt *vt_find(unsigned nr);      /* NULL: not made yet */
struct vt *vt_of(struct tty *tty);
int vt_make(unsigned nr, struct vt **out) MUST_CHECK; /* find it or make it; -ENXIO -ENOMEM; may sleep */
/* Go to terminal @nr, or ask its process to let go of the one that is seen. Thread context. -ENXIO -ENOMEM. */
int vt_switch(unsigned nr) MUST_CHECK;
void vt_show(struct vt *vt);		/* the second half of it; vt_switch_mutex held */
void vt_reset_mode(struct vt *vt);	/* VT_AUTO; vt_switch_mutex held */

/* vt_draw.c */
void vt_draw(void);	    /* soon; any context but klog's */
void vt_draw_again(void);   /* everything: the display was somebody else's */
u32 vt_columns(void), vt_rows(void);
int vt_display_use(const struct display_ops *ops, void *self) MUST_CHECK; /* the port only; -EBUSY -EINVAL -ENOMEM */

/* vt_keys.c */
void vt_show_leds(void);    /* of the terminal that is seen; any context */
u8 vt_shift_state(void);

/* vt_ioctl.c */
s64 vt_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg);
