/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Scripts: one end of a connection, the other is the script. A line is a segment in, a segment that
 * must come out, a call, time, or a fact. Every segment that comes out must be named.
 *
 *	< FLAGS SEQ:LEN [word=value ...]	arrives; SEQ counts from the peer's ISN
 *	> FLAGS SEQ:LEN [word=value ...]	is sent; SEQ counts from ours; only what is named is
 *compared FLAGS	of S A F R P U E C, or - for none words	ack=N wnd=N mss=N ws=N sok
 *ts=VAL/ECR sack=A-B urg=N ce ect cookie=N
 *	connect | listen			CLOSE -> SYN-SENT; wait for a SYN
 *	write N | more N | oob N | read N	N bytes of the user's; read takes all and checks how
 *many shutdown | close | linger | abort wait MS					time passes,
 *timers fire state NAME | error N | readable N | cwnd SEGS | ca N | mark N | tw NAME | tw none |
 *events N set NAME VALUE				a sysctl or an option, before or between mtu
 *MSS | icmp ERR SEQ hard|soft
 */
void script_run(const char *file, int line, const char *text);
#define SCRIPT(text) script_run(__FILE__, __LINE__, text)
