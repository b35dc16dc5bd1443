/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The names of the system: uname(2).
 */
#include <lib/types.h>
#include <linux/utsname.h>

void uts_read(struct new_utsname *out);
/* Node name, or NIS domain name; len <= __NEW_UTS_LEN. */
void uts_write(bool domain, const char *name, size_t len);
