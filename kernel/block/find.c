/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices by what root= and swap tables call them: <block/bdev.h>, bdev_find.
 *
 * Labels and UUIDs are looked for in the first bytes of each device, as far as the kernel knows the formats:
 *
 *	ext2..4	at 1024: 0x38 magic 0xef53 | 0x68 UUID, 16 | 0x78 label, 16
 *	swap	at the end of the first page: "SWAPSPACE2"; at 1024: 0 version 1 | 0xc UUID, 16 | 0x1c label, 16
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>

#define PROBE_BYTES 4096u
#define LABEL_MAX   16

struct probe {
	char uuid[37], label[LABEL_MAX + 1];
};

static void uuid_text(const u8 *u, char out[37])
{
	scnprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8],
		u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

/* What the first PROBE_BYTES of a device say; nothing: both empty. */
static void probe_bytes(const u8 *p, struct probe *out)
{
	const u8 *sb = p + 1024, *uuid = NULL, *label = NULL;

	*out = (struct probe){0};
	if (sb[0x38] == 0x53 && sb[0x39] == 0xef) {
		uuid = sb + 0x68;
		label = sb + 0x78;
	} else if (!memcmp(p + PROBE_BYTES - 10, "SWAPSPACE2", 10) && part_get32(sb) == 1) {
		uuid = sb + 0xc;
		label = sb + 0x1c;
	}
	if (!uuid)
		return;
	uuid_text(uuid, out->uuid);
	memcpy(out->label, label, LABEL_MAX);
}

static bool probe(struct bdev *b, u8 *buf, struct probe *out)
{
	if (bdev_size(b) < PROBE_BYTES || bdev_read(b, 0, buf, PROBE_BYTES))
		return false;
	probe_bytes(buf, out);
	return true;
}

struct wanted {
	const char *name, *partuuid, *partlabel, *uuid, *label;
	u32 rdev;
	u8 *buf;
};

static bool same_nocase(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a | ((u8)(*a - 'A') < 26 ? 32 : 0)) != (*b | ((u8)(*b - 'A') < 26 ? 32 : 0)))
			return false;
	return *a == *b;
}

static bool is_wanted(struct bdev *b, const struct wanted *w)
{
	struct probe p;

	if (w->name)
		return strcmp(b->name, w->name) == 0;
	if (w->partuuid)
		return b->uuid[0] && same_nocase(b->uuid, w->partuuid);
	if (w->partlabel)
		return b->label[0] && strcmp(b->label, w->partlabel) == 0;
	if (w->rdev)
		return b->rdev == w->rdev;
	if (!probe(b, w->buf, &p))
		return false;
	return w->uuid ? p.uuid[0] && same_nocase(p.uuid, w->uuid) : p.label[0] && strcmp(p.label, w->label) == 0;
}

static int find(const struct wanted *w, struct bdev **out)
{
	struct bdev *b;

	for (u32 n = 0; (b = bdev_nth(n)); n++) {
		if (is_wanted(b, w)) {
			*out = b;
			return 0;
		}
		bdev_put(b);
	}
	return -ENODEV;
}

/* "PARTUUID=.../PARTNROFF=2": the partition with a number so much larger. */
static int find_offset(struct wanted *w, char *uuid, struct bdev **out)
{
	char *off = strchr(uuid, '/');
	struct bdev *b, *at;
	s32 by;
	int err;

	w->partuuid = uuid;
	if (!off)
		return find(w, out);
	*off++ = '\0';
	if (strncmp(off, "PARTNROFF=", 10) || strtos32(off + 10, 10, &by))
		return -EINVAL;
	err = find(w, &b);
	if (err)
		return err;
	err = -ENODEV;
	mutex_lock(&block_lock);
	list_for_each_entry(at, &b->disk->bdevs, link) {
		if (at->listed && (s64)at->partno == (s64)b->partno + by) {
			bdev_get(at);
			*out = at;
			err = 0;
			break;
		}
	}
	mutex_unlock(&block_lock);
	bdev_put(b);
	return err;
}

/* "254:1", or four hexadecimal digits and more: as Linux writes a device number in 16 bits and more. */
static bool parse_number(const char *s, u32 *out)
{
	const char *colon = strchr(s, ':'), *end;
	u64 major, minor, v;

	if (colon) {
		if (strtou64_prefix(s, 10, &end, &major) || end != colon || strtou64(colon + 1, 10, &minor) || major > 4095 || minor > 0xfffff)
			return false;
		*out = vfs_mkdev((u32)major, (u32)minor);
		return true;
	}
	if (strtou64(s, 16, &v) || v > ~0u)
		return false;
	*out = (u32)v;
	return true;
}

static int find_spec(char *spec, u8 *buf, struct bdev **out)
{
	struct wanted w = {.buf = buf};
	int err;

	if (!strncmp(spec, "/dev/", 5)) {
		w.name = spec + 5;
		return find(&w, out);
	}
	if (!strncmp(spec, "PARTUUID=", 9))
		return find_offset(&w, spec + 9, out);
	if (!strncmp(spec, "PARTLABEL=", 10))
		w.partlabel = spec + 10;
	else if (!strncmp(spec, "UUID=", 5))
		w.uuid = spec + 5;
	else if (!strncmp(spec, "LABEL=", 6))
		w.label = spec + 6;
	else
		w.name = spec;
	err = find(&w, out);
	if (err && w.name) {
		w.name = NULL;
		err = parse_number(spec, &w.rdev) && w.rdev ? find(&w, out) : -EINVAL;
	}
	return err;
}

int bdev_find(const char *spec, struct bdev **out)
{
	char *copy = kstrdup(spec, 0);
	u8 *buf = kmalloc(PROBE_BYTES, 0);
	int err = copy && buf ? find_spec(copy, buf, out) : -ENOMEM;

	kfree(buf);
	kfree(copy);
	return err;
}
