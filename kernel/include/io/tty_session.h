/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the process code asks of controlling terminals.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct tty;
struct pid;

void tty_get(struct tty *tty);
void tty_put(struct tty *tty);
/*
 * The session leader ends: the terminal loses its session, its foreground group gets SIGHUP. Called with a reference, without locks; may sleep.
 */
void tty_session_end(struct tty *tty);
/* vhangup(2) on the running process' controlling terminal, if it has one. Thread context. */
void tty_hangup_current(void);
