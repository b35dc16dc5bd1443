/* SPDX-License-Identifier: BSD-2-Clause */
#include "font.h"
#include <env/device.h>
#include <env_host/device.h>
#include <lib/errno.h>
#include <lib/test.h>
#include <port/display.h>
#include <string.h>

extern const struct env_driver fb_text_driver;

#define WIDTH  40
#define HEIGHT 48
#define PITCH  (44 * 4)

struct model {
	u32 bits, red, green, blue;
	u8 pixels[PITCH * HEIGHT];
};

static u64 read_reg(void *model, unsigned window, u64 off, unsigned width)
{
	return 0;
}

static void write_reg(void *model, unsigned window, u64 off, unsigned width, u64 v)
{
	memcpy(((struct model *)model)->pixels + off, &v, width);
}

static u32 read_config(void *model, u32 off, unsigned width)
{
	struct model *m = model;
	const u32 words[] = {WIDTH, HEIGHT, PITCH, m->bits, m->red, m->green, m->blue};

	return words[off / 4];
}

static const struct host_device_ops model_ops = {.reg_read = read_reg, .reg_write = write_reg, .config_read = read_config};
static const struct env_device_info info = {
	.bus = ENV_BUS_PLATFORM, .device = ENV_PLATFORM_FRAMEBUFFER, .reg_len = {PITCH * HEIGHT}};

static u32 pixel(const struct model *m, u32 x, u32 y)
{
	u32 v = 0;

	memcpy(&v, m->pixels + y * PITCH + x * (m->bits / 8), m->bits / 8);
	return v;
}

/* Is the cell at @row, @column drawn as @c in these pixels? */
static bool is_drawn(const struct model *m, u32 row, u32 column, u32 c, u32 front, u32 back)
{
	const u8 *glyph = font_glyph(c);

	for (u32 y = 0; y < FONT_HEIGHT; y++)
		for (u32 x = 0; x < FONT_WIDTH; x++)
			if (pixel(m, column * 8 + x, row * 16 + y) != (glyph[y] & 0x80 >> x ? front : back))
				return false;
	return true;
}

static void draw_and_look(struct model *m, u32 white, u32 red)
{
	const struct display_ops *ops = fb_text_driver.ops;
	const u32 cells[] = {DISPLAY_CELL('A', 15, 0), DISPLAY_CELL(0x2502, 1, 15)};
	struct display_info size;
	struct env_device dev;
	void *self;
	int err;

	host_device_init(&dev, &model_ops, m, &info);
	err = fb_text_driver.attach(&dev, &self);
	if (err == -ENODEV && !font_nglyphs)
		return;
	REQUIRE(err == 0);
	ops->info(self, &size);
	CHECK_EQ(size.columns * 100 + size.rows, 503);
	ops->put(self, 2, 3, cells, 2);
	CHECK(is_drawn(m, 2, 3, 'A', white, 0));
	CHECK(is_drawn(m, 2, 4, 0x2502, red, white));
	ops->cursor(self, DISPLAY_CURSOR_BLOCK, 2, 3, cells[0]);
	CHECK(is_drawn(m, 2, 3, 'A', 0, white));
	ops->cursor(self, DISPLAY_CURSOR_LINE, 2, 4, cells[1]);
	CHECK(is_drawn(m, 2, 3, 'A', white, 0));
	CHECK_EQ(pixel(m, 4 * 8, 2 * 16 + 15), red);
	ops->cursor(self, DISPLAY_CURSOR_NONE, 0, 0, 0);
	CHECK(is_drawn(m, 2, 4, 0x2502, red, white));
	fb_text_driver.detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(host_device_leaks(&dev), 0);
}

TEST(fb_text_32_bits)
{
	static struct model m = {.bits = 32, .red = 16 | 8 << 8, .green = 8 | 8 << 8, .blue = 8 << 8};

	draw_and_look(&m, 0xffffff, 0xaa0000);
}

TEST(fb_text_24_bits)
{
	static struct model m = {.bits = 24, .red = 16 | 8 << 8, .green = 8 | 8 << 8, .blue = 8 << 8};

	draw_and_look(&m, 0xffffff, 0xaa0000);
}

TEST(fb_text_16_bits)
{
	static struct model m = {.bits = 16, .red = 11 | 5 << 8, .green = 5 | 6 << 8, .blue = 5 << 8};

	draw_and_look(&m, 0xffff, 0xa800);
}

TEST(fb_text_refuses_what_does_not_fit)
{
	static struct model m = {.bits = 8};
	struct env_device dev;
	void *self;

	host_device_init(&dev, &model_ops, &m, &info);
	CHECK_EQ(fb_text_driver.attach(&dev, &self), -ENODEV);
	CHECK_EQ(host_device_leaks(&dev), 0);
}
