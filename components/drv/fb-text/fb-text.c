/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text on a linear framebuffer behind the display port: glyphs of FONT_WIDTH x FONT_HEIGHT pixels, drawn pixel by pixel.
 *
 * Death: nothing is kept; the pixels stay until a successor draws them anew.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <env/device.h>
#include <env/mem.h>
#include <port/display.h>
#include "font.h"

#define MAX_COLUMNS 256
#define MAX_ROWS    256

struct fb_text {
	struct env_regs *pixels;
	struct display_info info;
	u32 pitch, bytes; /* of a pixel: 2, 3, 4 */
	u32 palette[16];  /* as pixels */
	bool cursor;
	u32 cursor_row, cursor_column, cursor_cell;
};

static const u32 colours[16] = {
	0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
	0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
};

static void fb_info(void *self, struct display_info *out)
{
	struct fb_text *fb = self;

	*out = fb->info;
}

/* ---- pixels ---- */

static void put_pixel(struct fb_text *fb, u64 at, u32 pixel)
{
	if (fb->bytes != 3) {
		env_reg_write(fb->pixels, at, fb->bytes, pixel);
		return;
	}
	for (u32 i = 0; i < 3; i++)
		env_reg_write(fb->pixels, at + i, 1, pixel >> i * 8 & 0xff);
}

/* One line of a glyph: its leftmost pixel is the highest bit. */
static void put_line(struct fb_text *fb, u64 at, u32 bits, u32 front, u32 back)
{
	for (u32 mask = 1u << (FONT_WIDTH - 1); mask; mask >>= 1, at += fb->bytes)
		put_pixel(fb, at, bits & mask ? front : back);
}

static void draw(struct fb_text *fb, u32 row, u32 column, u32 cell, bool inverted)
{
	const u8 *glyph = font_glyph(DISPLAY_CHAR(cell));
	u64 at = (u64)row * FONT_HEIGHT * fb->pitch + (u64)column * FONT_WIDTH * fb->bytes;
	u32 front = fb->palette[DISPLAY_FRONT(cell)], back = fb->palette[DISPLAY_BACK(cell)];

	for (u32 y = 0; y < FONT_HEIGHT; y++, at += fb->pitch) {
		bool full = y == FONT_HEIGHT - 2 && (cell & DISPLAY_UNDERLINE);

		put_line(fb, at, full ? ~0u : glyph[y], inverted ? back : front, inverted ? front : back);
	}
}

static void draw_line_cursor(struct fb_text *fb, u32 row, u32 column, u32 cell)
{
	u64 at = (u64)((row + 1) * FONT_HEIGHT - 2) * fb->pitch + (u64)column * FONT_WIDTH * fb->bytes;
	u32 front = fb->palette[DISPLAY_FRONT(cell)];

	put_line(fb, at, ~0u, front, front);
	put_line(fb, at + fb->pitch, ~0u, front, front);
}

/* ---- the port ---- */

static void fb_put(void *self, u32 row, u32 column, const u32 *cells, u32 n)
{
	struct fb_text *fb = self;

	for (u32 i = 0; i < n; i++)
		draw(fb, row, column + i, cells[i], false);
}

static void fb_cursor(void *self, enum display_cursor shape, u32 row, u32 column, u32 cell)
{
	struct fb_text *fb = self;

	if (fb->cursor)
		draw(fb, fb->cursor_row, fb->cursor_column, fb->cursor_cell, false);
	fb->cursor = shape != DISPLAY_CURSOR_NONE;
	fb->cursor_row = row;
	fb->cursor_column = column;
	fb->cursor_cell = cell;
	if (shape == DISPLAY_CURSOR_BLOCK)
		draw(fb, row, column, cell, true);
	else if (shape == DISPLAY_CURSOR_LINE)
		draw_line_cursor(fb, row, column, cell);
}

static const struct display_ops fb_ops = {.info = fb_info, .put = fb_put, .cursor = fb_cursor};

/* ---- life ---- */

/* The upper bits of an 8-bit intensity, where the pixel has them. */
static u32 component(struct env_device *dev, u32 word, u32 intensity)
{
	u32 where = env_config_read(dev, word, 4), pos = where & 0xff, len = where >> 8;

	if (!len || len > 8)
		return pos < 32 && len ? intensity << pos : 0;
	return pos < 32 ? intensity >> (8 - len) << pos : 0;
}

static int set_geometry(struct fb_text *fb, struct env_device *dev, u64 len)
{
	u32 width = env_config_read(dev, ENV_WORD_WIDTH, 4), height = env_config_read(dev, ENV_WORD_HEIGHT, 4);

	fb->pitch = env_config_read(dev, ENV_WORD_PITCH, 4);
	fb->bytes = (env_config_read(dev, ENV_WORD_BITS, 4) + 7) / 8;
	fb->info.columns = min_t(u32, width / FONT_WIDTH, MAX_COLUMNS);
	fb->info.rows = min_t(u32, height / FONT_HEIGHT, MAX_ROWS);
	if (fb->bytes < 2 || fb->bytes > 4 || !fb->info.columns || !fb->info.rows || (u64)width * fb->bytes > fb->pitch ||
		(u64)height * fb->pitch > len || (fb->bytes != 3 && fb->pitch % fb->bytes))
		return -ENODEV;
	for (unsigned i = 0; i < ARRAY_SIZE(colours); i++)
		fb->palette[i] = component(dev, ENV_WORD_RED, colours[i] >> 16) | component(dev, ENV_WORD_GREEN, colours[i] >> 8 & 0xff) |
			component(dev, ENV_WORD_BLUE, colours[i] & 0xff);
	return 0;
}

static void fb_detach(void *self, enum env_detach why)
{
	struct fb_text *fb = self;

	env_regs_unmap(fb->pixels);
	env_free(fb, sizeof(*fb));
}

static int fb_attach(struct env_device *dev, void **out_self)
{
	struct env_device_info info;
	struct fb_text *fb;
	int err;

	if (!font_nglyphs) /* the build found none */
		return -ENODEV;
	fb = env_alloc(sizeof(*fb), ENV_ALLOC_ZERO);
	if (!fb)
		return -ENOMEM;
	env_device_info(dev, &info);
	err = set_geometry(fb, dev, info.reg_len[0]);
	if (!err)
		err = env_regs_map(dev, 0, 0, info.reg_len[0], &fb->pixels);
	if (err) {
		fb_detach(fb, ENV_DEVICE_RELEASED);
		return err;
	}
	*out_self = fb;
	return 0;
}

static const struct env_match matches[] = {{.bus = ENV_BUS_PLATFORM, .vendor = ~0u, .device = ENV_PLATFORM_FRAMEBUFFER}};

const struct env_driver fb_text_driver = {
	.name = "fb-text",
	.matches = matches,
	.nmatches = ARRAY_SIZE(matches),
	.port = PORT_DISPLAY,
	.ops = &fb_ops,
	.attach = fb_attach,
	.detach = fb_detach,
};
