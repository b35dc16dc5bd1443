/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of the standards, one script each; the language is in tcp_script.h. */
#include "tcp_script.h"
#include <lib/test.h>

#define ACTIVE                                                                       \
	"set early_retrans 0\nconnect\n> S 0:0\n< SA 0:0 ack=1 wnd=65535 mss=1000\n" \
	"> A 1:0 ack=1\nstate ESTABLISHED\n"
#define PASSIVE                                                                          \
	"set early_retrans 0\nlisten\n< S 0:0 mss=1000\n> SA 0:0 ack=1\n< A 1:0 ack=1\n" \
	"state ESTABLISHED\n"

TEST(handshake_active) /* [rfc9293 3.5, figure 6] */
{
	SCRIPT("set ts 1\nset ws 1\nset sack 1\n"
	       "connect\n"
	       "> S 0:0 mss=1460 ws=7 sok ts\n"
	       "state SYN_SENT\n"
	       "< SA 0:0 ack=1 mss=1460 ws=7 sok ts=5/1000000\n"
	       "> A 1:0 ack=1\n"
	       "state ESTABLISHED\n");
}

TEST(handshake_passive) /* [rfc9293 3.5]; the second SYN is answered again, but not too often */
{
	SCRIPT("listen\n"
	       "< S 0:0 mss=1460\n"
	       "> SA 0:0 ack=1 mss=1460\n"
	       "wait 10\n"
	       "< S 0:0 mss=1460\n"
	       "> SA 0:0 ack=1\n"
	       "wait 10\n"
	       "< S 0:0 mss=1460\n"
	       "< A 1:0 ack=1\n"
	       "state ESTABLISHED\n");
}

TEST(handshake_synack_lost) /* [rfc6298 5.5] */
{
	SCRIPT("listen\n< S 0:0\n> SA 0:0\nwait 1000\n> SA 0:0\nwait 2000\n> SA 0:0\n"
	       "< A 1:0 ack=1\nstate ESTABLISHED\n");
}

TEST(handshake_syn_timeout) /* [man tcp(7) tcp_syn_retries, tcp_syn_linear_timeouts] */
{
	SCRIPT("set syn_retries 2\nconnect\n> S 0:0\nwait 1000\n> S 0:0\nwait 1000\n> S 0:0\n"
	       "wait 1000\nstate CLOSE\nerror 110\n");
}

TEST(handshake_refused) /* [rfc9293 3.10.7.3] */
{
	SCRIPT("connect\n> S 0:0\n< R 0:0\nstate SYN_SENT\n< RA 0:0 ack=1\nstate CLOSE\nerror 111\n");
	/* An ACK of something that was never sent is reset, and a reset with it ignored. */
	SCRIPT("connect\n> S 0:0\n< A 0:0 ack=5\n> R 5:0\n< RA 0:0 ack=5\nstate SYN_SENT\n");
}

TEST(handshake_simultaneous) /* [rfc9293 3.5, figure 7] */
{
	SCRIPT("connect\n> S 0:0\n< S 0:0 mss=1000\n> SA 0:0 ack=1\nstate SYN_RECV\n"
	       "< SA 0:0 ack=1\nstate ESTABLISHED\n");
}

TEST(handshake_in_listen) /* [rfc9293 3.10.7.2] */
{
	SCRIPT("listen\n< R 0:0\n< A 0:0 ack=7\n> R 7:0\n< SA 0:0 ack=9\n> R 9:0\n< F 0:0\n");
}

TEST(reset_in_request) /* [rfc5961 3.2, rfc9293 3.10.7.4] */
{
	SCRIPT("listen\n< S 0:0\n> SA 0:0\n< R 5:0\n< A 1:0 ack=9\n> R 9:0\n< R 1:0\n< A 1:0 ack=1\n> R 1:0\n");
}

TEST(reset_established) /* [rfc5961 3.2]: exact: reset; in the window: challenge; outside: nothing
			 */
{
	SCRIPT(ACTIVE "< R 100:0\n> A 1:0 ack=1\n< R 4000000:0\n< R 1:0\nstate CLOSE\nerror 104\n");
}

