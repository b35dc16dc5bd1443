/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two databases that write as sqlite does, and recover as it does.
 *
 * Rollback journal: old pages to db-journal, sync, its header, sync, directory sync | pages in
 * place, sync | db-journal unlinked, directory sync. Recovery puts the old pages back.
 *	header, a sector: magic, number of pages, nonce | each: page number, checksum, page
 *
 * Write-ahead log: frames appended to wal, sync. Now and then: the pages in place, sync, and a new
 * salt in wal's header, sync, which voids the frames. Recovery takes frames of that salt up to the
 * last that ends a transaction.
 *	header, a sector: magic, salt | each: page number, ends, salt, checksum, page
 *
 * A page says its number and version in each of its sectors.
 */
#include "workload.h"
#include <stdlib.h>
#include <lib/crc.h>

#define MAGIC  0xd9d505f9u
#define HEADER 512u

struct header {
	u32 magic, n, salt, pad;
};

struct entry {
	u32 page, ends, salt, csum;
	u8 data[DB_PAGE];
};

static void make_page(u8 *to, u32 page, u32 version)
{
	for (u32 i = 0; i < DB_PAGE / 8; i++) {
		u32 words[2] = {page, version};

		memcpy(to + i * 8, words, 8);
	}
}

static u32 checksum(const struct entry *e)
{
	return crc32c_update(e->page * 31 + e->ends * 7 + e->salt, e->data, DB_PAGE);
}

static void make_entry(struct entry *e, u32 page, u32 version, bool ends, u32 salt)
{
	*e = (struct entry){.page = page, .ends = ends, .salt = salt};
	make_page(e->data, page, version);
	e->csum = checksum(e);
}

static bool entry_ok(const struct entry *e, u32 salt)
{
	return e->salt == salt && e->page < DB_PAGES && e->csum == checksum(e);
}

static int put(struct work *w, const char *path, u64 off, const void *data, u32 len)
{
	struct fsys_attr a;
	int err = client_open(&w->c, path, &a);

	if (err == -ENOENT)
		err = client_create(&w->c, path, 0100644, &a);
	if (!err) {
		err = client_write(&w->c, a.node, off, data, len);
		client_close(&w->c, a.node);
	}
	return err;
}

static int put_page(struct work *w, const char *path, u32 page, u32 version)
{
	u8 data[DB_PAGE];

	make_page(data, page, version);
	return put(w, path, page * DB_PAGE, data, DB_PAGE);
}

static int sync_root(struct work *w)
{
	return ext4_ops.fsync(w->c.self, w->c.root, 0, ~0ull, 0);
}

static void promise(
	struct work *w, struct database *db, const char *path, u32 least, u32 most, int err)
{
	enum holds holds = db == &w->wal ? HOLDS_WAL : HOLDS_ROLLBACK;
	struct promise *p = work_promise(w, err ? HOLDS_NOTHING : holds, path);

	p->least = least;
	p->most = most;
}

/* The next state: some pages get a new version. Returns: how many. */
static u32 next_state(struct work *w, struct database *db, u32 pages[DB_PAGES])
{
	u32 n = 0, *now = db->versions[db->nstates];

	memcpy(now, db->versions[db->nstates - 1], sizeof(db->versions[0]));
	for (u32 i = 0; i < DB_PAGES; i++) {
		if (work_draw(w, 3) && (n || i < DB_PAGES - 1))
			continue;
		now[i] = db->nstates;
		pages[n++] = i;
	}
	db->nstates++;
	return n;
}

static int set_header(struct work *w, const char *path, u32 n, u32 salt)
{
	u8 sector[HEADER] = {0};
	struct header h = {.magic = MAGIC, .n = n, .salt = salt};
	int err;

	memcpy(sector, &h, sizeof(h));
	err = put(w, path, 0, sector, HEADER);
	return err ? err : work_sync(w, path, FSYS_DATASYNC);
}

int database_create(struct work *w)
{
	int err = 0;

	w->rollback.nstates = w->wal.nstates = 1;
	w->wal.wal_at = HEADER;
	w->wal.salt = 1;
	for (u32 i = 0; !err && i < DB_PAGES; i++) {
		err = put_page(w, "db", i, 0);
		if (!err)
			err = put_page(w, "db2", i, 0);
	}
	if (!err)
		err = work_sync(w, "db", 0);
	if (!err)
		err = work_sync(w, "db2", 0);
	if (!err)
		err = set_header(w, "wal", 0, 1);
	if (!err)
		err = sync_root(w);
	promise(w, &w->rollback, "db", 0, 0, err);
	promise(w, &w->wal, "db2", 0, 0, err);
	return err;
}

