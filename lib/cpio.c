/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	GAP --'0'--> HEADER --> NAME --> DATA --> HEADER ...
 *	 ^                       |
 *	 +------ TRAILER!!! -----+         GAP skips zeroes; another byte than '0' is foreign
 *
 * `pad` bytes are skipped at the start of whatever state they were left for.
 */
#include <lib/cpio.h>

#include <lib/ctype.h>
#include <lib/errno.h>
#include <lib/string.h>

enum cpio_state { GAP, HEADER, NAME, DATA, FOREIGN };

/* Bytes that fill @len up to a multiple of 4. */
static u32 padding(u32 len)
{
	return -len & 3;
}

void cpio_init(struct cpio *c)
{
	c->in = c->in_end = NULL;
	c->state = GAP;
	c->fill = c->left = c->pad = c->sum = 0;
}

void cpio_feed(struct cpio *c, const void *data, size_t len)
{
	c->in = data;
	c->in_end = c->in + len;
}

int cpio_finish(const struct cpio *c)
{
	return c->state == GAP ? 0 : -ENODATA;
}

/* Up to @want bytes of the current piece: at c->in, which moves on. */
static size_t use(struct cpio *c, size_t want)
{
	size_t n = min(want, (size_t)(c->in_end - c->in));

	c->in += n;
	return n;
}

/* Collect @size bytes in @buf; false: more input is needed. */
static bool collect(struct cpio *c, char *buf, u32 size)
{
	const u8 *from = c->in;
	size_t n = use(c, size - c->fill);

	memcpy(buf + c->fill, from, n);
	c->fill += (u32)n;
	if (c->fill < size)
		return false;
	c->fill = 0;
	return true;
}

static int parse_hex(const char *s, u32 *out)
{
	u32 v = 0;

	for (int i = 0; i < 8; i++) {
		if (!is_xdigit((u8)s[i]))
			return -EBADMSG;
		v = v << 4 | (u32)digit_value((u8)s[i]);
	}
	*out = v;
	return 0;
}

static int parse_header(struct cpio *c)
{
	struct cpio_entry *e = &c->entry;
	u32 *fields[13] = {&e->ino, &e->mode, &e->uid, &e->gid, &e->nlink, &e->mtime, &e->size,
		&e->dev_major, &e->dev_minor, &e->rdev_major, &e->rdev_minor, &e->name_size,
		&e->sum};

	if (memcmp(c->header, "07070", 5) != 0 || (c->header[5] != '1' && c->header[5] != '2'))
		return -EBADMSG;
	e->has_sum = c->header[5] == '2';
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
		int err = parse_hex(c->header + 6 + 8 * i, fields[i]);

		if (err)
			return err;
	}
	if (e->name_size < 2)
		return -EBADMSG;
	return e->name_size > CPIO_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int header_done(struct cpio *c)
{
	int err = parse_header(c);

	c->state = NAME;
	return err;
}

static int name_done(struct cpio *c, struct cpio_event *ev)
{
	struct cpio_entry *e = &c->entry;

	if (c->name[e->name_size - 1] != '\0' || c->name[0] == '\0')
		return -EBADMSG;
	c->pad = padding(CPIO_HEADER_SIZE + e->name_size);
	if (memcmp(c->name, "TRAILER!!!", min_t(u32, e->name_size, sizeof("TRAILER!!!"))) == 0) {
		if (e->size)
			return -EBADMSG;
		c->state = GAP;
		ev->type = CPIO_TRAILER;
		return 0;
	}
	c->left = e->size;
	c->sum = 0;
	c->state = DATA;
	ev->type = CPIO_ENTRY;
	return 0;
}

static int data_next(struct cpio *c, struct cpio_event *ev)
{
	if (c->left) {
		ev->data = c->in;
		ev->len = use(c, c->left);
		c->left -= (u32)ev->len;
		for (size_t i = 0; c->entry.has_sum && i < ev->len; i++)
			c->sum += ev->data[i];
		ev->type = CPIO_DATA;
		return 0;
	}
	if (c->entry.has_sum && c->sum != c->entry.sum)
		return -EBADMSG;
	c->pad = padding(c->entry.size);
	c->state = HEADER;
	ev->type = CPIO_ENTRY_END;
	return 0;
}

/* Between archives. True: an event is there. */
static bool gap_next(struct cpio *c, struct cpio_event *ev)
{
	while (c->in < c->in_end && *c->in == '\0')
		c->in++;
	if (c->in == c->in_end)
		return false;
	if (*c->in == '0') {
		c->state = HEADER;
		return false;
	}
	c->state = FOREIGN;
	ev->type = CPIO_FOREIGN;
	return true;
}

int cpio_next(struct cpio *c, struct cpio_event *ev)
{
	int err;

	*ev = (struct cpio_event){CPIO_NEED_INPUT, NULL, 0};
	for (;;) {
		c->pad -= (u32)use(c, c->pad);
		/* The end of an entry needs no input; all else does. */
		if (c->state == DATA && !c->pad && !c->left)
			return data_next(c, ev);
		if (c->in == c->in_end)
			return 0;
		switch (c->state) {
		case GAP:
			if (gap_next(c, ev))
				return 0;
			break;
		case HEADER:
			if (!collect(c, c->header, CPIO_HEADER_SIZE))
				return 0;
			err = header_done(c);
			if (err)
				return err;
			break;
		case NAME:
			if (collect(c, c->name, c->entry.name_size))
				return name_done(c, ev);
			return 0;
		case DATA: return data_next(c, ev);
		default: ev->type = CPIO_FOREIGN; return 0;
		}
	}
}