TEST(reset_by_state) /* [rfc9293 3.10.7.4, second] */
{
	SCRIPT(ACTIVE "shutdown\n> FA 1:0\nstate FIN_WAIT1\n< R 1:0\nstate CLOSE\nerror 104\n");
	SCRIPT(ACTIVE "shutdown\n> FA 1:0\n< A 1:0 ack=2\nstate FIN_WAIT2\n< R 1:0\nstate CLOSE\n");
	SCRIPT(ACTIVE
		"< FA 1:0 ack=1\nwait 300\n> A 1:0 ack=2\nstate CLOSE_WAIT\n< R 2:0\nerror 32\n");
	SCRIPT(ACTIVE "shutdown\n> FA 1:0\n< FA 1:0 ack=1\n> A 2:0 ack=2\nstate CLOSING\n< R 2:0\n"
		      "state CLOSE\n");
	SCRIPT(PASSIVE
		"< FA 1:0 ack=1\nclose\n> FA 1:0 ack=2\nstate LAST_ACK\n< R 2:0\nstate CLOSE\n");
}

TEST(syn_in_window) /* [rfc5961 4.2] */
{
	SCRIPT(ACTIVE
		"< S 50:0\n> A 1:0 ack=1\nstate ESTABLISHED\n< S 60:0\nwait 600\n< S 50:0\n> A 1:0\n");
}

TEST(ack_not_acceptable) /* [rfc5961 5.2] */
{
	SCRIPT(ACTIVE
		"< A 1:0 ack=500\n> A 1:0 ack=1\nwait 600\n< PA 1:10 ack=500\n> A 1:0 ack=1\nreadable 0\n");
}

TEST(challenge_is_limited) /* [rfc5961 7] */
{
	SCRIPT(ACTIVE
		"set ratelimit 0\nset challenge_limit 2\n< S 5:0\n> A 1:0\n< S 5:0\n> A 1:0\n< S 5:0\n"
		"wait 1000\n< S 5:0\n> A 1:0\n");
}

TEST(close_active) /* [rfc9293 3.6, figure 12] */
{
	SCRIPT(ACTIVE
		"close\n> FA 1:0 ack=1\n< A 1:0 ack=2\nstate CLOSE\ntw FIN_WAIT2\n< FA 1:0 ack=2\n"
		"> A 2:0 ack=2\ntw TIME_WAIT\nwait 59000\ntw TIME_WAIT\nwait 1001\ntw none\n");
}

TEST(close_half) /* [rfc9293 3.6]: data comes after our FIN */
{
	SCRIPT(ACTIVE
		"shutdown\n> FA 1:0\n< A 1:0 ack=2\nstate FIN_WAIT2\n< PA 1:100 ack=2\n> A 2:0 ack=101\n"
		"read 100\n< FA 101:0 ack=2\n> A 2:0 ack=102\ntw TIME_WAIT\n");
}

TEST(close_simultaneous) /* [rfc9293 3.6, figure 13] */
{
	SCRIPT(ACTIVE
		"shutdown\n> FA 1:0\n< FA 1:0 ack=1\n> A 2:0 ack=2\nstate CLOSING\n< A 2:0 ack=2\n"
		"state CLOSE\ntw TIME_WAIT\n");
	/* FIN and the ACK of ours together */
	SCRIPT(ACTIVE "shutdown\n> FA 1:0\n< FA 1:0 ack=2\n> A 2:0 ack=2\ntw TIME_WAIT\n");
}

TEST(close_passive) /* [rfc9293 3.6] */
{
	SCRIPT(PASSIVE
		"< FA 1:0 ack=1\nstate CLOSE_WAIT\nwrite 10\n> PA 1:10 ack=2\nclose\n> FA 11:0\n"
		"state LAST_ACK\n< A 2:0 ack=12\nstate CLOSE\ntw none\n");
}

TEST(close_unread) /* [rfc1122 4.2.2.13] */
{
	SCRIPT(ACTIVE "< PA 1:10 ack=1\n> A 1:0 ack=11\nclose\n> RA 1:0 ack=11\nstate CLOSE\n");
	SCRIPT(ACTIVE "write 10\n> PA 1:10\nlinger\n> RA 11:0\nstate CLOSE\n");
	/* and data that comes after close() */
	SCRIPT(ACTIVE "close\n> FA 1:0\n< PA 1:10 ack=1\n> RA 2:0\nstate CLOSE\n");
}

