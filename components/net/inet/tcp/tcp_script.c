/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreter of scripts; see the header. */
#include "tcp_script.h"
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/string.h>
#include "impl.h"
#include "tcp_model.h"

#define PEER_ISN 0xfffffe00u /* both wrap early */
#define OUT_MAX  256

struct script {
	const char *file;
	int line;
	struct model_end e;
	u64 now;
	struct tcp_tx out[OUT_MAX];
	unsigned nout, taken;
	u32 iss;
	bool listener;
};

#define BAD(s, ...) test_fail((s)->file, (s)->line, __VA_ARGS__)

static const char *const state_names[] = {"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1",
	"FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"};
static const char flag_letters[] = "FSRPAUEC";

static void out_add(struct script *s, const struct tcp_tx *tx)
{
	if (s->nout == OUT_MAX)
		BAD(s, "too many segments");
	else
		s->out[s->nout++] = *tx;
}

static void settle(struct script *s)
{
	struct tcp_rx *rx;
	struct tcp_tx tx;
	u32 events;

	while (tcp_pull(&s->e.c, s->now, &tx))
		out_add(s, &tx);
	if (!tcp_conn_check(&s->e.c))
		BAD(s, "the connection is broken");
	events = tcp_events(&s->e.c);
	s->e.events |= events;
	if (events & TCP_EV_TIMEWAIT) {
		tcp_tw_init(&s->e.tw, &s->e.c, s->now);
		s->e.has_tw = true;
	}
	while ((rx = s->e.c.rx_dead)) {
		s->e.c.rx_dead = rx->next;
		free(container_of(rx, struct model_packet, rx));
	}
}

static void tx_text(const struct script *s, const struct tcp_tx *tx, char *to, size_t size)
{
	struct tcp_in in;
	u8 hdr[60];
	int n;

	tcp_write_header(tx, hdr);
	if (tcp_parse(hdr, TCP_HDR_LEN + tx->optlen, TCP_HDR_LEN + tx->optlen + tx->len, &in))
		in.nsack = 0;
	n = snprintf(to, size, "> ");
	for (unsigned i = 0; i < 8; i++) {
		if (tx->flags & 1u << i)
			to[n++] = flag_letters[i];
	}
	n += snprintf(to + n, size - (size_t)n, " %u:%u ack=%u wnd=%u", tx->seq - s->iss, tx->len,
		tx->ack - PEER_ISN, tx->wnd);
	for (unsigned i = 0; i < in.nsack; i++)
		n += snprintf(to + n, size - (size_t)n, " sack=%u-%u", in.sack[i].start - PEER_ISN,
			in.sack[i].end - PEER_ISN);
	if (in.mss)
		n += snprintf(to + n, size - (size_t)n, " mss=%u", in.mss);
	if (tx->flags & TCP_URG)
		snprintf(to + n, size - (size_t)n, " urg=%u", tx->urg);
}

static void must_be_quiet(struct script *s)
{
	char text[200];

	while (s->taken < s->nout) {
		tx_text(s, &s->out[s->taken++], text, sizeof(text));
		BAD(s, "not in the script: %s", text);
	}
	s->taken = s->nout = 0;
}

static u8 flags_of(const char *word)
{
	u8 flags = 0;

	for (; *word; word++) {
		const char *at = strchr(flag_letters, *word);

		if (at)
			flags |= (u8)(1u << (at - flag_letters));
	}
	return flags;
}

struct words {
	u32 seq, len;
	u8 flags;
	char *rest[16];
	unsigned n;
};

static char *next_word(char **at)
{
	char *word;

	while (**at == ' ' || **at == '\t')
		++*at;
	if (!**at)
		return NULL;
	word = *at;
	while (**at && **at != ' ' && **at != '\t')
		++*at;
	if (**at)
		*(*at)++ = 0;
	return word;
}

