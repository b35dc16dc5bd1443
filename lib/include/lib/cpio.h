/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Iterator over cpio archives in the "new ASCII" format, as initramfs images are: magic 070701, or
 * 070702 with a sum of the data's bytes. The input may be hostile, and may come in pieces of any
 * size (from a decompressor, say); nothing is allocated.
 *
 *	header    110 bytes: magic, 13 fields of 8 hexadecimal digits
 *	name      namesize bytes with its NUL, padded so that the header and it fill a multiple of 4
 *	data      filesize bytes, padded to a multiple of 4
 *
 * An archive ends with an entry named TRAILER!!!; zeroes and further archives may follow it. Hard
 * links are entries of one archive with nlink > 1 and equal dev and ino; only one of them, usually
 * the last, has data.
 *
 *	cpio_init(c);
 *	for each piece of input:
 *		cpio_feed(c, piece, len);
 *		while ((err = cpio_next(c, &ev)) == 0 && ev.type != CPIO_NEED_INPUT)
 *			...
 *	at the end of the input: err = cpio_finish(c);
 *
 * The events of an entry: CPIO_ENTRY, any number of CPIO_DATA (the target of a symbolic link is
 * data), CPIO_ENTRY_END. Between archives: CPIO_TRAILER, and CPIO_FOREIGN where bytes follow that
 * begin no archive, compressed ones for instance; the iterator does not go beyond them, and
 * cpio_rest says where they are.
 */
#pragma once

#include <lib/types.h>

#define CPIO_NAME_MAX    4096 /* with its NUL; a longer name is -ENAMETOOLONG */
#define CPIO_HEADER_SIZE 110

enum cpio_event_type {
	CPIO_NEED_INPUT,
	CPIO_ENTRY,     /* c->entry and c->name are valid until CPIO_ENTRY_END */
	CPIO_DATA,      /* ev.data, ev.len: the next bytes of the entry's data, not empty */
	CPIO_ENTRY_END, /* all data was seen */
	CPIO_TRAILER,   /* an archive ended: forget its hard links */
	CPIO_FOREIGN,   /* the input goes on with something else */
};

struct cpio_event {
	enum cpio_event_type type;
	const u8 *data;
	size_t len;
};

struct cpio_entry {
	u32 ino, mode, uid, gid, nlink, mtime, size;
	u32 dev_major, dev_minor, rdev_major, rdev_minor;
	u32 name_size;
	u32 sum;
	bool has_sum;
};

struct cpio {
	const u8 *in, *in_end;
	u32 state;
	u32 fill; /* bytes of header or name collected so far */
	u32 left; /* bytes of data still to come */
	u32 pad;  /* bytes of padding to skip before the next state */
	u32 sum;  /* of the data so far */
	struct cpio_entry entry;
	char header[CPIO_HEADER_SIZE];
	char name[CPIO_NAME_MAX]; /* as it stands in the archive, NUL-terminated, not empty */
};

void cpio_init(struct cpio *c);

/* Give the next piece. The one before must be used up (CPIO_NEED_INPUT). */
void cpio_feed(struct cpio *c, const void *data, size_t len);

/*
 * Returns: 0 and the next event; -EBADMSG no valid archive (or a wrong sum); -ENAMETOOLONG. After
 * an error the iterator must not be used any more.
 */
MUST_CHECK
int cpio_next(struct cpio *c, struct cpio_event *ev);

/* Returns: 0 when the input may end here; -ENODATA inside an archive. */
MUST_CHECK
int cpio_finish(const struct cpio *c);

/* After CPIO_FOREIGN: what was not used of the current piece. cpio_init before going on behind it.
 */
static inline const u8 *cpio_rest(const struct cpio *c, size_t *out_len)
{
	*out_len = (size_t)(c->in_end - c->in);
	return c->in;
}
