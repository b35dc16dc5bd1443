/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which driver components live in the kernel home. Moving one out is taking its line away.
 */
#include <dev/device.h>

extern const struct env_driver virtio_rng_driver;

const struct driver_placement driver_placements[] = {
	{.driver = &virtio_rng_driver},
};
const unsigned driver_placements_nr = ARRAY_SIZE(driver_placements);
