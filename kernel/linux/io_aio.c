/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Native AIO. [man io_setup(2), io_submit(2), io_cancel(2), io_getevents(2), io_destroy(2)]
 */
#include <linux/syscall.h>
#include <io/aio.h>
#include <io/eventfd.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <time/clock.h>
#include <vfs/file.h>
#include <vfs/rw.h>
#include <linux/fs.h>
#include "syscalls.h"
#include "vec.h"

#define IOCB_KEY     0
#define NS_PER_SEC   1000000000ull

SYSCALL2(io_setup, u32, nr_events, struct uptr, uctx)
{
	u64 id;
	int err;

	if (user_load64(&id, uctx))
		return -EFAULT;
	if (id || !nr_events)
		return -EINVAL;
	err = aio_create(nr_events, &id);
	if (err)
		return err;
	if (user_store64(uctx, id)) {
		struct aio_context *ctx = aio_get(id);

		if (ctx) {
			(void)!aio_destroy(ctx);
			aio_put(ctx);
		}
		return -EFAULT;
	}
	return 0;
}

SYSCALL1(io_destroy, u64, id)
{
	struct aio_context *ctx = aio_get(id);
	int err;

	if (!ctx)
		return -EINVAL;
	err = aio_destroy(ctx);
	aio_put(ctx);
	return err;
}

/* ---- submission ---- */

