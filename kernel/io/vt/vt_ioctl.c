/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctls of virtual terminals. [man ioctl_console(2), ioctl_vt(4)]
 *
 * Changing needs the terminal to be the caller's own, or CAP_SYS_TTY_CONFIG. Fonts, key maps and palettes are not there.
 */
#include "vt_impl.h"
#include "../tty/tty_impl.h"
#include <linux/kd.h>
#include <linux/tiocl.h>

static s64 put_int(struct uptr arg, s32 v)
{
	return copy_to_user(arg, &v, sizeof(v));
}

static s64 put_byte(struct uptr arg, u8 v)
{
	return copy_to_user(arg, &v, sizeof(v));
}

static bool may_change(struct tty *tty)
{
	return READ_ONCE(task_current()->proc->tty) == tty || capable(CAP_SYS_TTY_CONFIG);
}

/* ---- the screen ---- */

static s64 set_kd_mode(struct vt *vt, u64 mode)
{
	irqflags_t flags;
	bool changed;

	if (mode > KD_TEXT1)
		return -EINVAL;
	mode = mode == KD_GRAPHICS ? KD_GRAPHICS : KD_TEXT;
	flags = vt_lock();
	changed = vt->kd_mode != mode;
	vt->kd_mode = (u8)mode;
	vt_unlock(flags);
	if (changed && mode == KD_TEXT && vt == vt_seen())
		vt_draw_again();
	return 0;
}

/* ---- the keyboard ---- */

static s64 set_kb_mode(struct vt *vt, u64 mode)
{
	irqflags_t flags;

	if (mode != K_XLATE && mode != K_UNICODE && mode != K_MEDIUMRAW && mode != K_OFF)
		return -EINVAL;
	flags = vt_lock();
	vt->kb_mode = (u8)mode;
	vt_unlock(flags);
	return 0;
}

static s64 set_meta(struct vt *vt, u64 mode)
{
	irqflags_t flags;

	if (mode != K_METABIT && mode != K_ESCPREFIX)
		return -EINVAL;
	flags = vt_lock();
	vt->keys.meta_bit = mode == K_METABIT;
	vt_unlock(flags);
	return 0;
}

static s64 set_locks(struct vt *vt, u64 locks)
{
	irqflags_t flags;

	if (locks & ~0x77ull)
		return -EINVAL;
	flags = vt_lock();
	vt->keys.leds = locks & 7;
	vt_unlock(flags);
	vt_show_leds();
	return 0;
}

static s64 keyboard_ioctl(struct vt *vt, unsigned cmd, u64 arg, bool mine)
{
	struct uptr p = uptr_make(arg);

	switch (cmd) {
	case KDGKBTYPE: return put_byte(p, KB_101);
	case KDGKBMODE: return put_int(p, vt->kb_mode);
	case KDGKBMETA: return put_int(p, vt->keys.meta_bit ? K_METABIT : K_ESCPREFIX);
	case KDGKBLED: return put_byte(p, vt->keys.leds);
	case KDGETLED: return put_byte(p, vt->keys.leds);
	case KDSKBMODE: return mine ? set_kb_mode(vt, arg) : -EPERM;
	case KDSKBMETA: return set_meta(vt, arg);
	case KDSKBLED: return mine ? set_locks(vt, arg) : -EPERM;
	case KDSETLED: return mine ? set_locks(vt, arg & 7) : -EPERM;
	default: return -ENOIOCTLCMD;
	}
}

/* ---- switching ---- */

static s64 open_query(struct uptr arg)
{
	s32 found = -1;

	for (unsigned nr = 1; nr < VT_NUMBERS && found < 0; nr++) {
		struct vt *vt = vt_find(nr);

		if (!vt || (!READ_ONCE(vt->tty.open_count) && vt != vt_seen()))
			found = (s32)nr;
	}
	return put_int(arg, found);
}

static s64 get_state(struct uptr arg)
{
	struct vt_stat st = {.v_active = (u16)vt_seen()->nr, .v_state = 1};

	for (unsigned nr = 1; nr < 16; nr++) {
		struct vt *vt = vt_find(nr);

		if (vt && (vt == vt_seen() || READ_ONCE(vt->tty.open_count)))
			st.v_state |= (u16)(1u << nr);
	}
	return copy_to_user(arg, &st, sizeof(st));
}

static s64 get_mode(struct vt *vt, struct uptr arg)
{
	struct vt_mode mode;

	mutex_lock(&vt_switch_mutex);
	mode = vt->mode;
	mutex_unlock(&vt_switch_mutex);
	return copy_to_user(arg, &mode, sizeof(mode));
}

