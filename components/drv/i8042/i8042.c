/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's keyboard controller behind the input port; the mouse's half of it stays off.
 *
 * The keyboard answers each byte sent to it with ACK. Lights are two bytes:
 *
 *	IDLE --set_leds: SET_LEDS--> TOLD --ACK: the lights--> SENT --ACK--> IDLE, or TOLD if others are wanted meanwhile
 *
 * Death: nothing is kept; a successor sets the controller up anew, keys that are held are released for the kernel.
 *
 * Locks: `lock` guards the fields below it and the pair of ports.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <env/device.h>
#include <env/lock.h>
#include <env/mem.h>
#include <env/time.h>
#include <port/input.h>
#include "scan.h"

#define STATUS_OUT_FULL 0x01 /* there is a byte for us */
#define STATUS_IN_FULL	0x02
#define STATUS_MOUSE	0x20

#define CMD_READ_CONFIG	   0x20
#define CMD_WRITE_CONFIG   0x60
#define CMD_MOUSE_OFF	   0xa7
#define CMD_KEYBOARD_OFF   0xad
#define CMD_KEYBOARD_ON	   0xae
#define CONFIG_INTERRUPT   0x01
#define CONFIG_MOUSE_INTERRUPT 0x02
#define CONFIG_KEYBOARD_STILL  0x10
#define CONFIG_TRANSLATE   0x40

#define KBD_SET_LEDS 0xed
#define KBD_ENABLE   0xf4
#define KBD_ACK	     0xfa

#define WAIT_NS	  20000000ull
#define MAX_BYTES 64 /* in one interrupt */

ENV_LOCK_CLASS(i8042, ENV_RANK_DRIVER_QUEUE, "keyboard controller");

enum leds_state { LEDS_IDLE, LEDS_TOLD, LEDS_SENT };

struct i8042 {
	struct env_device *dev;
	struct env_regs *data, *command;
	struct env_irq *irq;
	void (*key)(void *arg, u32 code, enum input_value value); /* constant while irq is bound */
	void *arg;
	struct scan scan; /* the interrupt's */
	struct env_spin lock;
	enum leds_state leds_state;
	u8 leds_wanted, leds_sent;
};

static u8 status(struct i8042 *k)
{
	return (u8)env_reg_read(k->command, 0, 1);
}

/* Until the bits of @mask are @want; bounded. */
static int wait_status(struct i8042 *k, u8 mask, u8 want)
{
	u64 deadline = env_now() + WAIT_NS;

	while ((status(k) & mask) != want)
		if (env_now() > deadline)
			return -ETIMEDOUT;
	return 0;
}

static int send(struct i8042 *k, struct env_regs *to, u8 byte)
{
	int err = wait_status(k, STATUS_IN_FULL, 0);

	if (!err)
		env_reg_write(to, 0, 1, byte);
	return err;
}

static int receive(struct i8042 *k, u8 *out)
{
	int err = wait_status(k, STATUS_OUT_FULL, STATUS_OUT_FULL);

	if (!err)
		*out = (u8)env_reg_read(k->data, 0, 1);
	return err;
}

/* ---- lights ---- */

/* Lock held. */
static void leds_begin(struct i8042 *k)
{
	k->leds_state = send(k, k->data, KBD_SET_LEDS) ? LEDS_IDLE : LEDS_TOLD;
}

/* Lock held. */
static void leds_acked(struct i8042 *k)
{
	if (k->leds_state == LEDS_TOLD) {
		k->leds_sent = k->leds_wanted;
		k->leds_state = send(k, k->data, k->leds_sent) ? LEDS_IDLE : LEDS_SENT;
	} else if (k->leds_state == LEDS_SENT) {
		k->leds_state = LEDS_IDLE;
		if (k->leds_sent != k->leds_wanted)
			leds_begin(k);
	}
}

static void i8042_set_leds(void *self, u32 leds)
{
	struct i8042 *k = self;
	unsigned long flags = env_spin_lock(&k->lock);

	k->leds_wanted = leds & 7;
	/* An answer that got lost is not waited for: begin again. */
	if (k->leds_wanted != k->leds_sent || k->leds_state != LEDS_IDLE)
		leds_begin(k);
	env_spin_unlock(&k->lock, flags);
}

