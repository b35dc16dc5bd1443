/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Upcall, implemented by the personality: no memory is left for a page that a user's access needs, after reclaim. Chooses a process and kills it
 * (the running one perhaps), or waits for the end of one that is dying already. The fault is then tried again, unless a fatal signal is pending for
 * the running thread. May sleep; no locks held.
 */
void oom_kill(void);