int rollback_step(struct work *w)
{
	struct database *db = &w->rollback;
	u32 pages[DB_PAGES], n, was = db->nstates - 1, nonce = work_draw(w, 1 << 30);
	struct entry e;
	int err = 0;

	if (db->lost || db->nstates == DB_STATES)
		return 0;
	n = next_state(w, db, pages);
	promise(w, db, "db", was, was + 1, 0);
	for (u32 i = 0; !err && i < n; i++) {
		make_entry(&e, pages[i], db->versions[was][pages[i]], false, nonce);
		err = put(w, "db-journal", HEADER + i * sizeof(e), &e, sizeof(e));
	}
	if (!err)
		err = work_sync(w, "db-journal", 0);
	if (!err)
		err = set_header(w, "db-journal", n, nonce);
	if (!err)
		err = sync_root(w);
	for (u32 i = 0; !err && i < n; i++)
		err = put_page(w, "db", pages[i], db->versions[was + 1][pages[i]]);
	if (!err)
		err = work_sync(w, "db", FSYS_DATASYNC);
	if (!err)
		err = client_unlink(&w->c, "db-journal");
	if (!err)
		err = sync_root(w);
	promise(w, db, "db", was + 1, was + 1, err);
	db->lost = err;
	return err;
}

static int checkpoint(struct work *w, struct database *db)
{
	int err = 0;

	for (u32 i = 0; !err && i < DB_PAGES; i++)
		err = put_page(w, "db2", i, db->versions[db->nstates - 1][i]);
	if (!err)
		err = work_sync(w, "db2", FSYS_DATASYNC);
	if (!err)
		err = set_header(w, "wal", 0, ++db->salt);
	db->wal_at = HEADER;
	db->since_checkpoint = 0;
	return err;
}

int wal_step(struct work *w)
{
	struct database *db = &w->wal;
	u32 pages[DB_PAGES], n, was = db->nstates - 1;
	struct entry e;
	int err = 0;

	if (db->lost || db->nstates == DB_STATES)
		return 0;
	if (++db->since_checkpoint > 4)
		err = checkpoint(w, db);
	n = next_state(w, db, pages);
	promise(w, db, "db2", was, was + 1, 0);
	for (u32 i = 0; !err && i < n; i++) {
		make_entry(&e, pages[i], db->versions[was + 1][pages[i]], i == n - 1, db->salt);
		err = put(w, "wal", db->wal_at, &e, sizeof(e));
		db->wal_at += sizeof(e);
	}
	if (!err)
		err = work_sync(w, "wal", FSYS_DATASYNC);
	promise(w, db, "db2", was + 1, was + 1, err);
	db->lost = err;
	return err;
}

/* ---- recovery ---- */

struct file {
	u8 *data;
	u32 len;
};

static struct file get(struct client *c, const char *path)
{
	struct file f = {0};
	struct fsys_attr a;

	if (client_open(c, path, &a))
		return f;
	if (a.size < 1 << 20 && (f.data = calloc(1, a.size + 1))) {
		if (!client_read(c, a.node, 0, f.data, (u32)a.size))
			f.len = (u32)a.size;
	}
	client_close(c, a.node);
	return f;
}

static u32 state_of(const struct database *db, const struct file *f)
{
	u8 page[DB_PAGE];

	for (u32 s = db->nstates; s-- && f->len == DB_PAGES * DB_PAGE;) {
		u32 i = 0;

		for (; i < DB_PAGES; i++) {
			make_page(page, i, db->versions[s][i]);
			if (memcmp(page, f->data + i * DB_PAGE, DB_PAGE))
				break;
		}
		if (i == DB_PAGES)
			return s;
	}
	return U32_MAX;
}

static bool entry_at(const struct file *log, u32 i, u32 salt, struct entry *out)
{
	u64 at = HEADER + (u64)i * sizeof(*out);

	if (at + sizeof(*out) > log->len)
		return false;
	memcpy(out, log->data + at, sizeof(*out));
	return entry_ok(out, salt);
}

static bool header_of(const struct file *log, struct header *h)
{
	if (log->len < HEADER)
		return false;
	memcpy(h, log->data, sizeof(*h));
	return h->magic == MAGIC;
}

u32 rollback_recover(const struct work *w, struct client *c)
{
	struct file db = get(c, "db"), log = get(c, "db-journal");
	struct header h;
	struct entry e;
	u32 state;

	if (header_of(&log, &h) && db.len == DB_PAGES * DB_PAGE) {
		for (u32 i = 0; i < h.n && entry_at(&log, i, h.salt, &e); i++)
			memcpy(db.data + e.page * DB_PAGE, e.data, DB_PAGE);
	}
	state = state_of(&w->rollback, &db);
	free(db.data);
	free(log.data);
	return state;
}

u32 wal_recover(const struct work *w, struct client *c)
{
	struct file db = get(c, "db2"), log = get(c, "wal");
	u32 state, whole = 0;
	struct header h;
	struct entry e;

	if (header_of(&log, &h) && db.len == DB_PAGES * DB_PAGE) {
		for (u32 i = 0; entry_at(&log, i, h.salt, &e); i++)
			whole = e.ends ? i + 1 : whole;
		for (u32 i = 0; i < whole && entry_at(&log, i, h.salt, &e); i++)
			memcpy(db.data + e.page * DB_PAGE, e.data, DB_PAGE);
	}
	state = state_of(&w->wal, &db);
	free(db.data);
	free(log.data);
	return state;
}