static void split(char *line, struct words *w)
{
	char *word = next_word(&line);

	*w = (struct words){.flags = flags_of(word ? word : "")};
	word = next_word(&line);
	if (word)
		sscanf(word, "%u:%u", &w->seq, &w->len);
	while ((word = next_word(&line)) && w->n < ARRAY_SIZE(w->rest))
		w->rest[w->n++] = word;
}

static void in_word(struct script *s, struct tcp_in *in, const char *word)
{
	unsigned a, b;

	if (sscanf(word, "ack=%u", &a) == 1)
		in->ack = a + s->iss;
	else if (sscanf(word, "wnd=%u", &a) == 1)
		in->wnd = (u16)a;
	else if (sscanf(word, "mss=%u", &a) == 1)
		in->mss = (u16)a;
	else if (sscanf(word, "ws=%u", &a) == 1)
		in->wscale = (u8)a;
	else if (sscanf(word, "urg=%u", &a) == 1)
		in->urg = (u16)a;
	else if (sscanf(word, "ts=%u/%u", &a, &b) == 2)
		in->has_ts = true, in->tsval = a, in->tsecr = b;
	else if (sscanf(word, "sack=%u-%u", &a, &b) == 2 && in->nsack < 4)
		in->sack[in->nsack++] = (struct tcp_block){a + s->iss, b + s->iss};
	else if (sscanf(word, "cookie=%u", &a) == 1)
		in->cookie_len = (s8)a;
	else if (!strcmp(word, "sok"))
		in->sack_ok = true;
	else if (!strcmp(word, "ce"))
		in->ce = true;
	else
		BAD(s, "what is %s?", word);
}

static bool to_listener(struct script *s, const struct tcp_in *in, struct model_packet *p)
{
	struct model_end *e = &s->e;
	struct tcp_tx tx;
	enum tcp_verdict v;

	if (e->has_req)
		v = tcp_req_segment(&e->listener, &e->req, s->now, in, &tx);
	else
		v = tcp_listen_segment(
			&e->listener, s->now, in, &e->flow, 1460, NULL, &e->req, &tx);
	if (v == TCP_V_REQ || v == TCP_V_REPLY || v == TCP_V_RESET || v == TCP_V_TFO) {
		out_add(s, &tx);
		if (tx.flags & TCP_SYN)
			s->iss = tx.seq;
	}
	e->has_req = v == TCP_V_REQ || (e->has_req && (v == TCP_V_DROP || v == TCP_V_REPLY));
	if (v != TCP_V_CONN && v != TCP_V_TFO)
		return false;
	tcp_conn_fini(&e->c);
	tcp_conn_accept(&e->c, &e->conf, s->now, &e->req, e->listener.rcv_buf, 16384);
	s->listener = false;
	if (v == TCP_V_TFO)
		return tcp_syn_text(&e->c, s->now, in, &p->rx);
	return tcp_input(&e->c, s->now, in, in->len ? &p->rx : NULL);
}

static void arrives(struct script *s, char *line)
{
	struct tcp_in in = {.wscale = 0xff, .cookie_len = -1, .wnd = 65535, .hlen = 20};
	struct model_end *e = &s->e;
	struct model_packet *p;
	struct tcp_tx tx;
	struct words w;
	bool kept = false;
	u32 isn;

	split(line, &w);
	in.flags = w.flags;
	in.seq = w.seq + PEER_ISN;
	in.len = w.len;
	if (in.flags & TCP_ACK)
		in.ack = s->iss + 1;
	for (unsigned i = 0; i < w.n; i++)
		in_word(s, &in, w.rest[i]);
	p = calloc(1, sizeof(*p) + in.len);
	for (u32 i = 0; i < in.len; i++)
		p->payload[i] = (u8)(w.seq + i);
	p->rx.mem = in.len + 256;
	if (s->listener) {
		kept = to_listener(s, &in, p);
	} else if (e->has_tw) {
		switch (tcp_tw_segment(&e->tw, s->now, &in, &tx, &isn)) {
		case TCP_V_RESET:
			out_add(s, &tx);
			e->has_tw = false;
			break;
		case TCP_V_REPLY: out_add(s, &tx); break;
		case TCP_V_KILL:
		case TCP_V_SYN: e->has_tw = false; break;
		default: break;
		}
	} else if (e->c.state == TCP_S_CLOSE) {
		if (tcp_refuse(&in, &tx))
			out_add(s, &tx);
	} else {
		kept = tcp_input(&e->c, s->now, &in, in.len ? &p->rx : NULL);
	}
	if (!kept)
		free(p);
	settle(s);
}

