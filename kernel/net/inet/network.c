/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which component is the network of this kernel: one instance, for there is one network namespace.
 */
#include "inet_impl.h"
#include <debug/log.h>
#include <dev/device.h>
#include <init/initcall.h>
#include <net/device.h>

static int network_init(void)
{
	const struct inet_provider *p = network_placement;
	struct inet_port port;
	int err = p ? p->create(&port) : -ENODEV;

	if (err)
		return p ? err : 0;
	err = inet_provide(&port);
	if (err) {
		p->destroy(port.self);
		return err;
	}
	klog(LOG_INFO, "net: %s", p->name);
	err = inet_proc_init();
	return err ? err : net_devices_start();
}

INITCALL(inet_network, "inet packet unix netlink_uevent procfs sysfs virtio_mmio", network_init);
