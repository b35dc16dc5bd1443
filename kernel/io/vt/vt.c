/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual terminals: their making, what is written to them, and which one is seen. vt_impl.h has the picture. [man console_ioctl(4)]
 */
#include "vt_impl.h"
#include "../log_lock.h"
#include "../tty/tty_impl.h"
#include <debug/log.h>
#include <init/initcall.h>
#include <init/param.h>
#include <irq/irq.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <linux/kd.h>
#include <vfs/sysfs.h>

/* clang-format off */
LOCK_CLASS(vt_switch, RANK_TTY + 4, "which virtual terminal is seen");
LOCK_CLASS(vt_make, RANK_TTY + 6, "making virtual terminals");
/* clang-format on */

#define CHUNK 256

struct mutex vt_switch_mutex = MUTEX_INIT(vt_switch_mutex, vt_switch);
struct wait_queue vt_switched;
static struct mutex make_mutex = MUTEX_INIT(make_mutex, vt_make);
static u32 lock;
static struct vt *seen;		     /* lock; never NULL again */
static struct vt *vts[VT_NUMBERS];   /* set under make_mutex, for ever */

irqflags_t vt_lock(void)
{
	return log_lock_take(&lock);
}

void vt_unlock(irqflags_t flags)
{
	log_lock_drop(&lock, flags);
}

struct vt *vt_of(struct tty *tty)
{
	return container_of(tty, struct vt, tty);
}

struct vt *vt_seen(void)
{
	return LOAD_ACQUIRE(seen);
}

struct vt *vt_find(unsigned nr)
{
	return nr < VT_NUMBERS ? LOAD_ACQUIRE(vts[nr]) : NULL;
}

/* ---- output ---- */

static void write_screen(struct vt *vt, const u8 *text, size_t n)
{
	u8 answer[SCREEN_ANSWER];
	irqflags_t flags = vt_lock();
	u32 nanswer;

	screen_write(&vt->screen, text, n);
	nanswer = vt->screen.nanswer;
	memcpy(answer, vt->screen.answer, nanswer);
	vt->screen.nanswer = 0;
	vt_unlock(flags);
	if (nanswer)
		(void)tty_receive(&vt->tty, answer, nanswer);
}