static bool out_word(
	struct script *s, const struct tcp_tx *tx, const struct tcp_in *in, const char *word)
{
	unsigned a, b;

	if (sscanf(word, "ack=%u", &a) == 1)
		return tx->ack == a + PEER_ISN;
	if (sscanf(word, "wnd=%u", &a) == 1)
		return tx->wnd == a;
	if (sscanf(word, "mss=%u", &a) == 1)
		return in->mss == a;
	if (sscanf(word, "ws=%u", &a) == 1)
		return in->wscale == a;
	if (sscanf(word, "urg=%u", &a) == 1)
		return tx->urg == a;
	if (sscanf(word, "cookie=%u", &a) == 1)
		return in->cookie_len == (s8)a;
	if (!strcmp(word, "sok"))
		return in->sack_ok;
	if (!strcmp(word, "ts"))
		return in->has_ts;
	if (sscanf(word, "seg=%u", &a) == 1)
		return tx->mss == a;
	if (!strcmp(word, "ect"))
		return tx->ect;
	if (sscanf(word, "sack=%u-%u", &a, &b) == 2) {
		for (unsigned i = 0; i < in->nsack; i++) {
			if (in->sack[i].start == a + PEER_ISN && in->sack[i].end == b + PEER_ISN)
				return true;
		}
		return false;
	}
	BAD(s, "what is %s?", word);
	return true;
}

static void sends(struct script *s, char *line)
{
	const struct tcp_tx *tx = &s->out[s->taken];
	char text[200], want[200];
	struct tcp_in in;
	struct words w;
	u8 hdr[60];
	bool ok;

	snprintf(want, sizeof(want), "%s", line);
	split(line, &w);
	if (s->taken == s->nout) {
		BAD(s, "nothing was sent, but should be: > %s", want);
		return;
	}
	s->taken++;
	tcp_write_header(tx, hdr);
	ok = !tcp_parse(hdr, TCP_HDR_LEN + tx->optlen, TCP_HDR_LEN + tx->optlen + tx->len, &in);
	ok = ok && tx->flags == w.flags && tx->len == w.len &&
	     (tx->seq == w.seq + s->iss || (w.flags & TCP_SYN && !w.seq));
	for (unsigned i = 0; i < w.n; i++)
		ok = ok && out_word(s, tx, &in, w.rest[i]);
	tx_text(s, tx, text, sizeof(text));
	if (!ok)
		BAD(s, "should be: > %s  was: %s", want, text);
}

static void wait_ms(struct script *s, u64 ms)
{
	u64 until = s->now + ms * TCP_NS_PER_MS, at;
	struct tcp_tx tx;

	for (;;) {
		at = tcp_deadline(&s->e.c);
		if (s->e.has_req)
			at = min(at, s->e.req.timer_at);
		if (at > until)
			break;
		s->now = max(s->now, at);
		if (s->e.has_req && s->e.req.timer_at <= s->now) {
			switch (tcp_req_timer(&s->e.listener, &s->e.req, s->now, &tx)) {
			case TCP_V_REPLY: out_add(s, &tx); break;
			case TCP_V_KILL: s->e.has_req = false; break;
			default: break;
			}
		} else {
			tcp_timer(&s->e.c, s->now);
		}
		settle(s);
	}
	s->now = until;
	if (s->e.has_tw && s->e.tw.expires <= s->now)
		s->e.has_tw = false;
}

