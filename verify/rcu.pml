/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin: grace periods (kernel/sync/rcu.c: start_locked, drop_holdouts, report, rcu_quiescent, rcu_idle_enter,
 * rcu_idle_exit, want_period, kick_holdouts). Two CPUs read a pointer to one of several versions, idle and
 * report late; an updater replaces the version, waits for a period and frees the old one. Shown: nobody
 * reads a freed version, and nobody is left waiting for a lock.
 *
 * Left out: the lists of callbacks, memory order (sequentially consistent; see the head of rcu.c).
 *
 * cc: -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=1900
 * pan: -m2000000 -w24
 */
#define CPUS	2
#define UPDATES 3

byte version = 1;	    /* the pointer */
bit freed[UPDATES + 2];
byte started = 0, done = 0, wanted = 0, left = 0;
bit holdout[CPUS], idle[CPUS];
bit gp_lock = 0;
bit finished = 0;

inline lock() { atomic { gp_lock == 0 -> gp_lock = 1 } }
inline unlock() { gp_lock = 0 }

inline start(i)
{
	left = 1;
	i = 0;
	do
	:: i < CPUS ->
	   if
	   :: idle[i] -> skip
	   :: else -> left++; holdout[i] = 1
	   fi;
	   i++
	:: else -> break
	od;
	started++
}

/* last: a local bit */
inline drop(last, i)
{
	atomic { left--; last = (left == 0) };
	do
	:: last ->
	   lock();
	   done = started;
	   if
	   :: wanted > started ->
	      start(i);
	      atomic { left--; last = (left == 0) }
	   :: else -> last = 0
	   fi;
	   unlock()
	:: else -> break
	od
}

inline clear_holdout(c, mine)
{
	atomic {
		mine = holdout[c];
		holdout[c] = 0
	}
}

inline quiescent(c, seen, mine, last, i)
{
	if
	:: started != seen ->
	   seen = started; /* may be old before the next line runs */
	   clear_holdout(c, mine);
	   if
	   :: mine -> drop(last, i)
	   :: else -> skip
	   fi
	:: else -> skip
	fi
}

proctype cpu(byte c)
{
	byte seen = 0, p, i;
	bit mine, last;
end:
	do
	:: !finished -> /* a read section */
	   p = version;
	   assert(!freed[p]);
	   assert(!freed[p])
	:: quiescent(c, seen, mine, last, i);
	   if
	   :: finished && started == done -> break
	   :: else -> skip
	   fi
	:: !finished -> /* idle for a while */
	   quiescent(c, seen, mine, last, i);
	   idle[c] = 1;
	   idle[c] = 0
	od;
	idle[c] = 1
}

/* rcu_tick of a CPU with callbacks */
proctype updater()
{
	byte old, n = 0, gp, i, old_i;
	bit begin, last, mine;

	do
	:: n < UPDATES ->
	   old = version;
	   version = version + 1;
	   lock();
	   gp = started + 1;
	   begin = (started == done);
	   if
	   :: wanted < gp -> wanted = gp
	   :: else -> skip
	   fi;
	   if
	   :: begin -> start(i)
	   :: else -> skip
	   fi;
	   unlock();
	   if
	   :: begin -> drop(last, i)
	   :: else -> skip
	   fi;
	   do
	   :: done >= gp -> break
	   :: done < gp -> /* report for idle CPUs */
	      i = 0;
	      do
	      :: i < CPUS ->
		 if
		 :: idle[i] ->
		    clear_holdout(i, mine);
		    if
		    :: mine -> drop(last, old_i)
		    :: else -> skip
		    fi
		 :: else -> skip
		 fi;
		 i++
	      :: else -> break
	      od
	   od;
	   freed[old] = 1;
	   n++
	:: else -> break
	od;
	finished = 1
}

init {
	atomic {
		byte k = 0;
		do
		:: k < CPUS -> run cpu(k); k++
		:: else -> break
		od;
		run updater()
	}
}
