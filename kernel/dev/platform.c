/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What no bus lists: the screen that the boot loader told of, and the PC's keyboard controller, which is of use only with a screen.
 */
#include <arch/boot.h>
#include <arch/irq.h>
#include <dev/acpi.h>
#include <dev/device.h>
#include <init/initcall.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <mm/slab.h>

#define WORDS (ENV_WORD_BLUE / 4 + 1)

static const u32 *screen_words(const struct boot_framebuffer *fb)
{
	static u32 words[WORDS];

	words[ENV_WORD_WIDTH / 4] = fb->width;
	words[ENV_WORD_HEIGHT / 4] = fb->height;
	words[ENV_WORD_PITCH / 4] = fb->pitch;
	words[ENV_WORD_BITS / 4] = fb->bpp;
	words[ENV_WORD_RED / 4] = fb->red_pos | (u32)fb->red_len << 8;
	words[ENV_WORD_GREEN / 4] = fb->green_pos | (u32)fb->green_len << 8;
	words[ENV_WORD_BLUE / 4] = fb->blue_pos | (u32)fb->blue_len << 8;
	return words;
}

static struct env_device *create(enum env_platform what, const char *name)
{
	struct env_device *dev = kzalloc(sizeof(*dev), ALLOC_SLEEP);

	if (!dev)
		return NULL;
	dev->info = (struct env_device_info){.bus = ENV_BUS_PLATFORM, .device = what, .dma_mask = ~0ull};
	scnprintf(dev->info.name, sizeof(dev->info.name), "platform:%s", name);
	return dev;
}

static void add_window(struct env_device *dev, unsigned i, struct device_window w)
{
	dev->windows[i] = w;
	dev->info.reg_len[i] = w.len;
}

static int add_screen(const struct boot_framebuffer *fb)
{
	struct env_device *dev = create(fb->is_text ? ENV_PLATFORM_VGA_TEXT : ENV_PLATFORM_FRAMEBUFFER, "screen");

	if (!dev)
		return -ENOMEM;
	dev->words = screen_words(fb);
	dev->nwords = WORDS;
	add_window(dev, 0, (struct device_window){.base = fb->base, .len = (u64)fb->pitch * fb->height, .combine = !fb->is_text});
	if (fb->is_text)
		add_window(dev, 1, (struct device_window){.base = 0x3d4, .len = 2, .io = true});
	device_add(dev);
	return 0;
}

static int add_keyboard(void)
{
	struct env_device *dev = create(ENV_PLATFORM_I8042, "i8042");

	if (!dev)
		return -ENOMEM;
	add_window(dev, 0, (struct device_window){.base = 0x60, .len = 1, .io = true});
	add_window(dev, 1, (struct device_window){.base = 0x64, .len = 1, .io = true});
	dev->gsi = arch_isa_to_gsi(1, &dev->gsi_level, &dev->gsi_low);
	dev->info.nvectors = 1;
	device_add(dev);
	return 0;
}

static int platform_init(void)
{
	int err;

	if (!boot_info.fb.base)
		return 0;
	err = add_screen(&boot_info.fb);
	return err || firmware.no_8042 ? err : add_keyboard();
}

INITCALL(platform, "vt serial8250", platform_init);
