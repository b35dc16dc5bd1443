/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot2: a list of tags, each of 8-byte alignment [multiboot2 3.6].
 */
#include <lib/string.h>
#include "boot_impl.h"

enum {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_MODULE = 3,
	TAG_MEMMAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
};

struct tag {
	u32 type, size;
};

struct tag_module {
	struct tag tag;
	u32 start, end;
	char cmdline[];
};

struct tag_memmap {
	struct tag tag;
	u32 entry_size, entry_version;
	struct {
		u64 base, len;
		u32 type, reserved;
	} entries[];
};

struct tag_framebuffer {
	struct tag tag;
	u64 addr;
	u32 pitch, width, height;
	u8 bpp, type;
	u16 reserved;
	u8 red_pos, red_len, green_pos, green_len, blue_pos, blue_len;
};

static void parse_memmap(const struct tag_memmap *t, struct boot_info *bi)
{
	const char *e = (const char *)t->entries, *end = (const char *)t + t->tag.size;

	for (; t->entry_size >= 24 && e + t->entry_size <= end; e += t->entry_size) {
		u64 base = *(const u64 *)e, len = *(const u64 *)(e + 8);
		u32 type = *(const u32 *)(e + 16);

		boot_range_add(bi, base, len, type == 1 ? MEM_USABLE : type == 3 ? MEM_ACPI :
			type == 4			      ? MEM_NVS : type == 5 ? MEM_BAD : MEM_RESERVED);
	}
}

static void parse_framebuffer(const struct tag_framebuffer *t, struct boot_framebuffer *fb)
{
	if (t->type == 0) /* indexed colours: not of use */
		return;
	fb->base = t->addr;
	fb->pitch = t->pitch;
	fb->width = t->width;
	fb->height = t->height;
	fb->bpp = t->bpp;
	fb->is_text = t->type == 2;
	if (t->type == 1) {
		fb->red_pos = t->red_pos;
		fb->red_len = t->red_len;
		fb->green_pos = t->green_pos;
		fb->green_len = t->green_len;
		fb->blue_pos = t->blue_pos;
		fb->blue_len = t->blue_len;
	}
}

bool boot_parse_multiboot2(paddr_t info, struct boot_info *bi)
{
	const u32 *head = (const u32 *)info;
	paddr_t p = info + 8, end = info + head[0];
	bool have_memory = false;

	while (p + sizeof(struct tag) <= end) {
		const struct tag *t = (const struct tag *)p;

		if (t->type == TAG_END || t->size < sizeof(*t))
			break;
		if (t->type == TAG_CMDLINE) {
			boot_copy_cmdline(bi, (const char *)(t + 1));
		} else if (t->type == TAG_MODULE && !bi->initrd) {
			const struct tag_module *m = (const struct tag_module *)t;

			bi->initrd = m->start;
			bi->initrd_len = m->end - m->start;
		} else if (t->type == TAG_MEMMAP) {
			parse_memmap((const struct tag_memmap *)t, bi);
			have_memory = true;
		} else if (t->type == TAG_FRAMEBUFFER) {
			parse_framebuffer((const struct tag_framebuffer *)t, &bi->fb);
		} else if (t->type == TAG_ACPI_NEW || (t->type == TAG_ACPI_OLD && !bi->acpi_rsdp)) {
			bi->acpi_rsdp = p + sizeof(*t); /* a copy inside the tag */
		}
		p = (p + t->size + 7) & ~7ull;
	}
	return have_memory;
}
