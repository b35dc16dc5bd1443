/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Which sockets a dump of INET_DIAG tells of: the bytecode that ss(8) makes of its expression. */
#include "show.h"

/* May this program be run? */
bool diag_filter_ok(const u8 *code, u32 len);
/* One that may: is @v wanted? */
bool diag_filter_run(const u8 *code, u32 len, const struct sock_view *v);
