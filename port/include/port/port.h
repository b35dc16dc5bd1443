/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What all ports share. A port is a const table of operations and the provider's `self`; the pair
 *is bound when an instance is created, and whoever has one may put another in front of it (tracing,
 *faults, a proxy that carries each operation as a message).
 *
 * Requests. A request belongs to the client; its memory stays until it is done.
 *
 *	IDLE --submit--> PROVIDER's --done(), exactly once--> IDLE
 *
 * - submit never sleeps and cannot fail: errors come by done(), with `status`.
 * - done() comes in any context, never from within submit, cancel or any other call that the same
 *thread makes into the provider, and with no lock of the provider held: it may submit again.
 * - Each request has an end even if the device says nothing: the provider keeps a deadline (or the
 *   device's reset) and ends it with -ETIMEDOUT. cancel asks for -ECANCELED where that is still
 *possible.
 * - The provider's `provider` words are its own between submit and done.
 *
 * Death of a provider (rule 7 of the architecture). The instance's requests are ended with -ENODEV
 *by the provider itself when its device is gone, or with -EOWNERDEAD by the kernel's proxy when its
 *process died. Where the port says that an operation may be repeated, the proxy repeats it on the
 *successor and the client sees only the delay.
 *
 * What travels: the fields above the line in each struct, fixed-size numbers and iobufs. Callbacks
 *and links below the line belong to the two ends; a proxy has its own.
 */
#include <lib/types.h>

enum port_kind { PORT_NONE, PORT_BLK, PORT_FSYS, PORT_NIC, PORT_INET, PORT_RNG, PORT_DISPLAY, PORT_INPUT };
