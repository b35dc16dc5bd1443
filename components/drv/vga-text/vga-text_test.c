/* SPDX-License-Identifier: BSD-2-Clause */
#include "cp437.h"
#include <env/device.h>
#include <env_host/device.h>
#include <lib/test.h>
#include <port/display.h>
#include <string.h>

extern const struct env_driver vga_text_driver;

struct model {
	u8 cells[80 * 25 * 2];
	u8 index, crtc[32];
};

static u64 read_reg(void *model, unsigned window, u64 off, unsigned width)
{
	return 0;
}

static void write_reg(void *model, unsigned window, u64 off, unsigned width, u64 v)
{
	struct model *m = model;

	if (window == 0)
		memcpy(m->cells + off, &v, width);
	else if (off == 0)
		m->index = v & 31;
	else
		m->crtc[m->index] = (u8)v;
}

static u32 read_config(void *model, u32 off, unsigned width)
{
	return off == ENV_WORD_WIDTH ? 80 : off == ENV_WORD_HEIGHT ? 25 : 0;
}

static const struct host_device_ops model_ops = {.reg_read = read_reg, .reg_write = write_reg, .config_read = read_config};

TEST(vga_text_shows)
{
	static struct model m;
	static const struct env_device_info info = {
		.bus = ENV_BUS_PLATFORM, .device = ENV_PLATFORM_VGA_TEXT, .reg_len = {sizeof(m.cells), 2}};
	const struct display_ops *ops = vga_text_driver.ops;
	const u32 cells[] = {DISPLAY_CELL('a', 1, 4), DISPLAY_CELL(0xe9, 15, 0), DISPLAY_CELL(0x4e2d, 7, 0)};
	struct display_info size;
	struct env_device dev;
	void *self;

	host_device_init(&dev, &model_ops, &m, &info);
	REQUIRE(vga_text_driver.attach(&dev, &self) == 0);
	ops->info(self, &size);
	CHECK_EQ(size.columns * 1000 + size.rows, 80025);
	ops->put(self, 24, 77, cells, 3);
	CHECK_MEM_EQ(m.cells + sizeof(m.cells) - 6, "a\x14\x82\x0f\xfe\x07", 6);
	ops->cursor(self, DISPLAY_CURSOR_LINE, 1, 2, ' ');
	CHECK_EQ(m.crtc[14] << 8 | m.crtc[15], 82);
	CHECK(!(m.crtc[10] & 0x20));
	ops->cursor(self, DISPLAY_CURSOR_NONE, 0, 0, 0);
	CHECK(m.crtc[10] & 0x20);
	vga_text_driver.detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(host_device_leaks(&dev), 0);
}

TEST(cp437_knows_lines)
{
	CHECK_EQ(cp437_of(0x2500), 0xc4);
	CHECK_EQ(cp437_of(0x263a), 1);
	CHECK_EQ(cp437_of('~'), '~');
	CHECK_EQ(cp437_of(0x1f600), CP437_UNKNOWN);
}
