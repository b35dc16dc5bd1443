/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What Ctrl-Alt-Del does. [man reboot(2)]
 */
#include <lib/types.h>

/* On (the beginning): restart at once. Off: SIGINT for process 1. */
void reboot_keys_set(bool on);
/* The keys were pressed. Thread context. */
void reboot_by_keys(void);
