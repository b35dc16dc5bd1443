/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of devices: match, attach, hand the port to whoever consumes it.
 */
#include <lib/errno.h>
#include <block/bdev.h>
#include <debug/log.h>
#include <dev/device.h>
#include <io/vt.h>
#include <net/device.h>
#include <port/port.h>
#include <sync/spinlock.h>

LOCK_CLASS(device, RANK_NAMESPACE - 10, "one device: its driver");
LOCK_CLASS(devices, RANK_LEAF, "list of devices");

static struct spinlock devices_lock = SPINLOCK_INIT(devices);
static struct env_device *devices, **devices_tail = &devices; /* devices_lock; read without */

static bool matches(const struct env_match *m, const struct env_device_info *i)
{
	return m->bus == i->bus && (m->vendor == ~0u || m->vendor == i->vendor) &&
	       (m->device == ~0u || m->device == i->device) &&
	       !((m->class_code ^ i->class_code) & m->class_mask);
}

static const struct env_driver *find_driver(const struct env_device *dev)
{
	for (unsigned i = 0; i < driver_placements_nr; i++) {
		const struct env_driver *d = driver_placements[i].driver;

		for (unsigned k = 0; k < d->nmatches; k++)
			if (matches(&d->matches[k], &dev->info))
				return d;
	}
	return NULL;
}

static int give_nic(const struct env_driver *d, void *self)
{
	const struct nic_port nic = {.ops = d->ops, .self = self};
	u32 ifindex;

	return net_device_add("eth%u", &nic, NULL, &ifindex);
}

static int give_port(struct env_device *dev, const struct env_driver *d, void *self)
{
	switch (d->port) {
	case PORT_RNG: return hwrng_add(dev->info.name, d->ops, self);
	case PORT_BLK: return bdev_disk_add(&(struct bdev_disk_args){.device = dev->info.name, .ops = d->ops, .self = self});
	case PORT_DISPLAY: return vt_display_add(d->ops, self);
	case PORT_INPUT: return vt_input_add(d->ops, self);
	case PORT_NIC: return give_nic(d, self);
	default: return -EOPNOTSUPP;
	}
}

static void take_port(const struct env_driver *d, void *self)
{
	switch (d->port) {
	case PORT_RNG: hwrng_remove(self); break;
	case PORT_BLK: bdev_disk_remove(self); break;
	case PORT_DISPLAY: vt_display_remove(self); break;
	case PORT_INPUT: vt_input_remove(self); break;
	case PORT_NIC: net_device_remove(self); break;
	default: break;
	}
}

static void attach(struct env_device *dev, const struct env_driver *d)
{
	int err;

	mutex_lock(&dev->lock);
	if (dev->info.bus == ENV_BUS_PCI)
		pci_enable(dev, true);
	err = d->attach(dev, &dev->self);
	if (!err) {
		err = give_port(dev, d, dev->self);
		if (err)
			d->detach(dev->self, ENV_DEVICE_RELEASED);
	}
	if (!err)
		dev->driver = d;
	else if (dev->info.bus == ENV_BUS_PCI)
		pci_enable(dev, false);
	mutex_unlock(&dev->lock);
	if (err)
		klog(LOG_WARN, "%s: %s: error %d", dev->info.name, d->name, err);
	else
		klog(LOG_INFO, "%s: %s", dev->info.name, d->name);
}

void device_add(struct env_device *dev)
{
	const struct env_driver *d = find_driver(dev);

	mutex_init(&dev->lock, device);
	spin_lock(&devices_lock);
	STORE_RELEASE(*devices_tail, dev);
	devices_tail = &dev->next;
	spin_unlock(&devices_lock);
	if (d)
		attach(dev, d);
}

void device_detach(struct env_device *dev, enum env_detach why)
{
	mutex_lock(&dev->lock);
	if (dev->driver) {
		take_port(dev->driver, dev->self);
		dev->driver->detach(dev->self, why);
		dev->driver = NULL;
		dev->self = NULL;
		if (dev->info.bus == ENV_BUS_PCI)
			pci_enable(dev, false);
	}
	mutex_unlock(&dev->lock);
}

void device_for_each(bool (*fn)(struct env_device *dev, void *arg), void *arg)
{
	for (struct env_device *d = LOAD_ACQUIRE(devices); d; d = LOAD_ACQUIRE(d->next))
		if (!fn(d, arg))
			break;
}
