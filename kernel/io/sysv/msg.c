/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System V message queues [man msgop(2), msgctl(2)].
 *
 * A sender hands its message to the first waiting receiver that wants it, else to the queue; when the queue is full it waits until there is room and
 * tries again. A receiver takes the first message that it wants, or waits to be handed one. All that under the queue's lock; the text is copied before and
 * after.
 */
#include <io/sysv.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/task.h>
#include <linux/stat.h>
#include <sync/wait.h>
#include "sysv.h"

struct message {
	struct list_head link;
	long type;
	size_t len;
	u8 text[];
};

struct msg_queue {
	struct sysv_object obj; /* its lock guards all */
	struct list_head messages, receivers;
	struct wait_queue room;
	s64 stime, rtime, ctime;
	struct pid *sender, *receiver;
	u64 bytes, count, max_bytes;
};

/* What msgrcv wants. */
struct wish {
	enum { WISH_ANY, WISH_EQUAL, WISH_OTHER, WISH_LOWEST, WISH_NTH } kind;
	long type;
	size_t len;
	bool cut; /* MSG_NOERROR */
};

struct msg_receiver {
	struct list_head link;
	struct wait_queue wait;
	const struct wish *wish;
	struct pid *pid;
	struct message *got;
	int result; /* set with got, or when the queue goes */
	bool done;
};

u32 sysv_msgmax = 8192, sysv_msgmnb = 16384, sysv_msgmni = 32000;
static struct atomic64 msg_bytes, msg_count;

static void queue_free(struct sysv_object *o);
static int queue_make(struct sysv_table *t, s32 key, int flags, u64 size, struct sysv_object **out);

static u32 queue_limit(void)
{
	return READ_ONCE(sysv_msgmni);
}

static int queue_fits(struct sysv_object *o, u64 size)
{
	return 0;
}

static const struct sysv_kind msg_kind = {.free = queue_free, .make = queue_make, .fits = queue_fits, .limit = queue_limit};

LOCK_CLASS(msg_table, RANK_SYSV_TABLE, "creation and removal of message queues");

static struct sysv_table msg_table = SYSV_TABLE(msg_table, msg_kind);

static struct msg_queue *queue_of(struct sysv_object *o)
{
	return container_of(o, struct msg_queue, obj);
}

/* ---- queues ---- */

static void message_drop(struct msg_queue *q, struct message *m)
{
	list_del(&m->link);
	q->bytes -= m->len;
	q->count--;
	atomic64_sub_relaxed(&msg_bytes, (s64)m->len);
	atomic64_sub_relaxed(&msg_count, 1);
}

static void queue_free(struct sysv_object *o)
{
	struct msg_queue *q = queue_of(o);
	struct message *m, *tmp;

	list_for_each_entry_safe(m, tmp, &q->messages, link)
	{
		message_drop(q, m);
		kfree(m);
	}
	pid_put(q->sender);
	pid_put(q->receiver);
	kfree(q);
}

static int queue_make(struct sysv_table *t, s32 key, int flags, u64 size, struct sysv_object **out)
{
	struct msg_queue *q = kzalloc(sizeof(*q), ALLOC_SLEEP);

	if (!q)
		return -ENOMEM;
	sysv_object_init(&q->obj, t, key, flags);
	list_init(&q->messages);
	list_init(&q->receivers);
	wait_queue_init(&q->room);
	q->ctime = sysv_now();
	q->max_bytes = READ_ONCE(sysv_msgmnb);
	*out = &q->obj;
	return 0;
}

s64 sysv_msgget(s32 key, int flags)
{
	return sysv_get(&msg_table, key, flags, 0);
}

/* ---- sending ---- */

static bool wants(const struct wish *w, const struct message *m)
{
	switch (w->kind) {
	case WISH_ANY: return true;
	case WISH_EQUAL: return m->type == w->type;
	case WISH_OTHER: return m->type != w->type;
	case WISH_LOWEST: return m->type <= w->type;
	case WISH_NTH: break;
	}
	return false;
}

