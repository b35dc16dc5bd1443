/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/net/unix.
 */
#include "unix_impl.h"
#include <lib/strbuf.h>
#include <vfs/inode.h>
#include <vfs/pseudo.h>

#define SHOW_LISTENING 0x10000u /* __SO_ACCEPTCON */

/* The states of sockets as Linux numbers them. */
static unsigned shown_state(const struct unix_sock *u)
{
	bool connected = u->state == UNIX_CONNECTED;

	if (READ_ONCE(u->sock.file))
		return connected ? 3 : 1;
	return connected ? 2 : 4;
}

static bool show_one(struct unix_sock *u, void *arg)
{
	const struct file *f = READ_ONCE(u->sock.file);
	const struct unix_addr *a = LOAD_ACQUIRE(u->addr);
	struct strbuf *sb = arg;

	/* A file that is there keeps its inode for a grace period; the bucket's lock is a read section. */
	strbuf_printf(sb, "%016x: %08X %08X %08X %04X %02X %5llu", 0, (unsigned)refcount_read(&u->refs) + 1, 0, /* one for the table, as Linux counts */
		u->state == UNIX_LISTENING ? SHOW_LISTENING : 0, u->sock.type, shown_state(u), f ? f->inode->ino : 0ull);
	if (a) {
		strbuf_putc(sb, ' ');
		for (u32 i = 0; i < a->len - UNIX_PATH_OFF - (a->bytes[0] ? 1 : 0); i++)
			strbuf_putc(sb, a->bytes[i] ? a->bytes[i] : '@');
	}
	strbuf_putc(sb, '\n');
	return true;
}

/* The title, then a record per bucket. */
static int next_bucket(struct pseudo_text *t)
{
	if (t->cursor == 0)
		strbuf_puts(&t->sb, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	else if (t->cursor <= UNIX_BUCKETS)
		unix_for_bucket((u32)t->cursor - 1, show_one, &t->sb);
	else
		return 0;
	t->cursor++;
	return 1;
}

static const struct pseudo_file unix_file = {.name = "unix", .mode = 0444, .next = next_bucket};

void unix_show_init(void)
{
	(void)!net_proc_add(&unix_file);
}
