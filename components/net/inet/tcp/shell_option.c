/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of tcp(7). What is not here is -ENOPROTOOPT: TCP_REPAIR, TCP_MD5SIG, TCP_AO_*,
 * TCP_ULP. */
#include "tcp_sock.h"

#include <linux/tcp.h>
#include "../uapi.h"
#include "impl.h"

#define CA_NAME_MAX 16

static const char *const cc_names[] = {[TCP_CC_CUBIC] = "cubic", [TCP_CC_RENO] = "reno"};

static int range(int v, int low, int high)
{
	return v < low || v > high ? -EINVAL : 0;
}

/* Seconds to SYN,ACK timeouts and back lose nothing here: seconds are kept. */
static int set_number(struct tcp_sock *t, u32 name, int v)
{
	struct tcp_user *u = &t->c.user;
	u64 now = env_now();
	int err = 0;

	switch (name) {
	case TCP_NODELAY:
		u->nodelay = v != 0;
		tcp_push(&t->c, now);
		break;
	case TCP_CORK:
		u->cork = v != 0;
		tcp_push(&t->c, now);
		break;
	case TCP_MAXSEG:
		err = v ? range(v, 88, 32767) : 0;
		u->maxseg = err ? u->maxseg : (u16)v;
		break;
	case TCP_KEEPIDLE:
		err = range(v, 1, 32767);
		u->keep_idle_s = err ? u->keep_idle_s : (u32)v;
		tcp_set_keepalive(&t->c, now, u->keepalive);
		break;
	case TCP_KEEPINTVL:
		err = range(v, 1, 32767);
		u->keep_intvl_s = err ? u->keep_intvl_s : (u32)v;
		break;
	case TCP_KEEPCNT:
		err = range(v, 1, 127);
		u->keep_cnt = err ? u->keep_cnt : (u32)v;
		break;
	case TCP_SYNCNT:
		err = range(v, 1, 127);
		u->syn_count = err ? u->syn_count : (u8)v;
		break;
	case TCP_LINGER2: u->linger2_s = v < 0 ? -1 : min(v, 120); break;
	case TCP_DEFER_ACCEPT:
		u->defer_accept = (u8)clamp(v, 0, 255);
		t->l.defer_s = u->defer_accept;
		break;
	case TCP_WINDOW_CLAMP:
		if (!v && t->c.state != TCP_S_CLOSE)
			return -EINVAL;
		u->window_clamp = v ? max((u32)v, 2048u / 2) : 0;
		if (v)
			t->c.window_clamp = min(t->c.window_clamp, u->window_clamp);
		break;
	case TCP_QUICKACK: tcp_quickack(&t->c, now, v & 1); break;
	case TCP_USER_TIMEOUT:
		err = range(v, 0, S32_MAX);
		u->user_timeout_ms = err ? u->user_timeout_ms : (u32)v;
		break;
	case TCP_NOTSENT_LOWAT: u->notsent_lowat = (u32)v; break;
	case TCP_FASTOPEN:
		if (v < 0 || (t->c.state != TCP_S_CLOSE && !t->listening))
			return -EINVAL;
		t->l.tfo_max = (u32)v;
		break;
	case TCP_INQ:
		err = range(v, 0, 1);
		t->tell_left = err ? t->tell_left : v;
		break;
	case TCP_FASTOPEN_CONNECT:
		if (v < 0 || v > 1)
			return -EINVAL;
		if (!(t->c.conf->fastopen & TCP_TFO_CLIENT))
			return -EOPNOTSUPP;
		if (t->c.state != TCP_S_CLOSE || t->deferred)
			return -EINVAL;
		u->tfo_connect = v;
		break;
	case TCP_FASTOPEN_NO_COOKIE:
		if (v < 0 || v > 1)
			return -EINVAL;
		if (t->c.state != TCP_S_CLOSE && !t->listening)
			return -EINVAL;
		u->tfo_no_cookie = t->l.tfo_no_cookie = v != 0; break;
	default: return -ENOPROTOOPT;
	}
	return err;
}

static int set_congestion(struct tcp_sock *t, struct iobuf *value)
{
	char name[CA_NAME_MAX] = "";
	size_t n = min_t(size_t, value->left, CA_NAME_MAX - 1);

	if (!n)
		return -EINVAL;
	if (iobuf_get(value, name, n) != n)
		return -EFAULT;
	for (unsigned i = 0; i < ARRAY_SIZE(cc_names); i++) {
		if (!strcmp(name, cc_names[i])) {
			t->c.cong.kind = (u8)i;
			return 0;
		}
	}
	return -ENOENT;
}