TEST(close_linger2) /* [man tcp(7) TCP_LINGER2] */
{
	SCRIPT(ACTIVE
		"set linger2 5\nclose\n> FA 1:0\n< A 1:0 ack=2\ntw FIN_WAIT2\nwait 5001\ntw none\n");
	SCRIPT(ACTIVE
		"set linger2 5\nclose\n> FA 1:0\n< A 1:0 ack=2\n< PA 1:10 ack=2\n> R 2:0\ntw none\n");
}

TEST(fin_retransmitted) /* [rfc9293 3.10.7.4, eighth] */
{
	SCRIPT(ACTIVE
		"close\n> FA 1:0\nwait 201\n> FA 1:0\nwait 401\n> FA 1:0\n< A 1:0 ack=2\ntw FIN_WAIT2\n");
	SCRIPT(PASSIVE "< FA 1:0 ack=1\nwait 300\n> A 1:0 ack=2\n< FA 1:0 ack=1\n> A 1:0 ack=2\n");
}

TEST(fin_out_of_order) /* [rfc9293 3.4] */
{
	SCRIPT(PASSIVE
		"< FA 101:50 ack=1\n> A 1:0 ack=1\nstate ESTABLISHED\n< PA 1:100 ack=1\n> A 1:0 ack=152\n"
		"state CLOSE_WAIT\nread 150\n");
}

TEST(time_wait) /* [rfc9293 3.10.7.4; rfc1337; rfc6191] */
{
#define TO_TIME_WAIT ACTIVE "close\n> FA 1:0\n< FA 1:0 ack=2\n> A 2:0 ack=2\ntw TIME_WAIT\n"
	/* Its FIN again is acknowledged, and the clock starts anew. */
	SCRIPT(TO_TIME_WAIT
		"wait 30000\n< FA 1:0 ack=2\n> A 2:0 ack=2\nwait 40000\ntw TIME_WAIT\n");
	SCRIPT(TO_TIME_WAIT "< R 2:0\ntw none\n");
	SCRIPT("set rfc1337 1\n" TO_TIME_WAIT "< R 2:0\ntw TIME_WAIT\n");
	SCRIPT(TO_TIME_WAIT "< S 100:0\ntw none\n");
	SCRIPT(TO_TIME_WAIT "< S 0:0\n> A 2:0 ack=2\ntw TIME_WAIT\n");
#undef TO_TIME_WAIT
}

TEST(data_both_ways) /* [rfc9293 3.10.7.4, seventh; rfc5681 4.2] */
{
	SCRIPT(ACTIVE
		"write 100\n> PA 1:100\n< A 1:0 ack=101\n< PA 1:500 ack=101\n> A 101:0 ack=501\n"
		"read 500\n< PA 501:10 ack=101\n> A 101:0 ack=511\nwrite 20\n> PA 101:20 ack=511\nread 10\n");
}

TEST(data_in_any_order) /* [rfc9293 3.10.7.4]: cut at both ends, each byte once */
{
	SCRIPT(PASSIVE
		"< PA 101:100 ack=1\n> A 1:0 ack=1\n< PA 151:100 ack=1\n> A 1:0 ack=1\n"
		"< PA 51:120 ack=1\n> A 1:0 ack=1\n< PA 1:60 ack=1\n> A 1:0 ack=251\nread 250\n");
}

TEST(data_outside) /* [rfc9293 3.10.7.4, first] */
{
	SCRIPT(PASSIVE
		"< PA 1:10 ack=1\n> A 1:0 ack=11\nread 10\n< PA 200000:10 ack=1\n> A 1:0 ack=11\n"
		"wait 600\n< PA 1:10 ack=1\n> A 1:0 ack=11\nreadable 0\n");
}

TEST(sack_sent) /* [rfc2018 4]: the newest block first; [rfc2883 4]: a duplicate before it */
{
#define SACKED \
	"set sack 1\nset early_retrans 0\nlisten\n< S 0:0 mss=1000 sok\n> SA 0:0 sok\nwait 40\n< A 1:0 ack=1\n"
	SCRIPT(SACKED
		"< PA 1001:1000 ack=1\n> A 1:0 ack=1 sack=1001-2001\n< PA 3001:1000 ack=1\n"
		"> A 1:0 ack=1 sack=3001-4001 sack=1001-2001\n< PA 1:1000 ack=1\n> A 1:0 ack=2001 sack=3001-4001\n"
		"< PA 1:1000 ack=1\n> A 1:0 ack=2001 sack=1-1001 sack=3001-4001\n"
		"< PA 3001:500 ack=1\n> A 1:0 ack=2001 sack=3001-3501 sack=3001-4001\n"
		"< PA 2001:1000 ack=1\n> A 1:0 ack=4001\nread 4000\n");
}

