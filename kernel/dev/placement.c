/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which driver components live in the kernel home. Moving one out is taking its line away.
 */
#include <dev/device.h>
#include <port/inet.h>

extern const struct inet_provider inet_provider;
extern const struct env_driver virtio_blk_driver, virtio_net_driver, virtio_rng_driver, vga_text_driver, fb_text_driver, i8042_driver;

const struct driver_placement driver_placements[] = {
	{.driver = &virtio_blk_driver},
	{.driver = &virtio_net_driver},
	{.driver = &virtio_rng_driver},
	{.driver = &vga_text_driver},
	{.driver = &fb_text_driver},
	{.driver = &i8042_driver},
};
const unsigned driver_placements_nr = ARRAY_SIZE(driver_placements);

const struct inet_provider *const network_placement = &inet_provider;
