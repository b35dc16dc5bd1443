/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin: the inbox as a linked word, chains and the steal request (kernel/sched/wake.c: inbox_push,
 * inbox_drain; balance.c: ask, sched_answer_thief, hand_over). Two CPUs with queues, three threads linked by
 * inbox_next, a third CPU that pushes woken threads. Shown: pushes by CAS of single threads and of chains
 * against take-all by exchange neither lose nor duplicate a thread; a push that finds the inbox empty is
 * followed by an interrupt, so that at the end no thread is left in an inbox; one request has one answer.
 *
 * Left out: what the threads do, priorities, memory order (CAS and exchange are full barriers).
 *
 * cc: -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=1900
 * pan: -m2000000 -w24
 */
#define NT   4 /* threads 1..3; 0 is the end of a list */
#define FREE 2 /* where[]: held by the third CPU, as one it will wake */
#define AIR  3 /* in an inbox or in a list on the way */

byte inbox[2], nxt[NT], where[NT];
byte nr[2]; /* published */
byte steal_req[2];
bit ipi[2];
byte asks = 0;

inline push(c, first, last, seen)
{
	seen = inbox[c];
	do
	:: nxt[last] = seen;
	   if
	   :: atomic { inbox[c] == seen -> inbox[c] = first }; break
	   :: inbox[c] != seen -> seen = inbox[c]
	   fi
	od;
	if
	:: seen == 0 -> ipi[c] = 1
	:: else -> skip
	fi
}

inline drain(c, list, t)
{
	atomic { list = inbox[c]; inbox[c] = 0 };
	do
	:: list != 0 ->
	   t = list;
	   list = nxt[t];
	   assert(where[t] == AIR);
	   where[t] = c;
	   nr[c]++
	:: else -> break
	od
}

/* Move up to half of what is here, as one chain. */
inline answer(c, thief, first, last, n, t, seen)
{
	atomic { thief = steal_req[c]; steal_req[c] = 0 };
	if
	:: thief == 0 -> skip
	:: thief != 0 && nr[c] > nr[thief - 1] + 1 ->
	   n = (nr[c] - nr[thief - 1]) / 2;
	   first = 0;
	   t = 1;
	   do
	   :: t < NT && n > 0 && where[t] == c ->
	      where[t] = AIR;
	      nr[c]--;
	      if
	      :: first == 0 -> first = t
	      :: else -> nxt[last] = t
	      fi;
	      last = t;
	      n--;
	      t++
	   :: t < NT && n > 0 && where[t] != c -> t++
	   :: t == NT || n == 0 -> break
	   od;
	   if
	   :: first != 0 -> push(thief - 1, first, last, seen)
	   :: else -> skip
	   fi
	:: thief != 0 && nr[c] <= nr[thief - 1] + 1 -> skip
	fi
}

proctype cpu(byte c)
{
	byte list, t, thief, first, last, n, seen;
end:
	do
	:: ipi[c] -> ipi[c] = 0; drain(c, list, t); answer(c, thief, first, last, n, t, seen)
	:: asks < 3 && nr[1 - c] >= 2 -> /* steal */
	   asks++;
	   if
	   :: atomic { steal_req[1 - c] == 0 -> steal_req[1 - c] = c + 1 }; ipi[1 - c] = 1
	   :: steal_req[1 - c] != 0 -> skip
	   fi
	:: where[1] == c && asks < 3 -> /* sleeps, once or twice: its waker is the third CPU */
	   asks++;
	   nr[c]--;
	   where[1] = FREE
	od
}

proctype waker()
{
	byte seen, to;
end:
	do
	:: where[1] == FREE ->
	   where[1] = AIR;
	   if
	   :: to = 0
	   :: to = 1
	   fi;
	   push(to, 1, 1, seen)
	:: where[2] == FREE -> where[2] = AIR; push(0, 2, 2, seen)
	:: where[3] == FREE -> where[3] = AIR; push(0, 3, 3, seen)
	od
}

active proctype monitor()
{
	timeout ->
	assert(inbox[0] == 0 && inbox[1] == 0);
	assert(where[1] < 2 && where[2] < 2 && where[3] < 2);
	assert(nr[0] + nr[1] == 3);
	assert(steal_req[0] == 0 && steal_req[1] == 0)
}

init {
	atomic {
		where[1] = FREE;
		where[2] = FREE;
		where[3] = FREE;
		run cpu(0);
		run cpu(1);
		run waker()
	}
}
