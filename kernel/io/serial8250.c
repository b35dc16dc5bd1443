/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's serial ports: 16550 and older. [ns16550 data sheet]
 *
 * port->lock is a bare word (log_lock.h). The interrupt is the only one that reads the receiver; the transmitter is fed by whoever finds it empty:
 *
 *	write(2) ─► tty_ops.start ─┐
 *	"transmitter empty" ───────┴► fill: up to 16 bytes as long as the FIFO is empty
 *
 * When the terminal's reader falls behind, the other side is asked to wait (serial8250_line.c); if that does not help, receiving stops (IER bit 0) with
 * the byte that was not taken kept in port->held.
 */
#include <arch/cpu.h>
#include <init/initcall.h>
#include <init/param.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <time/clock.h>
#include <vfs/inode.h>
#include <linux/major.h>
#include "serial8250_impl.h"
#include "tty/ldisc.h"

#define FILL_ROUNDS 64	 /* FIFOs in one go: a device that is never full must not keep us */
#define CLOSING_WAIT 3000 /* 30 s */
#define RX_ROUNDS   256	 /* bytes in one interrupt */
static struct port ports[4] = {{.io = 0x3f8, .isa_irq = 4}, {.io = 0x2f8, .isa_irq = 3}, {.io = 0x3e8, .isa_irq = 4}, {.io = 0x2e8, .isa_irq = 3}};

/* ---- sending ---- */

static void set_ier(struct port *p, u8 ier)
{
	if (ier == p->ier)
		return;
	p->ier = ier;
	serial_out(p, UART_IER, ier);
}

/* Feed the transmitter while it is empty. Ask for its interrupt if bytes are left. Lock held. */
static void fill(struct port *p)
{
	u8 buf[SERIAL_FIFO];
	unsigned rounds = 0;
	size_t n;

	while (rounds++ < FILL_ROUNDS && (serial_in(p, UART_LSR) & UART_LSR_THRE)) {
		if (unlikely(p->xchar)) {
			serial_out(p, UART_TX, p->xchar);
			p->xchar = 0;
			continue;
		}
		if (unlikely(!serial_may_send(p))) { /* the modem lines' interrupt comes when that changes */
			set_ier(p, (u8)(p->ier & ~UART_IER_THRI));
			return;
		}
		n = tty_output_take(&p->tty, buf, p->has_fifo ? SERIAL_FIFO : 1);
		if (!n) {
			set_ier(p, (u8)(p->ier & ~UART_IER_THRI));
			return;
		}
		for (size_t i = 0; i < n; i++)
			serial_out(p, UART_TX, buf[i]);
		p->counts.tx += (int)n;
	}
	set_ier(p, p->ier | UART_IER_THRI);
}

void serial_start(struct tty *tty)
{
	struct port *p = port_of(tty);
	irqflags_t flags = port_lock(p);

	if (p->open)
		fill(p);
	port_unlock(p, flags);
}

unsigned serial_number(const struct port *p)
{
	return (unsigned)(p - ports);
}

static bool wait_empty(struct port *p, u8 bits)
{
	for (u32 i = 0; i < 100000; i++) {
		if ((serial_in(p, UART_LSR) & bits) == bits)
			return true;
		cpu_relax();
	}
	return false;
}

/* The log's lines: polled, in between what the terminal sends. */
static void console_write(struct log_console *c, const char *s, size_t len)
{
	struct port *p = container_of(c, struct port, console);
	irqflags_t flags = port_lock(p);
	unsigned room = 0;

	for (size_t i = 0; i < len; i++) {
		if (room < 2) {
			(void)wait_empty(p, UART_LSR_THRE);
			room = p->has_fifo ? SERIAL_FIFO : 2;
		}
		if (s[i] == '\n') {
			serial_out(p, UART_TX, '\r');
			room--;
			if (!p->has_fifo)
				(void)wait_empty(p, UART_LSR_THRE);
		}
		serial_out(p, UART_TX, (u8)s[i]);
		room--;
	}
	port_unlock(p, flags);
}

static void serial_wait_sent(struct tty *tty)
{
	struct port *p = port_of(tty);

	for (unsigned i = 0; i < 100 && (serial_in(p, UART_LSR) & UART_LSR_TEMT) == 0; i++) {
		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		(void)schedule_deadline(deadline_after(1000000), 100000);
		thread_finish_wait();
	}
}

static void serial_flush_output(struct tty *tty)
{
	struct port *p = port_of(tty);
	irqflags_t flags = port_lock(p);

	if (p->has_fifo)
		serial_out(p, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT | UART_FCR_TRIGGER_14);
	port_unlock(p, flags);
}

/* ---- receiving ---- */

static void rx_error(struct port *p, u8 c, u8 lsr)
{
	p->counts.brk += lsr & UART_LSR_BI ? 1 : 0;
	p->counts.parity += lsr & UART_LSR_PE ? 1 : 0;
	p->counts.frame += lsr & UART_LSR_FE ? 1 : 0;
	unsigned flag = lsr & UART_LSR_BI ? LDISC_BREAK : lsr & UART_LSR_PE ? LDISC_PARITY : LDISC_FRAME;

	tty_receive_error(&p->tty, c, flag);
}

