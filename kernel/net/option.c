/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of SOL_SOCKET. [man socket(7), unix(7)]
 *
 * What is not here is -ENOPROTOOPT: time stamping in hardware needs what NOS does not have yet.
 */
#include <net/socket.h>
#include <net/filter.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pidfd.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <linux/capability.h>
#include <linux/time_types.h>
#include "net_impl.h"

static const struct {
	u16 name;
	u32 flag;
} switches[] = {
	{SO_DEBUG, SOCKF_DEBUG},
	{SO_REUSEADDR, SOCKF_REUSEADDR},
	{SO_REUSEPORT, SOCKF_REUSEPORT},
	{SO_DONTROUTE, SOCKF_DONTROUTE},
	{SO_BROADCAST, SOCKF_BROADCAST},
	{SO_KEEPALIVE, SOCKF_KEEPALIVE},
	{SO_OOBINLINE, SOCKF_OOBINLINE},
	{SO_NO_CHECK, SOCKF_NO_CHECK},
	{SO_PASSCRED, SOCKF_PASSCRED},
	{SO_PASSPIDFD, SOCKF_PASSPIDFD},
	{SO_PASSSEC, SOCKF_PASSSEC},
	{SO_RXQ_OVFL, SOCKF_RXQ_OVFL},
	{SO_WIFI_STATUS, SOCKF_WIFI_STATUS},
	{SO_NOFCS, SOCKF_NOFCS},
	{SO_SELECT_ERR_QUEUE, SOCKF_SELECT_ERR},
	{SO_LOCK_FILTER, SOCKF_LOCK_FILTER},
};

static u32 switch_of(int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (switches[i].name == name)
			return switches[i].flag;
	}
	return 0;
}

static void set_flag(struct socket *s, u32 flag, bool on)
{
	if (on)
		__atomic_fetch_or(&s->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&s->flags, ~flag, __ATOMIC_RELAXED);
}

static bool is_unix(const struct socket *s)
{
	return s->family == AF_UNIX;
}

static bool is_inet(const struct socket *s)
{
	return s->family == AF_INET || s->family == AF_INET6;
}

/* ---- setting ---- */

/* SO_TIMESTAMP in its four forms: one at a time. */
static void set_stamp(struct socket *s, u32 form, bool on)
{
	set_flag(s, SOCKF_TIMESTAMP | SOCKF_TIMESTAMPNS | SOCKF_TIMESTAMP_NEW, false);
	if (on)
		set_flag(s, SOCKF_TIMESTAMP | form, true);
}

static int set_buffer(struct socket *s, s32 val, bool force, bool send)
{
	u32 most = (u32)(send ? READ_ONCE(net_wmem_max) : READ_ONCE(net_rmem_max));
	u32 size = (u32)val, least = send ? SOCKET_MIN_SNDBUF : SOCKET_MIN_RCVBUF;

	if (force) {
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		size = (u32)max(val, 0);
	} else {
		size = min(size, most);
	}
	size = max(min_t(u32, size, S32_MAX / 2) * 2, least);
	set_flag(s, send ? SOCKF_SNDBUF_LOCK : SOCKF_RCVBUF_LOCK, true);
	WRITE_ONCE(*(send ? &s->sndbuf : &s->rcvbuf), size);
	if (s->ops->buffers_changed)
		s->ops->buffers_changed(s);
	return 0;
}

static int set_timeout(u64 *timeo, struct uptr val, u32 len)
{
	s64 tv[2];

	if (len < sizeof(tv))
		return -EINVAL;
	if (copy_from_user(tv, val, sizeof(tv)))
		return -EFAULT;
	if (tv[1] < 0 || tv[1] >= 1000000)
		return -EDOM;
	if (tv[0] < 0)
		WRITE_ONCE(*timeo, 0);
	else if ((!tv[0] && !tv[1]) || tv[0] > S64_MAX / 1000000000 - 1)
		WRITE_ONCE(*timeo, ~0ull);
	else
		WRITE_ONCE(*timeo, (u64)tv[0] * 1000000000 + (u64)tv[1] * 1000);
	return 0;
}

