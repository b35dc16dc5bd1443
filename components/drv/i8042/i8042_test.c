/* SPDX-License-Identifier: BSD-2-Clause */
#include "scan.h"
#include <env/device.h>
#include <env/time.h>
#include <env_host/device.h>
#include <lib/test.h>
#include <port/input.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <string.h>

extern const struct env_driver i8042_driver;

/* A controller with a keyboard that acknowledges everything at once. */
struct model {
	u8 out[32];
	unsigned head, tail;
	u8 config, command;
	u8 told[8];
	unsigned ntold;
	bool enabled;
};

static void give(struct model *m, u8 byte)
{
	m->out[m->head++ % sizeof(m->out)] = byte;
}

static u64 read_reg(void *model, unsigned window, u64 off, unsigned width)
{
	struct model *m = model;

	if (window == 1)
		return m->head != m->tail;
	return m->head != m->tail ? m->out[m->tail++ % sizeof(m->out)] : 0;
}

static void write_reg(void *model, unsigned window, u64 off, unsigned width, u64 v)
{
	struct model *m = model;

	if (window == 1) {
		m->command = (u8)v;
		if (v == 0x20)
			give(m, m->config);
		if (v == 0xad || v == 0xae)
			m->enabled = v == 0xae;
	} else if (m->command == 0x60) {
		m->config = (u8)v;
		m->command = 0;
	} else {
		if (m->ntold < sizeof(m->told))
			m->told[m->ntold++] = (u8)v;
		give(m, 0xfa);
	}
}

static const struct host_device_ops model_ops = {.reg_read = read_reg, .reg_write = write_reg};
static const struct env_device_info info = {
	.bus = ENV_BUS_PLATFORM, .device = ENV_PLATFORM_I8042, .reg_len = {1, 1}, .nvectors = 1};

static char keys[256];

static void key(void *arg, u32 code, enum input_value value)
{
	snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys), "%u%c ", code, "^v+"[value]);
}

/* Interrupt, and wait until the driver has read all; what it still does with it ends before stop returns. */
static void interrupt(struct env_device *dev, struct model *m)
{
	host_device_irq(dev, 0);
	for (unsigned i = 0; i < 5000 && READ_ONCE(m->tail) != READ_ONCE(m->head); i++)
		env_sleep_until(env_now() + 1000000);
}

TEST(i8042_types)
{
	static const u8 scans[] = {0x1e, 0x1e, 0x9e, 0xe0, 0x2a, 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0xaa, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0x7f, 0x39};
	const struct input_ops *ops = i8042_driver.ops;
	struct model m = {.config = 0x12};
	struct env_device dev;
	void *self;

	host_device_init(&dev, &model_ops, &m, &info);
	give(&m, 0x1c); /* from before */
	REQUIRE(i8042_driver.attach(&dev, &self) == 0);
	CHECK_EQ(m.config, 0x41);
	CHECK(m.enabled);
	CHECK_MEM_EQ(m.told, "\xf4", m.ntold);
	REQUIRE(ops->start(self, key, NULL) == 0);
	for (unsigned i = 0; i < sizeof(scans); i++)
		give(&m, scans[i]);
	interrupt(&dev, &m);
	ops->stop(self);
	CHECK_STR_EQ(keys, "30v 30+ 30^ 103v 103^ 119v 119^ 57v ");
	REQUIRE(ops->start(self, key, NULL) == 0);
	m.ntold = 0;
	ops->set_leds(self, INPUT_LED_CAPS);
	interrupt(&dev, &m);
	ops->stop(self);
	CHECK_EQ(m.ntold, 2);
	CHECK_MEM_EQ(m.told, "\xed\x04", 2);
	i8042_driver.detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(host_device_leaks(&dev), 0);
}

static u64 read_nothing(void *model, unsigned window, u64 off, unsigned width)
{
	return 0xff;
}

TEST(i8042_is_not_there)
{
	static const struct host_device_ops no_ops = {.reg_read = read_nothing, .reg_write = write_reg};
	struct model m = {0};
	struct env_device dev;
	void *self;

	host_device_init(&dev, &no_ops, &m, &info);
	CHECK(i8042_driver.attach(&dev, &self) != 0);
	CHECK_EQ(host_device_leaks(&dev), 0);
}

TEST(scan_takes_every_byte)
{
	struct scan s = {0};
	struct scan_key k;

	for (u64 i = 0; i < test_rounds(100000); i++)
		if (scan_feed(&s, (u8)test_rand(), &k))
			CHECK(k.code > 0 && k.code < 256);
}