/* Give the terminal @n bytes; false: it did not take all, and the rest is held. */
static bool deliver(struct port *p, const u8 *s, u32 n)
{
	u32 done = (u32)tty_receive(&p->tty, s, n);

	if (done == n)
		return true;
	memmove(p->held, s + done, n - done);
	p->nheld = n - done;
	return false;
}

/* Take what the receiver has. Interrupt of this port only; no lock. */
static bool receive(struct port *p)
{
	u8 buf[SERIAL_FIFO], lsr;
	u32 n = 0;

	for (unsigned i = 0; i < RX_ROUNDS; i++) {
		lsr = serial_in(p, UART_LSR);
		if (lsr == 0xff || !(lsr & (UART_LSR_DR | UART_LSR_BI)))
			break;
		u8 c = serial_in(p, UART_RX);

		p->counts.rx++;
		p->counts.overrun += lsr & UART_LSR_OE ? 1 : 0;
		if (unlikely(lsr & (UART_LSR_BI | UART_LSR_PE | UART_LSR_FE))) {
			if (n && !deliver(p, buf, n))
				return false;
			n = 0;
			rx_error(p, c, lsr);
			continue;
		}
		buf[n++] = c;
		if (n == SERIAL_FIFO) {
			if (!deliver(p, buf, n))
				return false;
			n = 0;
		}
	}
	return !n || deliver(p, buf, n);
}

static void rx_enable(struct port *p, bool on)
{
	irqflags_t flags = port_lock(p);

	if (p->open)
		set_ier(p, on ? p->ier | UART_IER_RDI | UART_IER_RLSI : (u8)(p->ier & ~(UART_IER_RDI | UART_IER_RLSI)));
	port_unlock(p, flags);
}

/* TTY_THROTTLED was cleared by our caller alone: nobody receives until rx_enable. */
static void serial_unthrottle(struct tty *tty)
{
	struct port *p = port_of(tty);
	u8 buf[SERIAL_FIFO];
	u32 n = p->nheld;

	memcpy(buf, p->held, n);
	p->nheld = 0;
	if (n && !deliver(p, buf, n))
		return;
	rx_enable(p, true);
	serial_ask(p, false);
}

/* Before all is full, while the other side can still hear us. */
static void serial_throttle(struct tty *tty)
{
	serial_ask(port_of(tty), true);
}

static void modem_changed(struct port *p)
{
	irqflags_t flags = port_lock(p);

	(void)serial_read_modem(p);
	if (p->open && p->cts_flow)
		fill(p);
	port_unlock(p, flags);
}

static void serial_interrupt(void *arg)
{
	struct port *p = arg;
	irqflags_t flags;

	/* Edge-triggered: until the port has nothing more to say, or it is a storm. */
	for (unsigned i = 0; i < 64; i++) {
		u8 iir = serial_in(p, UART_IIR);

		if (iir & UART_IIR_NO_INT)
			return;
		if ((iir & UART_IIR_ID) == UART_IIR_MSI)
			modem_changed(p);
		if (p->ier & UART_IER_RDI) {
			if (!receive(p))
				rx_enable(p, false);
		} else if ((iir & UART_IIR_ID) == UART_IIR_RLSI) {
			(void)serial_in(p, UART_LSR);
		}
		flags = port_lock(p);
		if (p->ier & UART_IER_THRI)
			fill(p);
		port_unlock(p, flags);
	}
}

/* ---- opening and closing ---- */

static int serial_open(struct tty *tty)
{
	struct port *p = port_of(tty);
	irqflags_t flags;
	bool level, low;
	unsigned gsi;
	int err;

	if (!p->irq) {
		gsi = arch_isa_to_gsi(p->isa_irq, &level, &low);
		err = irq_bind_gsi(gsi, level, low, serial_interrupt, p, tty->name, &p->irq);
		if (err)
			return err;
		irq_unmask(p->irq);
	}
	flags = port_lock(p);
	p->open = true;
	p->nheld = 0;
	tty->flags &= ~(u32)TTY_THROTTLED;
	p->mcr |= UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2; /* OUT2 lets the interrupt through */
	serial_out(p, UART_MCR, p->mcr);
	p->xchar = 0;
	p->asked_to_wait = false;
	set_ier(p, UART_IER_RDI | UART_IER_RLSI | UART_IER_THRI | UART_IER_MSI);
	port_unlock(p, flags);
	return 0;
}

/* Of 10 ms each. */
static unsigned closing_steps(const struct port *p)
{
	u16 wait = READ_ONCE(p->closing_wait);

	return wait == ASYNC_CLOSING_WAIT_NONE ? 0 : wait == ASYNC_CLOSING_WAIT_INF ? ~0u : wait;
}