/* One feeder at a time keeps the order; who comes meanwhile leaves it a note, so that it looks again. */
static void start(struct tty *tty)
{
	struct vt *vt = vt_of(tty);
	u8 buf[CHUNK];
	u32 notes;
	size_t n;

	if (__atomic_fetch_add(&vt->feeding, 1, __ATOMIC_SEQ_CST))
		return;
	do {
		notes = __atomic_load_n(&vt->feeding, __ATOMIC_SEQ_CST);
		while ((n = tty_output_take(tty, buf, sizeof(buf))))
			write_screen(vt, buf, n);
	} while (!__atomic_compare_exchange_n(&vt->feeding, &notes, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	if (vt == vt_seen())
		vt_draw();
}

static void unthrottle(struct tty *tty)
{
	/* What was typed and found no room is lost: a keyboard cannot be told to wait. */
}

static const struct tty_ops vt_ops = {.start = start, .unthrottle = unthrottle, .ioctl = vt_ioctl};

/* ---- the log ---- */

static void draw_soon(struct soft_work *w)
{
	vt_draw();
}

struct vt_console {
	struct log_console console;
	struct vt *vt; /* NULL: the one that is seen */
};

static void console_write(struct log_console *c, const char *s, size_t len)
{
	static struct soft_work soft = {.fn = draw_soon};
	struct vt *vt = container_of(c, struct vt_console, console)->vt;
	irqflags_t flags = vt_lock();

	vt = vt ? vt : seen;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n')
			screen_write(&vt->screen, (const u8 *)"\r", 1);
		screen_write(&vt->screen, (const u8 *)s + i, 1);
	}
	vt_unlock(flags);
	soft_work_queue(&soft); /* not the work itself: any lock may be held here */
}

/* ---- making ---- */

static struct vt *create(unsigned nr)
{
	struct vt *vt = kzalloc(sizeof(*vt), 0);
	u32 *cells = kmalloc((size_t)vt_columns() * vt_rows() * sizeof(u32), 0);
	struct termios2 t = tty_std_termios;
	char name[8];

	t.c_iflag |= IUTF8;
	scnprintf(name, sizeof(name), "tty%u", nr);
	if (!vt || !cells || tty_init(&vt->tty, &vt_ops, &t, name, vfs_mkdev(TTY_MAJOR, nr))) {
		kfree(cells);
		kfree(vt);
		return NULL;
	}
	vt->nr = nr;
	vt->tty.winsize = (struct winsize){.ws_row = (u16)vt_rows(), .ws_col = (u16)vt_columns()};
	vt->kd_mode = KD_TEXT;
	vt->kb_mode = K_UNICODE;
	screen_init(&vt->screen, vt_columns(), vt_rows(), cells);
	return vt;
}

int vt_make(unsigned nr, struct vt **out)
{
	struct vt *vt = vt_find(nr);

	if (!nr || nr >= VT_NUMBERS || !vt_columns())
		return -ENXIO;
	if (!vt) {
		mutex_lock(&make_mutex);
		vt = vts[nr];
		if (!vt) {
			vt = create(nr);
			STORE_RELEASE(vts[nr], vt);
		}
		mutex_unlock(&make_mutex);
	}
	if (!vt)
		return -ENOMEM;
	*out = vt;
	return 0;
}

int vt_get(unsigned nr, struct tty **out)
{
	struct vt *vt = vt_seen();
	int err = nr ? vt_make(nr, &vt) : vt ? 0 : -ENXIO;

	if (err)
		return err;
	tty_get(&vt->tty);
	*out = &vt->tty;
	return 0;
}

/* ---- which one is seen ---- */

void vt_reset_mode(struct vt *vt)
{
	struct pid *old = vt->owner;

	vt->mode = (struct vt_mode){.mode = VT_AUTO};
	vt->owner = NULL;
	vt->next = 0;
	if (old)
		pid_put(old);
}

/* Tell the process that has the terminal; false: it is gone. */
static bool tell_owner(struct vt *vt, int signo)
{
	struct task *t = vt->owner ? pid_task_get(vt->owner, PID_TGID) : NULL;
	siginfo_t info;

	if (!t)
		return false;
	siginfo_kernel(&info, signo);
	(void)signal_send_proc(t->proc, &info);
	task_put(t);
	return true;
}

void vt_show(struct vt *vt)
{
	irqflags_t flags = vt_lock();

	STORE_RELEASE(seen, vt);
	screen_mark_all(&vt->screen);
	vt_unlock(flags);
	if (vt->mode.mode == VT_PROCESS && !tell_owner(vt, vt->mode.acqsig))
		vt_reset_mode(vt);
	vt_show_leds();
	vt_draw();
	wait_wake_all(&vt_switched);
}

int vt_switch(unsigned nr)
{
	struct vt *from, *to;
	int err = vt_make(nr, &to);

	if (err)
		return err;
	mutex_lock(&vt_switch_mutex);
	from = vt_seen();
	if (from == to)
		goto out;
	if (from->mode.mode == VT_PROCESS) {
		from->next = nr;
		if (tell_owner(from, from->mode.relsig))
			goto out;
		vt_reset_mode(from);
	} else if (from->kd_mode == KD_GRAPHICS) {
		goto out; /* nobody would give the display back */
	}
	vt_show(to);
out:
	mutex_unlock(&vt_switch_mutex);
	return 0;
}

/* ---- beginning ---- */

/* The number behind "tty", or -1: "ttyS0". */
static int number_of(const char *word)
{
	const char *end;
	u64 n;

	if (strncmp(word, "tty", 3) || strtou64_prefix(word + 3, 10, &end, &n) || (*end && *end != ',') || n >= VT_NUMBERS)
		return -1;
	return (int)n;
}

/* Show the log where console= wants it: on the terminal that is seen if it says tty0, or nothing at all. */
static void add_consoles(void)
{
	static struct vt_console consoles[4];
	unsigned used = 0;
	const char *word;

	for (unsigned i = 0; (word = param_nth("console", i)) || !i; i++) {
		int nr = word ? number_of(word) : 0;
		struct vt_console *c = &consoles[used];

		if (nr < 0 || used == ARRAY_SIZE(consoles) || (nr && vt_make((unsigned)nr, &c->vt)))
			continue;
		used++;
		c->console = (struct log_console){.name = "tty", .write = console_write, .history = true};
		log_console_register(&c->console);
		if (!word)
			break;
	}
}

static int show_active(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "tty%u\n", vt_seen()->nr);
	return 0;
}

static const struct pseudo_file tty0_files[] = {{.name = "active", .mode = 0444, .show = show_active}};

static int add_nodes(void)
{
	char name[8];
	int err = 0;

	for (unsigned nr = 0; nr < VT_NUMBERS && !err; nr++) {
		scnprintf(name, sizeof(name), "tty%u", nr);
		err = device_node_add(&(struct device_node){.class = "tty", .name = name, .mode = nr ? 0600 : 0620,
			.rdev = vfs_mkdev(TTY_MAJOR, nr), .files = nr ? NULL : tty0_files, .nfiles = nr ? 0 : ARRAY_SIZE(tty0_files)});
	}
	return err;
}

int vt_display_add(const struct display_ops *ops, void *self)
{
	struct vt *first;
	int err = vt_display_use(ops, self);

	if (err)
		return err;
	if (vt_seen()) { /* a successor */
		vt_draw_again();
		return 0;
	}
	err = vt_make(1, &first);
	if (!err)
		err = add_nodes();
	if (err) {
		vt_display_remove(self);
		return err;
	}
	STORE_RELEASE(seen, first);
	vt_draw();
	add_consoles();
	return 0;
}

static int vt_open(struct inode *inode, struct file *f)
{
	struct tty *tty;
	int err = vt_get(vfs_minor(inode->rdev), &tty);

	return err ? err : tty_open_file(tty, f, f->flags & O_NOCTTY, false);
}

static const struct file_ops vt_file_ops = {.open = vt_open};
static struct chrdev vt_dev = {.major = TTY_MAJOR, .minor = 0, .nminors = VT_NUMBERS, .ops = &vt_file_ops, .name = "tty"};

static int vt_init(void)
{
	wait_queue_init(&vt_switched);
	return chrdev_register(&vt_dev);
}

INITCALL(vt, "tty", vt_init);
