/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line of a serial port: speed and format, modem lines, flow control. [ns16550 data sheet] [man ioctl_tty(2)]
 *
 * RTS/CTS and IXOFF work both ways by software: we do not send while CTS is off, and when our reader falls behind, RTS goes off or STOP is sent.
 */
#include "serial8250_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <linux/capability.h>

/* ---- modem lines ---- */

u8 serial_read_modem(struct port *p)
{
	u8 msr = serial_in(p, UART_MSR);

	p->counts.cts += msr & UART_MSR_DCTS ? 1 : 0;
	p->counts.dsr += msr & UART_MSR_DDSR ? 1 : 0;
	p->counts.rng += msr & UART_MSR_TERI ? 1 : 0;
	p->counts.dcd += msr & UART_MSR_DDCD ? 1 : 0;
	if (msr & UART_MSR_ANY_DELTA)
		wait_wake_all(&p->modem_wait);
	return msr;
}

bool serial_may_send(struct port *p)
{
	return !p->cts_flow || (serial_read_modem(p) & UART_MSR_CTS);
}

void serial_send_xchar(struct tty *tty, u8 c)
{
	struct port *p = port_of(tty);
	irqflags_t flags = port_lock(p);

	p->xchar = c;
	port_unlock(p, flags);
	serial_start(tty);
}

void serial_ask(struct port *p, bool wait)
{
	irqflags_t flags = port_lock(p);

	if (wait != p->asked_to_wait && (p->rts_flow || p->xoff_flow)) {
		p->asked_to_wait = wait;
		if (p->rts_flow) {
			p->mcr = (u8)(wait ? p->mcr & ~UART_MCR_RTS : p->mcr | UART_MCR_RTS);
			serial_out(p, UART_MCR, p->mcr);
		}
		if (p->xoff_flow)
			p->xchar = tty_flow_char(&p->tty, wait);
	}
	port_unlock(p, flags);
	serial_start(&p->tty);
}

/* ---- settings ---- */

void serial_set_termios(struct tty *tty, struct termios2 *t)
{
	struct port *p = port_of(tty);
	u32 speed = clamp_t(u32, t->c_ospeed ? t->c_ospeed : SERIAL_CLOCK_BASE, 50, SERIAL_CLOCK_BASE);
	u32 divisor = (SERIAL_CLOCK_BASE + speed / 2) / speed;
	u8 lcr = (u8)((t->c_cflag & CSIZE) >> 4);
	irqflags_t flags;

	if (t->c_cflag & CSTOPB)
		lcr |= UART_LCR_STOP;
	if (t->c_cflag & PARENB)
		lcr |= UART_LCR_PARITY | (t->c_cflag & PARODD ? 0 : UART_LCR_EPAR) | (t->c_cflag & CMSPAR ? UART_LCR_SPAR : 0);
	flags = port_lock(p);
	p->cts_flow = p->rts_flow = t->c_cflag & CRTSCTS;
	p->xoff_flow = t->c_iflag & IXOFF;
	p->lcr = lcr;
	serial_out(p, UART_LCR, lcr | UART_LCR_DLAB);
	serial_out(p, UART_DLL, (u8)divisor);
	serial_out(p, UART_DLM, (u8)(divisor >> 8));
	serial_out(p, UART_LCR, lcr);
	if (t->c_ospeed)
		p->mcr |= UART_MCR_DTR | UART_MCR_RTS;
	else
		p->mcr &= (u8)~(UART_MCR_DTR | UART_MCR_RTS); /* B0 hangs up */
	serial_out(p, UART_MCR, p->mcr);
	port_unlock(p, flags);
	serial_start(tty);
}

int serial_break_ctl(struct tty *tty, bool on)
{
	struct port *p = port_of(tty);
	irqflags_t flags = port_lock(p);

	p->lcr = (u8)(on ? p->lcr | UART_LCR_SBC : p->lcr & ~UART_LCR_SBC);
	serial_out(p, UART_LCR, p->lcr);
	port_unlock(p, flags);
	return 0;
}

