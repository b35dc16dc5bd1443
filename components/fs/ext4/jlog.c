/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of the log. A tag is 16 bytes with checksums v3; else number, 16 bits of checksum, flags
 * (and with v2 two bytes more), and the upper half of the number with 64bit. The first tag of a
 * descriptor is followed by the journal's uuid.
 */
#include "jlog.h"
#include <lib/crc.h>
#include <lib/errno.h>
#include <lib/string.h>

#define UUID_BYTES 16

static u32 tag_bytes(const struct jlog *l)
{
	u32 n = 12;

	if (l->incompat & JBD2_I_CSUM_V3)
		return 16;
	if (l->incompat & JBD2_I_CSUM_V2)
		n += 2;
	return l->incompat & JBD2_I_64BIT ? n : n - 4;
}

static u32 tail_bytes(const struct jlog *l)
{
	return jlog_has_csum(l) ? 4 : 0;
}

static u32 super_csum(const struct jbd2_super *js)
{
	const u8 *bytes = (const u8 *)js;
	size_t at = offsetof(struct jbd2_super, checksum), end = at + sizeof(js->checksum);
	u32 c = crc32c_update(~0u, bytes, at);

	c = crc32c_update(c, &(struct be32){0}, sizeof(js->checksum));
	return crc32c_update(c, bytes + end, sizeof(*js) - end);
}

void jlog_super_csum_set(struct jbd2_super *js)
{
	if (be32_to_cpu(js->h.type) == JBD2_SUPER_V2 &&
		be32_to_cpu(js->incompat) & (JBD2_I_CSUM_V2 | JBD2_I_CSUM_V3))
		js->checksum = cpu_to_be32(super_csum(js));
}

int jlog_open(struct jlog *l, const struct jbd2_super *js, u32 block_bytes, u32 blocks)
{
	const u32 known = JBD2_I_REVOKE | JBD2_I_64BIT | JBD2_I_CSUM_V2 | JBD2_I_CSUM_V3 |
			  JBD2_I_ASYNC_COMMIT;
	u32 type = be32_to_cpu(js->h.type);

	*l = (struct jlog){.block_bytes = block_bytes};
	if (be32_to_cpu(js->h.magic) != JBD2_MAGIC ||
		(type != JBD2_SUPER_V1 && type != JBD2_SUPER_V2) ||
		be32_to_cpu(js->block_size) != block_bytes)
		return -EUCLEAN;
	l->first = be32_to_cpu(js->first);
	l->total = be32_to_cpu(js->max_len);
	if (l->total > blocks || l->first < 1 || l->first >= l->total || l->total - l->first < 64)
		return -EUCLEAN;
	if (type == JBD2_SUPER_V2) {
		l->compat = be32_to_cpu(js->compat);
		l->incompat = be32_to_cpu(js->incompat);
		if (be32_to_cpu(js->ro_compat))
			return -EOPNOTSUPP;
	}
	if (l->incompat & ~known)
		return -EOPNOTSUPP;
	if (l->incompat & JBD2_I_ASYNC_COMMIT && !jlog_has_csum(l))
		return -EOPNOTSUPP;
	if ((l->incompat & JBD2_I_CSUM_V2 && l->incompat & JBD2_I_CSUM_V3))
		return -EUCLEAN;
	if (jlog_has_csum(l) &&
		(js->checksum_type != 4 || be32_to_cpu(js->checksum) != super_csum(js)))
		return -EUCLEAN;
	memcpy(l->uuid, js->uuid, UUID_BYTES);
	l->seed = crc32c_update(~0u, js->uuid, UUID_BYTES);
	l->tail = l->head = l->first;
	l->tail_seq = be32_to_cpu(js->sequence);
	return 0;
}

static u32 tags_per_block(const struct jlog *l)
{
	return (l->block_bytes - sizeof(struct jbd2_header) - UUID_BYTES - tail_bytes(l)) /
	       tag_bytes(l);
}

