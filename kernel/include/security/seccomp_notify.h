/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Questions of seccomp filters (SECCOMP_RET_USER_NOTIF) to whoever has the filter's listener. [man seccomp_unotify(2)]
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;
struct seccomp_data;
struct seccomp_listener;

/* A listener for a filter, and its file; a reference to each. -ENOMEM -ENFILE. */
int seccomp_listener_create(bool wait_killable, struct seccomp_listener **out, struct file **out_file) MUST_CHECK;
/* Nobody has the filter any more: gives its reference back. Any context. */
void seccomp_listener_leave(struct seccomp_listener *l);
/*
 * Ask about a call of the running thread. True: it is to be made; else *out_ret is its result: -ENOSYS when nobody listens, -ERESTARTSYS when a signal
 * came first. May sleep, no locks.
 */
bool seccomp_listener_ask(struct seccomp_listener *l, const struct seccomp_data *d, s64 *out_ret) MUST_CHECK;
