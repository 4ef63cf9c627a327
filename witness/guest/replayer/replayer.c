/*
 * Plays hypercall scripts as a 64-bit PV guest, and prints what Xen answered: what experiments/replay/ compares with the twin.
 *
 * The module (of Xen's boot line) is text, as witness/replay-text.ts writes it: "script NAME PAGES", then an op a line, "VCPU OP
 * ARGUMENT...". Arguments are FRAME|FLAGS, an entry; =FRAME, its number; #HEX; &HEX, a
 * pointer to that value. Each op prints a line "@= ..."; Xen's own lines come before it.
 */
#include "replayer.h"

/* What vCPU 1 is to do; none where it is done. */
static const char *volatile order;
volatile int secondary_is_up;

static struct mmu_update updates[64 * MANY];
static struct mmuext_op extended[64 * MANY];
static u32 dones[64];
static u64 nr_updates, nr_extended, nr_dones;

/* Read a call: its hypercall's number and arguments. Returns where Xen writes how much was done, or NULL. */
static const u32 *read_call(const char *at, struct multicall_entry *call)
{
	char op = *at;
	u64 first, n;

	at = next(at);
	if (op == 'v') { /* VA ENTRY FLAGS [MASK] */
		call->op = __HYPERVISOR_update_va_mapping;
		call->args[0] = argument(&at);
		call->args[1] = argument(&at);
		call->args[2] = argument(&at);
		if (*at == '&')
			call->args[2] |= argument(&at);
		return 0;
	}
	/* DOMID then per request: PTR and OFFSET, VALUE; or COMMAND, ARG1, ARG2 */
	call->args[3] = argument(&at);
	first = op == 'm' ? nr_updates : nr_extended;
	for (n = 0; *at && *at != '\n'; n++) {
		if (op == 'm') {
			updates[nr_updates].ptr = argument(&at);
			updates[nr_updates++].val = argument(&at);
		} else {
			extended[nr_extended].cmd = argument(&at);
			extended[nr_extended].arg1 = argument(&at);
			extended[nr_extended++].arg2 = argument(&at);
		}
	}
	call->op = op == 'm' ? __HYPERVISOR_mmu_update : __HYPERVISOR_mmuext_op;
	call->args[0] = op == 'm' ? (u64)&updates[first] : (u64)&extended[first];
	call->args[1] = n;
	dones[nr_dones] = ~0U;
	call->args[2] = (u64)&dones[nr_dones];
	return &dones[nr_dones++];
}

/* `done`: the count that Xen wrote; NULL of a call that has none. */
static void put_rc(long rc, const u32 *done)
{
	put_decimal(rc);
	if (!done)
		return;
	put(" ");
	if (*done == ~0U)
		put("-");
	else
		put_decimal(*done);
}

static void multicall(const char *at)
{
	static struct multicall_entry calls[64];
	static const u32 *done[64]; /* a debug Xen leaves nothing of an entry but its result */
	u64 n = argument(&at), i;
	long rc;

	for (i = 0; i < n; i++) {
		while (*at++ != '\n')
			;
		done[i] = read_call(at, &calls[i]);
	}
	rc = hypercall(__HYPERVISOR_multicall, (u64)calls, n, 0, 0);
	put_decimal(rc);
	for (i = 0; i < n; i++) {
		put(";");
		put_rc(calls[i].result, done[i]);
	}
}

static void set_gdt(const char *at)
{
	u64 entries = argument(&at), frames[16], n = 0;

	while (*at && *at != '\n' && n < 16)
		frames[n++] = argument(&at);
	put_decimal(hypercall(__HYPERVISOR_set_gdt, (u64)frames, entries, 0, 0));
}

long mmuext(u32 cmd, u64 arg1, u64 arg2)
{
	struct mmuext_op op = { cmd, arg1, arg2 };

	return hypercall(__HYPERVISOR_mmuext_op, (u64)&op, 1, 0, DOMID_SELF);
}