static u32 revokes_per_block(const struct jlog *l)
{
	return (l->block_bytes - sizeof(struct jbd2_revoke) - tail_bytes(l)) / jlog_revoke_bytes(l);
}

u32 jlog_need(const struct jlog *l, u32 nbufs, u32 nrevokes)
{
	return nbufs + DIV_ROUND_UP(nbufs, tags_per_block(l)) +
	       DIV_ROUND_UP(nrevokes, revokes_per_block(l)) + 1;
}

u32 jlog_take(struct jlog *l)
{
	u32 at = l->head;

	l->head = jlog_wrap(l, at + 1);
	l->used++;
	return at;
}

void jlog_trim(struct jlog *l, u32 tail, u32 seq)
{
	u32 gone = tail >= l->tail ? tail - l->tail : l->total - l->first - (l->tail - tail);

	l->used -= min(gone, l->used);
	l->tail = tail;
	l->tail_seq = seq;
}

/* ---- writing ---- */

static void begin(
	const struct jlog *l, struct jlog_record *r, u8 *block, u32 seq, u32 type, u32 head)
{
	struct jbd2_header *h = (struct jbd2_header *)block;

	memset(block, 0, l->block_bytes);
	h->magic = cpu_to_be32(JBD2_MAGIC);
	h->type = cpu_to_be32(type);
	h->sequence = cpu_to_be32(seq);
	*r = (struct jlog_record){.block = block, .off = head, .seq = seq};
}

static u32 tail_csum(const struct jlog *l, const u8 *block)
{
	const u32 zero = 0;
	u32 c = crc32c_update(l->seed, block, l->block_bytes - 4);

	return crc32c_update(c, &zero, 4);
}

static void end(const struct jlog *l, struct jlog_record *r)
{
	if (jlog_has_csum(l))
		store_be32(r->block + l->block_bytes - 4, tail_csum(l, r->block));
}

static u32 data_csum(const struct jlog *l, u32 seq, const u8 *data)
{
	struct be32 s = cpu_to_be32(seq);

	return crc32c_update(crc32c_update(l->seed, &s, 4), data, l->block_bytes);
}

bool jlog_must_escape(const u8 *data)
{
	return load_be32(data) == JBD2_MAGIC;
}

void jlog_descriptor_begin(const struct jlog *l, struct jlog_record *r, u8 *block, u32 seq)
{
	begin(l, r, block, seq, JBD2_DESCRIPTOR, sizeof(struct jbd2_header));
}

static void put_flags(const struct jlog *l, u8 *tag, u32 flags)
{
	if (l->incompat & JBD2_I_CSUM_V3)
		store_be32(tag + 4, flags);
	else
		store_be16(tag + 6, (u16)flags);
}

bool jlog_descriptor_add(
	const struct jlog *l, struct jlog_record *r, u64 block, bool escaped, const u8 *data)
{
	bool is_first = r->off == sizeof(struct jbd2_header);
	u32 flags = (escaped ? JBD2_TAG_ESCAPE : 0) | (is_first ? 0 : JBD2_TAG_SAME_UUID);
	u32 csum = jlog_has_csum(l) ? data_csum(l, r->seq, data) : 0;
	u32 n = tag_bytes(l) + (is_first ? UUID_BYTES : 0);
	u8 *tag = r->block + r->off;

	if (r->off + n > l->block_bytes - tail_bytes(l))
		return false;
	store_be32(tag, (u32)block);
	put_flags(l, tag, flags);
	if (l->incompat & JBD2_I_CSUM_V3) {
		store_be32(tag + 8, (u32)(block >> 32));
		store_be32(tag + 12, csum);
	} else {
		store_be16(tag + 4, (u16)csum);
		if (l->incompat & JBD2_I_64BIT)
			store_be32(tag + 8, (u32)(block >> 32));
	}
	if (is_first)
		memcpy(tag + tag_bytes(l), l->uuid, UUID_BYTES);
	r->last = r->off << 8 | flags;
	r->off += n;
	return true;
}