TEST(sack_scoreboard) /* [rfc6675, rfc8985]: three SACKed segments above make the hole lost */
{
	SCRIPT(SACKED
		"set nodelay 1\nwait 20\nwrite 6000\n> A 1:2000\n> A 2001:2000\n> PA 4001:2000\n"
		"wait 40\n< A 1:0 ack=1 sack=1001-2001\nwait 1\n< A 1:0 ack=1 sack=1001-3001\nwait 1\n"
		"< A 1:0 ack=1 sack=1001-4001\n> A 1:1000\nca 3\n"
		"wait 40\n< A 1:0 ack=6001\nca 0\n");
}

TEST(sack_invalid) /* [rfc2018 5]: blocks of what was not sent tell nothing */
{
	SCRIPT(SACKED "write 3000\n> A 1:2000\n> PA 2001:1000\n< A 1:0 ack=1 sack=9000-9500\n"
		      "< A 1:0 ack=1 sack=2000-1000\nca 0\n< A 1:0 ack=3001\n");
}

TEST(newreno) /* [rfc6582 3.2] */
{
	SCRIPT(ACTIVE
		"set nodelay 1\nwait 20\nwrite 5000\n> PA 1:5000\nwait 40\n"
		"< A 1:0 ack=1\n< A 1:0 ack=1\n< A 1:0 ack=1\n> A 1:1000\nca 3\n< A 1:0 ack=1\nwait 40\n"
		"< A 1:0 ack=5001\n");
}

TEST(rto) /* [rfc6298 5]: the first after a second, then doubled; one sample makes it shorter */
{
	SCRIPT(ACTIVE
		"wait 100\nwrite 10\n> PA 1:10\nwait 210\n> PA 1:10\nwait 400\n> PA 1:10\nca 4\n< A 1:0 ack=11\nca 0\n");
}

TEST(rto_gives_up) /* [rfc1122 4.2.3.5] */
{
	SCRIPT(ACTIVE
		"set retries2 2\nwrite 10\n> PA 1:10\nwait 201\n> PA 1:10\nwait 400\n> PA 1:10\nwait 800\n"
		"state CLOSE\nerror 110\n");
}

TEST(user_timeout) /* [rfc5482; man tcp(7) TCP_USER_TIMEOUT] */
{
	SCRIPT(ACTIVE
		"set user_timeout 500\nwrite 10\n> PA 1:10\nwait 201\n> PA 1:10\nwait 300\nstate CLOSE\nerror 110\n");
}

TEST(tail_probe) /* [rfc8985 7] */
{
	SCRIPT("set sack 1\nlisten\n< S 0:0 mss=1000 sok\n> SA 0:0\nwait 20\n< A 1:0 ack=1\nwrite 3000\n> A 1:2000\n> PA 2001:1000\n"
	       "wait 42\n> PA 2001:1000\nwait 20\n< A 1:0 ack=3001\nca 0\n");
}

TEST(zero_window) /* [rfc9293 3.8.6.1] */
{
	SCRIPT(ACTIVE
		"write 10\n> PA 1:10\n< A 1:0 ack=11 wnd=0\nwrite 100\nwait 210\n> A 10:0\nprobes 1\n< A 1:0 ack=11 wnd=0\n"
		"wait 410\n> A 10:0\n< A 1:0 ack=11 wnd=5000\n> PA 11:100\nprobes 0\n");
}

TEST(zero_window_receiver) /* [rfc9293 3.8.6.2.2]: it closes, and opens by a useful amount */
{
	SCRIPT("set rcvbuf 4000\nlisten\n< S 0:0 mss=1000\n> SA 0:0\n< A 1:0 ack=1\n< PA 1:1000 ack=1\n> A 1:0 ack=1001\n"
	       "< PA 1001:1000 ack=1\n> A 1:0 ack=2001 wnd=0\n< PA 2001:1 ack=1\n> A 1:0 ack=2001 wnd=0\nread 2000\n> A 1:0 ack=2001\n");
}

