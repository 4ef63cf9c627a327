/* Frames by the names that scripts have for them, and arguments made of these. */
#include "replayer.h"

u64 base[4], base1_l4, pool_mfn[POOL_PAGES], pages;
const u64 *base_table[4];

/* What arguments point to; each op takes them from the start. */
static u64 pointed[MANY];
u64 nr_pointed;

u64 va_to_mfn(const void *va)
{
	return p2m[((u64)va - VIRT_BASE) / PAGE];
}

u64 frame_of(u64 entry)
{
	return entry >> 12 & 0xffffffffffUL;
}

static int starts(const char *text, const char *with, const char **rest)
{
	while (*with)
		if (*text++ != *with++)
			return 0;
	*rest = text;
	return 1;
}

u64 number(const char **at, int radix)
{
	u64 n = 0;

	for (;; ++*at) {
		char c = **at;
		u64 digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;

		if (digit >= (u64)radix)
			return n;
		n = n * radix + digit;
	}
}

static u64 named(const char **at)
{
	const char *rest;

	if (starts(*at, "base_l", &rest)) {
		*at = rest + 1;
		return base['4' - *rest];
	}
	if (starts(*at, "base1_l4", at))
		return base1_l4;
	if (starts(*at, "none", at))
		return 0;
	if (starts(*at, "shared_info", at))
		return start->shared_info / PAGE;
	if (starts(*at, "free", at))
		return pool_mfn[FREE_PAGE];
	if (starts(*at, "kernel", at))
		return va_to_mfn(pointed);
	if (starts(*at, "xen:", at))
		return frame_of(base_table[0][number(at, 10)]);
	if (starts(*at, "raw:0x", at))
		return number(at, 16);
	if (starts(*at, "p", at))
		return pool_mfn[number(at, 10) % POOL_PAGES];
	put("@! no frame: ");
	say(*at);
	leave();
}

static int is_ours(u64 mfn)
{
	u64 pfn;

	return !access_read((u64)&RO_MPT[mfn], &pfn) && pfn < start->nr_pages && p2m[pfn] == mfn;
}

static void put_frame(u64 mfn)
{
	if (!mfn)
		return put("none");
	for (u64 i = 0; i < pages; i++)
		if (pool_mfn[i] == mfn) {
			put("p");
			return put_decimal(i);
		}
	for (int i = 0; i < 4; i++)
		if (base[i] == mfn) {
			put("base_l");
			return put_decimal(4 - i);
		}
	if (audited && mfn == base1_l4)
		return put("base1_l4");
	if (mfn == start->shared_info / PAGE)
		return put("shared_info");
	if (mfn == pool_mfn[FREE_PAGE])
		return put("free");
	for (int slot = 256; slot < 272; slot++)
		if (slot != 258 && frame_of(base_table[0][slot]) == mfn) {
			put("xen:");
			return put_decimal(slot);
		}
	if (is_ours(mfn))
		return put("kernel");
	put("raw:0x");
	put_hex(mfn);
}

void put_entry(u64 entry)
{
	put_frame(frame_of(entry));
	put("|0x");
	put_hex(entry & ~0x000ffffffffff000UL);
}

const char *next(const char *at)
{
	while (*at && *at != ' ' && *at != '\n')
		at++;
	return *at == ' ' ? at + 1 : at;
}

u64 argument(const char **at)
{
	const char *from = *at + (**at == '=' || **at == '#' || **at == '&');
	char kind = **at;
	u64 value = kind == '#' || kind == '&' ? number(&from, 16) : named(&from);

	if (kind == '&') {
		pointed[nr_pointed] = value;
		value = (u64)&pointed[nr_pointed++];
	} else if (*from == '|') {
		from++;
		value = value << 12 | number(&from, 16);
	}
	*at = next(from);
	return value;
}
