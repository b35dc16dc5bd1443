/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Linux' numbers and structs, from the packaged headers.
 */
#include <abi/netif.h>
#include <abi/socket.h>
#if __STDC_HOSTED__ /* <linux/errqueue.h> wants a struct timespec: libc's where there is one */
#include <time.h>
#else
#include <linux/time.h>
#endif

#include <linux/errqueue.h>
#include <linux/eventpoll.h>
#include <linux/fib_rules.h>
#include <linux/icmpv6.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/igmp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet_diag.h>
#include <linux/ipv6.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <asm/ioctls.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/udp.h>