TEST(silly_window) /* [rfc9293 3.8.6.2.1]: no crumbs while something is out */
{
	SCRIPT(ACTIVE
		"write 3000\n> PA 1:3000\n< A 1:0 ack=3001 wnd=300\nwrite 1000\nwait 210\n> PA 3001:300\n"
		"< A 1:0 ack=3301 wnd=65535\n> PA 3301:700\n");
}

TEST(shrinking_window) /* [rfc9293 3.8.6]: what is out is not forgotten */
{
	SCRIPT(ACTIVE
		"write 3000\n> PA 1:3000\n< A 1:0 ack=1001 wnd=500\nstate ESTABLISHED\n< A 1:0 ack=3001 wnd=65535\n"
		"write 10\n> PA 3001:10\n");
}

TEST(nagle) /* [rfc1122 4.2.3.4] */
{
	SCRIPT(ACTIVE "write 10\n> PA 1:10\nwrite 10\nwrite 10\n< A 1:0 ack=11\n> PA 11:20\n");
	SCRIPT(ACTIVE "set nodelay 1\nwrite 10\n> PA 1:10\nwrite 10\n> PA 11:10\n");
	SCRIPT(ACTIVE "set cork 1\nwrite 10\nwrite 10\nset cork 0\n> PA 1:20\n");
	SCRIPT(ACTIVE "more 10\nwrite 10\n> PA 1:20\n");
	SCRIPT(ACTIVE "set cork 1\nwrite 10\nwait 201\n> PA 1:10\n"); /* the cork holds 200 ms */
}

TEST(paws) /* [rfc7323 5.3]: an older timestamp is a duplicate, also when the clock wraps */
{
#define STAMPED \
	"set ts 1\nset early_retrans 0\nlisten\n< S 0:0 mss=1000 ts=4294967290/0\n> SA 0:0 ts\n< A 1:0 ack=1 ts=4294967290/0\n"
	SCRIPT(STAMPED
		"< PA 1:10 ack=1 ts=4/0\n> A 1:0 ack=11\nread 10\n< PA 11:10 ack=1 ts=4294967291/0\n> A 1:0 ack=11\nreadable 0\n"
		"wait 600\n< PA 11:10 ack=1 ts=5/0\n> A 1:0 ack=21\nreadable 10\n");
}

TEST(urgent) /* [rfc6093; man tcp(7)]: the byte before the pointer; the reader stops at the mark */
{
	SCRIPT(PASSIVE
		"< PUA 1:10 ack=1 urg=5\n> A 1:0 ack=11\nreadable 4\nread 4\nmark 1\nread 5\nmark 0\n");
	SCRIPT(PASSIVE "set inline 1\n< PUA 1:10 ack=1 urg=5\n> A 1:0 ack=11\nread 4\nread 6\n");
	SCRIPT(ACTIVE "oob 3\n> PUA 1:3 urg=3\n< A 1:0 ack=4\nwrite 1\n> PA 4:1\n");
}

TEST(ecn) /* [rfc3168 6.1] */
{
	SCRIPT("set ecn 1\nset early_retrans 0\nconnect\n> SEC 0:0\n< SAE 0:0 ack=1 mss=1000\n> A 1:0\nset nodelay 1\nwait 20\nwrite 3000\n> PA 1:3000 ect\n"
	       "< AE 1:0 ack=1001\nca 2\nwrite 1000\n> PAC 3001:1000 ect\n< AE 1:0 ack=3001\n< PA 1:10 ack=3001 ce\n> AE 4001:0 ack=11\n< PAC 11:10 ack=3001\n> A 4001:0 ack=21\n");
	/* refused by the peer: nothing is marked */
	SCRIPT("set ecn 1\nconnect\n> SEC 0:0\n< SA 0:0 ack=1\n> A 1:0\nwrite 10\n> PA 1:10\n");
}

TEST(syn_cookies) /* [rfc4987 3.6]: no state, and a connection nevertheless */
{
	SCRIPT("set ts 1\nset sack 1\nset ws 1\nset nreq 4\nlisten\n< S 0:0 mss=1400 sok ws=6 ts=9/0\n> SA 0:0 ts sok\n"
	       "< A 1:0 ack=2\n> R 2:0\n");
	SCRIPT("set nreq 4\nlisten\n< S 0:0 mss=1400\n> SA 0:0 ack=1\nwait 1000\n< PA 1:5 ack=1\n> A 1:0 ack=6\nstate ESTABLISHED\nread 5\n");
	SCRIPT("set nreq 4\nset syncookies 0\nlisten\n< S 0:0 mss=1400\n");
	SCRIPT("set nreq 4\nlisten\n< S 0:0 mss=1400\n> SA 0:0 ack=1\nwait 180000\n< A 1:0 ack=1\n> R 1:0\n");
}