int serial_tiocmget(struct tty *tty)
{
	struct port *p = port_of(tty);
	irqflags_t flags = port_lock(p);
	u8 msr = serial_read_modem(p);

	port_unlock(p, flags);
	return (p->mcr & UART_MCR_DTR ? TIOCM_DTR : 0) | (p->mcr & UART_MCR_RTS ? TIOCM_RTS : 0)
		| (p->mcr & UART_MCR_LOOP ? TIOCM_LOOP : 0) | (p->mcr & UART_MCR_OUT1 ? TIOCM_OUT1 : 0)
		| (msr & UART_MSR_DCD ? TIOCM_CAR : 0) | (msr & UART_MSR_RI ? TIOCM_RNG : 0)
		| (msr & UART_MSR_DSR ? TIOCM_DSR : 0) | (msr & UART_MSR_CTS ? TIOCM_CTS : 0);
}

static u8 mcr_bits(unsigned tiocm)
{
	return (u8)((tiocm & TIOCM_DTR ? UART_MCR_DTR : 0) | (tiocm & TIOCM_RTS ? UART_MCR_RTS : 0)
		| (tiocm & TIOCM_LOOP ? UART_MCR_LOOP : 0) | (tiocm & TIOCM_OUT1 ? UART_MCR_OUT1 : 0));
}

int serial_tiocmset(struct tty *tty, unsigned set, unsigned clear)
{
	struct port *p = port_of(tty);
	irqflags_t flags = port_lock(p);

	p->mcr = (u8)((p->mcr & ~mcr_bits(clear)) | mcr_bits(set));
	serial_out(p, UART_MCR, p->mcr);
	port_unlock(p, flags);
	serial_start(tty); /* in loopback we may have told ourselves to go on */
	return 0;
}

/* ---- ioctls ---- */

static struct serial_icounter_struct get_counts(struct port *p)
{
	irqflags_t flags = port_lock(p);
	struct serial_icounter_struct c = p->counts;

	port_unlock(p, flags);
	return c;
}

static bool changed(struct port *p, const struct serial_icounter_struct *old, u64 lines)
{
	struct serial_icounter_struct now = get_counts(p);

	return ((lines & TIOCM_CTS) && now.cts != old->cts) || ((lines & TIOCM_DSR) && now.dsr != old->dsr) ||
		((lines & TIOCM_RNG) && now.rng != old->rng) || ((lines & TIOCM_CAR) && now.dcd != old->dcd);
}

static s64 wait_modem(struct port *p, u64 lines)
{
	struct serial_icounter_struct old = get_counts(p);

	return wait_event_interruptible(&p->modem_wait, changed(p, &old, lines));
}

static s64 get_serial(struct port *p, struct uptr arg)
{
	struct serial_struct ss;

	memset(&ss, 0, sizeof(ss));
	ss.type = p->has_fifo ? PORT_16550A : PORT_16450;
	ss.line = (int)serial_number(p);
	ss.port = p->io;
	ss.irq = p->isa_irq;
	ss.xmit_fifo_size = p->has_fifo ? SERIAL_FIFO : 1;
	ss.baud_base = SERIAL_CLOCK_BASE;
	ss.close_delay = 50;
	ss.closing_wait = READ_ONCE(p->closing_wait);
	return copy_to_user(arg, &ss, sizeof(ss));
}

/* How long closing waits can be set; where the port is cannot. */
static s64 set_serial(struct port *p, struct uptr arg)
{
	struct serial_struct ss;

	if (copy_from_user(&ss, arg, sizeof(ss)))
		return -EFAULT;
	if (ss.port != p->io || ss.irq != p->isa_irq || ss.baud_base != SERIAL_CLOCK_BASE || ss.custom_divisor || ss.flags ||
		ss.close_delay != 50 || ss.type != (p->has_fifo ? PORT_16550A : PORT_16450))
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	if (ss.closing_wait != p->closing_wait && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	WRITE_ONCE(p->closing_wait, ss.closing_wait);
	return 0;
}

s64 serial_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg)
{
	struct port *p = port_of(tty);
	struct serial_icounter_struct counts;

	switch (cmd) {
	case TIOCMIWAIT: return wait_modem(p, arg);
	case TIOCGICOUNT:
		counts = get_counts(p);
		return copy_to_user(uptr_make(arg), &counts, sizeof(counts));
	case TIOCGSERIAL: return get_serial(p, uptr_make(arg));
	case TIOCSSERIAL: return set_serial(p, uptr_make(arg));
	default: return -ENOIOCTLCMD;
	}
}