static void receiver_finish(struct msg_receiver *r, struct message *m, int result)
{
	list_del_init(&r->link);
	r->got = m;
	r->result = result;
	STORE_RELEASE(r->done, true);
	wait_wake_all(&r->wait);
}

static void set_pid(struct pid **at, struct pid *now)
{
	if (*at == now)
		return;
	pid_get(now);
	pid_put(*at);
	*at = now;
}

/* To a receiver that waits; false: nobody wants it. Those for whom it is too long learn so. */
static bool hand_over(struct msg_queue *q, struct message *m)
{
	struct msg_receiver *r, *tmp;

	list_for_each_entry_safe(r, tmp, &q->receivers, link)
	{
		if (!wants(r->wish, m))
			continue;
		if (m->len > r->wish->len && !r->wish->cut) {
			receiver_finish(r, NULL, -E2BIG);
			continue;
		}
		set_pid(&q->receiver, r->pid);
		q->rtime = sysv_now();
		receiver_finish(r, m, 0);
		return true;
	}
	return false;
}

static bool has_room(const struct msg_queue *q, size_t len)
{
	return len + q->bytes <= q->max_bytes && q->count + 1 <= q->max_bytes;
}

/* The queue is locked. 0: @m is its; -EAGAIN: no room. */
static int put_message(struct msg_queue *q, struct message *m)
{
	if (!has_room(q, m->len))
		return -EAGAIN;
	sysv_set_pid(&q->sender);
	q->stime = sysv_now();
	if (hand_over(q, m))
		return 0;
	list_add_tail(&m->link, &q->messages);
	q->bytes += m->len;
	q->count++;
	atomic64_add_relaxed(&msg_bytes, (s64)m->len);
	atomic64_add_relaxed(&msg_count, 1);
	return 0;
}

static int send(struct msg_queue *q, struct message *m, bool wait)
{
	struct wait_entry we = {.fn = wait_fn_thread, .thread = thread_current()};
	bool waited = false;
	int err;

	for (;;) {
		err = sysv_lock(&q->obj);
		if (err)
			break;
		err = sysv_may(&q->obj, SYSV_WRITE);
		if (!err)
			err = put_message(q, m);
		if (err == -EAGAIN && wait)
			wait_prepare(&q->room, &we, THREAD_SLEEP_INTR);
		sysv_unlock(&q->obj);
		if (err != -EAGAIN || !wait)
			break;
		waited = true;
		if (wait_sleep(THREAD_SLEEP_INTR, ~0ull)) {
			err = -ERESTARTNOHAND;
			break;
		}
	}
	if (waited)
		wait_finish(&q->room, &we);
	return err;
}

s64 sysv_msgsnd(s32 id, long type, struct uptr text, size_t len, int flags)
{
	struct sysv_object *o;
	struct message *m;
	int err;

	if (len > READ_ONCE(sysv_msgmax) || id < 0 || type < 1)
		return -EINVAL;
	m = kmalloc(sizeof(*m) + len, ALLOC_SLEEP);
	if (!m)
		return -ENOMEM;
	m->type = type;
	m->len = len;
	err = copy_from_user(m->text, text, len);
	if (!err)
		err = sysv_find(&msg_table, id, &o);
	if (!err) {
		err = send(queue_of(o), m, !(flags & IPC_NOWAIT));
		sysv_put(o);
	}
	if (err)
		kfree(m);
	return err;
}

/* ---- receiving ---- */

static struct message *find_message(struct msg_queue *q, const struct wish *w)
{
	struct message *m, *best = NULL;
	long nth = 0;

	list_for_each_entry(m, &q->messages, link)
	{
		if (w->kind == WISH_NTH) {
			if (nth++ == w->type)
				return m;
			continue;
		}
		if (!wants(w, m))
			continue;
		if (w->kind != WISH_LOWEST)
			return m;
		if (!best || m->type < best->type)
			best = m;
	}
	return best;
}

