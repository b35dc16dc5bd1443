/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the screen that is seen to the display: a work item copies each row that has changed, compares it with what is shown there, and puts the
 * differences. Many changes between two of its runs cost one.
 *
 * Locks: display_mutex guards the port and what is shown; vt_lock is taken inside for a row at a time.
 */
#include "vt_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <port/display.h>
#include <sched/work.h>
#include <linux/kd.h>

LOCK_CLASS(vt_display, RANK_TTY + 5, "the display and what it shows");

struct cursor {
	unsigned shape;
	u32 row, column, cell;
};

static struct mutex display_mutex = MUTEX_INIT(display_mutex, vt_display);
static const struct display_ops *display; /* display_mutex, and the next three */
static void *display_self;
static u32 *shown;
static struct cursor shown_cursor;
static struct display_info size; /* of the first display; constant while there are terminals */
static u32 row_cells[SCREEN_MAX_COLUMNS]; /* display_mutex */

u32 vt_columns(void)
{
	return size.columns;
}

u32 vt_rows(void)
{
	return size.rows;
}

static void place_cursor(struct cursor c)
{
	shown_cursor = c;
	display->cursor(display_self, c.shape, c.row, c.column, c.cell);
}

/* Put what differs in a row: from the first to the last difference. */
static void put_row(u32 row)
{
	u32 *old = shown + row * size.columns, lo = 0, hi = size.columns;

	while (lo < hi && row_cells[lo] == old[lo])
		lo++;
	while (hi > lo && row_cells[hi - 1] == old[hi - 1])
		hi--;
	if (lo == hi)
		return;
	if (shown_cursor.shape != DISPLAY_CURSOR_NONE)
		place_cursor((struct cursor){.shape = DISPLAY_CURSOR_NONE});
	display->put(display_self, row, lo, row_cells + lo, hi - lo);
	memcpy(old + lo, row_cells + lo, (hi - lo) * sizeof(u32));
}

static u32 reversed(u32 cell)
{
	return DISPLAY_CELL(cell & 0xffffff, DISPLAY_BACK(cell), DISPLAY_FRONT(cell));
}

/* Copy a row that has changed; false: it has not, or its terminal is in graphics mode. */
static bool take_row(u32 row)
{
	irqflags_t flags = vt_lock();
	struct vt *vt = vt_seen();
	struct screen *s = &vt->screen;
	u64 bit = 1ull << row % 64;
	bool dirty = vt->kd_mode == KD_TEXT && (s->dirty[row / 64] & bit);

	if (dirty) {
		s->dirty[row / 64] &= ~bit;
		for (u32 i = 0; i < size.columns; i++) {
			u32 cell = s->cells[row * size.columns + i];

			row_cells[i] = s->modes & SCREEN_REVERSE ? reversed(cell) : cell;
		}
	}
	vt_unlock(flags);
	return dirty;
}

static struct cursor current_cursor(void)
{
	irqflags_t flags = vt_lock();
	struct vt *vt = vt_seen();
	struct screen *s = &vt->screen;
	struct cursor c = {.shape = vt->kd_mode == KD_TEXT ? screen_cursor_shape(s) : DISPLAY_CURSOR_NONE};

	if (c.shape != DISPLAY_CURSOR_NONE) {
		c.row = s->pen.row;
		c.column = s->pen.column;
	}
	vt_unlock(flags);
	if (c.shape != DISPLAY_CURSOR_NONE)
		c.cell = shown[c.row * size.columns + c.column];
	return c;
}

static void draw(struct work *w)
{
	struct cursor c;

	mutex_lock(&display_mutex);
	if (display) {
		for (u32 row = 0; row < size.rows; row++)
			if (take_row(row))
				put_row(row);
		c = current_cursor();
		if (memcmp(&c, &shown_cursor, sizeof(c)))
			place_cursor(c);
	}
	mutex_unlock(&display_mutex);
}

static struct work draw_work = WORK_INIT(draw);

void vt_draw(void)
{
	(void)work_queue(&draw_work);
}

static void forget_shown(void)
{
	memset(shown, 0xff, (size_t)size.columns * size.rows * sizeof(u32));
}

void vt_draw_again(void)
{
	irqflags_t flags;

	mutex_lock(&display_mutex);
	forget_shown();
	mutex_unlock(&display_mutex);
	flags = vt_lock();
	screen_mark_all(&vt_seen()->screen);
	vt_unlock(flags);
	vt_draw();
}

/* ---- the port ---- */

/* A successor of another size cannot show what was made for the first. */
static int check_size(const struct display_info *info)
{
	if (!info->columns || !info->rows || info->columns > SCREEN_MAX_COLUMNS || info->rows > SCREEN_MAX_ROWS)
		return -EINVAL;
	return shown && memcmp(info, &size, sizeof(size)) ? -EINVAL : 0;
}

int vt_display_use(const struct display_ops *ops, void *self)
{
	struct display_info info;
	int err = -EBUSY;

	mutex_lock(&display_mutex);
	if (display)
		goto out;
	ops->info(self, &info);
	err = check_size(&info);
	if (err)
		goto out;
	if (!shown) {
		size = info;
		err = -ENOMEM;
		shown = kmalloc((size_t)size.columns * size.rows * sizeof(u32), 0);
		if (!shown)
			goto out;
	}
	forget_shown();
	shown_cursor = (struct cursor){.shape = DISPLAY_CURSOR_NONE};
	display = ops;
	display_self = self;
	err = 0;
out:
	mutex_unlock(&display_mutex);
	return err;
}

void vt_display_remove(void *self)
{
	mutex_lock(&display_mutex);
	if (display_self == self)
		display = NULL;
	mutex_unlock(&display_mutex);
}
