/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What crash and fault sweeps run: files created, appended to, overwritten, renamed over, linked,
 * unlinked, cut, given attributes; dpkg's, sqlite's and a write-ahead log's way to write. Each step
 * notes what the disk has to hold from which write on. Steps are drawn from a seed.
 *
 * A place is a number of writes (of model_disk's log). Between the begin of a change and its fsync
 * a promise names both sides and what may lie between; with the fsync it is exact.
 */
#include "client.h"
#include "image.h"

enum holds {
	HOLDS_NOTHING, /* a step failed: anything */
	HOLDS_EXACT,   /* @now (NULL: there is no such name) */
	HOLDS_EITHER,  /* @before or @now, whole */
	HOLDS_PREFIX,  /* @before, or a beginning of @now, no shorter than @least */
	HOLDS_BLEND,   /* each sector is @before's or @now's, which are equally long */
	HOLDS_CUT,     /* @before, its block at the new end zeroed from there on or not; or @now */
	HOLDS_XATTR,   /* user.x of it is @before or @now */
	HOLDS_ROLLBACK, HOLDS_WAL, /* the database is in one of the states [least, most] */
};

struct bytes {
	struct bytes *next; /* all that the workload made */
	u32 len;
	u8 data[];
};

struct promise {
	enum holds holds;
	char path[24];
	const struct bytes *before, *now;
	u32 least, most;
	u64 from, to; /* places */
};

#define WORK_FILES  6
#define DB_PAGES    10
#define DB_STATES   400
#define DB_PAGE     1024u

/* What a database was: the version of each page after each of its transactions. */
struct database {
	u32 nstates, salt, wal_at, since_checkpoint;
	bool lost; /* a step failed: nobody knows, and it goes no further */
	u32 versions[DB_STATES][DB_PAGES];
};

struct work {
	struct image *im;
	struct client c;
	const char *options;
	u64 seed, random;
	u32 rounds;
	struct promise *promises;
	u32 npromises, cap;
	struct bytes *all;
	struct bytes *files[WORK_FILES], *attr; /* what they are now */
	bool attr_lost;                         /* setting it failed */
	struct database rollback, wal;
	int mounted, unmounted;
	u64 allocs;
};

/* Mounts, runs w->rounds steps, unmounts. As a scenario of sim_run; w->im, seed, rounds, options are
 * set, the rest is zero. */
void work_run(void *w);
void work_fini(struct work *w);
/* Does the mounted file system hold what was promised at @place? FAILs if not. */
void work_check(const struct work *w, struct client *c, u64 place);

/* database.c */
int database_create(struct work *w);
int rollback_step(struct work *w);
int wal_step(struct work *w);
/* The state it recovers to; U32_MAX: none that ever was. */
u32 rollback_recover(const struct work *w, struct client *c);
u32 wal_recover(const struct work *w, struct client *c);
u32 work_draw(struct work *w, u32 n);
/* Until now @path held something else. */
struct promise *work_promise(struct work *w, enum holds holds, const char *path);
int work_sync(struct work *w, const char *path, u32 flags);