/* The queue is locked. The message, out of the queue or copied (MSG_COPY); -ENOMSG, -E2BIG, -ENOMEM. */
static int take_message(struct msg_queue *q, const struct wish *w, struct message *copy, struct message **out)
{
	struct message *m = find_message(q, w);

	if (!m)
		return -ENOMSG;
	if (m->len > w->len && !w->cut)
		return -E2BIG;
	if (copy) {
		copy->type = m->type;
		copy->len = min(m->len, w->len);
		memcpy(copy->text, m->text, copy->len);
		*out = copy;
		return 0;
	}
	message_drop(q, m);
	q->rtime = sysv_now();
	sysv_set_pid(&q->receiver);
	wait_wake_all(&q->room);
	*out = m;
	return 0;
}

/* The queue is locked, and is not any more afterwards. */
static int wait_message(struct msg_queue *q, const struct wish *w, struct message **out)
{
	struct msg_receiver r = {.wish = w, .pid = task_current()->proc->pid};

	wait_queue_init(&r.wait);
	list_add_tail(&r.link, &q->receivers);
	spin_unlock(&q->obj.lock);
	(void)!wait_event_interruptible(&r.wait, LOAD_ACQUIRE(r.done));
	/* Who decided holds the lock until it has let go of @r. */
	spin_lock(&q->obj.lock);
	if (!r.done) {
		list_del(&r.link);
		r.result = -ERESTARTNOHAND;
	}
	spin_unlock(&q->obj.lock);
	*out = r.got;
	return r.result;
}

static int receive(struct msg_queue *q, const struct wish *w, bool wait, struct message *copy, struct message **out)
{
	int err;

	do {
		err = sysv_lock(&q->obj);
		if (err)
			return err;
		err = sysv_may(&q->obj, SYSV_READ);
		if (!err)
			err = take_message(q, w, copy, out);
		if (err == -ENOMSG && wait)
			err = wait_message(q, w, out);
		else
			sysv_unlock(&q->obj);
	} while (err == -EAGAIN); /* IPC_SET happened: our right may have gone */
	return err;
}

static int MUST_CHECK make_wish(struct wish *w, size_t len, long type, int flags)
{
	*w = (struct wish){.type = type, .len = len, .cut = flags & MSG_NOERROR};
	if (flags & MSG_COPY) {
		if ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT))
			return -EINVAL;
		w->kind = WISH_NTH;
	} else if (!type) {
		w->kind = WISH_ANY;
	} else if (type < 0) {
		w->kind = WISH_LOWEST;
		w->type = type == -__LONG_MAX__ - 1 ? __LONG_MAX__ : -type;
	} else {
		w->kind = flags & MSG_EXCEPT ? WISH_OTHER : WISH_EQUAL;
	}
	return 0;
}

static s64 message_to_user(struct uptr buf, const struct message *m, size_t len)
{
	len = min(len, m->len);
	if (copy_to_user(buf, &m->type, sizeof(m->type)) || copy_to_user(uptr_add(buf, sizeof(m->type)), m->text, len))
		return -EFAULT;
	return (s64)len;
}

s64 sysv_msgrcv(s32 id, struct uptr buf, size_t len, long type, int flags)
{
	struct message *m = NULL, *copy = NULL;
	struct sysv_object *o;
	struct wish w;
	s64 ret;

	if (id < 0 || (ssize_t)len < 0)
		return -EINVAL;
	ret = make_wish(&w, len, type, flags);
	if (ret)
		return ret;
	if (flags & MSG_COPY) {
		copy = kmalloc(sizeof(*copy) + min_t(size_t, len, READ_ONCE(sysv_msgmax)), ALLOC_SLEEP);
		if (!copy)
			return -ENOMEM;
		w.len = min_t(size_t, len, READ_ONCE(sysv_msgmax));
	}
	ret = sysv_find(&msg_table, id, &o);
	if (!ret) {
		ret = receive(queue_of(o), &w, !(flags & IPC_NOWAIT), copy, &m);
		sysv_put(o);
	}
	if (!ret)
		ret = message_to_user(buf, m, len);
	if (m != copy)
		kfree(m);
	kfree(copy);
	return ret;
}

/* ---- msgctl ---- */

