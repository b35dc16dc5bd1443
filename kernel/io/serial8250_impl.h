/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * One serial port, for serial8250.c (bytes, interrupts, life) and serial8250_line.c (settings, modem lines, flow control).
 */
#include <arch/pio.h>
#include <debug/log.h>
#include <io/tty.h>
#include <irq/irq.h>
#include <sync/wait.h>
#include <linux/serial.h>
#include <linux/serial_reg.h>
#include "log_lock.h"

#define SERIAL_FIFO	  16
#define SERIAL_CLOCK_BASE 115200

struct port {
	struct tty tty;
	struct log_console console;
	u16 io;
	u8 isa_irq;
	bool present, has_fifo;
	struct irq *irq;
	u32 lock;
	u8 ier, lcr, mcr;	/* lock; as written */
	u8 xchar;		/* lock: START or STOP to be sent first; 0: none */
	bool open;		/* lock */
	bool cts_flow, rts_flow, xoff_flow; /* lock: CRTSCTS both ways, IXOFF */
	bool asked_to_wait;	/* lock: the other side, when our reader fell behind */
	struct serial_icounter_struct counts; /* lock */
	struct wait_queue modem_wait;
	u16 closing_wait;	/* in 10 ms; ASYNC_CLOSING_WAIT_*; open_mutex */
	u8 held[SERIAL_FIFO];	/* the interrupt's and, while TTY_THROTTLED, unthrottle's */
	u32 nheld;
};

static inline u8 serial_in(struct port *p, unsigned reg)
{
	return pio_read8((u16)(p->io + reg));
}

static inline void serial_out(struct port *p, unsigned reg, u8 v)
{
	pio_write8((u16)(p->io + reg), v);
}

static inline irqflags_t port_lock(struct port *p)
{
	return log_lock_take(&p->lock);
}

static inline void port_unlock(struct port *p, irqflags_t flags)
{
	log_lock_drop(&p->lock, flags);
}

static inline struct port *port_of(struct tty *tty)
{
	return container_of(tty, struct port, tty);
}

/* serial8250.c */
void serial_start(struct tty *tty);
unsigned serial_number(const struct port *p);

/* serial8250_line.c */
u8 serial_read_modem(struct port *p);		   /* MSR; its changes are counted. Lock held */
bool serial_may_send(struct port *p);		   /* the other side is ready, if that counts. Lock held */
void serial_ask(struct port *p, bool wait);	   /* the other side to wait, or to go on, by what was agreed on; no lock */
void serial_set_termios(struct tty *tty, struct termios2 *t);
void serial_send_xchar(struct tty *tty, u8 c);
int serial_break_ctl(struct tty *tty, bool on);
int serial_tiocmget(struct tty *tty);
int serial_tiocmset(struct tty *tty, unsigned set, unsigned clear);
s64 serial_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg);