static void take(struct script *s, u32 want)
{
	u32 pos = s->e.c.copied, off, len, got = 0;
	struct tcp_rx *rx = NULL;

	while ((rx = tcp_rx_at(&s->e.c, rx, got, &pos, &off, &len))) {
		const u8 *p = container_of(rx, struct model_packet, rx)->payload + off;

		for (u32 i = 0; i < len; i++) {
			if (p[i] != (u8)(pos - PEER_ISN + i))
				BAD(s, "byte %u is wrong", pos - PEER_ISN + i);
		}
		pos += len;
		got += len;
	}
	if (got != want)
		BAD(s, "read %u, not %u", got, want);
	tcp_received(&s->e.c, s->now, pos);
}

static void set(struct script *s, const char *name, u64 v)
{
	struct tcp_conf *f = &s->e.conf;
	struct tcp_user *u = &s->e.c.user;
	const struct {
		const char *name;
		u32 *at;
	} words[] = {{"sack", &f->sack}, {"ts", &f->timestamps}, {"ws", &f->window_scaling},
		{"ecn", &f->ecn}, {"syncookies", &f->syncookies}, {"retries2", &f->retries2},
		{"syn_retries", &f->syn_retries}, {"synack_retries", &f->synack_retries},
		{"early_retrans", &f->early_retrans}, {"fastopen", &f->fastopen},
		{"abort_on_overflow", &f->abort_on_overflow}, {"rfc1337", &f->rfc1337},
		{"challenge_limit", &f->challenge_ack_limit}, {"cc", &f->cc},
		{"ratelimit", &f->invalid_ratelimit_ms}, {"initcwnd", &f->init_cwnd},
		{"rcvbuf", &s->e.c.rcv_buf}, {"user_timeout", &u->user_timeout_ms},
		{"keepidle", &u->keep_idle_s}, {"keepintvl", &u->keep_intvl_s},
		{"keepcnt", &u->keep_cnt}, {"backlog", &s->e.listener.backlog},
		{"nready", &s->e.listener.nready}, {"nreq", &s->e.listener.nreq},
		{"tfo_max", &s->e.listener.tfo_max}, {"defer", &s->e.listener.defer_s}};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i].name, name)) {
			*words[i].at = (u32)v;
			return;
		}
	}
	if (!strcmp(name, "nodelay"))
		u->nodelay = v;
	else if (!strcmp(name, "cork"))
		u->cork = v;
	else if (!strcmp(name, "inline"))
		u->oobinline = v;
	else if (!strcmp(name, "linger2"))
		u->linger2_s = (s32)v;
	else if (!strcmp(name, "maxseg"))
		u->maxseg = (u16)v;
	else if (!strcmp(name, "tfo"))
		s->e.c.tfo_len = (s8)v;
	else if (!strcmp(name, "keepalive"))
		tcp_set_keepalive(&s->e.c, s->now, v);
	else
		BAD(s, "set what? %s", name);
	tcp_push(&s->e.c, s->now);
}

static void fact(struct script *s, const char *verb, const char *arg)
{
	struct tcp_conn *c = &s->e.c;
	u32 v = (u32)strtoul(arg, NULL, 0), is = v;

	if (!strcmp(verb, "state")) {
		if (strcmp(state_names[c->state], arg))
			BAD(s, "state is %s, not %s", state_names[c->state], arg);
	} else if (!strcmp(verb, "tw")) {
		const char *now = s->e.has_tw ? state_names[s->e.tw.state] : "none";

		if (strcmp(now, arg))
			BAD(s, "what is left is %s, not %s", now, arg);
	} else if (!strcmp(verb, "error")) {
		is = (u32)tcp_take_error(c);
	} else if (!strcmp(verb, "readable")) {
		is = tcp_readable(c);
	} else if (!strcmp(verb, "cwnd")) {
		is = c->cong.cwnd / c->mss;
	} else if (!strcmp(verb, "ca")) {
		is = c->cong.state;
	} else if (!strcmp(verb, "mark")) {
		is = tcp_at_mark(c);
	} else if (!strcmp(verb, "probes")) {
		is = c->probes;
	} else {
		BAD(s, "what is %s?", verb);
	}
	if (is != v)
		BAD(s, "%s is %u, not %u", verb, is, v);
}

