/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file systems live in the kernel home. Moving one out is taking its line away.
 */
#include "fsys_impl.h"

extern const struct fsys_type ext4_type;

struct fsys_placement fsys_placements[] = {
	{.component = &ext4_type},
};
const unsigned fsys_placements_nr = ARRAY_SIZE(fsys_placements);