/* ---- keys ---- */

/* The next byte of the keyboard; false: there is none. */
static bool next_byte(struct i8042 *k, u8 *out)
{
	unsigned long flags = env_spin_lock(&k->lock);
	u8 s = status(k);
	bool found = false;

	if (s != 0xff && (s & STATUS_OUT_FULL)) {
		*out = (u8)env_reg_read(k->data, 0, 1);
		found = true;
		if (s & STATUS_MOUSE)
			*out = 0;
		else if (*out == KBD_ACK)
			leds_acked(k);
	}
	env_spin_unlock(&k->lock, flags);
	return found;
}

static void i8042_interrupt(void *arg)
{
	struct i8042 *k = arg;
	struct scan_key key;
	u8 byte;

	for (unsigned i = 0; i < MAX_BYTES && next_byte(k, &byte); i++)
		if (byte != KBD_ACK && scan_feed(&k->scan, byte, &key))
			k->key(k->arg, key.code, key.value);
}

/* ---- life ---- */

/* Both halves off, what was typed meanwhile thrown away, the keyboard's half on, with its interrupt. */
static int set_up(struct i8042 *k)
{
	u8 config, byte;
	int err;

	err = send(k, k->command, CMD_KEYBOARD_OFF);
	if (!err)
		err = send(k, k->command, CMD_MOUSE_OFF);
	for (unsigned i = 0; !err && i < MAX_BYTES && (status(k) & STATUS_OUT_FULL); i++)
		(void)env_reg_read(k->data, 0, 1);
	if (!err)
		err = send(k, k->command, CMD_READ_CONFIG);
	if (!err)
		err = receive(k, &config);
	if (err)
		return err;
	config |= CONFIG_INTERRUPT | CONFIG_TRANSLATE;
	config &= (u8)~(CONFIG_MOUSE_INTERRUPT | CONFIG_KEYBOARD_STILL);
	err = send(k, k->command, CMD_WRITE_CONFIG);
	if (!err)
		err = send(k, k->data, config);
	if (!err)
		err = send(k, k->command, CMD_KEYBOARD_ON);
	if (!err)
		err = send(k, k->data, KBD_ENABLE);
	if (!err && receive(k, &byte)) /* no keyboard is plugged in: one may come */
		err = 0;
	return err;
}

static int i8042_start(void *self, void (*key)(void *arg, u32 code, enum input_value value), void *arg)
{
	struct i8042 *k = self;

	k->key = key;
	k->arg = arg;
	return env_irq_bind(k->dev, 0, ~0u, i8042_interrupt, k, &k->irq);
}

static void i8042_stop(void *self)
{
	struct i8042 *k = self;

	env_irq_unbind(k->irq);
	k->irq = NULL;
}

static const struct input_ops i8042_ops = {.start = i8042_start, .stop = i8042_stop, .set_leds = i8042_set_leds};

static void i8042_detach(void *self, enum env_detach why)
{
	struct i8042 *k = self;

	env_irq_unbind(k->irq);
	env_regs_unmap(k->data);
	env_regs_unmap(k->command);
	env_free(k, sizeof(*k));
}

static int i8042_attach(struct env_device *dev, void **out_self)
{
	struct i8042 *k = env_alloc(sizeof(*k), ENV_ALLOC_ZERO);
	int err;

	if (!k)
		return -ENOMEM;
	k->dev = dev;
	env_spin_init(&k->lock, &env_lock_class_i8042);
	err = env_regs_map(dev, 0, 0, 1, &k->data);
	if (!err)
		err = env_regs_map(dev, 1, 0, 1, &k->command);
	if (!err)
		err = status(k) == 0xff ? -ENODEV : set_up(k);
	if (err) {
		i8042_detach(k, ENV_DEVICE_RELEASED);
		return err;
	}
	*out_self = k;
	return 0;
}

static const struct env_match matches[] = {{.bus = ENV_BUS_PLATFORM, .vendor = ~0u, .device = ENV_PLATFORM_I8042}};

const struct env_driver i8042_driver = {
	.name = "i8042",
	.matches = matches,
	.nmatches = ARRAY_SIZE(matches),
	.port = PORT_INPUT,
	.ops = &i8042_ops,
	.attach = i8042_attach,
	.detach = i8042_detach,
};