TEST(accept_queue) /* [man listen(2), tcp(7) tcp_abort_on_overflow] */
{
	SCRIPT("listen\n< S 0:0\n> SA 0:0\nset nready 5\n< A 1:0 ack=1\nset nready 0\n< A 1:0 ack=1\nstate ESTABLISHED\n");
	/* A client that speaks second is asked again. */
	SCRIPT("listen\n< S 0:0\n> SA 0:0\nset nready 5\n< A 1:0 ack=1\nwait 1000\n> SA 0:0\nset nready 0\n< A 1:0 ack=1\nstate ESTABLISHED\n");
	SCRIPT("set abort_on_overflow 1\nlisten\n< S 0:0\n> SA 0:0\nset nready 5\n< A 1:0 ack=1\n> R 1:0\n");
	SCRIPT("set nready 5\nlisten\n< S 0:0\n");
}

TEST(defer_accept) /* [man tcp(7) TCP_DEFER_ACCEPT] */
{
	SCRIPT("set defer 5\nlisten\n< S 0:0\n> SA 0:0\n< A 1:0 ack=1\nwait 900\n< PA 1:3 ack=1\n> A 1:0 ack=4\nread 3\n");
}

TEST(fast_open_client) /* [rfc7413 4.2] */
{
	SCRIPT("set tfo 0\nconnect\n> S 0:0 cookie=0\n< SA 0:0 ack=1 cookie=8\n> A 1:0\n");
	/* With a cookie the data goes with the SYN; what is not acknowledged goes again. */
	SCRIPT("set tfo 8\nwrite 101\nconnect\n> S 0:100 cookie=8\n< SA 0:0 ack=101\n> A 101:0 ack=1\n");
	SCRIPT("set tfo 8\nwrite 101\nconnect\n> S 0:100\n< SA 0:0 ack=1\n> PA 1:100 ack=1\n< A 1:0 ack=101\n");
}

TEST(fast_open_server) /* [rfc7413 4.1.2]: a wrong cookie brings the right one */
{
	SCRIPT("set fastopen 2\nset tfo_max 4\nlisten\n< S 0:0 cookie=0\n> SA 0:0 ack=1 cookie=8\n< A 1:0 ack=1\nstate ESTABLISHED\n");
	SCRIPT("set fastopen 514\nset tfo_max 4\nlisten\n< S 0:50\n> SA 0:0 ack=51\nreadable 50\n< A 51:0 ack=1\nstate ESTABLISHED\n< PA 51:20 ack=1\n> A 1:0 ack=71\nreadable 70\n");
	SCRIPT("set fastopen 2\nset tfo_max 4\nlisten\n< S 0:50 cookie=8\n> SA 0:0 ack=1 cookie=8\n");
}

TEST(keepalive) /* [rfc1122 4.2.3.6] */
{
	SCRIPT(ACTIVE
		"set keepidle 10\nset keepintvl 2\nset keepcnt 2\nset keepalive 1\nwait 10001\n> A 0:0\n< A 1:0 ack=1\nwait 10001\n> A 0:0\n"
		"wait 2001\n> A 0:0\nwait 2001\n> RA 1:0\nstate CLOSE\nerror 110\n");
}

TEST(path_mtu) /* [rfc1191 6.4] */
{
	SCRIPT(ACTIVE "write 1000\n> PA 1:1000\nmtu 500\n> PA 1:1000 seg=500\n< A 1:0 ack=1001\n");
}

TEST(icmp) /* [rfc1122 4.2.3.9, rfc5927 4] */
{
	SCRIPT("connect\n> S 0:0\nicmp 113 0 hard\nstate CLOSE\nerror 113\n");
	SCRIPT(ACTIVE
		"write 10\n> PA 1:10\nicmp 113 1 hard\nstate ESTABLISHED\nerror 0\nicmp 111 5000 hard\n< A 1:0 ack=11\n");
}