static void call(struct script *s, const char *verb, u32 n)
{
	struct tcp_conn *c = &s->e.c;

	if (!strcmp(verb, "connect")) {
		tcp_connect(c, s->now, s->iss, 0, 1460);
	} else if (!strcmp(verb, "listen")) {
		s->listener = true;
		s->e.listener.rcv_buf = c->rcv_buf;
	} else if (!strcmp(verb, "write") || !strcmp(verb, "more") || !strcmp(verb, "oob")) {
		tcp_sent(c, s->now, n, verb[0] == 'm', verb[0] == 'o');
	} else if (!strcmp(verb, "read")) {
		take(s, n);
	} else if (!strcmp(verb, "shutdown")) {
		tcp_shutdown_write(c, s->now);
	} else if (!strcmp(verb, "close") || !strcmp(verb, "linger")) {
		tcp_close(c, s->now, verb[0] == 'l');
	} else if (!strcmp(verb, "abort")) {
		tcp_abort(c, s->now, 0);
	} else if (!strcmp(verb, "wait")) {
		wait_ms(s, n);
	} else if (!strcmp(verb, "mtu")) {
		tcp_path_mss(c, s->now, (u16)n);
	} else {
		BAD(s, "what is %s?", verb);
	}
	settle(s);
}

static void line(struct script *s, char *text)
{
	char verb[32] = "", arg[64] = "";
	unsigned long long v = 0;
	unsigned n = 0, seq = 0;

	while (*text == ' ' || *text == '\t')
		text++;
	if (!*text || *text == '#')
		return;
	if (*text == '>') {
		sends(s, text + 1);
		return;
	}
	sscanf(text, "%31s %63s %llu", verb, arg, &v);
	if (!strcmp(verb, "set") || !strcmp(verb, "icmp") || *text == '<' ||
		strstr("connect listen write "
		       "more oob read shutdown close linger abort wait mtu",
			verb))
		must_be_quiet(s);
	if (*text == '<') {
		arrives(s, text + 1);
	} else if (!strcmp(verb, "set")) {
		set(s, arg, v);
		settle(s);
	} else if (sscanf(text, "icmp %u %u", &n, &seq) == 2) {
		tcp_icmp(&s->e.c, s->now, seq + s->iss, (int)n, strstr(text, "hard"));
		settle(s);
	} else if (strstr("connect listen write more oob read shutdown close linger abort wait mtu",
			   verb)) {
		call(s, verb, (u32)strtoul(arg, NULL, 0));
	} else {
		fact(s, verb, arg);
	}
}

void script_run(const char *file, int first, const char *text)
{
	struct script *s = calloc(1, sizeof(*s));
	char *copy = malloc(strlen(text) + 1), *save, *at;
	struct tcp_rx *rx;

	memcpy(copy, text, strlen(text) + 1);
	s->file = file;
	s->line = first;
	s->now = 1000 * TCP_NS_PER_S;
	s->iss = 0xffffff00u;
	s->e.conf = model_conf();
	s->e.conf.timestamps = s->e.conf.window_scaling = s->e.conf.sack = 0;
	s->e.flow.lport = 80;
	s->e.listener = (struct tcp_listener){.conf = &s->e.conf, .backlog = 4};
	tcp_conn_init(&s->e.c, &s->e.conf, s->now, 131072, 16384);
	for (at = copy; at; at = save) {
		save = strchr(at, '\n');
		if (save)
			*save++ = 0;
		line(s, at);
		s->line++;
	}
	must_be_quiet(s);
	tcp_conn_fini(&s->e.c);
	while ((rx = s->e.c.rx_dead)) {
		s->e.c.rx_dead = rx->next;
		free(container_of(rx, struct model_packet, rx));
	}
	CHECK_EQ(model_live(), 0);
	free(copy);
	free(s);
}