static int set_linger(struct socket *s, struct uptr val, u32 len)
{
	s32 l[2];

	if (len < sizeof(l))
		return -EINVAL;
	if (copy_from_user(l, val, sizeof(l)))
		return -EFAULT;
	if (l[0])
		s->linger_s = (u16)min_t(u32, (u32)l[1], U16_MAX);
	set_flag(s, SOCKF_LINGER, l[0]);
	return 0;
}

static int set_switch(struct socket *s, int name, u32 flag, bool on)
{
	if (name == SO_DEBUG && on && !capable(CAP_NET_ADMIN))
		return -EACCES;
	if (name == SO_REUSEPORT && on && !is_inet(s))
		return -EOPNOTSUPP;
	if ((name == SO_PASSCRED || name == SO_PASSPIDFD || name == SO_PASSSEC) && !is_unix(s) && s->family != AF_NETLINK)
		return -EOPNOTSUPP;
	if (name == SO_LOCK_FILTER && !on && socket_has(s, flag))
		return -EPERM;
	if (name == SO_NOFCS && !is_unix(s) && s->family != AF_PACKET)
		return -EOPNOTSUPP;
	set_flag(s, flag, on);
	return 0;
}

static int set_number(struct socket *s, int name, s32 val)
{
	switch (name) {
	case SO_SNDBUF: return set_buffer(s, val, false, true);
	case SO_RCVBUF: return set_buffer(s, val, false, false);
	case SO_SNDBUFFORCE: return set_buffer(s, val, true, true);
	case SO_RCVBUFFORCE: return set_buffer(s, val, true, false);
	case SO_RCVLOWAT: WRITE_ONCE(s->rcvlowat, val < 0 ? S32_MAX : val ? (u32)val : 1); return 0;
	case SO_PRIORITY:
		if ((val < 0 || val > 6) && !capable(CAP_NET_RAW) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		WRITE_ONCE(s->priority, val);
		return 0;
	case SO_MARK:
		if (!capable(CAP_NET_RAW) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		WRITE_ONCE(s->mark, (u32)val);
		return 0;
	case SO_TIMESTAMP_OLD: set_stamp(s, 0, val); return 0;
	case SO_TIMESTAMP_NEW: set_stamp(s, SOCKF_TIMESTAMP_NEW, val); return 0;
	case SO_TIMESTAMPNS_OLD: set_stamp(s, SOCKF_TIMESTAMPNS, val); return 0;
	case SO_TIMESTAMPNS_NEW: set_stamp(s, SOCKF_TIMESTAMPNS | SOCKF_TIMESTAMP_NEW, val); return 0;
	case SO_PEEK_OFF:
		if (!socket_has(s, SOCKF_PEEK_OFF))
			return -EOPNOTSUPP;
		WRITE_ONCE(s->peek_off, val);
		return 0;
	case SO_BUF_LOCK:
		if (val & ~3)
			return -EINVAL;
		set_flag(s, SOCKF_SNDBUF_LOCK, val & 1);
		set_flag(s, SOCKF_RCVBUF_LOCK, val & 2);
		return 0;
	case SO_DETACH_FILTER: return socket_filter_detach(s);
	case SO_ZEROCOPY: return is_unix(s) ? -EOPNOTSUPP : -ENOPROTOOPT;
	case SO_BSDCOMPAT: return 0;
	default: return -ENOPROTOOPT;
	}
}

static int set_option(struct socket *s, int name, struct uptr val, u32 len)
{
	u32 flag = switch_of(name);
	s32 v;

	if (len < sizeof(v))
		return -EINVAL;
	if (user_load32((u32 *)&v, val))
		return -EFAULT;
	if (flag)
		return set_switch(s, name, flag, v);
	switch (name) {
	case SO_ATTACH_FILTER: return s->family == AF_NETLINK || s->family == AF_PACKET ? socket_filter_attach(s, val, len) : -ENOPROTOOPT; /* who runs it */
	case SO_LINGER: return set_linger(s, val, len);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW: return set_timeout(&s->rcvtimeo, val, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW: return set_timeout(&s->sndtimeo, val, len);
	default: return set_number(s, name, v);
	}
}

int socket_set_option(struct socket *s, int level, int name, struct uptr val, u32 len)
{
	int err;

	if (level == SOL_SOCKET) {
		err = set_option(s, name, val, len);
		if (!err && s->ops->option_changed)
			s->ops->option_changed(s, name);
		if (err != -ENOPROTOOPT || !s->ops->set_option)
			return err;
	}
	return s->ops->set_option ? s->ops->set_option(s, level, name, val, len) : -EOPNOTSUPP;
}

/* ---- getting: lengths, or -errno ---- */

int socket_put_value(struct uptr val, u32 room, const void *v, u32 len)
{
	len = min(len, room);
	return copy_to_user(val, v, len) ? -EFAULT : (int)len;
}

static int get_timeout(u64 timeo, struct uptr val, u32 room)
{
	u64 tv[2] = {0, 0};

	if (timeo != ~0ull) {
		tv[0] = timeo / 1000000000;
		tv[1] = timeo % 1000000000 / 1000;
	}
	return socket_put_value(val, room, tv, sizeof(tv));
}

static void peer_identity(struct socket *s, struct pid **pid, const struct cred **cred)
{
	*pid = NULL;
	*cred = NULL;
	if (s->ops->peer_identity)
		s->ops->peer_identity(s, pid, cred);
}

static int put_groups(const struct cred *c, struct uptr val, struct uptr user_len, u32 room)
{
	u32 len = c->ngroups * (u32)sizeof(u32);

	if (room < len)
		return user_store32(user_len, len) ? -EFAULT : -ERANGE;
	return socket_put_value(val, room, c->groups, len);
}

static int put_peer_pidfd(struct pid *pid, struct uptr val, u32 room)
{
	struct file *f;
	int fd, err = pidfd_create(pid, 0, &f);

	if (err)
		return err;
	fd = fd_reserve(0, true);
	err = fd < 0 ? fd : socket_put_value(val, room, &fd, sizeof(fd));
	if (err < 0) {
		if (fd >= 0)
			fd_cancel(fd);
		file_put(f);
		return err;
	}
	fd_install(fd, f);
	return err;
}

static int get_peer(struct socket *s, int name, struct uptr val, struct uptr user_len, u32 room)
{
	struct ucred u = {.pid = 0, .uid = ~0u, .gid = ~0u};
	const struct cred *cred;
	struct pid *pid;
	int err = -ENODATA;

	peer_identity(s, &pid, &cred);
	if (name == SO_PEERCRED) {
		if (pid)
			u.pid = pid_nr(pid);
		if (cred) {
			u.uid = cred->euid;
			u.gid = cred->egid;
		}
		err = socket_put_value(val, room, &u, sizeof(u));
	} else if (name == SO_PEERGROUPS) {
		err = cred ? put_groups(cred, val, user_len, room) : -ENODATA;
	} else if (pid) {
		err = put_peer_pidfd(pid, val, room);
	}
	if (pid)
		pid_put(pid);
	if (cred)
		cred_put(cred);
	return err;
}

static int get_peer_name(struct socket *s, struct uptr val, u32 room)
{
	struct socket_addr a;
	int err = s->ops->name(s, true, &a);

	if (err)
		return -ENOTCONN;
	return a.len < room ? -EINVAL : socket_put_value(val, room, a.bytes, room);
}

static int get_cookie(struct socket *s, struct uptr val, u32 room)
{
	static u64 last; /* atomic */
	u64 none = 0;

	if (room < sizeof(u64))
		return -EINVAL;
	if (!READ_ONCE(s->cookie))
		(void)__atomic_compare_exchange_n(&s->cookie, &none, __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED), false,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return socket_put_value(val, room, &s->cookie, sizeof(u64));
}

/* 0, or -ENOPROTOOPT. */
static int get_number(struct socket *s, int name, s32 *v)
{
	u32 flags = READ_ONCE(s->flags), stamp = flags & (SOCKF_TIMESTAMP | SOCKF_TIMESTAMPNS | SOCKF_TIMESTAMP_NEW);
	u32 flag = switch_of(name);

	if (flag) {
		*v = (flags & flag) != 0;
		return 0;
	}
	switch (name) {
	case SO_TYPE: *v = s->type; break;
	case SO_DOMAIN: *v = s->family; break;
	case SO_PROTOCOL: *v = s->protocol; break;
	case SO_ERROR: *v = -(s->ops->take_error ? s->ops->take_error(s) : socket_take_error(s)); break;
	case SO_SNDBUF: *v = (s32)READ_ONCE(s->sndbuf); break;
	case SO_RCVBUF: *v = (s32)READ_ONCE(s->rcvbuf); break;
	case SO_SNDLOWAT: *v = 1; break;
	case SO_RCVLOWAT: *v = (s32)READ_ONCE(s->rcvlowat); break;
	case SO_PRIORITY: *v = READ_ONCE(s->priority); break;
	case SO_MARK: *v = (s32)READ_ONCE(s->mark); break;
	case SO_ACCEPTCONN: *v = (flags & SOCKF_LISTENING) != 0; break;
	case SO_TIMESTAMP_OLD: *v = stamp == SOCKF_TIMESTAMP; break;
	case SO_TIMESTAMP_NEW: *v = (stamp & SOCKF_TIMESTAMP) && (stamp & SOCKF_TIMESTAMP_NEW); break; /* also for _NS */
	case SO_TIMESTAMPNS_OLD: *v = stamp == (SOCKF_TIMESTAMP | SOCKF_TIMESTAMPNS); break;
	case SO_TIMESTAMPNS_NEW: *v = stamp == (SOCKF_TIMESTAMP | SOCKF_TIMESTAMPNS | SOCKF_TIMESTAMP_NEW); break;
	case SO_PEEK_OFF:
		if (!socket_has(s, SOCKF_PEEK_OFF))
			return -EOPNOTSUPP;
		*v = READ_ONCE(s->peek_off);
		break;
	case SO_BUF_LOCK: *v = (flags & SOCKF_SNDBUF_LOCK ? 1 : 0) | (flags & SOCKF_RCVBUF_LOCK ? 2 : 0); break;
	case SO_BSDCOMPAT: *v = 0; break;
	case SO_ZEROCOPY:
	case SO_BINDTOIFINDEX:
		if (is_inet(s))
			return -ENOPROTOOPT; /* the family knows */
		*v = 0;
		break;
	default: return -ENOPROTOOPT;
	}
	return 0;
}

static int get_option(struct socket *s, int name, struct uptr val, struct uptr user_len, u32 room)
{
	s32 v, l[2];
	int err;

	switch (name) {
	case SO_LINGER:
		l[0] = socket_has(s, SOCKF_LINGER);
		l[1] = s->linger_s;
		return socket_put_value(val, room, l, sizeof(l));
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW: return get_timeout(READ_ONCE(s->rcvtimeo), val, room);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW: return get_timeout(READ_ONCE(s->sndtimeo), val, room);
	case SO_PEERCRED:
	case SO_PEERGROUPS:
	case SO_PEERPIDFD: return get_peer(s, name, val, user_len, room);
	case SO_PEERNAME: return get_peer_name(s, val, room);
	case SO_COOKIE: return get_cookie(s, val, room);
	case SO_BINDTODEVICE:
		if (is_inet(s))
			return -ENOPROTOOPT;
		return 0; /* none: no bytes */
	case SO_ATTACH_FILTER: return socket_filter_get(s, val, room);
	default: break;
	}
	err = get_number(s, name, &v);
	return err ? err : socket_put_value(val, room, &v, sizeof(v));
}

int socket_get_option(struct socket *s, int level, int name, struct uptr val, struct uptr user_len)
{
	s32 room;
	int len;

	if (user_load32((u32 *)&room, user_len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	len = level == SOL_SOCKET ? get_option(s, name, val, user_len, (u32)room) : -ENOPROTOOPT;
	if (len == -ENOPROTOOPT && s->ops->get_option)
		len = s->ops->get_option(s, level, name, val, (u32)room);
	else if (len == -ENOPROTOOPT && level != SOL_SOCKET)
		len = -EOPNOTSUPP;
	if (len < 0)
		return len;
	return user_store32(user_len, (u32)len) ? -EFAULT : 0;
}
