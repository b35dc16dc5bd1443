/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text mode of a VGA behind the display port: two bytes a cell, a character of code page 437 and its colours.
 *
 * Death: nothing is kept; the cells on the screen stay until a successor writes them anew.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <env/device.h>
#include <env/mem.h>
#include <port/display.h>
#include "cp437.h"

#define CRTC_CURSOR_START 0x0a
#define CRTC_CURSOR_END	  0x0b
#define CRTC_CURSOR_HIGH  0x0e
#define CRTC_CURSOR_LOW	  0x0f
#define CURSOR_OFF	  0x20
#define SCAN_LINES	  16
#define CYAN		  3 /* colour modes have no line below: underlined is cyan */

struct vga_text {
	struct env_regs *cells, *crtc;
	struct display_info info;
};

static void crtc_write(struct vga_text *v, u8 reg, u8 value)
{
	env_reg_write(v->crtc, 0, 1, reg);
	env_reg_write(v->crtc, 1, 1, value);
}

static void vga_info(void *self, struct display_info *out)
{
	struct vga_text *v = self;

	*out = v->info;
}

/* VGA has blue where ECMA-48 has red. */
static u32 colour(u32 c)
{
	return (c & 0xa) | (c & 1) << 2 | (c & 4) >> 2;
}

static u16 vga_cell(u32 cell)
{
	u32 front = cell & DISPLAY_UNDERLINE ? (DISPLAY_FRONT(cell) & 8) | CYAN : colour(DISPLAY_FRONT(cell));
	u32 back = cell & DISPLAY_BLINK ? colour(DISPLAY_BACK(cell)) | 8 : colour(DISPLAY_BACK(cell)) & 7;

	return (u16)(cp437_of(DISPLAY_CHAR(cell)) | front << 8 | back << 12);
}

static void vga_put(void *self, u32 row, u32 column, const u32 *cells, u32 n)
{
	struct vga_text *v = self;
	u64 at = (u64)(row * v->info.columns + column) * 2;

	for (u32 i = 0; i < n; i++)
		env_reg_write(v->cells, at + i * 2, 2, vga_cell(cells[i]));
}

static void vga_cursor(void *self, enum display_cursor shape, u32 row, u32 column, u32 cell)
{
	struct vga_text *v = self;
	u32 at = row * v->info.columns + column;

	if (shape == DISPLAY_CURSOR_NONE) {
		crtc_write(v, CRTC_CURSOR_START, CURSOR_OFF);
		return;
	}
	crtc_write(v, CRTC_CURSOR_HIGH, (u8)(at >> 8));
	crtc_write(v, CRTC_CURSOR_LOW, (u8)at);
	crtc_write(v, CRTC_CURSOR_START, shape == DISPLAY_CURSOR_BLOCK ? 0 : SCAN_LINES - 3);
	crtc_write(v, CRTC_CURSOR_END, SCAN_LINES - 2);
}

static const struct display_ops vga_ops = {.info = vga_info, .put = vga_put, .cursor = vga_cursor};

static void vga_detach(void *self, enum env_detach why)
{
	struct vga_text *v = self;

	env_regs_unmap(v->cells);
	env_regs_unmap(v->crtc);
	env_free(v, sizeof(*v));
}

static int vga_attach(struct env_device *dev, void **out_self)
{
	struct vga_text *v = env_alloc(sizeof(*v), ENV_ALLOC_ZERO);
	struct env_device_info info;
	int err;

	if (!v)
		return -ENOMEM;
	env_device_info(dev, &info);
	v->info.columns = env_config_read(dev, ENV_WORD_WIDTH, 4);
	v->info.rows = env_config_read(dev, ENV_WORD_HEIGHT, 4);
	err = env_regs_map(dev, 0, 0, info.reg_len[0], &v->cells);
	if (!err)
		err = env_regs_map(dev, 1, 0, 2, &v->crtc);
	if (!err && (u64)v->info.columns * v->info.rows * 2 > info.reg_len[0])
		err = -ENODEV;
	if (err) {
		vga_detach(v, ENV_DEVICE_RELEASED);
		return err;
	}
	*out_self = v;
	return 0;
}

static const struct env_match matches[] = {{.bus = ENV_BUS_PLATFORM, .vendor = ~0u, .device = ENV_PLATFORM_VGA_TEXT}};

const struct env_driver vga_text_driver = {
	.name = "vga-text",
	.matches = matches,
	.nmatches = ARRAY_SIZE(matches),
	.port = PORT_DISPLAY,
	.ops = &vga_ops,
	.attach = vga_attach,
	.detach = vga_detach,
};
