/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of kernel/net share: sizes and their limits (net.core.*).
 */
#include <lib/types.h>

extern s32 net_wmem_default, net_rmem_default, net_wmem_max, net_rmem_max;

/* What one small packet costs at least: Linux' figures, which programs read back. */
#define SOCKET_MIN_RCVBUF 2304
#define SOCKET_MIN_SNDBUF 4608