void jlog_descriptor_end(const struct jlog *l, struct jlog_record *r)
{
	put_flags(l, r->block + (r->last >> 8), (r->last & 0xff) | JBD2_TAG_LAST);
	end(l, r);
}

void jlog_revoke_begin(const struct jlog *l, struct jlog_record *r, u8 *block, u32 seq)
{
	begin(l, r, block, seq, JBD2_REVOKE, sizeof(struct jbd2_revoke));
}

bool jlog_revoke_add(const struct jlog *l, struct jlog_record *r, u64 block)
{
	u32 n = jlog_revoke_bytes(l);

	if (r->off + n > l->block_bytes - tail_bytes(l))
		return false;
	if (n == 8)
		store_be64(r->block + r->off, block);
	else
		store_be32(r->block + r->off, (u32)block);
	r->off += n;
	return true;
}

void jlog_revoke_end(const struct jlog *l, struct jlog_record *r)
{
	((struct jbd2_revoke *)r->block)->bytes = cpu_to_be32(r->off);
	end(l, r);
}

static u32 commit_csum(const struct jlog *l, const u8 *block)
{
	const u32 zero = 0;
	const u32 at = offsetof(struct jbd2_commit, csum);
	u32 c = crc32c_update(l->seed, block, at);

	c = crc32c_update(c, &zero, 4);
	return crc32c_update(c, block + at + 4, l->block_bytes - at - 4);
}

void jlog_commit(const struct jlog *l, u8 *block, u32 seq, u64 sec, u32 nsec)
{
	struct jbd2_commit *c = (struct jbd2_commit *)block;
	struct jlog_record r;

	begin(l, &r, block, seq, JBD2_COMMIT, 0);
	c->sec = cpu_to_be64(sec);
	c->nsec = cpu_to_be32(nsec);
	if (jlog_has_csum(l))
		c->csum[0] = cpu_to_be32(commit_csum(l, block));
}

/* ---- reading ---- */

bool jlog_tag_next(const struct jlog *l, const u8 *block, u32 *off, struct jlog_tag *out)
{
	u32 end_off = l->block_bytes - tail_bytes(l), at = *off ? *off : sizeof(struct jbd2_header);
	const u8 *tag = block + at;

	if (*off == U32_MAX || at + tag_bytes(l) > end_off)
		return false;
	out->block = load_be32(tag);
	if (l->incompat & JBD2_I_CSUM_V3) {
		out->flags = load_be32(tag + 4);
		out->block |= (u64)load_be32(tag + 8) << 32;
		out->csum = load_be32(tag + 12);
	} else {
		out->csum = load_be16(tag + 4);
		out->flags = load_be16(tag + 6);
		if (l->incompat & JBD2_I_64BIT)
			out->block |= (u64)load_be32(tag + 8) << 32;
	}
	at += tag_bytes(l) + (out->flags & JBD2_TAG_SAME_UUID ? 0 : UUID_BYTES);
	*off = out->flags & JBD2_TAG_LAST ? U32_MAX : at;
	return true;
}

bool jlog_tail_ok(const struct jlog *l, const u8 *block)
{
	return !jlog_has_csum(l) || load_be32(block + l->block_bytes - 4) == tail_csum(l, block);
}

bool jlog_commit_ok(const struct jlog *l, const u8 *block)
{
	const struct jbd2_commit *c = (const struct jbd2_commit *)block;

	return !jlog_has_csum(l) || be32_to_cpu(c->csum[0]) == commit_csum(l, block);
}

bool jlog_tag_ok(const struct jlog *l, const struct jlog_tag *t, u32 seq, const u8 *data)
{
	u32 c;

	if (!jlog_has_csum(l))
		return true;
	c = data_csum(l, seq, data);
	return t->csum == (l->incompat & JBD2_I_CSUM_V3 ? c : (c & 0xffff));
}
