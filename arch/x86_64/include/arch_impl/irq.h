/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Vectors: 0..31 exceptions, 32..239 devices, from 240 the processor's own.
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define IRQ_VECTOR_FIRST 32
#define IRQ_VECTOR_END	 240
#define IRQ_VECTOR_IPI(ipi) (240 + (ipi))
#define IRQ_VECTOR_ERROR    250 /* local interrupt controller's error */
#define IRQ_VECTOR_SPURIOUS 255
