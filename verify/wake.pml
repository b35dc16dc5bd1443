/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin: sleeping and waking (kernel/sched/wake.c: wake, dispatch, inbox_push, inbox_drain, thread_prepare_wait,
 * thread_finish_wait; core.c: schedule_once, put_prev, finish_switch; idle.c: poll, halt; balance.c:
 * hand_over). One thread that waits for events, two CPUs that run, preempt and steal it, a waker on a third
 * CPU and wakers in the interrupts of the two. Shown: the thread is in at most one inbox and one queue,
 * nobody touches it while its registers are not saved, and no event is lost.
 *
 * Left out: memory order (the model is sequentially consistent; the fences stand at the head of wake.c), the
 * order inside a queue, affinity.
 *
 * spin: -DEVENTS=3
 * cc: -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=1900
 * pan: -m2000000 -w24
 */
mtype = { RUN, SLEEP, WOKEN };
mtype state = RUN;
bit on_rq = 1, saved = 0; /* saved: the registers are in memory */
byte tcpu = 0, pc = 0;
byte cond = 0, posted = 0, consumed = 0;
bit inbox[2], queued[2], running[2], ipi[2], polling[2], polled[2];

inline push(dst)
{
	atomic {
		assert(!inbox[0] && !inbox[1]);
		inbox[dst] = 1;
	}
	if
	:: polling[dst] -> skip
	:: else -> ipi[dst] = 1
	fi
}

inline admit(c)
{
	assert(saved && !queued[0] && !queued[1]);
	on_rq = 1;
	state = RUN;
	queued[c] = 1;
}

/* interrupts off on c */
inline drain(c)
{
	if
	:: atomic { inbox[c] -> inbox[c] = 0 };
	   polled[c] = 0;
	   assert(tcpu == c);
	   if
	   :: queued[c] -> state = RUN
	   :: else -> admit(c)
	   fi
	:: !inbox[c] -> skip
	fi
}

/* interrupts off on self; a self of 2 is a CPU that never runs the thread */
inline wake(self)
{
	cond++;
	if
	:: atomic { state == SLEEP -> state = WOKEN };
	   if
	   :: on_rq ->
	      if
	      :: tcpu == self -> assert(queued[self]); state = RUN
	      :: else -> push(tcpu)
	      fi
	   :: else ->
	      if
	      :: self < 2 -> tcpu = self; admit(self)
	      :: self != 0 -> tcpu = 0; push(0)
	      :: self != 1 -> tcpu = 1; push(1)
	      fi
	   fi
	:: state != SLEEP -> skip
	fi
}

/* One step of the thread on CPU c. */
inline thread_step(c)
{
	if
	:: pc == 0 -> /* thread_prepare_wait */
	   assert(state == RUN);
	   state = SLEEP;
	   pc = 1
	:: pc == 1 -> /* the condition */
	   if
	   :: cond > 0 -> pc = 2
	   :: else -> pc = 3
	   fi
	:: pc == 2 -> /* thread_finish_wait */
	   if
	   :: atomic { state == SLEEP -> state = RUN }
	   :: state == WOKEN -> drain(c)
	   :: state == RUN -> atomic { cond--; consumed++; pc = (consumed == EVENTS -> 9 : 0) }
	   fi
	:: pc == 3 -> /* schedule, interrupts off */
	   drain(c);
	   pc = 0;
	   if
	   :: state == RUN -> skip
	   :: state != RUN ->
	      queued[c] = 0;
	      running[c] = 0;
	      saved = 1;
	      on_rq = 0
	   fi
	fi
}

proctype cpu(byte c)
{
end:
	do
	:: ipi[c] -> ipi[c] = 0; drain(c)
	:: posted < EVENTS -> posted++; wake(c)
	:: !running[c] && queued[c] -> /* pick */
	   assert(saved && !running[1 - c] && tcpu == c);
	   saved = 0;
	   running[c] = 1
	:: running[c] && pc != 9 -> thread_step(c)
	:: running[c] && pc != 9 -> /* preempted, whatever its state: drain, switch away */
	   drain(c);
	   running[c] = 0;
	   saved = 1
	:: queued[c] && !running[c] && state == RUN -> /* answer a thief */
	   queued[c] = 0;
	   tcpu = 1 - c;
	   push(1 - c)
	:: !running[c] && !queued[c] && !polled[c] -> /* idle: poll, then halt */
	   polled[c] = 1;
	   polling[c] = 1;
	   polling[c] = 0;
	   drain(c)
	od
}

proctype remote()
{
end:
	do
	:: posted < EVENTS -> posted++; wake(2)
	od
}

active proctype monitor()
{
	timeout -> assert(consumed == EVENTS)
}

init {
	atomic {
		queued[0] = 1;
		running[0] = 1;
		run cpu(0);
		run cpu(1);
		run remote()
	}
}
