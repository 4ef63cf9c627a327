/*
 * The per-thread protocol for SPIN: what bench/per-thread.ts is for the checker here.
 *
 * One d_step is one action there, one global byte is one cell there, and each process stays at the head of its loop, so
 * the state vector has no more states than the globals do. `watch` looks at the invariants once per state, as
 * there, and never moves. Bounds: -DSLOTS=, -DOPS=; two CPUs, threads 0 and 1 of mm 0, thread 2 of mm 1.
 *
 * Build: spin -a per-thread.pml && gcc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -m1000000
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef OPS
#define OPS 2
#endif
#define CPUS 2
#define THREADS 3
#define MMS 2

#define MM(t) (t >> 1)

#define L3_FREE 0
#define L3_LIVE 1
#define L3_DETACHED 2

#define USER 0
#define FAULT 1
#define SYNC 2
#define ALLOC 3
#define SET_REF 4
#define SET_OWN 5
#define CLEAR_REF 6
#define CLEAR_SIBLING 7
#define RELEASE 8
#define FLUSH 9
#define FREE 10

byte ref[MMS * SLOTS];
byte l3[MMS * SLOTS];
byte rep[THREADS * SLOTS];
byte lock[MMS];
byte pc[THREADS];
byte slot[THREADS];
byte nxt[THREADS];
byte ops[THREADS] = OPS;
byte on[THREADS];
byte cur[CPUS];
byte hw[CPUS];
byte tlb[CPUS];
byte ipi[CPUS];

#define ENTRY (MM(t) * SLOTS + slot[t])
#define OWN (t * SLOTS + slot[t])
#define LEAVE pc[t] = USER; slot[t] = 0; nxt[t] = 0
#define CPU (on[t] - 1)
#define OTHER (2 - on[t])

inline touch(s)
{
	d_step {
		on[t] != 0 && pc[t] == USER && ops[t] != 0;
		if
		:: (tlb[CPU] & (1 << s)) != 0 || rep[t * SLOTS + s] != 0 ->
			tlb[CPU] = tlb[CPU] | (1 << s);
			ops[t]--
		:: else -> pc[t] = FAULT; slot[t] = s
		fi
	}
}

inline unmap(s)
{
	d_step {
		on[t] != 0 && pc[t] == USER && ops[t] != 0;
		pc[t] = CLEAR_REF; slot[t] = s; ops[t]--
	}
}

proctype thread(byte t)
{
end:	do
	:: touch(0)
#if SLOTS > 1
	:: touch(1)
#endif
	:: unmap(0)
#if SLOTS > 1
	:: unmap(1)
#endif
	:: d_step { pc[t] == FAULT;
		if
		:: ref[ENTRY] != 0 -> pc[t] = SYNC
		:: else -> pc[t] = ALLOC
		fi }
	:: d_step { pc[t] == SYNC && lock[MM(t)] == 0;
		if
		:: ref[ENTRY] == 0 -> pc[t] = FAULT
		:: else -> rep[OWN] = 1; LEAVE
		fi }
	:: d_step { pc[t] == ALLOC && lock[MM(t)] == 0;
		if
		:: ref[ENTRY] != 0 -> pc[t] = SYNC
		:: else -> lock[MM(t)] = t + 1; l3[ENTRY] = L3_LIVE; pc[t] = SET_REF
		fi }
	:: d_step { pc[t] == SET_REF; ref[ENTRY] = 1; pc[t] = SET_OWN }
	:: d_step { pc[t] == SET_OWN; rep[OWN] = 1; lock[MM(t)] = 0; LEAVE }
	:: d_step { pc[t] == CLEAR_REF && lock[MM(t)] == 0;
		if
		:: ref[ENTRY] == 0 -> LEAVE
		:: else -> lock[MM(t)] = t + 1; ref[ENTRY] = 0; pc[t] = CLEAR_SIBLING
		fi }
	:: d_step { pc[t] == CLEAR_SIBLING;
		if
		:: t == 2 -> rep[OWN] = 0; pc[t] = RELEASE /* alone in its mm */
		:: t != 2 && nxt[t] == 0 -> rep[OWN] = 0; nxt[t] = 1
		:: t != 2 && nxt[t] != 0 -> rep[(1 - t) * SLOTS + slot[t]] = 0; nxt[t] = 0; pc[t] = RELEASE
		fi }
	:: d_step { pc[t] == RELEASE; l3[ENTRY] = L3_DETACHED; pc[t] = FLUSH }
	:: d_step { pc[t] == FLUSH;
		tlb[CPU] = 0;
		if
		:: hw[OTHER] != 0 ->
			if
			:: MM((hw[OTHER] - 1)) == MM(t) -> ipi[OTHER] = 1
			:: else
			fi
		:: else
		fi;
		pc[t] = FREE }
	:: d_step { pc[t] == FREE && ipi[OTHER] == 0; l3[ENTRY] = L3_FREE; lock[MM(t)] = 0; LEAVE }
	od
}

inline switch_to(t)
{
	d_step {
		cur[c] == 0 && on[t] == 0 && ops[t] != 0;
		cur[c] = t + 1; on[t] = c + 1;
		if
		:: hw[c] != t + 1 -> hw[c] = t + 1; tlb[c] = 0
		:: else
		fi
	}
}

inline walk(s)
{
	d_step {
		hw[c] != 0 && rep[(hw[c] - (hw[c] != 0)) * SLOTS + s] != 0 && (tlb[c] & (1 << s)) == 0;
		tlb[c] = tlb[c] | (1 << s)
	}
}

proctype cpu(byte c)
{
end:	do
	:: switch_to(0)
	:: switch_to(1)
	:: switch_to(2)
	:: d_step {
		cur[c] != 0 && pc[cur[c] - (cur[c] != 0)] == USER;
		on[cur[c] - 1] = 0; cur[c] = 0 }
	:: walk(0)
#if SLOTS > 1
	:: walk(1)
#endif
	:: d_step { ipi[c] != 0; ipi[c] = 0; tlb[c] = 0 }
	od
}

#define DANGLING(t, s) (rep[(t) * SLOTS + (s)] != 0 && l3[MM((t)) * SLOTS + (s)] != L3_LIVE)
#define STALE(c, s) ((tlb[c] & (1 << (s))) != 0 && l3[MM((hw[c] - 1)) * SLOTS + (s)] == L3_FREE)
#define BROKEN(s) (DANGLING(0, s) || DANGLING(1, s) || DANGLING(2, s) || STALE(0, s) || STALE(1, s))

proctype watch()
{
end:	do
	:: d_step { BROKEN(0) -> assert(false) }
#if SLOTS > 1
	:: d_step { BROKEN(1) -> assert(false) }
#endif
	od
}

init
{
	atomic { run thread(0); run thread(1); run thread(2); run cpu(0); run cpu(1); run watch() }
}
