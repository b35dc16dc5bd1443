// SPDX-License-Identifier: BSD-2-Clause
/* eventfd(2) and timerfd(2): counters, semaphores, overflow, relative and absolute timers. */
#include "abi.h"
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

static void events(void)
{
	uint64_t v = 5;

	HEAD("eventfd");
	R(eventfd(0, 0x10));
	int e = NEED(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
	R(fcntl(e, F_GETFD));
	R(write(e, &v, 8));
	R(read(e, &v, 8));
	V(v);
	R(read(e, &v, 8));
	R(read(e, &v, 7));
	R(write(e, &v, 7));
	v = ~0ull;
	R(write(e, &v, 8));
	v = ~0ull - 1;
	R(write(e, &v, 8));
	v = 1;
	R(write(e, &v, 8));
	v = 0;
	R(write(e, &v, 8));
	R(read(e, &v, 100));
	X(v);
	v = 0;
	R(write(e, &v, 8));
	R(read(e, &v, 8));
	R(write(e, (void *)8, 8));
	R(lseek(e, 0, SEEK_SET));
	R(pread(e, &v, 8, 0));
	close(e);
	e = NEED(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
	for (int i = 0; i < 3; i++) {
		v = 77;
		ssize_t n = read(e, &v, 8);
		say("semaphore read %zd %s value %llu\n", n, n < 0 ? err_name(errno) : "",
			(unsigned long long)v);
	}
	fcntl(e, F_SETFL, 0);
	CHILD {
		read(e, &v, 8);
		say("child got %llu\n", (unsigned long long)v);
	}
	await_state(child_pid, 'S');
	v = 4;
	ssize_t n = write(e, &v, 8);
	REAP("reader");
	V(n);
	R(read(e, &v, 8));
	close(e);
	e = NEED(eventfd(0, 0));
	v = ~0ull - 1;
	R(write(e, &v, 8));
	CHILD {
		v = 1;
		say("child wrote %zd\n", write(e, &v, 8));
	}
	await_state(child_pid, 'S');
	n = read(e, &v, 8);
	REAP("writer");
	V(n);
	R(read(e, &v, 8));
	V(v);
	close(e);
}

static void timers(void)
{
	uint64_t v = 0, least;
	struct itimerspec it = {0}, old;

	HEAD("timerfd");
	R(timerfd_create(99, 0));
	R(timerfd_create(CLOCK_MONOTONIC, 1));
	R(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	int t = NEED(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	R(fcntl(t, F_GETFL) & O_NONBLOCK);
	R(read(t, &v, 8));
	R(timerfd_gettime(t, &old));
	V(old.it_value.tv_sec + old.it_value.tv_nsec);
	it.it_value.tv_nsec = 1000000;
	R(timerfd_settime(t, 0, &it, NULL));
	sleep_ms(30);
	R(read(t, &v, 8));
	V(v);
	R(read(t, &v, 8));
	it.it_interval.tv_nsec = 1000000;
	uint64_t begin = now_ns(CLOCK_MONOTONIC);
	R(timerfd_settime(t, 0, &it, NULL));
	uint64_t set = now_ns(CLOCK_MONOTONIC);
	sleep_ms(30);
	least = (now_ns(CLOCK_MONOTONIC) - set) / 1000000;
	R(read(t, &v, 8));
	IS(v >= least && v <= (now_ns(CLOCK_MONOTONIC) - begin) / 1000000);
	R(read(t, &v, 4));
	it.it_value.tv_sec = 1000;
	R(timerfd_settime(t, 0, &it, &old));
	V(old.it_interval.tv_nsec);
	R(read(t, &v, 8));
	R(timerfd_gettime(t, &old));
	IS(old.it_value.tv_sec >= 900 && old.it_value.tv_sec <= 1000);
	/* Every millisecond since the clock began counts, once, until the moment of the read. */
	it.it_value.tv_sec = 0;
	it.it_value.tv_nsec = 1;
	R(timerfd_settime(t, TFD_TIMER_ABSTIME, &it, NULL));
	least = 1 + (now_ns(CLOCK_MONOTONIC) - 1) / 1000000;
	R(read(t, &v, 8));
	IS(v >= least && v <= 1 + (uint64_t)(now_ns(CLOCK_MONOTONIC) - 1) / 1000000);
	memset(&it, 0, sizeof(it));
	R(timerfd_settime(t, 0, &it, NULL));
	R(read(t, &v, 8));
	it.it_value.tv_nsec = 1000000000;
	R(timerfd_settime(t, 0, &it, NULL));
	it.it_value.tv_nsec = -1;
	R(timerfd_settime(t, 0, &it, NULL));
	it.it_value.tv_nsec = 1;
	it.it_interval.tv_sec = -1;
	R(timerfd_settime(t, 0, &it, NULL));
	it.it_interval.tv_sec = 0;
	R(timerfd_settime(t, 0x100, &it, NULL));
	R(timerfd_settime(0, 0, &it, NULL));
	R(timerfd_settime(99, 0, &it, NULL));
	R(timerfd_settime(t, 0, NULL, NULL));
	R(timerfd_gettime(t, NULL));
	R(timerfd_gettime(0, &old));
	R(write(t, &v, 8));
	/* A blocking read waits; the same value through a real-time clock and after a clock query. */
	fcntl(t, F_SETFL, 0);
	it.it_value.tv_nsec = 20000000;
	NEED(timerfd_settime(t, 0, &it, NULL));
	R(read(t, &v, 8));
	V(v);
	close(t);
	t = NEED(timerfd_create(CLOCK_REALTIME, 0));
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	it.it_value = now;
	R(timerfd_settime(t, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	R(read(t, &v, 8));
	V(v);
	close(t);
	t = NEED(timerfd_create(CLOCK_BOOTTIME, 0));
	it.it_value = (struct timespec){0, 1000};
	R(timerfd_settime(t, 0, &it, NULL));
	R(read(t, &v, 8));
	/* Across fork the expiry belongs to the open file. */
	it.it_value = (struct timespec){0, 5000000};
	NEED(timerfd_settime(t, 0, &it, NULL));
	CHILD {
		R(read(t, &v, 8));
	}
	REAP("child");
	fcntl(t, F_SETFL, O_NONBLOCK);
	R(read(t, &v, 8));
}

int main(void)
{
	events();
	timers();
	return 0;
}
