/* Lines on the console, by Xen: what is put is written when the line ends. */
#include "replayer.h"

static char line[1 << 15];
static u64 length;

void put(const char *text)
{
	while (*text && length < sizeof(line) - 1)
		line[length++] = *text++;
}

/* Up to a blank. */
void put_word(const char *text)
{
	while (*text != ' ' && length < sizeof(line) - 1)
		line[length++] = *text++;
}

void put_hex(u64 n)
{
	char digits[17], *at = digits + 16;

	*at = 0;
	do
		*--at = "0123456789abcdef"[n & 15];
	while (n >>= 4);
	put(at);
}

void put_decimal(long n)
{
	char digits[24], *at = digits + 23;
	u64 left = n < 0 ? -n : n;

	*at = 0;
	do
		*--at = '0' + left % 10;
	while (left /= 10);
	if (n < 0)
		put("-");
	put(at);
}

void end_line(void)
{
	put("\n");
	hypercall(__HYPERVISOR_console_io, 0, length, (u64)line, 0);
	length = 0;
}

void say(const char *text)
{
	put(text);
	end_line();
}

void __attribute__((noreturn)) leave(void)
{
	u32 reason = 0;

	hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (u64)&reason, 0, 0);
	for (;;)
		;
}

void __attribute__((noreturn)) died(u64 vector, u64 error, u64 rip)
{
	length = 0;
	put("@! stray fault ");
	put_decimal(vector);
	put(" error 0x");
	put_hex(error);
	put(" at 0x");
	put_hex(rip);
	end_line();
	leave();
}
