/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "ip.h"

extern const struct transport igmp_transport;