static s64 set_mode(struct vt *vt, struct uptr arg)
{
	struct vt_mode mode;

	if (copy_from_user(&mode, arg, sizeof(mode)))
		return -EFAULT;
	if (mode.mode != VT_AUTO && mode.mode != VT_PROCESS)
		return -EINVAL;
	mutex_lock(&vt_switch_mutex);
	vt_reset_mode(vt);
	mode.frsig = 0;
	vt->mode = mode;
	if (mode.mode == VT_PROCESS) {
		vt->owner = task_current()->proc->pid;
		pid_get(vt->owner);
	}
	mutex_unlock(&vt_switch_mutex);
	return 0;
}

/* The process answers: go, do not, or it has seen that it is back. */
static s64 release_display(struct vt *vt, u64 arg)
{
	unsigned next;
	s64 err = 0;

	mutex_lock(&vt_switch_mutex);
	next = vt->next;
	vt->next = 0;
	if (vt->mode.mode != VT_PROCESS)
		err = -EINVAL;
	else if (!next)
		err = arg == VT_ACKACQ ? 0 : -EINVAL;
	else if (arg && vt == vt_seen())
		vt_show(vt_find(next));
	mutex_unlock(&vt_switch_mutex);
	return err;
}

static s64 wait_active(u64 nr)
{
	if (!nr || nr >= VT_NUMBERS)
		return -ENXIO;
	return wait_event_interruptible(&vt_switched, vt_seen()->nr == nr) ? -EINTR : 0;
}

/* Empty terminals that nobody uses: one, or all. Their memory stays for the next user. */
static s64 disallocate(u64 nr)
{
	s64 err = 0;

	if (nr >= VT_NUMBERS)
		return -ENXIO;
	for (unsigned i = nr ? (unsigned)nr : 1; i < (nr ? nr + 1 : VT_NUMBERS); i++) {
		struct vt *vt = vt_find(i);
		irqflags_t flags;

		if (!vt)
			continue;
		if (READ_ONCE(vt->tty.open_count) || vt == vt_seen()) {
			err = nr ? -EBUSY : 0;
			continue;
		}
		flags = vt_lock();
		screen_reset(&vt->screen);
		vt_unlock(flags);
	}
	return err;
}

/* The size of the display is what it is. */
static s64 resize(struct uptr arg)
{
	struct vt_sizes sizes;

	if (copy_from_user(&sizes, arg, sizeof(sizes)))
		return -EFAULT;
	return (!sizes.v_rows || sizes.v_rows == vt_rows()) && (!sizes.v_cols || sizes.v_cols == vt_columns()) ? 0 : -EINVAL;
}

static s64 switch_ioctl(struct vt *vt, unsigned cmd, u64 arg, bool mine)
{
	struct uptr p = uptr_make(arg);

	switch (cmd) {
	case VT_OPENQRY: return open_query(p);
	case VT_GETSTATE: return get_state(p);
	case VT_GETMODE: return get_mode(vt, p);
	case VT_SETMODE: return mine ? set_mode(vt, p) : -EPERM;
	case VT_RELDISP: return mine ? release_display(vt, arg) : -EPERM;
	case VT_ACTIVATE: return !mine ? -EPERM : arg < VT_NUMBERS ? vt_switch((unsigned)arg) : -ENXIO;
	case VT_WAITACTIVE: return mine ? wait_active(arg) : -EPERM;
	case VT_DISALLOCATE: return disallocate(arg);
	case VT_RESIZE: return mine ? resize(p) : -EPERM;
	default: return -ENOIOCTLCMD;
	}
}

/* ---- TIOCLINUX: the first byte says what, and is where answers go ---- */

static s64 tioclinux(struct tty *tty, struct uptr arg)
{
	u8 what;

	if (!may_change(tty))
		return -EPERM;
	if (copy_from_user(&what, arg, 1))
		return -EFAULT;
	switch (what) {
	case TIOCL_GETSHIFTSTATE: return put_byte(arg, vt_shift_state());
	case TIOCL_GETMOUSEREPORTING: return put_byte(arg, 0);
	case TIOCL_GETFGCONSOLE: return (s64)vt_seen()->nr - 1;
	case TIOCL_UNBLANKSCREEN: return 0; /* it never is */
	default: return -EINVAL;
	}
}

s64 vt_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg)
{
	struct vt *vt = vt_of(tty);
	bool mine = may_change(tty);
	s64 ret;

	switch (cmd) {
	case TIOCLINUX: return tioclinux(tty, uptr_make(arg));
	case KIOCSOUND:
	case KDMKTONE: return mine ? 0 : -EPERM; /* as Linux without a speaker */
	case KDGETMODE: return put_int(uptr_make(arg), vt->kd_mode);
	case KDSETMODE: return mine ? set_kd_mode(vt, arg) : -EPERM;
	}
	ret = keyboard_ioctl(vt, cmd, arg, mine);
	return ret == -ENOIOCTLCMD ? switch_ioctl(vt, cmd, arg, mine) : ret;
}
