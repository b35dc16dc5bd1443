/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <dev/acpi.h>

/* `firmware` (dev/acpi.h) without tables: a single CPU and the wiring of an ISA PC. Constant after firmware_init(). */
extern u32 cpu_apic_ids[]; /* by CPU number; the boot CPU is 0 */

/* Read the tables, number the CPUs (maxcpus=, nosmp), give memory ranges their nodes. Boot CPU, no allocation. */
void firmware_init(void);
/* For power-off and reset: write a register of the tables. */
void firmware_write(const struct acpi_register *r, u32 v);
u32 firmware_read(const struct acpi_register *r);
/* Map those that lie in memory. After vmap works. */
void firmware_map_registers(void);