static void stat_locked(struct msg_queue *q, struct msqid64_ds *out)
{
	*out = (struct msqid64_ds){.msg_stime = q->stime,
		.msg_rtime = q->rtime,
		.msg_ctime = q->ctime,
		.msg_cbytes = q->bytes,
		.msg_qnum = q->count,
		.msg_qbytes = q->max_bytes,
		.msg_lspid = pid_nr(q->sender),
		.msg_lrpid = pid_nr(q->receiver)};
	sysv_perm(&q->obj, &out->msg_perm);
}

s64 sysv_msg_stat(s32 id, int cmd, struct msqid64_ds *out)
{
	struct sysv_object *o;
	s64 ret;

	ret = cmd == IPC_STAT ? sysv_find(&msg_table, id, &o) : sysv_find_index(&msg_table, id, &o);
	if (ret)
		return ret;
	ret = sysv_lock(o);
	if (!ret) {
		if (cmd != MSG_STAT_ANY)
			ret = sysv_may(o, SYSV_READ);
		if (!ret) {
			stat_locked(queue_of(o), out);
			ret = cmd == IPC_STAT ? 0 : o->id;
		}
		sysv_unlock(o);
	}
	sysv_put(o);
	return ret;
}

s64 sysv_msg_set(s32 id, const struct msqid64_ds *in)
{
	struct sysv_object *o;
	struct msg_queue *q;
	int err = sysv_change_begin(&msg_table, id, &o);

	if (err)
		return err;
	q = queue_of(o);
	if (in->msg_qbytes > READ_ONCE(sysv_msgmnb) && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	else
		err = sysv_set(o, &in->msg_perm);
	if (!err) {
		struct msg_receiver *r, *tmp;

		q->max_bytes = in->msg_qbytes;
		q->ctime = sysv_now();
		/* Their rights are looked at again: receivers begin anew, as senders do. */
		list_for_each_entry_safe(r, tmp, &q->receivers, link)
			receiver_finish(r, NULL, -EAGAIN);
		wait_wake_all(&q->room);
	}
	sysv_change_end(o);
	return err;
}

s64 sysv_msg_remove(s32 id)
{
	struct msg_receiver *r, *tmp;
	struct sysv_object *o;
	int err = sysv_change_begin(&msg_table, id, &o);

	if (err)
		return err;
	sysv_remove(o);
	list_for_each_entry_safe(r, tmp, &queue_of(o)->receivers, link)
		receiver_finish(r, NULL, -EIDRM);
	wait_wake_all(&queue_of(o)->room);
	sysv_change_end(o);
	sysv_put(o);
	return 0;
}

s64 sysv_msg_info(int cmd, struct msginfo *out)
{
	*out = (struct msginfo){.msgmni = (int)sysv_msgmni,
		.msgmax = (int)sysv_msgmax,
		.msgmnb = (int)sysv_msgmnb,
		.msgssz = MSGSSZ,
		.msgseg = (unsigned short)MSGSEG,
		.msgmap = MSGMAP,
		.msgpool = MSGPOOL,
		.msgtql = MSGTQL};
	if (cmd == MSG_INFO) {
		out->msgpool = (int)READ_ONCE(msg_table.used);
		out->msgmap = (int)atomic64_load_relaxed(&msg_count);
		out->msgtql = (int)atomic64_load_relaxed(&msg_bytes);
	}
	return sysv_highest(&msg_table);
}

bool sysv_msg_show(u32 *index, struct strbuf *sb)
{
	struct sysv_object *o = sysv_next(&msg_table, index);
	struct msqid64_ds d;

	if (!o)
		return false;
	spin_lock(&o->lock);
	stat_locked(queue_of(o), &d);
	spin_unlock(&o->lock);
	strbuf_printf(sb, "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10ld %10ld %10ld\n", o->key, o->id, d.msg_perm.mode,
		d.msg_cbytes, d.msg_qnum, d.msg_lspid, d.msg_lrpid, d.msg_perm.uid, d.msg_perm.gid, d.msg_perm.cuid, d.msg_perm.cgid,
		d.msg_stime, d.msg_rtime, d.msg_ctime);
	sysv_put(o);
	return true;
}