static int MUST_CHECK submit_rw(struct aio_request *r, const struct iocb *cb, bool write, bool vector)
{
	struct file *f = r->io.file;
	struct uptr buf = {cb->aio_buf};
	struct vec v = {.segs = NULL};
	int err;

	if (cb->aio_flags & IOCB_FLAG_IOPRIO) {
		err = ioprio_check((u16)cb->aio_reqprio);
		if (err)
			return err;
	}
	err = file_check_rwf(f, (unsigned)cb->aio_rw_flags);
	if (err)
		return err;
	if (!(f->mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if ((f->mode & FMODE_DIR) || (write ? !f->ops->write : !f->ops->read))
		return -EINVAL;
	err = vector ? vec_import(&v, buf, cb->aio_nbytes) : iobuf_init_user(&v.buf, buf, cb->aio_nbytes);
	if (err)
		return err;
	if (cb->aio_offset < 0 && (f->mode & FMODE_SEEK))
		err = -EINVAL;
	if (!err)
		io_request_rw(&r->io, write, &v.buf, cb->aio_offset, (unsigned)cb->aio_rw_flags & ~(unsigned)RWF_HIPRI);
	if (vector)
		vec_free(&v);
	return err;
}

static int MUST_CHECK submit_sync(struct aio_request *r, const struct iocb *cb, bool datasync)
{
	if (cb->aio_buf || cb->aio_offset || cb->aio_nbytes || cb->aio_rw_flags || !r->io.file->ops->fsync)
		return -EINVAL;
	io_request_sync(&r->io, datasync);
	return 0;
}

static int MUST_CHECK submit_poll(struct aio_request *r, const struct iocb *cb)
{
	if ((u16)cb->aio_buf != cb->aio_buf || cb->aio_offset || cb->aio_nbytes || cb->aio_rw_flags)
		return -EINVAL;
	aio_request_activate(r);
	return io_request_poll(&r->io, (u32)cb->aio_buf);
}

static int MUST_CHECK submit_command(struct aio_request *r, const struct iocb *cb)
{
	switch (cb->aio_lio_opcode) {
	case IOCB_CMD_PREAD: return submit_rw(r, cb, false, false);
	case IOCB_CMD_PWRITE: return submit_rw(r, cb, true, false);
	case IOCB_CMD_PREADV: return submit_rw(r, cb, false, true);
	case IOCB_CMD_PWRITEV: return submit_rw(r, cb, true, true);
	case IOCB_CMD_FSYNC: return submit_sync(r, cb, false);
	case IOCB_CMD_FDSYNC: return submit_sync(r, cb, true);
	case IOCB_CMD_POLL: return submit_poll(r, cb);
	default: return -EINVAL; /* IOCB_CMD_NOOP, too, as in Linux */
	}
}

/* A reference to the file of @fd. */
static struct file *file_of(int fd)
{
	struct fd_ref ref = fd_get(fd);

	if (ref.file)
		file_get(ref.file);
	fd_put(ref);
	return ref.file;
}

/* The eventfd of the request. */
static int MUST_CHECK get_eventfd(struct aio_request *r, const struct iocb *cb)
{
	struct file *f;

	if (!(cb->aio_flags & IOCB_FLAG_RESFD))
		return 0;
	f = file_of((int)cb->aio_resfd);
	if (!f)
		return -EBADF;
	if (!file_is_eventfd(f)) {
		file_put(f);
		return -EINVAL;
	}
	r->eventfd = f;
	return 0;
}

static int MUST_CHECK submit_one(struct aio_context *ctx, struct uptr ucb)
{
	struct aio_request *r;
	struct file *f;
	struct iocb cb;
	int err;

	if (copy_from_user(&cb, ucb, sizeof(cb)))
		return -EFAULT;
	if (cb.aio_reserved2 || (s64)cb.aio_nbytes < 0)
		return -EINVAL;
	r = aio_request_get(ctx);
	if (!r)
		return -EAGAIN;
	f = file_of((int)cb.aio_fildes);
	err = f ? get_eventfd(r, &cb) : -EBADF;
	if (!err && user_store32(uptr_add(ucb, offsetof(struct iocb, aio_key)), IOCB_KEY))
		err = -EFAULT;
	if (!err) {
		r->event = (struct io_event){.data = cb.aio_data, .obj = ucb.va};
		io_request_init(&r->io, f);
		err = submit_command(r, &cb);
	}
	if (err) {
		aio_request_drop(r);
		if (f)
			file_put(f);
	}
	return err;
}

SYSCALL3(io_submit, u64, id, s64, nr, struct uptr, ucbs)
{
	struct aio_context *ctx;
	int err = 0;
	s64 i;

	if (nr < 0)
		return -EINVAL;
	ctx = aio_get(id);
	if (!ctx)
		return -EINVAL;
	nr = min_t(s64, nr, aio_room(ctx));
	for (i = 0; i < nr; i++) {
		struct uptr ucb;

		err = user_load64(&ucb.va, uptr_add(ucbs, (u64)i * sizeof(u64)));
		if (!err)
			err = submit_one(ctx, ucb);
		if (err)
			break;
	}
	aio_put(ctx);
	return i ? i : err;
}

SYSCALL3(io_cancel, u64, id, struct uptr, ucb, struct uptr, result)
{
	struct aio_context *ctx;
	u32 key;
	int err;

	if (user_load32(&key, uptr_add(ucb, offsetof(struct iocb, aio_key))))
		return -EFAULT;
	if (key != IOCB_KEY)
		return -EINVAL;
	ctx = aio_get(id);
	if (!ctx)
		return -EINVAL;
	err = aio_cancel(ctx, ucb.va);
	aio_put(ctx);
	return err;
}

/* ---- results ---- */

/* Linux does not check the time: what is negative has passed. */
static int MUST_CHECK deadline_from_user(u64 *out, struct uptr uts)
{
	struct __kernel_timespec ts;
	u64 ns;

	*out = ~0ull;
	if (uptr_is_null(uts))
		return 0;
	if (copy_from_user(&ts, uts, sizeof(ts)))
		return -EFAULT;
	*out = 0;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0)
		return 0;
	ns = (u64)ts.tv_sec > (u64)S64_MAX / NS_PER_SEC - 10 ? (u64)S64_MAX : (u64)ts.tv_sec * NS_PER_SEC + min_t(u64, (u64)ts.tv_nsec, NS_PER_SEC);
	*out = ns ? deadline_after(ns) : 0;
	return 0;
}

static s64 get_events(u64 id, s64 min, s64 nr, struct uptr events, u64 deadline)
{
	struct aio_context *ctx = aio_get(id);
	s64 ret = -EINVAL;

	if (!ctx)
		return -EINVAL;
	if (min <= nr && min >= 0)
		ret = aio_read_events(ctx, min, nr, events, deadline);
	aio_put(ctx);
	return ret;
}

SYSCALL5(io_getevents, u64, id, s64, min, s64, nr, struct uptr, events, struct uptr, timeout)
{
	u64 deadline;
	s64 ret = deadline_from_user(&deadline, timeout);

	if (!ret)
		ret = get_events(id, min, nr, events, deadline);
	else
		return ret;
	return !ret && thread_signal_pending() ? -EINTR : ret;
}

SYSCALL6(io_pgetevents, u64, id, s64, min, s64, nr, struct uptr, events, struct uptr, timeout, struct uptr, usig)
{
	struct {
		u64 mask, size;
	} sig = {0};
	u64 deadline, mask;
	bool interrupted;
	s64 ret = deadline_from_user(&deadline, timeout);

	if (!ret && !uptr_is_null(usig))
		ret = copy_from_user(&sig, usig, sizeof(sig));
	if (!ret && sig.mask)
		ret = sigset_from_user(&mask, (struct uptr){sig.mask}, sig.size);
	if (ret)
		return ret;
	if (sig.mask)
		signal_set_temp_mask(mask);
	ret = get_events(id, min, nr, events, deadline);
	interrupted = thread_signal_pending();
	if (sig.mask)
		signal_end_temp_mask(interrupted);
	return interrupted && !ret ? -ERESTARTNOHAND : ret;
}
