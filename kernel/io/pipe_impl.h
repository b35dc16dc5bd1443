/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Pipes, for the files of kernel/io that move pages through them.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <mm/page.h>
#include <sync/mutex.h>
#include <sync/wait.h>
#include <vfs/fown.h>

struct file;
struct inode;
struct iobuf;
struct poll_table;

#define PIPE_DEFAULT_BUFS 16
#define PIPE_CACHE	  2

enum pipe_buf_flag {
	PIPE_BUF_PACKET = 1u << 0, /* O_DIRECT: a read takes at most this one */
	PIPE_BUF_MERGE = 1u << 1,  /* the page is the pipe's own: more may be appended */
};

struct pipe_buf {
	struct page *page;	/* a reference */
	u32 off, len;
	u32 flags;
};

/*
 * bufs[tail .. head) (counted freely, modulo the power of two nbufs) are full, each with len > 0.
 * head and tail change under lock and are read without it by poll and by who is about to sleep.
 */
struct pipe {
	struct mutex lock;
	u32 head, tail, nbufs;		/* lock */
	u32 readers, writers;		/* open files; lock */
	u32 reader_opens, writer_opens;	/* ever; lock */
	u32 files;			/* pipe_files_lock */
	bool polled;			/* somebody polls: edges matter even when it was not empty */
	struct page *cache[PIPE_CACHE];	/* pages to use again; lock */
	struct pipe_buf *bufs;		/* few, or allocated; lock */
	struct wait_queue rd_wait, wr_wait;
	struct fasync_list rd_async, wr_async;
	struct pipe_buf few[PIPE_DEFAULT_BUFS];
};

static inline u32 pipe_used(const struct pipe *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail);
}
static inline bool pipe_empty(const struct pipe *p)
{
	return !pipe_used(p);
}
static inline bool pipe_full(const struct pipe *p)
{
	return pipe_used(p) >= READ_ONCE(p->nbufs);
}
static inline struct pipe_buf *pipe_at(struct pipe *p, u32 pos)
{
	return &p->bufs[pos & (p->nbufs - 1)];
}

extern const struct file_ops pipe_file_ops;
/* Of them, in pipe_rw.c. */
ssize_t pipe_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf);
ssize_t pipe_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf);
u32 pipe_poll(struct file *f, struct poll_table *pt);
/* The pipe of an open file, NULL if it is none. */
struct pipe *file_pipe(struct file *f);

/* All with p->lock held. */
struct page *pipe_page_get(struct pipe *p);		  /* from the cache, or allocated; NULL */
void pipe_page_put(struct pipe *p, struct page *page);	  /* to the cache if nobody else has it */
void pipe_push(struct pipe *p, struct page *page, u32 off, u32 len, u32 flags); /* takes the reference; not full */
void pipe_pop(struct pipe *p);				  /* the buffer at tail has been used up */
/*
 * Wait until there is something to read, or room. p->lock is held on return, also on error, and was dropped if they slept.
 * Readers: 1 ready, 0 end of file. Writers: 1 ready; -EPIPE (SIGPIPE was sent). -EAGAIN, -ERESTARTSYS.
 * @alone: take the one wake-up there is; such a caller wakes the next one if he leaves something.
 */
int pipe_wait_readable(struct pipe *p, bool nonblock, bool alone) MUST_CHECK;
int pipe_wait_writable(struct pipe *p, bool nonblock, bool alone) MUST_CHECK;
/* After unlocking: what the change means for the others. */
void pipe_wake_readers(struct pipe *p);
void pipe_wake_writers(struct pipe *p);
