/* SPDX-License-Identifier: BSD-2-Clause */
/* The log as bytes: what is written is recovered, in all formats; what is torn or revoked is not.
 */
#include "jlog.h"
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>

#define BLOCK  1024u
#define LOG    256u
#define BLOCKS 64u

struct world {
	struct jlog l;
	u8 log[LOG][BLOCK];
	u8 home[BLOCKS][BLOCK], want[BLOCKS][BLOCK];
};

static int read_log(void *ctx, u32 at, u8 *block)
{
	struct world *w = ctx;

	memcpy(block, w->log[at], BLOCK);
	return 0;
}

static int write_home(void *ctx, u64 block, const u8 *data)
{
	struct world *w = ctx;

	if (block >= BLOCKS)
		return -EUCLEAN;
	memcpy(w->home[block], data, BLOCK);
	return 0;
}

static struct world *make(u32 incompat)
{
	struct world *w = calloc(1, sizeof(*w));
	struct jbd2_super *js = (struct jbd2_super *)w->log[0];

	js->h.magic = cpu_to_be32(JBD2_MAGIC);
	js->h.type = cpu_to_be32(JBD2_SUPER_V2);
	js->block_size = cpu_to_be32(BLOCK);
	js->max_len = cpu_to_be32(LOG);
	js->first = cpu_to_be32(1);
	js->sequence = cpu_to_be32(0xfffffff0); /* wraps on the way */
	js->incompat = cpu_to_be32(incompat | JBD2_I_REVOKE);
	js->checksum_type = 4;
	memset(js->uuid, 0x5a, sizeof(js->uuid));
	jlog_super_csum_set(js);
	CHECK_EQ(jlog_open(&w->l, js, BLOCK, LOG), 0);
	return w;
}

static void put(struct world *w, const u8 *data)
{
	memcpy(w->log[jlog_take(&w->l)], data, BLOCK);
}

/* One transaction of random blocks; @revoke: this block is void in all before. */
static void transaction(struct world *w, u32 seq, s32 revoke, bool committed)
{
	u8 record[BLOCK], data[40][BLOCK];
	u32 n = 1 + (u32)test_rand_below(40), blocks[40];
	struct jlog_record r;

	if (revoke >= 0) {
		jlog_revoke_begin(&w->l, &r, record, seq);
		CHECK(jlog_revoke_add(&w->l, &r, (u64)revoke));
		jlog_revoke_end(&w->l, &r);
		put(w, record);
	}
	for (u32 i = 0; i < n; i++) {
		do
			blocks[i] = (u32)test_rand_below(BLOCKS);
		while ((s32)blocks[i] == revoke);
		memset(data[i], (int)test_rand(), BLOCK);
		if (test_rand_below(4) == 0)
			store_be32(data[i], JBD2_MAGIC);
		if (committed)
			memcpy(w->want[blocks[i]], data[i], BLOCK);
	}
	for (u32 i = 0; i < n;) {
		u32 first = i, at = w->l.head;

		jlog_descriptor_begin(&w->l, &r, record, seq);
		put(w, record);
		for (; i < n; i++) {
			u8 copy[BLOCK];
			bool escape = jlog_must_escape(data[i]);

			memcpy(copy, data[i], BLOCK);
			if (escape)
				memset(copy, 0, 4);
			if (!jlog_descriptor_add(&w->l, &r, blocks[i], escape, copy))
				break;
			put(w, copy);
		}
		CHECK(i > first);
		jlog_descriptor_end(&w->l, &r);
		memcpy(w->log[at], record, BLOCK);
	}
	if (committed) {
		jlog_commit(&w->l, record, seq, 1, 2);
		put(w, record);
	}
}

static void round_trip(u32 incompat)
{
	for (u64 round = 0; round < test_rounds(40); round++) {
		struct world *w = make(incompat);
		struct jlog_io io = {read_log, write_home, w};
		struct jlog_recovery out;
		u32 start = 1 + (u32)test_rand_below(LOG - 1), n = 1 + (u32)test_rand_below(4);
		s32 revoked = -1;

		w->l.head = w->l.tail = start;
		for (u32 i = 0; i < n; i++) {
			s32 revoke = i == n - 1 && test_rand_below(2) ? (s32)test_rand_below(BLOCKS)
								      : -1;

			transaction(w, 0xfffffff0 + i * 9 - i * 8, revoke, true);
			revoked = max(revoked, revoke);
		}
		transaction(w, 0xfffffff0 + n, 0, false);
		if (revoked >= 0)
			memset(w->want[revoked], 0, BLOCK);
		CHECK_EQ(jlog_recover(&w->l, &io, start, 0xfffffff0, &out), 0);
		CHECK_EQ(out.transactions, n);
		CHECK_EQ(out.next_seq, (u32)(0xfffffff0 + n));
		CHECK(!memcmp(w->home, w->want, sizeof(w->home)));
		free(w);
	}
}

TEST(jlog_round_trip)
{
	round_trip(0);
	round_trip(JBD2_I_64BIT);
	round_trip(JBD2_I_CSUM_V2);
	round_trip(JBD2_I_CSUM_V2 | JBD2_I_64BIT);
	round_trip(JBD2_I_CSUM_V3);
	round_trip(JBD2_I_CSUM_V3 | JBD2_I_64BIT);
}

TEST(jlog_torn_and_hostile)
{
	for (u64 round = 0; round < test_rounds(300); round++) {
		struct world *w = make(round & 1 ? JBD2_I_CSUM_V3 : 0);
		struct jlog_io io = {read_log, write_home, w};
		struct jlog_recovery out;
		int err;

		transaction(w, 7, -1, true);
		transaction(w, 8, 3, true);
		for (u32 i = 0; i < 8; i++)
			w->log[1 + test_rand_below(w->l.head)][test_rand_below(BLOCK)] =
				(u8)test_rand();
		err = jlog_recover(&w->l, &io, 1, 7, &out);
		CHECK(!err || err == -EUCLEAN);
		CHECK(out.next_seq - 7 <= 2);
		free(w);
	}
}

TEST(jlog_room)
{
	struct world *w = make(JBD2_I_CSUM_V3 | JBD2_I_64BIT);

	CHECK_EQ(jlog_free(&w->l), LOG - 1);
	for (u32 i = 0; i < 1000; i++) {
		u32 at = jlog_take(&w->l);

		CHECK(at >= 1 && at < LOG);
		if (w->l.used > 100)
			jlog_trim(&w->l, jlog_wrap(&w->l, w->l.tail + 50), i);
		CHECK_EQ(jlog_free(&w->l) + w->l.used, LOG - 1);
	}
	free(w);
}