static void access(char op, const char *at, int vcpu)
{
	u64 va = argument(&at), value, fault = 0, i;

	if (op < 'a') /* capital: what an access finds is to depend on the tables alone */
		mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
	op |= 0x20;
	if (op == 'w')
		fault = access_write(va, argument(&at));
	else
		fault = access_read(va, &value);
	if (fault) {
		u64 cr2 = *(volatile u64 *)(shared_page + vcpu * 64 + 16);

		put("fault ");
		put_decimal(fault >> 32);
		put(" 0x");
		put_hex(fault & 0xffffffff);
		put(" 0x");
		return put_hex(fault >> 32 == 14 ? cr2 : 0);
	}
	put("ok");
	if (op == 'r') {
		put(" ");
		put_entry(value);
	}
	for (i = 0; op == 'd' && i < 512; i++)
		if (!access_read(va + i * 8, &value) && value) {
			put(" ");
			put_decimal(i);
			put("=");
			put_entry(value);
		}
}

static void m2p(const char *at)
{
	u64 mfn = argument(&at), pfn = ~0UL;

	access_read((u64)&RO_MPT[mfn], &pfn);
	put("ok 0x");
	put_hex(pfn);
}

static void perform(const char *at, int vcpu)
{
	struct multicall_entry call;
	const u32 *done;
	char op = *at;
	const char *arguments = next(at);
	u64 target, l4;

	nr_updates = nr_extended = nr_dones = nr_pointed = 0;
	if (op == 'b')
		return back_to_base(vcpu);
	put("@= ");
	switch (op) {
	case 'v':
	case 'm':
	case 'x':
		done = read_call(at, &call);
		put_rc(hypercall(call.op, call.args[0], call.args[1], call.args[2], call.args[3]), done);
		break;
	case 'c':
		multicall(arguments);
		break;
	case 'g':
		set_gdt(arguments);
		break;
	case 'i':
		target = argument(&arguments);
		l4 = argument(&arguments);
		put_decimal(initialise(target, l4, argument(&arguments)));
		break;
	case 'p':
		m2p(arguments);
		break;
	case 'n':
		put("ok");
		break;
	default:
		access(op, arguments, vcpu);
	}
	end_line();
}

void secondary(void)
{
	secondary_is_up = 1;
	for (;;) {
		if (order) {
			perform(order, 1);
			order = 0;
		}
		asm volatile("pause");
	}
}

void on_vcpu(int vcpu, const char *at)
{
	if (vcpu == 0)
		return perform(at, 0);
	asm volatile("" ::: "memory");
	order = at;
	while (order)
		asm volatile("pause");
}

static void say_frame(const char *name, u64 n, u64 mfn)
{
	put("@@ frame ");
	put(name);
	put_decimal(n);
	put(" ");
	put_hex(mfn);
	end_line();
}

static void begin_script(const char *at)
{
	const char *name = next(at);

	at = next(name);
	pages = number(&at, 10);
	put("@@ reset ");
	end_line();
	if (!reset()) {
		say("@! the pages cannot be had back");
		leave();
	}
	put("@@ script ");
	put_word(name);
	end_line();
	for (u64 i = 0; i < pages; i++)
		say_frame("p", i, pool_mfn[i]);
	for (int i = 0; i < 4; i++)
		say_frame("base_l", 4 - i, base[i]);
	if (audited)
		say_frame("base1_l", 4, base1_l4);
}

void main(const struct start_info *info)
{
	const char *at, *end;

	begin(info);
	at = (const char *)info->mod_start;
	end = at + info->mod_len;
	while (at < end && *at) {
		if (*at == 's')
			begin_script(at);
		else if (*at == '0' || *at == '1')
			on_vcpu(*at - '0', at + 2);
		while (at < end && *at++ != '\n')
			;
	}
	say("\n@@ all");
	leave();
}