static void serial_close(struct tty *tty)
{
	struct port *p = port_of(tty);
	irqflags_t flags;

	/* What is still to be sent goes out, within reason. */
	for (unsigned i = 0; i < closing_steps(p) && tty_output_pending(tty); i++) {
		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		(void)schedule_deadline(deadline_after(10000000), 1000000);
		thread_finish_wait();
	}
	serial_wait_sent(tty);
	flags = port_lock(p);
	p->open = false;
	set_ier(p, 0);
	if (tty->init_termios.c_cflag & HUPCL)
		p->mcr &= (u8)~(UART_MCR_DTR | UART_MCR_RTS);
	serial_out(p, UART_MCR, p->mcr);
	port_unlock(p, flags);
}

static const struct tty_ops serial_ops = {
	.start = serial_start,
	.throttle = serial_throttle,
	.unthrottle = serial_unthrottle,
	.open = serial_open,
	.close = serial_close,
	.set_termios = serial_set_termios,
	.flush_output = serial_flush_output,
	.wait_sent = serial_wait_sent,
	.break_ctl = serial_break_ctl,
	.send_xchar = serial_send_xchar,
	.tiocmget = serial_tiocmget,
	.tiocmset = serial_tiocmset,
	.ioctl = serial_ioctl,
};

/* ---- finding them ---- */

/* A UART answers: the interrupt-enable register keeps its low bits, and in loopback mode the outputs come back as inputs. */
static bool probe(struct port *p)
{
	u8 ier = serial_in(p, UART_IER), lo, hi, mcr, msr;

	serial_out(p, UART_IER, 0);
	lo = serial_in(p, UART_IER);
	serial_out(p, UART_IER, 0x0f);
	hi = serial_in(p, UART_IER);
	serial_out(p, UART_IER, 0);
	if (lo & 0x0f || (hi & 0x0f) != 0x0f) {
		serial_out(p, UART_IER, ier);
		return false;
	}
	mcr = serial_in(p, UART_MCR);
	serial_out(p, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	msr = serial_in(p, UART_MSR);
	serial_out(p, UART_MCR, mcr);
	return (msr & 0xf0) == (UART_MSR_DCD | UART_MSR_CTS);
}

/* "ttyS0,115200n8": speed, parity, bits. */
static void parse_options(const char *s, struct termios2 *t)
{
	u32 speed = 0;

	while (*s >= '0' && *s <= '9' && speed < 10000000)
		speed = speed * 10 + (u32)(*s++ - '0');
	if (speed) {
		t->c_cflag &= ~(u32)CBAUD;
		t->c_cflag |= speed == 115200 ? B115200 : speed == 57600 ? B57600 : speed == 38400 ? B38400 : speed == 19200 ? B19200
			: speed == 9600								     ? B9600
															    : BOTHER;
		t->c_ispeed = t->c_ospeed = speed;
	}
	if (*s == 'o')
		t->c_cflag |= PARENB | PARODD;
	else if (*s == 'e')
		t->c_cflag |= PARENB;
	if (*s && s[1] == '7')
		t->c_cflag = (t->c_cflag & ~(u32)CSIZE) | CS7;
}

/* Is it named as a console? Then *t gets its options. */
static bool wanted_as_console(const char *name, struct termios2 *t)
{
	size_t len = strlen(name);
	const char *word;
	bool found = false;

	for (unsigned i = 0; (word = param_nth("console", i)); i++) {
		if (strncmp(word, name, len) || (word[len] && word[len] != ','))
			continue;
		found = true;
		if (word[len])
			parse_options(word + len + 1, t);
	}
	return found || (!param_nth("console", 0) && !strcmp(name, "ttyS0"));
}

static int setup(struct port *p, unsigned nr)
{
	char name[] = "ttyS0";
	struct termios2 t = tty_std_termios;
	bool console;
	int err;

	name[4] = (char)('0' + nr);
	t.c_cflag = B9600 | CS8 | CREAD | HUPCL | CLOCAL;
	t.c_ispeed = t.c_ospeed = 9600;
	console = wanted_as_console(name, &t);
	err = tty_init(&p->tty, &serial_ops, &t, name, vfs_mkdev(TTY_MAJOR, 64 + nr));
	if (err)
		return err;
	serial_out(p, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	p->has_fifo = (serial_in(p, UART_IIR) & 0xc0) == 0xc0;
	p->mcr = UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2;
	p->closing_wait = CLOSING_WAIT;
	wait_queue_init(&p->modem_wait);
	serial_set_termios(&p->tty, &t);
	(void)serial_in(p, UART_RX);
	err = tty_register(&p->tty);
	if (err)
		return err;
	klog(LOG_INFO, "%s at I/O 0x%x (irq %u) is a %s", name, p->io, p->isa_irq, p->has_fifo ? "16550A" : "8250");
	if (console) {
		p->console = (struct log_console){.name = p->tty.name, .write = console_write};
		log_console_register(&p->console);
	}
	return 0;
}

static int serial_init(void)
{
	int err = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		ports[i].present = probe(&ports[i]);
		if (ports[i].present && !err)
			err = setup(&ports[i], i);
	}
	return err;
}

INITCALL(serial8250, "tty", serial_init);
