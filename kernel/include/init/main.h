/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The first user process: implemented by the personality, called at the end of kernel_main by a kernel thread. */
void user_init(void *arg);