int tcp_set_option(struct sock *s, u32 level, u32 name, struct iobuf *value)
{
	struct tcp_sock *t = tcp_of(s);
	struct iobuf copy = *value;
	char cc[CA_NAME_MAX];
	unsigned long flags;
	int v = 0, err;

	if (level != SOL_TCP)
		return -ENOPROTOOPT;
	if (name == TCP_CONGESTION) {
		size_t n = min_t(size_t, value->left, sizeof(cc));

		if (iobuf_get(value, cc, n) != n)
			return -EFAULT;
		iobuf_init_kernel(&copy, cc, n);
	} else {
		err = option_get_int(value, &v);
		if (err)
			return err;
	}
	flags = env_spin_lock(&s->lock);
	err = name == TCP_CONGESTION ? set_congestion(t, &copy) : set_number(t, name, v);
	if (!err)
		tcp_settle(t);
	env_spin_unlock(&s->lock, flags);
	return err;
}

static int get_number(struct tcp_sock *t, u32 name, int *v)
{
	struct tcp_user *u = &t->c.user;
	struct tcp_conf *f = t->c.conf;

	switch (name) {
	case TCP_NODELAY: *v = u->nodelay; break;
	case TCP_CORK: *v = u->cork; break;
	case TCP_MAXSEG: *v = t->c.state == TCP_S_CLOSE && u->maxseg ? u->maxseg : t->c.mss; break;
	case TCP_KEEPIDLE: *v = (int)(u->keep_idle_s ? u->keep_idle_s : f->keepalive_time_s); break;
	case TCP_KEEPINTVL:
		*v = (int)(u->keep_intvl_s ? u->keep_intvl_s : f->keepalive_intvl_s);
		break;
	case TCP_KEEPCNT: *v = (int)(u->keep_cnt ? u->keep_cnt : f->keepalive_probes); break;
	case TCP_SYNCNT: *v = (int)(u->syn_count ? u->syn_count : f->syn_retries); break;
	case TCP_LINGER2: *v = u->linger2_s ? u->linger2_s : (int)f->fin_timeout_s; break;
	case TCP_DEFER_ACCEPT: *v = u->defer_accept; break;
	case TCP_WINDOW_CLAMP:
		*v = (int)(u->window_clamp ? u->window_clamp : t->c.window_clamp);
		break;
	case TCP_QUICKACK: *v = !t->c.pingpong; break;
	case TCP_USER_TIMEOUT: *v = (int)u->user_timeout_ms; break;
	case TCP_NOTSENT_LOWAT: *v = (int)u->notsent_lowat; break;
	case TCP_FASTOPEN: *v = (int)t->l.tfo_max; break;
	case TCP_INQ: *v = t->tell_left; break;
	case TCP_FASTOPEN_CONNECT: *v = u->tfo_connect; break;
	case TCP_FASTOPEN_NO_COOKIE: *v = u->tfo_no_cookie; break;
	default: return -ENOPROTOOPT;
	}
	return 0;
}

int tcp_get_option(struct sock *s, u32 level, u32 name, struct iobuf *value, u32 *out_len)
{
	struct tcp_sock *t = tcp_of(s);
	char cc[CA_NAME_MAX] = "";
	struct tcp_info info;
	unsigned long flags;
	int v = 0, err = 0;

	if (level != SOL_TCP)
		return -ENOPROTOOPT;
	flags = env_spin_lock(&s->lock);
	if (name == TCP_INFO)
		tcp_info(&t->c, env_now(), &info);
	else if (name == TCP_CONGESTION)
		memcpy(cc, cc_names[t->c.cong.kind], strlen(cc_names[t->c.cong.kind]) + 1);
	else
		err = get_number(t, name, &v);
	env_spin_unlock(&s->lock, flags);
	if (err)
		return err;
	if (name == TCP_INFO)
		return option_put(value, &info, sizeof(info), out_len);
	if (name == TCP_CONGESTION)
		return option_put(value, cc, sizeof(cc), out_len);
	return option_put_int(value, v, out_len);
}

/* SOL_SOCKET's that the machine must know. The lock is held. */
void tcp_option_changed(struct sock *s, u32 level, u32 name)
{
	struct tcp_sock *t = tcp_of(s);

	if (level != SOL_SOCKET)
		return;
	t->c.user.oobinline = s->flags & SOCK_F_OOBINLINE;
	t->c.user.max_pacing = s->max_pacing_rate;
	if (name == SO_KEEPALIVE)
		tcp_set_keepalive(&t->c, env_now(), s->flags & SOCK_F_KEEPALIVE);
	if (name == SO_RCVBUF || name == SO_RCVBUFFORCE) {
		t->c.user.rcvbuf_locked = true;
		t->c.rcv_buf = t->l.rcv_buf = s->rcvbuf;
	}
	if (t->hashed)
		tcp_settle(t);
}
